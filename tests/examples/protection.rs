//! qemu.d/10-vm-protection: list and call → veto or not. Does.

use crate::{Answer, Example, passes, refuses};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

fn protection() -> Example {
    Example::new("qemu.d/10-vm-protection")
}

fn stop(example: &Example, guest: &str) -> Answer {
    example.call(&[guest, "stop", "begin", "-"], "<domain/>")
}

fn veto(guest: &str) -> Answer {
    refuses(&format!(
        "vm-protection: guest '{guest}' is protected by ROOT/etc/hookmux/protected-domains: \
         to stop it, remove its line from that file"
    ))
}

fn cannot_tell(why: &str) -> Answer {
    refuses(&format!(
        "vm-protection: guest 'vm1' is not stopped: ROOT/etc/hookmux/protected-domains {why}; \
         fix it, or remove it if no guest is protected"
    ))
}

#[test]
fn a_guest_in_the_list_is_not_stopped_and_every_other_guest_is() {
    // (list, guest, whether it is protected)
    let cases: &[(&str, &str, bool)] = &[
        ("vm1\n", "vm1", true),
        ("", "vm1", false),
        ("vm1", "vm1", true),
        ("vm0\nvm1", "vm1", true),
        ("vm0\n\n\nvm1\nvm2\n", "vm1", true),
        ("vm0\nvm2\n", "vm1", false),
        // Exact: not a prefix, a suffix, a pattern, an expression, or another case.
        ("vm\n", "vm1", false),
        ("vm12\n", "vm1", false),
        ("m1\n", "vm1", false),
        ("VM1\n", "vm1", false),
        ("vm?\nvm*\n*\n[v]m1\nvm.\n.*\n", "vm1", false),
        ("vm*\n", "vm*", true),
        // Comments start at the beginning of a line.
        ("#vm1\n", "vm1", false),
        ("# vm1\n#\n", "vm1", false),
        ("vm1 # the shop\n", "vm1", false),
        ("#vm1\n", "#vm1", false),
        // Names are what libvirt allows: spaces, dashes, anything but a slash.
        ("mail server\n", "mail server", true),
        ("mail server\n", "mail", false),
        ("mail\nserver\n", "mail server", false),
        (" vm1\n", "vm1", false),
        (" vm1\n", " vm1", true),
        ("vm1 \n", "vm1", false),
        ("vm1 \n", "vm1 ", true),
        ("-n\n", "-n", true),
        ("--help\n", "--help", true),
        ("!\n", "!", true),
        ("(\n", "(", true),
        ("=\n", "=", true),
        ("..\n", "..", true),
        ("a\\b\n", "a\\b", true),
        ("a\\nb\n", "a\\nb", true),
        ("$(id)`id`$HOME\n", "$(id)`id`$HOME", true),
        ("it's \"quoted\"\n", "it's \"quoted\"", true),
        ("100%s\n", "100%s", true),
        ("tab\there\n", "tab\there", true),
        ("bücher—☂\u{81}\u{88}\n", "bücher—☂\u{81}\u{88}", true),
        // CRLF, from an editor on another system.
        ("vm0\r\nvm1\r\n", "vm1", true),
        ("vm0\r\nvm1", "vm1", true),
        ("vm1\r", "vm1", true),
        ("\r\n#vm1\r\n", "vm1", false),
    ];
    let seen: Vec<_> =
        cases.iter().map(|(list, guest, _)| stop(&protection().setting("protected-domains", list), guest)).collect();
    let wanted: Vec<_> = cases.iter().map(|(_, guest, kept)| if *kept { veto(guest) } else { passes() }).collect();
    assert_eq!(seen, wanted);
}

#[test]
fn a_name_that_is_not_utf8_is_compared_byte_by_byte() {
    let example = protection().setting("protected-domains", b"caf\xe9\n");
    let code = |name: &[u8]| {
        let args = [OsStr::from_bytes(name), OsStr::new("stop"), OsStr::new("begin"), OsStr::new("-")];
        example.command(&args).output().unwrap().status.code()
    };
    assert_eq!([code(b"caf\xe9"), code(b"caf\xe8"), code("café".as_bytes())], [Some(1), Some(0), Some(0)]);
}

