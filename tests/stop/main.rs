//! The proposed operation `stop` on a libvirt that has it, by libvirtd and by virtqemud. Does: needs root, what
//! tests/needs installs, and the libvirt that tests/stop/build builds. `make test-stop`.

use std::fs;

use support::guests;
use support::host::Host;
use support::pair::{self, Pair};
use support::repository;

/// The daemons that call the hook for QEMU's guests.
const DAEMONS: [&str; 2] = ["libvirtd", "virtqemud"];

/// Refuses each `stop`.
const PROTECT: &str = "[ \"$2\" != stop ] || { echo \"$1 is protected\" >&2; exit 1; }";

/// The message that libvirt shows for that refusal.
const REFUSAL: &str = "hookmux: qemu stop 'vm1' refused: /etc/hookmux/qemu.d/10-protect exited 1\nvm1 is protected";

/// The calls of a guest from its definition to the moment at which it runs.
const START: [&str; 3] = ["prepare begin", "start begin", "started begin"];

/// Powers the machine off, as a guest does with ACPI: a boot sector that writes to QEMU's PM1 control register.
const POWER_OFF: [u8; 9] = [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4, 0xfd];

/// Starts a host with a daemon that calls hookmux, a script that refuses `stop`, and the guest vm1, which is not running yet.
fn host(daemon: &str, test: &str) -> Host {
    let host = Host::new(&format!("{test}-{daemon}"));
    host.replace_libvirt(&repository().join("target/stop-libvirt"));
    host.link_hookmux(&["qemu"]);
    host.script("/etc/hookmux/qemu.d/10-protect", PROTECT);
    match daemon {
        "virtqemud" => host.start_virtqemud(),
        _ => host.start_libvirtd(),
    }
    let mut sector = POWER_OFF.to_vec();
    sector.resize(510, 0);
    sector.extend([0x55, 0xaa]);
    sector.resize(1 << 20, 0);
    host.file("/run/power-off.img", 0o644, &sector);
    let disk = "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/run/power-off.img'/>\
                <target dev='sda' bus='sata'/><boot order='1'/></disk>";
    let guest = guests::qemu("vm1", disk).replace("<devices>", "<features><acpi/></features><devices>");
    host.virsh(&format!("define {}", host.document("vm1", &guest))).succeeded();
    host
}

/// Lists operation and sub-operation of every call so far.
fn calls(host: &Host) -> Vec<String> {
    host.records().iter().map(|record| record.args[1..3].join(" ")).collect()
}

/// Returns the PID of the guest's QEMU in the host's namespace.
fn qemu(host: &Host) -> String {
    fs::read_to_string(host.path("/run/libvirt/qemu/vm1.pid")).unwrap().trim().to_owned()
}

fn state(host: &Host) -> String {
    host.virsh("domstate vm1").succeeded().stdout.trim().to_owned()
}

/// Starts vm1 with its processors stopped, ends its QEMU with `end`, and asserts that libvirt cleans up after the guest.
fn ends_completely(test: &str, end: impl Fn(&Host)) {
    for daemon in DAEMONS {
        let host = host(daemon, test);
        host.virsh("start --paused vm1").succeeded();
        end(&host);
        host.wait_until("release", || calls(&host).last().is_some_and(|call| call == "release end"));
        assert_eq!(calls(&host), [&START[..], &["stop begin", "stopped end", "release end"]].concat(), "{daemon}");
        host.wait_until("the guest to be shut off", || state(&host) == "shut off");
        // Nothing is left that would prevent the next start.
        host.virsh("start --paused vm1").succeeded();
        assert_eq!(state(&host), "paused", "{daemon}");
    }
}

#[test]
fn a_refused_destroy_shows_the_scripts_message_and_leaves_the_guest_running() {
    for daemon in DAEMONS {
        let host = host(daemon, "refused");
        host.virsh("start --paused vm1").succeeded();
        let before = qemu(&host);
        let answer = host.virsh("destroy vm1").failed();
        assert!(answer.stderr.contains(REFUSAL), "{daemon}: {}", answer.stderr);
        let alive = fs::exists(host.path(&format!("/proc/{before}"))).unwrap();
        assert_eq!((state(&host).as_str(), qemu(&host), alive), ("paused", before, true), "{daemon}");
        assert_eq!(calls(&host), [&START[..], &["stop begin"]].concat(), "{daemon}");
        // Without the script, the same command ends the guest.
        host.file("/etc/hookmux/qemu.d/10-protect", 0o755, b"#!/bin/sh\n");
        host.virsh("destroy vm1").succeeded();
        assert_eq!(state(&host), "shut off", "{daemon}");
    }
}

