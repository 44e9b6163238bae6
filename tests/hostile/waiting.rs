//! Waiting for what a script or a process does, with a bound that only a hang reaches. In: a condition. Out: whether it
//! came. Does.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::kill;
use nix::unistd::Pid;

use support::builder::{HANG, Hooks, spawn};

/// Whether `condition` came true before anything here may take.
pub fn comes(mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while !condition() {
        if started.elapsed() > HANG {
            return false;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    true
}

/// A process that a script has left in a file, and that has a whole line there.
pub fn process(hooks: &Hooks, file: &str) -> Pid {
    let path = hooks.root().join(file);
    let read = || std::fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n'));
    assert!(comes(|| read().is_some()), "no process in {file}");
    Pid::from_raw(read().unwrap().trim().parse().unwrap())
}

/// Reports whether a process has ended, reaped or not.
pub fn is_gone(pid: Pid) -> bool {
    let zombie = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
    kill(pid, None).is_err() || zombie()
}

/// A call that is under way, with nothing on its standard input, and no reader of its outputs.
pub fn under_way(hooks: &Hooks, call: &str) -> Child {
    let words: Vec<&std::ffi::OsStr> = call.split(' ').map(std::ffi::OsStr::new).collect();
    let null = Stdio::null;
    spawn(hooks.command(&words).stdin(null()).stdout(null()).stderr(null()))
}

/// Its process.
pub fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}
