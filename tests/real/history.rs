//! `hookmux history` after a real guest's life on a real network.

use support::guests;
use support::host::Host;

/// A script that delays its guest.
const SLOW: &str = "#!/bin/sh\n[ \"$2\" != start ] || sleep 0.3\n";

#[test]
fn a_real_guests_start_is_one_picture_with_its_networks_port_in_it() {
    let host = Host::new("history");
    host.link_hookmux(&["qemu", "network"]);
    for script in ["/etc/hookmux/qemu.d/10-slow", "/etc/hookmux/network.d/20-port"] {
        host.file(script, 0o755, SLOW.as_bytes());
    }
    host.run(&["install", "-d", "-m", "750", "/var/log/hookmux"]).succeeded();
    host.start_libvirtd();
    host.virsh(&format!("net-create {}", host.document("net1", &guests::network("net1")))).succeeded();
    let guest = host.document("vm1", &guests::qemu("vm1", &guests::interface("net1")));
    host.virsh(&format!("create {guest}")).succeeded();
    host.virsh("destroy vm1").succeeded();
    let output = host.run(&["/usr/bin/hookmux", "history", "--guest", "vm1"]).succeeded().stdout;
    // The name is in the first 36 columns, the time in the next ones.
    let rows: Vec<(String, bool)> = output
        .lines()
        .skip(2)
        .map(|line| (line.chars().take(36).collect::<String>().trim().to_owned(), line.contains(['█', '─'])))
        .collect();
    let step = |script: &'static str| [script, "10-slow"];
    let expected = [
        step("qemu prepare"),
        ["network port-created net1", "20-port"],
        step("qemu start"),
        step("qemu started"),
        step("qemu stopped"),
        ["network port-deleted net1", "20-port"],
        step("qemu release"),
    ];
    let expected: Vec<(String, bool)> = expected.concat().into_iter().map(|name| (name.to_owned(), true)).collect();
    assert_eq!(rows, expected, "{output}");
}
