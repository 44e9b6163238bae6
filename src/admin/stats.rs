//! `hookmux stats`: what happened how often, for Prometheus. In: the records. Out: metrics in its text
//! format. Reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::admin::history;
use crate::admin::support::console::Console;
use crate::printable;
use crate::record::read::Files;
use crate::record::{Count, Name, Record, Step, file};

/// Arguments of `hookmux stats`.
#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// As Prometheus reads it, for the textfile collector of its node exporter
    #[arg(long, required = true)]
    prometheus: bool,
    /// Look below this directory instead of /
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

impl Stats {
    /// Prints the metrics.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        history::assert_kept(&file::calls(&self.root))?;
        // Not what was rotated away: numbers that fell to anything but 0 would count as new calls.
        let records = history::found(&self.root, Files::Newest, &history::Selection::default(), console.errors)?;
        let mut metrics = Metrics::default();
        for record in &records {
            metrics.add(record);
        }
        console.output.write_all(metrics.text().as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The upper bounds of a duration's buckets, in microseconds, each as Prometheus writes it in seconds. libvirt waits for
/// each script: most take milliseconds, and one that takes seconds is what somebody looks for.
const BUCKETS: [(u64, &str); 10] = [
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
type Call = (Name, Name);

/// One of a script's numbers.
type Number = fn(&Script) -> u64;

/// The numbers, by their labels.
#[derive(Debug, Default)]
struct Metrics {
    calls: BTreeMap<Call, u64>,
    failures: BTreeMap<Call, u64>,
    own_faults: BTreeMap<Call, u64>,
    scripts: BTreeMap<(Call, Name), Script>,
}

/// What one script did in calls of one kind.
#[derive(Debug, Default)]
struct Script {
    vetoes: u64,
    faults: u64,
    runs: u64,
    micros: u64,
    /// How many runs fit into each bucket, and not into the one before.
    buckets: [u64; BUCKETS.len()],
}

fn count(number: &mut u64) {
    *number = number.saturating_add(1);
}

impl Metrics {
    fn add(&mut self, record: &Record) {
        // An operation's older name is the same operation.
        let row = crate::call::contract::look_up(&record.driver.0, &record.operation.0);
        let operation = if row.operation.is_empty() { record.operation.clone() } else { Name(row.operation.into()) };
        let call = (record.driver.clone(), operation);
        // What a call has left behind is no call.
        if !record.background {
            count(self.calls.entry(call.clone()).or_default());
            let failures = self.failures.entry(call.clone()).or_default();
            if record.verdict.is_some_and(|code| code != 0) {
                count(failures);
            }
            let own_faults = self.own_faults.entry(call.clone()).or_default();
            if record.fault.is_some() {
                count(own_faults);
            }
        }
        // What was taken back was told another word.
        let undoing = (record.driver.clone(), Name(row.undone_by.unwrap_or_default().into()));
        for (call, steps) in [(call, &record.steps), (undoing, &record.undone)] {
            for step in steps {
                self.scripts.entry((call.clone(), step.path.clone())).or_default().add(step);
            }
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let by_call: [(&str, &str, &BTreeMap<Call, u64>); 3] = [
            ("hookmux_calls_total", "Calls of hooks.", &self.calls),
            ("hookmux_call_failures_total", "Calls that were answered with another exit code than 0.", &self.failures),
            ("hookmux_call_faults_total", "Calls that hookmux itself could not carry out.", &self.own_faults),
        ];
        for (name, help, numbers) in by_call {
            head(name, help, "counter", &mut text);
            for (call, number) in numbers {
                let _ = writeln!(text, "{name}{{{}}} {number}", labels(call, None));
            }
        }
        let by_script: [(&str, &str, Number); 2] = [
            (
                "hookmux_script_vetoes_total",
                "Scripts that ended with another exit code than 0, or by a signal.",
                |it| it.vetoes,
            ),
            ("hookmux_script_faults_total", "Scripts that hookmux could not run to their end.", |it| it.faults),
        ];
        for (name, help, number) in by_script {
            head(name, help, "counter", &mut text);
            for ((call, script), numbers) in &self.scripts {
                let _ = writeln!(text, "{name}{{{}}} {}", labels(call, Some(script)), number(numbers));
            }
        }
        let name = "hookmux_script_duration_seconds";
        head(name, "How long scripts ran.", "histogram", &mut text);
        for ((call, script), numbers) in &self.scripts {
            numbers.histogram(name, &labels(call, Some(script)), &mut text);
        }
        text
    }
}

impl Script {
    fn add(&mut self, step: &Step) {
        match step.counts() {
            Count::Success => {}
            Count::Veto => count(&mut self.vetoes),
            Count::Fault => count(&mut self.faults),
            Count::NotRun => return,
        }
        // What was never started took no time.
        if step.after_us.is_none() {
            return;
        }
        count(&mut self.runs);
        self.micros = self.micros.saturating_add(step.duration_us);
        let bucket = BUCKETS.iter().position(|(bound, _)| step.duration_us <= *bound);
        if let Some(bucket) = bucket.and_then(|at| self.buckets.get_mut(at)) {
            count(bucket);
        }
    }

    fn histogram(&self, name: &str, labels: &str, text: &mut String) {
        let mut below = 0_u64;
        for ((_, bound), number) in BUCKETS.iter().zip(self.buckets) {
            below = below.saturating_add(number);
            let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {below}");
        }
        let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", self.runs);
        let (seconds, micros) = (self.micros.div_euclid(1_000_000), self.micros.rem_euclid(1_000_000));
        let _ = writeln!(text, "{name}_sum{{{labels}}} {seconds}.{micros:06}");
        let _ = writeln!(text, "{name}_count{{{labels}}} {}", self.runs);
    }
}

fn head(name: &str, help: &str, kind: &str, text: &mut String) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn labels((driver, operation): &Call, script: Option<&Name>) -> String {
    let label = |name: &str, value: &Name| {
        let value = printable::printable(&value.0).replace('\\', "\\\\").replace('"', "\\\"");
        format!("{name}=\"{value}\"")
    };
    let script = script.map(|script| format!(",{}", label("script", script))).unwrap_or_default();
    format!("{},{}{script}", label("driver", driver), label("operation", operation))
}
