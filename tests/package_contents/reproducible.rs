//! The same sources and the same program make the same bytes: in another directory, later, with another umask and another
//! language, and with the times of files in a fresh checkout.

use std::fs;
use std::process::Command;

use crate::built::{TIME, packages, program};
use support::packages::stdout;
use support::repository;

#[test]
fn two_builds_make_the_same_bytes() {
    let there = tempfile::tempdir().unwrap();
    let copy = there.path().join("another place");
    fs::create_dir(&copy).unwrap();
    let parts = "Cargo.toml Cargo.lock CHANGELOG.md README.md LICENSE docs examples man packaging tests/support";
    let mut copying = Command::new("cp");
    copying.args(["--recursive", "--parents", "--no-preserve=timestamps"]).args(parts.split(' ')).arg(&copy);
    stdout(copying.current_dir(repository()));
    let made = there.path().join("made elsewhere");
    // A shell, for its umask: files of the copy are group-writable, too.
    let mut build = Command::new("sh");
    build.args(["-c", "chmod -R g+w . && umask 002 && exec packaging/build \"$@\"", "sh"]).arg(program()).arg(&made);
    build.current_dir(&copy).env("SOURCE_DATE_EPOCH", TIME).env("TZ", "Asia/Kolkata").env("LANG", "C.UTF-8");
    stdout(build.env("TMPDIR", there.path()));
    let sums = |directory: &std::path::Path| fs::read_to_string(directory.join("SHA256SUMS")).unwrap();
    assert_eq!(sums(&made), sums(packages()));
}

#[test]
fn a_listed_file_that_is_missing_is_an_error_and_yields_no_package() {
    for kind in ["file", "gz", "config"] {
        let there = tempfile::tempdir().unwrap();
        let copy = there.path();
        stdout(Command::new("cp").arg("--recursive").arg(repository().join("packaging")).arg(copy));
        fs::write(copy.join("Cargo.toml"), "version = \"1.0.0\"\n").unwrap();
        fs::write(copy.join("packaging/files"), format!("hookmux all {kind} 644 /usr/share/x no/such/file\n")).unwrap();
        let mut build = Command::new(copy.join("packaging/build"));
        let done = build.arg(program()).env("SOURCE_DATE_EPOCH", TIME).output().unwrap();
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(!done.status.success() && errors.contains("no/such/file"), "{kind}: {errors}");
        assert_eq!(fs::read_dir(copy.join("target/packages")).unwrap().count(), 0, "{kind}");
    }
}

#[test]
fn another_version_is_another_file() {
    let made = tempfile::tempdir().unwrap();
    let mut build = Command::new(repository().join("packaging/build"));
    build.arg(program()).arg(made.path()).env("SOURCE_DATE_EPOCH", TIME).env("HOOKMUX_PACKAGE_VERSION", "99.1.2");
    stdout(&mut build);
    let names = fs::read_dir(made.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.contains("99.1.2")).count(), 6);
}
