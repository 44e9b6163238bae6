//! A guest's whole life on a real libvirtd: started, destroyed, saved, restored, found again by a restarted daemon.

use crate::everywhere::{self, Call};
use support::guests;
use support::host::Host;

/// The calls of [`life`], in libvirt's order.
pub(crate) const LIFE: [Call; 15] = [
    ("vm1 prepare begin -", "<domain>vm1"),
    ("vm1 start begin -", "<domain>vm1"),
    ("vm1 started begin -", "<domain>vm1"),
    ("vm1 stopped end -", "<domain>vm1"),
    ("vm1 release end -", "<domain>vm1"),
    ("vm1 prepare begin -", "<domain>vm1"),
    ("vm1 start begin -", "<domain>vm1"),
    ("vm1 started begin -", "<domain>vm1"),
    ("vm1 stopped end -", "<domain>vm1"),
    ("vm1 release end -", "<domain>vm1"),
    ("vm1 restore begin -", "<domain>vm1"),
    ("vm1 prepare begin -", "<domain>vm1"),
    ("vm1 start begin -", "<domain>vm1"),
    ("vm1 started begin -", "<domain>vm1"),
    ("vm1 reconnect begin -", "<domain>vm1"),
];

/// Starts and destroys a guest, starts it again, saves and restores it, and restarts the daemon.
pub(crate) fn life(host: &Host) {
    host.start_libvirtd();
    host.virsh(&format!("define {}", host.document("vm1", &guests::qemu("vm1", "")))).succeeded();
    for command in ["start vm1", "destroy vm1", "start vm1", "save vm1 /run/vm1.saved", "restore /run/vm1.saved"] {
        host.virsh(command).succeeded();
    }
    host.stop_libvirtd();
    host.start_libvirtd();
    host.wait_until("the guest to be found again", || host.virsh("domstate vm1").stdout.trim() == "running");
}

#[test]
fn each_call_of_a_guests_life_runs_each_script_once_with_its_arguments_and_document() {
    let host = Host::new("qemu-life");
    everywhere::put_scripts(&host, "qemu", &LIFE);
    life(&host);
    assert_eq!(host.calls(), everywhere::each_once(&LIFE));
    assert_eq!(host.virsh("list --name").succeeded().stdout.trim(), "vm1", "the guest keeps running");
}
