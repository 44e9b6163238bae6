//! One call as it is kept: a line of JSON in /var/log/hookmux/calls.jsonl. In: a call and what became of it. Out: the
//! line, and the record from the line. Pure.
//!
//! A line holds what the log holds, and no more: names, paths, outcomes, times, and what a filter changed without its
//! secrets; never a document, never what a script wrote.

use std::ffi::OsStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::call::drivers::{self, Object};
use crate::call::invocation::Invocation;

pub mod draft;
pub mod file;
pub mod name;
pub mod read;
pub mod step;
mod time;

pub use name::Name;
use step::is_false;
pub use step::{Count, Kind, Step, kind};

/// The version of the line's layout. A new field is no new version; one that means something else is.
pub const VERSION: u32 = 1;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`VERSION`]
    pub v: u32,
    /// When it began.
    #[serde(with = "time")]
    pub time: SystemTime,
    /// The hook's process.
    pub pid: u32,
    /// The hook's name.
    pub driver: Name,
    /// The guest or the network; `-` where there is none.
    pub object: Name,
    /// The operation, as the caller called it.
    pub operation: Name,
    /// The sub-operation, or `-`.
    pub sub_operation: Name,
    /// The last word, or `-`.
    pub extra: Name,
    /// The guest whose port it is, where the object is a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<Name>,
    /// The exit code; none of a script that nobody waited for.
    pub verdict: Option<u8>,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// What hookmux itself could not do, or who told it to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// This is no call, but a script that a call has left behind (`wait = false`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub background: bool,
    /// Its scripts, in order.
    pub steps: Vec<Step>,
    /// The scripts that were told to take back what they did, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone: Vec<Step>,
}

/// Microseconds, as far as they go.
#[must_use]
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Record {
    /// A call that begins.
    #[must_use]
    pub fn new(call: &Invocation, time: SystemTime) -> Self {
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

    /// The guest that it was about: the object's name, or that of the port's owner. `None` for a daemon or a network.
    #[must_use]
    pub fn guest(&self) -> Option<&Name> {
        let names_a_guest = drivers::driver(OsStr::new(&self.driver.0)).object == Object::Guest;
        self.guest.as_ref().or_else(|| names_a_guest.then_some(&self.object))
    }

    /// Whether anything went wrong: the call's answer, a script, or hookmux itself.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.verdict.is_some_and(|code| code != 0)
            || self.fault.is_some()
            || self.all_steps().any(|step| matches!(step.counts(), Count::Veto | Count::Fault))
    }

    /// Its steps, and those that took something back.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(&self.undone)
    }

    /// How long it took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.duration_us)
    }

    /// When it was over.
    #[must_use]
    pub fn end(&self) -> SystemTime {
        self.time.checked_add(self.duration()).unwrap_or(self.time)
    }

    /// The line, with its end.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        // Room for a call with a few scripts; a long list of changes makes it grow.
        let mut line = Vec::with_capacity(2048);
        // Into memory, and of types that have no error of their own.
        if serde_json::to_writer(&mut line, self).is_err() {
            line.clear();
            return line;
        }
        line.push(b'\n');
        line
    }
}
