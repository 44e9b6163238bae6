//! The recipes with their rules on a real system: systemd, cgroups, USB and PCI devices. The host boots once for them and runs
//! recipes.sh, and each test reads one part of its output. Does.

use support::emulator::Machine;

use crate::{boot, files};

static RECIPES: Machine = Machine::new(|| {
    let recipes = ["20-gpu", "30-cpus", "90-attach-usb", "90-backup"];
    let scripts = recipes.map(|name| format!("examples/qemu.d/{name}"));
    let rules = recipes.map(|name| format!("examples/hookmux.toml.d/{name}.toml"));
    boot(files("tests/host/recipes.sh", [scripts, rules].as_flattened()).path())
});

/// Tests qemu.d/30-cpus on a host with two CPUs: first through systemd, then in cgroups that nothing else manages.
#[test]
fn the_host_keeps_off_the_cpus_of_pinned_guests_until_the_last_of_them_has_ended() {
    let refused = "cpus: guest 'all': its CPUs and those of other guests (0,1) would leave none for the host\n";
    // The guest's own threads: three may run on both CPUs, and the virtual CPU on the second one.
    let systemd = format!(
        "before: [0-1 0-1 0-1]\none: [0 0 0], machine: 0-1\n3 0-1 1 1\ntwo: [0 0 0]\none again: [0 0 0]\n{refused}all: [0 0 0]\n\
         without one: [0 0 0]\nwithout both: [0-1 0-1 0-1]\nlock\n"
    );
    assert_eq!(RECIPES.part("cpus"), systemd);
    let plain = format!(
        "one prepare: [0 0 0]\ntwo prepare: [0 0 0]\n{refused}all prepare: [0 0 0]\none release: [0 0 0]\n\
         one release: [0 0 0]\ntwo release: [0-1 0-1 0-1]\n"
    );
    assert_eq!(RECIPES.part("plain"), plain);
}

/// Tests qemu.d/90-attach-usb: its output names the device that is missing.
#[test]
fn a_usb_device_is_attached_once_after_the_start_and_detached_with_the_guest() {
    let missing = "attach-usb: guest 'usb guest': ffff:ffff: ";
    let (started, rest) = RECIPES.part("usb").split_once(missing).unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    assert_eq!((started, rest), ("started\n", "exit code 1, attached 1\nafterwards 0\n"));
}

/// Describes the state of the card (the drivers and `driver_override` of its two functions) and of what displays with it.
fn card(when: &str, drivers: [&str; 2], picture: &str) -> String {
    let overridden = drivers.map(|driver| if driver == "vfio-pci" { driver } else { "-" });
    let [first, second] = [0, 1].map(|at| format!("{} {}", drivers[at], overridden[at]));
    format!("{when}: {first}, {second}, {picture}\n")
}

/// Tests qemu.d/20-gpu: at first the console is drawn without a driver, then bochs-drm has the card.
#[test]
fn a_graphics_card_is_handed_to_the_guest_and_restored_with_its_drivers_and_display() {
    let firmware = "framebuffer: VESA VGA, console: 1, display: active";
    let none = "framebuffer: , console: , display: active";
    let dark = "framebuffer: , console: , display: inactive";
    let drm = "framebuffer: bochs-drmdrmfb, console: 1, display: active";
    let (undriven, driven, taken) = (["none", "e1000e"], ["bochs-drm", "e1000e"], ["vfio-pci", "vfio-pci"]);
    let gone = "gpu: guest 'card': the framebuffer vesa-framebuffer.0 is gone until the next boot\n";
    let wanted = [
        card("before", undriven, firmware),
        "gpu: guest 'card': vfio-pci does not take 0000:00:09.0\n".to_owned(),
        card("no bridge", undriven, firmware),
        "bridge: pcieport -\n".to_owned(),
        card("card runs", taken, dark),
        card("card ended", undriven, none),
        gone.to_owned(),
        card("prepare", taken, dark),
        card("prepare", taken, dark),
        "display\ndevice 0000:00:08.0 none (null)\ndevice 0000:00:08.1 e1000e (null)\n".to_owned(),
        card("release", undriven, none),
        card("release", undriven, none),
        card("other function", ["none", "vfio-pci"], none),
        card("other function", undriven, none),
        card("driver", driven, drm),
        "hookmux: qemu prepare 'managed card' refused: /etc/hookmux/qemu.d/40-no exited 1\n".to_owned(),
        card("refused", driven, drm),
        card("managed card runs", taken, dark),
        card("managed card ended", driven, drm),
        "gpu: guest 'card': 0000:00:08.0 is in use by sleep (pid PID)\n".to_owned(),
        card("in use", driven, drm),
        "hookmux: qemu prepare 'card' failed: /etc/hookmux/qemu.d/20-gpu timed out after 8 s\n".to_owned(),
        card("out of time", driven, drm),
        "gpu: guest 'card': the host has no device 0000:00:0a.0\n".to_owned(),
        card("no device", driven, drm),
        "lock\n".to_owned(),
    ];
    assert_eq!(RECIPES.part("gpu"), wanted.concat());
}

#[test]
fn a_backup_starts_once_as_its_own_unit_after_a_guest_ended_normally() {
    let unit = "/system.slice/hookmux-backup-g1.service";
    let once = format!("g1, {unit}\n");
    let again = "backup: guest 'g1': Failed to start transient service unit: Unit hookmux-backup-g1.service was already \
                 loaded or has a fragment file.\n";
    let without = "backup: guest 'g1': systemd does not run this host, and a backup is a unit of it\n";
    // A crash and a refused start come before the one that it is started for.
    let wanted = format!("refused\ncrashed failed\n{once}{again}{once}{once}{without}");
    assert_eq!(RECIPES.part("backup"), wanted);
}
