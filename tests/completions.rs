//! packaging/completions is what clap makes of the command line, with packaging/values.bash, .fish and .zsh for what clap
//! does not know; `HOOKMUX_WRITE=1 cargo test --test completions` writes it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clap_complete::{Shell, generate};
use hookmux::call::contract::ROWS;
use hookmux::call::drivers::DRIVERS;
use support::packages::stdout;

#[test]
fn the_completions_are_those_of_the_command_line() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/completions");
    for (shell, file) in [(Shell::Bash, "hookmux.bash"), (Shell::Zsh, "_hookmux"), (Shell::Fish, "hookmux.fish")] {
        let mut made = Vec::new();
        generate(shell, &mut hookmux::admin::command(), "hookmux", &mut made);
        let mut made = String::from_utf8(made).unwrap();
        match shell {
            Shell::Bash => made = made.replace("complete -F _hookmux ", "complete -F _hookmux_values ") + &values(),
            Shell::Fish => made += include_str!("../packaging/values.fish"),
            _ => made = with_values(&made),
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

/// Returns zsh's completion with the function that completes values, in the places where clap has none.
fn with_values(zsh: &str) -> String {
    const PLACES: [&str; 6] =
        ["'::object ", "'::operation ", "'::sub_operation ", "'*::scripts ", "'--guest=", "'--operation="];
    let is_place = |line: &str| PLACES.iter().any(|place| line.starts_with(place));
    let lines = zsh.lines().map(|line| match line {
        "_hookmux() {" => format!("{}{line}\n", include_str!("../packaging/values.zsh")),
        line if is_place(line) => format!("{}:_hookmux_values' \\\n", line.rsplit_once(':').unwrap().0),
        line => format!("{line}\n"),
    });
    lines.collect()
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
    let drivers = DRIVERS.iter().map(|driver| driver.name).collect::<Vec<_>>().join("\\n");
    include_str!("../packaging/values.bash")
        .replace("DRIVERS", &drivers)
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
    stdout(bash.current_dir(env!("CARGO_MANIFEST_DIR")))
        .lines()
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Lines, below a root with scripts in libvirt's own directory, and what they can be completed with.
fn rows(root: &Path) -> Vec<(String, Vec<&'static str>)> {
    let scripts = root.join("etc/libvirt/hooks/qemu.d");
    fs::create_dir_all(scripts.join("vm1")).unwrap();
    for name in ["10-net", "20-disks", "with space"] {
        fs::write(scripts.join(name), "").unwrap();
    }
    let adopt = |rest: &str| format!("hookmux adopt --root {} {rest}", root.display());
    let rows: [(&str, &[&str]); 7] = [
        ("hookmux run qemu web-1 sta", &["start", "started"]),
        ("hookmux test --dry-run lxc --xml x.xml box re", &["reconnect", "release"]),
        ("hookmux explain network lan port-", &["port-created", "port-deleted"]),
        ("hookmux explain web-1 rel", &["release"]),
        ("hookmux run qemu web-1 release ", &["begin", "end"]),
        ("hookmux run net", &["network"]),
        ("hookmux adopt lx", &["lxc"]),
    ];
    let scripts = [(adopt("qemu 1"), vec!["10-net"]), (adopt("qemu 10-net wi"), vec!["with space"])];
    rows.map(|(line, values)| (line.to_owned(), values.to_vec())).into_iter().chain(scripts).collect()
}

#[test]
fn bash_offers_drivers_operations_and_scripts() {
    let root = tempfile::tempdir().unwrap();
    for (line, values) in rows(root.path()) {
        let values: Vec<_> = values.iter().map(|value| value.replace(' ', "\\ ")).collect();
        assert_eq!(offered(&line, "/usr/bin:/bin"), values, "{line}");
    }
    assert_eq!(offered("hookmux history --operation sto", "/usr/bin:/bin"), ["stop", "stopped"]);
    assert_eq!(offered("hookmux check --str", "/usr/bin:/bin"), ["--strict"]);
}

#[test]
fn fish_offers_drivers_operations_and_scripts() {
    let root = tempfile::tempdir().unwrap();
    let script = "set -g __hookmux_bash packaging/completions/hookmux.bash; source packaging/completions/hookmux.fish; \
        complete -C $argv[1]";
    let rows =
        rows(root.path()).into_iter().chain([("hookmux history --operation=sto".to_owned(), vec!["stop", "stopped"])]);
    for (line, values) in rows {
        let mut fish = Command::new("fish");
        let fish = fish.args(["--no-config", "-c", script, "--", &line]).env("HOME", root.path());
        let offered = stdout(fish.current_dir(env!("CARGO_MANIFEST_DIR")));
        let offered: Vec<_> = offered.lines().map(|line| line.trim_start_matches("--operation=")).collect();
        assert_eq!(offered, values, "{line}");
    }
}

#[test]
fn zsh_completes_drivers_operations_and_scripts() {
    let root = tempfile::tempdir().unwrap();
    // A terminal in which zsh completes a line, and runs it: hookmux is a function that prints its words.
    let script = r#"zmodload zsh/zpty; zpty z zsh -f -i; typeset out
        zpty -w z "PS1= PS2= RPS1=; unsetopt prompt_cr prompt_sp; fpath=($PWD/packaging/completions \$fpath); autoload -U compinit"
        zpty -w z "compinit -u -d $2/dump; _hookmux_bash=$PWD/packaging/completions/hookmux.bash; cd $2"
        zpty -w z "hookmux() { print -r -- \"words=<\${(j:|:)@}>\" }"
        zpty -n -w z "$1"$'\t\n'; zpty -r z out "*words=<[^$]*>*"; print -r -- "$out"; zpty -d z"#;
    for (line, values) in rows(root.path()) {
        let [value] = values[..] else { continue };
        let mut zsh = Command::new("timeout");
        zsh.args(["60", "zsh", "-f", "-c", script, "zsh", &line]).arg(root.path());
        let screen = stdout(zsh.current_dir(env!("CARGO_MANIFEST_DIR")));
        let words = screen.rsplit_once("words=<").unwrap().1.split_once('>').unwrap().0;
        assert_eq!(words.rsplit('|').next(), Some(value), "{line}: {screen}");
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
