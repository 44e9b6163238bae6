//! Processes and signals, as the kernel has them. In: a program ready to start. Out: a process. Does; and it is the one
//! file with `unsafe` in it.
//!
//! Why not `std::process::Command`: a death signal needs `pre_exec`, which makes it fork, and a fork copies our page
//! tables while libvirt waits. [`spawn`] does as `posix_spawn` does inside, with what `posix_spawn` has no attribute for.
#![allow(unsafe_code)]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{ForkResult, Pid, fork, getpid, setsid};

use crate::files::resolve;
use crate::run::spool::Spool;

/// Sent to a script when we die, so that it does not outlive a hook that libvirt has given up.
const DEATH_SIGNAL: c_int = libc::SIGTERM;

/// Stack of the child between clone and exec, in bytes. It calls a dozen wrappers of system calls, the deepest a few
/// hundred bytes; `posix_spawn` in musl takes 5 KiB, and looks for the program, too. Each page of it is touched in each
/// process that starts scripts.
const CHILD_STACK: usize = 8 << 10;

/// Words as execve wants them: each with a NUL behind it, all in one piece of memory, and an array of pointers to them
/// that ends with null.
#[derive(Debug)]
pub struct Strings {
    // Held for the pointers: a vector's bytes do not move when the vector does.
    _bytes: Vec<u8>,
    pointers: Vec<*const c_char>,
}

impl Strings {
    /// Variables of an environment, `NAME=value`.
    pub fn variables<N: AsRef<OsStr>, V: AsRef<OsStr>>(variables: impl Iterator<Item = (N, V)>) -> Self {
        let mut words = Words::new();
        for (name, value) in variables {
            words.add(&[name.as_ref(), OsStr::new("="), value.as_ref()]);
        }
        words.finish()
    }
}

impl<W: AsRef<OsStr>> FromIterator<W> for Strings {
    fn from_iter<T: IntoIterator<Item = W>>(from: T) -> Self {
        let mut words = Words::new();
        for word in from {
            words.add(&[word.as_ref()]);
        }
        words.finish()
    }
}

/// [`Strings`] that lack their pointers: these are taken once the bytes have their place.
struct Words {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Words {
    fn new() -> Self {
        // Room for the few variables that libvirt hands on, or the words of a call.
        Self { bytes: Vec::with_capacity(1 << 10), starts: Vec::with_capacity(1 << 5) }
    }

    /// Adds a word, put together from parts. What the kernel gave us holds no NUL; a part that does is cut there.
    fn add(&mut self, parts: &[&OsStr]) {
        self.starts.push(self.bytes.len());
        for part in parts {
            let until_nul = part.as_bytes().split(|byte| *byte == 0).next();
            self.bytes.extend_from_slice(until_nul.unwrap_or_default());
        }
        self.bytes.push(0);
    }

