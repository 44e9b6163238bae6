//! Scripts that do not end, end in unusual ways, or leave processes behind.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use crate::waiting::{becomes_true, is_gone, pid, process, start_call};
use support::builder::{HANG, Hooks, copy};
use support::programs::program;

const LIMIT: &str = "kill-after = '200ms'\n[[rule]]\ntimeout = '200ms'\n";

/// Writes the pid to a file atomically.
const WRITE_PID: &str = "echo $$ >$HOOKMUX_ROOT/new; mv $HOOKMUX_ROOT/new $HOOKMUX_ROOT/pid;";

#[test]
fn a_script_that_has_left_its_process_group_is_ended_at_its_limit() {
    let hooks = Hooks::new().settings(LIMIT).program("qemu.d/10-a=leave");
    hooks.call("qemu vm1 start begin -").is_like(1, [], &["10-a=leave timed out after 200 ms"]).within(HANG);
}

#[test]
fn a_script_that_has_left_its_process_group_gets_the_signal_that_stops_hookmux() {
    let hooks = Hooks::new().program("qemu.d/10-a=leave");
    let mut hook = start_call(&hooks, "qemu vm1 start begin -");
    assert!(becomes_true(|| !hooks.text("log").is_empty()));
    kill(pid(&hook), Signal::SIGTERM).unwrap();
    assert!(becomes_true(|| hook.try_wait().unwrap().is_some()), "hookmux waits forever");
    assert_eq!(hook.wait().unwrap().code(), Some(143));
}

/// Like a script that waits for a dead file system: killed, but never reaped.
#[test]
fn a_script_that_survives_sigkill_delays_no_call_beyond_its_limit() {
    let hooks = Hooks::new().settings(LIMIT).program("qemu.d/10-a=cling").script("qemu.d/20-b", "");
    copy(&program("tracer"), &hooks.root().join("tracer"));
    let timed_out = ["10-a=cling timed out after 200 ms"];
    hooks.call("qemu vm1 start begin -").is_like(1, [], &timed_out).within(HANG);
    let _ = kill(process(&hooks, "background"), Signal::SIGKILL);
    std::fs::remove_file(hooks.root().join("background")).unwrap();
    hooks.call("qemu vm1 stopped end -").is_like(1, ["20-b"], &timed_out).within(HANG);
}

#[test]
fn a_stopped_script_gets_the_signal_that_stops_hookmux() {
    let hooks = Hooks::new().script("qemu.d/10-a", &format!("{WRITE_PID} kill -STOP $$; exit 0"));
    let mut hook = start_call(&hooks, "qemu vm1 start begin -");
    let script = process(&hooks, "pid");
    let stopped = || std::fs::read_to_string(format!("/proc/{script}/stat")).is_ok_and(|stat| stat.contains(") T "));
    assert!(becomes_true(stopped));
    kill(pid(&hook), Signal::SIGTERM).unwrap();
    assert!(becomes_true(|| hook.try_wait().unwrap().is_some()), "hookmux waits forever");
    assert_eq!((hook.wait().unwrap().code(), becomes_true(|| is_gone(script))), (Some(143), true));
}

#[test]
fn a_stopped_script_does_not_outlive_a_killed_hookmux() {
    let hooks = Hooks::new().script("qemu.d/10-a", &format!("{WRITE_PID} kill -STOP $$; sleep 60"));
    let mut hook = start_call(&hooks, "qemu vm1 start begin -");
    let script = process(&hooks, "pid");
    hook.kill().unwrap();
    assert_eq!((hook.wait().unwrap().signal(), becomes_true(|| is_gone(script))), (Some(9), true));
}

#[test]
fn a_script_that_ignores_the_signal_is_waited_for_and_does_not_set_the_exit_code() {
    let body = format!("trap '' TERM; {WRITE_PID} sleep 0.5; exit 0");
    let hooks = Hooks::new().script("qemu.d/10-a", &body).script("qemu.d/20-b", "");
    let mut hook = start_call(&hooks, "qemu vm1 start begin -");
    process(&hooks, "pid");
    kill(pid(&hook), Signal::SIGTERM).unwrap();
    assert_eq!((hook.wait().unwrap().code(), hooks.ran()), (Some(143), vec!["10-a".to_owned()]));
}

#[test]
fn a_script_that_daemonises_delays_no_call_and_its_daemon_survives() {
    let body =
        "setsid sh -c 'echo $$ >$HOOKMUX_ROOT/new; mv $HOOKMUX_ROOT/new $HOOKMUX_ROOT/background; exec sleep 60' &
        while [ ! -s $HOOKMUX_ROOT/background ]; do sleep 0.01; done; exit 3";
    let hooks = Hooks::new().settings(LIMIT.replace("200ms", "10s").as_str()).script("qemu.d/10-a", body);
    hooks.call("qemu vm1 start begin -").is_like(3, ["10-a"], &["exited 3"]).within(HANG);
    assert!(!is_gone(process(&hooks, "background")));
}

