//! The binary needs only the kernel.

use std::fs;
use std::process::{Command, Stdio};

use support::builder::{copy, spawn};
use support::hook_program;

/// Needs root, for chroot, and a C compiler with a static C library for the script.
#[test]
fn it_runs_in_a_root_that_contains_only_it_and_a_static_script() {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    for directory in ["etc/libvirt/hooks", "etc/hookmux/qemu.d"] {
        fs::create_dir_all(at(directory)).unwrap();
    }
    copy(&hook_program(), &at("etc/libvirt/hooks/qemu"));
    let source = at("script.c");
    let text =
        "#include <unistd.h>\nint main(void) { char b[64]; ssize_t n = read(0, b, 64); write(2, b, n); return 7; }";
    fs::write(&source, text).unwrap();
    let script = at("etc/hookmux/qemu.d/10-a");
    let made = spawn(Command::new("cc").args(["-static", "-o"]).arg(&script).arg(&source)).wait().unwrap();
    assert!(made.success(), "cc -static: a C compiler and a static C library are needed (build-essential)");
    fs::remove_file(&source).unwrap();
    let mut hook = Command::new("chroot");
    hook.arg(root.path()).args(["/etc/libvirt/hooks/qemu", "vm1", "start", "begin", "-"]);
    let mut hook = spawn(hook.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    std::io::Write::write_all(&mut hook.stdin.take().unwrap(), b"<domain/>").unwrap();
    let seen = hook.wait_with_output().unwrap();
    let errors = String::from_utf8(seen.stderr).unwrap();
    let line = "hookmux: qemu start 'vm1' refused: /etc/hookmux/qemu.d/10-a exited 7\n<domain/>";
    assert_eq!((seen.status.code(), errors.as_str(), seen.stdout.as_slice()), (Some(7), line, &b""[..]));
}
