//! A network's whole life on a real libvirtd: started, changed, used by a guest, stopped.

use crate::everywhere::{self, Call};
use support::guests;
use support::host::Host;

/// The calls of [`life`], in libvirt's order.
pub(crate) const LIFE: [Call; 6] = [
    ("net1 start begin -", "<hookData>net1"),
    ("net1 started begin -", "<hookData>net1"),
    ("net1 updated begin -", "<hookData>net1"),
    ("net1 port-created begin -", "<hookData>net1+vm1"),
    ("net1 port-deleted begin -", "<hookData>net1+vm1"),
    ("net1 stopped end -", "<hookData>net1"),
];

/// Starts a network, adds a DHCP host, starts and destroys a guest on it, stops it.
pub(crate) fn life(host: &Host) {
    host.start_libvirtd();
    let network = host.document("net1", &guests::network("net1"));
    let lease = host.document("lease", "<host mac='52:54:00:44:00:03' ip='127.44.0.15'/>");
    let guest = host.document("vm1", &guests::qemu("vm1", &guests::interface("net1")));
    host.virsh(&format!("net-define {network}")).succeeded();
    host.virsh(&format!("define {guest}")).succeeded();
    host.virsh("net-start net1").succeeded();
    host.virsh(&format!("net-update net1 add ip-dhcp-host {lease} --live")).succeeded();
    for command in ["start vm1", "destroy vm1", "net-destroy net1"] {
        host.virsh(command).succeeded();
    }
}

#[test]
fn each_call_of_a_networks_life_runs_each_script_once_with_its_arguments_and_document() {
    let host = Host::new("network-life");
    everywhere::put_scripts(&host, "network", &LIFE);
    life(&host);
    assert_eq!(host.calls(), everywhere::each_once(&LIFE));
}
