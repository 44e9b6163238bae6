//! The same scripts inside a real libvirtd: run by its own `.d`, and through hookmux. In: scripts of three kinds. Out: a
//! table of the time of each. Does: runs a daemon in namespaces of its own.
//!
//! The first and the last script of a call record the time, so that the rest of libvirt's work is not measured.

use std::fs;
use std::os::unix::fs::symlink;

use crate::caller::Tools;
use crate::figures::{self, ROUNDS, Spread};
use crate::priority;
use crate::setup::Kind;
use support::guests;
use support::host::Host;

/// The number of scripts of each kind between those that record the time, and the number of calls in a round.
const NUMBERS: [(Kind, usize, usize); 3] = [(Kind::Static, 98, 8), (Kind::Shell, 38, 6), (Kind::Python, 8, 4)];

const HOOK: &str = "/etc/libvirt/hooks/network";
const CLOCK: &str = "/run/clock";

/// The largest ratio of hookmux's time to libvirt's, with static scripts.
const TARGET: f64 = 0.2;

/// The program that runs the scripts.
#[derive(Debug, Clone, Copy)]
enum Runner {
    Libvirt,
    Hookmux,
}

impl Runner {
    /// Returns the directory of its scripts.
    fn directory(self) -> &'static str {
        match self {
            Self::Libvirt => "/etc/libvirt/hooks/network.d",
            Self::Hookmux => "/etc/hookmux/network.d",
        }
    }
}

pub fn table(tools: &Tools) -> String {
    let host = Host::new("bench");
    host.link_hookmux(&["network"]);
    host.start_libvirtd();
    host.virsh(&format!("net-define {}", host.document("net1", &guests::network("net1")))).succeeded();
    host.virsh("net-start net1").succeeded();
    priority::raise_libvirtd(&host);
    let mut text =
        "| scripts | libvirt's own `.d`, each | hookmux, each | ratio | target |\n|---|---|---|---|---|\n".to_owned();
    for (kind, scripts, calls) in NUMBERS {
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for (runner, rounds) in [(Runner::Libvirt, &mut theirs), (Runner::Hookmux, &mut ours)] {
                rounds.push(round(&host, tools, runner, kind, scripts, calls));
            }
        }
        let ratio = figures::spread(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs));
        let cells = if kind == Kind::Static { figures::with_target(ratio, TARGET) } else { format!("{ratio} | ") };
        let [theirs, ours]: [Spread; 2] = [theirs, ours].map(figures::spread);
        text += &format!("| {} of {} | {theirs} | {ours} | {cells} |\n", scripts + 2, kind.name());
    }
    text + "\nMilliseconds from one script's turn to the next one's, in a `network` hook; the first and the last of them, \
            which note the time, are static C. hookmux's own start is once a call, and not in it: it is the empty \
            directory above.\n"
}

/// Returns the time that each script takes, in milliseconds: the median of some calls.
fn round(host: &Host, tools: &Tools, runner: Runner, kind: Kind, scripts: usize, calls: usize) -> f64 {
    for runner in [Runner::Libvirt, Runner::Hookmux] {
        let _ = fs::remove_dir_all(host.path(runner.directory()));
    }
    let _ = fs::remove_file(host.path(HOOK));
    let _ = fs::remove_file(host.path(CLOCK));
    if matches!(runner, Runner::Hookmux) {
        symlink("/usr/bin/hookmux", host.path(HOOK)).unwrap();
    }
    let (script, clock) = (kind.script(tools), fs::read(tools.path("clock")).unwrap());
    for at in 0..scripts + 2 {
        let script = if at == 0 || at == scripts + 1 { &clock } else { &script };
        host.file(&format!("{}/{at:03}-a", runner.directory()), 0o755, script);
    }
    // A change of the network without further effect.
    let change = |what: &str| format!("net-update net1 {what} portgroup \"<portgroup name='a'/>\" --live; ");
    let changes = (change("add") + &change("delete")).repeat(calls / 2);
    let answer = host.run(&["virsh", "--quiet", "--connect", "network:///system", &changes]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let recorded = fs::read_to_string(host.path(CLOCK)).unwrap();
    let recorded: Vec<f64> = recorded.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(recorded.len(), 2 * calls, "{runner:?} has run each script once a call");
    let each: Vec<f64> = recorded.chunks(2).map(|turns| (turns[1] - turns[0]) / (scripts + 1) as f64).collect();
    figures::median(&each) / 1e6
}
