//! The package hookmux-guest diverts the hook of the real package qemu-guest-agent, a conffile, and restores it.

use crate::built::{older, package};
use crate::proof::Proof;
use support::debian::{Debian, difference};

const HOOK: &str = "/etc/qemu/fsfreeze-hook";

const KEPT: &str = "/etc/qemu/fsfreeze-hook.distrib";

const OURS: Option<&str> = Some("/usr/bin/hookmux-guest");

fn diverts_and_restores_the_agents_hook(suite: &str) {
    let debian = Debian::new(suite, "guest");
    let proof = Proof::new("guest", &debian.name());
    let deb = package("hookmux-guest", "deb");
    proof.step("install qemu-guest-agent", || debian.apt_install(&["qemu-guest-agent"]));
    let (before, theirs) = (debian.everything(), debian.text(HOOK));
    proof.step("install hookmux-guest: it is the agent's hook, QEMU's own is diverted", || {
        debian.install(&older("hookmux-guest", "deb"));
        assert_eq!((debian.link(HOOK).as_deref(), debian.text(KEPT)), (OURS, theirs.clone()));
    });
    proof.step("a script that fails makes the freeze fail, where QEMU's own hook succeeds", || {
        debian.file("/etc/qemu/fsfreeze-hook.d/10-no", 0o755, b"#!/bin/sh\nexit 3\n");
        let [ours, qemus] = [HOOK, KEPT].map(|hook| debian.run(&[hook, "freeze"]));
        assert_eq!((ours.code, qemus.code), (Some(3), Some(0)), "{ours:?} {qemus:?}");
        assert!(ours.stderr.contains("/etc/qemu/fsfreeze-hook.d/10-no exited 3"), "{ours:?}");
        debian.run(&["rm", "/etc/qemu/fsfreeze-hook.d/10-no", "/var/log/qga-fsfreeze-hook.log"]).succeeded();
    });
    proof.step("upgrade hookmux-guest: both stay", || {
        debian.install(&deb);
        assert_eq!((debian.link(HOOK).as_deref(), debian.text(KEPT)), (OURS, theirs.clone()));
    });
    proof.step("install qemu-guest-agent anew: its hook is written to the diverted path", || {
        debian.run(&["sh", "-c", "dpkg --install /var/cache/apt/archives/qemu-guest-agent_*.deb"]);
        assert_eq!((debian.link(HOOK).as_deref(), debian.text(KEPT)), (OURS, theirs.clone()));
        assert_eq!(debian.dpkg(&["--audit"]).stdout, "");
    });
    proof.step("remove hookmux-guest: QEMU's own hook is restored", || {
        debian.dpkg(&["--remove", "hookmux-guest"]);
        assert_eq!((debian.text(HOOK), debian.has(KEPT), debian.link(HOOK)), (theirs.clone(), false, None));
    });
    proof.step("purge hookmux-guest: nothing is left", || {
        debian.dpkg(&["--purge", "hookmux-guest"]);
        assert_eq!(difference(&before, &debian.everything()), [""; 0]);
    });
    proof.step("a changed hook of QEMU's is left alone, and a line has the command to run", || {
        debian.file(HOOK, 0o755, b"#!/bin/sh\n# mine\nexit 0\n");
        let output = debian.install(&deb);
        let lines: Vec<_> =
            output.stdout.lines().chain(output.stderr.lines()).filter(|line| line.contains(HOOK)).collect();
        assert_eq!((lines.len(), debian.link(HOOK), debian.has(KEPT)), (1, None, false), "{output:?}");
        debian.dpkg(&["--purge", "hookmux-guest"]);
        assert_eq!(debian.text(HOOK), "#!/bin/sh\n# mine\nexit 0\n");
    });
}

fn is_installed_before_the_agent(suite: &str) {
    let debian = Debian::new(suite, "guest-first");
    let proof = Proof::new("guest-first", &debian.name());
    let clean = debian.everything();
    proof.step("install hookmux-guest and hookmux on one system: they share directories", || {
        debian.install(&package("hookmux-guest", "deb"));
        debian.install(&package("hookmux", "deb"));
        assert_eq!((debian.link(HOOK).as_deref(), debian.hooks().len()), (OURS, 4));
    });
    proof.step("purge hookmux: hookmux-guest is complete", || {
        debian.dpkg(&["--purge", "hookmux"]);
        assert_eq!(debian.dpkg(&["--verify", "hookmux-guest"]).stdout, "");
        let stays = ["/var/log/hookmux", "/etc/hookmux/fsfreeze-hook.d", "/etc/hookmux/hookmux.toml"];
        assert_eq!((stays.map(|path| debian.has(path)), debian.hooks().len()), ([true, true, false], 0));
    });
    proof.step("install qemu-guest-agent after it: its hook is diverted", || {
        debian.apt_install(&["qemu-guest-agent"]);
        assert_eq!((debian.link(HOOK).as_deref(), debian.text(KEPT).starts_with("#!/bin/")), (OURS, true));
    });
    proof.step("purge hookmux-guest: QEMU's own hook has its own path", || {
        debian.dpkg(&["--purge", "hookmux-guest"]);
        assert_eq!(
            (debian.text(HOOK).starts_with("#!/bin/"), debian.link(HOOK), debian.has(KEPT)),
            (true, None, false)
        );
        assert_eq!(debian.dpkg(&["--verify", "qemu-guest-agent"]).stdout, "");
        let left = difference(&clean, &debian.everything());
        assert_eq!(left.iter().filter(|path| path.contains("hookmux")).collect::<Vec<_>>(), [""; 0]);
    });
}

#[test]
fn hookmux_guest_diverts_and_restores_the_agents_hook_on_bookworm() {
    diverts_and_restores_the_agents_hook("bookworm");
}

#[test]
fn hookmux_guest_diverts_and_restores_the_agents_hook_on_trixie() {
    diverts_and_restores_the_agents_hook("trixie");
}

#[test]
fn hookmux_guest_diverts_and_restores_the_agents_hook_on_sid() {
    diverts_and_restores_the_agents_hook("sid");
}

#[test]
fn hookmux_guest_is_installed_before_the_agent_on_bookworm() {
    is_installed_before_the_agent("bookworm");
}

#[test]
fn hookmux_guest_is_installed_before_the_agent_on_trixie() {
    is_installed_before_the_agent("trixie");
}

#[test]
fn hookmux_guest_is_installed_before_the_agent_on_sid() {
    is_installed_before_the_agent("sid");
}
