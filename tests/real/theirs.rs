//! The same scenario twice: through libvirt's own `.d` without hookmux, and through hookmux. Where both promise the
//! same, the records of both are the same; where they differ on purpose, see `differences.rs`.

use std::collections::BTreeMap;

use crate::guests;
use crate::host::Host;
use crate::recorder::{Record, State};
use crate::{daemon, lxc, network, qemu};

/// The part of a record that hookmux must not change.
#[derive(Debug, PartialEq)]
struct Same {
    name: String,
    words: Vec<String>,
    document: String,
    environment: BTreeMap<String, String>,
    state: State,
}

/// The scripts' records when they lie in libvirt's own directory, and when they lie in hookmux's.
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

/// What must be the same; [`ours_apart`] is where the rest of our environment is looked at.
fn same(records: &[Record]) -> Vec<Same> {
    let same = |record: &Record| Same {
        name: record.name().to_owned(),
        words: record.words.clone(),
        document: without_chance(&record.stdin),
        environment: record.environment.clone().into_iter().filter(|(name, _)| !name.starts_with("HOOKMUX_")).collect(),
        state: record.state.clone(),
    };
    records.iter().map(same).collect()
}

/// A document without what libvirt picks anew each time: the UUID of a network's port.
fn without_chance(document: &str) -> String {
    let Some((before, rest)) = document.split_once("<networkport>") else { return document.to_owned() };
    let (_, after) = rest.split_once("</uuid>").unwrap();
    format!("{before}<networkport>{after}")
}
