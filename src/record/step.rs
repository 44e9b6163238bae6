//! One script in a record. In: the report of a step. Out: its fields. Pure.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::plan;
use crate::printable::printable;
use crate::record::name::Name;
use crate::record::time::micros;
use crate::run::child::StepReport;
use crate::verdict::messages;
use crate::verdict::outcome::{Ending, OutcomeKind};

/// The number of characters of a failing script's standard error that are recorded.
const MAX_STDERR: usize = 400;

/// A change, or another text, that is longer than so many bytes is the first to be left out of a record that is too long.
const SHORT: usize = 200;

/// One script of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepRecord {
    pub(crate) path: Name,
    pub(crate) outcome: Ending,
    /// The exit code, or the signal's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<i32>,
    /// The reason, if it is a fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// The time at which it was started, in microseconds after the call's beginning; `None` if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after_us: Option<u64>,
    pub(crate) duration_us: u64,
    pub(crate) bytes_out: u64,
    pub(crate) bytes_err: u64,
    /// The end of its standard error, if it failed: at most 400 characters, lines separated by line feeds, other control
    /// characters escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stderr: Option<String>,
    /// The changes that it made in the document, a line each, secrets hidden.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<String>,
    /// True if it changed more than is listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) more_changes: bool,
}

impl StepRecord {
    /// Returns the fields of a step in a call that began at `begin`.
    pub(super) fn new(step: &plan::Step, report: &StepReport, begin: Instant) -> Self {
        let (outcome, code) = report.outcome.ending();
        let kind = outcome.kind(code);
        Self {
            path: Name(step.path.clone().into()),
            outcome,
            code,
            why: (kind == OutcomeKind::Fault).then(|| messages::outcome(&step.path, &report.outcome)),
            after_us: report.started.map(|started| micros(started.saturating_duration_since(begin))),
            duration_us: micros(report.elapsed),
            bytes_out: report.bytes_out,
            bytes_err: report.bytes_err,
            stderr: kind.is_failure().then(|| end_of(&report.errors)).flatten(),
            changes: report.changes.list.iter().map(ToString::to_string).collect(),
            more_changes: report.changes.more,
        }
    }

    pub(crate) fn kind(&self) -> OutcomeKind {
        self.outcome.kind(self.code)
    }

    /// Removes long texts, and all changes but for three short ones. Returns how many changes and how many texts.
    pub(super) fn shorten(&mut self) -> (u64, u64) {
        let before = self.changes.len();
        self.changes.retain(|change| change.len() <= SHORT);
        self.changes.truncate(3);
        let changes = before.saturating_sub(self.changes.len()) as u64;
        let texts = [&mut self.why, &mut self.stderr].into_iter();
        let texts = texts.filter_map(|text| text.take_if(|text| text.len() > SHORT)).count() as u64;
        (changes, texts)
    }
}

/// Returns the end of a text, safe to print; `None` if it is blank.
fn end_of(text: &[u8]) -> Option<String> {
    let lines = text.trim_ascii().split(|byte| *byte == b'\n').map(|line| printable(OsStr::from_bytes(line)));
    let text = lines.collect::<Vec<_>>().join("\n");
    let start = text.char_indices().rev().nth(MAX_STDERR.saturating_sub(1)).map_or(0, |(start, _)| start);
    text.get(start..).filter(|end| !end.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_text_is_safe_to_print_and_short() {
        let long = "ü".repeat(500);
        let rows: [(&[u8], Option<&str>); 5] = [
            (b"one\ntwo\n", Some("one\ntwo")),
            (b" \n", None),
            (b"", None),
            (b"red \x1b[31m\xff\r\n\tx", Some("red \\u{1b}[31m\\xff\\r\n\\tx")),
            (long.as_bytes(), long.get(200..)),
        ];
        for (text, expected) in rows {
            assert_eq!(end_of(text).as_deref(), expected, "{}", text.escape_ascii());
        }
    }
}
