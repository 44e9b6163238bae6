//! The outcome of a step, and what it means for the call. One vocabulary for answers, records and metrics. Pure.

use std::fmt;
use std::time::Duration;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::files::trust::Distrust;
use crate::guard;

/// The outcome of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    Exited(i32),
    /// This signal killed the script.
    Killed(i32),
    /// The script took longer than this, and was killed.
    TimedOut(Duration),
    /// The script could not be started, or its first line is broken: why, for a message.
    NotStarted(Errno, String),
    /// The script must not be started.
    Untrusted(Distrust),
    /// Its exit status, or the document that it wrote, could not be kept: EFBIG for one that is too long.
    Lost(Errno),
    /// A filter wrote a document that libvirt must not get.
    Unfit(guard::Rejection),
    /// An earlier step failed, or hookmux was stopped.
    #[default]
    NotRun,
}

/// An [`Outcome`] without its details, as records and the journal name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ending {
    Exited,
    Killed,
    TimedOut,
    NotStarted,
    Untrusted,
    Lost,
    Unfit,
    NotRun,
    /// One that a later version has written.
    #[serde(other)]
    Other,
}

/// The meaning of an outcome for the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OutcomeKind {
    /// The script allowed the operation.
    Success,
    /// The script refused it: by its exit code, or by its death of a signal.
    Verdict,
    /// The script could not be run to completion.
    Fault,
    /// It was not started, since an earlier step failed.
    NotRun,
}

impl OutcomeKind {
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::Verdict | Self::Fault)
    }
}

impl Outcome {
    /// Returns the outcome without its details, and the exit code or the signal's number.
    pub(crate) fn ending(&self) -> (Ending, Option<i32>) {
        match self {
            Self::Exited(code) => (Ending::Exited, Some(*code)),
            Self::Killed(signal) => (Ending::Killed, Some(*signal)),
            Self::TimedOut(_) => (Ending::TimedOut, None),
            Self::NotStarted(..) => (Ending::NotStarted, None),
            Self::Untrusted(_) => (Ending::Untrusted, None),
            Self::Lost(_) => (Ending::Lost, None),
            Self::Unfit(_) => (Ending::Unfit, None),
            Self::NotRun => (Ending::NotRun, None),
        }
    }

    pub(crate) fn kind(&self) -> OutcomeKind {
        let (ending, code) = self.ending();
        ending.kind(code)
    }

    /// Returns the exit code of a script's verdict as a shell has it, 128 + n for a signal; `None` without a verdict.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        let code = match self.ending() {
            (Ending::Killed, signal) => signal?.saturating_add(128),
            (_, code) => code?,
        };
        Some(u8::try_from(code).unwrap_or(1))
    }

    /// Reports whether the script was started, so that there may be something to undo.
    pub(crate) fn was_started(&self) -> bool {
        matches!(self, Self::Exited(_) | Self::Killed(_) | Self::TimedOut(_) | Self::Lost(_) | Self::Unfit(_))
    }
}

impl Ending {
    /// Returns what it means for the call, with the exit code where there is one.
    pub(crate) fn kind(self, code: Option<i32>) -> OutcomeKind {
        match (self, code) {
            (Self::Exited, Some(0)) => OutcomeKind::Success,
            (Self::Exited | Self::Killed, _) => OutcomeKind::Verdict,
            (Self::NotRun, _) => OutcomeKind::NotRun,
            _ => OutcomeKind::Fault,
        }
    }
}

/// Writes the name that records have: `timed-out`.
impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.serialize(formatter)
    }
}
