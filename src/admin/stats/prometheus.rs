//! Counts and state in Prometheus' text format. In: both. Out: text. Pure.

use std::fmt::Write;
use std::slice;
use std::time::{Duration, UNIX_EPOCH};

use crate::admin::stats::counts::{BUCKETS, CallCounts, Counts, ScriptCounts};
use crate::admin::stats::state::HostState;
use crate::printable::name_of;

/// The labels of drivers, calls, scripts, and of a script's buckets: each has one more.
const LABELS: [&str; 4] = ["driver", "operation", "script", "le"];

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

pub(super) fn text(counts: &Counts, state: &HostState) -> String {
    let mut text = String::new();
    // Each sample is what follows the metric's name, and the number.
    let mut family = |name: &str, help: &str, kind: &str, samples: Vec<(String, String)>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, number) in samples {
            let _ = writeln!(text, "{name}{labels} {number}");
        }
    };
    let version = labels(&["version"], &[env!("CARGO_PKG_VERSION").to_owned()]);
    family("hookmux_build_info", "The version of hookmux.", "gauge", vec![(version, "1".into())]);
    let of_drivers = |number: fn(bool, usize) -> usize| {
        let sample = |(driver, is_installed, scripts): &(String, bool, usize)| {
            (labels(&LABELS, slice::from_ref(driver)), number(*is_installed, *scripts).to_string())
        };
        state.drivers.iter().map(sample).collect()
    };
    let help = "Whether the driver's hook is installed and is hookmux.";
    family("hookmux_hook_installed", help, "gauge", of_drivers(|is_installed, _| usize::from(is_installed)));
    let help = "Scripts that hookmux would run for the driver.";
    family("hookmux_scripts", help, "gauge", of_drivers(|_, scripts| scripts));
    let findings = state.findings.iter().map(|((severity, kind), number)| {
        (labels(&["severity", "kind"], &[name_of(severity), (*kind).to_owned()]), number.to_string())
    });
    family("hookmux_check_findings", "Findings of hookmux check.", "gauge", findings.collect());
    let last = state.last.iter().filter_map(|last| last.duration_since(UNIX_EPOCH).ok());
    let last = last.map(|last| (String::new(), last.as_secs().to_string()));
    family("hookmux_last_call_timestamp_seconds", "When the last call began.", "gauge", last.collect());
    let help = "How long the oldest running script has been running.";
    family("hookmux_running_script_seconds", help, "gauge", vec![(String::new(), state.running.to_string())]);
    for (name, help, number) in OF_CALLS {
        let samples = counts.calls.iter().map(|(call, it)| (labels(&LABELS, call), number(it).to_string()));
        family(name, help, "counter", samples.collect());
    }
    for (name, help, number) in OF_SCRIPTS {
        let samples = counts.scripts.iter().map(|(script, it)| (labels(&LABELS, script), number(it).to_string()));
        family(name, help, "counter", samples.collect());
    }
    let longest = counts.scripts.iter().map(|(script, it)| (labels(&LABELS, script), seconds(it.longest)));
    family("hookmux_script_longest_seconds", "The longest run.", "gauge", longest.collect());
    let times = counts.scripts.iter().flat_map(|(script, it)| histogram(script, it));
    family("hookmux_script_duration_seconds", "How long scripts ran.", "histogram", times.collect());
    text
}

fn histogram(script: &[String; 3], it: &ScriptCounts) -> Vec<(String, String)> {
    let bucket = |bound: String, number: u64| {
        (format!("_bucket{}", labels(&LABELS, &[&script[..], &[bound]].concat())), number.to_string())
    };
    let bounds = BUCKETS.iter().map(|bound| Duration::from_micros(*bound).as_secs_f64().to_string());
    let buckets = bounds.zip(it.buckets).map(|(bound, number)| bucket(bound, number));
    let (sum, number) = (format!("_sum{}", labels(&LABELS, script)), format!("_count{}", labels(&LABELS, script)));
    let all = [bucket("+Inf".into(), it.runs), (sum, seconds(it.micros)), (number, it.runs.to_string())];
    buckets.chain(all).collect()
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000))
}

/// Formats labels, which may be fewer than their names: `{driver="qemu",operation="start"}`.
fn labels(names: &[&str], values: &[String]) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"");
    let labels = names.iter().zip(values).map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    format!("{{{}}}", labels.collect::<Vec<_>>().join(","))
}
