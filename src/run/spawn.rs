//! Starts a program in a process group of its own, with clean descriptors and signals, and reaps it. In: a program, its
//! arguments and environment. Out: a process. Does.
//!
//! `std::process::Command` is not used: a death signal needs `pre_exec`, which makes it fork, and a fork copies the
//! page tables while libvirt waits. [`spawn`] does what `posix_spawn` does inside, and what `posix_spawn` has no
//! attribute for.

use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus as Waited, waitid};
use nix::unistd::Pid;
use rustix::io::retry_on_intr;
use rustix::process::{WaitOptions, WaitStatus, waitpid};

use crate::run::launch::Launch;
use crate::run::sys;

/// Starts a program in a process group of its own, with an empty signal mask and the default disposition of SIGPIPE. It
/// gets SIGTERM when hookmux dies. After an error, that of clone or of execve, there is nothing to reap.
pub(super) fn spawn(launch: &Launch) -> Result<Pid, Errno> {
    let (pid, executed) = sys::clone_and_exec(launch)?;
    if executed.is_err() {
        reap(pid, WaitOptions::empty())?;
    }
    executed.map(|()| pid)
}

/// Reaps a process if it has ended, and no other process. Not with nix's waitpid, which does not know real-time signals
/// and would lose the status of a script that one of them killed. ECHILD means that it was reaped before.
pub(super) fn reap(pid: Pid, options: WaitOptions) -> Result<Option<WaitStatus>, Errno> {
    let ended = retry_on_intr(|| waitpid(rustix::process::Pid::from_raw(pid.as_raw()), options));
    ended.map(|ended| Some(ended?.1)).map_err(|errno| Errno::from_raw(errno.raw_os_error()))
}

/// Reports whether a child has ended, without reaping it: its number is not given to another process until then.
pub(super) fn has_ended(pid: Pid) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    // An errno means that the child does not exist.
    !matches!(waitid(Id::Pid(pid), flags), Ok(Waited::StillAlive))
}

/// Marks all descriptors above 2 as close-on-exec: scripts do not inherit what the caller has left open.
pub(crate) fn inherit_nothing() {
    if sys::close_on_exec_from(3).is_ok() {
        return;
    }
    for descriptor in std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        let number = descriptor.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok());
        if let Some(number) = number.filter(|number| *number > 2) {
            sys::close_on_exec(number);
        }
    }
}
