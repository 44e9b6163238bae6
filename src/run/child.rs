//! One script that is running. In: what to start. Out: how it ended, and what it wrote. Does.

use std::ffi::{CString, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid, pipe2};
use rustix::process::WaitOptions;

use crate::files::resolve;
use crate::guard;
use crate::run::launch::{Launch, Strings};
use crate::run::spawn;
use crate::run::spool::{Spool, SpoolWriter};
use crate::run::stream::Stream;
use crate::verdict::outcome::Outcome;

/// The number of bytes of a failing script's standard error that are kept for the record.
const MAX_RECORDED_ERRORS: usize = 1600;

/// The arguments of a script, and how it is started.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    pub(crate) path: &'a Path,
    /// Without argv\[0\].
    pub(crate) args: &'a [OsString],
    pub(crate) environment: &'a Strings,
    pub(crate) input: &'a Spool,
    /// The size limit, in bytes, of the document on its standard output; `None` where that is text.
    pub(crate) document: Option<u64>,
    /// The time that it may run.
    pub(crate) limit: Option<Duration>,
    /// Time between SIGTERM and SIGKILL once it has run longer.
    pub(crate) kill_after: Duration,
    /// True if it gets a session of its own, and not only a process group.
    pub(crate) session: bool,
}

/// A script that is running.
#[derive(Debug)]
pub(crate) struct Child {
    /// Its process, which leads a process group.
    pub(crate) pid: Pid,
    pub(crate) started: Instant,
    pub(super) output: Stream,
    pub(super) errors: Stream,
    limit: Option<Duration>,
    kill_after: Duration,
    stage: Stage,
    /// The time at which [`Self::enforce_limit`] has something to do.
    pub(super) deadline: Option<Instant>,
}

/// The last measure that was taken to end a script that has run for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    InTime,
    Terminated,
    Killed,
    GivenUp,
}

/// The result of one step.
#[derive(Debug, Default)]
pub(crate) struct StepReport {
    pub(crate) outcome: Outcome,
    /// The time at which it was started; `None` if it never was.
    pub(crate) started: Option<Instant>,
    pub(crate) elapsed: Duration,
    /// The number of bytes that it wrote to its standard output, and to its standard error.
    pub(crate) bytes_out: u64,
    pub(crate) bytes_err: u64,
    /// The end of its standard output, where that is text.
    pub(crate) output: Vec<u8>,
    /// The end of its standard error.
    pub(crate) errors: Vec<u8>,
    /// Its standard output, where that is a document.
    pub(crate) document: Option<Spool>,
    /// The changes that it made in the document that it read.
    pub(crate) changes: guard::Changes,
}

impl StepReport {
    /// Drops what it wrote, but for the end of a failing script's standard error, which is recorded.
    pub(super) fn drop_text(&mut self) {
        self.output = Vec::new();
        let kept = if self.outcome.kind().is_failure() { MAX_RECORDED_ERRORS } else { 0 };
        self.errors = self.errors.split_off(self.errors.len().saturating_sub(kept));
    }
}

