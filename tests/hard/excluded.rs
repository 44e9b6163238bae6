//! Scripts that a rule leaves out cost nothing: no process, and nobody reads the document. Counted, not timed; the
//! example `excluded` times it.

use std::collections::BTreeMap;

use crate::builder::Hooks;

const RULES: &str = "[[rule]]\nscript = '*-backup'\noperation = ['start', 'migrate']\nrun = false\n";

/// The system calls of a call, by name, and whether its standard input was left untouched.
fn system_calls(hooks: &Hooks, call: &str) -> (BTreeMap<String, usize>, bool) {
    let trace = hooks.root().join("trace");
    let words = ["strace", "-f", "-qq", "-e", "signal=none", "-o", trace.to_str().unwrap()];
    hooks.see(hooks.through(&words, call)).is(0, [], "");
    let lines = std::fs::read_to_string(trace).unwrap();
    let mut counts = BTreeMap::new();
    let mut untouched = true;
    for line in lines.lines() {
        let (_, line) = line.split_once(' ').unwrap();
        let (name, words) = line.trim_start().split_once('(').unwrap();
        untouched &= !(name.starts_with("read") && words.starts_with("0,"));
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    (counts, untouched)
}

fn excluded(scripts: usize) -> Hooks {
    let mut hooks = Hooks::new().settings(RULES);
    for at in 0..scripts {
        hooks = hooks.script(&format!("qemu.d/{at:02}-backup"), "exit 1");
    }
    hooks
}

#[test]
fn a_script_that_a_rule_leaves_out_is_not_started_and_the_document_is_not_read() {
    for call in ["qemu vm1 start begin -", "qemu vm1 migrate begin -"] {
        let (counts, untouched) = system_calls(&excluded(10), call);
        let starts = ["fork", "vfork", "clone", "clone3", "memfd_create", "pipe2", "pipe", "signalfd4", "execveat"];
        let started: Vec<&str> = starts.into_iter().filter(|name| counts.contains_key(*name)).collect();
        assert_eq!((started, counts.get("execve"), untouched), (vec![], Some(&1), true), "{counts:?}");
    }
    let hooks = excluded(1).script("qemu.d/50-other", "cat >/dev/null");
    let trace = hooks.root().join("trace");
    let words = ["strace", "-f", "-qq", "-o", trace.to_str().unwrap()];
    hooks.see(hooks.through(&words, "qemu vm1 start begin -")).is(0, ["50-other"], "");
    let lines = std::fs::read_to_string(trace).unwrap();
    assert!(lines.contains("clone(") && lines.contains("memfd_create(") && lines.contains("read(0,"), "{lines}");
}

/// What is left is a look at each file, at the settings, and a line in the log.
#[test]
fn ten_of_them_cost_a_few_system_calls_more_than_an_empty_directory() {
    let total = |hooks: &Hooks| system_calls(hooks, "qemu vm1 start begin -").0.values().sum::<usize>();
    let empty = Hooks::new();
    empty.directory(&empty.path("qemu.d"));
    let [empty, ten, twenty] = [total(&empty), total(&excluded(10)), total(&excluded(20))];
    assert!(twenty - ten <= 20 && ten - empty <= 60, "{empty} {ten} {twenty}");
}
