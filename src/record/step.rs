//! One script in a record. In: what became of a step. Out: its fields, and how it counts. Pure.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::plan;
use crate::record::Name;
use crate::record::micros;
use crate::run::child::Ended;
use crate::verdict::messages;
use crate::verdict::outcome::Outcome;

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
    Untrusted,
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
pub(super) fn is_false(value: &bool) -> bool {
    !value
}

impl Step {
    /// What became of a step of a call that began at `begin`.
    #[must_use]
    pub fn new(step: &plan::Step, ended: &Ended, begin: Instant) -> Self {
        Self::of(&step.path, ended, begin)
    }

    /// The same by the script's path.
    #[must_use]
    pub fn of(path: &Path, ended: &Ended, begin: Instant) -> Self {
        let (outcome, code) = kind(&ended.outcome);
        let explains = !matches!(outcome, Kind::Exited | Kind::Killed | Kind::NotRun);
        Self {
            path: path.into(),
            outcome,
            code,
            why: explains.then(|| messages::outcome(path, &ended.outcome)),
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
        Outcome::Untrusted(_) => (Kind::Untrusted, None),
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
            Self::Untrusted => "untrusted",
            Self::Lost => "lost",
            Self::Unfit => "unfit",
            Self::NotRun => "not-run",
            Self::Other => "other",
        }
    }
}
