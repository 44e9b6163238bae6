//! The life of the package hookmux under dpkg, on a system without libvirt: no file of an administrator is lost, and none of
//! the package stays.

use std::path::PathBuf;

use crate::built::{OLDER_SETTING, older, package};
use crate::existing::Existing;
use crate::proof::Proof;
use support::debian::{Debian, difference};
use support::packages::HOOKS;

const SCRIPT: &str = "/etc/hookmux/qemu.d/10-mine";

const METRICS: &str = "/var/lib/prometheus/node-exporter/hookmux.prom";

const RUN_SCRIPT: &str = "/run/hookmux/qemu.d/10-mine";

const SETTINGS: &str = "/etc/hookmux/hookmux.toml";

fn is_installed_and_removed(suite: &str) {
    let debian = Debian::new(suite, "life");
    let proof = Proof::new("life", &debian.name());
    let deb = package("hookmux", "deb");
    let clean = debian.everything();
    proof.step("install on a clean system: the four links exist", || {
        debian.install(&deb);
        assert_eq!((debian.state("hookmux").as_str(), debian.hooks()), ("installed", HOOKS.into()));
        assert_eq!(debian.dpkg(&["--verify", "hookmux"]).stdout, "");
        assert_eq!(debian.dpkg(&["--audit"]).stdout, "");
    });
    proof.step("the program is of this commit, and its check finds nothing", || {
        let version = debian.run(&["hookmux", "--version"]).succeeded().stdout;
        let expected = concat!("hookmux ", env!("CARGO_PKG_VERSION"), " (", env!("HOOKMUX_COMMIT"), ", ");
        assert!(version.starts_with(expected), "{version} is not {expected}: make packages");
        let check = debian.run(&["hookmux", "check"]);
        assert_eq!((check.code, check.stdout.starts_with("no problems found")), (Some(0), true), "{check:?}");
    });
    proof.step("install it again: nothing changes", || {
        let before = debian.everything();
        debian.install(&deb);
        assert_eq!(difference(&before, &debian.everything()), [""; 0]);
    });
    proof.step("remove: the links are deleted, settings and scripts stay", || {
        debian.script(SCRIPT, "");
        debian.file(METRICS, 0o644, b"");
        debian.dpkg(&["--remove", "hookmux"]);
        assert_eq!((debian.state("hookmux").as_str(), debian.hooks()), ("config-files", Vec::new()));
        let paths = [SCRIPT, SETTINGS, METRICS, "/usr/bin/hookmux", "/etc/libvirt"];
        assert_eq!(paths.map(|path| debian.has(path)), [true, true, false, false, false]);
        debian.run(&["rm", "-r", "/var/lib/prometheus"]).succeeded();
    });
    proof.step("install after a removal: the links exist again", || {
        debian.install(&deb);
        assert_eq!((debian.hooks(), debian.has(SCRIPT)), (HOOKS.into(), true));
    });
    proof.step("purge with an administrator's scripts: they stay, and their directories are named", || {
        debian.script(RUN_SCRIPT, "");
        debian.run(&["/etc/libvirt/hooks/qemu", "vm1", "start", "begin", "-"]).succeeded();
        let output = debian.dpkg(&["--purge", "hookmux"]).stdout;
        let named = ["/etc/hookmux", "/run/hookmux"].map(|place| output.contains(&format!("stay in {place}; ")));
        let run = debian.run(&["find", "/run/hookmux", "-type", "f"]).succeeded().stdout;
        assert_eq!((named, run.trim_end()), ([true, true], RUN_SCRIPT), "{output}");
        let left = ["+ /etc/hookmux", "+ /etc/hookmux/qemu.d", "+ /etc/hookmux/qemu.d/10-mine"];
        assert_eq!(difference(&clean, &debian.everything()), left);
    });
    proof.step("purge without scripts: nothing is left", || {
        debian.run(&["rm", "-r", "/etc/hookmux", "/run/hookmux"]).succeeded();
        debian.install(&deb);
        debian.run(&["/etc/libvirt/hooks/qemu", "vm1", "start", "begin", "-"]).succeeded();
        assert!(debian.has("/var/log/hookmux/calls.jsonl"), "a call leaves a record");
        debian.dpkg(&["--purge", "hookmux"]);
        assert_eq!((difference(&clean, &debian.everything()), debian.has("/run/hookmux")), (Vec::new(), false));
    });
}

