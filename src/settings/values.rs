//! What can be set, as values, with the defaults. Pure.

use std::fmt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use crate::guard;
use crate::printable::printable;

/// The most scripts that run at a time: each holds up to 32 KiB of words and three descriptors here, and a host that
/// cleans up after one guest has others to run.
pub const MAX_PARALLEL: usize = 64;

/// Whether libvirt itself runs what lies directly in its own `.d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LibvirtRunsDotD {
    /// As the calling daemon's release has it.
    #[default]
    Auto,
    /// It does, whatever its release.
    Yes,
    /// It does not, whatever its release.
    No,
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Refuse scripts that somebody else may have written.
    pub strict: bool,
    /// Who runs libvirt's own `.d`.
    pub libvirt_runs_dot_d: LibvirtRunsDotD,
    /// End when the process that called us ends.
    pub exit_with_parent: bool,
    /// How many scripts run at a time where nothing is filtered or vetoed.
    pub parallel: usize,
    /// Time between asking a script to end and ending it.
    pub kill_after: Duration,
    /// The rules, in the order in which they apply.
    pub rules: Vec<Rule>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strict: true,
            libvirt_runs_dot_d: LibvirtRunsDotD::Auto,
            exit_with_parent: false,
            parallel: 1,
            // Long enough to put a lock away, short enough for somebody who waits for `virsh`.
            kill_after: Duration::from_secs(5),
            rules: Vec::new(),
        }
    }
}

/// Where a setting stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file; shared, as it goes with every rule of it and all that they decide.
    pub file: Rc<Path>,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{}:{}", printable(&*self.file), self.line)
    }
}

/// One rule: which calls of which scripts, and what holds for them. What is absent is left as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Where it stands.
    pub origin: Origin,
    /// Scripts: by file name, or by whole path for a pattern with a slash.
    pub script: Patterns,
    /// Drivers.
    pub driver: Patterns,
    /// Guests or networks.
    pub guest: Patterns,
    /// Operations, by newer or older name.
    pub operation: Patterns,
    /// Whether the script runs at all.
    pub run: Option<bool>,
    /// How long it may take; `Some(None)` takes an earlier limit away.
    pub timeout: Option<Option<Duration>>,
    /// What its no does.
    pub on_failure: Option<OnFailure>,
    /// What it does that it could not be run.
    pub on_fault: Option<OnFault>,
    /// Whether the answer waits for it.
    pub wait: Option<bool>,
    /// What a filter may change; everything where no rule says.
    pub may_change: Option<Vec<guard::Pattern>>,
    /// Whether a filter may change what the guest sees as its hardware.
    pub guest_abi: Option<GuestAbi>,
}

/// Patterns of which one must match; `None` matches everything.
pub type Patterns = Option<Vec<glob::Pattern>>;

/// What a script's own no does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// It is the answer, where libvirt listens.
    #[default]
    Fail,
    /// It is logged, and is no answer.
    Ignore,
    /// It is the answer, and the later scripts run all the same: libvirt's own way.
    Continue,
}

/// What it does that a script could not be run to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFault {
    /// As the operation has it: a failure, but for reconnect.
    #[default]
    Fail,
    /// It is logged, and is no answer.
    Ignore,
}

/// Whether a filter may change what the guest sees as its hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuestAbi {
    /// It may; libvirt itself still compares it in a live migration.
    #[default]
    Any,
    /// It may not.
    Keep,
}
