//! Counts and state in Prometheus' text format. In: both. Out: text. Pure.

use std::fmt::Write as _;
use std::time::UNIX_EPOCH;

use crate::admin::stats::counts::{BUCKETS, CallCounts, CallKey, Counts, ScriptCounts, shown};
use crate::admin::stats::state::HostState;
use crate::printable;
use crate::record::Name;

/// A metric: its name, its help, and where its number is.
type Metric<T> = (&'static str, &'static str, fn(&T) -> u64);

const OF_CALLS: [Metric<CallCounts>; 3] = [
    ("hookmux_calls_total", "Calls of hooks.", |it| it.all),
    ("hookmux_call_failures_total", "Calls that returned a non-zero exit code.", |it| it.failures),
    ("hookmux_call_faults_total", "Calls that hookmux itself could not carry out.", |it| it.faults),
];

const OF_SCRIPTS: [Metric<ScriptCounts>; 2] = [
    ("hookmux_script_vetoes_total", "Scripts that exited non-zero or were killed by a signal.", |it| it.vetoes),
    ("hookmux_script_faults_total", "Scripts that could not be run to completion.", |it| it.faults),
];

/// Writes all metrics.
pub(super) fn text(counts: &Counts, state: &HostState) -> String {
    let mut text = String::new();
    let mut family = |name: &str, help: &str, kind: &str, samples: Vec<(String, String)>| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            // The labels of a histogram's sample follow the rest of its name.
            let labels = if labels.is_empty() || labels.starts_with('_') { labels } else { format!("{{{labels}}}") };
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let version = label("version", env!("CARGO_PKG_VERSION"));
    family("hookmux_build_info", "The version of hookmux.", "gauge", vec![(version, "1".into())]);
    let of_drivers = |value: fn(bool, usize) -> usize| {
        let sample = |(driver, is_installed, scripts): &(String, bool, usize)| {
            (label("driver", driver), value(*is_installed, *scripts).to_string())
        };
        state.drivers.iter().map(sample).collect()
    };
    let help = "Whether the driver's hook is installed and leads to hookmux.";
    family("hookmux_hook_installed", help, "gauge", of_drivers(|is_installed, _| usize::from(is_installed)));
    let help = "Scripts that hookmux would run for the driver.";
    family("hookmux_scripts", help, "gauge", of_drivers(|_, scripts| scripts));
    let findings = state.findings.iter().map(|((severity, kind), count)| {
        let severity = label("severity", &printable::name_of(severity));
        (format!("{severity},{}", label("kind", kind)), count.to_string())
    });
    family("hookmux_check_findings", "Findings of hookmux check.", "gauge", findings.collect());
    let last = state.last.and_then(|last| last.duration_since(UNIX_EPOCH).ok());
    let last = last.map(|last| (String::new(), last.as_secs().to_string()));
    family("hookmux_last_call_timestamp_seconds", "When the last call began.", "gauge", last.into_iter().collect());
    let help = "How long the oldest running script has been running.";
    family("hookmux_running_script_seconds", help, "gauge", vec![(String::new(), state.running.to_string())]);
    for (name, help, number) in OF_CALLS {
        let samples = counts.calls.iter().map(|(kind, calls)| (labels(kind, None), number(calls).to_string()));
        family(name, help, "counter", samples.collect());
    }
    let scripts = || counts.scripts.iter().map(|((kind, script), numbers)| (labels(kind, Some(script)), numbers));
    for (name, help, number) in OF_SCRIPTS {
        let samples = scripts().map(|(labels, numbers)| (labels, number(numbers).to_string()));
        family(name, help, "counter", samples.collect());
    }
    let longest = scripts().map(|(labels, numbers)| (labels, seconds(numbers.longest)));
    family("hookmux_script_longest_seconds", "The longest run.", "gauge", longest.collect());
    let times = scripts().flat_map(|(labels, numbers)| histogram(&labels, numbers));
    family("hookmux_script_duration_seconds", "How long scripts ran.", "histogram", times.collect());
    text
}

fn histogram(labels: &str, script: &ScriptCounts) -> Vec<(String, String)> {
    let mut below = 0_u64;
    let mut samples = Vec::new();
    for ((_, bound), number) in BUCKETS.iter().zip(script.buckets) {
        below = below.saturating_add(number);
        samples.push((format!("_bucket{{{labels},le=\"{bound}\"}}"), below.to_string()));
    }
    samples.push((format!("_bucket{{{labels},le=\"+Inf\"}}"), script.runs.to_string()));
    samples.push((format!("_sum{{{labels}}}"), seconds(script.micros)));
    samples.push((format!("_count{{{labels}}}"), script.runs.to_string()));
    samples
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000))
}

fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{name}=\"{value}\"")
}

fn labels((driver, operation): &CallKey, script: Option<&Name>) -> String {
    let script = script.map(|script| format!(",{}", label("script", &shown(script)))).unwrap_or_default();
    format!("{},{}{script}", label("driver", &shown(driver)), label("operation", &shown(operation)))
}
