//! One script that is running. In: what to start. Out: how it ended, and what it wrote. Does.

use std::ffi::{CString, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid, pipe2};

use crate::files::resolve;
use crate::guard;
use crate::run::process::{self, Launch, Strings};
use crate::run::spool::Spool;
use crate::run::stream::{Content, Stream};
use crate::verdict::outcome::Outcome;

/// What a script is started with.
#[derive(Debug)]
pub struct Start<'a> {
    /// The script.
    pub path: &'a Path,
    /// The words after its own name.
    pub words: &'a [OsString],
    /// `NAME=value`
    pub environment: &'a Strings,
    /// What it reads.
    pub input: &'a Spool,
    /// How many bytes of its standard output are kept as a document; `None` where they are words like any.
    pub document: Option<u64>,
    /// How long it may take.
    pub limit: Option<Duration>,
    /// Time between asking it to end and ending it.
    pub kill_after: Duration,
    /// Whether it gets a session of its own, and not just a group.
    pub detached: bool,
}

/// A script that is running.
#[derive(Debug)]
pub struct Child {
    /// Its process, which leads a group of its own.
    pub pid: Pid,
    /// Since when.
    pub started: Instant,
    /// Its standard output.
    pub output: Stream,
    /// Its standard error.
    pub errors: Stream,
    limit: Option<Duration>,
    kill_after: Duration,
    stage: Stage,
}

/// How far the ending of a script that takes too long has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    InTime,
    Asked(Instant),
    Forced(Instant),
    GivenUp,
}

/// A script that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// When it was started; `None` if it never was.
    pub began: Option<Instant>,
    /// After what time.
    pub elapsed: Duration,
    /// How many bytes it wrote to its standard output.
    pub bytes_out: u64,
    /// How many bytes it wrote to its standard error.
    pub bytes_err: u64,
    /// The last of its standard output, where that is no document.
    pub output: Vec<u8>,
    /// The last of its standard error.
    pub errors: Vec<u8>,
    /// Its standard output, where that is a document.
    pub document: Option<Spool>,
    /// What it changed in the document that it read.
    pub changes: guard::Changes,
}

impl Ended {
    /// What a script that never started leaves behind.
    #[must_use]
    pub fn never_started(outcome: Outcome) -> Self {
        let (output, errors, changes) = (Vec::new(), Vec::new(), guard::Changes::default());
        let (began, bytes_out, bytes_err, elapsed) = (None, 0, 0, Duration::ZERO);
        Self { outcome, began, elapsed, bytes_out, bytes_err, output, errors, document: None, changes }
    }
}

