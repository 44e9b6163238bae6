//! The document that `started` had, kept for `stopped` and `release`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use support::binary;
use support::builder::{HANG, Hooks, domain};

const KEEP: &str = "keep-document = true\n";

/// Records the operation and the document that `started` had.
const NOTES: &str = "echo \"$2 $(cat \"${HOOKMUX_STARTED-/dev/null}\")\" >>$HOOKMUX_ROOT/notes";

fn hooks() -> Hooks {
    Hooks::new().settings(KEEP).script("qemu.d/10-a", NOTES)
}

/// Makes calls about a guest with this title, and returns the notes of their scripts.
fn make_calls(hooks: Hooks, title: &str, calls: &[&str]) -> (Hooks, String) {
    let _ = fs::remove_file(hooks.root().join("notes"));
    let hooks = hooks.document(domain("qemu", title));
    for call in calls {
        assert_eq!(hooks.call(call).code, Some(0), "{call}");
    }
    let notes = fs::read_to_string(hooks.root().join("notes")).unwrap_or_default();
    (hooks, notes)
}

/// Returns the names of a driver's documents in /run/hookmux.
fn kept(hooks: &Hooks, driver: &str) -> Vec<String> {
    let directory = hooks.path(&format!("run:{driver}.started"));
    let names = fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn each_guest_gets_its_own_document_at_its_end_and_no_file_is_left() {
    let (hooks, first) = make_calls(hooks(), "one", &["qemu vm1 prepare begin -", "qemu vm1 started begin -"]);
    let (hooks, second) = make_calls(
        hooks,
        "two",
        &["qemu vm2 prepare begin -", "qemu vm2 started begin -", "qemu vm1 reconnect begin -"],
    );
    assert_eq!((first.as_str(), second.as_str()), ("prepare \nstarted \n", "prepare \nstarted \nreconnect \n"));
    let (hooks, ends) = make_calls(hooks, "bare", &["qemu vm1 stopped end -", "qemu vm1 release end destroyed"]);
    let one = domain("qemu", "one");
    assert_eq!(ends, format!("stopped {one}release {one}"));
    assert_eq!(kept(&hooks, "qemu"), ["vm2"]);
    let (hooks, ends) = make_calls(hooks, "bare", &["qemu vm2 stopped end -", "qemu vm2 release end migrated"]);
    let two = domain("qemu", "two");
    assert_eq!((ends, kept(&hooks, "qemu")), (format!("stopped {two}release {two}"), vec![]));
}

#[test]
fn only_the_owner_of_the_hook_may_read_a_kept_document() {
    let (hooks, _) = make_calls(hooks(), "one", &["qemu vm1 started begin -"]);
    let facts = |name: &str| {
        let facts = fs::symlink_metadata(hooks.path(name)).unwrap();
        (facts.mode() & 0o7777, facts.uid())
    };
    let user = nix::unistd::geteuid().as_raw();
    assert_eq!([facts("run:qemu.started"), facts("run:qemu.started/vm1")], [(0o700, user), (0o600, user)]);
}

#[test]
fn a_document_is_kept_where_no_script_runs_at_started_and_where_one_refuses() {
    let hooks = Hooks::new().settings(KEEP).script("qemu.d/vm1/release/end/10-a", NOTES);
    let (hooks, notes) = make_calls(hooks, "one", &["qemu vm1 started begin -", "qemu vm1 release end -"]);
    assert_eq!(notes, format!("release {}", domain("qemu", "one")));
    let hooks = hooks.script("qemu.d/vm1/started/begin/10-a", "exit 3");
    hooks.call("qemu vm1 started begin -").is_like(3, ["10-a"], &["refused"]);
    let (_, notes) = make_calls(hooks, "bare", &["qemu vm1 release end failed"]);
    assert_eq!(notes, format!("release {}", domain("qemu", "one")));
}

#[test]
fn a_start_that_fails_before_started_gets_no_document_of_an_earlier_run() {
    let (hooks, _) = make_calls(hooks(), "one", &["qemu vm1 prepare begin -", "qemu vm1 started begin -"]);
    // The guest ended while libvirt did not call this hook.
    let (hooks, notes) = make_calls(
        hooks,
        "two",
        &["qemu vm1 prepare begin -", "qemu vm1 stopped end -", "qemu vm1 release end failed"],
    );
    assert_eq!((notes.as_str(), kept(&hooks, "qemu")), ("prepare \nstopped \nrelease \n", vec![]));
}

#[test]
fn documents_of_containers_and_xen_guests_are_kept_and_those_of_networks_are_not() {
    let hooks = ["lxc", "libxl", "network"]
        .into_iter()
        .fold(Hooks::new().settings(KEEP), |hooks, driver| hooks.script(&format!("{driver}.d/10-a"), NOTES));
    for driver in ["lxc", "libxl", "network"] {
        let calls =
            ["started begin", "stopped end", "release end"].map(|operation| format!("{driver} vm1 {operation} -"));
        let calls = if driver == "network" { &calls[..2] } else { &calls };
        for call in calls {
            assert_eq!(hooks.call(call).code, Some(0), "{call}");
        }
    }
    let one = domain("qemu", "one");
    let guests = format!("started \nstopped {one}release {one}");
    assert_eq!(hooks.text("notes"), format!("{guests}{guests}started \nstopped \n"));
}

#[test]
fn without_the_setting_no_document_is_kept_or_passed_on() {
    let calls = ["qemu vm1 started begin -", "qemu vm1 stopped end -", "qemu vm1 release end -"];
    let (hooks, notes) = make_calls(Hooks::new().script("qemu.d/10-a", NOTES), "one", &calls);
    assert_eq!((notes.as_str(), kept(&hooks, "qemu")), ("started \nstopped \nrelease \n", vec![]));
}

#[test]
fn a_background_script_can_read_the_document_after_release() {
    let settings = format!("{KEEP}[[rule]]\nscript = '50-*'\nwait = false\n");
    let wait = "while [ ! -e $HOOKMUX_ROOT/go ]; do sleep 0.01; done; cat \"$HOOKMUX_STARTED\" >$HOOKMUX_ROOT/new; mv $HOOKMUX_ROOT/new $HOOKMUX_ROOT/late";
    let hooks =
        Hooks::new().settings(&settings).script("qemu.d/50-late", &format!("[ $2 != release ] || {{ {wait}; }}"));
    let (hooks, _) = make_calls(hooks, "one", &["qemu vm1 started begin -", "qemu vm1 release end -"]);
    // The guest is started again.
    let (hooks, _) = make_calls(hooks, "two", &["qemu vm1 prepare begin -", "qemu vm1 started begin -"]);
    fs::write(hooks.root().join("go"), "").unwrap();
    let began = Instant::now();
    while !hooks.root().join("late").exists() || kept(&hooks, "qemu").len() > 1 {
        assert!(began.elapsed() < HANG, "{:?}", kept(&hooks, "qemu"));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!((hooks.text("late"), kept(&hooks, "qemu")), (domain("qemu", "one"), vec!["vm1".to_owned()]));
}

#[test]
fn no_name_of_a_guest_leads_out_of_the_directory_or_to_another_guests_document() {
    let names = ["..", ".", "../../escaped", "a/b", "%2e%2e", ".1", "a\nb", "$(touch escaped)", "-", "ü"];
    let mut hooks = hooks();
    for operation in ["started", "stopped"] {
        for (at, name) in names.into_iter().enumerate() {
            hooks = hooks.document(domain("qemu", &at.to_string()));
            let seen = hooks.call_args(&["qemu", name, operation, "begin", "-"].map(OsStr::new));
            assert_eq!(seen.code, Some(0), "{name}: {seen:?}");
        }
    }
    let stopped: Vec<String> =
        (0..names.len()).map(|at| format!("stopped {}", domain("qemu", &at.to_string()))).collect();
    assert_eq!(hooks.text("notes"), "started \n".repeat(names.len()) + &stopped.concat());
    let mut files = kept(&hooks, "qemu");
    files.sort();
    let mut expected =
        ["%2e.", "%2e", "%2e.%2f..%2fescaped", "a%2fb", "%252e%252e", "%2e1", "a%0ab", "$(touch escaped)", "-", "ü"];
    expected.sort_unstable();
    assert_eq!(files, expected);
}

#[test]
fn run_passes_the_document_on_and_does_not_delete_it() {
    let (hooks, _) = make_calls(hooks(), "one", &["qemu vm1 started begin -"]);
    let document = hooks.root().join("vm1.xml");
    fs::write(&document, domain("qemu", "two")).unwrap();
    let run = |operation: &str| {
        let mut run = Command::new(binary());
        run.args(["run", "qemu", "vm1", operation, "--xml"]).arg(&document).arg("--root").arg(hooks.root());
        let seen = hooks.see(run);
        assert_eq!(seen.code, Some(0), "{seen:?}");
    };
    ["prepare", "started", "release"].into_iter().for_each(run);
    let one = domain("qemu", "one");
    assert_eq!(hooks.text("notes"), format!("started \nprepare \nstarted \nrelease {one}"));
    let path: PathBuf = hooks.path("run:qemu.started/vm1");
    assert_eq!(fs::read_to_string(path).unwrap(), one);
}
