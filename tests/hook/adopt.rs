//! `hookmux adopt`, while a stand-in for libvirt 9.0.0 makes calls: the hook first, then the scripts in its own directory.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use support::builder::{Hooks, copy, output, spawn, stand_in};
use support::{binary, hook_program};

/// Makes calls as `virHookCall` does: the hook, then each name in the directory. Three processes do so as long as the file
/// `continue` exists, and record what they called and what failed.
const LIBVIRT: &str = r#"
hooks=$HOOKMUX_ROOT/etc/libvirt/hooks
worker() {
    n=0
    while [ -e "$HOOKMUX_ROOT/continue" ]; do
        n=$((n + 1))
        set -- "$1" "vm$1-$n"
        "$hooks/qemu" "$2" start begin - </dev/null || echo "$2 hook" >>"$HOOKMUX_ROOT/failed"
        for script in "$hooks"/qemu.d/*; do
            case $script in *'*') continue ;; esac
            "$script" "$2" start begin - </dev/null || echo "$2 $script" >>"$HOOKMUX_ROOT/failed"
        done
        echo "$2" >>"$HOOKMUX_ROOT/called"
    done
}
worker 1 & worker 2 & worker 3 &
wait
"#;

const SCRIPTS: [&str; 6] = ["10-a", "20-b", "30-c", "40-d", "50-e", "60-f"];

#[test]
fn a_script_that_is_adopted_while_guests_start_runs_exactly_once_in_each_call() {
    let mut hooks = Hooks::new();
    for script in SCRIPTS {
        // The first is slow, so that libvirt has read its directory well before it runs the last one.
        let slow = if script == "10-a" { "sleep 0.4; " } else { "" };
        let note = format!("#!/bin/sh\n{slow}echo \"$1 {script}\" >>{}/turns\n", hooks.root().display());
        hooks = hooks.file(&format!("base:qemu.d/{script}"), 0o755, note);
    }
    // A copy, because below another root a link to this program's path is dangling.
    let hook = hooks.root().join("etc/libvirt/hooks/qemu");
    fs::remove_file(&hook).unwrap();
    copy(&hook_program(), &hook);
    fs::write(hooks.root().join("continue"), "").unwrap();
    let mut libvirt = stand_in(&hooks, "libvirtd", Some("9000"));
    let mut libvirt = spawn(libvirt.args(["/bin/sh", "-c", LIBVIRT]));
    for script in SCRIPTS.iter().rev() {
        thread::sleep(Duration::from_millis(100));
        let root = hooks.root().to_str().unwrap();
        let adopted = output(Command::new(binary()).args(["adopt", "--root", root, "qemu", script]));
        let moved = format!("{root}/etc/libvirt/hooks/qemu.d/{script} is now {root}/etc/hookmux/qemu.d/{script}\n");
        let output = [adopted.stdout, adopted.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!((adopted.status.code(), output), (Some(0), [moved, String::new()]));
    }
    thread::sleep(Duration::from_millis(300));
    fs::remove_file(hooks.root().join("continue")).unwrap();
    assert!(libvirt.wait().unwrap().success());
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for turn in hooks.text("turns").lines() {
        *times.entry(turn.to_owned()).or_default() += 1;
    }
    let called = hooks.text("called");
    let expected = called.lines().flat_map(|guest| SCRIPTS.map(|script| (format!("{guest} {script}"), 1)));
    assert_eq!(times, expected.collect());
    assert!(called.lines().count() > 9, "calls were made during the moves: {called}");
    assert!(!hooks.root().join("failed").exists(), "{}", hooks.text("failed"));
}