    fn finish(self) -> Strings {
        let first: *const c_char = self.bytes.as_ptr().cast();
        let pointers = self.starts.into_iter().map(|start| first.wrapping_add(start)).chain([ptr::null()]).collect();
        Strings { _bytes: self.bytes, pointers }
    }
}

/// A program and what it starts with.
#[derive(Debug)]
pub struct Launch<'a> {
    /// The file to execute; no PATH is searched.
    pub program: &'a CStr,
    /// argv, the program's own name first.
    pub argv: &'a Strings,
    /// The environment, `NAME=value`.
    pub environment: &'a Strings,
    /// What become its descriptors 0, 1 and 2; none of these three itself.
    pub streams: [BorrowedFd<'a>; 3],
    /// Whether it gets a session of its own, and not just a group.
    pub session: bool,
}

/// What parent and child share while the parent stands still.
struct Request {
    program: *const c_char,
    argv: *const *const c_char,
    environment: *const *const c_char,
    streams: [RawFd; 3],
    session: bool,
    parent: libc::pid_t,
    /// Written by the child when it could not execute the program.
    errno: AtomicI32,
}

/// Starts a program in a process group of its own, with an empty signal mask, SIGPIPE as it should be, and our death
/// announced to it by SIGTERM.
///
/// # Errors
/// That of clone or of execve; the program was not started then, and there is nothing to reap.
pub fn spawn(launch: &Launch) -> Result<Pid, Errno> {
    let mut stack = [MaybeUninit::<u128>::uninit(); CHILD_STACK / size_of::<u128>()];
    let request = Request {
        program: launch.program.as_ptr(),
        argv: launch.argv.pointers.as_ptr(),
        environment: launch.environment.pointers.as_ptr(),
        streams: launch.streams.map(|stream| stream.as_raw_fd()),
        session: launch.session,
        parent: getpid().as_raw(),
        errno: AtomicI32::new(0),
    };
    // CLONE_VM: no copy of the page tables. CLONE_VFORK: we do not run again before the child has let go of our memory,
    // by execve or by dying. Descriptors, signal handlers and mask are the child's own copies (no CLONE_FILES, no
    // CLONE_SIGHAND), so what it does to them does not reach us.
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let top = stack.as_mut_ptr_range().end.cast::<c_void>();
    // SAFETY: `stack` and `request` live in this frame, which cannot go away while CLONE_VFORK holds us here, and
    // nothing else uses `stack`. No handler of ours can run on the shared memory meanwhile: the signals that we want to
    // know of are blocked and read from a descriptor, and the rest have handlers that touch no memory, or none.
    let pid = unsafe { libc::clone(in_child, top, flags, (&raw const request).cast_mut().cast()) };
    let pid = Errno::result(pid).map(Pid::from_raw)?;
    match request.errno.load(Ordering::Relaxed) {
        0 => Ok(pid),
        errno => {
            // It has ended already, and nobody else knows of it.
            reap(pid, true)?;
            Err(Errno::from_raw(errno))
        }
    }
}

/// The child's life until execve: system calls only, no allocation, no panic; what it writes to memory is `errno`.
extern "C" fn in_child(request: *mut c_void) -> c_int {
    // SAFETY: the pointer is `spawn`'s, whose frame stands still until this process executes something or ends.
    let request = unsafe { &*request.cast::<Request>() };
    // SAFETY: system calls on plain numbers, and on pointers that `spawn` has taken from live values. The mask and the
    // action are initialised by sigemptyset and by zeroes, of which all are valid.
    unsafe {
        if request.session {
            libc::setsid();
        } else {
            libc::setpgid(0, 0);
        }
        libc::prctl(libc::PR_SET_PDEATHSIG, DEATH_SIGNAL);
        // Had our parent died before that call, no signal would ever come.
        if libc::getppid() != request.parent {
            libc::_exit(127);
        }
        for (to, from) in (0..).zip(request.streams) {
            if libc::dup2(from, to) < 0 {
                return not_executed(request);
            }
        }
        // Rust's runtime ignores SIGPIPE; a script must not inherit that.
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(libc::SIGPIPE, &raw const action, ptr::null_mut());
        let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(mask.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, mask.as_ptr(), ptr::null_mut());
        libc::execve(request.program, request.argv, request.environment);
    }
    not_executed(request)
}

fn not_executed(request: &Request) -> c_int {
    request.errno.store(Errno::last_raw(), Ordering::Relaxed);
    127
}

/// How a process ended, if it has; with `wait`, not before it has. Reaps it, and no other.
///
/// # Errors
/// ECHILD when it is not a child of ours, or was reaped before.
pub fn reap(pid: Pid, wait: bool) -> Result<Option<ExitStatus>, Errno> {
    let mut status = 0;
    let flags = if wait { 0 } else { libc::WNOHANG };
    loop {
        // SAFETY: `status` outlives the call. Not nix's waitpid, which knows no real-time signals and would lose the
        // status of a script that one of them killed.
        match Errno::result(unsafe { libc::waitpid(pid.as_raw(), &raw mut status, flags) }) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(ExitStatus::from_raw(status))),
        }
    }
}

/// Whether a child has ended, without reaping it: its number stays its own.
#[must_use]
pub fn has_ended(pid: Pid) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    // An errno is an end too: there is no such child.
    !matches!(waitid(Id::Pid(pid), flags), Ok(WaitStatus::StillAlive))
}

/// The signals that tell us to stop.
pub const STOP_SIGNALS: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];

/// Makes the signals that tell us to stop, and that of a child's end, readable from a descriptor.
///
/// # Errors
/// That of signalfd: no descriptor, no memory.
pub fn signals() -> Result<SignalFd, Errno> {
    let mut mask = SigSet::empty();
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in STOP_SIGNALS.into_iter().chain([Signal::SIGCHLD]) {
        // SAFETY: no handler is installed. Whoever called us may have ignored these: SIGCHLD ignored would reap the
        // scripts behind our back, and an ignored signal does not reach a descriptor.
        unsafe { sigaction(signal, &default) }?;
        mask.add(signal);
    }
    mask.thread_block()?;
    SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// Marks all descriptors above 2 as not to be inherited: what our caller has left open is none of a script's business.
pub fn inherit_nothing() {
    const FIRST: libc::c_uint = 3;
    // SAFETY: a system call on plain numbers (Linux 5.11); it closes nothing here, only at the next execve.
    let marked = unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if marked == 0 {
        return;
    }
    for descriptor in std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        let number = descriptor.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok());
        if let Some(number) = number.filter(|number| *number > 2) {
            // SAFETY: sets a flag of a descriptor; a number that is not open is an error and no more.
            unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
}

/// Ends this process at once, as the kernel takes everything back anyway: to give back memory piece by piece interrupts
/// each other processor that our scripts have been started on. Nothing is left in a buffer to be written.
#[inline]
pub fn end(code: u8) -> ! {
    // SAFETY: _exit may be called at any time.
    unsafe { libc::_exit(c_int::from(code)) }
}

/// Who looks after scripts that nobody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    /// This process, from now on.
    Child,
    /// Its copy; this one is done.
    Parent,
}

