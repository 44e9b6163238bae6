//! Debian's source package, as tests/debian/build has built it in clean systems of Debian 13 and sid: what lintian finds, what
//! differs from the package of `make packages`, and its life under dpkg. Does: needs root, both kinds of packages and the
//! roots of tests/packages; a missing one fails the tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::debian::{Debian, difference};
use support::packages::{HOOKS, find, stdout};
use support::repository;

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "-1");

const PACKAGES: [&str; 2] = ["hookmux", "hookmux-guest"];

fn built(suite: &str) -> PathBuf {
    repository().join("target/debian").join(suite)
}

/// Returns the package that the source package builds, and the one of `make packages`.
fn both(suite: &str, name: &str) -> [PathBuf; 2] {
    [
        find(&built(suite), VERSION, name, "deb"),
        find(&repository().join("target/packages"), env!("CARGO_PKG_VERSION"), name, "deb"),
    ]
}

/// Lists type, permissions, owner and path of each file in a package.
fn files(deb: &Path) -> BTreeSet<String> {
    let listed = stdout(Command::new("dpkg-deb").arg("--contents").arg(deb));
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        [fields[0], fields[1], fields[5]].join(" ")
    };
    listed.lines().map(line).collect()
}

/// Returns a file of the package's control information, without what debhelper has added.
fn control(deb: &Path, name: &str) -> String {
    let text = stdout(Command::new("dpkg-deb").arg("--info").arg(deb).arg(name));
    let mut added = false;
    let own = |line: &&str| {
        added |= line.starts_with("# Automatically added by ");
        let own = !added;
        added &= !line.starts_with("# End automatically added section");
        own
    };
    text.split_inclusive('\n').filter(own).collect()
}

fn lintian_finds_nothing_unexplained(suite: &str) {
    let found =
        fs::read_to_string(built(suite).join("lintian")).unwrap_or_else(|error| panic!("make test-debian: {error}"));
    // N: a comment of an override; O: a tag with an override.
    let unexplained: Vec<&str> =
        found.lines().filter(|line| !line.starts_with("N:") && !line.starts_with("O:")).collect();
    assert_eq!(unexplained, [""; 0]);
    assert!(found.contains("O: hookmux: non-standard-dir-perm"), "lintian has not looked at the package: {found}");
}

fn differs_only_in_its_changelogs(suite: &str) {
    for (name, expected) in PACKAGES.into_iter().zip([
        // Debian's names of the changelogs of the package and of the program.
        [
            "+ -rw-r--r-- root/root ./usr/share/doc/hookmux/changelog.Debian.gz",
            "- -rw-r--r-- root/root ./usr/share/doc/hookmux/CHANGELOG.md.gz",
        ],
        ["+ -rw-r--r-- root/root ./usr/share/doc/hookmux-guest/changelog.Debian.gz", ""],
    ]) {
        let [ours, direct] = both(suite, name);
        let [ours_has, direct_has] = [&ours, &direct].map(|deb| files(deb));
        let added = ours_has.difference(&direct_has).map(|line| format!("+ {line}"));
        let missing = direct_has.difference(&ours_has).map(|line| format!("- {line}"));
        let expected: Vec<&str> = expected.into_iter().filter(|line| !line.is_empty()).collect();
        assert_eq!(added.chain(missing).collect::<Vec<_>>(), expected, "{name}");
        assert_eq!(control(&ours, "conffiles"), control(&direct, "conffiles"), "{name}");
        for script in ["postinst", "prerm", "postrm"] {
            let shared = fs::read_to_string(repository().join("packaging/deb").join(name).join(script)).unwrap();
            let lines =
                |text: &str| text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(lines(&control(&ours, script)), lines(&shared.replace("#DEBHELPER#", "")), "{name}: {script}");
        }
    }
}

fn is_linked_with_debians_c_library_alone(suite: &str) {
    for name in PACKAGES {
        let [ours, _] = both(suite, name);
        let field = |field: &str| stdout(Command::new("dpkg-deb").arg("--field").arg(&ours).arg(field));
        let depends = field("Depends");
        let libraries: Vec<&str> = depends.trim().split(", ").map(|one| one.split(' ').next().unwrap()).collect();
        let rust = field("Static-Built-Using");
        assert_eq!(
            (libraries, rust.starts_with("rustc")),
            (vec!["libc6", "libgcc-s1"], true),
            "{name}: {depends} {rust}"
        );
    }
}

fn is_installed_and_purged_like_that_of_make_packages(suite: &str) {
    let debian = Debian::new(suite, "source");
    let [ours, direct] = both(suite, "hookmux");
    let links = || debian.run(&["ls", "/etc/libvirt/hooks"]).succeeded().stdout.lines().count();
    let clean = debian.everything();
    debian.install(&ours);
    let version = debian.run(&["hookmux", "--version"]).succeeded().stdout;
    let commit = fs::read_to_string(built(suite).join("commit")).unwrap();
    assert_eq!(version.split(['(', ',']).nth(1), commit.get(..7), "{version}");
    assert_eq!((debian.hooks(), links()), (HOOKS.into(), HOOKS.len()));
    assert!(debian.run(&["hookmux", "check"]).succeeded().stdout.starts_with("no problems found"));
    debian.script("/etc/hookmux/qemu.d/10-veto", "exit 3");
    assert_eq!(debian.run(&["/etc/libvirt/hooks/qemu", "vm1", "prepare", "begin", "-"]).code, Some(3));
    // The version of the other is lower: a downgrade, and an upgrade back. Both keep the links.
    debian.install(&direct);
    debian.install(&ours);
    assert_eq!((debian.hooks(), links()), (HOOKS.into(), HOOKS.len()));
    assert_eq!(debian.dpkg(&["--verify", "hookmux"]).stdout, "");
    debian.run(&["rm", "-r", "/etc/hookmux/qemu.d/10-veto"]).succeeded();
    debian.dpkg(&["--purge", "hookmux"]);
    assert_eq!((difference(&clean, &debian.everything()), debian.has("/run/hookmux")), (Vec::new(), false));
}

#[test]
fn lintian_finds_nothing_unexplained_on_trixie() {
    lintian_finds_nothing_unexplained("trixie");
}

#[test]
fn lintian_finds_nothing_unexplained_on_sid() {
    lintian_finds_nothing_unexplained("sid");
}

#[test]
fn the_packages_differ_from_those_of_make_packages_only_in_their_changelogs_on_trixie() {
    differs_only_in_its_changelogs("trixie");
}

#[test]
fn the_packages_differ_from_those_of_make_packages_only_in_their_changelogs_on_sid() {
    differs_only_in_its_changelogs("sid");
}

#[test]
fn the_programs_are_linked_with_debians_c_library_alone_on_trixie() {
    is_linked_with_debians_c_library_alone("trixie");
}

#[test]
fn the_programs_are_linked_with_debians_c_library_alone_on_sid() {
    is_linked_with_debians_c_library_alone("sid");
}

#[test]
fn the_package_is_installed_and_purged_like_that_of_make_packages_on_trixie() {
    is_installed_and_purged_like_that_of_make_packages("trixie");
}

#[test]
fn the_package_is_installed_and_purged_like_that_of_make_packages_on_sid() {
    is_installed_and_purged_like_that_of_make_packages("sid");
}
