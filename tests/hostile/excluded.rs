//! Scripts that a rule leaves out cost nothing: no process, and nobody reads the document. Counted, not timed; the
//! bench `excluded` times it.

use support::builder::Hooks;
use support::trace::Trace;

const RULES: &str = "[[rule]]\nscript = '*-backup'\noperation = ['start', 'migrate']\nrun = false\n";

fn excluded(scripts: usize) -> Hooks {
    let mut hooks = Hooks::new().settings(RULES);
    for at in 0..scripts {
        hooks = hooks.script(&format!("qemu.d/{at:02}-backup"), "exit 1");
    }
    hooks
}

/// What it takes to start a script, and to read a document.
fn efforts(trace: &Trace) -> [usize; 2] {
    let starts = ["fork", "vfork", "clone", "clone3", "execve", "memfd_create", "pipe2", "pipe", "signalfd4"];
    let counts = trace.by_name();
    [starts.into_iter().filter_map(|name| counts.get(name)).sum(), trace.about("read(0,") + trace.about("splice(0,")]
}

#[test]
fn a_script_that_a_rule_leaves_out_is_not_started_and_the_document_is_not_read() {
    for call in ["qemu vm1 start begin -", "qemu vm1 migrate begin -"] {
        let trace = Trace::of(&excluded(10), call);
        assert_eq!(efforts(&trace), [0, 0], "{trace:?}");
    }
    let trace = Trace::of(&excluded(1).program("qemu.d/50-other=0"), "qemu vm1 start begin -");
    assert!(efforts(&trace).iter().all(|efforts| *efforts > 0), "{trace:?}");
}

/// What costs time is looking at files. Counted from one empty directory with the same settings to many names in it.
#[test]
fn many_of_them_cost_no_more_system_calls_than_an_empty_directory() {
    let total = |hooks: &Hooks| Trace::of(hooks, "qemu vm1 start begin -").without_memory();
    let empty = excluded(0);
    empty.directory(&empty.path("qemu.d"));
    let [empty, ten, fifty] = [total(&empty), total(&excluded(10)), total(&excluded(50))];
    // The names are read in pieces; there is nothing for each of them.
    assert!(ten <= empty + 1 && fifty <= empty + 2, "{empty} {ten} {fifty}");
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
