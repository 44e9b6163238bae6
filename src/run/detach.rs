//! Work that outlives a call: copies of this process in sessions of their own, which hold none of the caller's pipes.
//! Does.

use std::ffi::c_int;
use std::io;

use nix::unistd::{ForkResult, setsid};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use crate::run::spool::Spool;
use crate::run::sys;

/// Does `work` in a copy of this process, in a session of its own, which ends with it. Does not wait for the copy. `work`
/// gets why the copy could not leave the caller, if so.
pub(crate) fn fork_detached(work: impl FnOnce(io::Result<()>)) -> io::Result<()> {
    if let ForkResult::Child = sys::fork()? {
        work(detach());
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
fn detach() -> io::Result<()> {
    setsid()?;
    let null = Spool::nothing().reader()?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    Ok(dup2_stderr(&null)?)
}
