//! The packages' scripts are sound shell.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::built::{files_below, package};
use support::packages::stdout;
use support::repository;

fn is_shell(file: &str) -> bool {
    fs::read(repository().join(file)).is_ok_and(|bytes| bytes.starts_with(b"#!/bin/sh\n"))
}

#[test]
fn shellcheck_finds_nothing_in_the_scripts() {
    let scripts: Vec<String> = files_below("packaging").into_iter().filter(|file| is_shell(file)).collect();
    assert!(scripts.len() >= 9, "{scripts:?}");
    stdout(Command::new("shellcheck").args(&scripts).current_dir(repository()));
}

#[test]
fn shellcheck_finds_nothing_in_an_rpms_scripts() {
    let mut seen = 0;
    for name in ["hookmux", "hookmux-guest"] {
        for part in ["PREIN", "POSTIN", "PREUN", "POSTUN"] {
            let mut query = Command::new("rpm");
            let query = query.args(["-qp", "--qf", &format!("%|{part}?{{%{{{part}}}}}|")]).arg(package(name, "rpm"));
            let script = stdout(query);
            let mut check = Command::new("shellcheck");
            let mut check =
                check.args(["--shell", "sh", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            check.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
            let found = check.wait_with_output().unwrap();
            assert!(found.status.success(), "{name} {part}: {}", String::from_utf8_lossy(&found.stdout));
            seen += usize::from(!script.is_empty());
        }
    }
    assert_eq!(seen, 5);
}
