//! The tarball and its install.sh, on a system without the package.

use std::fs;

use crate::built::{older, package};
use crate::proof::Proof;
use support::debian::{Debian, difference};

/// Unpacks a tarball, and returns its directory.
fn unpacked(debian: &Debian, tarball: &std::path::Path) -> String {
    let name = tarball.file_name().unwrap().to_str().unwrap();
    debian.file(&format!("/tmp/{name}"), 0o644, &fs::read(tarball).unwrap());
    debian.run(&["tar", "-xzf", &format!("/tmp/{name}"), "--directory", "/tmp"]).succeeded();
    format!("/tmp/{}", name.strip_suffix(".tar.gz").unwrap())
}

#[test]
fn the_tarball_is_installed_and_uninstalled() {
    let debian = Debian::new("bookworm", "tarball");
    let proof = Proof::new("tarball", &debian.name());
    let (from, to) = (unpacked(&debian, &older("hookmux", "tar.gz")), unpacked(&debian, &package("hookmux", "tar.gz")));
    let [install_old, install] = [&from, &to].map(|directory| format!("{directory}/install.sh"));
    let clean = debian.everything();
    proof.step("tarball: install: the four links exist, and the check finds nothing", || {
        assert_eq!(debian.run(&[&install_old]).code, Some(0));
        let check = debian.run(&["hookmux", "check"]);
        assert_eq!((debian.hooks().len(), check.code), (4, Some(0)), "{check:?}");
    });
    proof.step("tarball: upgrade: changed settings and a link's absence stay", || {
        debian.file("/etc/hookmux/hookmux.toml", 0o644, b"parallel = 2\n");
        debian.run(&["rm", "/etc/libvirt/hooks/lxc"]).succeeded();
        assert_eq!(debian.run(&[&install]).code, Some(0));
        assert_eq!((debian.text("/etc/hookmux/hookmux.toml").as_str(), debian.hooks().len()), ("parallel = 2\n", 3));
        debian.run(&["rm", "-f", "/etc/hookmux/hookmux.toml.new"]).succeeded();
    });
    proof.step("tarball: uninstall: only changed settings are left", || {
        assert_eq!(debian.run(&[&install, "--uninstall"]).code, Some(0));
        let left = difference(&clean, &debian.everything());
        // Directories that other programs share.
        let shared = |path: &&String| !["/etc/libvirt", "/usr/share/"].iter().any(|shared| path.contains(shared));
        assert_eq!(left.iter().filter(shared).collect::<Vec<_>>(), ["+ /etc/hookmux", "+ /etc/hookmux/hookmux.toml"]);
        assert_eq!(debian.hooks(), [""; 0]);
    });
}

/// Does the same as under rpm, with the same stand-ins.
#[test]
fn the_selinux_module_is_installed_before_the_links_from_the_tarball() {
    const RECORDED: &str = "/var/log/recorded";
    let debian = Debian::new("bookworm", "tarball-selinux");
    let proof = Proof::new("tarball-selinux", &debian.name());
    let install = format!("{}/install.sh", unpacked(&debian, &package("hookmux", "tar.gz")));
    let stand_in = |name: &str, ends: &str| {
        let body = format!("echo \"${{0##*/}} $*: $(ls /etc/libvirt/hooks | wc -l) links\" >>{RECORDED}\n{ends}\n");
        debian.file(&format!("/usr/sbin/{name}"), 0o755, format!("#!/bin/sh\n{body}").as_bytes());
    };
    debian.file("/usr/sbin/selinuxenabled", 0o755, b"#!/bin/sh\n");
    stand_in("restorecon", "");
    proof.step("tarball: install where SELinux rejects the module: no link, and a line has the reason", || {
        stand_in("semodule", "exit 1");
        let answer = debian.run(&[&install]);
        assert_eq!((answer.code, debian.hooks().len()), (Some(1), 0), "{answer:?}");
        assert!(answer.stderr.contains("the SELinux module hookmux is not installed"), "{answer:?}");
    });
    proof.step("tarball: install and uninstall where it accepts it (stand-ins): module, links, and back", || {
        debian.run(&[&install, "--uninstall"]);
        debian.file(RECORDED, 0o644, b"");
        stand_in("semodule", "");
        assert_eq!((debian.run(&[&install]).code, debian.hooks().len()), (Some(0), 4));
        assert_eq!(debian.run(&[&install, "--uninstall"]).code, Some(0));
        let expected = "semodule -X 200 -i /usr/share/selinux/packages/hookmux.cil: 0 links\n\
            restorecon -i /usr/bin/hookmux /usr/bin/hookmux-hook: 0 links\nsemodule -X 200 -r hookmux: 0 links\n";
        assert_eq!(debian.text(RECORDED), expected);
    });
}
