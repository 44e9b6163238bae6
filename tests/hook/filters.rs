//! A chain of filters: migrate and restore.

use crate::builder::{HANG, Hooks};

const CALLS: [&str; 3] = ["qemu vm1 migrate begin -", "qemu vm1 restore begin -", "libxl vm1 migrate begin -"];

fn driver(call: &str) -> &str {
    call.split(' ').next().unwrap()
}

#[test]
fn each_filter_reads_what_the_previous_one_wrote() {
    for call in CALLS {
        let d = driver(call);
        let hooks = Hooks::new()
            .script(&format!("{d}.d/10-a"), "sed s/one/two/")
            .script(&format!("{d}.d/20-b"), "grep -q two && echo not-the-document >/dev/null")
            .script(&format!("{d}.d/30-c"), "sed s/two/three/; echo words >&2")
            .document("<domain>one</domain>\n");
        hooks.call(call).is(0, ["10-a", "20-b", "30-c"], "").prints("<domain>three</domain>\n");
    }
}

#[test]
fn a_result_that_is_the_input_prints_nothing_so_that_libvirt_keeps_its_own() {
    for body in ["cat", "true", "cat >/dev/null; printf '\\n \\n'"] {
        let hooks = Hooks::new().script("qemu.d/10-a", body);
        hooks.call("qemu vm1 migrate begin -").is(0, ["10-a"], "").prints("");
    }
    let hooks = Hooks::new().script("qemu.d/10-a", "sed s/vm1/vm2/").script("qemu.d/20-b", "sed s/vm2/vm1/");
    hooks.call("qemu vm1 migrate begin -").is(0, ["10-a", "20-b"], "").prints("");
}

#[test]
fn a_failing_filter_means_no_xml_at_all() {
    for call in CALLS {
        let d = driver(call);
        let hooks = Hooks::new()
            .script(&format!("{d}.d/10-a"), "sed s/vm1/vm2/")
            .script(&format!("{d}.d/20-b"), "cat; exit 3")
            .script(&format!("{d}.d/30-c"), "cat");
        hooks.call(call).is_like(3, ["10-a", "20-b"], &["exited 3"]).prints("");
    }
}

#[test]
fn what_other_calls_print_is_dropped() {
    let hooks = Hooks::new().script("qemu.d/10-a", "echo '<domain/>'");
    for operation in ["prepare begin -", "start begin -", "reconnect begin -", "stopped end -", "snapshot begin -"] {
        hooks.call(&format!("qemu vm1 {operation}")).is(0, ["10-a"], "").prints("");
    }
}

#[test]
fn a_filter_with_nothing_to_read_may_still_write() {
    let hooks = Hooks::new().script("libxl.d/10-a", "cat; echo '<domain/>'").document("");
    hooks.call("libxl vm1 migrate begin -").is(0, ["10-a"], "").prints("<domain/>\n");
}

#[test]
fn a_filter_that_never_ends_its_output_is_a_fault_and_bounded() {
    let hooks = Hooks::new().script("qemu.d/10-a", "head -c 104857600 /dev/zero");
    hooks
        .call("qemu vm1 migrate begin -")
        .is(
            1,
            ["10-a"],
            "hookmux: qemu migrate 'vm1' failed: /etc/hookmux/qemu.d/10-a wrote a longer document than a filter may\n",
        )
        .prints("")
        .within(HANG);
}

#[test]
fn large_documents_go_through_whole() {
    let document = format!("<domain>{}</domain>\n", "<metadata/>".repeat(1_500_000));
    let hooks = Hooks::new().script("qemu.d/10-a", "sed 1s/domain/Domain/").document(document.clone());
    let seen = hooks.call("qemu vm1 migrate begin -");
    seen.is(0, ["10-a"], "");
    assert!(seen.out == document.replacen("domain", "Domain", 1).into_bytes(), "{} bytes", seen.out.len());
}

#[test]
fn a_filters_last_bytes_are_not_lost_when_it_ends_and_a_child_holds_the_pipe() {
    let hooks = Hooks::new()
        .script("qemu.d/10-a", "sleep 60 & echo $! >$HOOKMUX_ROOT/background; head -c 60000 /dev/zero | tr '\\0' x")
        .document("");
    let seen = hooks.call("qemu vm1 migrate begin -");
    seen.is(0, ["10-a"], "").within(HANG);
    assert_eq!(seen.out.len(), 60_000);
}
