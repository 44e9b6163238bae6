//! Which calls somebody wants to see. In: the command's words, a record. Out: yes or no. Pure.

use std::ffi::OsString;
use std::time::SystemTime;

use clap::Args;

use crate::call::contract;
use crate::plan::guest;
use crate::record::Record;

/// What is looked for; what is left out fits everything.
#[derive(Debug, Default, Args)]
pub(crate) struct Selection {
    /// Only this guest's calls, the ports of its networks among them; may be a pattern (web-*)
    #[arg(long, value_name = "G")]
    guest: Option<OsString>,
    /// Only this operation's (start, stopped, …)
    #[arg(long, value_name = "O")]
    operation: Option<OsString>,
    /// Only since then: how long ago (2h, 1day) or a time in UTC (2026-11-21, '2026-11-21 05:30:00')
    #[arg(long, value_name = "T", value_parser = |text: &str| parse(text, SystemTime::now()))]
    since: Option<SystemTime>,
    /// Only calls with a failure in them, also one that nobody heard
    #[arg(long)]
    failed: bool,
}

impl Selection {
    /// Whether calls of the past are asked for.
    pub(crate) fn has_since(&self) -> bool {
        self.since.is_some()
    }

    /// Whether the record is wanted.
    pub(crate) fn wants(&self, record: &Record) -> bool {
        let of_guest = |name: &OsString| record.guest().is_some_and(|guest| guest::fits(name, &guest.0).is_some());
        let of_operation = |name: &OsString| {
            *name == record.operation.0 || contract::look_up(&record.driver.0, &record.operation.0).is_called(name)
        };
        self.guest.as_ref().is_none_or(of_guest)
            && self.operation.as_ref().is_none_or(of_operation)
            && self.since.is_none_or(|since| record.end() >= since)
            && (!self.failed || record.has_failed())
    }
}

/// A time: so long before `now`, or a date, or a date and a time of day.
fn parse(text: &str, now: SystemTime) -> Result<SystemTime, String> {
    if let Ok(ago) = humantime::parse_duration(text) {
        return now.checked_sub(ago).ok_or_else(|| "that is before all time".to_owned());
    }
    let day = |text: &str| humantime::parse_rfc3339_weak(&format!("{text} 00:00:00"));
    humantime::parse_rfc3339_weak(text).or_else(|_| day(text)).map_err(|_| {
        "neither how long ago (90s, 2h, 1day) nor a time in UTC (2026-11-21, '2026-11-21 05:30:00')".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn record(words: &str, more: &str) -> Record {
        let words: Vec<&str> = words.split(' ').collect();
        let line = format!(
            r#"{{"v":1,"time":"1970-01-01T00:01:40Z","pid":1,"driver":"{}","object":"{}","operation":"{}",
            "sub_operation":"-","extra":"-","duration_us":2000000{more}}}"#,
            words[0], words[1], words[2]
        );
        crate::record::read::parse(line.as_bytes()).unwrap()
    }

    fn selection(guest: &str, operation: &str, since: Option<u64>, failed: bool) -> Selection {
        let word = |word: &str| (!word.is_empty()).then(|| word.into());
        let since = since.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        Selection { guest: word(guest), operation: word(operation), since, failed }
    }

    #[test]
    fn a_call_is_wanted_by_guest_operation_time_and_failure() {
        let quiet = r#","verdict":0,"steps":[]"#;
        let step = |outcome: &str| {
            format!(r#","verdict":0,"steps":[{{"path":"/x","duration_us":1,"bytes_out":0,"bytes_err":0,{outcome}}}]"#)
        };
        let vm1 = record("qemu vm1 start", quiet);
        let port = record("network net1 plugged", r#","guest":"vm1","verdict":1,"steps":[]"#);
        let network = record("network vm1 start", quiet);
        let ignored = record("qemu vm1 stopped", &step(r#""outcome":"exited","code":3"#));
        let skipped = record("qemu vm1 stopped", &step(r#""outcome":"not-run""#));
        let fault = record("qemu vm1 stopped", r#","verdict":0,"fault":"x","steps":[]"#);
        let later = record("qemu vm1 stopped", &step(r#""outcome":"melted""#));
        let all = [&vm1, &port, &network, &ignored, &skipped, &fault, &later];
        let rows = [
            (selection("", "", None, false), [true; 7]),
            (selection("vm1", "", None, false), [true, true, false, true, true, true, true]),
            (selection("vm?", "port-created", None, false), [false, true, false, false, false, false, false]),
            (selection("", "start", None, false), [true, false, true, false, false, false, false]),
            // They end at 102 s.
            (selection("", "", Some(102), false), [true; 7]),
            (selection("", "", Some(103), false), [false; 7]),
            (selection("", "", None, true), [false, true, false, true, false, true, true]),
        ];
        for (selection, expected) in rows {
            assert_eq!(all.map(|record| selection.wants(record)), expected, "{selection:?}");
        }
    }

    #[test]
    fn a_time_is_so_long_ago_or_a_day_or_a_moment() {
        let now = UNIX_EPOCH.checked_add(Duration::from_hours(240)).unwrap();
        let seconds = |text: &str| {
            parse(text, now).map(|time| time.duration_since(UNIX_EPOCH).unwrap().as_secs()).map_err(|_| ())
        };
        let rows = [
            ("1day", Ok(777_600)),
            ("2h 30min", Ok(855_000)),
            ("1970-01-02", Ok(86_400)),
            ("1970-01-02 00:00:05", Ok(86_405)),
            ("1970-01-02T00:00:05Z", Ok(86_405)),
            ("1970-01-02T00:00:05.999999Z", Ok(86_405)),
            ("yesterday", Err(())),
            ("", Err(())),
        ];
        for (text, expected) in rows {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
