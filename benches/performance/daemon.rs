//! The same scripts inside a real libvirtd: run by its own `.d`, and through hookmux. In: scripts of three kinds. Out: a
//! table of what each costs. Does: a daemon in namespaces of its own.

use std::fs;

use crate::caller::Tools;
use crate::figures::{self, ROUNDS, Spread};
use crate::guests;
use crate::host::Host;
use crate::scene::Kind;

/// How many scripts of each kind, and how often they are called in a round.
const NUMBERS: [(Kind, usize, usize); 3] = [(Kind::Static, 100, 4), (Kind::Shell, 40, 4), (Kind::Python, 10, 2)];

const HOOK: &str = "/etc/libvirt/hooks/network";

/// hookmux may cost so much of what libvirt does, with static scripts.
const TARGET: f64 = 0.2;

/// Who runs the scripts.
#[derive(Debug, Clone, Copy)]
enum Who {
    Nobody,
    Libvirt,
    Hookmux,
}

impl Who {
    const ALL: [Self; 3] = [Self::Nobody, Self::Libvirt, Self::Hookmux];

    /// Where its scripts lie.
    fn directory(self) -> &'static str {
        match self {
            Self::Nobody => "/etc/libvirt/hooks/nobody.d",
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
    let mut text =
        "| scripts | libvirt's own `.d`, each | hookmux, each | ratio | target |\n|---|---|---|---|---|\n".to_owned();
    for (kind, scripts, calls) in NUMBERS {
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let [nobody, libvirt, hookmux] = Who::ALL.map(|who| updates(&host, tools, who, kind, scripts, calls));
            let each = |time: f64| (time - nobody) / scripts as f64;
            theirs.push(each(libvirt));
            ours.push(each(hookmux));
        }
        let ratio = figures::spread(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs));
        let judged = if kind == Kind::Static { figures::judged(ratio, TARGET) } else { format!("{ratio} | ") };
        let [theirs, ours]: [Spread; 2] = [theirs, ours].map(figures::spread);
        text += &format!("| {scripts} of {} | {theirs} | {ours} | {judged} |\n", kind.name());
    }
    text + "\nMilliseconds; hookmux's own start is in its scripts' share.\n"
}

/// How long a call takes, in milliseconds, with whatever virsh and libvirt do around it.
fn updates(host: &Host, tools: &Tools, who: Who, kind: Kind, scripts: usize, calls: usize) -> f64 {
    for who in Who::ALL {
        let _ = fs::remove_dir_all(host.path(who.directory()));
    }
    let _ = fs::remove_file(host.path(HOOK));
    if matches!(who, Who::Hookmux) {
        std::os::unix::fs::symlink("/usr/bin/hookmux", host.path(HOOK)).unwrap();
    }
    let script = kind.script(tools);
    for at in 0..scripts {
        host.file(&format!("{}/{at:03}-a", who.directory()), 0o755, &script);
    }
    let change = |what: &str| format!("net-update net1 {what} dns-txt \"<txt name='a' value='b'/>\" --live; ");
    let both = change("add") + &change("delete");
    let commands = both.repeat(calls / 2);
    let command = ["virsh", "--quiet", "--connect", "network:///system", &commands];
    let answer = host.run(&command);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    answer.took.as_secs_f64() * 1e3 / calls as f64
}
