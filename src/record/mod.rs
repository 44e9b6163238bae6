//! The record of one call: a line of JSON in /var/log/hookmux/calls.jsonl. In: a call and its reports. Out: the line, and
//! the record from the line. Pure.
//!
//! A line contains what the log contains, and no more: names, paths, outcomes, times, and what a filter changed, without
//! secrets, and the end of what a failing script wrote to its standard error; never a document.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::call::contract::{self, Row};
use crate::call::drivers::{self, Object};
use crate::call::invocation::Invocation;

pub(crate) mod draft;
pub(crate) mod file;
pub(crate) mod name;
pub(crate) mod read;
pub(crate) mod step;
pub(crate) mod tail;
mod time;

pub(crate) use name::Name;
pub(crate) use step::StepRecord;
pub(crate) use time::micros;

/// The version of the line's layout. A new field does not change it; a field with a new meaning does.
pub(crate) const VERSION: u32 = 1;

/// The length that a line stays below, in bytes.
const MAX_LINE: usize = 64 << 10;

/// The longest name and message of hookmux itself in a line, in bytes. libvirt's names are shorter, since they are names of
/// files.
const MAX_NAME: usize = 1 << 10;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// [`VERSION`]
    pub(crate) v: u32,
    #[serde(with = "time")]
    pub(crate) time: SystemTime,
    pub(crate) pid: u32,
    /// The hook's name.
    pub(crate) driver: Name,
    /// The guest or the network, or `-`.
    pub(crate) object: Name,
    /// The operation, as the caller called it.
    pub(crate) operation: Name,
    /// The sub-operation, or `-`.
    pub(crate) sub_operation: Name,
    /// The last word, or `-`.
    pub(crate) extra: Name,
    /// The guest whose port it is, where the object is a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) guest: Option<Name>,
    /// The exit code; `None` for a background script.
    pub(crate) verdict: Option<u8>,
    pub(crate) duration_us: u64,
    /// The task that hookmux itself could not do, or the signal that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
    /// True if this is a background script of a call (`wait = false`), and not a call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) background: bool,
    pub(crate) steps: Vec<StepRecord>,
    /// The scripts that were called again to undo what they did, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) undone: Vec<StepRecord>,
    /// The parts that were left out to keep the line short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) left_out: Option<LeftOut>,
}

/// The parts that were left out of a record that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    pub(crate) changes: u64,
    /// The number of explanations and ends of a standard error.
    pub(crate) texts: u64,
    /// The number of scripts: first those that did not fail.
    pub(crate) scripts: u64,
}

impl Record {
    /// Returns the record of a call that begins.
    pub(crate) fn new(call: &Invocation, time: SystemTime) -> Self {
        let name = |word: &OsString| Name(word.clone());
        Self {
            v: VERSION,
            time,
            pid: std::process::id(),
            driver: name(&call.driver),
            object: name(&call.object),
            operation: name(&call.operation),
            sub_operation: name(&call.sub_operation),
            extra: name(&call.extra),
            guest: None,
            verdict: None,
            duration_us: 0,
            fault: None,
            background: false,
            steps: Vec::new(),
            undone: Vec::new(),
            left_out: None,
        }
    }

    /// Returns what the caller does around the call.
    pub(crate) fn row(&self) -> Row {
        contract::look_up(&self.driver.0, &self.operation.0)
    }

    /// Returns the guest of the call: the object, or the owner of the port. `None` for a daemon or a network.
    pub(crate) fn guest(&self) -> Option<&Name> {
        let names_a_guest = drivers::driver(OsStr::new(&self.driver.0)).object == Object::Guest;
        self.guest.as_ref().or_else(|| names_a_guest.then_some(&self.object))
    }

