//! The same scenario twice: with libvirt's own `.d` without hookmux, and with hookmux. The records of both are the same,
//! except for the intended differences in `differences.rs`.

use std::collections::BTreeMap;

use crate::{daemon, lxc, network, qemu};
use support::host::Host;
use support::recorder::Record;

/// Returns the records of scripts in libvirt's own directory, and of the same scripts in hookmux's.
fn both(driver: &str, host: fn(&str) -> Host, life: fn(&Host)) -> [Vec<Record>; 2] {
    let theirs = host(&format!("{driver}-theirs"));
    let ours = host(&format!("{driver}-ours"));
    ours.link_hookmux(&[driver]);
    for script in ["10-first", "20-second"] {
        theirs.script(&format!("/etc/libvirt/hooks/{driver}.d/{script}"), "");
        ours.script(&format!("/etc/hookmux/{driver}.d/{script}"), "");
    }
    [theirs, ours].map(|host| {
        life(&host);
        host.records()
    })
}

/// Compares both sides, record by record, and the variables that only hookmux adds to the environment.
pub(crate) fn assert_same(driver: &str, calls: usize, [theirs, ours]: &[Vec<Record>; 2]) {
    let added =
        [("HOOKMUX_DAEMON", "libvirtd"), ("HOOKMUX_DRIVER", driver), ("HOOKMUX_VERSION", env!("CARGO_PKG_VERSION"))];
    let added = BTreeMap::from(added.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let differences: Vec<String> =
        theirs.iter().zip(ours).flat_map(|(theirs, ours)| differences(theirs, ours, &added)).collect();
    assert_eq!(differences.join("\n"), "", "theirs != ours");
    assert_eq!((theirs.len(), ours.len()), (2 * calls, 2 * calls), "two scripts in each call");
}

/// Lists the differences between a call of a script by hookmux and one by libvirt.
fn differences(theirs: &Record, ours: &Record, added: &BTreeMap<String, String>) -> Vec<String> {
    let expected: BTreeMap<_, _> = theirs.environment.clone().into_iter().chain(added.clone()).collect();
    let [document, our_document] = [theirs, ours].map(|record| without_ids(&record.stdin));
    let table = [
        ("call", theirs.to_string(), ours.to_string()),
        ("environment", format!("{expected:?}"), format!("{:?}", ours.environment)),
        ("state", format!("{:?}", theirs.state), format!("{:?}", ours.state)),
        ("document", document, our_document),
    ];
    let different = table.into_iter().filter(|(_, theirs, ours)| theirs != ours);
    different.map(|(what, theirs, its)| format!("{ours}: {what}:\n    {theirs}\n    {its}")).collect()
}

/// Removes what differs in each run from a document: a container's id, which is that of a process, its terminal, and the
/// UUID of a network's port.
fn without_ids(document: &str) -> String {
    let ids = [("<domain type='lxc' id='", "'"), ("/dev/pts/", "'"), ("<networkport>\n    <uuid>", "<")];
    ids.iter().fold(document.to_owned(), |document, (before, after)| {
        let mut parts = document.split(before);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + before + part.trim_start_matches(|character| !after.contains(character)))
    })
}

#[test]
fn a_guests_scripts_see_the_same_with_and_without_hookmux() {
    assert_same("qemu", qemu::LIFE.len(), &both("qemu", Host::new, qemu::life));
}

#[test]
fn a_networks_scripts_see_the_same_with_and_without_hookmux() {
    assert_same("network", network::LIFE.len(), &both("network", Host::new, network::life));
}

#[test]
fn a_containers_scripts_see_the_same_with_and_without_hookmux() {
    assert_same("lxc", lxc::LIFE.len(), &both("lxc", Host::with_cgroups, lxc::life));
}

#[test]
fn a_daemons_scripts_see_the_same_with_and_without_hookmux() {
    assert_same("daemon", daemon::LIFE.len(), &both("daemon", Host::new, daemon::life));
}
