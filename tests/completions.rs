//! packaging/completions is what clap makes of the command line, for bash with packaging/values.bash;
//! `HOOKMUX_WRITE=1 cargo test --test completions` writes it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clap_complete::{Shell, generate};
use hookmux::call::contract::ROWS;
use hookmux::call::drivers::DRIVERS;
use support::packages::said;

#[test]
fn the_completions_are_those_of_the_command_line() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/completions");
    for (shell, file) in [(Shell::Bash, "hookmux.bash"), (Shell::Zsh, "_hookmux"), (Shell::Fish, "hookmux.fish")] {
        let mut made = Vec::new();
        generate(shell, &mut hookmux::admin::command(), "hookmux", &mut made);
        let mut made = String::from_utf8(made).unwrap();
        if shell == Shell::Bash {
            made = made.replace("complete -F _hookmux ", "complete -F _hookmux_values ") + &values();
        }
        let file = directory.join(file);
        if std::env::var_os("HOOKMUX_WRITE").is_some() {
            fs::create_dir_all(&directory).unwrap();
            fs::write(&file, &made).unwrap();
        }
        let there = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(there == made, "{} is not up to date: HOOKMUX_WRITE=1 cargo test --test completions", file.display());
    }
}

/// Returns the functions that complete values, with the tables of drivers and operations.
fn values() -> String {
    let operations = DRIVERS.iter().map(|driver| {
        let rows = ROWS.iter().filter(|row| row.driver == driver.name);
        format!("        {}) echo {} ;;\n", driver.name, rows.map(|row| row.operation).collect::<Vec<_>>().join(" "))
    });
    let uris = DRIVERS.iter().filter_map(|driver| {
        let list = if driver.name == "network" { "net-list" } else { "list" };
        Some(format!("        {}) echo {} {list} ;;\n", driver.name, driver.uri?))
    });
    include_str!("../packaging/values.bash")
        .replace("        OPERATIONS\n", &operations.collect::<String>())
        .replace("        CONNECTIONS\n", &uris.collect::<String>())
}

/// Returns what bash offers for the last word of a line, sorted; `path` is searched for virsh.
fn offered(line: &str, path: &str) -> Vec<String> {
    let script = "source packaging/completions/hookmux.bash; read -ra COMP_WORDS <<<\"$1\"; [[ $1 != *' ' ]] || COMP_WORDS+=(''); \
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _hookmux_values hookmux \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"; \
        printf '%s\\n' \"${COMPREPLY[@]}\" | sort";
    let mut bash = Command::new("bash");
    let bash = bash.args(["--norc", "-euc", script, "bash", line]).env("PATH", path).env("LC_ALL", "C");
    said(bash.current_dir(env!("CARGO_MANIFEST_DIR")))
        .lines()
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn bash_offers_operations_and_scripts() {
    let root = tempfile::tempdir().unwrap();
    let scripts = root.path().join("etc/libvirt/hooks/qemu.d");
    fs::create_dir_all(scripts.join("vm1")).unwrap();
    for name in ["10-net", "20-disks", "with space"] {
        fs::write(scripts.join(name), "").unwrap();
    }
    let at = root.path().display();
    let rows = [
        ("hookmux run qemu web-1 sta", "start started"),
        ("hookmux test --dry-run lxc --xml x.xml box re", "reconnect release"),
        ("hookmux explain network lan port-", "port-created port-deleted"),
        ("hookmux explain web-1 rel", "release"),
        ("hookmux run qemu web-1 release ", "begin end"),
        ("hookmux run net", "network"),
        ("hookmux history --operation sto", "stop stopped"),
        (&format!("hookmux adopt --root {at} qemu 1"), "10-net"),
        (&format!("hookmux adopt --root {at} qemu 10-net wi"), "with\\ space"),
        ("hookmux adopt lx", "lxc"),
        ("hookmux check --str", "--strict"),
    ];
    for (line, expected) in rows {
        let offered = offered(line, "/usr/bin:/bin");
        let expected = if expected.contains('\\') { vec![expected] } else { expected.split(' ').collect() };
        assert_eq!(offered, expected, "{line}");
    }
}

#[test]
fn bash_does_not_wait_for_a_libvirt_that_does_not_answer() {
    let programs = tempfile::tempdir().unwrap();
    let virsh = programs.path().join("virsh");
    for (script, least) in [("echo trouble >&2; exit 1", Duration::ZERO), ("exec sleep 300", Duration::from_secs(1))] {
        fs::write(&virsh, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&virsh, fs::Permissions::from_mode(0o755)).unwrap();
        let begin = Instant::now();
        let path = format!("{}:/usr/bin:/bin", programs.path().display());
        assert_eq!(offered("hookmux run qemu ", &path), [""; 0]);
        assert!(begin.elapsed() >= least && begin.elapsed() < Duration::from_mins(2), "{:?}", begin.elapsed());
    }
}
