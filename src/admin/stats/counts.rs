//! The numbers of calls, of scripts' runs and of failures, and the time that they took. In: records. Out: a table, or
//! JSON. Pure, but for the local time zone.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::admin::support::clock::Clock;
use crate::admin::support::table;
use crate::call::contract::UNKNOWN;
use crate::printable::{duration, printable};
use crate::record::{Record, StepRecord};
use crate::verdict::outcome::OutcomeKind;

/// The upper bounds of a duration's buckets, in microseconds. libvirt waits for each script: most take milliseconds, and one
/// that takes seconds is what an administrator looks for.
pub(super) const BUCKETS: [u64; 10] =
    [2_500, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000, 30_000_000, 120_000_000];

#[derive(Debug, Default)]
pub(super) struct Counts {
    /// The time at which the first call began.
    since: Option<SystemTime>,
    /// By driver and operation.
    pub(super) calls: BTreeMap<[String; 2], CallCounts>,
    /// By driver, operation and script.
    pub(super) scripts: BTreeMap<[String; 3], ScriptCounts>,
}

/// The calls of one driver and operation.
#[derive(Debug, Default)]
pub(super) struct CallCounts {
    pub(super) all: u64,
    /// Those that returned a non-zero exit code.
    pub(super) failures: u64,
    /// Those that hookmux itself could not carry out.
    pub(super) faults: u64,
}

/// The runs of one script in calls of one driver and operation.
#[derive(Debug, Default)]
pub(super) struct ScriptCounts {
    /// The number of times that it exited non-zero, or was killed.
    pub(super) vetoes: u64,
    /// The number of times that it could not be run to completion.
    pub(super) faults: u64,
    pub(super) runs: u64,
    /// The time of all runs together, in microseconds.
    pub(super) micros: u64,
    /// The time of the longest run, in microseconds.
    pub(super) longest: u64,
    /// The number of runs that took at most as long as each bound.
    pub(super) buckets: [u64; BUCKETS.len()],
}

fn count(number: &mut u64, by: bool) {
    *number = number.saturating_add(u64::from(by));
}

impl Counts {
    pub(super) fn new(records: &[Record]) -> Self {
        let mut counts = Self { since: records.first().map(|record| record.time), ..Self::default() };
        for record in records {
            counts.add(record);
        }
        counts
    }

    fn add(&mut self, record: &Record) {
        let row = record.row();
        let driver = printable(&record.driver.0);
        let undoing = [driver.clone(), row.undone_by.unwrap_or_default().to_owned()];
        // An operation's older name is the same operation.
        let operation = if row == UNKNOWN { printable(&record.operation.0) } else { row.operation.to_owned() };
        let call = [driver, operation];
        // A background script's record is not one of a call.
        if !record.background {
            let calls = self.calls.entry(call.clone()).or_default();
            count(&mut calls.all, true);
            count(&mut calls.failures, record.verdict.is_some_and(|code| code != 0));
            count(&mut calls.faults, record.fault.is_some());
        }
        for ([driver, operation], steps) in [(&call, &record.steps), (&undoing, &record.undone)] {
            for step in steps {
                let script = [driver.clone(), operation.clone(), printable(&step.path.0)];
                self.scripts.entry(script).or_default().add(step);
            }
        }
    }

    /// Returns a table of the calls, and one of the scripts.
    pub(super) fn lines(&self) -> Vec<String> {
        let Some(since) = self.since else { return vec!["no call has been recorded yet".into()] };
        let since = format!("since {}:", Clock::local().moment(since));
        let mut calls = vec![["calls", "failed", "faults", "call"].map(String::from)];
        calls.extend(self.calls.iter().map(|([driver, operation], it)| {
            let [all, failures, faults] = [it.all, it.failures, it.faults].map(|number| number.to_string());
            [all, failures, faults, format!("{driver} {operation}")]
        }));
        let mut scripts = vec![["runs", "vetoes", "faults", "mean", "longest", "call", "script"].map(String::from)];
        scripts.extend(self.scripts.iter().map(|([driver, operation, path], it)| {
            let [runs, vetoes, faults] = [it.runs, it.vetoes, it.faults].map(|number| number.to_string());
            let times = [it.micros.checked_div(it.runs), Some(it.longest).filter(|_| it.runs > 0)];
            let time = |micros| duration(Duration::from_micros(micros));
            let [mean, longest] = times.map(|micros| micros.map_or_else(|| "-".into(), time));
            [runs, vetoes, faults, mean, longest, format!("{driver} {operation}"), path.clone()]
        }));
        [vec![since], table::table(&calls), vec![String::new()], table::table(&scripts)].concat()
    }

    pub(super) fn json(&self) -> Value {
        let calls = self.calls.iter().map(|([driver, operation], it)| {
            json!({
                "driver": driver, "operation": operation,
                "calls": it.all, "failures": it.failures, "faults": it.faults,
            })
        });
        let seconds = |micros| Duration::from_micros(micros).as_secs_f64();
        let scripts = self.scripts.iter().map(|([driver, operation, path], it)| {
            json!({
                "driver": driver, "operation": operation, "path": path,
                "runs": it.runs, "vetoes": it.vetoes, "faults": it.faults,
                "seconds": seconds(it.micros), "longest": seconds(it.longest),
            })
        });
        let since = self.since.map(|since| humantime::format_rfc3339_seconds(since).to_string());
        json!({ "since": since, "calls": calls.collect::<Vec<_>>(), "scripts": scripts.collect::<Vec<_>>() })
    }
}

impl ScriptCounts {
    fn add(&mut self, step: &StepRecord) {
        count(&mut self.vetoes, step.kind() == OutcomeKind::Verdict);
        count(&mut self.faults, step.kind() == OutcomeKind::Fault);
        // What was never started took no time.
        if step.after_us.is_none() {
            return;
        }
        count(&mut self.runs, true);
        self.micros = self.micros.saturating_add(step.duration_us);
        self.longest = self.longest.max(step.duration_us);
        for (bound, bucket) in BUCKETS.iter().zip(&mut self.buckets) {
            count(bucket, step.duration_us <= *bound);
        }
    }
}
