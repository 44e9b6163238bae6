//! A container's whole life on a real libvirtd: started, found again by a restarted daemon, destroyed.

use crate::everywhere::{self, Call};
use support::guests;
use support::host::Host;

/// The calls of [`life`], in libvirt's order.
pub(crate) const LIFE: [Call; 6] = [
    ("ct1 prepare begin -", "<domain>ct1"),
    ("ct1 start begin -", "<domain>ct1"),
    ("ct1 started begin -", "<domain>ct1"),
    ("ct1 reconnect begin -", "<domain>ct1"),
    ("ct1 stopped end -", "<domain>ct1"),
    ("ct1 release end -", "<domain>ct1"),
];

/// Starts a container, restarts the daemon, destroys the container.
pub(crate) fn life(host: &Host) {
    host.start_libvirtd();
    let container = host.document("ct1", &guests::lxc("ct1"));
    let virsh = |command: &str| host.virsh_at("lxc:///system", command);
    virsh(&format!("define {container}")).succeeded();
    virsh("start ct1").succeeded();
    host.stop_libvirtd();
    host.start_libvirtd();
    host.wait_until("the container to be found again", || virsh("domstate ct1").stdout.trim() == "running");
    virsh("destroy ct1").succeeded();
}

#[test]
fn each_call_of_a_containers_life_runs_each_script_once_with_its_arguments_and_document() {
    let host = Host::with_cgroups("lxc-life");
    everywhere::put_scripts(&host, "lxc", &LIFE);
    life(&host);
    assert_eq!(host.calls(), everywhere::each_once(&LIFE));
}
