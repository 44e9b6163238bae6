//! The daemon's own life: start, reload, end. Its calls are not about a guest and have no document.

use crate::everywhere::{self, Call};
use support::host::Host;

/// The calls of [`life`], in libvirt's order.
pub(crate) const LIFE: [Call; 3] =
    [("- start - start", "nothing"), ("- reload begin SIGHUP", "nothing"), ("- shutdown - shutdown", "nothing")];

/// Starts libvirtd, reloads it, and ends it.
pub(crate) fn life(host: &Host) {
    host.start_libvirtd();
    let before = host.records().len();
    host.reload_libvirtd();
    // libvirtd does not answer a SIGHUP; it runs as many scripts as at its start.
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
