//! A failing `prepare` of a driver that makes no later call: hookmux releases what the scripts set up.

use support::builder::Hooks;

const DRIVERS: [&str; 2] = ["libxl", "bhyve"];

#[test]
fn scripts_of_a_failing_prepare_get_release_in_reverse_order() {
    for driver in DRIVERS {
        let script = |name: &str| format!("{driver}.d/{name}");
        let hooks = Hooks::new()
            .script(&script("10-a"), "echo \"$@\" >>\"$HOOKMUX_ROOT/10-a\"; cat >>\"$HOOKMUX_ROOT/10-a\"")
            .script(&script("20-b"), "[ $2 = release ] || exit 3")
            .script(&script("30-c"), "")
            .document("<domain/>\n");
        let failed = format!("hookmux: {driver} prepare 'vm1' refused: /etc/hookmux/{driver}.d/20-b exited 3\n");
        hooks.call(&format!("{driver} vm1 prepare begin -")).is(3, ["10-a", "20-b", "20-b", "10-a"], &failed);
        assert_eq!(hooks.text("10-a"), "vm1 prepare begin -\n<domain/>\nvm1 release end -\n<domain/>\n", "{driver}");
    }
}

#[test]
fn scripts_of_a_guest_are_for_one_operation_and_do_not_get_release() {
    let hooks = Hooks::new()
        .script("libxl.d/10-a", "")
        .script("libxl.d/vm1/prepare/begin/20-b", "")
        .script("libxl.d/30-c", "[ $2 != prepare ]");
    let seen = hooks.call("libxl vm1 prepare begin -");
    assert_eq!((seen.code, hooks.ran()), (Some(1), ["10-a", "20-b", "30-c", "30-c", "10-a"].map(Into::into).into()));
}

#[test]
fn a_script_that_cannot_release_is_named_too_and_rules_apply() {
    let hooks = Hooks::new()
        .script("libxl.d/10-a", "")
        .script("libxl.d/20-b", "echo $2 >&2; exit 4")
        .settings("[[rule]]\nscript = \"10-a\"\noperation = \"release\"\nrun = false\n");
    hooks.call("libxl vm1 prepare begin -").is(
        4,
        ["10-a", "20-b", "20-b"],
        "hookmux: libxl prepare 'vm1' refused: /etc/hookmux/libxl.d/20-b exited 4\nprepare\n\
         hookmux: libxl release 'vm1' failed: /etc/hookmux/libxl.d/20-b exited 4\nrelease\n",
    );
}

#[test]
fn a_prepare_that_succeeds_or_that_qemu_releases_itself_is_not_undone() {
    let hooks = Hooks::new().script("libxl.d/10-a", "").script("qemu.d/10-a", "exit 1");
    hooks.call("libxl vm1 prepare begin -").is(0, ["10-a"], "");
    hooks.call("qemu vm1 prepare begin -").is(
        1,
        ["10-a"],
        "hookmux: qemu prepare 'vm1' refused: /etc/hookmux/qemu.d/10-a exited 1\n",
    );
}
