//! The record of a call that is not over yet. In: what happens. Out: the record, once the answer is known. Does, through
//! `file`.

use std::path::Path;
use std::time::{Instant, SystemTime};

use crate::call::invocation::Invocation;
use crate::plan;
use crate::record::Record;
use crate::record::StepRecord;
use crate::record::file::{self, DiskState};
use crate::record::micros;
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
        let (record, begin) = (Record::new(call, SystemTime::now()), Instant::now());
        Self { record, begin, disk: DiskState::new(&call.row) }
    }

    /// Notes what hookmux itself could not do.
    pub(crate) fn fault(&mut self, what: &str) {
        self.record.fault = Some(what.to_owned());
    }

    /// Notes the owner of a port.
    pub(crate) fn guest(&mut self, name: Option<String>) {
        self.record.guest = name.map(|name| crate::record::Name(name.into()));
    }

    /// Notes what became of the steps, and of those that undid something.
    pub(crate) fn steps(&mut self, steps: &[plan::Step], run: &RunReport, undone: &[(plan::Step, StepReport)]) {
        let begin = self.begin;
        self.record.steps =
            steps.iter().zip(&run.steps).map(|(step, report)| StepRecord::new(step, report, begin)).collect();
        self.record.undone = undone.iter().map(|(step, report)| StepRecord::new(step, report, begin)).collect();
        if let Some(signal) = run.stopped_by {
            self.record.fault = Some(format!("stopped by {signal}"));
        }
    }

    /// Ends the record with the exit code, and writes it.
    pub(crate) fn keep(&mut self, root: &Path, code: u8) {
        self.record.verdict = Some(code);
        self.record.duration_us = micros(self.begin.elapsed());
        let disk = match self.disk {
            // The agent freezes nothing after a failure.
            DiskState::Freeze if code != 0 => DiskState::Thaw,
            disk => disk,
        };
        file::append(root, disk, || self.record.line());
    }

    /// Writes a record of its own for a background script.
    pub(crate) fn keep_background(&self, root: &Path, step: &plan::Step, report: &StepReport) {
        let started = report.started.unwrap_or_else(Instant::now);
        let time = self.record.time.checked_add(started.saturating_duration_since(self.begin));
        let record = Record {
            time: time.unwrap_or(self.record.time),
            pid: std::process::id(),
            duration_us: micros(report.elapsed),
            background: true,
            steps: vec![StepRecord::new(step, report, started)],
            verdict: None,
            fault: None,
            undone: Vec::new(),
            left_out: None,
            ..self.record.clone()
        };
        file::append(root, self.disk, || record.line());
    }
}
