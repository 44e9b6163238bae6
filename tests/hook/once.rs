//! Each script runs exactly once: hookmux leaves scripts to a libvirt whose release runs them itself.

use support::builder::{Hooks, Seen, hook, stand_in};

/// Makes a script in libvirt's own directory, one in a guest's directory below it, and one in hookmux's directory.
fn hooks() -> Hooks {
    Hooks::new()
        .script("base:qemu.d/10-own", "")
        .script("base:qemu.d/vm1/start/begin/20-guests", "")
        .script("qemu.d/30-ours", "echo \"$HOOKMUX_DAEMON\" >$HOOKMUX_ROOT/daemon")
}

fn called_by(hooks: &Hooks, daemon: &str, release: Option<&str>) -> Seen {
    let mut command = stand_in(hooks, daemon, release);
    command.args(hook(hooks, "qemu vm1 start begin -"));
    hooks.see(command)
}

#[test]
fn libvirt_since_6_5_0_runs_its_own_directory_itself() {
    for (daemon, release) in [("libvirtd", "6005"), ("libvirtd", "9000"), ("virtqemud", "12008")] {
        let hooks = hooks();
        called_by(&hooks, daemon, Some(release)).is(0, ["20-guests", "30-ours"], "");
        assert_eq!(hooks.text("daemon").trim(), daemon);
    }
}

#[test]
fn hookmux_runs_libvirts_directory_for_an_older_libvirt() {
    for release in ["6000", "6004", "5010"] {
        called_by(&hooks(), "libvirtd", Some(release)).is(0, ["10-own", "20-guests", "30-ours"], "");
    }
}

#[test]
fn a_libvirt_daemon_of_unknown_release_counts_as_one_that_runs_its_directory() {
    called_by(&hooks(), "libvirtd", None).is(0, ["20-guests", "30-ours"], "");
}

#[test]
fn hookmux_runs_libvirts_directory_for_any_other_caller() {
    let hooks = hooks();
    called_by(&hooks, "some-daemon", Some("9000")).is(0, ["10-own", "20-guests", "30-ours"], "");
    assert_eq!(hooks.text("daemon").trim(), "-");
}

#[test]
fn a_daemon_that_calls_through_a_shell_is_recognised() {
    let hooks = hooks();
    let mut command = stand_in(&hooks, "libvirtd", Some("9000"));
    command.args(["/bin/sh", "-c", "\"$@\"; exit $?", "sh"]).args(hook(&hooks, "qemu vm1 start begin -"));
    hooks.see(command).is(0, ["20-guests", "30-ours"], "");
}

#[test]
fn a_script_that_libvirt_runs_itself_hides_ours_and_is_not_checked() {
    let hooks = hooks().script("qemu.d/10-own", "exit 1").mode("base:qemu.d/10-own", 0o777);
    called_by(&hooks, "libvirtd", Some("9000")).is(0, ["20-guests", "30-ours"], "");
}

#[test]
fn the_guest_agent_runs_nothing_itself() {
    let hooks = Hooks::new().script("agent:fsfreeze-hook.d/10-own", "").script("fsfreeze-hook.d/20-ours", "");
    hooks.call("fsfreeze-hook freeze").is(0, ["10-own", "20-ours"], "");
}