fn is_upgraded(suite: &str) {
    let debian = Debian::new(suite, "upgrade");
    let proof = Proof::new("upgrade", &debian.name());
    let (from, to) = (older("hookmux", "deb"), package("hookmux", "deb"));
    proof.step("install the previous version", || {
        debian.install(&from);
        assert_eq!((debian.text(SETTINGS).ends_with(OLDER_SETTING), debian.hooks()), (true, HOOKS.into()));
    });
    proof.step("upgrade: unchanged settings are the new ones, links stay", || {
        debian.install(&to);
        assert_eq!((debian.text(SETTINGS).ends_with(OLDER_SETTING), debian.hooks()), (false, HOOKS.into()));
        assert_eq!(debian.dpkg(&["--verify", "hookmux"]).stdout, "");
    });
    proof.step("upgrade: changed settings, scripts and a link's absence stay", || {
        debian.dpkg(&["--purge", "hookmux"]);
        debian.install(&from);
        debian.script(SCRIPT, "");
        debian.file(SETTINGS, 0o644, b"parallel = 2\n");
        debian.run(&["rm", "/etc/libvirt/hooks/lxc"]).succeeded();
        debian.file("/tmp/new.deb", 0o644, &std::fs::read(&to).unwrap());
        debian.dpkg(&["--force-confold", "--install", "/tmp/new.deb"]);
        assert_eq!(debian.text(SETTINGS), "parallel = 2\n");
        assert_eq!((debian.has(SCRIPT), debian.hooks()), (true, ["qemu", "libxl", "network"].into()));
    });
    proof.step("upgrade: a file that was written through a hook's link becomes a separate hook", || {
        debian.dpkg(&["--purge", "hookmux"]);
        debian.install(&from);
        debian.run(&["sh", "-c", "echo '#!/bin/sh' >/etc/libvirt/hooks/qemu"]).succeeded();
        // If it cannot be kept, it is not moved.
        let hooks = "/etc/libvirt/hooks";
        debian.run(&["mount", "--bind", "-o", "ro", hooks, hooks]).succeeded();
        let refused = debian.run(&["dpkg", "--install", "/tmp/new.deb"]);
        debian.run(&["umount", hooks]).succeeded();
        assert_eq!(
            (refused.code, debian.text("/usr/bin/hookmux-hook").as_str()),
            (Some(1), "#!/bin/sh\n"),
            "{refused:?}"
        );
        let output = debian.install(&to).stdout;
        assert!(output.contains("what was written over it is now /etc/libvirt/hooks/qemu"), "{output}");
        assert_eq!(debian.dpkg(&["--verify", "hookmux"]).stdout, "");
        assert_eq!((debian.text("/etc/libvirt/hooks/qemu").as_str(), debian.hooks().len()), ("#!/bin/sh\n", 3));
        assert!(debian.has("/etc/libvirt/hooks/qemu.d/00-hookmux"));
    });
}

fn keeps_another_hook(suite: &str) {
    const THEIRS: &str = "/etc/libvirt/hooks/qemu";
    let debian = Debian::new(suite, "foreign");
    let proof = Proof::new("foreign", &debian.name());
    let deb = package("hookmux", "deb");
    debian.file(THEIRS, 0o755, b"#!/bin/sh\n# mine\nexit 0\n");
    let theirs = debian.text(THEIRS);
    proof.step("install on a host with another program's hook: hookmux is beside it, and a line reports it", || {
        let output = debian.install(&deb);
        let lines = output.stdout.lines().chain(output.stderr.lines());
        let order = lines.filter(|line| line.ends_with("by name: hookmux as 00-hookmux")).count();
        assert_eq!((order, debian.state("hookmux").as_str()), (1, "installed"), "{output:?}");
        assert_eq!((debian.text(THEIRS), debian.hooks()), (theirs.clone(), ["lxc", "libxl", "network"].into()));
    });
    proof.step("remove: the other program's hook stays", || {
        debian.dpkg(&["--purge", "hookmux"]);
        assert_eq!((debian.text(THEIRS), debian.hooks()), (theirs.clone(), Vec::new()));
    });
    proof.step("take it over: it runs as 00-original, also after an upgrade", || {
        debian.install(&older("hookmux", "deb"));
        debian.run(&["hookmux", "install", "--reload", "--take-over", "qemu"]).succeeded();
        debian.install(&deb);
        assert_eq!((debian.hooks(), debian.text("/etc/hookmux/qemu.d/00-original")), (HOOKS.into(), theirs.clone()));
    });
    proof.step("purge: the earlier hook is restored", || {
        debian.dpkg(&["--purge", "hookmux"]);
        assert_eq!((debian.text(THEIRS), debian.hooks()), (theirs.clone(), Vec::new()));
        assert!(!debian.has("/etc/hookmux"));
    });
}

fn is_installed_beside_an_existing_hook(suite: &str) {
    let debian = Debian::new(suite, "existing");
    let proof = Proof::new("existing", &debian.name());
    let existing = Existing { host: &debian, root: "" };
    let packages = [older("hookmux", "deb"), package("hookmux", "deb")];
    let erase = || drop(debian.dpkg(&["--remove", "hookmux"]));
    existing.keeps_running(
        &proof,
        packages.each_ref().map(PathBuf::as_path),
        &|package| debian.install(package),
        &erase,
    );
}

#[test]
fn an_existing_hook_keeps_running_beside_the_package_on_bookworm() {
    is_installed_beside_an_existing_hook("bookworm");
}

#[test]
fn an_existing_hook_keeps_running_beside_the_package_on_trixie() {
    is_installed_beside_an_existing_hook("trixie");
}

#[test]
fn an_existing_hook_keeps_running_beside_the_package_on_sid() {
    is_installed_beside_an_existing_hook("sid");
}

#[test]
fn the_package_is_installed_and_removed_on_bookworm() {
    is_installed_and_removed("bookworm");
}

#[test]
fn the_package_is_installed_and_removed_on_trixie() {
    is_installed_and_removed("trixie");
}

#[test]
fn the_package_is_installed_and_removed_on_sid() {
    is_installed_and_removed("sid");
}

#[test]
fn the_package_is_upgraded_on_bookworm() {
    is_upgraded("bookworm");
}

#[test]
fn the_package_is_upgraded_on_trixie() {
    is_upgraded("trixie");
}

#[test]
fn the_package_is_upgraded_on_sid() {
    is_upgraded("sid");
}

#[test]
fn another_programs_hook_stays_on_bookworm() {
    keeps_another_hook("bookworm");
}

#[test]
fn another_programs_hook_stays_on_trixie() {
    keeps_another_hook("trixie");
}

#[test]
fn another_programs_hook_stays_on_sid() {
    keeps_another_hook("sid");
}

#[test]
fn a_file_in_the_home_of_one_system_does_not_exist_in_another() {
    let [one, other] = ["one", "other"].map(|name| Debian::new("bookworm", &format!("home-{name}")));
    one.file("/root/mine", 0o644, b"");
    assert_eq!([one.has("/root/mine"), other.has("/root/mine")], [true, false]);
}
