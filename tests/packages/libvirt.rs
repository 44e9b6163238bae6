//! A real libvirtd in a root in which dpkg has installed hookmux: its guests start, and a packaged example refuses starts.

use crate::built::{older, package};
use crate::existing::{Existing, HOOK};
use crate::proof::Proof;
use support::debian::Debian;
use support::guests;
use support::packages::HOOKS;

/// The packages of libvirt on a host.
const LIBVIRT: &[&str] = &["libvirt-daemon-system", "libvirt-clients", "qemu-system-x86"];

/// A packaged example that works with released versions of libvirt: 10-vm-protection is for `stop`, which they do not call.
const EXAMPLE: &str = "/usr/share/doc/hookmux/examples/libxl.d/20-maintenance";

const MARKER: &str = "/etc/hookmux/maintenance";

/// Starts libvirtd, adds its version to the table, and defines vm1.
fn set_up_libvirtd(debian: &Debian, proof: &Proof) {
    // As in namespaces.sh, for a libvirt that was installed later.
    if debian.has("/run/no-kvm") {
        let settings = debian.text("/etc/libvirt/qemu.conf") + "namespaces = []\n";
        debian.file("/etc/libvirt/qemu.conf", 0o600, settings.as_bytes());
    }
    debian.start_libvirtd();
    let version = debian.run(&["libvirtd", "--version"]).succeeded().stdout;
    proof.libvirt_is(version.trim_end().rsplit(' ').next().unwrap());
    debian.virsh(&format!("define {}", debian.document("vm1", &guests::qemu("vm1", "")))).succeeded();
}

/// Installs the example with a command of its README.
fn install_example(debian: &Debian) {
    debian.run(&["install", "-D", "-m", "755", EXAMPLE, "/etc/hookmux/qemu.d/20-maintenance"]).succeeded();
}

fn guest_is(debian: &Debian, state: &str) {
    assert_eq!(debian.virsh("domstate vm1").succeeded().stdout.trim(), state);
}

/// Asserts that virsh shows the example's veto, and that the guest is not started.
fn guest_is_refused(debian: &Debian) {
    debian.file(MARKER, 0o644, b"new memory, back at 14:00\n");
    let error = debian.virsh("start vm1").failed().stderr;
    let parts = [
        "Hook script execution failed",
        "hookmux: qemu prepare 'vm1' refused: /etc/hookmux/qemu.d/20-maintenance exited 1",
        "maintenance: guest 'vm1' is kept away from this host: /etc/hookmux/maintenance is there (new memory, back at 14:00)",
    ];
    assert_eq!(parts.map(|part| error.contains(part)), [true; 3], "{error}");
    guest_is(debian, "shut off");
    debian.run(&["rm", MARKER]).succeeded();
}

fn guest_starts(debian: &Debian) {
    debian.virsh("start vm1").succeeded();
    guest_is(debian, "running");
}

/// Returns the last record of an operation.
fn recorded(debian: &Debian, operation: &str) -> Option<String> {
    let history = debian.run(&["hookmux", "history", "--guest", "vm1", "--json"]).succeeded().stdout;
    let of = |record: &&str| record.contains(&format!("\"operation\":\"{operation}\""));
    history.lines().rfind(of).map(str::to_owned)
}

fn is_installed_before_libvirt(suite: &str) {
    let debian = Debian::new(suite, "before");
    let proof = Proof::new("before", &debian.name());
    proof.step("install hookmux before libvirt", || {
        debian.install(&package("hookmux", "deb"));
    });
    proof.step("install libvirt: its package keeps the links", || {
        debian.apt_install(LIBVIRT);
        assert_eq!(debian.hooks(), HOOKS);
        assert_eq!(debian.dpkg(&["--verify", "hookmux"]).stdout, "");
    });
    set_up_libvirtd(&debian, &proof);
    proof.step("a guest starts on a real libvirtd", || {
        guest_starts(&debian);
        debian.virsh("destroy vm1").succeeded();
        assert!(recorded(&debian, "started").is_some());
    });
    proof.step("the packaged example's veto: the start is refused, and virsh shows the script", || {
        install_example(&debian);
        guest_is_refused(&debian);
    });
    proof.step("without the marker file the same guest starts", || {
        guest_starts(&debian);
        debian.virsh("destroy vm1").succeeded();
    });
    proof.step("the packaged protection refuses a stop, called as a libvirt with stop calls it", || {
        let from = "/usr/share/doc/hookmux/examples/qemu.d/10-vm-protection";
        debian.run(&["install", "-D", "-m", "755", from, "/etc/hookmux/qemu.d/10-vm-protection"]).succeeded();
        debian.file("/etc/hookmux/protected-domains", 0o644, b"vm1\n");
        let stop =
            |guest: &str| debian.run(&["hookmux", "run", "qemu", guest, "stop", "--xml", "/run/documents/vm1.xml"]);
        let (protected, other) = (stop("vm1"), stop("vm2"));
        let output = protected.stdout.clone() + &protected.stderr;
        assert_eq!((protected.code, output.contains("'vm1' is protected by")), (Some(1), true), "{protected:?}");
        assert_eq!(other.code, Some(0), "{other:?}");
    });
}

