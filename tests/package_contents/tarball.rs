//! The tarball and its install.sh, in a directory of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::built::package;
use crate::list;
use support::packages::stdout;

/// The unpacked tarball, and the directory that it is installed in.
struct Unpacked {
    here: TempDir,
    script: PathBuf,
}

fn unpacked() -> Unpacked {
    let here = tempfile::tempdir().unwrap();
    stdout(Command::new("tar").arg("xzf").arg(package("hookmux", "tar.gz")).arg("-C").arg(here.path()));
    let directories: Vec<PathBuf> = fs::read_dir(here.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(directories.len(), 1, "one directory: {directories:?}");
    let script = directories[0].join("install.sh");
    Unpacked { here, script }
}

impl Unpacked {
    fn at(&self, path: &str) -> PathBuf {
        self.here.path().join("system").join(path)
    }

    fn install(&self, args: &[&str]) -> String {
        stdout(Command::new(&self.script).args(args).env("DESTDIR", self.at("")).env("PATH", "/usr/bin:/bin"))
    }

    /// Lists the installed files as `-rwxr-xr-x /usr/bin/hookmux`.
    fn tree(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            stdout(Command::new("find").arg(self.at("")).args(["-mindepth", "1", "-printf", "%M /%P\n"]))
                .lines()
                .map(str::to_owned)
                .collect();
        lines.sort_by(|one, other| one.split(' ').next_back().cmp(&other.split(' ').next_back()));
        lines
    }
}

#[test]
fn the_script_installs_the_listed_files_and_removes_all_of_them() {
    let tarball = unpacked();
    fs::create_dir(tarball.at("")).unwrap();
    tarball.install(&[]);
    let entries = list::entries("hookmux", "tar");
    let expected: Vec<String> = entries.iter().map(|entry| format!("{} {}", entry.permissions(), entry.path)).collect();
    let is_parent_only = |line: &String| {
        let path = line.split(' ').next_back().unwrap();
        let below = entries.iter().any(|entry| entry.path.starts_with(&format!("{path}/")));
        below && !entries.iter().any(|entry| entry.path == path)
    };
    let installed: Vec<String> = tarball.tree().into_iter().filter(|line| !is_parent_only(line)).collect();
    assert_eq!(installed, expected);
    tarball.install(&["--uninstall"]);
    let left: Vec<String> = tarball.tree().into_iter().filter(|line| !is_parent_only(line)).collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn files_that_an_administrator_changed_or_added_stay() {
    let tarball = unpacked();
    fs::create_dir(tarball.at("")).unwrap();
    tarball.install(&[]);
    let (settings, script) = (tarball.at("etc/hookmux/hookmux.toml"), tarball.at("etc/hookmux/qemu.d/10-a"));
    fs::write(&settings, "parallel = 2\n").unwrap();
    fs::write(&script, "#!/bin/sh\n").unwrap();
    let output = tarball.install(&[]);
    assert!(output.contains("hookmux.toml was changed and stays"), "{output}");
    assert_eq!(fs::read_to_string(&settings).unwrap(), "parallel = 2\n");
    assert!(tarball.at("etc/hookmux/hookmux.toml.new").exists());
    fs::remove_file(tarball.at("etc/hookmux/hookmux.toml.new")).unwrap();
    tarball.install(&["--uninstall"]);
    let files: Vec<String> = tarball.tree().into_iter().filter(|line| !line.starts_with('d')).collect();
    assert_eq!(files, ["-rw-r--r-- /etc/hookmux/hookmux.toml", "-rw-r--r-- /etc/hookmux/qemu.d/10-a"]);
}

#[test]
fn an_unknown_argument_changes_nothing_and_prints_the_usage() {
    let tarball = unpacked();
    let done = Command::new(&tarball.script).arg("--help").env("DESTDIR", tarball.at("")).output().unwrap();
    let errors = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(errors.contains("--uninstall") && !errors.contains("set -eu"), "{errors}");
    assert!(!tarball.at("").exists());
}

#[test]
fn every_file_in_the_tarball_belongs_to_root() {
    let owners = stdout(Command::new("tar").args(["--numeric-owner", "-tvzf"]).arg(package("hookmux", "tar.gz")));
    let odd: Vec<&str> = owners.lines().filter(|line| line.split_whitespace().nth(1) != Some("0/0")).collect();
    assert_eq!(odd, [""; 0]);
}
