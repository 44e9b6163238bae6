//! The life of the packages under rpm, in a root of its own (`support::rpm`).

use std::fs;
use std::path::PathBuf;

use crate::built::{OLDER_SETTING, older, package};
use crate::existing::Existing;
use crate::proof::Proof;
use support::packages::HOOKS;
use support::rpm::Rpm;

const SETTINGS: &str = "/etc/hookmux/hookmux.toml";

const SCRIPT: &str = "/etc/hookmux/qemu.d/10-mine";

const METRICS: &str = "/var/lib/prometheus/node-exporter/hookmux.prom";

const THEIRS: &str = "/etc/libvirt/hooks/qemu";

#[test]
fn the_package_is_installed_and_removed_under_rpm() {
    let (rpm, proof) = (Rpm::new("life", &[]), Proof::new("life", "rpm root"));
    let clean = rpm.everything();
    proof.step("install the previous version: the four links exist, only a shell is needed", || {
        rpm.install(&[&older("hookmux", "rpm")]);
        assert_eq!((rpm.hooks(), rpm.text(SETTINGS).ends_with(OLDER_SETTING)), (HOOKS.into(), true));
        assert_eq!(rpm.rpm(&["--verify", "hookmux"]).stdout, "");
        let needs = rpm.rpm(&["--query", "--requires", "hookmux"]).stdout;
        let needs: Vec<_> = needs.lines().filter(|need| !need.starts_with("rpmlib(")).collect();
        assert!(needs.iter().all(|need| *need == "/bin/sh" || need.starts_with("config(hookmux)")), "{needs:?}");
    });
    proof.step("upgrade: unchanged settings are the new ones, links stay", || {
        rpm.install(&[&package("hookmux", "rpm")]);
        assert_eq!((rpm.hooks(), rpm.text(SETTINGS).ends_with(OLDER_SETTING)), (HOOKS.into(), false));
        assert_eq!(rpm.rpm(&["--verify", "hookmux"]).stdout, "");
    });
    proof.step("erase: nothing is left", || {
        rpm.rpm(&["--erase", "hookmux"]);
        assert_eq!(rpm.everything().symmetric_difference(&clean).collect::<Vec<_>>(), [""; 0]);
    });
    proof.step("upgrade: changed settings, scripts and a link's absence stay", || {
        rpm.install(&[&older("hookmux", "rpm")]);
        fs::write(rpm.path(SETTINGS), "parallel = 2\n").unwrap();
        rpm.host.script(&format!("/run/rpm/root{SCRIPT}"), "");
        fs::remove_file(rpm.path("/etc/libvirt/hooks/lxc")).unwrap();
        rpm.install(&[&package("hookmux", "rpm")]);
        assert_eq!((rpm.text(SETTINGS).as_str(), rpm.has(SCRIPT)), ("parallel = 2\n", true));
        assert_eq!(rpm.hooks(), ["qemu", "libxl", "network"]);
    });
    proof.step("erase: the links are deleted, changed settings and scripts stay", || {
        rpm.host.file(&format!("/run/rpm/root{METRICS}"), 0o644, b"");
        rpm.rpm(&["--erase", "hookmux"]);
        let kept = [SCRIPT, "/etc/hookmux/hookmux.toml.rpmsave", METRICS, "/usr/bin/hookmux", "/etc/libvirt"];
        assert_eq!((rpm.hooks(), kept.map(|path| rpm.has(path))), (Vec::new(), [true, true, false, false, false]));
    });
}

/// Uses programs that only record their arguments and the number of links. `semodule` fails once.
#[test]
fn the_selinux_module_is_installed_before_the_links_under_rpm() {
    const RECORDED: &str = "/var/log/recorded";
    let (rpm, proof) = (Rpm::new("selinux", &[]), Proof::new("selinux", "rpm root"));
    let stand_in = |name: &str, ends: &str| {
        let body = format!("echo \"${{0##*/}} $*: $(ls /etc/libvirt/hooks | wc -l) links\" >>{RECORDED}\n{ends}\n");
        rpm.host.file(&format!("/run/rpm/root/usr/sbin/{name}"), 0o755, format!("#!/bin/sh\n{body}").as_bytes());
    };
    rpm.host.file("/run/rpm/root/usr/sbin/selinuxenabled", 0o755, b"#!/bin/sh\n");
    stand_in("restorecon", "");
    proof.step("install where SELinux rejects the module: no link, and a line has the reason", || {
        stand_in("semodule", "exit 1");
        let errors = rpm.install(&[&package("hookmux", "rpm")]).stderr;
        assert!(
            errors.lines().any(|line| line.starts_with("hookmux: the SELinux module hookmux is not installed")),
            "{errors}"
        );
        assert_eq!(rpm.hooks(), [""; 0]);
        rpm.rpm(&["--erase", "hookmux"]);
    });
    proof.step(
        "install and erase where it does (stand-ins): the module comes before the links, and goes after",
        || {
            fs::write(rpm.path(RECORDED), "").unwrap();
            stand_in("semodule", "");
            rpm.install(&[&package("hookmux", "rpm")]);
            assert_eq!(rpm.hooks(), HOOKS);
            rpm.rpm(&["--erase", "hookmux"]);
            let expected = "semodule -X 200 -i /usr/share/selinux/packages/hookmux.cil: 0 links\n\
            restorecon -i /usr/bin/hookmux /usr/bin/hookmux-hook: 0 links\nsemodule -X 200 -r hookmux: 0 links\n";
            assert_eq!(rpm.text(RECORDED), expected);
        },
    );
}

