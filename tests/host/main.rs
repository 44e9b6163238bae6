//! The packages on a whole host: Debian 13 with systemd, journald and `AppArmor` enforcing, emulated. Does: needs root, the
//! packages (`make packages`) and the host that tests/host/build builds. `make test-host`. The host boots once for
//! scenario.sh, and once for recipes.sh; each test reads one part of the output.

mod recipes;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::emulator::{self, Machine, Parts};
use support::packages::{find, stdout};
use support::repository;
use tempfile::TempDir;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A version before every other, of the same program.
const OLDER: &str = "0.0.1";

/// The host that runs scenario.sh.
static HOST: Machine = Machine::new(|| {
    let files = files("tests/host/scenario.sh", &[]);
    fs::copy(older(files.path()), files.path().join("older.deb")).unwrap();
    boot(files.path())
});

/// Creates the directory that the host has at /inject: the package, a scenario, and other files of the repository.
fn files(scenario: &str, others: &[String]) -> TempDir {
    let files = tempfile::tempdir_in(support::scratch()).unwrap();
    let package = find(&repository().join("target/packages"), VERSION, "hookmux", "deb");
    fs::copy(package, files.path().join("hookmux.deb")).unwrap();
    fs::copy(repository().join(scenario), files.path().join("scenario.sh")).unwrap();
    for path in [&["tests/host/common.sh".to_owned()], others].concat().iter().map(Path::new) {
        fs::copy(repository().join(path), files.path().join(path.file_name().unwrap())).unwrap();
    }
    files
}

/// Boots the host with these files. Its disk is not changed.
fn boot(files: &Path) -> Parts {
    let host = repository().join("target/host");
    assert!(host.exists(), "{} is missing: tests/host/build makes it", host.display());
    let file = |name: &str| host.join(name).to_str().unwrap().to_owned();
    // On a busy machine, emulated time stops while the kernel looks for its timer, and its watchdog writes to the console.
    let append = "root=/dev/vda rw console=ttyS0 quiet panic=-1 no_timer_check nowatchdog loglevel=3 mitigations=off \
                  apparmor=1 security=apparmor systemd.condition_needs_update=no systemd.show_status=false net.ifnames=0 systemd.mask=serial-getty@ttyS0.service \
                  systemd.mask=getty@tty1.service intel_iommu=on vga=0x317 modprobe.blacklist=bochs";
    let mut arguments = vec!["-machine", "q35,kernel-irqchip=split", "-device", "intel-iommu"];
    // Two features make each access to emulated memory slower.
    arguments.extend(["-accel", "tcg,thread=multi", "-cpu", "max,-la57,-smap", "-smp", "2", "-m", "3072"]);
    arguments.extend(["-device", "qemu-xhci", "-device", "usb-tablet"]);
    // A graphics card: 0000:00:08.0 has the framebuffer and no driver, 0000:00:08.1 has e1000e. And a bridge.
    arguments.extend(["-device", "VGA,addr=8.0,multifunction=on", "-device", "e1000e,addr=8.1"]);
    arguments.extend(["-device", "pcie-root-port,addr=9.0,chassis=1"]);
    let (kernel, initrd) = (file("vmlinuz"), file("initrd.img"));
    arguments.extend(["-kernel", &kernel, "-initrd", &initrd, "-append", append]);
    emulator::run(&arguments, &host.join("root.img"), files)
}

/// Makes the package that is upgraded: the same program with an older version.
fn older(directory: &Path) -> PathBuf {
    let made = directory.join("older");
    let extracted = directory.join("extracted");
    let package = find(&repository().join("target/packages"), VERSION, "hookmux", "deb");
    stdout(Command::new("dpkg-deb").arg("--extract").arg(package).arg(&extracted));
    let mut build = Command::new(repository().join("packaging/build"));
    build.arg(extracted.join("usr/bin/hookmux")).arg(&made).env("HOOKMUX_PACKAGE_VERSION", OLDER);
    stdout(build.env("SOURCE_DATE_EPOCH", "1700000000"));
    fs::remove_dir_all(extracted).unwrap();
    find(&made, OLDER, "hookmux", "deb")
}

#[test]
fn libvirtd_is_confined() {
    assert_eq!(HOST.part("host"), "libvirtd (enforce)\n");
}

