//! Time limits: SIGTERM, then SIGKILL, for the script's process group and nothing else.

use std::time::Duration;

use nix::sys::signal::kill;
use nix::unistd::Pid;

use support::builder::{HANG, Hooks};

const LIMIT: &str = "kill-after = '300ms'\n[[rule]]\nscript = '10-*'\ntimeout = '200ms'\n";

fn pids(hooks: &Hooks) -> Vec<Pid> {
    hooks.text("pids").lines().map(|pid| Pid::from_raw(pid.trim().parse().unwrap())).collect()
}

/// Waits until a process has ended, since a killed process exists until it is reaped.
fn is_gone(pid: Pid) -> bool {
    let started = std::time::Instant::now();
    while kill(pid, None).is_ok() && !is_zombie(pid) {
        if started.elapsed() > HANG {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Reports whether a process is a zombie: in a container whose first process does not reap orphans, they stay zombies.
fn is_zombie(pid: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

#[test]
fn a_script_that_takes_too_long_is_a_fault_with_its_limit_in_the_message() {
    let hooks =
        Hooks::new().settings(LIMIT).script("qemu.d/10-a", "echo words >&2; sleep 60").script("qemu.d/20-b", "");
    hooks
        .call("qemu vm1 start begin -")
        .is(1, ["10-a"], "hookmux: qemu start 'vm1' failed: /etc/hookmux/qemu.d/10-a timed out after 200 ms\nwords\n")
        .within(HANG);
    hooks.call("qemu vm1 stopped end -").is_like(1, ["10-a", "20-b"], &["10-a timed out after 200 ms"]);
    hooks.call("qemu vm1 reconnect begin -").is(0, ["10-a", "20-b"], "");
}

#[test]
fn a_script_gets_sigterm_first_and_may_clean_up() {
    let body = "trap 'echo ordered >$HOOKMUX_ROOT/order; exit 0' TERM; sleep 60 & wait";
    let hooks = Hooks::new().settings(LIMIT).script("qemu.d/10-a", body);
    hooks.call("qemu vm1 start begin -").is_like(1, ["10-a"], &["timed out"]).within(HANG);
    assert_eq!(hooks.text("order"), "ordered\n");
}

#[test]
fn a_script_that_ignores_sigterm_is_killed_with_all_its_children() {
    let body = "trap '' TERM; echo $$ >>$HOOKMUX_ROOT/pids; sleep 60 & echo $! >>$HOOKMUX_ROOT/pids
        (trap '' TERM; sleep 60) & echo $! >>$HOOKMUX_ROOT/pids; wait; wait; wait";
    let hooks = Hooks::new().settings(LIMIT).script("qemu.d/10-a", body);
    hooks.call("qemu vm1 start begin -").is_like(1, ["10-a"], &["timed out"]).within(HANG);
    assert_eq!(pids(&hooks).into_iter().map(is_gone).collect::<Vec<_>>(), [true, true, true]);
}

#[test]
fn a_script_that_has_stopped_itself_is_killed() {
    let hooks =
        Hooks::new().settings(LIMIT).script("qemu.d/10-a", "echo $$ >$HOOKMUX_ROOT/pids; kill -STOP $$; exit 0");
    hooks.call("qemu vm1 start begin -").is_like(1, ["10-a"], &["timed out"]).within(HANG);
    assert!(pids(&hooks).into_iter().all(is_gone));
}

#[test]
fn children_of_a_script_that_ends_in_time_are_left_alone() {
    let hooks = Hooks::new().settings("[[rule]]\ntimeout = '2s'\n");
    let hooks = hooks.script("qemu.d/10-a", "sleep 60 & echo $! >$HOOKMUX_ROOT/background");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a"], "").within(HANG);
    std::thread::sleep(Duration::from_millis(2500));
    let pid = Pid::from_raw(hooks.text("background").trim().parse().unwrap());
    assert_eq!((kill(pid, None), is_zombie(pid)), (Ok(()), false));
}

#[test]
fn each_script_has_its_own_limit_and_none_removes_it() {
    let settings = format!("{LIMIT}[[rule]]\nguest = 'slow'\ntimeout = 'none'\n");
    let hooks = Hooks::new().settings(&settings).script("qemu.d/10-a", "sleep 0.6").script("qemu.d/20-b", "sleep 0.6");
    hooks.call("qemu vm1 start begin -").is_like(1, ["10-a"], &["timed out"]);
    hooks.call("qemu slow start begin -").is(0, ["10-a", "20-b"], "");
}

#[test]
fn each_thaw_after_a_failed_freeze_has_its_own_limit() {
    let hooks = Hooks::new()
        .settings(LIMIT)
        .script("fsfreeze-hook.d/10-a", "[ $1 = thaw ] && sleep 60; exit 0")
        .script("fsfreeze-hook.d/20-b", "[ $1 = freeze ] && exit 3; exit 0");
    hooks.call("fsfreeze-hook freeze").is_like(3, ["10-a", "20-b", "20-b", "10-a"], &["20-b exited 3"]).within(HANG);
}

/// Needs root, to mount a /dev with a log socket in it.
#[test]
fn after_30_s_the_log_names_the_script_that_libvirt_is_waiting_for() {
    let body = "echo $$ >$HOOKMUX_ROOT/background; sleep 600";
    let hooks = Hooks::new().settings("[[rule]]\ntimeout = '33s'\n").script("qemu.d/10-a", body);
    let log = std::os::unix::net::UnixDatagram::bind(hooks.root().join("log")).unwrap();
    let set_up =
        "mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3 && ln -s $HOOKMUX_ROOT/log /dev/log && exec \"$@\"";
    let mut command = std::process::Command::new("unshare");
    hooks.as_libvirt(&mut command);
    command.args(["--mount", "sh", "-c", set_up, "sh"]).args(support::builder::hook(&hooks, "qemu vm1 start begin -"));
    hooks.see(command).is_like(1, ["10-a"], &["10-a timed out after 33 s"]);
    log.set_nonblocking(true).unwrap();
    let mut lines = Vec::new();
    let mut line = [0; 4096];
    while let Ok(length) = log.recv(&mut line) {
        lines.push(String::from_utf8_lossy(&line[..length]).replace(hooks.root().to_str().unwrap(), ""));
    }
    let pid = hooks.text("background");
    let waiting = {
        let message =
            format!("qemu start 'vm1': /etc/hookmux/qemu.d/10-a (pid {}) is still running after 30", pid.trim());
        lines.iter().filter(|line| line.contains(&message) && line.ends_with(", libvirt is waiting")).count()
    };
    assert_eq!(waiting, 1, "{lines:#?}");
}
