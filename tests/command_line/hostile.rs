//! What other users, guests and images write does not reach an administrator's terminal, shell or files.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::root::{PROGRAM, YES, as_it_is, root};

/// A first line that runs a command where it is pasted, and colours a terminal where it is printed.
const EVIL: &str = "#!/opt/bin/sh x|' /dev/null; touch PWNED; : '$(touch PWNED)\u{1b}[31m\u{9b}31m\nvirsh list\n";

fn system(script: &str) -> TempDir {
    root(&[
        ("usr/bin/hookmux-hook", PROGRAM),
        ("usr/bin/env", YES),
        ("bin/sh", YES),
        ("etc/libvirt/hooks/qemu.d/keep", YES),
        ("etc/hookmux/qemu.d/10-a", script),
        ("var/log/hookmux/calls.jsonl", ""),
    ])
}

/// Everything that `check` prints, for people and for programs, and the findings.
fn check(root: &Path) -> (String, Vec<Value>) {
    let (_, people, errors) = as_it_is(root, "check --root ROOT");
    let (_, programs, _) = as_it_is(root, "check --root ROOT --json");
    let json: Value = serde_json::from_str(&programs).unwrap();
    (people + &programs + &errors, json["findings"].as_array().unwrap().clone())
}

/// Runs every command that `check` prints as fix, and reports whether one of them did what a file wanted.
fn is_obeyed(root: &Path) -> bool {
    let (_, findings) = check(root);
    for fix in findings.iter().filter_map(|finding| finding["fix"].as_str()) {
        let mut shell = Command::new("sh");
        shell.args(["-c", fix]).current_dir(root).env("EDITOR", "true").env("PATH", "/usr/bin:/bin");
        shell.stdin(Stdio::null()).output().unwrap();
    }
    root.join("PWNED").exists()
}

fn commands_terminal(text: &str) -> bool {
    text.contains(['\u{1b}', '\u{9b}', '\u{7}', '\u{202e}'])
}

#[test]
fn check_repeats_nothing_of_a_script_that_is_not_trusted() {
    for text in [EVIL, "touch PWNED\n", "#!/bin/touch PWNED\r\n", "\u{feff}#!/bin/touch PWNED\n"] {
        let root = system(&format!("#!{text}"));
        let script = root.path().join("etc/hookmux/qemu.d/10-a");
        fs::write(&script, text).unwrap();
        chown(&script, Some(1000), None).unwrap();
        let (printed, findings) = check(root.path());
        let about: Vec<&str> = findings
            .iter()
            .filter(|finding| finding["about"].as_str().unwrap().ends_with("10-a"))
            .map(|finding| finding["kind"].as_str().unwrap())
            .collect();
        assert_eq!((about, printed.contains("PWNED")), (vec!["untrusted"], false), "{text:?}: {printed}");
    }
}

#[test]
fn check_does_not_read_a_script_of_libvirts_directory_that_is_not_trusted() {
    let root = system(YES);
    let script = root.path().join("etc/libvirt/hooks/qemu.d/keep");
    fs::write(&script, EVIL).unwrap();
    fs::set_permissions(&script, Permissions::from_mode(0o777)).unwrap();
    let (printed, _) = check(root.path());
    assert!(!printed.contains("PWNED"), "{printed}");
}

#[test]
fn no_command_that_check_prints_obeys_a_text_or_a_name() {
    let root = system(EVIL);
    let name = "20-x'; touch PWNED; '$(touch PWNED)";
    let copy = |from: &str, to: &str| {
        fs::create_dir_all(root.path().join(to).parent().unwrap()).unwrap();
        fs::copy(root.path().join(from), root.path().join(to)).unwrap();
    };
    copy("etc/hookmux/qemu.d/10-a", &format!("etc/hookmux/qemu.d/{name}"));
    copy("usr/bin/env", &format!("etc/hookmux/qemu.d/{name}.bak"));
    copy("usr/bin/env", &format!("etc/libvirt/hooks/qemu.d/{name}"));
    copy("usr/bin/env", "etc/hookmux/x'$(touch PWNED)'; touch PWNED; '.d/10-a");
    copy("usr/bin/env", "etc/libvirt/hooks/x'$(touch PWNED)'; touch PWNED; '.d/10-a");
    fs::write(root.path().join("usr/bin/sh"), YES).unwrap();
    assert!(!is_obeyed(root.path()), "{:#?}", check(root.path()).1);
}

#[test]
fn nothing_that_check_prints_commands_a_terminal() {
    let root = system(&EVIL.replace("/opt/bin/sh", "/opt/\u{1b}[31m\u{202e}\u{9b}31m"));
    let hooks = root.path().join("etc/libvirt/hooks");
    symlink("/opt/\u{1b}[31m\u{9b}31m/hookmux", hooks.join("qemu")).unwrap();
    fs::create_dir(root.path().join("etc/hookmux/x\u{1b}[31m\u{9b}.d")).unwrap();
    fs::copy(root.path().join("usr/bin/env"), root.path().join("etc/hookmux/x\u{1b}[31m\u{9b}.d/10-\u{1b}a")).unwrap();
    fs::create_dir(root.path().join("etc/hookmux/hookmux.toml.d")).unwrap();
    fs::write(root.path().join("etc/hookmux/hookmux.toml.d/5\u{1b}\u{9b}.toml"), "[[rule]]\nscript='none'\n").unwrap();
    let (printed, findings) = check(root.path());
    assert!(!commands_terminal(&printed) && findings.len() > 3, "{printed:?}");
    let (_, out, errors) = as_it_is(root.path(), "list --root ROOT --json");
    assert!(!commands_terminal(&(out + &errors)));
}

#[test]
fn a_record_that_is_a_fifo_holds_no_command() {
    let root = system(YES);
    let calls = root.path().join("var/log/hookmux/calls.jsonl");
    fs::remove_file(&calls).unwrap();
    nix::unistd::mkfifo(&calls, nix::sys::stat::Mode::S_IRUSR).unwrap();
    for command in ["check", "history", "stats"] {
        let binary = std::env::var_os("HOOKMUX_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_hookmux").into());
        let mut timeout = Command::new("timeout");
        timeout.arg("60").arg(binary).args([command, "--root"]).arg(root.path());
        let code = timeout.output().unwrap().status.code();
        assert_ne!(code, Some(124), "{command}");
    }
}
