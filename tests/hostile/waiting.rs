//! Waiting for a script or a process, with a time bound that only a hang reaches. In: a condition. Out: whether it became true.
//! Does.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::kill;
use nix::unistd::Pid;

use support::builder::{HANG, Hooks, spawn};

/// Reports whether `condition` became true in time.
pub fn becomes_true(mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while !condition() {
        if started.elapsed() > HANG {
            return false;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    true
}

/// Returns the process whose number a script has written to a file, once the line is complete.
pub fn process(hooks: &Hooks, file: &str) -> Pid {
    let path = hooks.root().join(file);
    let read = || std::fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n'));
    assert!(becomes_true(|| read().is_some()), "no pid in {file}");
    Pid::from_raw(read().unwrap().trim().parse().unwrap())
}

/// Reports whether a process has ended, reaped or not.
pub fn is_gone(pid: Pid) -> bool {
    let zombie = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
    kill(pid, None).is_err() || zombie()
}

/// Starts a call with empty standard input, whose output is discarded.
pub fn start_call(hooks: &Hooks, call: &str) -> Child {
    let args: Vec<&std::ffi::OsStr> = call.split(' ').map(std::ffi::OsStr::new).collect();
    let null = Stdio::null;
    spawn(hooks.command(&args).stdin(null()).stdout(null()).stderr(null()))
}

/// Returns the pid of a child.
pub fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}