    /// Reports whether the call, a script, or hookmux itself failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.verdict.is_some_and(|code| code != 0)
            || self.fault.is_some()
            || self.all_steps().any(|step| step.kind().is_failure())
    }

    /// Returns its steps, and those that undid something.
    pub(crate) fn all_steps(&self) -> impl Iterator<Item = &StepRecord> {
        self.steps.iter().chain(&self.undone)
    }

    pub(crate) fn duration(&self) -> Duration {
        Duration::from_micros(self.duration_us)
    }

    pub(crate) fn end(&self) -> SystemTime {
        self.time.checked_add(self.duration()).unwrap_or(self.time)
    }

    /// Returns the line, with its end, which is shorter than 64 KiB.
    pub(crate) fn line(&self) -> Vec<u8> {
        let line = self.serialize();
        if line.len() < MAX_LINE { line } else { self.clone().shorten().serialize() }
    }

    fn serialize(&self) -> Vec<u8> {
        // Room for a call with a few scripts; a long list of changes makes it grow.
        let mut line = Vec::with_capacity(2048);
        // Cannot fail: it writes to memory, and the types have no errors of their own.
        let _ = serde_json::to_writer(&mut line, self);
        line.push(b'\n');
        line
    }

    /// Leaves out details, and then whole scripts, until the line is short enough.
    fn shorten(mut self) -> Self {
        let steps = self.steps.iter_mut().chain(&mut self.undone);
        let (changes, texts): (Vec<u64>, Vec<u64>) = steps.map(StepRecord::shorten).unzip();
        let mut left_out = LeftOut { changes: changes.iter().sum(), texts: texts.iter().sum(), scripts: 0 };
        let names = [&mut self.driver, &mut self.object, &mut self.operation, &mut self.sub_operation, &mut self.extra];
        for Name(name) in names.into_iter().chain(&mut self.guest) {
            *name = OsString::from_vec(name.as_bytes().iter().take(MAX_NAME).copied().collect());
        }
        self.fault = self.fault.map(|fault| fault.chars().take(MAX_NAME).collect());
        self.left_out = Some(left_out);
        let length = |step: &StepRecord| serde_json::to_vec(step).map_or(0, |json| json.len()).saturating_add(1);
        let steps: usize = self.all_steps().map(length).sum();
        // The count of scripts takes up to 20 digits, and the last script of a list has no comma.
        let mut room = MAX_LINE.saturating_sub(self.serialize().len().saturating_sub(steps)).saturating_sub(24);
        let all = self.all_steps().count();
        // Failing scripts first.
        for failed in [true, false] {
            let mut is_kept = |step: &StepRecord| {
                let needed = if step.kind().is_failure() == failed { length(step) } else { 0 };
                let rest = room.checked_sub(needed);
                room = rest.unwrap_or(room);
                rest.is_some()
            };
            self.steps.retain(&mut is_kept);
            self.undone.retain(&mut is_kept);
        }
        left_out.scripts = all.saturating_sub(self.all_steps().count()) as u64;
        Self { left_out: Some(left_out), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::verdict::outcome::Ending;

    fn step(path: &str, code: i32, changes: usize, length: usize) -> StepRecord {
        let text = |length: usize| Some("\u{1}".repeat(length)).filter(|text| !text.is_empty());
        StepRecord {
            path: Name(path.into()),
            outcome: Ending::Exited,
            code: Some(code),
            why: None,
            after_us: Some(1),
            duration_us: 1,
            bytes_out: 0,
            bytes_err: 0,
            stderr: text(length.min(400)),
            changes: (0..changes).map(|_| text(length).unwrap_or_default()).collect(),
            more_changes: false,
        }
    }

    fn record(object: &[u8], steps: Vec<StepRecord>) -> Record {
        let args = [OsString::from_vec(object.to_vec()), "start".into(), "begin".into(), "-".into()];
        let call = Invocation::new(OsStr::new("qemu"), None, args.into());
        let record = Record::new(&call, SystemTime::UNIX_EPOCH);
        Record { undone: steps.iter().take(2).cloned().collect(), steps, ..record }
    }

    /// Returns the length of the line and what it contains: scripts, and what was left out.
    fn read(record: &Record) -> (bool, usize, Option<LeftOut>) {
        let line = record.line();
        let read: Record = serde_json::from_slice(&line).unwrap();
        (line.len() < MAX_LINE, read.steps.len(), read.left_out)
    }

    #[test]
    fn a_line_stays_below_its_limit_whatever_happened() {
        let left_out = |changes, texts, scripts| Some(LeftOut { changes, texts, scripts });
        assert_eq!(read(&record(b"vm1", vec![step("/a", 1, 3, 100)])), (true, 1, None));
        let long = record(b"vm1", vec![step("/a", 1, 200, 48_000), step("/b", 0, 1, 10)]);
        assert_eq!(read(&long), (true, 2, left_out(400, 2, 0)));
        let many = record(b"vm1", (0..5000).map(|_| step("/etc/hookmux/qemu.d/10-a", 0, 0, 0)).collect());
        let (is_short, kept, left) = read(&many);
        assert!(is_short && kept > 300 && left == left_out(0, 0, 5002 - kept as u64), "{kept} {left:?}");
        assert_eq!(read(&record(&vec![0xff; 120_000], vec![step("/a", 1, 0, 0)])), (true, 1, left_out(0, 0, 0)));
        let paths = record(b"vm1", (0..9).map(|_| step(&"\u{1}".repeat(4095), 1, 0, 0)).collect());
        assert!(read(&paths).0);
    }

    #[test]
    fn a_failing_script_is_the_last_to_be_left_out() {
        let steps = (0..5000).map(|at| step(&format!("/etc/hookmux/qemu.d/{at}"), i32::from(at == 4321), 0, 0));
        let record: Record = serde_json::from_slice(&record(b"vm1", steps.collect()).line()).unwrap();
        assert!(record.has_failed() && record.steps.len() < 1000);
    }
}