/// Makes a copy of this process, in a session of its own, that holds none of our caller's pipes.
///
/// # Errors
/// No process or no memory left.
pub fn fork_supervisor() -> Result<Fork, Errno> {
    // SAFETY: this program has one thread, so the copy finds no lock held by a thread that it lacks.
    match unsafe { fork() }? {
        ForkResult::Parent { .. } => Ok(Fork::Parent),
        ForkResult::Child => detach().map(|()| Fork::Child),
    }
}

/// Does something in a copy of this process that nobody waits for, and that ends with it.
///
/// # Errors
/// No process left.
pub fn fork_detached(work: impl FnOnce()) -> Result<(), Errno> {
    // SAFETY: as above.
    if let ForkResult::Child = unsafe { fork() }? {
        if detach().is_ok() {
            work();
        }
        // SAFETY: there is nothing here that is not our parent's to end.
        unsafe { libc::_exit(0) }
    }
    Ok(())
}

/// A session of our own, away from libvirt's pipes.
fn detach() -> Result<(), Errno> {
    setsid()?;
    // A pipe that stayed open would keep libvirt waiting.
    let null = Spool::nothing().reader().map_err(|error| resolve::errno(&error))?;
    for standard in 0..3 {
        // SAFETY: numbers of descriptors, both open.
        Errno::result(unsafe { libc::dup2(null.as_raw_fd(), standard) })?;
    }
    Ok(())
}

/// Has SIGTERM sent to us when our caller ends. `caller` is the parent as it was in the beginning.
///
/// `PR_SET_PDEATHSIG` means the thread that has started us, not its process: libvirt's threads wait for the hook that they
/// have started, so one ends before its hook only together with the daemon.
pub fn end_with(caller: Pid) {
    // SAFETY: system calls on plain numbers. SIGTERM is blocked and read like any from outside.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
        // Had it ended before that call, no signal would ever come.
        if libc::getppid() != caller.as_raw() {
            libc::kill(libc::getpid(), libc::SIGTERM);
        }
    }
}

static CRASH_CODE: AtomicI32 = AtomicI32::new(0);

/// From now on a crash of our own, a panic or no memory left, exits with `code`: where libvirt would kill a running
/// guest for it, a mistake in here must not. There (`code` is 0) nor may a signal that tells us to stop, as long as
/// [`signals`] has not made it readable. And a file that would grow beyond its limit is an error, not our end.
pub fn answer_crashes_with(code: u8) {
    CRASH_CODE.store(c_int::from(code), Ordering::Relaxed);
    let handle = |signal, handler| {
        let action = SigAction::new(SigHandler::Handler(handler), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handlers call nothing but _exit. That one cannot be installed makes nothing worse than it was.
        let _ = unsafe { sigaction(signal, &action) };
    };
    handle(Signal::SIGABRT, on_end);
    if code == 0 {
        for signal in STOP_SIGNALS {
            handle(signal, on_end);
        }
    }
    // A handler and not "ignored": execve takes a handler away, and a script is to find what we found.
    handle(Signal::SIGXFSZ, on_nothing);
}

extern "C" fn on_end(_: c_int) {
    // SAFETY: _exit may be called in a handler.
    unsafe { libc::_exit(CRASH_CODE.load(Ordering::Relaxed)) }
}

extern "C" fn on_nothing(_: c_int) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(strings: &Strings) -> Vec<String> {
        let words = strings.pointers.iter().take_while(|pointer| !pointer.is_null());
        // SAFETY: each points to bytes that end with NUL, which `strings` holds.
        words.map(|word| unsafe { CStr::from_ptr(*word) }.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn words_and_variables_are_as_execve_wants_them() {
        let long = "x".repeat(5000);
        let words: Strings = ["/h/a b", "", "-", "cut\0here", &long].into_iter().collect();
        assert_eq!(read(&words), ["/h/a b", "", "-", "cut", &long]);
        let moved = Some(Strings::variables([("A", "1"), ("EMPTY", ""), ("B", "x=y")].into_iter()));
        assert_eq!(read(moved.as_ref().unwrap()), ["A=1", "EMPTY=", "B=x=y"]);
        assert_eq!(words.pointers.last().copied(), Some(ptr::null()));
        assert_eq!(read(&std::iter::empty::<&OsStr>().collect()), [""; 0]);
    }
}
