//! The package's logrotate file, with the real logrotate.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::namespaces::{Hooks, needs};

/// Rotates the log of these hooks with the package's file.
fn rotate(hooks: &Hooks, flag: &str) {
    needs("/usr/sbin/logrotate", "logrotate");
    let packaged = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/logrotate")).unwrap();
    let (log, file) = (hooks.path("var/log/hookmux"), hooks.path("logrotate"));
    assert_eq!(packaged.matches("\n/var/log/hookmux/calls.jsonl {\n").count(), 1);
    fs::write(&file, packaged.replace("/var/log/hookmux", log.to_str().unwrap())).unwrap();
    let state = hooks.path("state");
    let output = Command::new("/usr/sbin/logrotate").arg(flag).arg("--state").arg(state).arg(file).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let wrong: Vec<&str> = errors.lines().filter(|line| line.contains("error") || line.contains("warning")).collect();
    assert!(output.status.success() && wrong.is_empty(), "{errors}");
}

fn call(hooks: &Hooks, object: &str) {
    let mut hook = Command::new(hooks.path("etc/libvirt/hooks/qemu"));
    hook.args([object, "start", "begin", "-"]).env("HOOKMUX_ROOT", hooks.path("")).stdin(Stdio::null());
    assert!(hook.status().unwrap().success());
}

fn names(hooks: &Hooks) -> Vec<String> {
    let entries = fs::read_dir(hooks.path("var/log/hookmux")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_rotation_loses_no_call_and_history_reads_the_rotated_file() {
    let hooks = Hooks::new();
    let log = hooks.path("var/log/hookmux");
    fs::create_dir_all(&log).unwrap();
    fs::set_permissions(&log, fs::Permissions::from_mode(0o750)).unwrap();
    rotate(&hooks, "--force");
    assert_eq!(names(&hooks), [""; 0], "nothing is there yet, and that is not an error");
    for generation in ["vm1", "vm2", "vm3"] {
        call(&hooks, generation);
        rotate(&hooks, "--force");
    }
    call(&hooks, "vm4");
    assert_eq!(names(&hooks), ["calls.jsonl", "calls.jsonl.1", "calls.jsonl.2.gz", "calls.jsonl.3.gz"]);
    let mode = |name: &str| fs::metadata(log.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(names(&hooks).iter().map(|name| mode(name)).collect::<Vec<_>>(), [0o640; 4]);
    let (code, out, err) = hooks.hookmux(&["history", "--json"]);
    let seen: Vec<bool> = ["vm1", "vm2", "vm3", "vm4"].map(|name| out.contains(&format!("\"{name}\""))).to_vec();
    assert_eq!((code, seen, err.as_str()), (Some(0), vec![false, false, true, true], ""));
}

#[test]
fn a_log_that_is_neither_old_nor_large_stays() {
    let hooks = Hooks::new();
    fs::create_dir_all(hooks.path("var/log/hookmux")).unwrap();
    call(&hooks, "vm1");
    rotate(&hooks, "--verbose");
    assert_eq!(names(&hooks), ["calls.jsonl"]);
    // A line beyond 50 MB.
    let large = fs::OpenOptions::new().write(true).open(hooks.path("var/log/hookmux/calls.jsonl")).unwrap();
    large.set_len(51 << 20).unwrap();
    rotate(&hooks, "--verbose");
    assert_eq!(names(&hooks), ["calls.jsonl.1"]);
}
