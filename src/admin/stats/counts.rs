//! How often calls and scripts ran, failed, and how long they took. In: records. Out: a table, or JSON. Pure, but for the
//! local time zone.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::admin::support::clock::Clock;
use crate::admin::support::table;
use crate::call::contract;
use crate::printable;
use crate::record::{Name, Record, StepRecord};
use crate::verdict::outcome;

/// The upper bounds of a duration's buckets, in microseconds, each as Prometheus writes it in seconds. libvirt waits for
/// each script: most take milliseconds, and one that takes seconds is what an administrator looks for.
pub(super) const BUCKETS: [(u64, &str); 10] = [
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (5_000_000, "5"),
    (30_000_000, "30"),
    (120_000_000, "120"),
];

/// Driver, operation.
pub(super) type CallKey = (Name, Name);

/// The counts, by driver and operation, and by script.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// When the first call began.
    since: Option<SystemTime>,
    pub(super) calls: BTreeMap<CallKey, CallCounts>,
    pub(super) scripts: BTreeMap<(CallKey, Name), ScriptCounts>,
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

/// What one script did in calls of one driver and operation.
#[derive(Debug, Default)]
pub(super) struct ScriptCounts {
    /// How often it exited non-zero, or was killed.
    pub(super) vetoes: u64,
    /// How often it could not be run to completion.
    pub(super) faults: u64,
    pub(super) runs: u64,
    /// The time of all runs together, in microseconds.
    pub(super) micros: u64,
    /// The time of the longest run, in microseconds.
    pub(super) longest: u64,
    /// How many runs fit into each bucket, and not into the one before.
    pub(super) buckets: [u64; BUCKETS.len()],
}

fn count(number: &mut u64, by: bool) {
    *number = number.saturating_add(u64::from(by));
}

impl Counts {
    /// Counts these records.
    pub(super) fn new(records: &[Record]) -> Self {
        let mut counts = Self { since: records.first().map(|record| record.time), ..Self::default() };
        for record in records {
            counts.add(record);
        }
        counts
    }

    fn add(&mut self, record: &Record) {
        // An operation's older name is the same operation.
        let row = contract::look_up(&record.driver.0, &record.operation.0);
        let operation = if row.operation.is_empty() { record.operation.clone() } else { Name(row.operation.into()) };
        let kind = (record.driver.clone(), operation);
        // A background script's record is not one of a call.
        if !record.background {
            let calls = self.calls.entry(kind.clone()).or_default();
            count(&mut calls.all, true);
            count(&mut calls.failures, record.verdict.is_some_and(|code| code != 0));
            count(&mut calls.faults, record.fault.is_some());
        }
        let undoing = (record.driver.clone(), Name(row.undone_by.unwrap_or_default().into()));
        for (kind, steps) in [(kind, &record.steps), (undoing, &record.undone)] {
            for step in steps {
                self.scripts.entry((kind.clone(), step.path.clone())).or_default().add(step);
            }
        }
    }

    /// Returns a table of the calls, and one of the scripts.
    pub(super) fn lines(&self) -> Vec<String> {
        let Some(since) = self.since else { return vec!["no call has been recorded yet".into()] };
        let call = |(driver, operation): &CallKey| format!("{} {}", shown(driver), shown(operation));
        let heads = [["calls", "failed", "faults", "call"].map(String::from)];
        let calls = self.calls.iter().map(|(kind, calls)| {
            [calls.all.to_string(), calls.failures.to_string(), calls.faults.to_string(), call(kind)]
        });
        let script_heads = [["runs", "vetoes", "faults", "mean", "longest", "call", "script"].map(String::from)];
        let scripts = self.scripts.iter().map(|((kind, path), script)| {
            let time = |micros| printable::duration(Duration::from_micros(micros));
            let mean = script.micros.checked_div(script.runs).map_or_else(|| "-".into(), time);
            let numbers = [script.runs, script.vetoes, script.faults].map(|number| number.to_string());
            let [runs, vetoes, faults] = numbers;
            let longest = if script.runs == 0 { "-".into() } else { time(script.longest) };
            [runs, vetoes, faults, mean, longest, call(kind), shown(path)]
        });
        let since = format!("since {}:", Clock::local().moment(since));
        let calls = table::table(&heads.into_iter().chain(calls).collect::<Vec<_>>());
        let scripts = table::table(&script_heads.into_iter().chain(scripts).collect::<Vec<_>>());
        std::iter::once(since).chain(calls).chain([String::new()]).chain(scripts).collect()
    }

    pub(super) fn json(&self) -> Value {
        let calls = self.calls.iter().map(|((driver, operation), calls)| {
            json!({
                "driver": shown(driver), "operation": shown(operation),
                "calls": calls.all, "failures": calls.failures, "faults": calls.faults,
            })
        });
        let scripts = self.scripts.iter().map(|(((driver, operation), path), script)| {
            let seconds = |micros| Duration::from_micros(micros).as_secs_f64();
            json!({
                "driver": shown(driver), "operation": shown(operation), "path": shown(path),
                "runs": script.runs, "vetoes": script.vetoes, "faults": script.faults,
                "seconds": seconds(script.micros), "longest": seconds(script.longest),
            })
        });
        let since = self.since.map(|since| humantime::format_rfc3339_seconds(since).to_string());
        json!({ "since": since, "calls": calls.collect::<Vec<_>>(), "scripts": scripts.collect::<Vec<_>>() })
    }
}

impl ScriptCounts {
    fn add(&mut self, step: &StepRecord) {
        count(&mut self.vetoes, step.kind() == outcome::OutcomeKind::Verdict);
        count(&mut self.faults, step.kind() == outcome::OutcomeKind::Fault);
        // What was never started took no time.
        if step.after_us.is_none() {
            return;
        }
        count(&mut self.runs, true);
        self.micros = self.micros.saturating_add(step.duration_us);
        self.longest = self.longest.max(step.duration_us);
        let bucket = BUCKETS.iter().position(|(bound, _)| step.duration_us <= *bound);
        if let Some(bucket) = bucket.and_then(|at| self.buckets.get_mut(at)) {
            count(bucket, true);
        }
    }
}

pub(super) fn shown(name: &Name) -> String {
    printable::printable(&name.0)
}
