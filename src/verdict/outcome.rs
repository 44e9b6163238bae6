//! How a step came out. In: what happened. Out: the kind of it, as the answer needs it. Pure.

use std::time::Duration;

use nix::errno::Errno;

use crate::files::trust::Distrust;
use crate::guard;

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The script ended by itself, with this exit code.
    Exited(i32),
    /// This signal ended the script.
    Killed(i32),
    /// The script took longer than this, and was ended.
    TimedOut(Duration),
    /// The script could not be started, or was not in a state to run: why, in words.
    NotStarted(Errno, String),
    /// The script must not be started.
    Untrusted(Distrust),
    /// Its end, or the document that it wrote, could not be kept: EFBIG for one that is too long.
    Lost(Errno),
    /// What a filter wrote must not reach libvirt.
    Unfit(guard::Fault),
    /// An earlier step failed, or hookmux was told to stop.
    NotRun,
}

/// Whose word an outcome is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The script ran and had nothing against it.
    Success,
    /// The script's own no, as an exit code of a shell's: 128 + n for a signal.
    Verdict(u8),
    /// The script could not say anything: hookmux could not run it to its end.
    Fault,
    /// It was not its turn.
    NotRun,
}

impl Outcome {
    /// Whose word it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Exited(0) => Kind::Success,
            Self::Exited(code) => Kind::Verdict(u8::try_from(*code).unwrap_or(1)),
            Self::Killed(signal) => Kind::Verdict(u8::try_from(signal.saturating_add(128)).unwrap_or(1)),
            Self::TimedOut(_) | Self::NotStarted(..) | Self::Untrusted(_) | Self::Lost(_) | Self::Unfit(_) => {
                Kind::Fault
            }
            Self::NotRun => Kind::NotRun,
        }
    }

    /// Whether the script was started, so that there may be something to undo.
    #[must_use]
    pub fn was_started(&self) -> bool {
        matches!(self, Self::Exited(_) | Self::Killed(_) | Self::TimedOut(_) | Self::Lost(_) | Self::Unfit(_))
    }
}