#[test]
fn installing_links_the_hooks_and_leaves_another_programs_hook_alone() {
    let links = ["libxl", "lxc", "network.d/00-hookmux", "qemu"];
    let links = links.map(|link| format!("{link} -> /usr/bin/hookmux-hook\n")).concat();
    assert_eq!(HOST.part("install"), format!("installed\n{links}the other hook is unchanged\n"));
    let upgraded = format!("installed\n{links}paused\nhookmux {VERSION}\ncheck: 0\ntimer: active\n");
    assert_eq!(HOST.part("upgrade"), upgraded);
}

#[test]
fn virsh_and_the_journal_show_a_veto() {
    let line = "hookmux: qemu prepare 'g1' refused: /etc/hookmux/qemu.d/10-veto exited 3";
    assert_eq!(HOST.part("veto"), format!("{line}\nnot today\n"));
    let journal = HOST.part("journal");
    let fields = [
        "HOOKMUX_DRIVER=qemu",
        "HOOKMUX_OBJECT=g1",
        "HOOKMUX_OPERATION=prepare",
        "HOOKMUX_SCRIPT=/etc/hookmux/qemu.d/10-veto",
    ];
    assert_eq!(fields.map(|field| journal.contains(field)), [true; 4], "{journal}");
}

#[test]
fn the_journal_explains_a_veto() {
    let subject = "Subject: a script failed, or could not be run\n";
    let call = "/etc/hookmux/qemu.d/10-veto exited 3 in the call\nqemu prepare of 'g1'.\n";
    assert_eq!(HOST.part("catalog"), format!("{subject}{call}"));
}

#[test]
fn the_timer_writes_metrics_at_once_and_each_minute_once_it_is_enabled() {
    let installed = ["qemu", "lxc", "libxl", "network"].map(|driver| format!("{{driver=\"{driver}\"}} 1\n"));
    let first = format!("disabled\nsuccess\n644 root:root\n{}", installed.concat());
    assert_eq!(HOST.part("metrics"), first);
    assert_eq!(HOST.part("metrics again"), format!("hookmux_build_info{{version=\"{VERSION}\"}} 1\n"));
}

#[test]
fn a_guest_and_its_background_script_survive_a_restart_of_libvirtd() {
    let calls = "prepare stopped release prepare start started reconnect";
    assert_eq!(HOST.part("restart"), format!("started\npaused\n{calls}\n"));
    // It is in a scope of its own, which ends with it, and the daemon finds nothing left over at its next start.
    let scope = "0::/system.slice/hookmux-N.scope\nalive after the restart\nleft over: 0\nscopes: 1\nscopes: 0\n";
    assert_eq!(HOST.part("background"), scope);
}

/// As in hookmux-hooks(7), "The life of a guest".
#[test]
fn a_guests_scope_and_its_host_device_exist_when_the_manual_states_it() {
    let start = "prepare: e1000e\nstart: vfio-pci\n";
    let (running, end) = ("QEMU, scope, vfio-pci\n", "stopped: vfio-pci\nrelease: e1000e\n");
    let destroyed = format!("{start}started: {running}reconnect: {running}{end}destroyed\n");
    let crashed = format!("{start}started: {running}{end}crashed\n");
    assert_eq!(HOST.part("life"), destroyed + &crashed + start + end);
}

#[test]
fn apparmor_denies_only_a_link_to_usr_local_and_check_explains_it() {
    assert_eq!(HOST.part("denials"), "0\n");
    let local = HOST.part("local");
    assert!(local.contains("\ndenied\n") && local.ends_with("started\n"), "{local}");
    assert!(local.contains("AppArmor") && local.contains("in /usr/local/bin\n  fix: "), "{local}");
}

#[test]
fn removing_restores_the_host_and_guests_start() {
    assert_eq!(HOST.part("remove"), "removed\nas before\npaused\nstarted\ntimer: inactive\nno metrics\n");
    // The scenario's own files stay, in /etc/hookmux alone.
    let kept = ["qemu.d", "hookmux.toml.d"].map(|name| {
        format!("dpkg: warning: while removing hookmux, directory '/etc/hookmux/{name}' not empty so not removed\n")
    });
    assert_eq!(HOST.part("purge"), kept.concat());
}
