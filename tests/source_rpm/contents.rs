//! The contents of the packages: the files of the release's own .rpm, except for the module and for debug information.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{make_release, package, unpack};
use support::packages::{find, stdout};
use support::repository;

const MODULE: &str = "/usr/share/selinux/packages/hookmux.cil";

/// Queries a package with rpm.
fn query(package: &Path, format: &str) -> BTreeSet<String> {
    let answer = stdout(Command::new("rpm").args(["-qp", "--qf", format]).arg(package));
    answer.lines().map(str::to_owned).collect()
}

/// Lists each path with mode, owner, flags and digest; without the digest for programs, which name their debug information.
fn files(package: &Path) -> BTreeSet<String> {
    let format = "[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILEFLAGS:fflags} \
        %{FILELINKTOS}%{FILEDIGESTS}\n]";
    let line = |line: String| match line.rsplit_once(' ') {
        Some((program, _)) if line.starts_with("/usr/bin/") => program.to_owned(),
        _ => line,
    };
    query(package, format).into_iter().map(line).collect()
}

fn paths(package: &Path) -> BTreeSet<String> {
    query(package, "[%{FILENAMES}\n]")
}

#[test]
fn the_files_are_those_of_the_releases_rpm_but_for_the_module() {
    let made = tempfile::tempdir().unwrap();
    make_release(made.path(), env!("CARGO_PKG_VERSION"));
    let different = |name: &str| -> Vec<String> {
        let (here, release) =
            (files(&package(name)), files(&find(made.path(), env!("CARGO_PKG_VERSION"), name, "rpm")));
        assert!(here.len() > 15, "{here:?}");
        here.symmetric_difference(&release).map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(["hookmux", "hookmux-guest"].map(different), [vec![MODULE.to_owned()], vec![]]);
}

#[test]
fn the_module_is_in_a_package_of_its_own() {
    let expected = [
        "/usr/share/licenses/hookmux-selinux",
        "/usr/share/licenses/hookmux-selinux/LICENSE",
        MODULE,
        "/var/lib/selinux/targeted/active/modules/200/hookmux",
    ];
    assert_eq!(paths(&package("hookmux-selinux")), expected.map(str::to_owned).into());
    let there = tempfile::tempdir().unwrap();
    unpack(&package("hookmux-selinux"), there.path());
    let module = fs::read_to_string(there.path().join(&MODULE[1..])).unwrap();
    assert_eq!(module, fs::read_to_string(repository().join("packaging/selinux/hookmux.cil")).unwrap());
}

#[test]
fn each_program_has_debug_information_and_its_sources() {
    let debug = paths(&package("hookmux-debuginfo"));
    let of = |path: &String| {
        path.starts_with("/usr/lib/debug/usr/bin/").then(|| path.rsplit('/').next().unwrap().to_owned())
    };
    let programs: BTreeSet<String> = debug.iter().filter_map(of).collect();
    let expected = ["hookmux", "hookmux-guest", "hookmux-hook"];
    let version = format!("-{}-1.{}.debug", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    assert_eq!(programs, expected.map(|name| format!("{name}{version}")).into());
    let sources = paths(&package("hookmux-debugsource"));
    for source in ["src/main.rs", "src/run/sys.rs"] {
        assert!(sources.iter().any(|path| path.ends_with(&format!("/{source}"))), "{sources:?}\n{source} is missing");
    }
}

#[test]
fn the_programs_need_the_c_library_and_the_module_where_selinuxs_policy_is() {
    let needs = |name: &str| -> BTreeSet<String> {
        let needs = query(&package(name), "[%{REQUIRENAME} %{REQUIREFLAGS:depflags} %{REQUIREVERSION}\n]");
        let library =
            |need: &str| ["libc.so.6(", "libgcc_s.so.1(", "ld-linux-", "rtld("].iter().any(|one| need.starts_with(one));
        let needs = needs.into_iter().map(|need| need.trim_end().to_owned());
        needs.filter(|need| !library(need) && !need.starts_with("rpmlib(")).collect()
    };
    let version = concat!(env!("CARGO_PKG_VERSION"), "-1");
    let policy = format!("(hookmux-selinux = {version} if selinux-policy-targeted)");
    let own = |name: &str| format!("config({name}) = {version}");
    assert_eq!(needs("hookmux"), ["/bin/sh".into(), own("hookmux"), policy].into());
    assert_eq!(needs("hookmux-guest"), ["/bin/sh".into(), own("hookmux-guest")].into());
    let policy = [
        "/bin/sh",
        "libselinux-utils",
        "policycoreutils",
        "policycoreutils-python-utils",
        "selinux-policy >= 41",
        "selinux-policy-base >= 41",
        "selinux-policy-targeted",
    ];
    assert_eq!(needs("hookmux-selinux"), policy.map(str::to_owned).into());
}

#[test]
fn the_program_is_dynamic_hardened_and_names_no_directory_of_the_build() {
    let there = tempfile::tempdir().unwrap();
    unpack(&package("hookmux"), there.path());
    for name in ["hookmux", "hookmux-hook"] {
        let program = there.path().join("usr/bin").join(name);
        let dynamic = stdout(Command::new("readelf").args(["--wide", "--dynamic", "--program-headers"]).arg(&program));
        for part in ["[libc.so.6]", "GNU_RELRO", "NOW PIE"] {
            assert!(dynamic.contains(part), "{dynamic}\n{name}: {part}");
        }
        let build = repository().join("target");
        let bytes = fs::read(&program).unwrap();
        let named = bytes.windows(build.as_os_str().len()).any(|window| window == build.as_os_str().as_encoded_bytes());
        assert!(!named, "{name}");
    }
}

#[test]
fn rpmlint_finds_nothing_that_is_not_explained() {
    let built = repository().join("target/source-rpm");
    let mut rpmlint = Command::new("rpmlint");
    rpmlint.arg("--config").arg(repository().join("packaging/rpmlint.toml"));
    rpmlint.arg(repository().join("packaging/rpm/hookmux.spec")).arg(built.join("SRPMS")).arg(built.join("RPMS"));
    let answer = rpmlint.output().unwrap();
    let found = String::from_utf8_lossy(&answer.stdout);
    assert!(found.contains(" 6 packages and 1 specfiles checked; 0 errors, 0 warnings,"), "{found}");
}
