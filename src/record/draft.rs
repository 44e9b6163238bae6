//! The record of a call that is not over yet. In: what happens. Out: the record, once the answer is known. Does, through
//! `file`.

use std::path::Path;
use std::time::{Instant, SystemTime};

use crate::call::invocation::Invocation;
use crate::plan::Step;
use crate::record::file::{self, DiskState};
use crate::record::{Name, Record, StepRecord, micros};
use crate::run::RunReport;
use crate::run::child::StepReport;

/// An unfinished record.
#[derive(Debug)]
pub(crate) struct Draft {
    record: Record,
    begin: Instant,
    disk: DiskState,
}

impl Draft {
    /// Starts the record of a call that begins now.
    pub(crate) fn new(call: &Invocation) -> Self {
        let record = Record::new(call, SystemTime::now());
        Self { record, begin: Instant::now(), disk: DiskState::new(&call.row) }
    }

    /// Notes what hookmux itself could not do.
    pub(crate) fn fault(&mut self, what: &str) {
        self.record.fault = Some(what.to_owned());
    }

    /// Notes the owner of a port.
    pub(crate) fn guest(&mut self, name: Option<String>) {
        self.record.guest = name.map(|name| Name(name.into()));
    }

    /// Notes what became of the steps, and of those that undid something.
    pub(crate) fn steps(&mut self, steps: &[Step], run: &RunReport, undone: &[(Step, StepReport)]) {
        let record = |(step, report): (&Step, &StepReport)| StepRecord::new(step, report, self.begin);
        self.record.steps = steps.iter().zip(&run.steps).map(record).collect();
        self.record.undone = undone.iter().map(|(step, report)| record((step, report))).collect();
        if let Some(signal) = run.stopped_by {
            self.record.fault = Some(format!("stopped by {signal}"));
        }
    }

    /// Ends the record with the exit code, and writes it.
    pub(crate) fn keep(&mut self, root: &Path, code: u8) {
        self.record.verdict = Some(code);
        self.record.duration_us = micros(self.begin.elapsed());
        // The agent freezes nothing after a failure.
        let disk = if self.disk == DiskState::Freeze && code != 0 { DiskState::Thaw } else { self.disk };
        file::append(root, disk, || self.record.line());
    }

    /// Writes a record of its own for a background script of the call.
    pub(crate) fn keep_background(&self, root: &Path, call: &Invocation, step: &Step, report: &StepReport) {
        let started = report.started.unwrap_or_else(Instant::now);
        let time = self.record.time.checked_add(started.saturating_duration_since(self.begin));
        let record = Record {
            guest: self.record.guest.clone(),
            duration_us: micros(report.elapsed),
            background: true,
            steps: vec![StepRecord::new(step, report, started)],
            ..Record::new(call, time.unwrap_or(self.record.time))
        };
        file::append(root, self.disk, || record.line());
    }
}
