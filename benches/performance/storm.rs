//! A restart of a real libvirtd with many paused guests, whose `reconnect` runs ten scripts: none, by libvirt's own `.d`, and
//! through hookmux. In: nothing. Out: a table of the time that the scripts add. Does: runs a daemon in namespaces of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use crate::figures;
use support::guests;
use support::host::Host;

/// The number of paused guests.
const GUESTS: usize = 40;

/// The number of scripts that each `reconnect` runs.
const SCRIPTS: usize = 10;

/// The number of restarts that are measured for each.
const ROUNDS: usize = 5;

/// The largest ratio of the time that hookmux adds to the time that libvirt's own loop adds.
const TARGET: f64 = 0.33;

const HOOK: &str = "/etc/libvirt/hooks/qemu";
const RAN: &str = "/run/ran";

/// The directories of the scripts: none, that of libvirt's own loop, that of hookmux.
const PLACES: [Option<&str>; 3] = [None, Some("/etc/libvirt/hooks/qemu.d"), Some("/etc/hookmux/qemu.d")];

pub fn table() -> String {
    let host = Host::new("storm");
    host.link_hookmux(&[]);
    host.start_libvirtd();
    for at in 0..GUESTS {
        let guest = guests::qemu(&name(at), "").replace("11111111-1111", &format!("11111111-{at:04}"));
        host.virsh(&format!("create --paused {}", host.document("guest", &guest))).succeeded();
    }
    let mut times = PLACES.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (place, times) in PLACES.iter().zip(&mut times) {
            times.push(restart(&host, *place).as_secs_f64() * 1e3);
        }
    }
    let [none, theirs, ours] = &times;
    let ratios = (0..ROUNDS).map(|at| (ours[at] - none[at]) / (theirs[at] - none[at]));
    let cells = figures::with_target(figures::spread(ratios), TARGET);
    let [none, theirs, ours] = times.map(|times| figures::median(&times));
    format!(
        "| {GUESTS} guests, {SCRIPTS} scripts of sh | without hooks | libvirt's own `.d` | hookmux | what it adds, against \
         libvirt's own | target |\n|---|---|---|---|---|---|\n\
         | until each guest has had its `reconnect` | {none:.0} ms | {theirs:.0} ms | {ours:.0} ms | {cells} |\n"
    )
}

fn name(at: usize) -> String {
    format!("guest-{at}")
}

/// Returns the time from a daemon's start until it answers for each guest, which is locked until its hook has ended.
fn restart(host: &Host, place: Option<&str>) -> Duration {
    host.stop_libvirtd();
    for place in PLACES.into_iter().flatten() {
        let _ = fs::remove_dir_all(host.path(place));
    }
    let _ = fs::remove_file(host.path(HOOK));
    host.file(RAN, 0o644, b"");
    for at in 0..place.map_or(0, |_| SCRIPTS) {
        let body = if at == SCRIPTS - 1 { "echo \"$2\" >>/run/ran" } else { "exit 0" };
        host.file(&format!("{}/{at}-a", place.unwrap()), 0o755, format!("#!/bin/sh\n{body}\n").as_bytes());
    }
    if place == PLACES[2] {
        symlink("/usr/bin/hookmux", host.path(HOOK)).unwrap();
    }
    let states = (0..GUESTS).map(|at| format!("domstate {}", name(at))).collect::<Vec<_>>().join("; ");
    let begin = Instant::now();
    host.start_libvirtd();
    let answer = host.run(&["virsh", "--quiet", "--connect", "qemu:///system", &states]);
    let took = begin.elapsed();
    assert_eq!(answer.stdout.split_whitespace().filter(|state| *state == "paused").count(), GUESTS, "{answer:?}");
    let ran = fs::read_to_string(host.path(RAN)).unwrap().lines().filter(|operation| *operation == "reconnect").count();
    assert_eq!(ran, place.map_or(0, |_| GUESTS), "each guest has had its reconnect");
    took
}