#[test]
fn every_other_operation_passes_even_for_a_guest_in_the_list() {
    let example = protection().setting("protected-domains", "vm1\n");
    let operations =
        ["prepare", "start", "started", "stopped", "release", "migrate", "restore", "reconnect", "attach", ""];
    let seen = operations.map(|operation| example.call(&["vm1", operation, "begin", "-"], "<domain/>"));
    assert_eq!(seen, operations.map(|_| passes()));
    assert_eq!(example.call::<&str>(&[], ""), passes());
}

/// Tests the path that the example of the patch for `stop` uses.
#[test]
fn a_guest_in_libvirts_own_list_is_not_stopped_either() {
    let example = protection().setting("protected-domains", "vm2\n");
    fs::create_dir_all(example.path("etc/libvirt")).unwrap();
    fs::write(example.path("etc/libvirt/protected-domains"), "vm1\n").unwrap();
    let veto = |guest, list| {
        refuses(&format!(
            "vm-protection: guest '{guest}' is protected by ROOT/etc/{list}/protected-domains: \
             to stop it, remove its line from that file"
        ))
    };
    let seen = ["vm1", "vm2", "vm3"].map(|guest| stop(&example, guest));
    assert_eq!(seen, [veto("vm1", "libvirt"), veto("vm2", "hookmux"), passes()]);
}

#[test]
fn without_a_list_nothing_is_protected() {
    assert_eq!(stop(&protection(), "vm1"), passes());
}

#[test]
fn a_list_that_cannot_be_read_is_a_veto_with_the_reason() {
    let list = "etc/hookmux/protected-domains";
    let directory = protection();
    fs::create_dir(directory.path(list)).unwrap();
    let dangling = protection();
    symlink("/nowhere/at/all", dangling.path(list)).unwrap();
    let fifo = protection();
    nix::unistd::mkfifo(&fifo.path(list), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let closed = protection().setting("protected-domains", "vm2\n").called_by_ordinary_user();
    fs::set_permissions(closed.path(list), fs::Permissions::from_mode(0o000)).unwrap();

    let seen = [directory, dangling, fifo, closed].map(|example| stop(&example, "vm1"));
    let not_a_file = || cannot_tell("is not a regular file");
    let wanted = [not_a_file(), not_a_file(), not_a_file(), cannot_tell("cannot be read (permission denied)")];
    assert_eq!(seen, wanted);
}

#[test]
fn a_list_in_a_directory_that_may_not_be_searched_is_a_veto_too() {
    let example = protection().setting("protected-domains", "vm2\n").through(|script| {
        // The script itself is in that directory: the shell gets it as an open file.
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "exec 3<\"$0\" && chmod 600 \"${0%/*/*}\" && exec setpriv --reuid 65534 --regid 65534 \
                       --clear-groups --inh-caps=-all sh /dev/fd/3 \"$@\"",
        ]);
        command.arg(script);
        command
    });
    assert_eq!(stop(&example, "vm1"), cannot_tell("cannot be looked up (permission denied)"));
}

#[test]
fn it_needs_nothing_but_the_shell() {
    let example = protection().setting("protected-domains", "vm1\n").through(|script| {
        let mut command = Command::new(script);
        command.env("PATH", "/nonexistent");
        command
    });
    assert_eq!([stop(&example, "vm1"), stop(&example, "vm2")], [veto("vm1"), passes()]);
}

#[test]
fn without_a_root_in_the_environment_it_reads_from_etc() {
    // This test does not write the machine's own list: the shell prints which file it would read.
    let example = protection().through(|script| {
        let mut command = Command::new("sh");
        command.args(["-c", "unset HOOKMUX_ROOT; exec sh -x \"$0\" \"$@\" 2>&1"]).arg(script);
        command
    });
    let trace = stop(&example, "a guest that does not exist").stdout;
    for list in ["/etc/hookmux/protected-domains", "/etc/libvirt/protected-domains"] {
        assert!(trace.contains(&format!("list={list}\n")), "{trace}");
    }
}
