//! Older and newer releases of libvirt than this machine's: each script runs exactly once only if hookmux detects which
//! libvirt calls it. A network's life needs no emulator, which keeps the roots small.

use std::path::Path;

use crate::everywhere::{self, Call};
use support::guests;
use support::host::{Answer, Host};

const LIFE: [Call; 3] = [
    ("net1 start begin -", "<hookData>net1"),
    ("net1 started begin -", "<hookData>net1"),
    ("net1 stopped end -", "<hookData>net1"),
];

/// Starts and stops a network on the libvirt of another Debian release, which must be of `version`.
fn test_network(release: &str, version: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/roots").join(release);
    assert!(root.exists(), "{} is missing: tests/real/roots makes it", root.display());
    let host = Host::of_release(release, &root);
    everywhere::put_scripts(&host, "network", &LIFE);
    host.start_libvirtd();
    let virsh = |command: &str| host.virsh_at("network:///system", command).succeeded().stdout;
    virsh(&format!("net-define {}", host.document("net1", &guests::network("net1"))));
    virsh("net-start net1");
    virsh("net-destroy net1");
    assert_eq!(host.calls(), everywhere::each_once(&LIFE));
    let version_of_daemon = host.run(&["libvirtd", "--version"]).succeeded().stdout;
    assert_eq!(version_of_daemon.trim_end().rsplit(' ').next(), Some(version));
}

/// The operations of a network whose start fails at one of them, and whether its bridge is still there then.
fn failing_start(operation: &str, host: &Host, virsh: impl Fn(&str) -> Answer) -> (String, bool) {
    host.link_hookmux(&["network"]);
    host.script("/etc/hookmux/network.d/10-a", &format!("[ \"$2\" != {operation} ]"));
    host.start_libvirtd();
    virsh(&format!("net-define {}", host.document("net1", &guests::network("net1")))).succeeded();
    virsh("net-start net1").failed();
    let operations: Vec<_> = host.records().iter().map(|record| record.operation().to_owned()).collect();
    (operations.join(" "), host.run(&["ip", "link", "show", "br-net1"]).code == Some(0))
}

#[test]
fn libvirt_11_3_takes_down_a_network_whose_start_failed_and_9_0_does_not() {
    let seen = |operation: &str| {
        let host = Host::new(&format!("network-{operation}-fails"));
        let own = failing_start(operation, &host, |command| host.virsh(command));
        let [older, newer] = ["bullseye", "trixie"].map(|release| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/roots").join(release);
            let host = Host::of_release(&format!("{release}-{operation}-fails"), &root);
            failing_start(operation, &host, |command| host.virsh_at("network:///system", command))
        });
        [older, own, newer]
    };
    let expected = |calls: &str, stays, newer: &str| {
        [(calls.to_owned(), stays), (calls.to_owned(), stays), (newer.to_owned(), false)]
    };
    assert_eq!(seen("start"), expected("start", false, "start stopped"));
    assert_eq!(seen("started"), expected("start started", true, "start started stopped"));
}

#[test]
fn each_script_runs_once_on_libvirt_7_0() {
    test_network("bullseye", "7.0.0");
}

#[test]
fn each_script_runs_once_on_libvirt_11_3() {
    test_network("trixie", "11.3.0");
}
