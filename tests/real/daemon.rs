//! The daemon's own life: started, told to reload, ended. Its calls are about no guest and carry no document.

use crate::everywhere::{self, Call};
use support::host::Host;

/// The calls of [`life`], in libvirt's order.
pub(crate) const LIFE: [Call; 3] =
    [("- start - start", "nothing"), ("- reload begin SIGHUP", "nothing"), ("- shutdown - shutdown", "nothing")];

/// Starts libvirtd, has it read its configuration again, ends it.
pub(crate) fn life(host: &Host) {
    host.start_libvirtd();
    let before = host.records().len();
    host.reload_libvirtd();
    // A SIGHUP has no answer; as many scripts run for it as for the start.
    host.wait_until("the hooks of the reload", || host.records().len() == 2 * before);
    host.stop_libvirtd();
}

#[test]
fn each_call_of_a_daemons_life_runs_each_script_once_with_its_arguments() {
    let host = Host::new("daemon-life");
    everywhere::put_scripts(&host, "daemon", &LIFE);
    life(&host);
    assert_eq!(host.calls(), everywhere::each_once(&LIFE));
}
