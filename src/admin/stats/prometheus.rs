//! The counts in Prometheus' text format. In: counts. Out: text. Pure.

use std::fmt::Write as _;

use crate::admin::stats::{BUCKETS, Calls, Counts, Kind, Script, shown};
use crate::record::Name;

/// A metric: its name, its help, and where its number is.
type Metric<T> = (&'static str, &'static str, fn(&T) -> u64);

const OF_CALLS: [Metric<Calls>; 3] = [
    ("hookmux_calls_total", "Calls of hooks.", |it| it.all),
    ("hookmux_call_failures_total", "Calls that returned a non-zero exit code.", |it| it.failures),
    ("hookmux_call_faults_total", "Calls that hookmux itself could not carry out.", |it| it.faults),
];

const OF_SCRIPTS: [Metric<Script>; 2] = [
    ("hookmux_script_vetoes_total", "Scripts that exited non-zero or were killed by a signal.", |it| it.vetoes),
    ("hookmux_script_faults_total", "Scripts that could not be run to completion.", |it| it.faults),
];

/// Writes all metrics.
pub(super) fn text(counts: &Counts) -> String {
    let mut text = String::new();
    for (name, help, number) in OF_CALLS {
        head(name, help, "counter", &mut text);
        for (kind, calls) in &counts.calls {
            let _ = writeln!(text, "{name}{{{}}} {}", labels(kind, None), number(calls));
        }
    }
    for (name, help, number) in OF_SCRIPTS {
        head(name, help, "counter", &mut text);
        for ((kind, script), numbers) in &counts.scripts {
            let _ = writeln!(text, "{name}{{{}}} {}", labels(kind, Some(script)), number(numbers));
        }
    }
    let name = "hookmux_script_duration_seconds";
    head(name, "How long scripts ran.", "histogram", &mut text);
    for ((kind, script), numbers) in &counts.scripts {
        histogram(numbers, name, &labels(kind, Some(script)), &mut text);
    }
    text
}

fn histogram(script: &Script, name: &str, labels: &str, text: &mut String) {
    let mut below = 0_u64;
    for ((_, bound), number) in BUCKETS.iter().zip(script.buckets) {
        below = below.saturating_add(number);
        let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {below}");
    }
    let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", script.runs);
    let (seconds, micros) = (script.micros.div_euclid(1_000_000), script.micros.rem_euclid(1_000_000));
    let _ = writeln!(text, "{name}_sum{{{labels}}} {seconds}.{micros:06}");
    let _ = writeln!(text, "{name}_count{{{labels}}} {}", script.runs);
}

fn head(name: &str, help: &str, kind: &str, text: &mut String) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn labels((driver, operation): &Kind, script: Option<&Name>) -> String {
    let label = |name: &str, value: &Name| {
        let value = shown(value).replace('\\', "\\\\").replace('"', "\\\"");
        format!("{name}=\"{value}\"")
    };
    let script = script.map(|script| format!(",{}", label("script", script))).unwrap_or_default();
    format!("{},{}{script}", label("driver", driver), label("operation", operation))
}
