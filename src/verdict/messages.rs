//! Messages for people. In: what happened. Out: one line: which call, which file, why, and what to do. Reads the names of
//! users and groups.

use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::call::drivers::{self, Object};
use crate::call::invocation::{self, Invocation};
use crate::files::ignored::Ignored;
use crate::guard::MAX_GROWTH;
use crate::plan::admission::Skip;
use crate::printable::{duration, printable};
use crate::settings::SettingsError;
use crate::verdict::outcome::{Outcome, OutcomeKind};

/// Names a call: `qemu stop 'vm1'`.
#[must_use]
pub fn call(call: &Invocation) -> String {
    let (driver, operation) = (printable(&call.driver), printable(&call.operation));
    if call.object == invocation::NOTHING {
        return format!("{driver} {operation}");
    }
    // A quote in a guest's name must not end it: what follows would read as ours.
    let object = printable(&call.object).replace('\'', "\\u{27}");
    format!("{driver} {operation} '{object}'")
}

/// Returns the line that libvirt shows: which call failed, and which script is the cause.
pub(crate) fn failure(invocation: &Invocation, script: &Path, outcome: &Outcome) -> String {
    use crate::call::contract::Failure::Aborts;
    let refused = outcome.kind() == OutcomeKind::Verdict && invocation.row.failure == Aborts;
    let failed = if refused { "refused" } else { "failed" };
    format!("hookmux: {} {failed}: {}", call(invocation), self::outcome(script, outcome))
}

/// Describes settings that cannot be used, for a call that fails for them, and what that means.
pub(crate) fn broken_settings(call: &Invocation, fault: &SettingsError) -> String {
    let then = match drivers::driver(&call.driver).object {
        Object::Guest => "no guest starts",
        Object::Network => "no network starts",
        Object::None => "every such call fails",
    };
    format!("{fault}; until it is fixed, {then}")
}

pub(crate) fn outcome(script: &Path, outcome: &Outcome) -> String {
    let script = printable(script);
    match outcome {
        Outcome::Exited(code) => format!("{script} exited {code}"),
        Outcome::Killed(number) => format!("{script} was killed by {}", signal(*number)),
        Outcome::TimedOut(limit) => format!("{script} timed out after {}", duration(*limit)),
        Outcome::NotStarted(_, why) => format!("{script} could not be started: {why}"),
        Outcome::Untrusted(distrust) => format!("{script} was not run: {}", distrust.with_fix()),
        Outcome::Lost(Errno::EFBIG) => {
            format!("{script} wrote a document more than {} MiB longer than the one it read", MAX_GROWTH >> 20)
        }
        Outcome::Lost(errno) => format!("the exit status or output of {script} is lost: {}", errno.desc()),
        Outcome::Unfit(fault) => format!("{script} wrote XML that libvirt must not get: {fault}"),
        Outcome::NotRun => format!("{script} was not run"),
    }
}

/// Names a signal: `SIGKILL`, or `signal 40`.
pub(crate) fn signal(number: i32) -> String {
    Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |signal| signal.to_string())
}

/// Returns why a file is skipped.
pub(crate) fn skip(skip: &Skip) -> String {
    match skip {
        Skip::Name(Ignored::DotFile) => "its name starts with a dot".into(),
        Skip::Name(Ignored::Leftover(ending)) => format!("a leftover, by its '{ending}'"),
        Skip::Masked => "masked: empty, or a link to /dev/null".into(),
        Skip::Hidden(by) => format!("hidden by {}", printable(by)),
        Skip::NotRegular => "not a regular file".into(),
        Skip::BrokenLink(Errno::ELOOP) => "a symbolic link loop".into(),
        Skip::BrokenLink(errno) => format!("a broken link: {}", errno.desc().to_lowercase()),
        Skip::NotExecutable => "not executable".into(),
        Skip::ByRule(rule) => format!("excluded by the rule at {rule}"),
        Skip::Hookmux => "hookmux itself".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::ffi::OsString;
    use std::time::Duration;

    fn invocation(words: &[&str]) -> Invocation {
        let (driver, words) = words.split_first().unwrap();
        Invocation::new(OsStr::new(driver), None, words.iter().map(OsString::from).collect())
    }

    #[test]
    fn a_quote_in_a_guests_name_does_not_end_it() {
        let call = super::call(&invocation(&["qemu", "x' refused: /bin/sh exited 1", "start"]));
        assert_eq!(call, "qemu start 'x\\u{27} refused: /bin/sh exited 1'");
    }

    #[test]
    fn a_veto_names_call_script_and_code() {
        let script = Path::new("/etc/hookmux/qemu.d/10-vm-protection");
        let line = |words: &[&str], outcome| failure(&invocation(words), script, &outcome);
        assert_eq!(
            line(&["qemu", "vm1", "stop", "begin", "-"], Outcome::Exited(1)),
            "hookmux: qemu stop 'vm1' refused: /etc/hookmux/qemu.d/10-vm-protection exited 1"
        );
        assert_eq!(
            line(&["fsfreeze-hook", "freeze"], Outcome::TimedOut(Duration::from_secs(30))),
            "hookmux: fsfreeze-hook freeze failed: /etc/hookmux/qemu.d/10-vm-protection timed out after 30 s"
        );
        assert_eq!(
            line(&["qemu", "vm1", "release", "end", "-"], Outcome::Killed(9)),
            "hookmux: qemu release 'vm1' failed: /etc/hookmux/qemu.d/10-vm-protection was killed by SIGKILL"
        );
        assert!(line(&["qemu", "vm1", "start"], Outcome::Killed(40)).ends_with("was killed by signal 40"));
    }
}
