//! The signals that hookmux gets: which stop a call, what a crash answers, and what a script inherits. Does.

use std::ffi::c_int;

use libc::{SIGCHLD, SIGCONT, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, getpid, getppid};

use crate::run::sys::{self, Disposition};

/// The signals that stop a call.
pub(super) const STOP_SIGNALS: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];

/// The number of the last signal, `SIGRTMAX`.
const LAST_SIGNAL: c_int = 64;

/// The signals that end no process, and SIGPIPE, which the standard library ignores.
const HARMLESS: [c_int; 8] = [SIGPIPE, SIGCHLD, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH];

/// Makes the signals that stop a call, and that of a child's end, readable from a descriptor.
pub(super) fn descriptor() -> Result<SignalFd, Errno> {
    let mut mask = SigSet::empty();
    for signal in STOP_SIGNALS.into_iter().chain([Signal::SIGCHLD]) {
        // The caller may ignore these: with SIGCHLD ignored the kernel would reap the scripts, and an ignored signal does
        // not reach a descriptor.
        sys::set_disposition(signal as c_int, Disposition::Default);
        mask.add(signal);
    }
    mask.thread_block()?;
    SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// Gives every signal its default disposition, as libvirt does before it executes a hook (`virFork`), so that scripts
/// inherit none that the caller ignores, such as SIGQUIT under `nohup` or in a background job. SIGPIPE stays ignored
/// here, and is reset for each script when it starts.
pub(crate) fn reset_dispositions() {
    for signal in (1..=LAST_SIGNAL).filter(|signal| *signal != SIGPIPE) {
        sys::set_disposition(signal, Disposition::Default);
    }
}

/// Leaves the signals of a terminal's keys to a child, which has their defaults: only its end ends the wait for it.
pub(crate) fn leave_to_child() {
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        sys::set_disposition(signal, Disposition::Interrupt);
    }
}

/// Sends SIGTERM to this process when its caller ends. `caller` is the parent at the beginning.
///
/// `PR_SET_PDEATHSIG` means the thread that started this process: a libvirt thread waits for the hook that it started,
/// so it ends before its hook only together with the daemon.
pub(crate) fn end_with(caller: Pid) {
    // Without it, the call goes on as if the setting were off.
    let _ = prctl::set_pdeathsig(Signal::SIGTERM);
    // If the caller ended before that call, no signal would ever arrive.
    if getppid() != caller {
        let _ = kill(getpid(), Signal::SIGTERM);
    }
}

/// Makes a crash of hookmux, a panic or failing allocation, exit with `code`: where libvirt would kill a running guest
/// for it, a mistake in hookmux must not. There (`code` is 0) every other signal that ends a process exits with 0 as well;
/// those that stop the call, until [`descriptor`] makes them readable. A file that would grow beyond its limit is an error,
/// and not the end of hookmux.
pub(crate) fn answer_crashes_with(code: u8) {
    sys::exit_code_on_signal(c_int::from(code));
    sys::set_disposition(libc::SIGABRT, Disposition::Exit);
    if code == 0 {
        for signal in (1..=LAST_SIGNAL).filter(|signal| !HARMLESS.contains(signal)) {
            sys::set_disposition(signal, Disposition::Exit);
        }
    }
    sys::set_disposition(libc::SIGXFSZ, Disposition::Interrupt);
}
