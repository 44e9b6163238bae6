//! The packages on a whole host: Debian 13 with systemd, journald and `AppArmor` enforcing, emulated. Does: needs root, the
//! packages (`make packages`) and the host that tests/host/build builds. `make test-host`. The host boots once, runs
//! scenario.sh, and each test reads one part of what that printed.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use support::packages::{find, said};
use support::{emulator, repository};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A version before every other, of the same program.
const OLDER: &str = "0.0.1";

/// What the scenario printed in one of its parts.
fn part(name: &str) -> &'static str {
    static PARTS: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    PARTS.get_or_init(boot).get(name).unwrap_or_else(|| panic!("no part {name}"))
}

fn boot() -> BTreeMap<String, String> {
    let host = repository().join("target/host");
    assert!(host.exists(), "{} is missing: tests/host/build makes it", host.display());
    let files = tempfile::tempdir_in(support::scratch()).unwrap();
    let package = find(&repository().join("target/packages"), VERSION, "hookmux", "deb");
    fs::copy(package, files.path().join("hookmux.deb")).unwrap();
    for example in ["qemu.d/30-cpus", "qemu.d/90-attach-usb"] {
        let (_, name) = example.split_once('/').unwrap();
        fs::copy(repository().join("examples").join(example), files.path().join(name)).unwrap();
    }
    fs::copy(repository().join("tests/host/scenario.sh"), files.path().join("scenario.sh")).unwrap();
    fs::copy(older(files.path()), files.path().join("older.deb")).unwrap();
    let file = |name: &str| host.join(name).to_str().unwrap().to_owned();
    // On a busy machine, emulated time stands still while the kernel looks for its timer.
    let append = "root=/dev/vda rw console=ttyS0 quiet panic=-1 no_timer_check loglevel=3 mitigations=off \
                  apparmor=1 security=apparmor systemd.show_status=false net.ifnames=0 systemd.mask=serial-getty@ttyS0.service \
                  systemd.mask=getty@tty1.service intel_iommu=on vga=0x317 modprobe.blacklist=bochs";
    let mut arguments = vec!["-machine", "q35,kernel-irqchip=split", "-device", "intel-iommu"];
    arguments.extend(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "3072"]);
    arguments.extend(["-device", "qemu-xhci", "-device", "usb-tablet"]);
    // What a graphics card is: 0000:00:08.0 has the framebuffer and no driver, 0000:00:08.1 has e1000e.
    arguments.extend(["-device", "VGA,addr=8.0,multifunction=on", "-device", "e1000e,addr=8.1"]);
    let (kernel, initrd) = (file("vmlinuz"), file("initrd.img"));
    arguments.extend(["-kernel", &kernel, "-initrd", &initrd, "-append", append]);
    emulator::run(&arguments, &host.join("root.img"), files.path())
}

/// The package that is upgraded: the same program under an older version.
fn older(directory: &std::path::Path) -> std::path::PathBuf {
    let made = directory.join("older");
    let extracted = directory.join("extracted");
    let package = find(&repository().join("target/packages"), VERSION, "hookmux", "deb");
    said(Command::new("dpkg-deb").arg("--extract").arg(package).arg(&extracted));
    let mut build = Command::new(repository().join("packaging/build"));
    build.arg(extracted.join("usr/bin/hookmux")).arg(&made).env("HOOKMUX_PACKAGE_VERSION", OLDER);
    said(build.env("SOURCE_DATE_EPOCH", "1700000000"));
    fs::remove_dir_all(extracted).unwrap();
    find(&made, OLDER, "hookmux", "deb")
}

#[test]
fn libvirtd_is_confined() {
    assert_eq!(part("host"), "libvirtd (enforce)\n");
}

