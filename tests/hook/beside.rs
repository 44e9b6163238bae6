//! hookmux linked in libvirt's own directory, with or without the hook of another program beside it.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use support::builder::{Hooks, Seen, copy};
use support::{binary, hook_program};

/// Makes a host whose main hook of qemu is not hookmux, with a link to hookmux of that name in `qemu.d`.
fn beside(name: &str) -> Hooks {
    let hooks = Hooks::new();
    fs::remove_file(hooks.path("base:qemu")).unwrap();
    hooks.link(&format!("base:qemu.d/{name}"), hook_program())
}

/// Calls the link as libvirt does, by its full path.
fn call(hooks: &Hooks, name: &str, args: &str) -> Seen {
    let mut command = Command::new(hooks.path("base:qemu.d").join(name));
    command.args(args.split(' '));
    hooks.as_libvirt(&mut command);
    hooks.see(command)
}

#[test]
fn a_link_of_any_name_runs_hookmuxs_directories_and_nothing_of_libvirts() {
    for name in ["hookmux", "00-hookmux", "hookmux-guest", "qemu", "list"] {
        let hooks = beside(name)
            .script("base:qemu.d/05-libvirts", "exit 9")
            .script("qemu.d/10-a", "")
            .script("run:qemu.d/20-b", "")
            .script("lib:qemu.d/30-c", "")
            .script("qemu.d/vm1/start/begin/15-guest", "");
        call(&hooks, name, "vm1 start begin -").is(0, ["10-a", "15-guest", "20-b", "30-c"], "");
    }
}

#[test]
fn a_veto_and_a_filter_work_beside_another_hook() {
    let hooks = beside("00-hookmux").script("qemu.d/10-a", "echo no >&2; exit 3");
    let refused = "hookmux: qemu start 'vm1' refused: /etc/hookmux/qemu.d/10-a exited 3\nno\n";
    call(&hooks, "00-hookmux", "vm1 start begin -").is(3, ["10-a"], refused);
    let hooks = beside("00-hookmux").script("qemu.d/10-a", "sed s/one/two/");
    let filtered = support::builder::domain("qemu", "two");
    call(&hooks, "00-hookmux", "vm1 migrate begin -").is(0, ["10-a"], "").prints(filtered);
}

#[test]
fn a_guest_named_like_a_command_never_reaches_the_command_line() {
    for name in ["hookmux", "00-hookmux"] {
        let hooks = beside(name).script("qemu.d/10-a", "");
        for guest in ["list", "install", "--help", "--version", "uninstall"] {
            call(&hooks, name, &format!("{guest} start begin -")).is(0, ["10-a"], "").prints("");
        }
    }
}

#[test]
fn guest_directories_below_libvirts_own_belong_to_the_main_hook_if_it_exists() {
    let hooks = beside("00-hookmux").script("base:qemu.d/vm1/start/begin/10-a", "").script("qemu.d/20-b", "");
    call(&hooks, "00-hookmux", "vm1 start begin -").is(0, ["10-a", "20-b"], "");
    let hooks = hooks.file("base:qemu", 0o755, "#!/bin/sh\n");
    call(&hooks, "00-hookmux", "vm1 start begin -").is(0, ["20-b"], "");
    // Without an execute bit, libvirt does not call it.
    let hooks = hooks.mode("base:qemu", 0o644);
    call(&hooks, "00-hookmux", "vm1 start begin -").is(0, ["10-a", "20-b"], "");
}

#[test]
fn a_link_does_nothing_where_the_main_hook_or_an_earlier_link_is_hookmux() {
    let hooks = beside("00-hookmux").link("base:qemu.d/hookmux", binary()).script("qemu.d/10-a", "");
    call(&hooks, "00-hookmux", "vm1 start begin -").is(0, ["10-a"], "");
    call(&hooks, "hookmux", "vm1 start begin -").is(0, [], "");
    symlink(binary(), hooks.path("base:qemu")).unwrap();
    call(&hooks, "00-hookmux", "vm1 start begin -").is(0, [], "");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a"], "");
    fs::remove_file(hooks.path("base:qemu")).unwrap();
    copy(&hook_program(), &hooks.path("base:qemu"));
    call(&hooks, "00-hookmux", "vm1 start begin -").is(0, [], "");
}

#[test]
fn a_name_that_libvirt_runs_hides_the_same_name_in_our_directories() {
    let hooks = beside("00-hookmux").script("base:qemu.d/10-a", "").script("qemu.d/10-a", "").script("qemu.d/20-b", "");
    call(&hooks, "00-hookmux", "vm1 start begin -").is(0, ["20-b"], "");
}

#[test]
fn a_link_to_hookmux_in_its_own_directory_does_not_run_itself() {
    let hooks = Hooks::new().link("qemu.d/00-hookmux", binary()).script("qemu.d/10-a", "");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a"], "");
    let mut command = Command::new(hooks.path("qemu.d/00-hookmux"));
    command.args(["vm1", "start", "begin", "-"]);
    hooks.as_libvirt(&mut command);
    hooks.see(command).is(0, [], "");
}

#[test]
fn a_call_without_an_operation_is_a_usage_error_and_not_a_command() {
    let hooks = beside("hookmux").script("qemu.d/10-a", "");
    call(&hooks, "hookmux", "list").is_like(2, [], &["hookmux: qemu was called without an operation"]);
}
