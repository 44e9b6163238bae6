//! One call as it is kept: a line of JSON in /var/log/hookmux/calls.jsonl. In: a call and what became of it. Out: the
//! line, and the record from the line. Pure.
//!
//! A line holds what the log holds, and no more: names, paths, outcomes, times, and what a filter changed without its
//! secrets; never a document, never what a script wrote.

use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::child::Ended;
use crate::invocation::Invocation;
use crate::outcome::Outcome;
use crate::plan;
use crate::words;

pub mod draft;
pub mod file;
pub mod name;
pub mod read;
mod time;

pub use name::Name;

/// The version of the line's layout. A new field is no new version; one that means something else is.
pub const VERSION: u32 = 1;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`VERSION`]
    pub v: u32,
    /// When it began.
    #[serde(with = "time")]
    pub time: SystemTime,
    /// The hook's process.
    pub pid: u32,
    /// The hook's name.
    pub driver: Name,
    /// The guest or the network; `-` where there is none.
    pub object: Name,
    /// The operation, as the caller called it.
    pub operation: Name,
    /// The sub-operation, or `-`.
    pub sub_operation: Name,
    /// The last word, or `-`.
    pub extra: Name,
    /// The guest whose port it is, where the object is a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<Name>,
    /// The exit code; none of a script that nobody waited for.
    pub verdict: Option<u8>,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// What hookmux itself could not do, or who told it to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// This is no call, but a script that a call has left behind (`wait = false`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub afterwards: bool,
    /// Its scripts, in order.
    pub steps: Vec<Step>,
    /// The scripts that were told to take back what they did, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone: Vec<Step>,
}

/// One script of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The script.
    pub path: Name,
    /// What became of it.
    pub outcome: Kind,
    /// The exit code, or the signal's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// Why, where it is a fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When it was started, in microseconds after the call's beginning; none if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_us: Option<u64>,
    /// How long it ran, in microseconds.
    pub duration_us: u64,
    /// How many bytes it wrote to its standard output.
    pub bytes_out: u64,
    /// How many bytes it wrote to its standard error.
    pub bytes_err: u64,
    /// What it changed in the document, a line each, secrets hidden.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// It changed more than is listed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more_changes: bool,
}

/// An outcome, as one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It ended by itself, with a code.
    Exited,
    /// A signal ended it.
    Killed,
    /// It took too long, and was ended.
    TimedOut,
    /// It could not be started.
    NotStarted,
    /// It must not be started.
    Refused,
    /// Its answer could not be kept.
    Lost,
    /// It wrote XML that libvirt must not get.
    Unfit,
    /// It was not its turn.
    NotRun,
    /// A word of a later version's.
    #[serde(other)]
    Other,
}

/// How a step counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// It had nothing against it.
    Success,
    /// Its own no.
    Veto,
    /// hookmux could not run it to its end.
    Fault,
    /// It did not run.
    NotRun,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's way of asking")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Microseconds, as far as they go.
#[must_use]
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Record {
    /// A call that begins.
    #[must_use]
    pub fn new(call: &Invocation, time: SystemTime) -> Self {
        let [driver, object, operation, sub_operation, extra] =
            [&call.driver, &call.object, &call.operation, &call.sub_operation, &call.extra].map(|w| Name(w.clone()));
        let (v, pid, guest, verdict, duration_us, fault) = (VERSION, std::process::id(), None, None, 0, None);
        let (afterwards, steps, undone) = (false, Vec::new(), Vec::new());
        Self {
            v,
            time,
            pid,
            driver,
            object,
            operation,
            sub_operation,
            extra,
            guest,
            verdict,
            duration_us,
            fault,
            afterwards,
            steps,
            undone,
        }
    }

    /// The guest that it was about: the object's name, or that of the port's owner. `None` for a daemon or a network.
    #[must_use]
    pub fn guest(&self) -> Option<&Name> {
        let names_a_guest = !["network", "daemon", "fsfreeze-hook"].iter().any(|driver| self.driver.0 == *driver);
        self.guest.as_ref().or_else(|| names_a_guest.then_some(&self.object))
    }

    /// Whether anything went wrong: the call's answer, a script, or hookmux itself.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.verdict.is_some_and(|code| code != 0)
            || self.fault.is_some()
            || self.all_steps().any(|step| matches!(step.counts(), Count::Veto | Count::Fault))
    }

    /// Its steps, and those that took something back.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(&self.undone)
    }

    /// How long it took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.duration_us)
    }

    /// When it was over.
    #[must_use]
    pub fn end(&self) -> SystemTime {
        self.time.checked_add(self.duration()).unwrap_or(self.time)
    }

    /// The line, with its end.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        // Room for a call with a few scripts; a long list of changes makes it grow.
        let mut line = Vec::with_capacity(2048);
        // Into memory, and of types that have no error of their own.
        if serde_json::to_writer(&mut line, self).is_err() {
            line.clear();
            return line;
        }
        line.push(b'\n');
        line
    }
}

impl Step {
    /// What became of a step of a call that began at `begin`.
    #[must_use]
    pub fn new(step: &plan::Step, ended: &Ended, begin: Instant) -> Self {
        Self::of(&step.path, ended, begin)
    }

    /// The same by the script's path.
    #[must_use]
    pub fn of(path: &std::path::Path, ended: &Ended, begin: Instant) -> Self {
        let (outcome, code) = kind(&ended.outcome);
        let explains = !matches!(outcome, Kind::Exited | Kind::Killed | Kind::NotRun);
        Self {
            path: path.into(),
            outcome,
            code,
            why: explains.then(|| words::outcome(path, &ended.outcome)),
            after_us: ended.began.map(|began| micros(began.saturating_duration_since(begin))),
            duration_us: micros(ended.elapsed),
            bytes_out: ended.bytes_out,
            bytes_err: ended.bytes_err,
            changes: ended.changes.list.iter().map(ToString::to_string).collect(),
            more_changes: ended.changes.more,
        }
    }

    /// How it counts.
    #[must_use]
    pub fn counts(&self) -> Count {
        match (self.outcome, self.code) {
            (Kind::Exited, Some(0)) => Count::Success,
            (Kind::Exited | Kind::Killed, _) => Count::Veto,
            (Kind::NotRun, _) => Count::NotRun,
            _ => Count::Fault,
        }
    }

    /// How long it ran.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.duration_us)
    }
}

/// An outcome's word and number.
#[must_use]
pub fn kind(outcome: &Outcome) -> (Kind, Option<i32>) {
    match outcome {
        Outcome::Exited(code) => (Kind::Exited, Some(*code)),
        Outcome::Killed(signal) => (Kind::Killed, Some(*signal)),
        Outcome::TimedOut(_) => (Kind::TimedOut, None),
        Outcome::NotStarted(..) => (Kind::NotStarted, None),
        Outcome::Refused(_) => (Kind::Refused, None),
        Outcome::Lost(_) => (Kind::Lost, None),
        Outcome::Unfit(_) => (Kind::Unfit, None),
        Outcome::NotRun => (Kind::NotRun, None),
    }
}

impl Kind {
    /// The word, as in the line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Killed => "killed",
            Self::TimedOut => "timed-out",
            Self::NotStarted => "not-started",
            Self::Refused => "refused",
            Self::Lost => "lost",
            Self::Unfit => "unfit",
            Self::NotRun => "not-run",
            Self::Other => "other",
        }
    }
}
