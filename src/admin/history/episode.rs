//! Calls that belong together, on one time line: a guest's start is prepare, start, started and its networks' ports. In:
//! records. Out: episodes, with a row for each call and each script. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::call::contract::Output;
use crate::call::invocation::NOTHING;
use crate::printable::printable;
use crate::record::{Record, StepRecord};
use crate::verdict::messages;
use crate::verdict::outcome::{Ending, OutcomeKind};

/// The time without a call after which the next one begins another episode.
const REST: Duration = Duration::from_secs(30);

/// Calls about one guest, network or daemon, close to each other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Episode {
    /// The guest, network or daemon.
    pub(crate) who: String,
    pub(crate) begin: SystemTime,
    /// From the first beginning to the last end.
    pub(crate) span: Duration,
    pub(crate) calls: usize,
    /// The number of calls with a failure.
    pub(crate) failed: usize,
    /// Calls, each with its scripts after it.
    pub(crate) rows: Vec<Bar>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// A script of the call above, or the call itself.
    pub(crate) is_step: bool,
    /// The call's arguments, or the script's name.
    pub(crate) label: String,
    /// The script's whole path; empty for a call.
    pub(crate) path: String,
    /// Its outcome, unless it succeeded.
    pub(crate) note: String,
    /// Further texts, one line each; a script's standard error may have several.
    pub(crate) details: Vec<String>,
    /// The time from the episode's start to its own, and its duration; `None` if it never started.
    pub(crate) time: Option<(Duration, Duration)>,
    pub(crate) kind: OutcomeKind,
}

/// Groups records, ordered by time, into episodes, ordered by their starts.
pub(crate) fn episodes(records: &[Record]) -> Vec<Episode> {
    let mut by_object: BTreeMap<String, Vec<(SystemTime, Vec<&Record>)>> = BTreeMap::new();
    for record in records {
        let groups = by_object.entry(who(record)).or_default();
        match groups.last_mut() {
            // A call that begins before the end of another does not begin another episode.
            Some((end, group))
                if record.time.duration_since(*end).unwrap_or_default() <= REST && !begins_another(record, group) =>
            {
                group.push(record);
                *end = (*end).max(record.end());
            }
            _ => groups.push((record.end(), vec![record])),
        }
    }
    let groups = by_object.iter().flat_map(|(who, groups)| groups.iter().map(move |group| (who, group)));
    let mut episodes: Vec<Episode> = groups.filter_map(|(who, (end, group))| episode(who, group, *end)).collect();
    episodes.sort_by_key(|episode| episode.begin);
    episodes
}

/// Reports whether a record begins another episode: each attempt to start a guest begins with `prepare`, which only the
/// filters of an incoming guest precede.
fn begins_another(record: &Record, group: &[&Record]) -> bool {
    record.operation.0 == "prepare" && group.iter().any(|record| record.row().output != Output::Filter)
}

/// Returns an episode of these calls, in order; `None` without calls.
fn episode(who: &str, group: &[&Record], end: SystemTime) -> Option<Episode> {
    let begin = group.first()?.time;
    let mut rows: Vec<Bar> = group.iter().flat_map(|record| rows(record, begin)).collect();
    // A reason is given once.
    let mut given = BTreeSet::new();
    for row in &mut rows {
        row.details.retain(|detail| given.insert(detail.clone()));
    }
    let failed = group.iter().filter(|record| record.has_failed()).count();
    let span = end.duration_since(begin).unwrap_or_default();
    Some(Episode { who: who.to_owned(), begin, span, calls: group.len(), failed, rows })
}

/// Returns what a call is about: a guest's name, or the name and driver of anything else.
fn who(record: &Record) -> String {
    let (driver, object) = (printable(&record.driver.0), printable(&record.object.0));
    match record.guest() {
        Some(guest) => printable(&guest.0),
        None if object == NOTHING => driver,
        None => format!("{driver} {object}"),
    }
}