#[test]
fn a_refusal_does_not_keep_a_guest_whose_qemu_was_killed() {
    ends_completely("killed", |host| drop(host.run(&["sh", "-c", &format!("kill -9 {}", qemu(host))]).succeeded()));
}

#[test]
fn a_refusal_does_not_keep_a_guest_whose_monitor_got_the_command_quit() {
    // The monitor closes before it answers.
    ends_completely("quit", |host| drop(host.virsh("qemu-monitor-command vm1 --hmp quit")));
}

#[test]
fn a_refusal_does_not_keep_a_guest_that_powers_itself_off() {
    ends_completely("power-off", |host| drop(host.virsh("resume vm1").succeeded()));
}

#[test]
fn each_script_runs_once_in_libvirts_directory_and_in_hookmuxs() {
    for daemon in DAEMONS {
        let host = host(daemon, "once");
        for script in ["/etc/hookmux/qemu.d/10-protect", "/etc/libvirt/hooks/qemu.d/20-libvirts"] {
            host.script(script, "");
        }
        host.virsh("start --paused vm1").succeeded();
        host.virsh("destroy vm1").succeeded();
        let seen: Vec<String> =
            host.records().iter().map(|record| format!("{} {}", record.operation(), record.name())).collect();
        let operations = ["prepare", "start", "started", "stop", "stopped", "release"];
        let expected =
            operations.map(|operation| ["10-protect", "20-libvirts"].map(|name| format!("{operation} {name}")));
        assert_eq!(seen, expected.concat(), "{daemon}");
    }
}

/// Ends a migration whose source does not answer with `end`, and asserts that nothing of the guest is left at its
/// destination, where a script refuses each `stop`.
fn leaves_no_incoming_guest(test: &str, expected: &[&str], end: impl Fn(&Pair)) {
    let pair = Pair::new(test);
    let Pair { source, destination, .. } = &pair;
    for host in [source, destination] {
        host.replace_libvirt(&repository().join("target/stop-libvirt"));
    }
    destination.link_hookmux(&["qemu"]);
    destination.script("/etc/hookmux/qemu.d/10-protect", PROTECT);
    let wait = b"#!/bin/sh\n[ \"$2\" != started ] || while [ ! -e /run/go ]; do sleep 0.02; done\n";
    destination.file("/etc/hookmux/qemu.d/20-wait", 0o755, wait);
    pair.start();
    let migrate =
        format!("virsh --quiet {} >/run/virsh.log 2>&1 & echo $! >/run/virsh.pid", pair::migration("vm1", destination));
    source.run(&["sh", "-c", &migrate]).succeeded();
    destination.wait_until("started", || calls(destination).last().is_some_and(|call| call == "started begin"));
    let incoming = qemu(destination);
    signal(source, "STOP", &qemu(source));
    destination.file("/run/go", 0o644, b"");
    let phase = "phase='perform3'";
    source.wait_until(phase, || fs::read_to_string(source.path("/run/libvirt/qemu/vm1.xml")).unwrap().contains(phase));
    end(&pair);
    destination.wait_until("release", || calls(destination).last().is_some_and(|call| call == "release end"));
    assert_eq!(calls(destination), [&["migrate begin"], &START[..], expected].concat());
    destination.wait_until("no guest", || destination.virsh("list --all --name").succeeded().stdout.trim().is_empty());
    assert!(!fs::exists(destination.path(&format!("/proc/{incoming}"))).unwrap());
}

fn signal(host: &Host, signal: &str, process: &str) {
    host.run(&["sh", "-c", &format!("kill -{signal} {process}")]).succeeded();
}

#[test]
fn a_refusal_does_not_keep_an_incoming_guest_whose_client_was_killed() {
    leaves_no_incoming_guest("client", &["stop begin", "stopped end", "release end"], |pair| {
        let client = fs::read_to_string(pair.source.path("/run/virsh.pid")).unwrap();
        signal(&pair.source, "KILL", &client);
    });
}

#[test]
fn a_refusal_does_not_keep_an_incoming_guest_whose_source_was_killed() {
    leaves_no_incoming_guest("source", &["stopped end", "release end"], |pair| {
        signal(&pair.source, "KILL", &qemu(&pair.source));
    });
}