#[test]
fn installing_links_the_hooks_and_leaves_another_programs_hook_alone() {
    let links = ["libxl", "lxc", "network.d/00-hookmux", "qemu"];
    let links = links.map(|link| format!("{link} -> /usr/bin/hookmux-hook\n")).concat();
    assert_eq!(part("install"), format!("installed\n{links}the other hook is unchanged\n"));
    assert_eq!(part("upgrade"), format!("installed\n{links}paused\nhookmux {VERSION}\ncheck: 0\n"));
}

/// What qemu.d/30-cpus does on a host with two CPUs: first through systemd, then in cgroups that nothing else manages.
#[test]
fn the_host_keeps_off_the_cpus_of_pinned_guests_until_the_last_of_them_has_ended() {
    let refused = "cpus: guest 'all': its CPUs and those of other guests (0,1) would leave none for the host\n";
    // The guest's own threads: three may run on both CPUs, and the virtual CPU on the second one.
    let systemd = format!(
        "before: [0-1 0-1 0-1]\none: [0 0 0], machine: 0-1\n3 0-1 1 1\ntwo: [0 0 0]\none again: [0 0 0]\n{refused}all: [0 0 0]\n\
         without one: [0 0 0]\nwithout both: [0-1 0-1 0-1]\nlock\n"
    );
    assert_eq!(part("cpus"), systemd);
    let plain = format!(
        "one prepare: [0 0 0]\ntwo prepare: [0 0 0]\n{refused}all prepare: [0 0 0]\none release: [0 0 0]\n\
         one release: [0 0 0]\ntwo release: [0-1 0-1 0-1]\n"
    );
    assert_eq!(part("plain"), plain);
}

/// The device that is missing is in the script's output.
#[test]
fn a_usb_device_is_attached_once_after_the_start_and_is_gone_with_the_guest() {
    let missing = "attach-usb: guest 'usb guest': ffff:ffff: ";
    let (started, rest) = part("usb").split_once(missing).unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    assert_eq!((started, rest), ("started\n", "exit code 1, attached 1\nafterwards 0\n"));
}

#[test]
fn a_veto_is_what_virsh_shows_and_what_the_journal_has() {
    let line = "hookmux: qemu prepare 'g1' refused: /etc/hookmux/qemu.d/10-veto exited 3";
    assert_eq!(part("veto"), format!("{line}\nnot today\n"));
    let journal = part("journal");
    let fields = [
        "HOOKMUX_DRIVER=qemu",
        "HOOKMUX_OBJECT=g1",
        "HOOKMUX_OPERATION=prepare",
        "HOOKMUX_SCRIPT=/etc/hookmux/qemu.d/10-veto",
    ];
    assert_eq!(fields.map(|field| journal.contains(field)), [true; 4], "{journal}");
}

#[test]
fn a_guest_and_its_background_script_survive_a_restart_of_libvirtd() {
    let calls = "prepare stopped release prepare start started reconnect";
    assert_eq!(part("restart"), format!("started\npaused\n{calls}\n"));
    // It is in a scope of its own, which ends with it, and the daemon's next start finds nothing that was left over.
    let scope = "0::/system.slice/hookmux-N.scope\nalive after the restart\nleft over: 0\nscopes: 1\nscopes: 0\n";
    assert_eq!(part("background"), scope);
}

#[test]
fn apparmor_denies_hookmux_nothing_but_a_link_to_usr_local_which_check_explains() {
    assert_eq!(part("denials"), "0\n");
    let local = part("local");
    assert!(local.contains("\ndenied\n") && local.ends_with("started\n"), "{local}");
    assert!(local.contains("AppArmor") && local.contains("in /usr/local/bin\n  fix: "), "{local}");
}

#[test]
fn removing_brings_back_the_host_and_guests_start() {
    assert_eq!(part("remove"), "removed\nas before\npaused\nstarted\n");
    // The scenario's own files stay, in /etc/hookmux alone.
    let kept = ["qemu.d", "hookmux.toml.d"].map(|name| {
        format!("dpkg: warning: while removing hookmux, directory '/etc/hookmux/{name}' not empty so not removed\n")
    });
    assert_eq!(part("purge"), kept.concat());
}
