//! The life of a guest as hookmux-hooks(7) describes it, compared with what a real libvirtd calls. Does.

use std::collections::BTreeMap;
use std::fs;

use support::guests;
use support::host::Host;
use support::pair::Pair;
use support::recorder::Record;

const MANUAL: &str = include_str!("../../man/hookmux-hooks.7");

/// Keeps, beside the record of a call, which network devices exist: bridges and taps.
const DEVICES: &str = "ls /sys/class/net >\"$record/devices\"";

/// The calls of one life in the manual: driver and words, as in `qemu life prepare begin -`.
fn manual(life: &str) -> Vec<&'static str> {
    let (_, rest) = MANUAL.split_once(&format!(".Ss Life: {life}\n")).unwrap_or_else(|| panic!("no life {life}"));
    let lines = rest.lines().take_while(|line| !line.starts_with(".S"));
    lines.filter_map(|line| line.strip_prefix(".It Li ")).collect()
}

/// A host whose scripts record the calls of guests, networks and the daemon.
fn prepare(host: &Host) {
    let drivers = ["qemu", "network", "daemon"];
    host.link_hookmux(&drivers);
    for driver in drivers {
        host.script(&format!("/etc/hookmux/{driver}.d/10-record"), DEVICES);
    }
}

/// Starts the daemon, whose first call is its own, and the network, and returns the guest's document.
fn network(host: &Host) -> String {
    host.start_libvirtd();
    host.virsh(&format!("net-define {}", host.document("lan", &guests::network("lan")))).succeeded();
    host.virsh("net-start lan").succeeded();
    host.document("life", &guests::qemu("life", &guests::interface("lan")))
}

/// A call as the manual has it: the reason of a release is any of libvirt's, which gives none before 10.5.0.
fn call(record: &Record) -> String {
    let mut words = record.words.clone();
    if record.operation() == "release" {
        let reasons = ["-", "shutdown", "destroyed", "crashed", "migrated", "saved", "failed"];
        assert!(reasons.contains(&words[3].as_str()), "{words:?}");
        "REASON".clone_into(&mut words[3]);
    }
    format!("{} {}", record.environment["HOOKMUX_DRIVER"], words.join(" "))
}

/// Waits for as many new calls as a life has in the manual, and compares them. `before` is how many there were.
fn is_life(host: &Host, life: &str, before: usize) {
    let expected = manual(life);
    host.wait_until(life, || host.records().len() >= before + expected.len());
    let seen: Vec<String> = host.records()[before..].iter().map(call).collect();
    assert_eq!(seen, expected, "{life}");
}

#[test]
fn a_guests_life_is_as_the_manual_describes_it() {
    let host = Host::new("life");
    prepare(&host);
    let document = network(&host);
    is_life(&host, "net-start", 1);
    host.virsh(&format!("define {document}")).succeeded();
    let commands = [
        ("start", "start life"),
        ("destroy", "destroy life"),
        ("start", "start life"),
        ("save", "save life /run/life.saved"),
        ("restore", "restore /run/life.saved"),
    ];
    for (life, command) in commands {
        let before = host.records().len();
        host.virsh(command).succeeded();
        is_life(&host, life, before);
    }

    let before = host.records().len();
    host.stop_libvirtd();
    host.start_libvirtd();
    is_life(&host, "restart of the daemon", before);

    // A crash is a destroy that libvirt did not order.
    let before = host.records().len();
    let pid = fs::read_to_string(host.path("/run/libvirt/qemu/life.pid")).unwrap();
    host.run(&["sh", "-c", &format!("kill -9 {}", pid.trim())]).succeeded();
    is_life(&host, "destroy", before);

    host.virsh("start life").succeeded();
    let before = host.records().len();
    host.virsh("net-destroy lan").succeeded();
    is_life(&host, "net-destroy under a running guest", before);
}

#[test]
fn network_devices_exist_when_the_manual_states_it() {
    let host = Host::new("devices");
    prepare(&host);
    let document = network(&host);
    host.virsh(&format!("create {document}")).succeeded();
    let mut exist = BTreeMap::new();
    let directories = fs::read_dir(host.path("/run/records")).unwrap().map(|entry| entry.unwrap().path());
    for (record, directory) in host.records().iter().zip(directories.collect::<std::collections::BTreeSet<_>>()) {
        let devices = fs::read_to_string(directory.join("devices")).unwrap();
        exist.insert(call(record), ["br-lan", "vnet0"].map(|name| devices.lines().any(|device| device == name)));
    }
    let expected = [
        ("daemon - start - start", [false, false]),
        ("network lan port-created begin -", [true, false]),
        ("network lan start begin -", [false, false]),
        ("network lan started begin -", [true, false]),
        ("qemu life prepare begin -", [true, false]),
        ("qemu life start begin -", [true, true]),
        ("qemu life started begin -", [true, true]),
    ];
    assert_eq!(exist, expected.map(|(call, exist)| (call.to_owned(), exist)).into());
}

#[test]
fn a_migration_is_as_the_manual_describes_it_on_both_hosts() {
    let pair = Pair::new("life");
    let hosts = [&pair.source, &pair.destination];
    hosts.into_iter().for_each(prepare);
    let [document, _] = hosts.map(network);
    pair.source.virsh(&format!("create {document}")).succeeded();
    let before = hosts.map(|host| host.records().len());
    pair.migrate("life").succeeded();
    is_life(&pair.destination, "migration, on the destination", before[1]);
    is_life(&pair.source, "migration, on the source", before[0]);
}
