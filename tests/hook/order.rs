//! The scripts that run, their order, and those that do not run.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use support::builder::{Hooks, args, copy};

#[test]
fn all_four_directories_are_one_sequence_by_file_name() {
    let hooks = Hooks::new()
        .script("lib:qemu.d/10-lib", "")
        .script("run:qemu.d/20-run", "")
        .script("base:qemu.d/30-base", "")
        .script("qemu.d/25-etc", "")
        .script("qemu.d/A", "")
        .script("lib:qemu.d/9-late", "");
    hooks.call("qemu vm1 start begin -").is(0, ["10-lib", "20-run", "25-etc", "30-base", "9-late", "A"], "");
}

#[test]
fn a_name_in_an_earlier_directory_or_a_mask_hides_the_same_name_in_a_later_one() {
    let hooks = Hooks::new()
        .script("lib:qemu.d/10-a", "exit 1")
        .script("qemu.d/10-a", "")
        .script("lib:qemu.d/20-b", "exit 1")
        .link("qemu.d/20-b", "/dev/null")
        .script("lib:qemu.d/30-c", "exit 1")
        .file("run:qemu.d/30-c", 0o644, "")
        .script("lib:qemu.d/40-d", "");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a", "40-d"], "");
}

#[test]
fn a_drivers_scripts_are_its_own() {
    let hooks = Hooks::new().script("qemu.d/10-q", "").script("lxc.d/10-l", "").script("nbd.d/10-n", "");
    hooks.call("qemu vm1 start begin -").is(0, ["10-q"], "");
    hooks.call("lxc vm1 start begin -").is(0, ["10-l"], "");
    hooks.call("nbd vm1 start begin -").is(0, ["10-n"], "");
}

#[test]
fn a_guests_own_scripts_run_for_its_call_alone() {
    let hooks = Hooks::new()
        .script("qemu.d/50-all", "")
        .script("qemu.d/vm1/start/begin/40-vm1", "")
        .script("qemu.d/vm1/start/begin/60-vm1", "")
        .script("qemu.d/vm1/release/end", "")
        .script("qemu.d/vm2/start/begin/45-vm2", "")
        .script("qemu.d/web-*/start/begin/10-web", "")
        .script("lib:qemu.d/web-1/start/begin/20-web-1", "");
    hooks.call("qemu vm1 start begin -").is(0, ["40-vm1", "50-all", "60-vm1"], "");
    hooks.call("qemu vm1 release end destroyed").is(0, ["50-all", "end"], "");
    hooks.call("qemu vm1 started begin -").is(0, ["50-all"], "");
    hooks.call("qemu vm2 start begin -").is(0, ["45-vm2", "50-all"], "");
    hooks.call("qemu web-1 start begin -").is(0, ["10-web", "20-web-1", "50-all"], "");
    hooks.call("qemu web-10 start begin -").is(0, ["10-web", "50-all"], "");
    hooks.call("qemu vm1 start other -").is(0, ["50-all"], "");
}

#[test]
fn the_older_and_the_newer_name_of_an_operation_find_the_same_directory() {
    let hooks =
        Hooks::new().script("network.d/n1/port-created/begin", "").script("network.d/n1/unplugged/begin/10-old", "");
    for operation in ["port-created", "plugged"] {
        hooks.call(&format!("network n1 {operation} begin -")).is(0, ["begin"], "");
    }
    for operation in ["port-deleted", "unplugged"] {
        hooks.call(&format!("network n1 {operation} begin -")).is(0, ["10-old"], "");
    }
}

#[test]
fn a_guests_name_is_compared_and_never_a_path() {
    let hooks = Hooks::new()
        .script("qemu.d/10-all", "")
        .script("start/begin/20-up", "exit 1")
        .script("qemu.d/start/begin/30-here", "exit 1")
        .script("qemu.d/[ab]/start/begin/40-set", "")
        .script("qemu.d/a b/start/begin/50-space", "")
        .script("qemu.d/-x/start/begin/60-dash", "");
    let call = |guest: &[u8]| hooks.call_args(&args(&[b"qemu", guest, b"start", b"begin", b"-"]));
    let long = [b'x'; 4096];
    for guest in [&b".."[..], b".", b"*", b"", b"../qemu.d", b"vm1/start", b"/etc", &long, b"vm\xff", b"a\nb", b"["] {
        call(guest).is(0, ["10-all"], "");
    }
    call(b"a b").is(0, ["10-all", "50-space"], "");
    call(b"-x").is(0, ["10-all", "60-dash"], "");
    call(b"[ab]").is(0, ["10-all", "40-set"], "");
    call(b"b").is(0, ["10-all", "40-set"], "");
}

#[test]
fn an_operation_is_compared_and_never_a_path() {
    let hooks = Hooks::new().script("qemu.d/vm1/start/begin/10-a", "exit 1").script("qemu.d/20-all", "");
    for (operation, sub_operation) in
        [("..", "begin"), ("start/begin", "."), ("start", ".."), ("start", "../start/begin")]
    {
        let call = ["qemu", "vm1", operation, sub_operation, "-"].map(OsStr::new);
        hooks.call_args(&call).is(0, ["20-all"], "");
    }
}

#[test]
fn leftovers_and_files_that_are_not_scripts_are_skipped() {
    let mut hooks = Hooks::new().script("qemu.d/10-a", "");
    for leftover in ["10-a~", "10-a.bak", "10-a.orig", "10-a.rpmsave", "10-a.dpkg-old", ".10-a.swp", ".hidden"] {
        hooks = hooks.script(&format!("qemu.d/{leftover}"), "exit 1");
    }
    let fifo = hooks.path("qemu.d/40-fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o755)).unwrap();
    let hooks = hooks
        .file("qemu.d/README", 0o644, "Scripts go here.\n")
        .file("qemu.d/50-directory/10-x", 0o755, "#!/bin/sh\nexit 1\n")
        .link("qemu.d/60-dangling", "nowhere")
        .link("qemu.d/70-loop", "71-loop")
        .link("qemu.d/71-loop", "70-loop")
        .link("qemu.d/80-linked", "10-a");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a", "10-a"], "");
}

#[test]
fn a_directory_that_is_a_file_is_a_fault() {
    let hooks = Hooks::new().file("qemu.d", 0o644, "").script("lib:qemu.d/10-a", "");
    hooks.call("qemu vm1 start begin -").is_like(1, [], &["/etc/hookmux/qemu.d cannot be read: not a directory"]);
    hooks.call("qemu vm1 reconnect begin -").is(0, ["10-a"], "");
    hooks.call("qemu vm1 stopped end -").is_like(1, ["10-a"], &["cannot be read"]);
}

#[test]
fn links_are_followed_and_each_directory_on_the_path_is_checked() {
    let hooks = Hooks::new()
        .script("store/10-a", "")
        .link("qemu.d", "store")
        .script("store/vm1-of-old/start/begin/20-b", "")
        .link("store/vm1", "vm1-of-old");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a", "20-b"], "");
    let hooks = hooks.script("open/30-c", "").mode("open", 0o777).link("store/30-c", "../open/30-c");
    hooks.call("qemu vm1 start begin -").is_like(1, ["10-a", "20-b"], &["/etc/hookmux/open is writable by every user"]);
}

#[test]
fn a_script_whose_name_is_not_utf_8_runs_too() {
    let hooks = Hooks::new().script("qemu.d/10-a", "");
    let odd = hooks.path("qemu.d").join(OsStr::from_bytes(b"20-\xff"));
    copy(&hooks.path("qemu.d/10-a"), &odd);
    hooks.call("qemu vm1 start begin -").is(0, ["10-a", "10-a"], "");
}
