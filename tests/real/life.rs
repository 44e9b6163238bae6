//! The life of a guest in hookmux-hooks(7), compared with the calls of a real libvirtd, and with what exists at each. Does.

use std::collections::BTreeMap;
use std::fs;

use support::guests;
use support::host::Host;
use support::pair::Pair;
use support::recorder::Record;

const MANUAL: &str = include_str!("../../man/hookmux-hooks.7");

/// Writes to the record of a call what exists: the bridge, the guest's tap device, its QEMU and its cgroup.
const EXIST: &str = r#"
{
    ! ls -d /sys/class/net/br-lan || echo bridge
    ! ls -d /sys/class/net/vnet* || echo tap
    ! pgrep -f guest=life, || echo QEMU
    find /sys/fs/cgroup -name '*-life.libvirt-qemu'
} 2>/dev/null >"$record/exist.part"
mv "$record/exist.part" "$record/exist""#;

/// Everything that exists while a guest runs.
const ALL: &str = "bridge tap QEMU cgroup";

/// Existing things at the calls of a start: prepare, port-created, start, started.
const START: [&str; 4] = ["bridge", "bridge", "bridge tap", ALL];

/// The same for a restore and an incoming migration, which have one more call before them.
const ARRIVAL: [&str; 5] = ["bridge", START[0], START[1], START[2], START[3]];

/// Existing things at the calls of an end: stopped, port-deleted, release.
const END: [&str; 3] = ["bridge cgroup", "bridge cgroup", "bridge"];

/// Returns the calls of one life in the manual: driver and arguments, as in `qemu life prepare begin -`.
fn manual(life: &str) -> Vec<&'static str> {
    let (_, rest) = MANUAL.split_once(&format!(".Ss Life: {life}\n")).unwrap_or_else(|| panic!("no life {life}"));
    let lines = rest.lines().take_while(|line| !line.starts_with(".S"));
    lines.filter_map(|line| line.strip_prefix(".It Li ")).collect()
}

/// Installs scripts that record the calls of guests, networks and the daemon.
fn prepare(host: &Host) {
    let drivers = ["qemu", "network", "daemon"];
    host.link_hookmux(&drivers);
    for driver in drivers {
        host.script(&format!("/etc/hookmux/{driver}.d/10-record"), EXIST);
    }
}

/// Starts the daemon, which makes a call about itself, and the network, and returns the guest's document.
fn network(host: &Host) -> String {
    host.start_libvirtd();
    host.virsh(&format!("net-define {}", host.document("lan", &guests::network("lan")))).succeeded();
    host.virsh("net-start lan").succeeded();
    host.document("life", &guests::qemu("life", &guests::interface("lan")))
}

/// Formats a call as in the manual: the reason of a release is one of libvirt's; before 10.5.0 it is always `-`.
fn call(record: &Record) -> String {
    let mut args = record.args.clone();
    if record.operation() == "release" {
        let reasons = ["-", "shutdown", "destroyed", "crashed", "migrated", "saved", "failed"];
        assert!(reasons.contains(&args[3].as_str()), "{args:?}");
        "REASON".clone_into(&mut args[3]);
    }
    format!("{} {}", record.environment["HOOKMUX_DRIVER"], args.join(" "))
}

/// Returns what existed at each call so far, as [`EXIST`] has recorded it.
fn existed(host: &Host) -> Vec<String> {
    let records = fs::read_dir(host.path("/run/records")).unwrap().map(|entry| entry.unwrap().path());
    let texts = records.filter_map(|record| Some((record.clone(), fs::read_to_string(record.join("exist")).ok()?)));
    let all = ["bridge", "tap", "QEMU", "cgroup"];
    let names = |text: String| all.into_iter().filter(|one| text.contains(one)).collect::<Vec<_>>().join(" ");
    texts.collect::<BTreeMap<_, _>>().into_values().map(names).collect()
}

/// Waits for the calls of a life in the manual, and compares them, and what existed at each. `before` is the number of
/// earlier calls.
fn assert_life(host: &Host, life: &str, before: usize, exist: &[&str]) {
    let expected = manual(life);
    host.wait_until(life, || existed(host).len() >= before + expected.len());
    let (calls, exists) = (host.records()[before..].iter().map(call).collect::<Vec<_>>(), existed(host));
    let seen: Vec<_> =
        calls.iter().zip(&exists[before..]).map(|(call, exist)| (call.as_str(), exist.as_str())).collect();
    assert_eq!(seen, expected.into_iter().zip(exist.iter().copied()).collect::<Vec<_>>(), "{life}");
}

#[test]
fn a_guests_life_is_as_the_manual_describes_it() {
    let host = Host::with_cgroups("life");
    prepare(&host);
    let document = network(&host);
    assert_life(&host, "net-start", 1, &["", "bridge"]);
    host.virsh(&format!("define {document}")).succeeded();
    let commands = [
        ("start", "virsh start life", &START[..]),
        ("destroy", "virsh destroy life", &END),
        ("start", "virsh start life", &START),
        // A crash has the calls of a destroy.
        ("destroy", "kill -9 $(cat /run/libvirt/qemu/life.pid)", &END),
        ("start", "virsh start life", &START),
        ("save", "virsh save life /run/life.saved", &END),
        ("restore", "virsh restore /run/life.saved", &ARRIVAL),
        ("restart of the daemon", "", &[ALL; 4]),
        ("destroy", "virsh destroy life", &END),
    ];
    for (life, command, exist) in commands {
        let before = host.records().len();
        if command.is_empty() {
            host.stop_libvirtd();
            host.start_libvirtd();
        }
        let command = format!("export VIRSH_DEFAULT_CONNECT_URI=qemu:///system; {command}");
        host.run(&["sh", "-c", &command]).succeeded();
        assert_life(&host, life, before, exist);
    }

    host.virsh("start life").succeeded();
    let before = host.records().len();
    host.virsh("net-destroy lan").succeeded();
    assert_life(&host, "net-destroy under a running guest", before, &["tap QEMU cgroup"]);
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
    assert_life(&pair.destination, "migration, on the destination", before[1], &ARRIVAL);
    assert_life(&pair.source, "migration, on the source", before[0], &END);
}
