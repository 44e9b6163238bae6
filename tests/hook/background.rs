//! Background scripts, and hooks that end with libvirt.

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use support::builder::{HANG, Hooks, domain, hook, spawn};

const NO_WAIT: &str = "[[rule]]\nscript = '50-*'\nwait = false\n";

fn wait_for(hooks: &Hooks, name: &str) -> String {
    let started = Instant::now();
    loop {
        if let Ok(text) = std::fs::read_to_string(hooks.root().join(name))
            && text.ends_with('\n')
        {
            return text;
        }
        assert!(started.elapsed() < HANG, "{name} was not written");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_background_script_runs_after_the_answer_with_arguments_document_and_its_own_session() {
    let body = "sleep 0.3; { cat; echo \"$@\"; ps -o sid= -p $$; echo $$; } >$HOOKMUX_ROOT/new; mv $HOOKMUX_ROOT/new $HOOKMUX_ROOT/late";
    let hooks = Hooks::new().settings(NO_WAIT).script("qemu.d/50-late", body).script("qemu.d/60-now", "");
    let seen = hooks.call("qemu vm1 start begin -");
    assert!(seen.code == Some(0) && !hooks.root().join("late").exists(), "{seen:?}");
    let text = wait_for(&hooks, "late");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(lines[..2], [domain("qemu", "one").trim(), "vm1 start begin -"]);
    assert_eq!(lines[2], lines[3], "the script should lead its own session");
}

#[test]
fn a_background_script_reads_the_filtered_document() {
    let hooks = Hooks::new()
        .settings(NO_WAIT)
        .script("qemu.d/50-late", "cat >$HOOKMUX_ROOT/late; echo '<not-a-filter/>'")
        .script("qemu.d/10-filter", "sed s/one/two/");
    let filtered = domain("qemu", "two");
    let seen = hooks.call("qemu vm1 migrate begin -");
    assert_eq!((seen.code, seen.out.as_slice(), seen.err.as_str()), (Some(0), filtered.as_bytes(), ""));
    assert_eq!(wait_for(&hooks, "late"), filtered);
}

/// A background script that cannot be started is logged, and does not stop the others.
#[test]
fn a_background_script_that_cannot_be_started_does_not_stop_the_others() {
    let hooks = Hooks::new()
        .settings("[[rule]]\nscript = '5*'\nwait = false\n")
        .file("qemu.d/50-broken", 0o755, "#!/nowhere\n")
        .file("qemu.d/51-refused", 0o757, "#!/bin/sh\n")
        .script("qemu.d/52-late", "echo late >$HOOKMUX_ROOT/late");
    assert_eq!(hooks.call("qemu vm1 start begin -").code, Some(0));
    assert_eq!(wait_for(&hooks, "late"), "late\n");
}

#[test]
fn a_background_script_does_not_run_when_the_operation_is_aborted() {
    let hooks = Hooks::new()
        .settings(NO_WAIT)
        .script("qemu.d/50-late", "echo late >$HOOKMUX_ROOT/late")
        .script("qemu.d/60-veto", "[ $2 = start ] && exit 3; exit 4");
    hooks.call("qemu vm1 start begin -").is_like(3, ["60-veto"], &["refused"]);
    std::thread::sleep(Duration::from_millis(300));
    assert!(!hooks.root().join("late").exists());
    // libvirt ignores the result of a clean-up, so background scripts run after a failure, too.
    assert_eq!(hooks.call("qemu vm1 stopped end -").code, Some(4));
    wait_for(&hooks, "late");
}

#[test]
fn a_background_script_keeps_no_pipe_of_libvirt_open_and_has_its_time_limit() {
    let settings = format!("kill-after = '200ms'\n{NO_WAIT}timeout = '500ms'\n");
    let hooks = Hooks::new()
        .settings(&settings)
        .script("qemu.d/50-late", "echo $$ >$HOOKMUX_ROOT/late; trap '' TERM; sleep 60; sleep 60");
    hooks.call("qemu vm1 start begin -").within(Duration::from_secs(5));
    let pid = Pid::from_raw(wait_for(&hooks, "late").trim().parse().unwrap());
    let started = Instant::now();
    while kill(pid, None).is_ok() {
        assert!(started.elapsed() < HANG, "the script keeps running beyond its limit");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Kills a caller while its hook runs a script, and returns the script's process.
fn orphan(hooks: &Hooks) -> Pid {
    let mut caller = std::process::Command::new("/bin/sh");
    hooks.as_libvirt(&mut caller);
    caller.args(["-c", "\"$@\"; exit $?", "sh"]).args(hook(hooks, "qemu vm1 start begin -"));
    let mut caller = spawn(caller.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
    let script = Pid::from_raw(wait_for(hooks, "pid").trim().parse().unwrap());
    caller.kill().unwrap();
    caller.wait().unwrap();
    script
}

const SLEEPER: &str = "echo $PPID >$HOOKMUX_ROOT/background; echo $$ >$HOOKMUX_ROOT/pid; exec sleep 60";

#[test]
fn exit_with_parent_ends_the_hook_and_its_script_with_libvirt() {
    let hooks = Hooks::new().settings("exit-with-parent = true\n").script("qemu.d/10-a", SLEEPER);
    let script = orphan(&hooks);
    let started = Instant::now();
    while kill(script, None).is_ok() {
        assert!(started.elapsed() < HANG, "the script keeps running");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn without_exit_with_parent_the_hook_outlives_libvirt() {
    let hooks = Hooks::new().script("qemu.d/10-a", SLEEPER);
    let script = orphan(&hooks);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(kill(script, None), Ok(()));
    let _ = kill(script, Signal::SIGKILL);
}

/// The kernel's death signal depends on the thread that started the hook (prctl(2)): if that thread ends before the hook, as
/// no thread of libvirt does, the hook ends although the caller is still running.
#[test]
fn the_end_of_the_callers_thread_counts_as_the_end_of_the_caller() {
    let hooks = Hooks::new().settings("exit-with-parent = true\n").script("qemu.d/10-a", SLEEPER);
    let call = ["qemu", "vm1", "start", "begin", "-"].map(std::ffi::OsStr::new);
    let (mut hook, script) = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let hook = spawn(hooks.command(&call).stdin(Stdio::null()).stderr(Stdio::null()));
            // Not before the hook has requested the signal.
            (hook, wait_for(&hooks, "pid"))
        });
        thread.join().unwrap()
    });
    assert_eq!(hook.wait().unwrap().code(), Some(143), "this process, its parent, is still running");
    let script = Pid::from_raw(script.trim().parse().unwrap());
    let started = Instant::now();
    while kill(script, None).is_ok() {
        assert!(started.elapsed() < HANG, "the script keeps running");
        std::thread::sleep(Duration::from_millis(5));
    }
}
