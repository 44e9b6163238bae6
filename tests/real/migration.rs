//! A live migration between two daemons, whose document two scripts change one after the other at the destination: one of
//! hookmux's, then one in libvirt's own directory.

use crate::comparison;
use crate::everywhere::{self, Call};
use support::host::Host;
use support::pair::Pair;
use support::recorder::Record;

const DESTINATION: [Call; 4] = [
    ("vm1 migrate begin -", "<domain>vm1"),
    ("vm1 prepare begin -", "<domain>vm1"),
    ("vm1 start begin -", "<domain>vm1"),
    ("vm1 started begin -", "<domain>vm1"),
];

const SOURCE: [Call; 5] = [
    ("vm1 prepare begin -", "<domain>vm1"),
    ("vm1 start begin -", "<domain>vm1"),
    ("vm1 started begin -", "<domain>vm1"),
    ("vm1 stopped end -", "<domain>vm1"),
    ("vm1 release end -", "<domain>vm1"),
];

/// Returns title, description and state of the guest at its destination.
pub(crate) fn arrived(pair: &Pair) -> [String; 3] {
    let ask = |command| pair.destination.virsh(command).succeeded().stdout.trim().to_owned();
    ["desc vm1 --title", "desc vm1", "domstate vm1"].map(ask)
}

/// Returns the body of a script that changes one element of the document.
pub(crate) fn filter(element: &str, text: &str) -> String {
    format!(
        "[ \"$2\" != migrate ] || sed 's|<{element}>.*</{element}>|<{element}>{text}</{element}>|' \"$record/stdin\""
    )
}

/// Lists for each script that filtered whether its input was changed already: (script, title, description).
fn turns(host: &Host) -> Vec<(String, bool, bool)> {
    let changed = |document: &str, element: &str| !document.contains(&format!("<{element}>as defined</{element}>"));
    let turn = |record: Record| {
        (record.name().to_owned(), changed(&record.stdin, "title"), changed(&record.stdin, "description"))
    };
    host.records().into_iter().filter(|record| record.operation() == "migrate").map(turn).collect()
}

#[test]
fn a_migrated_guest_arrives_with_the_changes_of_a_chain_through_hookmux_and_libvirt() {
    let pair = Pair::new("chain");
    everywhere::put_scripts(&pair.source, "qemu", &SOURCE);
    everywhere::put_scripts(&pair.destination, "qemu", &DESTINATION);
    pair.destination.script("/etc/hookmux/qemu.d/20-hookmuxs", &filter("title", "changed by hookmux"));
    pair.destination.script("/etc/libvirt/hooks/qemu.d/10-libvirts", &filter("description", "changed by libvirt"));
    pair.start();
    pair.migrate("vm1").succeeded();
    assert_eq!(arrived(&pair), ["changed by hookmux", "changed by libvirt", "running"]);
    assert_eq!(pair.destination.calls(), everywhere::each_once(&DESTINATION));
    assert_eq!(pair.source.calls(), everywhere::each_once(&SOURCE));
    let turns = turns(&pair.destination);
    let turns: Vec<_> =
        turns.iter().map(|(script, title, description)| (script.as_str(), *title, *description)).collect();
    assert_eq!(turns, [("20-hookmuxs", false, false), ("30-guests", true, false), ("10-libvirts", true, false)]);
}

#[test]
fn a_migrated_guest_is_filtered_by_another_programs_hook_and_then_by_ours() {
    let pair = Pair::new("beside");
    let destination = &pair.destination;
    destination.script("/etc/libvirt/hooks/qemu", &filter("title", "changed by the old hook"));
    destination.script("/etc/hookmux/qemu.d/20-ours", &filter("description", "changed by hookmux"));
    destination.link_hookmux(&[]);
    destination.run(&["/usr/bin/hookmux", "install", "qemu"]).succeeded();
    pair.start();
    pair.migrate("vm1").succeeded();
    assert_eq!(arrived(&pair), ["changed by the old hook", "changed by hookmux", "running"]);
    let turns = turns(destination);
    let turns: Vec<_> =
        turns.iter().map(|(script, title, description)| (script.as_str(), *title, *description)).collect();
    assert_eq!(turns, [("qemu", false, false), ("20-ours", true, false)]);
}

#[test]
fn a_migrated_guest_arrives_the_same_with_and_without_hookmux() {
    let [theirs, ours] = ["/etc/libvirt/hooks/qemu.d", "/etc/hookmux/qemu.d"].map(|directory| {
        let pair = Pair::new(if directory.contains("libvirt") { "migration-theirs" } else { "migration-ours" });
        if directory.contains("hookmux") {
            pair.destination.link_hookmux(&["qemu"]);
        }
        pair.destination.script(&format!("{directory}/10-title"), &filter("title", "changed by the first"));
        pair.destination
            .script(&format!("{directory}/20-description"), &filter("description", "changed by the second"));
        pair.start();
        pair.migrate("vm1").succeeded();
        assert_eq!(arrived(&pair), ["changed by the first", "changed by the second", "running"], "{directory}");
        pair.destination.records()
    });
    comparison::assert_same("qemu", DESTINATION.len(), &[theirs, ours]);
}