impl Child {
    pub(crate) fn start(start: &Start) -> Result<Self, Errno> {
        let program = CString::new(start.path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
        // argv[0] is the path, as it is for libvirt's own hooks.
        let arguments = start.args.iter().map(OsString::as_os_str);
        let argv = Strings::arguments([start.path.as_os_str()].into_iter().chain(arguments));
        let input = start.input.reader().map_err(|error| resolve::errno(&error))?;
        let (output, output_end) = pipe()?;
        let (errors, errors_end) = pipe()?;
        let streams = [input.as_fd(), output_end.as_fd(), errors_end.as_fd()];
        let (environment, session) = (start.environment, start.session);
        let started = Instant::now();
        let pid = spawn::spawn(&Launch { program: &program, argv: &argv, environment, streams, session })?;
        Ok(Self {
            pid,
            started,
            output: Stream::new(output, start.document),
            errors: Stream::new(errors, None),
            limit: start.limit,
            kill_after: start.kill_after,
            stage: Stage::InTime,
            deadline: start.limit.and_then(|limit| started.checked_add(limit)),
        })
    }

    /// Sends SIGTERM, then SIGKILL, to the process group when due. Reports whether the script has survived even that and
    /// is given up: a process that waits for a dead file system, or is frozen, outlives SIGKILL.
    pub(super) fn enforce_limit(&mut self, now: Instant) -> bool {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return false;
        }
        self.deadline = now.checked_add(self.kill_after);
        self.stage = match self.stage {
            Stage::InTime => {
                self.terminate(Signal::SIGTERM);
                Stage::Terminated
            }
            Stage::Terminated => {
                self.signal(Signal::SIGKILL);
                Stage::Killed
            }
            Stage::Killed | Stage::GivenUp => {
                self.deadline = None;
                Stage::GivenUp
            }
        };
        self.stage == Stage::GivenUp
    }

    /// Sends a signal to its process group, and to the script itself if it has left that.
    fn signal(&self, signal: Signal) {
        // ESRCH: it ended a moment ago.
        let _ = killpg(self.pid, signal);
        if getpgid(Some(self.pid)).is_ok_and(|group| group != self.pid) {
            let _ = kill(self.pid, signal);
        }
    }

    /// Sends a signal that asks it to end, and SIGCONT, since a stopped process handles no other signal. systemd does the
    /// same (`SendSIGCONT`).
    pub(super) fn terminate(&self, signal: Signal) {
        self.signal(signal);
        self.signal(Signal::SIGCONT);
    }

    /// Reaps it if it has ended, and returns how. A script that was given up counts as ended; init reaps it later.
    pub(super) fn poll_end(&mut self) -> Option<Outcome> {
        let timed_out = (self.stage != Stage::InTime).then(|| Outcome::TimedOut(self.limit.unwrap_or_default()));
        if timed_out.is_some() {
            if !spawn::has_ended(self.pid) {
                return timed_out.filter(|_| self.stage == Stage::GivenUp);
            }
            // Its background processes took part in the timeout. Before it is reaped, since until then its number, and so
            // that of the process group, is not given to another process.
            self.signal(Signal::SIGKILL);
        }
        let status = match spawn::reap(self.pid, WaitOptions::NOHANG) {
            Ok(status) => status?,
            // Another process reaped it, which cannot happen here; its exit code is lost.
            Err(errno) => return Some(Outcome::Lost(errno)),
        };
        Some(timed_out.unwrap_or_else(|| match status.exit_status() {
            Some(code) => Outcome::Exited(code),
            None => Outcome::Killed(status.terminating_signal().unwrap_or_default()),
        }))
    }

    /// Returns the report of a script that has ended, with what it left in its pipes.
    pub(super) fn into_report(mut self, outcome: Outcome, chunk: &mut Vec<u8>) -> StepReport {
        self.output.drain_rest(chunk);
        self.errors.drain_rest(chunk);
        let mut report = StepReport {
            outcome,
            started: Some(self.started),
            elapsed: self.started.elapsed(),
            bytes_out: self.output.length,
            bytes_err: self.errors.length,
            output: self.output.text,
            errors: self.errors.text,
            ..StepReport::default()
        };
        if report.outcome == Outcome::Exited(0)
            && let Some(written) = self.output.document
        {
            match written.and_then(SpoolWriter::finish) {
                Ok(document) => report.document = Some(document),
                Err(error) => report.outcome = Outcome::Lost(resolve::errno(&error)),
            }
        }
        report
    }
}

/// Makes a pipe whose reading end does not block: a script can open its own output for reading (`cat </dev/stdout`), and
/// take what poll has just reported. The writing end, a description of its own, blocks the script like any pipe.
fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((reader, writer))
}