impl Child {
    /// Starts a script.
    ///
    /// # Errors
    /// Why it cannot be started: of execve, or of what is needed before.
    pub fn start(start: &Start) -> Result<Self, Errno> {
        let program = CString::new(start.path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
        // argv[0] is the path, as libvirt has it.
        let argv = [start.path.as_os_str()].into_iter().chain(start.words.iter().map(OsString::as_os_str)).collect();
        let input = start.input.reader().map_err(|error| resolve::errno(&error))?;
        let (output, output_end) = pipe()?;
        let (errors, errors_end) = pipe()?;
        let streams = [input.as_fd(), output_end.as_fd(), errors_end.as_fd()];
        let (environment, session) = (start.environment, start.detached);
        let launch = Launch { program: &program, argv: &argv, environment, streams, session };
        let started = Instant::now();
        let pid = process::spawn(&launch)?;
        let output = match start.document {
            Some(limit) => Stream::document(output, limit),
            None => Stream::words(output),
        };
        let (errors, stage) = (Stream::words(errors), Stage::InTime);
        Ok(Self { pid, started, output, errors, limit: start.limit, kill_after: start.kill_after, stage })
    }

    /// When something is to be done about its taking too long.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::InTime => self.started.checked_add(self.limit?),
            Stage::Asked(since) | Stage::Forced(since) => since.checked_add(self.kill_after),
            Stage::GivenUp => None,
        }
    }

    /// Asks it to end, or ends it, with all that belongs to its group, if it is time for that. Whether it was to end
    /// long ago and cannot: a process that waits for a dead file system, or is frozen, outlives even SIGKILL.
    pub fn enforce_limit(&mut self, now: Instant) -> bool {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return false;
        }
        match self.stage {
            Stage::InTime => {
                self.ask_to_end(Signal::SIGTERM);
                self.stage = Stage::Asked(now);
            }
            Stage::Asked(_) => {
                self.signal(Signal::SIGKILL);
                self.stage = Stage::Forced(now);
            }
            Stage::Forced(_) | Stage::GivenUp => self.stage = Stage::GivenUp,
        }
        self.stage == Stage::GivenUp
    }

    /// Sends a signal to its group, and to itself if it has left that.
    pub fn signal(&self, signal: Signal) {
        // ESRCH: it ended a moment ago.
        let _ = killpg(self.pid, signal);
        if getpgid(Some(self.pid)).is_ok_and(|group| group != self.pid) {
            let _ = kill(self.pid, signal);
        }
    }

    /// Asks it to end, even if it has been stopped: it could not hear otherwise. As systemd does (`SendSIGCONT`).
    pub fn ask_to_end(&self, signal: Signal) {
        self.signal(signal);
        self.signal(Signal::SIGCONT);
    }

    /// Whether it has ended; it is reaped then. One that we have given up counts as ended, and is init's once we are gone.
    pub fn poll_end(&mut self) -> Option<Outcome> {
        if self.stage != Stage::InTime && !process::has_ended(self.pid) {
            return (self.stage == Stage::GivenUp).then(|| self.timed_out());
        }
        if self.stage != Stage::InTime {
            // What it has left in the background took part in taking too long. Before it is reaped, since its number,
            // and so the group's, is nobody else's until then.
            self.signal(Signal::SIGKILL);
        }
        let status = match process::reap(self.pid, false) {
            Ok(None) => return None,
            Ok(Some(status)) => status,
            // Reaped by somebody else, which nobody here does; its exit code is gone.
            Err(errno) => return Some(Outcome::Lost(errno)),
        };
        Some(match (self.stage, status.code(), status.signal()) {
            (Stage::Asked(_) | Stage::Forced(_) | Stage::GivenUp, ..) => self.timed_out(),
            (_, Some(code), _) => Outcome::Exited(code),
            (_, None, signal) => Outcome::Killed(signal.unwrap_or_default()),
        })
    }

    fn timed_out(&self) -> Outcome {
        Outcome::TimedOut(self.limit.unwrap_or_default())
    }

    /// Puts together what it leaves behind.
    #[must_use]
    pub fn into_ended(self, outcome: Outcome) -> Ended {
        let (began, elapsed) = (Some(self.started), self.started.elapsed());
        let (bytes_out, bytes_err) = (self.output.length(), self.errors.length());
        let errors = self.errors.into_words();
        let (outcome, output, document) = match (outcome, self.output.into_content()) {
            (Outcome::Exited(0), Content::Document(Err(error))) => {
                (Outcome::Lost(resolve::errno(&error)), Vec::new(), None)
            }
            (Outcome::Exited(0), Content::Document(Ok(document))) => (Outcome::Exited(0), Vec::new(), Some(document)),
            (outcome, Content::Document(_)) => (outcome, Vec::new(), None),
            (outcome, Content::Words(words)) => (outcome, words, None),
        };
        let changes = guard::Changes::default();
        Ended { outcome, began, elapsed, bytes_out, bytes_err, output, errors, document, changes }
    }
}

impl Ended {
    /// Lets go of what it wrote.
    pub fn forget_words(&mut self) {
        (self.output, self.errors) = (Vec::new(), Vec::new());
    }
}

/// The reading end does not block us: a script can open its own output for reading (`cat </dev/stdout`), and take what
/// poll has just promised us. The writing end, a description of its own, blocks the script like any pipe.
fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((reader, writer))
}
