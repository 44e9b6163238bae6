//! Scripts that change or misuse their descriptors.

use support::builder::{HANG, Hooks};

const LIMIT: &str = "kill-after = '200ms'\n[[rule]]\ntimeout = '500ms'\n";

#[test]
fn a_script_that_closes_its_descriptors_is_waited_for() {
    let hooks = Hooks::new().script("qemu.d/10-a", "exec <&- >&- 2>&-; sleep 0.3; exit 3");
    hooks.call("qemu vm1 start begin -").is_like(3, ["10-a"], &["exited 3\n"]).within(HANG);
}

#[test]
fn a_filter_that_closes_its_output_changes_nothing() {
    let hooks = Hooks::new().script("qemu.d/10-a", "exec >&-; cat >/dev/null; exit 0");
    hooks.call("qemu vm1 migrate begin -").is(0, ["10-a"], "").prints("");
}

#[test]
fn output_on_a_duplicated_descriptor_of_a_filter_is_read() {
    let hooks = Hooks::new().script("qemu.d/10-a", "exec 5>&1 1>&2; echo words; sed s/vm1/vm1/ >&5; exit 0");
    hooks.call("qemu vm1 migrate begin -").is(0, ["10-a"], "").prints("");
    let hooks = Hooks::new().script("qemu.d/10-a", "exec 5>&1 1>&2; echo words; echo more; cat >/dev/null; exit 3");
    hooks.call("qemu vm1 migrate begin -").is_like(3, ["10-a"], &["exited 3\nwords\nmore\n"]).prints("");
}

#[test]
fn a_script_with_stderr_redirected_to_stdout_refuses_without_a_message() {
    let hooks = Hooks::new().script("qemu.d/10-a", "exec 2>&1; echo words; exit 3");
    hooks.call("qemu vm1 start begin -").is(
        3,
        ["10-a"],
        "hookmux: qemu start 'vm1' refused: /etc/hookmux/qemu.d/10-a exited 3\n",
    );
}

/// Makes several calls, because the script must win a race against hookmux.
#[test]
fn a_script_that_reads_its_own_output_cannot_block_hookmux() {
    let hooks = Hooks::new().settings(LIMIT).program("qemu.d/10-a=steal");
    let calls: Vec<_> = (0..10).map(|_| crate::waiting::start_call(&hooks, "qemu vm1 start begin -")).collect();
    for mut call in calls {
        let ended = crate::waiting::becomes_true(|| call.try_wait().unwrap().is_some());
        let _ = call.kill();
        assert_eq!((ended, call.wait().unwrap().code()), (true, Some(1)));
    }
}

#[test]
fn a_script_that_makes_its_output_non_blocking_does_not_affect_hookmux() {
    let body = "perl -e 'use Fcntl; fcntl(STDERR, F_SETFL, fcntl(STDERR, F_GETFL, 0) | O_NONBLOCK)'; sleep 0.1; echo words >&2; exit 3";
    let hooks = Hooks::new().script("qemu.d/10-a", body);
    hooks.call("qemu vm1 start begin -").is_like(3, ["10-a"], &["exited 3\nwords\n"]).within(HANG);
}

#[test]
fn a_filter_that_enlarges_its_pipe_and_ends_loses_no_output() {
    // F_SETPIPE_SZ; then all of it at once, while a child keeps the pipe open.
    let body = "sleep 60 & echo $! >$HOOKMUX_ROOT/background
        perl -e 'fcntl(STDOUT, 1031, 1 << 20) or die; local $/; $_ = <STDIN>; s/old/new/; syswrite(STDOUT, $_)'";
    let pad = "x".repeat(900_000);
    let document = |text: &str| format!("<domain type='qemu'><name>vm1</name><title>{text}{pad}</title></domain>\n");
    let hooks = Hooks::new().script("qemu.d/10-a", body).document(document("old"));
    let seen = hooks.call("qemu vm1 migrate begin -");
    seen.is(0, ["10-a"], "").within(HANG);
    assert!(seen.out == document("new").into_bytes(), "{} bytes", seen.out.len());
}

#[test]
fn a_child_that_writes_after_its_script_has_ended_gets_a_broken_pipe() {
    let body = "(sleep 0.3; trap '' PIPE; echo late >&2 || echo broken >$HOOKMUX_ROOT/late) 2>&2 & exit 3";
    let hooks = Hooks::new().script("qemu.d/10-a", body);
    hooks.call("qemu vm1 start begin -").is_like(3, ["10-a"], &["exited 3\n"]).within(HANG);
    assert!(crate::waiting::becomes_true(|| hooks.root().join("late").exists()));
}

#[test]
fn a_script_that_fills_stderr_and_hangs_is_ended_and_its_last_output_is_shown() {
    let hooks = Hooks::new()
        .settings(LIMIT)
        .script("qemu.d/10-a", "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo last >&2; sleep 60");
    let seen = hooks.call("qemu vm1 start begin -");
    seen.is_like(1, ["10-a"], &["10-a timed out after 500 ms\nxxx", "xxxlast\n"]).within(HANG);
}

#[test]
fn a_filter_that_writes_half_a_document_and_hangs_yields_none() {
    let hooks = Hooks::new().settings(LIMIT).script("qemu.d/10-a", "head -c 20; sleep 60").script("qemu.d/20-b", "cat");
    hooks.call("qemu vm1 migrate begin -").is_like(1, ["10-a"], &["timed out"]).prints("").within(HANG);
}

#[test]
fn a_filter_that_is_killed_in_the_middle_of_its_document_yields_none() {
    let hooks = Hooks::new().script("qemu.d/10-a", "head -c 20; kill -KILL $$").script("qemu.d/20-b", "cat");
    hooks.call("qemu vm1 restore begin -").is_like(137, ["10-a"], &["killed by SIGKILL"]).prints("");
}

#[test]
fn a_filter_whose_failure_is_ignored_changes_nothing() {
    let rule = "[[rule]]\nscript = '10-a'\non-failure = 'ignore'\n";
    let hooks = Hooks::new().settings(rule).script("qemu.d/10-a", "head -c 20; exit 3").script("qemu.d/20-b", "cat");
    hooks.call("qemu vm1 migrate begin -").is(0, ["10-a", "20-b"], "").prints("");
}

#[test]
fn a_filter_that_does_not_read_a_long_document_does_not_block_the_call() {
    let document = format!("<domain type='qemu'><name>vm1</name><title>{}</title></domain>\n", "x".repeat(4 << 20));
    let hooks =
        Hooks::new().script("qemu.d/10-a", "exit 0").script("qemu.d/20-b", "exec <&-; exit 0").document(document);
    hooks.call("qemu vm1 migrate begin -").is(0, ["10-a", "20-b"], "").prints("").within(HANG);
}

#[test]
fn a_script_that_writes_byte_by_byte_is_read_like_any_other() {
    let hooks = Hooks::new().script("qemu.d/10-a", "perl -e 'syswrite(STDERR, \"y\") for 1..20000'; exit 3");
    let seen = hooks.call("qemu vm1 start begin -");
    seen.is_like(3, ["10-a"], &["exited 3\n"]).within(HANG);
    assert!(seen.err.ends_with(&"y".repeat(16 << 10)), "{} bytes", seen.err.len());
}
