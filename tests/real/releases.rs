//! Older and newer releases of libvirt than this machine's: each script runs exactly once only if hookmux detects which
//! libvirt calls it. A network's life needs no emulator, which keeps the roots small.

use std::path::Path;

use crate::everywhere::{self, Call};
use support::guests;
use support::host::Host;

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

#[test]
fn each_script_runs_once_on_libvirt_7_0() {
    test_network("bullseye", "7.0.0");
}

#[test]
fn each_script_runs_once_on_libvirt_11_3() {
    test_network("trixie", "11.3.0");
}
