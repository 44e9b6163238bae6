//! Selects the calls that are shown. In: the command's arguments, a record. Out: whether it is shown. Pure.

use std::ffi::OsString;
use std::time::SystemTime;

use clap::Args;

use crate::admin::support::clock::Clock;
use crate::plan::guest;
use crate::record::Record;

/// The criteria; an absent one matches everything.
#[derive(Debug, Default, Args)]
pub(crate) struct Options {
    /// Only this guest's calls, the ports of its networks among them; may be a pattern (web-*)
    #[arg(long, value_name = "G")]
    guest: Option<OsString>,
    /// Only this operation's (start, stopped, …)
    #[arg(long, value_name = "O")]
    operation: Option<OsString>,
    /// Only calls since then: how long ago (2h, 1day), 16:03, today, yesterday, 2026-11-21, '2026-11-21 05:30:00'
    #[arg(long, value_name = "T", value_parser = is_time)]
    since: Option<String>,
    /// Times are in UTC instead of local time
    #[arg(long)]
    utc: bool,
    /// Only calls with a failure, including ignored ones
    #[arg(long)]
    failed: bool,
}

impl Options {
    /// Returns the time zone, and the time since which calls match, which must not be before 1970.
    pub(crate) fn times(&self) -> anyhow::Result<(Clock, Option<SystemTime>)> {
        let clock = if self.utc { Clock::utc() } else { Clock::local() };
        let since = self.since.as_ref().map(|text| clock.parse(text, SystemTime::now())).transpose();
        Ok((clock, since.map_err(anyhow::Error::msg)?))
    }

    /// Reports whether every record matches.
    pub(crate) fn is_everything(&self) -> bool {
        self.guest.is_none() && self.operation.is_none() && self.since.is_none() && !self.failed
    }

    /// Reports whether a record matches, with the time of `--since`.
    pub(crate) fn wants(&self, record: &Record, since: Option<SystemTime>) -> bool {
        let of_guest = |name: &OsString| record.guest().is_some_and(|guest| guest::fits(name, &guest.0).is_some());
        let of_operation = |name: &OsString| *name == record.operation.0 || record.row().is_called(name);
        self.guest.as_ref().is_none_or(of_guest)
            && self.operation.as_ref().is_none_or(of_operation)
            && since.is_none_or(|since| record.end() >= since)
            && (!self.failed || record.has_failed())
    }
}

/// Rejects a time that does not exist.
fn is_time(text: &str) -> Result<String, String> {
    Clock::utc().parse(text, SystemTime::now()).map(|_| text.to_owned())
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

    fn options(guest: &str, operation: &str, since: Option<u64>, failed: bool) -> (Options, Option<SystemTime>) {
        let word = |word: &str| (!word.is_empty()).then(|| word.into());
        let since = since.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        (Options { guest: word(guest), operation: word(operation), failed, ..Options::default() }, since)
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
            (options("", "", None, false), [true; 7]),
            (options("vm1", "", None, false), [true, true, false, true, true, true, true]),
            (options("vm?", "port-created", None, false), [false, true, false, false, false, false, false]),
            (options("", "start", None, false), [true, false, true, false, false, false, false]),
            // They end at 102 s.
            (options("", "", Some(102), false), [true; 7]),
            (options("", "", Some(103), false), [false; 7]),
            (options("", "", None, true), [false, true, false, true, false, true, true]),
        ];
        for ((options, since), expected) in rows {
            assert_eq!(all.map(|record| options.wants(record, since)), expected, "{options:?} {since:?}");
        }
    }
}
