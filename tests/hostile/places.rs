//! Calls in unusual environments: without /proc, /dev or /run, on a read-only root, with another clock.

use std::process::Command;

use support::builder::{HANG, Hooks};

const START: &str = "qemu vm1 start begin -";
const RECONNECT: &str = "qemu vm1 reconnect begin -";
const MIGRATE: &str = "qemu vm1 migrate begin -";

/// Returns a call in its own mount namespace, after `set_up`, which must succeed.
fn inside(hooks: &Hooks, set_up: &str, call: &str) -> Command {
    let shell = format!("{set_up} || {{ echo 'not set up' >&2; exit 90; }}; exec \"$@\"");
    hooks.through(&["unshare", "--mount", "--propagation", "private", "sh", "-c", &shell, "sh"], call)
}

const TITLED: &str = "<domain type='qemu'><name>vm1</name><title></title></domain>";

/// Asserts that a veto, a reconnect, a clean-up and a chain of filters work after `set_up`.
fn everything_works(set_up: &str) {
    let veto = Hooks::new().program("qemu.d/10-a=0").program("qemu.d/20-b=7").program("qemu.d/30-c=0");
    let line = "/etc/hookmux/qemu.d/20-b=7 exited 7\nsaid 20-b=7\n";
    veto.see(inside(&veto, set_up, START)).is_like(7, [], &["hookmux: qemu start 'vm1' refused: ", line]);
    veto.see(inside(&veto, set_up, RECONNECT)).is_like(7, [], &[line]);
    veto.see(inside(&veto, set_up, "qemu vm1 stopped end -")).is_like(7, [], &[line]);
    let filters = Hooks::new().program("qemu.d/10-a=tag").program("qemu.d/20-b=cat").program("qemu.d/30-c=tag");
    let filters = filters.document(TITLED);
    filters
        .see(inside(&filters, set_up, MIGRATE))
        .is(0, [], "")
        .prints("<domain type='qemu'><name>vm1</name><title>ac</title></domain>");
    let nothing = Hooks::new();
    nothing.see(inside(&nothing, set_up, START)).is(0, [], "");
    let daemon = Hooks::new().program("daemon.d/10-a=7");
    daemon.see(inside(&daemon, set_up, "daemon - start - start")).is_like(7, [], &["exited 7"]);
}

#[test]
fn without_proc_everything_works() {
    everything_works("mount -t tmpfs tmpfs /proc && [ ! -e /proc/self ]");
}

#[test]
fn without_dev_everything_works() {
    everything_works("mount -t tmpfs tmpfs /dev && [ ! -e /dev/null ]");
}

#[test]
fn without_run_everything_works() {
    everything_works("mount -t tmpfs -o mode=000 tmpfs /run && [ ! -e /run/lock ]");
}

#[test]
fn on_a_read_only_root_everything_works() {
    everything_works(
        "mount -o remount,bind,ro / && ! touch /written 2>/dev/null && mount -t tmpfs -o ro tmpfs /dev/shm",
    );
}

#[test]
fn without_any_of_them_everything_works() {
    everything_works(
        "for d in /dev /run /sys /proc; do mount -t tmpfs -o ro tmpfs $d || exit 90; done; [ ! -e /proc/self ]",
    );
}

#[test]
fn in_a_deleted_directory_everything_works() {
    everything_works(
        "mkdir /dev/shm/gone.$$ && cd /dev/shm/gone.$$ && rmdir /dev/shm/gone.$$ && readlink /proc/$$/cwd | grep -q deleted",
    );
}

#[test]
fn on_a_full_file_system_everything_works_since_nothing_is_written() {
    let hooks = Hooks::new();
    let full = hooks.root().join("full").display().to_string();
    hooks.directory(&hooks.root().join("full"));
    let set_up = format!(
        "mount -t tmpfs -o size=64k tmpfs {full} && ! cat /dev/zero >{full}/all 2>/dev/null && cd {full} && export TMPDIR={full}"
    );
    everything_works(&set_up);
}

#[test]
fn writing_a_document_to_a_full_file_system_is_a_failure() {
    let hooks =
        Hooks::new().program("qemu.d/10-a=translate").document(support::builder::domain("kvm", &"@".repeat(100_000)));
    hooks.directory(&hooks.root().join("full"));
    let full = "mount -t tmpfs -o size=64k tmpfs $HOOKMUX_ROOT/full && exec >$HOOKMUX_ROOT/full/out";
    hooks.see(inside(&hooks, full, MIGRATE)).is_like(1, [], &["could not be written: No space left on device"]);
}

/// The clock of time limits cannot be set, but in a time namespace it can differ from that of other processes.
#[test]
fn a_time_limit_does_not_depend_on_the_clock() {
    let settings = "kill-after = '200ms'\n[[rule]]\ntimeout = '300ms'\n";
    let hooks = Hooks::new()
        .settings(settings)
        .script("qemu.d/10-a", "cut -d. -f1 /proc/uptime >$HOOKMUX_ROOT/clock; sleep 60");
    let uptime: i64 = std::fs::read_to_string("/proc/uptime").unwrap().split('.').next().unwrap().parse().unwrap();
    // Back to the machine's start, and a hundred years ahead.
    for offset in [-uptime, 3_000_000_000] {
        let offset = [format!("--monotonic={offset}"), format!("--boottime={offset}")];
        let unshare = ["unshare", "--time", "--fork", "--mount", "--mount-proc", &offset[0], &offset[1], "--pid"];
        let seen = hooks.see(hooks.through(&unshare, START));
        seen.is_like(1, ["10-a"], &["10-a timed out after 300 ms"]).within(HANG);
        assert!(seen.took >= std::time::Duration::from_millis(300), "{seen:?}");
        let clock: i64 = hooks.text("clock").trim().parse().unwrap();
        assert!((clock - uptime).abs() > uptime / 2, "the clock is still the machine's own: {clock}");
    }
}

#[test]
fn an_ordinary_user_can_run_scripts_of_root_and_its_own() {
    let hooks = Hooks::new().program("qemu.d/10-a=0").program("lib:qemu.d/20-b=7");
    std::os::unix::fs::chown(hooks.path("qemu.d/10-a=0"), Some(61_010), Some(61_010)).unwrap();
    let user = ["setpriv", "--reuid=61010", "--regid=61010", "--clear-groups"];
    hooks.see(hooks.through(&user, START)).is_like(7, [], &["20-b=7 exited 7"]);
    hooks.see(hooks.through(&user, RECONNECT)).is_like(7, [], &["20-b=7 exited 7"]);
    hooks.call(START).is_like(1, [], &["10-a=0 belongs to user 61010"]);
}

#[test]
fn a_full_run_directory_keeps_no_document_and_fails_no_call() {
    let hooks = Hooks::new()
        .settings("keep-document = true\n")
        .script("qemu.d/10-a", "echo \"$2 ${HOOKMUX_STARTED-none}\" >>$HOOKMUX_ROOT/notes")
        .document("x".repeat(60_000));
    let set_up = "cd $HOOKMUX_ROOT && mkdir run && mount -t tmpfs -o size=8k,mode=755 tmpfs run && \
                  etc/libvirt/hooks/qemu vm1 started begin - && ls -A run/hookmux/qemu.started >files";
    hooks.see(inside(&hooks, set_up, "qemu vm1 stopped end -")).is(0, ["10-a", "10-a"], "");
    assert_eq!((hooks.text("notes"), hooks.text("files")), ("started none\nstopped none\n".into(), String::new()));
}
