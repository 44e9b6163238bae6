//! One script in a record. In: the report of a step. Out: its fields. Pure.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::plan;
use crate::record::Name;
use crate::record::micros;
use crate::run::child::StepReport;
use crate::verdict::messages;
use crate::verdict::outcome::{Ending, Kind};

/// One script of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// The script.
    pub(crate) path: Name,
    /// How it ended.
    pub(crate) outcome: Ending,
    /// The exit code, or the signal's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<i32>,
    /// Why, where it is a fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// When it was started, in microseconds after the call's beginning; `None` if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after_us: Option<u64>,
    /// How long it ran, in microseconds.
    pub(crate) duration_us: u64,
    /// How many bytes it wrote to its standard output.
    pub(crate) bytes_out: u64,
    /// How many bytes it wrote to its standard error.
    pub(crate) bytes_err: u64,
    /// What it changed in the document, a line each, secrets hidden.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<String>,
    /// It changed more than is listed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) more_changes: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's way of asking")]
pub(super) fn is_false(value: &bool) -> bool {
    !value
}

impl Step {
    /// Returns the fields of a step in a call that began at `begin`.
    pub(super) fn new(step: &plan::Step, report: &StepReport, begin: Instant) -> Self {
        let (outcome, code) = report.outcome.ending();
        let explains = outcome.kind(code) == Kind::Fault;
        Self {
            path: step.path.as_path().into(),
            outcome,
            code,
            why: explains.then(|| messages::outcome(&step.path, &report.outcome)),
            after_us: report.started.map(|started| micros(started.saturating_duration_since(begin))),
            duration_us: micros(report.elapsed),
            bytes_out: report.bytes_out,
            bytes_err: report.bytes_err,
            changes: report.changes.list.iter().map(ToString::to_string).collect(),
            more_changes: report.changes.more,
        }
    }

    /// Returns what its outcome meant for the call.
    pub(crate) fn kind(&self) -> Kind {
        self.outcome.kind(self.code)
    }

    /// Returns how long it ran.
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_micros(self.duration_us)
    }
}
