//! The system calls that Rust cannot check: clone, fork, sigaction, `close_range`, `_exit`. Does; the only file with
//! `unsafe`, and nothing here decides anything.
//!
//! `unsafe` here relies on three facts: this program has one thread, a [`Launch`] holds strings as execve expects them,
//! and the signal handlers below call nothing but `_exit`.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_uint, c_void};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::errno::Errno;
use nix::unistd::{ForkResult, Pid, getpid};

use crate::run::launch::Launch;

/// Stack of the child between clone and execve, in bytes. It calls a dozen wrappers of system calls, the deepest a few
/// hundred bytes; `posix_spawn` in musl uses 5 KiB, which includes the search in PATH. Each page of it is touched in
/// each process that starts scripts.
const CHILD_STACK: usize = 8 << 10;

/// The data that parent and child share while the parent is suspended.
struct Request<'a> {
    launch: &'a Launch<'a>,
    parent: libc::pid_t,
    /// Set by the child when it could not execute the program.
    errno: AtomicI32,
}

/// Executes a program in a new process. Returns the process, and the errno of execve if the program was not started:
/// the process is a zombie then.
pub(super) fn clone_and_exec(launch: &Launch) -> Result<(Pid, Result<(), Errno>), Errno> {
    let mut stack = [MaybeUninit::<u128>::uninit(); CHILD_STACK / size_of::<u128>()];
    let request = Request { launch, parent: getpid().as_raw(), errno: AtomicI32::new(0) };
    // CLONE_VM: the page tables are not copied. CLONE_VFORK: this process is suspended until the child has left our
    // memory, by execve or by its end. Descriptors, signal handlers and mask are the child's own copies (no CLONE_FILES,
    // no CLONE_SIGHAND), so what it changes there does not affect us.
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let top = stack.as_mut_ptr_range().end.cast::<c_void>();
    // SAFETY: `stack` and `request` live in this frame, which CLONE_VFORK keeps alive, and nothing else uses `stack`. A
    // signal handler that runs on the shared memory meanwhile changes none of it.
    let pid = unsafe { libc::clone(in_child, top, flags, (&raw const request).cast_mut().cast()) };
    let pid = Errno::result(pid).map(Pid::from_raw)?;
    match request.errno.load(Ordering::Relaxed) {
        0 => Ok((pid, Ok(()))),
        errno => Ok((pid, Err(Errno::from_raw(errno)))),
    }
}

/// Runs in the child until execve: system calls only, no allocation, no panic; it writes only `errno` to memory.
extern "C" fn in_child(request: *mut c_void) -> c_int {
    // SAFETY: the pointer comes from `clone_and_exec`, which is suspended until this process executes a program or ends.
    let request = unsafe { &*request.cast::<Request>() };
    let launch = request.launch;
    // SAFETY: system calls on plain numbers, and on pointers into strings that `launch` borrows. sigemptyset initialises the
    // mask.
    unsafe {
        if launch.session {
            libc::setsid();
        } else {
            libc::setpgid(0, 0);
        }
        // A script does not outlive a hook that libvirt has given up.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
        // If the parent died before that call, no signal would ever arrive.
        if libc::getppid() != request.parent {
            libc::_exit(127);
        }
        for (to, from) in (0..).zip(launch.streams) {
            if libc::dup2(from.as_raw_fd(), to) < 0 {
                return not_executed(request);
            }
        }
        // Rust's runtime ignores SIGPIPE; a script must not inherit that.
        set_disposition(libc::SIGPIPE, Disposition::Default);
        let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(mask.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, mask.as_ptr(), ptr::null_mut());
        libc::execve(launch.program.as_ptr(), launch.argv.as_ptr(), launch.environment.as_ptr());
    }
    not_executed(request)
}

fn not_executed(request: &Request) -> c_int {
    request.errno.store(Errno::last_raw(), Ordering::Relaxed);
    127
}

pub(super) fn fork() -> Result<ForkResult, Errno> {
    // SAFETY: this program has one thread, so the copy finds no lock held by a thread that it lacks.
    unsafe { nix::unistd::fork() }
}

/// Ends this process without running destructors or flushing buffers.
#[inline]
pub(super) fn exit(code: c_int) -> ! {
    // SAFETY: _exit may be called at any time, also in a signal handler.
    unsafe { libc::_exit(code) }
}

/// The effect of a signal on this process.
#[derive(Debug, Clone, Copy)]
pub(super) enum Disposition {
    /// The default action of the kernel.
    Default,
    /// Exits with the code of [`exit_code_on_signal`].
    Exit,
    /// Nothing but interrupting a system call. A handler and not "ignored": execve resets it, so that a script does not
    /// inherit it.
    Interrupt,
}

static EXIT_CODE: AtomicI32 = AtomicI32::new(0);

/// Sets the exit code of signals whose disposition is [`Disposition::Exit`].
pub(super) fn exit_code_on_signal(code: c_int) {
    EXIT_CODE.store(code, Ordering::Relaxed);
}

extern "C" fn on_exit(_: c_int) {
    exit(EXIT_CODE.load(Ordering::Relaxed))
}

extern "C" fn on_interrupt(_: c_int) {}

/// Sets the disposition of a signal. A signal that has none to set, such as SIGKILL, keeps what it has.
pub(super) fn set_disposition(signal: c_int, disposition: Disposition) {
    // SAFETY: all zeroes are a valid sigaction, with an empty mask and no flags; the handlers call nothing but `_exit`.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        // A stack that has overflowed has no room for a handler; Rust's runtime sets another one up for that.
        action.sa_flags = libc::SA_ONSTACK;
        action.sa_sigaction = match disposition {
            Disposition::Default => libc::SIG_DFL,
            Disposition::Exit => on_exit as *const () as libc::sighandler_t,
            Disposition::Interrupt => on_interrupt as *const () as libc::sighandler_t,
        };
        libc::sigaction(signal, &raw const action, ptr::null_mut());
    }
}

/// Marks all descriptors from `first` on as close-on-exec. The error is ENOSYS before Linux 5.9, EINVAL before 5.11.
pub(super) fn close_on_exec_from(first: c_uint) -> Result<(), Errno> {
    // SAFETY: a system call on plain numbers, which closes nothing before the next execve.
    let marked = unsafe { libc::syscall(libc::SYS_close_range, first, c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Errno::result(marked).map(drop)
}

/// Marks one descriptor as close-on-exec. A number that is not open is ignored.
pub(super) fn close_on_exec(descriptor: RawFd) {
    // SAFETY: sets a flag of a descriptor, and nothing if there is none.
    unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
}
