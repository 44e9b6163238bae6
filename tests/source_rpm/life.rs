//! The packages' life under rpm: on a host without `SELinux`, on one with its policy, and after the release's own .rpm.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::{make_release, package};
use support::packages::{HOOKS, find, stdout};
use support::rpm::Rpm;

/// Lists what the packages need of the libraries of C and of the compiler, which glibc and libgcc provide on Fedora.
fn libraries() -> Vec<String> {
    let mut query = Command::new("rpm");
    let needs = stdout(query.args(["-qp", "--requires"]).args(["hookmux", "hookmux-guest"].map(package)));
    let needs: BTreeSet<&str> =
        needs.lines().filter(|need| need.contains(".so.") || need.starts_with("rtld(")).collect();
    needs.into_iter().map(str::to_owned).collect()
}

/// The names that the packages of Fedora's policy provide.
const POLICY: [&str; 6] = [
    "selinux-policy = 41",
    "selinux-policy-base = 41",
    "selinux-policy-targeted",
    "libselinux-utils",
    "policycoreutils",
    "policycoreutils-python-utils",
];

const CALLS: &str = "/var/log/calls";

fn root(test: &str, provides: &[&str]) -> Rpm {
    let libraries = libraries();
    Rpm::new(
        &format!("source-{test}"),
        &libraries.iter().map(String::as_str).chain(provides.iter().copied()).collect::<Vec<_>>(),
    )
}

#[test]
fn the_packages_are_installed_and_removed_on_a_host_without_selinux() {
    let rpm = root("life", &[]);
    let clean = rpm.everything();
    rpm.install(&[&package("hookmux"), &package("hookmux-guest"), &package("hookmux-debuginfo")]);
    assert_eq!(rpm.hooks(), HOOKS);
    assert_eq!(rpm.rpm(&["--verify", "hookmux", "hookmux-guest"]).stdout, "");
    let version = rpm.host.run(&["chroot", "/run/rpm/root", "hookmux", "--version"]).succeeded().stdout;
    assert!(version.starts_with(concat!("hookmux ", env!("CARGO_PKG_VERSION"))), "{version}");
    assert!(version.ends_with("-linux-gnu)\n"), "{version}");
    let call = ["chroot", "/run/rpm/root", "/etc/libvirt/hooks/qemu", "vm1", "prepare", "begin", "-"];
    rpm.host.file("/run/rpm/root/etc/hookmux/qemu.d/10-no", 0o755, b"#!/bin/sh\nexit 3\n");
    assert_eq!(rpm.host.run(&call).code, Some(3));
    fs::remove_file(rpm.path("/etc/hookmux/qemu.d/10-no")).unwrap();
    rpm.rpm(&["--erase", "hookmux", "hookmux-guest", "hookmux-debuginfo"]);
    let left: Vec<_> = rpm.everything().symmetric_difference(&clean).cloned().collect();
    assert_eq!(left, ["var/log/hookmux", "var/log/hookmux/calls.jsonl"]);
}

/// Uses stand-ins for the programs of `SELinux` that log their arguments and the number of links. `semodule` keeps its modules.
#[test]
fn the_module_is_installed_before_the_links_and_removed_after_them() {
    let rpm = root("selinux", &POLICY);
    let stand_in = |name: &str, body: &str| {
        let log = format!("echo \"${{0##*/}} $*: $(ls /etc/libvirt/hooks 2>/dev/null | wc -l) links\" >>{CALLS}");
        rpm.host.file(
            &format!("/run/rpm/root/usr/sbin/{name}"),
            0o755,
            format!("#!/bin/sh\n{log}\n{body}\n").as_bytes(),
        );
    };
    rpm.host.file("/run/rpm/root/usr/sbin/selinuxenabled", 0o755, b"#!/bin/sh\n");
    let store = "/var/lib/selinux/targeted/active/modules/200";
    let semodule = format!(
        "case $* in\n-l) ls {store} ;;\n*' -i '*) mkdir -p {store}/hookmux && : >{store}/hookmux/cil ;;\n\
        *' -r '*) rm -r {store}/hookmux ;;\nesac"
    );
    stand_in("semodule", &semodule);
    for name in ["restorecon", "load_policy", "fixfiles"] {
        stand_in(name, "");
    }
    rpm.host.file("/run/rpm/root/etc/selinux/config", 0o644, b"SELINUX=enforcing\nSELINUXTYPE=targeted\n");
    rpm.host.file("/run/rpm/root/etc/selinux/targeted/contexts/files/file_contexts", 0o644, b"");
    fs::create_dir_all(rpm.path("/var/lib/rpm-state")).unwrap();

    rpm.install(&[&package("hookmux"), &package("hookmux-selinux")]);
    assert_eq!(rpm.hooks(), HOOKS);
    assert_eq!(rpm.rpm(&["--verify", "hookmux", "hookmux-selinux"]).stdout, "");
    let erased = rpm.rpm(&["--erase", "hookmux", "hookmux-selinux"]);
    assert_eq!((erased.stderr.as_str(), rpm.has(&format!("{store}/hookmux"))), ("", false));
    let module = "/usr/share/selinux/packages/hookmux.cil";
    let calls = [
        format!("semodule -n -s targeted -X 200 -i {module}: 0 links"),
        "load_policy : 0 links".into(),
        "semodule -l: 0 links".into(),
        "restorecon -i /usr/bin/hookmux /usr/bin/hookmux-hook: 0 links".into(),
        "fixfiles -C /var/lib/rpm-state/file_contexts.pre restore: 4 links".into(),
        "semodule -n -X 200 -s targeted -r hookmux: 0 links".into(),
        "load_policy : 0 links".into(),
    ];
    assert_eq!(rpm.text(CALLS).lines().collect::<Vec<_>>(), calls);
}

#[test]
fn an_upgrade_from_the_releases_own_package_keeps_the_links() {
    let (rpm, made) = (root("upgrade", &[]), tempfile::tempdir().unwrap());
    make_release(made.path(), "0.0.9");
    rpm.install(&[&find(made.path(), "0.0.9", "hookmux", "rpm")]);
    fs::remove_file(rpm.path("/etc/libvirt/hooks/lxc")).unwrap();
    rpm.install(&[&package("hookmux")]);
    assert_eq!(rpm.hooks(), ["qemu", "libxl", "network"]);
    assert_eq!(rpm.rpm(&["--verify", "hookmux"]).stdout, "");
    assert!(!rpm.has("/usr/share/selinux/packages/hookmux.cil"));
}
