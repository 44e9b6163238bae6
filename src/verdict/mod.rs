//! Judges outcomes. In: the row and the outcomes. Out: one exit code, and which step is the cause. Pure.

pub mod messages;
pub(crate) mod outcome;

use nix::sys::signal::Signal;

use crate::call::contract::Failure;
use crate::plan::rules::Effective;
use crate::settings::{OnFailure, OnFault};
use crate::verdict::outcome::{Outcome, OutcomeKind};

/// The answer to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) code: u8,
    /// The step that it comes from: the first that failed, since libvirt keeps the first error, too.
    pub(crate) cause: Option<usize>,
}

/// The exit code of a fault, where faults count.
pub(crate) const FAULT: u8 = 1;

/// The effect of one outcome on the answer and on the steps after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effect {
    /// The exit code, if this is the first outcome that counts; `None` if it does not count.
    pub(crate) code: Option<u8>,
    /// True if the next step runs.
    pub(crate) continues: bool,
}

/// Returns the effect of an outcome, by what libvirt does with a failure and by what the rules decide for the script.
pub(crate) fn effect(failure: Failure, effective: &Effective, outcome: &Outcome) -> Effect {
    let (on_failure, on_fault) = (effective.on_failure.value, effective.on_fault.value);
    let code = match outcome.kind() {
        OutcomeKind::NotRun => return Effect { code: None, continues: false },
        OutcomeKind::Verdict if on_failure != OnFailure::Ignore => outcome.exit_code(),
        // A fault at reconnect does not count, whatever a rule decides, so the next step runs as well.
        OutcomeKind::Fault if failure != Failure::KillsGuest && on_fault != OnFault::Ignore => Some(FAULT),
        OutcomeKind::Success | OutcomeKind::Verdict | OutcomeKind::Fault => None,
    };
    let continues = code.is_none() || failure == Failure::Ignored || on_failure == OnFailure::Continue;
    Effect { code, continues }
}

/// Returns the exit code of a fault outside any script, such as a lack of memory for the document.
pub(crate) fn own_fault_code(failure: Failure) -> u8 {
    // Only a script's own verdict may kill a running guest.
    if failure == Failure::KillsGuest { 0 } else { FAULT }
}

