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
    assert!(lines.contains("clone(") && lines.contains("memfd_create(") && lines.contains("splice(0,"), "{lines}");
}

/// What costs time is looking at files. Counted from one empty directory with the same settings to many names in it.
#[test]
fn many_of_them_cost_no_more_system_calls_than_an_empty_directory() {
    let total = |hooks: &Hooks| system_calls(hooks, "qemu vm1 start begin -").0.values().sum::<usize>();
    let empty = excluded(0);
    empty.directory(&empty.path("qemu.d"));
    let [empty, ten, fifty] = [total(&empty), total(&excluded(10)), total(&excluded(50))];
    // Room for names, asked of the kernel, by musl in smaller pieces; nothing for each of them.
    assert!(ten <= empty + 4 && fifty <= empty + 8, "{empty} {ten} {fifty}");
}

/// A rule about whole paths may leave a name out in one directory and not in another, and libvirt's own directory is
/// libvirt's business: there, each file is looked at.
#[test]
fn a_name_is_left_out_everywhere_and_a_path_where_it_is() {
    let by_name = Hooks::new()
        .settings(RULES)
        .script("qemu.d/10-backup", "exit 1")
        .script("lib:qemu.d/10-backup", "exit 1")
        .script("base:qemu.d/10-backup", "exit 1")
        .script("qemu.d/vm1/start/begin/10-backup", "exit 1")
        .script("qemu.d/vm*/start/begin/20-backup", "exit 1")
        .script("qemu.d/30-other", "");
    std::os::unix::fs::symlink(by_name.path("qemu.d/10-backup"), by_name.path("qemu.d/40-backup")).unwrap();
    by_name.call("qemu vm1 start begin -").is(0, ["30-other"], "");
    let by_path = Hooks::new()
        .settings("[[rule]]\nscript = '*/etc/hookmux/*'\nrun = false\n")
        .script("qemu.d/20-backup", "exit 1")
        .script("lib:qemu.d/30-backup", "exit 7");
    assert_eq!(by_path.call("qemu vm1 start begin -").code, Some(7));
}

/// A guest's directory may be a link, and a rule about scripts says nothing about directories.
#[test]
fn a_directory_by_such_a_name_is_looked_into() {
    let hooks = Hooks::new()
        .settings("[[rule]]\nscript = ['vm*', 'begin']\nrun = false\n")
        .script("qemu.d/vm1/start/begin/10-a", "")
        .script("elsewhere/start/begin/20-b", "");
    std::os::unix::fs::symlink(hooks.path("elsewhere"), hooks.path("qemu.d/vm2")).unwrap();
    hooks.call("qemu vm1 start begin -").is(0, ["10-a"], "");
    hooks.call("qemu vm2 start begin -").is(0, ["20-b"], "");
}