#[test]
fn another_programs_hook_stays_under_rpm() {
    let (rpm, proof) = (Rpm::new("foreign", &[]), Proof::new("foreign", "rpm root"));
    rpm.host.file(&format!("/run/rpm/root{THEIRS}"), 0o755, b"#!/bin/sh\n# mine\nexit 0\n");
    let theirs = rpm.text(THEIRS);
    proof.step("install on a host with another program's hook: hookmux is beside it, and a line reports it", || {
        let output = rpm.install(&[&older("hookmux", "rpm")]);
        let lines = output.stdout.lines().chain(output.stderr.lines());
        assert_eq!(lines.filter(|line| line.ends_with("by name: hookmux as 00-hookmux")).count(), 1, "{output:?}");
        assert_eq!((rpm.text(THEIRS), rpm.hooks()), (theirs.clone(), ["lxc", "libxl", "network"].into()));
    });
    proof.step("take it over: it runs as 00-original, also after an upgrade", || {
        rpm.host.run(&["chroot", "/run/rpm/root", "hookmux", "install", "--reload", "--take-over", "qemu"]).succeeded();
        rpm.install(&[&package("hookmux", "rpm")]);
        assert_eq!((rpm.hooks(), rpm.text("/etc/hookmux/qemu.d/00-original")), (HOOKS.into(), theirs.clone()));
    });
    proof.step("erase: the earlier hook is restored", || {
        rpm.rpm(&["--erase", "hookmux"]);
        assert_eq!((rpm.text(THEIRS), rpm.hooks()), (theirs.clone(), Vec::new()));
    });
    proof.step("install and erase over another program's hook: it stays", || {
        rpm.install(&[&package("hookmux", "rpm")]);
        rpm.rpm(&["--erase", "hookmux"]);
        assert_eq!((rpm.text(THEIRS), rpm.hooks()), (theirs.clone(), Vec::new()));
    });
}

#[test]
fn an_existing_hook_keeps_running_beside_the_package_under_rpm() {
    let (rpm, proof) = (Rpm::new("existing", &[]), Proof::new("existing", "rpm root"));
    let existing = Existing { host: &rpm.host, root: "/run/rpm/root" };
    let packages = [older("hookmux", "rpm"), package("hookmux", "rpm")];
    let erase = || drop(rpm.rpm(&["--erase", "hookmux"]));
    existing.keeps_running(
        &proof,
        packages.each_ref().map(PathBuf::as_path),
        &|package| rpm.install(&[package]),
        &erase,
    );
}

#[test]
fn hookmux_guest_is_installed_and_removed_under_rpm() {
    let (rpm, proof) = (Rpm::new("guest", &[]), Proof::new("guest", "rpm root"));
    let clean = rpm.everything();
    let hook = "/usr/libexec/hookmux/fsfreeze-hook";
    proof.step("install hookmux-guest beside hookmux: one hook, which the agent must be configured for", || {
        rpm.install(&[&older("hookmux-guest", "rpm")]);
        rpm.install(&[&package("hookmux", "rpm")]);
        rpm.install(&[&package("hookmux-guest", "rpm")]);
        assert_eq!((rpm.hooks(), rpm.has("/etc/qemu-ga/fsfreeze-hook"), rpm.has(hook)), (HOOKS.into(), false, true));
    });
    proof.step("a script in the agent's directory that fails makes the freeze fail", || {
        rpm.host.file("/run/rpm/root/etc/qemu-ga/fsfreeze-hook.d/10-no", 0o755, b"#!/bin/sh\nexit 3\n");
        let freeze = rpm.host.run(&["chroot", "/run/rpm/root", hook, "freeze"]);
        assert_eq!(freeze.code, Some(3), "{freeze:?}");
    });
    proof.step("erase it while the agent is configured for it: a line reports it", || {
        let switch = format!("FSFREEZE_HOOK_PATHNAME={hook}\n");
        rpm.host.file("/run/rpm/root/etc/sysconfig/qemu-ga", 0o644, switch.as_bytes());
        let output = rpm.rpm(&["--erase", "hookmux-guest"]);
        assert!(output.stderr.contains("/etc/sysconfig/qemu-ga"), "{output:?}");
    });
    proof.step("erase hookmux, too: only the records are left, like other logs", || {
        for path in ["/etc/sysconfig", "/etc/qemu-ga"] {
            fs::remove_dir_all(rpm.path(path)).unwrap();
        }
        rpm.rpm(&["--erase", "hookmux"]);
        let left: Vec<_> = rpm.everything().symmetric_difference(&clean).cloned().collect();
        assert_eq!(left, ["var/log/hookmux", "var/log/hookmux/calls.jsonl"]);
    });
}