fn is_installed_with_a_running_libvirt(suite: &str) {
    let debian = Debian::new(suite, "after");
    let proof = Proof::new("after", &debian.name());
    proof.step("install libvirt without hookmux", || debian.apt_install(LIBVIRT));
    set_up_libvirtd(&debian, &proof);
    proof.step("a guest starts on a real libvirtd that has no hook", || {
        guest_starts(&debian);
        debian.virsh("destroy vm1").succeeded();
    });
    let pid = debian.text("/run/libvirtd.pid");
    proof.step(
        "install and purge hookmux where policy-rc.d forbids it, as in an image: libvirtd is not signalled",
        || {
            debian.file("/usr/sbin/policy-rc.d", 0o755, b"#!/bin/sh\necho \"$@\" >>/run/asked\nexit 101\n");
            debian.install(&package("hookmux", "deb"));
            let signalled = debian.has("/run/hookmux/reloaded");
            debian.dpkg(&["--purge", "hookmux"]);
            debian.run(&["rm", "/usr/sbin/policy-rc.d"]).succeeded();
            assert_eq!((signalled, debian.text("/run/asked").as_str()), (false, "libvirtd reload\nlibvirtd reload\n"));
        },
    );
    proof.step("install and purge hookmux in a chroot of this host: libvirtd is not signalled", || {
        let chroot = "mkdir /run/chroot; mount --rbind / /run/chroot; cp -a /etc /run/etc; mount --bind /run/etc /run/chroot/etc";
        debian.run(&["sh", "-ec", chroot]).succeeded();
        debian.file("/tmp/hookmux.deb", 0o644, &std::fs::read(package("hookmux", "deb")).unwrap());
        let dpkg = |action, what| debian.run(&["chroot", "/run/chroot", "dpkg", action, what]).succeeded().stdout;
        let installed = dpkg("--install", "/tmp/hookmux.deb");
        let linked = debian.link("/run/chroot/etc/libvirt/hooks/qemu").is_some();
        let printed = installed + &dpkg("--purge", "hookmux");
        debian.run(&["sh", "-ec", "umount --recursive /run/chroot; rm -r /run/chroot /run/etc"]).succeeded();
        assert_eq!((linked, debian.hooks(), printed.contains("reload")), (true, Vec::new(), false), "{printed}");
    });
    proof.step("install hookmux (the previous version): libvirtd is reloaded, not restarted", || {
        let output = debian.install(&older("hookmux", "deb")).stdout;
        assert!(output.contains(&format!("libvirtd (pid {}) was reloaded", pid.trim())), "{output}");
        let check = |output: &str| output.starts_with("no problems found");
        debian.wait_until("check to find no problems", || check(&debian.run(&["hookmux", "check"]).stdout));
        // It ignores SIGHUP.
        debian.wait_until("libvirtd to call the hook", || {
            guest_starts(&debian);
            debian.virsh("destroy vm1").succeeded();
            recorded(&debian, "prepare").is_some()
        });
        assert_eq!(debian.text("/run/libvirtd.pid"), pid);
    });
    proof.step("the packaged example's veto: the start is refused, and virsh shows the script", || {
        install_example(&debian);
        guest_is_refused(&debian);
        guest_starts(&debian);
    });
    proof.step("upgrade with a running guest: it keeps running, libvirtd is not reloaded", || {
        let output = debian.install(&package("hookmux", "deb")).stdout;
        assert!(!output.contains("was reloaded"), "{output}");
        guest_is(&debian, "running");
    });
    proof.step("after the upgrade: the veto works, and a restart of libvirtd keeps the guest", || {
        debian.stop_libvirtd();
        debian.start_libvirtd();
        guest_is(&debian, "running");
        assert!(recorded(&debian, "reconnect").is_some());
        debian.virsh("destroy vm1").succeeded();
        guest_is_refused(&debian);
        guest_starts(&debian);
    });
    proof.step("remove with a running guest: it keeps running, and starts again without hooks", || {
        let output = debian.dpkg(&["--remove", "hookmux"]).stdout;
        assert!(output.contains("was reloaded"), "{output}");
        guest_is(&debian, "running");
        debian.virsh("destroy vm1").succeeded();
        guest_starts(&debian);
    });
    proof.step(
        "install beside an existing hook, under a running guest: that hook runs as before, and the veto holds",
        || {
            Existing { host: &debian, root: "" }.install_hook();
            debian.stop_libvirtd();
            debian.start_libvirtd();
            guest_is(&debian, "running");
            debian.file("/run/actions", 0o666, b"");
            debian.install(&package("hookmux", "deb"));
            guest_is(&debian, "running");
            debian.virsh("destroy vm1").succeeded();
            // Newer versions of libvirt show the reason.
            let actions = debian.text("/run/actions").replace("destroyed", "-");
            assert_eq!(actions, "sidecar vm1 stopped end -\nsidecar vm1 release end -\n");
            guest_is_refused(&debian);
            guest_starts(&debian);
            debian.dpkg(&["--remove", "hookmux"]);
            debian.run(&["rm", HOOK, &format!("{HOOK}.conf")]).succeeded();
            guest_is(&debian, "running");
        },
    );
    proof.step("libvirt's own directory still exists, and no file of its package has changed", || {
        assert_eq!((debian.hooks(), debian.has("/etc/libvirt/hooks")), (Vec::new(), true));
        let changed = debian.dpkg(&["--verify", "libvirt-daemon-system"]).stdout;
        // Changed by this test.
        assert_eq!(
            changed.lines().filter(|line| !line.ends_with(" /etc/libvirt/qemu.conf")).collect::<Vec<_>>(),
            [""; 0]
        );
    });
}

#[test]
fn hookmux_is_installed_before_libvirt_on_bookworm() {
    is_installed_before_libvirt("bookworm");
}

#[test]
fn hookmux_is_installed_before_libvirt_on_trixie() {
    is_installed_before_libvirt("trixie");
}

#[test]
fn hookmux_is_installed_with_a_running_libvirt_on_bookworm() {
    is_installed_with_a_running_libvirt("bookworm");
}

#[test]
fn hookmux_is_installed_with_a_running_libvirt_on_trixie() {
    is_installed_with_a_running_libvirt("trixie");
}