fn rows(record: &Record, begin: SystemTime) -> impl Iterator<Item = Bar> {
    let offset = record.time.duration_since(begin).unwrap_or_default();
    // The call succeeded, whatever the outcome of a script.
    let ignored = if record.verdict == Some(0) { " (ignored)" } else { "" };
    let steps = record.steps.iter().map(move |step| step_row(step, offset, "", ignored));
    let undone = record.undone.iter().map(move |step| step_row(step, offset, "undone: ", ""));
    std::iter::once(call_row(record, offset)).chain(steps).chain(undone)
}

/// Returns which script failed first and how, or what hookmux could not do.
pub(crate) fn reason(record: &Record) -> Option<String> {
    let rows: Vec<Bar> = rows(record, record.time).filter(|row| row.kind.is_failure()).collect();
    let step = rows.iter().find(|row| row.is_step).map(|row| format!("{} {}", row.label, row.note));
    step.or_else(|| rows.first()?.details.first().cloned())
}

fn call_row(record: &Record, offset: Duration) -> Bar {
    let mut label = format!("{} {}", printable(&record.driver.0), printable(&record.operation.0));
    if record.guest.is_some() {
        label = format!("{label} {}", printable(&record.object.0));
    }
    if record.background {
        label += " (background)";
    }
    if record.extra.0 != NOTHING && record.extra.0 != record.row().extra {
        label = format!("{label} ({})", printable(&record.extra.0));
    }
    let code = record.verdict.unwrap_or_default();
    let note = if code == 0 { String::new() } else { format!("exit {code}") };
    let kind = if code == 0 && record.fault.is_none() { OutcomeKind::Success } else { OutcomeKind::Verdict };
    let details = record.fault.iter().map(printable).collect();
    Bar { is_step: false, label, path: String::new(), note, details, time: Some((offset, record.duration())), kind }
}

fn step_row(step: &StepRecord, offset: Duration, prefix: &str, ignored: &str) -> Bar {
    let code = step.code.unwrap_or_default();
    let note = match step.outcome {
        Ending::Exited if code == 0 => String::new(),
        Ending::Exited => format!("exited {code}"),
        Ending::Killed => messages::signal(code),
        other => other.to_string().replace('-', " "),
    };
    let note = if step.kind().is_failure() { note + ignored } else { note };
    let path = printable(&step.path.0);
    let why = step.why.as_ref().map(printable);
    // The label has the path already.
    let why = why.map(|why| why.strip_prefix(&path).map_or(why.clone(), |why| why.trim_start().to_owned()));
    let details = why.into_iter().chain(changes(step)).chain(step.stderr.as_deref().map(quoted)).collect();
    let micros = Duration::from_micros;
    let time = step.after_us.map(|after| (offset.saturating_add(micros(after)), micros(step.duration_us)));
    let label = format!("{prefix}{}", label(Path::new(&step.path.0)));
    Bar { is_step: true, label, path, note, details, time, kind: step.kind() }
}

/// Returns the path below the driver's directory: the script's name, or the guest's, the operation's and the name. A path
/// outside any such directory is shown whole.
fn label(path: &Path) -> String {
    let directory = path.ancestors().skip(1).find(|above| above.as_os_str().as_encoded_bytes().ends_with(b".d"));
    printable(directory.and_then(|directory| path.strip_prefix(directory).ok()).unwrap_or(path))
}

/// Marks each line of a script's standard error, so that it cannot pass for a line of hookmux's.
fn quoted(stderr: &str) -> String {
    let lines = stderr.lines().map(|line| format!("| {}", printable(line)));
    lines.collect::<Vec<_>>().join("\n")
}

