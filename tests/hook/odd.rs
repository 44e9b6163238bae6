//! Odd input, which must not hang, panic or count as a success.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use support::builder::{HANG, Hooks, args, domain, hook, spawn};

fn through_shell(hooks: &Hooks, shell: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    hooks.as_libvirt(&mut command);
    command.args(["-c", shell, "sh"]).args(hook(hooks, "qemu vm1 migrate begin -"));
    command
}

#[test]
fn a_call_without_an_operation_runs_nothing_and_prints_how_to_make_one() {
    let hooks = Hooks::new().script("qemu.d/10-a", "").script("fsfreeze-hook.d/10-a", "");
    for call in [&["qemu"][..], &["qemu", "vm1"], &["fsfreeze-hook"]] {
        let call: Vec<&OsStr> = call.iter().map(OsStr::new).collect();
        hooks.call_args(&call).is_like(2, [], &["was called without an operation", "hookmux run "]);
    }
}

#[test]
fn arguments_of_any_bytes_and_number_are_passed_on() {
    let hooks = Hooks::new().script("qemu.d/10-a", "printf '%s|' \"$@\" >$HOOKMUX_ROOT/args");
    hooks.call_args(&args(&[b"qemu", b"vm\xff\n", b"start", b"", b"-", b"6", b"7"])).is(0, ["10-a"], "");
    let read = std::fs::read(hooks.root().join("args")).unwrap();
    assert_eq!(read, b"vm\xff\n|start||-|6|7|");
}

#[test]
fn a_message_about_an_odd_name_is_still_one_line() {
    let hooks = Hooks::new().script("qemu.d/10-a", "exit 1");
    let call = args(&[b"qemu", b"vm\xff\n\x1b[31m", b"start", b"begin", b"-"]);
    let line = "hookmux: qemu start 'vm\\xff\\n\\u{1b}[31m' refused: /etc/hookmux/qemu.d/10-a exited 1\n";
    hooks.call_args(&call).is(1, ["10-a"], line);
}

#[test]
fn closed_descriptors_do_not_stop_a_call() {
    let hooks = Hooks::new().script(
        "qemu.d/10-a",
        "tee $HOOKMUX_ROOT/read | sed s/one/two/; [ -s $HOOKMUX_ROOT/read ] || cat $HOOKMUX_ROOT/etc/hookmux/new",
    );
    let hooks = hooks.file("new", 0o644, domain("qemu", "two"));
    hooks.see(through_shell(&hooks, "exec \"$@\" <&-")).is(0, ["10-a"], "").prints(domain("qemu", "two"));
    assert_eq!(hooks.text("read"), "");
    hooks.see(through_shell(&hooks, "exec \"$@\" 2>&-")).is(0, ["10-a"], "").prints(domain("qemu", "two"));
    hooks.see(through_shell(&hooks, "exec \"$@\" >&-")).is(0, ["10-a"], "").prints("");
    hooks.see(through_shell(&hooks, "exec \"$@\" <&- >&- 2>&-")).is(0, ["10-a"], "").prints("");
}

#[test]
fn xml_that_cannot_be_written_is_a_failure() {
    let hooks = Hooks::new().script("qemu.d/10-a", "sed s/one/two/");
    hooks.see(through_shell(&hooks, "exec \"$@\" >/dev/full")).is_like(
        1,
        ["10-a"],
        &["hookmux: the filtered XML could not be written: No space left on device"],
    );
    let hooks = Hooks::new().script("qemu.d/10-a", "cat $HOOKMUX_ROOT/etc/hookmux/new");
    let hooks = hooks.file("new", 0o644, domain("qemu", "two"));
    let mut command = hooks.command(&["qemu", "vm1", "migrate", "begin", "-"].map(OsStr::new));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::null());
    assert_eq!(spawn(&mut command).wait().unwrap().code(), Some(1));
}

#[test]
fn unreadable_input_fails_only_the_calls_that_can_be_aborted() {
    let hooks = Hooks::new().script("qemu.d/10-a", "");
    let shell = "h=$1; shift; exec \"$h\" vm1 OPERATION begin - </";
    let call = |operation: &str| hooks.see(through_shell(&hooks, &shell.replace("OPERATION", operation)));
    call("start").is_like(1, [], &["hookmux: qemu start 'vm1' failed: before any script could run: Is a directory"]);
    call("reconnect").is(0, [], "");
}

#[test]
fn sixteen_mib_of_xml_reach_a_script_or_are_left_unread() {
    let hooks = Hooks::new()
        .script("qemu.d/10-a", "wc -c >$HOOKMUX_ROOT/read")
        .script("qemu.d/20-b", "exit 0")
        .document(vec![b'x'; 16 << 20]);
    hooks.call("qemu vm1 start begin -").is(0, ["10-a", "20-b"], "").within(HANG);
    assert_eq!(hooks.text("read").trim(), (16 << 20).to_string());
    Hooks::new().document(vec![b'x'; 16 << 20]).call("qemu vm1 start begin -").is(0, [], "").within(HANG);
}

#[test]
fn a_document_above_the_size_limit_is_a_fault() {
    let hooks = Hooks::new().script("qemu.d/10-a", "").document(vec![b'x'; (64 << 20) + 1]);
    hooks.call("qemu vm1 start begin -").is_like(1, [], &["File too large"]).within(HANG);
}

#[test]
fn two_hundred_calls_at_once_all_get_their_exit_codes() {
    let hooks = Hooks::new().script("qemu.d/10-a", "cat >/dev/null; exit 3");
    let call = ["qemu", "vm1", "start", "begin", "-"].map(OsStr::new);
    let children: Vec<_> =
        (0..200).map(|_| spawn(hooks.command(&call).stdin(Stdio::null()).stderr(Stdio::null()))).collect();
    let codes: Vec<_> = children.into_iter().map(|mut child| child.wait().unwrap().code()).collect();
    assert_eq!((codes, hooks.ran().len()), (vec![Some(3); 200], 200));
}

#[test]
fn an_unknown_hook_name_counts_as_a_driver_of_a_later_libvirt() {
    let hooks = Hooks::new().script("nbd.d/10-a", "exit 3");
    hooks.call("nbd x begin - -").is(3, ["10-a"], "hookmux: nbd begin 'x' refused: /etc/hookmux/nbd.d/10-a exited 3\n");
}

#[test]
fn a_script_that_is_deleted_before_its_turn_is_a_fault() {
    let hooks = Hooks::new().script("qemu.d/10-a", "rm \"${0%/*}/20-b\"").script("qemu.d/20-b", "");
    hooks.call("qemu vm1 start begin -").is_like(1, ["10-a"], &["20-b could not be started: it was deleted"]);
}