#[test]
fn a_daemon_in_its_own_session_outlives_the_limit_of_its_script_and_delays_no_call() {
    let body =
        "setsid sh -c 'echo $$ >$HOOKMUX_ROOT/new; mv $HOOKMUX_ROOT/new $HOOKMUX_ROOT/background; exec sleep 60' &
        sleep 60";
    let hooks = Hooks::new().settings(&LIMIT.replace("200ms", "1s")).script("qemu.d/10-a", body);
    hooks.call("qemu vm1 start begin -").is_like(1, ["10-a"], &["timed out"]).within(HANG);
    assert!(!is_gone(process(&hooks, "background")));
}

#[test]
fn a_script_that_kills_its_own_group_kills_no_other_process() {
    let hooks = Hooks::new().script("qemu.d/10-a", "sleep 60 & kill -KILL 0; exit 0");
    hooks.call("qemu vm1 start begin -").is_like(137, ["10-a"], &["was killed by SIGKILL"]).within(HANG);
}

#[test]
fn a_script_that_sends_hookmux_sigterm_stops_the_call_and_kills_no_guest() {
    let hooks = Hooks::new().script("qemu.d/10-a", "kill -TERM $PPID; sleep 60").script("qemu.d/20-b", "");
    hooks.call("qemu vm1 start begin -").is_like(143, ["10-a"], &["hookmux: qemu start 'vm1' refused"]).within(HANG);
    hooks.call("qemu vm1 reconnect begin -").is(0, ["10-a"], "").within(HANG);
}

#[test]
fn a_script_that_stops_hookmux_for_a_while_does_not_change_the_exit_code() {
    let hooks = Hooks::new().script("qemu.d/10-a", "p=$PPID; kill -STOP $p; (sleep 0.2; kill -CONT $p) & exit 3");
    hooks.call("qemu vm1 start begin -").is_like(3, ["10-a"], &["exited 3"]).within(HANG);
}

#[test]
fn a_script_that_sends_hookmux_sigchld_a_thousand_times_is_still_waited_for() {
    let body = "i=0; while [ $i -lt 1000 ]; do kill -CHLD $PPID; i=$((i+1)); done; exit 3";
    let hooks = Hooks::new().script("qemu.d/10-a", body);
    hooks.call("qemu vm1 start begin -").is_like(3, ["10-a"], &["exited 3"]).within(HANG);
}

#[test]
fn a_script_that_executes_another_program_returns_its_exit_code() {
    let hooks = Hooks::new().script("qemu.d/10-a", "exec sh -c 'exit 3'");
    hooks.call("qemu vm1 start begin -").is_like(3, ["10-a"], &["exited 3"]);
}

#[test]
fn children_that_end_before_and_after_their_script_change_no_result() {
    let body = "for i in 1 2 3 4 5 6 7 8 9; do (exit $i) & (sleep 0.0$i; exit $i) & done; exit 0";
    let mut hooks = Hooks::new();
    for at in 10..40 {
        hooks = hooks.script(&format!("qemu.d/{at}-a"), body);
    }
    let seen = hooks.call("qemu vm1 start begin -");
    assert_eq!((seen.code, seen.ran.len(), seen.err.as_str()), (Some(0), 30, ""));
}

#[test]
fn orphans_of_scripts_are_not_adopted() {
    let body = "(sleep 0.1; (sleep 0.3; ps -o ppid= -p $(sh -c 'echo $PPID') >$HOOKMUX_ROOT/parent) & ) & exit 0";
    let hooks =
        Hooks::new().script("qemu.d/10-a", body).script("qemu.d/20-b", "sleep 0.8; echo $PPID >$HOOKMUX_ROOT/us");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a", "20-b"], "");
    assert_ne!(hooks.text("parent").trim(), hooks.text("us").trim());
}

#[test]
fn a_signal_before_the_first_script_kills_no_guest_either() {
    let answer = |operation: &str| {
        let hooks = Hooks::new().script("qemu.d/10-a", "");
        let args = ["qemu", "vm1", operation, "begin", "-"].map(std::ffi::OsStr::new);
        let mut command = hooks.command(&args);
        let null = std::process::Stdio::null;
        command.stdin(std::process::Stdio::piped()).stdout(null()).stderr(null());
        let mut hook = support::builder::spawn(&mut command);
        // It reads standard input, which does not end, so it sleeps in a pipe.
        let reads =
            || std::fs::read_to_string(format!("/proc/{}/wchan", hook.id())).is_ok_and(|at| at.contains("pipe"));
        assert!(becomes_true(reads), "hookmux does not read");
        kill(pid(&hook), Signal::SIGTERM).unwrap();
        let status = hook.wait().unwrap();
        (status.code(), status.signal(), hooks.ran())
    };
    assert_eq!(answer("reconnect"), (Some(0), None, vec![]));
    assert_eq!(answer("start"), (None, Some(15), vec![]));
}

#[test]
fn a_limit_holds_while_the_script_writes_without_end() {
    let hooks = Hooks::new().settings(LIMIT).script("qemu.d/10-a", "yes & yes >&2");
    let seen = hooks.call("qemu vm1 start begin -");
    seen.is_like(1, ["10-a"], &["timed out after 200 ms\n"]).within(HANG);
    assert!(seen.took > Duration::from_millis(200), "{seen:?}");
}