fn changes(step: &StepRecord) -> Option<String> {
    let (first, others) = step.changes.split_first()?;
    let first = printable(first);
    Some(match (others.len(), step.more_changes) {
        (0, false) => format!("changed {first}"),
        (others, false) => format!("changed {first}, and {others} more"),
        (_, true) => format!("changed {first}, and many more"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::read;

    /// Returns a record of a call that begins the given number of milliseconds after a time, and takes the given number.
    fn record(words: &str, after: u64, took: u64, more: &str) -> Record {
        let words: Vec<&str> = words.split(' ').collect();
        let begin = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(after)).unwrap();
        let time = humantime::format_rfc3339_micros(begin);
        let line = format!(
            r#"{{"v":1,"time":"{time}","pid":1,"driver":"{}","object":"{}","operation":"{}","sub_operation":"begin",
            "extra":"{}","duration_us":{took}000{more}}}"#,
            words[0], words[1], words[2], words[3]
        );
        read::parse(line.as_bytes()).unwrap_or_else(|| panic!("{line}"))
    }

    const QUIET: &str = r#","verdict":0,"steps":[]"#;

    #[test]
    fn a_guests_calls_and_its_ports_are_one_episode_until_it_rests() {
        let port = r#","verdict":0,"guest":"vm1","steps":[]"#;
        let records = [
            record("qemu vm1 prepare -", 0, 10, QUIET),
            record("qemu vm2 prepare -", 5, 10, QUIET),
            record("network net1 port-created -", 50, 10, port),
            record("daemon - reload SIGHUP", 70, 1, QUIET),
            record("network net1 updated -", 80, 1, QUIET),
            record("qemu vm1 started -", 4000, 26_000, QUIET),
            record("qemu vm1 stopped -", 60_000, 10, QUIET),
            record("qemu vm1 stopped -", 90_011, 10, QUIET),
        ];
        let seen: Vec<(String, u128, usize)> = episodes(&records)
            .into_iter()
            .map(|episode| (episode.who, episode.span.as_millis(), episode.rows.len()))
            .collect();
        let expected = [
            ("vm1".to_owned(), 60_010, 4),
            ("vm2".to_owned(), 10, 1),
            ("daemon".to_owned(), 1, 1),
            ("network net1".to_owned(), 1, 1),
            ("vm1".to_owned(), 10, 1),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_row_has_the_outcome_of_a_call_and_of_each_script() {
        let step = |path: &str, more: &str| {
            format!(r#"{{"path":"{path}","duration_us":2000,"bytes_out":0,"bytes_err":0,{more}}}"#)
        };
        let steps = [
            step(
                "/etc/hookmux/qemu.d/10-a",
                r#""after_us":500,"outcome":"exited","code":0,"changes":["/a: added","/b: added"]"#,
            ),
            step("/etc/hookmux/qemu.d/vm1/start/begin/20-b", r#""after_us":2600,"outcome":"killed","code":9"#),
            step(
                "/srv/x",
                r#""outcome":"timed-out","why":"/srv/x timed out after 1 s","stderr":"still\nat \u001b[31m""#,
            ),
            step("30-c", r#""outcome":"not-run""#),
        ];
        let more = format!(r#","verdict":137,"fault":"stopped\nby SIGTERM","steps":[{}]"#, steps.join(","));
        let record = record("qemu vm1 release destroyed", 7, 9, &more);
        let [episode]: [Episode; 1] = episodes(&[record]).try_into().unwrap();
        let row = |label: &str, path: &str, note: &str, details: &[&str], time: Option<(u64, u64)>, kind| Bar {
            is_step: !path.is_empty(),
            label: label.into(),
            path: path.into(),
            note: note.into(),
            details: details.iter().map(|&line| line.into()).collect(),
            time: time.map(|(from, took)| (Duration::from_micros(from), Duration::from_micros(took))),
            kind,
        };
        let expected = [
            row(
                "qemu release (destroyed)",
                "",
                "exit 137",
                &["stopped\\nby SIGTERM"],
                Some((0, 9000)),
                OutcomeKind::Verdict,
            ),
            row(
                "10-a",
                "/etc/hookmux/qemu.d/10-a",
                "",
                &["changed /a: added, and 1 more"],
                Some((500, 2000)),
                OutcomeKind::Success,
            ),
            row(
                "vm1/start/begin/20-b",
                "/etc/hookmux/qemu.d/vm1/start/begin/20-b",
                "SIGKILL",
                &[],
                Some((2600, 2000)),
                OutcomeKind::Verdict,
            ),
            row(
                "/srv/x",
                "/srv/x",
                "timed out",
                &["timed out after 1 s", "| still\n| at \\u{1b}[31m"],
                None,
                OutcomeKind::Fault,
            ),
            row("30-c", "30-c", "not run", &[], None, OutcomeKind::NotRun),
        ];
        assert_eq!((episode.calls, episode.failed, episode.rows), (1, 1, expected.into()));
    }
}
