//! Work that outlives a call: copies of this process in sessions of their own, which hold none of the caller's pipes.
//! Does.

use std::ffi::c_int;

use nix::errno::Errno;
use nix::unistd::{ForkResult, setsid};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use crate::files::resolve;
use crate::run::spool::Spool;
use crate::run::sys;

/// Makes a copy of this process that supervises background scripts, in a session of its own. Returns in both processes,
/// and reports whether this one is the copy.
///
/// # Errors
/// No process or no memory is left.
pub(crate) fn fork_supervisor() -> Result<bool, Errno> {
    match sys::fork()? {
        ForkResult::Parent { .. } => Ok(false),
        ForkResult::Child => detach().map(|()| true),
    }
}

/// Does `work` in a copy of this process, which ends with it. Does not wait for the copy.
///
/// # Errors
/// No process is left.
pub(crate) fn fork_detached(work: impl FnOnce()) -> Result<(), Errno> {
    if let ForkResult::Child = sys::fork()? {
        if detach().is_ok() {
            work();
        }
        sys::exit(0)
    }
    Ok(())
}

/// Ends this process at once: giving back memory piece by piece interrupts each other processor that scripts were
/// started on, and the kernel takes all of it back anyway. No buffer is flushed.
#[inline]
pub fn end(code: u8) -> ! {
    sys::exit(c_int::from(code))
}

/// Starts a session, and lets go of libvirt's pipes: one that stayed open would keep libvirt waiting.
fn detach() -> Result<(), Errno> {
    setsid()?;
    let null = Spool::nothing().reader().map_err(|error| resolve::errno(&error))?;
    let replaced = dup2_stdin(&null).and_then(|()| dup2_stdout(&null)).and_then(|()| dup2_stderr(&null));
    replaced.map_err(|errno| Errno::from_raw(errno.raw_os_error()))
}
