//! `status`: what is installed, and which calls are running.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::builder::spawn;

use crate::root::{PROGRAM, YES, hookmux, root, verbatim};

#[test]
fn a_running_call_is_shown_with_its_script_and_process() {
    for hook in ["qemu", "qemu.d/50-any-name"] {
        assert_running_call_is_shown(hook);
    }
}

/// Fails unless `status` shows a running call of a link to hookmux at that path.
fn assert_running_call_is_shown(link: &str) {
    let root = root(&[
        ("etc/hookmux/qemu.d/10-a", "#!/bin/sh\necho $$ >$HOOKMUX_ROOT/pid\nsleep 60\n"),
        ("var/log/hookmux/keep", ""),
    ]);
    let hook = root.path().join("etc/libvirt/hooks").join(link);
    let idle = "settings: valid, 0 rules\nno hookmux hook is installed\nno call is running\n";
    assert_eq!(hookmux(root.path(), "status --root ROOT"), (Some(0), idle.into(), String::new()));
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::create_dir_all(root.path().join("usr/bin")).unwrap();
    fs::copy(support::binary(), root.path().join("usr/bin/hookmux")).unwrap();
    symlink("../".repeat(3 + link.matches('/').count()) + "usr/bin/hookmux", &hook).unwrap();
    // libvirt's own script beside it, which libvirt runs itself.
    let theirs = root.path().join("etc/libvirt/hooks/qemu.d/10-theirs");
    fs::create_dir_all(theirs.parent().unwrap()).unwrap();
    fs::copy("/bin/sleep", &theirs).unwrap();
    let mut other = spawn(Command::new(&theirs).arg("60"));
    let mut command = Command::new(&hook);
    command.args(["vm1", "start", "begin", "-"]).env("HOOKMUX_ROOT", root.path()).stdin(Stdio::null());
    let mut call = spawn(command.stderr(Stdio::null()));
    let begin = Instant::now();
    let pid = loop {
        let pid = fs::read_to_string(root.path().join("pid")).unwrap_or_default();
        if pid.ends_with('\n') {
            break pid.trim().parse::<u32>().unwrap();
        }
        assert!(begin.elapsed() < Duration::from_mins(1), "the script does not start");
        std::thread::sleep(Duration::from_millis(20));
    };
    let (code, out, _) = verbatim(root.path(), "ps --root ROOT --json");
    let status: Value = serde_json::from_str(&out).unwrap();
    let running = &status["running"];
    let seen =
        (&running[0]["call"], &running[0]["pid"], &running[0]["scripts"][0]["pid"], running.as_array().unwrap().len());
    let expected = (Value::from("qemu start 'vm1'"), Value::from(call.id()), Value::from(pid));
    let script = running[0]["scripts"][0]["path"].as_str().unwrap().to_owned();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(call.id().cast_signed()), nix::sys::signal::Signal::SIGTERM)
        .unwrap();
    call.wait().unwrap();
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!((code, seen), (Some(0), (&expected.0, &expected.1, &expected.2, 1)), "{out}");
    assert!(script.ends_with("/etc/hookmux/qemu.d/10-a"), "{script}");
    let (_, out, _) = hookmux(root.path(), "status --root ROOT");
    assert!(
        out.contains(&format!("hook: /etc/libvirt/hooks/{link}\n")) && out.ends_with("no call is running\n"),
        "{out}"
    );
    assert!(
        out.contains("\nno libvirt daemon is running\nfailed: 20") && out.contains(" qemu start 'vm1': 10-a SIGTERM\n"),
        "{out}"
    );
}

#[test]
fn another_programs_hook_is_shown_unless_hookmux_is_beside_it() {
    let root = root(&[
        ("usr/bin/hookmux-hook", PROGRAM),
        ("etc/libvirt/hooks/qemu", YES),
        ("etc/libvirt/hooks/lxc", YES),
        ("etc/hookmux/hookmux.toml", "[[rule]]\nscript = '10-a'\nrun = false\n"),
    ]);
    hookmux(root.path(), "install lxc --root ROOT");
    let expected = "settings: valid, 1 rule\nhook: /etc/libvirt/hooks/lxc.d/00-hookmux\n\
        another program's hook: /etc/libvirt/hooks/qemu (hookmux is not installed beside it)\nno libvirt daemon is running\nno call is running\n";
    assert_eq!(hookmux(root.path(), "status --root ROOT"), (Some(0), expected.into(), String::new()));
}
