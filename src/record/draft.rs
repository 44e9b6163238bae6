//! A record while its call goes on. In: what happens. Out: the record, once the answer is known. Does, by way of `file`.

use std::path::Path;
use std::time::{Instant, SystemTime};

use crate::call::invocation::Invocation;
use crate::plan;
use crate::record::Record;
use crate::record::Step;
use crate::record::file::{self, DiskState};
use crate::record::micros;
use crate::run::RunReport;
use crate::run::child::Ended;

/// A record that lacks its end.
#[derive(Debug, Clone)]
pub struct Draft {
    record: Record,
    begin: Instant,
    moment: DiskState,
}

impl Draft {
    /// A call that begins now.
    #[must_use]
    pub fn new(call: &Invocation) -> Self {
        let (record, begin) = (Record::new(call, SystemTime::now()), Instant::now());
        Self { record, begin, moment: DiskState::of(&call.row) }
    }

    /// What hookmux itself could not do.
    pub fn fault(&mut self, what: &str) {
        self.record.fault = Some(what.to_owned());
    }

    /// Whose port it is.
    pub fn guest(&mut self, name: Option<String>) {
        self.record.guest = name.map(|name| crate::record::Name(name.into()));
    }

    /// What became of the steps.
    pub fn walked(&mut self, steps: &[plan::Step], walked: &RunReport) {
        let begin = self.begin;
        self.record.steps = steps.iter().zip(&walked.ended).map(|(step, end)| Step::new(step, end, begin)).collect();
        self.record.undone = walked.undone.iter().map(|(path, end)| Step::of(path, end, begin)).collect();
        if let Some(signal) = walked.stopped_by {
            self.record.fault = Some(format!("stopped by {signal}"));
        }
    }

    /// Ends the record with the exit code, and keeps it.
    pub fn keep(mut self, root: &Path, code: u8) {
        self.record.verdict = Some(code);
        self.record.duration_us = micros(self.begin.elapsed());
        let moment = match self.moment {
            // The agent freezes nothing after a no.
            DiskState::Freeze if code != 0 => DiskState::Thaw,
            moment => moment,
        };
        file::append(root, moment, || self.record.line());
    }

    /// Keeps a record of its own for a script that nobody waits for.
    pub fn keep_background(&self, root: &Path, step: &plan::Step, ended: &Ended) {
        let began = ended.began.unwrap_or_else(Instant::now);
        let time = self.record.time.checked_add(began.saturating_duration_since(self.begin));
        let record = Record {
            time: time.unwrap_or(self.record.time),
            pid: std::process::id(),
            duration_us: micros(ended.elapsed),
            background: true,
            steps: vec![Step::new(step, ended, began)],
            verdict: None,
            fault: None,
            undone: Vec::new(),
            ..self.record.clone()
        };
        file::append(root, self.moment, || record.line());
    }
}
