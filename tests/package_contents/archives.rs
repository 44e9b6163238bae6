//! The archives contain exactly the list: each path with its kind, mode and owner.

use std::fs;
use std::process::Command;

use crate::built::{package, packages};
use crate::list::{self, Entry};
use support::links::dead_links;
use support::packages::stdout;
use support::repository;

const PACKAGES: [&str; 2] = ["hookmux", "hookmux-guest"];

/// Formats entries as `drwxr-xr-x root/root /etc/hookmux`, by path.
fn expected(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| format!("{} root/root {}", entry.permissions(), entry.path)).collect()
}

/// Formats the lines of tar in the same way.
fn listed(tar: &str) -> Vec<String> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        format!("{} {} {}", fields[0], fields[1], fields[5].trim_start_matches('.').trim_end_matches('/'))
    };
    let mut lines: Vec<String> = tar.lines().map(line).collect();
    lines.sort_by(|one, other| one.split(' ').next_back().cmp(&other.split(' ').next_back()));
    lines
}

/// Reports whether the line is a parent directory that is not in the list, which any package may contain.
fn is_parent_only(line: &str, entries: &[Entry]) -> bool {
    let path = line.split(' ').next_back().unwrap();
    let below = format!("{path}/");
    line.starts_with("drwxr-xr-x root/root ")
        && entries.iter().any(|entry| entry.path.starts_with(&below))
        && !entries.iter().any(|entry| entry.path == path)
}

#[test]
fn a_deb_contains_the_listed_files_with_owners_and_modes() {
    for name in PACKAGES {
        let entries = list::entries(name, "deb");
        let listed = listed(&stdout(Command::new("dpkg-deb").arg("--contents").arg(package(name, "deb"))));
        let listed: Vec<String> = listed.into_iter().filter(|line| !is_parent_only(line, &entries)).collect();
        assert_eq!(listed, expected(&entries), "{name}");
    }
}

#[test]
fn a_debs_control_files_match_its_contents() {
    for name in PACKAGES {
        let root = tempfile::tempdir().unwrap();
        stdout(Command::new("dpkg-deb").arg("--raw-extract").arg(package(name, "deb")).arg(root.path()));
        let control = |file: &str| fs::read_to_string(root.path().join("DEBIAN").join(file)).unwrap();
        let config = list::entries(name, "deb").into_iter().filter(|entry| entry.kind == "config");
        assert_eq!(
            control("conffiles").lines().collect::<Vec<_>>(),
            config.map(|entry| entry.path).collect::<Vec<_>>()
        );
        let sums = stdout(Command::new("md5sum").args(["--check", "DEBIAN/md5sums"]).current_dir(root.path()));
        let files = list::entries(name, "deb").into_iter().filter(|entry| entry.kind != "dir").count();
        assert_eq!(sums.lines().filter(|line| line.ends_with(": OK")).count(), files, "{sums}");
        let field = |field: &str| stdout(Command::new("dpkg-deb").arg("--field").arg(package(name, "deb")).arg(field));
        assert_eq!(
            [field("Package"), field("Version")],
            [format!("{name}\n"), format!("{}\n", env!("CARGO_PKG_VERSION"))]
        );
        // It can be installed on every host.
        assert_eq!(["Depends", "Pre-Depends", "Conflicts", "Breaks", "Replaces"].map(field), ["\n"; 5], "{name}");
        let mut scripts: Vec<String> = fs::read_dir(root.path().join("DEBIAN"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        scripts.sort();
        let before = (name == "hookmux").then_some("preinst");
        let expected =
            ["conffiles", "control", "md5sums", "postinst", "postrm"].into_iter().chain(before).chain(["prerm"]);
        assert_eq!(scripts, expected.collect::<Vec<_>>());
    }
}

#[test]
fn an_rpm_contains_the_listed_files_with_owners_modes_and_flags() {
    // c: a configuration file; n: kept; d: a document; l: a licence.
    let flags = |entry: &Entry| match entry.kind.as_str() {
        "config" => "cn",
        "licence" => "l",
        "dir" | "link" => "",
        _ if entry.path.starts_with("/usr/share/doc/") || entry.path.starts_with("/usr/share/man/") => "d",
        _ => "",
    };
    for name in PACKAGES {
        let format = "[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES} %{FILEFLAGS:fflags}\n]";
        let listed = stdout(Command::new("rpm").args(["-qp", "--qf", format]).arg(package(name, "rpm")));
        let entries = list::entries(name, "rpm");
        let expected = expected(&entries).into_iter().zip(&entries);
        let expected: Vec<String> = expected.map(|(line, entry)| format!("{line} {}", flags(entry))).collect();
        assert_eq!(listed.lines().collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn an_rpm_needs_a_shell_for_its_scripts_and_nothing_else() {
    for name in PACKAGES {
        let mut needs = Command::new("rpm");
        let needs = stdout(needs.args(["-qp", "--qf", "[%{REQUIRENAME}\n]"]).arg(package(name, "rpm")));
        let own = format!("config({name})");
        let mut needs: Vec<&str> = needs.lines().filter(|need| !need.starts_with("rpmlib(") && *need != own).collect();
        needs.dedup();
        assert_eq!(needs, ["/bin/sh"], "{name}");
    }
}

#[test]
fn the_checksums_of_all_files_are_correct() {
    let checked = stdout(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(packages()));
    assert_eq!(checked.lines().filter(|line| line.ends_with(": OK")).count(), 6, "{checked}");
    let beside = fs::read_dir(packages()).unwrap().count();
    assert_eq!(beside, 7, "no other file is there");
}

#[test]
fn lintian_and_rpmlint_find_nothing_that_is_not_explained() {
    let lint = repository().join("packaging/lint");
    stdout(Command::new(lint).arg(packages()));
}

#[test]
fn every_link_of_an_installed_document_leads_to_a_file() {
    let trees = tempfile::tempdir().unwrap();
    let unpack = |command: &str, name: &str, ending: &str| {
        let tree = trees.path().join(format!("{name}.{ending}"));
        fs::create_dir(&tree).unwrap();
        stdout(Command::new("sh").args(["-euc", command]).arg(package(name, ending)).current_dir(&tree));
    };
    for name in PACKAGES {
        unpack("dpkg-deb --extract \"$0\" .", name, "deb");
        unpack("rpm2cpio \"$0\" | cpio -idm --quiet", name, "rpm");
    }
    unpack("tar xzf \"$0\"", "hookmux", "tar.gz");
    let documents = stdout(Command::new("find").arg(trees.path()).args(["-name", "*.md"]));
    assert!(documents.lines().count() > 30, "{documents}");
    assert_eq!(documents.lines().flat_map(|document| dead_links(document.as_ref())).collect::<Vec<_>>(), [""; 0]);
    let readme = fs::read_to_string(trees.path().join("hookmux.deb/usr/share/doc/hookmux/README.md")).unwrap();
    assert!(readme.contains("](protection.md)") && readme.contains("](recipes)") && readme.contains("](#"), "{readme}");
    assert!(!readme.contains("](CONTRIBUTING.md)") && readme.contains("CONTRIBUTING.md has"), "{readme}");
}
