//! examples/demo, the README's first command: a binary → its output, and an error if a result differs from the text. Does.

use crate::EXAMPLES;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs a command line of sh, in which $DEMO is examples/demo; also counts the temporary files that it left.
fn shell(line: &str) -> (Option<i32>, String, String, usize) {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("TMPDIR", temporary.path()).env("HOOKMUX", support::binary()).current_dir("/");
    command.env("DEMO", Path::new(EXAMPLES).join("demo"));
    let Output { status, stdout, stderr } = command.output().unwrap();
    let left = fs::read_dir(temporary.path()).unwrap().count();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), left)
}

/// Asserts that the text contains these parts, in this order.
#[track_caller]
fn in_order(text: &str, wanted: &[&str]) {
    let mut rest = text;
    for part in wanted {
        let Some((_, after)) = rest.split_once(part) else { panic!("{part:?} is missing in: {rest}") };
        rest = after;
    }
}

#[test]
fn the_demo_shows_a_start_a_veto_and_a_changed_migration_and_leaves_no_file() {
    let (code, stdout, stderr, left) = shell("$DEMO $HOOKMUX");
    assert_eq!((code, stderr.as_str(), left), (Some(0), "", 0), "{stdout}");
    in_order(
        &stdout,
        &[
            "1. A guest starts",
            " qemu web-1 prepare --xml demo.xml\n",
            "20-maintenance\n    exited 0, ",
            " ms\n",
            "2. The host is about to be serviced",
            " qemu web-1 prepare --xml demo.xml\n",
            "| maintenance: guest 'web-1' is kept away from this host: ",
            "exited 1, ",
            " ms\n",
            "3. A guest migrates",
            " qemu web-1 migrate --xml demo.xml\n",
            "40-set-title\n    /domain/title: 'Web shop' → 'Web shop [on ",
            "exited 0, ",
            "50-move-disks\n    /domain/devices/disk/source/@file: '/var/lib/libvirt/images/web-1.qcow2' → ",
            "exited 0, ",
            "/etc/libvirt/hooks/qemu web-1 migrate begin - <demo.xml >filtered.xml\n",
            "-  <title>Web shop</title>\n+  <title>Web shop [on ",
            "-      <source file='/var/lib/libvirt/images/web-1.qcow2'/>\n+      <source file='/srv/guests/web-1.qcow2'/>\n",
            "All three have the expected result.\n",
        ],
    );
}

#[test]
fn the_demo_works_with_any_umask_and_from_any_directory() {
    let lines = ["umask 000; $DEMO $HOOKMUX", "umask 077; $DEMO $HOOKMUX", "cd ${HOOKMUX%/*}; $DEMO ./hookmux"];
    for line in lines {
        let (code, _, stderr, left) = shell(line);
        assert_eq!((code, stderr.as_str(), left), (Some(0), "", 0), "{line}");
    }
}

#[test]
fn a_closed_output_leaves_no_file() {
    let (code, stdout, _, left) = shell("$DEMO $HOOKMUX | head -n 1");
    assert_eq!((code, stdout.lines().count(), left), (Some(0), 1, 0));
}

#[test]
fn without_python_the_demo_names_what_is_missing_and_shows_the_rest() {
    let (code, stdout, stderr, left) =
        shell("exec unshare --mount sh -c 'mount --bind /dev/null /usr/bin/python3 && exec $DEMO $HOOKMUX'");
    assert_eq!((code, stderr.as_str(), left), (Some(0), "", 0), "{stdout}");
    in_order(
        &stdout,
        &["/usr/bin/python3 does not exist", "+  <title>Web shop [on ", "All three have the expected result.\n"],
    );
    assert!(!stdout.contains("+      <source"), "{stdout}");
}

#[test]
fn a_binary_with_other_results_fails_the_demo() {
    // (a script in place of hookmux, exit code, the last line of stderr)
    let cases = [
        ("/bin/false", 1, "demo: this should have ended with exit code 0, not 1\n"),
        ("/bin/true", 1, "demo: the steps do not contain: exited 0, \n"),
        ("/nonexistent", 2, "usage: examples/demo PATH-TO-hookmux\n"),
        ("", 2, "usage: examples/demo PATH-TO-hookmux\n"),
        ("/", 2, "usage: examples/demo PATH-TO-hookmux\n"),
    ];
    for (binary, wanted, line) in cases {
        let (code, _, stderr, left) = shell(&format!("$DEMO {binary}"));
        assert_eq!((code, stderr.ends_with(line), left), (Some(wanted), true, 0), "{binary}: {stderr}");
    }
}
