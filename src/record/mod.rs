//! The record of one call: a line of JSON in /var/log/hookmux/calls.jsonl. In: a call and its reports. Out: the line, and
//! the record from the line. Pure.
//!
//! A line contains what the log contains, and no more: names, paths, outcomes, times, and what a filter changed, without
//! secrets; never a document, never what a script wrote.

use std::ffi::OsStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::call::drivers::{self, Object};
use crate::call::invocation::Invocation;
use crate::verdict::outcome::Kind;

pub(crate) mod draft;
pub(crate) mod file;
pub(crate) mod name;
pub(crate) mod read;
pub(crate) mod step;
pub(crate) mod tail;
mod time;

pub(crate) use name::Name;
pub(crate) use step::Step;
use step::is_false;

/// The version of the line's layout. A new field does not change it; a field with a new meaning does.
pub(crate) const VERSION: u32 = 1;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// [`VERSION`]
    pub(crate) v: u32,
    /// When it began.
    #[serde(with = "time")]
    pub(crate) time: SystemTime,
    /// The hook's process.
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
    /// How long it took, in microseconds.
    pub(crate) duration_us: u64,
    /// What hookmux itself could not do, or the signal that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
    /// This is not a call, but a background script of one (`wait = false`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) background: bool,
    /// Its scripts, in order.
    pub(crate) steps: Vec<Step>,
    /// The scripts that were called again to undo what they did, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) undone: Vec<Step>,
}

/// Returns whole microseconds.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Record {
    /// Returns the record of a call that begins.
    pub(crate) fn new(call: &Invocation, time: SystemTime) -> Self {
        let [driver, object, operation, sub_operation, extra] =
            [&call.driver, &call.object, &call.operation, &call.sub_operation, &call.extra].map(|w| Name(w.clone()));
        let (v, pid, guest, verdict, duration_us, fault) = (VERSION, std::process::id(), None, None, 0, None);
        let (background, steps, undone) = (false, Vec::new(), Vec::new());
        Self {
            v,
            time,
            pid,
            driver,
            object,
            operation,
            sub_operation,
            extra,
            guest,
            verdict,
            duration_us,
            fault,
            background,
            steps,
            undone,
        }
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
            || self.all_steps().any(|step| matches!(step.kind(), Kind::Verdict | Kind::Fault))
    }

    /// Returns its steps, and those that undid something.
    pub(crate) fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(&self.undone)
    }

    /// Returns how long it took.
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_micros(self.duration_us)
    }

    /// Returns when it ended.
    pub(crate) fn end(&self) -> SystemTime {
        self.time.checked_add(self.duration()).unwrap_or(self.time)
    }

    /// Returns the line, with its end.
    pub(crate) fn line(&self) -> Vec<u8> {
        // Room for a call with a few scripts; a long list of changes makes it grow.
        let mut line = Vec::with_capacity(2048);
        // Cannot fail: it writes to memory, and the types have no errors of their own.
        if serde_json::to_writer(&mut line, self).is_err() {
            line.clear();
            return line;
        }
        line.push(b'\n');
        line
    }
}