impl Verdict {
    pub(crate) fn new<'a>(
        failure: Failure,
        outcomes: impl Iterator<Item = (&'a Effective, &'a Outcome)>,
        stopped_by: Option<Signal>,
    ) -> Self {
        let first = outcomes
            .enumerate()
            .find_map(|(at, (effective, outcome))| Some((at, effect(failure, effective, outcome).code?)));
        let code = match stopped_by {
            // The scripts died of the signal that stopped hookmux, which is not a verdict of theirs.
            Some(_) if failure == Failure::KillsGuest => 0,
            Some(signal) => Outcome::Killed(signal as i32).exit_code().unwrap_or(FAULT),
            None => first.map_or(0, |(_, code)| code),
        };
        Self { code, cause: first.map(|(at, _)| at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use nix::errno::Errno;

    use crate::files::trust::{Distrust, Reason};
    use crate::plan::rules::Setting;

    const YES: Outcome = Outcome::Exited(0);
    const NO: Outcome = Outcome::Exited(3);
    const LATE: Outcome = Outcome::TimedOut(Duration::from_secs(30));
    const KILLED: Outcome = Outcome::Killed(9);
    const NOT_RUN: Outcome = Outcome::NotRun;

    fn by_default(failure: Failure, outcomes: &[Outcome], stopped_by: Option<Signal>) -> Verdict {
        let effective = Effective::default();
        Verdict::new(failure, outcomes.iter().map(|outcome| (&effective, outcome)), stopped_by)
    }

    fn untrusted() -> Outcome {
        Outcome::Untrusted(Distrust { at: "/x".into(), reason: Reason::WritableByOthers })
    }

    #[test]
    fn the_first_failure_that_libvirt_listens_to_is_the_answer() {
        use Failure::{Aborts, Ignored, KillsGuest};
        let not_started = || Outcome::NotStarted(Errno::ENOENT, "x".into());
        let rows: Vec<(Failure, Vec<Outcome>, u8, Option<usize>)> = vec![
            (Aborts, vec![], 0, None),
            (Aborts, vec![YES, YES], 0, None),
            (Aborts, vec![YES, NO, NOT_RUN], 3, Some(1)),
            (Aborts, vec![KILLED, NOT_RUN], 137, Some(0)),
            (Aborts, vec![LATE, NOT_RUN], 1, Some(0)),
            (Aborts, vec![untrusted(), NOT_RUN], 1, Some(0)),
            (Aborts, vec![not_started(), NOT_RUN], 1, Some(0)),
            (Aborts, vec![Outcome::Lost(Errno::EFBIG)], 1, Some(0)),
            (Aborts, vec![Outcome::Exited(255)], 255, Some(0)),
            (KillsGuest, vec![untrusted(), not_started(), LATE, Outcome::Lost(Errno::EIO), YES], 0, None),
            (KillsGuest, vec![untrusted(), NO, NOT_RUN], 3, Some(1)),
            (KillsGuest, vec![KILLED, NOT_RUN], 137, Some(0)),
            (Ignored, vec![YES, NO, KILLED, untrusted()], 3, Some(1)),
            (Ignored, vec![untrusted(), NO], 1, Some(0)),
        ];
        for (failure, outcomes, code, cause) in rows {
            assert_eq!(by_default(failure, &outcomes, None), Verdict { code, cause }, "{failure:?} {outcomes:?}");
        }
    }

    #[test]
    fn a_signal_that_stops_the_call_is_the_answer_but_never_kills_a_running_guest() {
        let died = [Outcome::Killed(15), NOT_RUN];
        let code = |failure| by_default(failure, &died, Some(Signal::SIGTERM)).code;
        let codes = [Failure::Aborts, Failure::KillsGuest, Failure::Ignored].map(code);
        assert_eq!(codes, [143, 0, 143]);
    }

    #[test]
    fn rules_soften_a_failure_and_never_harden_a_fault_at_reconnect() {
        use Failure::{Aborts, Ignored, KillsGuest};
        let with = |on_failure, on_fault| Effective {
            on_failure: Setting { value: on_failure, from: None },
            on_fault: Setting { value: on_fault, from: None },
            ..Effective::default()
        };
        let (no, fault) = (|code, continues| Effect { code: Some(code), continues }, untrusted);
        let none = Effect { code: None, continues: true };
        let rows = [
            (Aborts, with(OnFailure::Ignore, OnFault::Fail), NO, none),
            (Aborts, with(OnFailure::Ignore, OnFault::Fail), fault(), no(1, false)),
            (Aborts, with(OnFailure::Continue, OnFault::Fail), NO, no(3, true)),
            (Aborts, with(OnFailure::Continue, OnFault::Fail), fault(), no(1, true)),
            (Aborts, with(OnFailure::Fail, OnFault::Ignore), NO, no(3, false)),
            (Aborts, with(OnFailure::Fail, OnFault::Ignore), fault(), none),
            (KillsGuest, with(OnFailure::Fail, OnFault::Fail), fault(), none),
            (KillsGuest, with(OnFailure::Ignore, OnFault::Fail), NO, none),
            (KillsGuest, with(OnFailure::Continue, OnFault::Fail), NO, no(3, true)),
            (Ignored, with(OnFailure::Ignore, OnFault::Ignore), NO, none),
            (Ignored, with(OnFailure::Fail, OnFault::Fail), NO, no(3, true)),
        ];
        for (failure, effective, outcome, expected) in rows {
            assert_eq!(effect(failure, &effective, &outcome), expected, "{failure:?} {effective:?} {outcome:?}");
        }
    }

    #[test]
    fn what_follows_a_failure_depends_on_what_libvirt_does_with_it() {
        use Failure::{Aborts, Ignored, KillsGuest};
        let table = |outcome: Outcome| {
            [Aborts, KillsGuest, Ignored].map(|failure| effect(failure, &Effective::default(), &outcome).continues)
        };
        assert_eq!(table(YES), [true, true, true]);
        assert_eq!(table(NO), [false, false, true]);
        assert_eq!(table(KILLED), [false, false, true]);
        assert_eq!(table(untrusted()), [false, true, true]);
        assert_eq!(table(LATE), [false, true, true]);
        assert_eq!([Aborts, KillsGuest, Ignored].map(own_fault_code), [1, 0, 1]);
    }
}
