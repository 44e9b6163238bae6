//! Sentences for people. In: what happened. Out: one line each, which says who, what, which file, why and what to do.
//! Pure, but for the names of users and groups.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::call::invocation::{self, Invocation};
use crate::files::names;
use crate::plan::gate::{Refusal, Skip};
use crate::run::MAX_GROWTH;
use crate::verdict::outcome::{Kind, Outcome};

/// A name or path for a message: control characters and bytes that are no text are escaped, so that one message stays
/// one line, and nobody's terminal obeys a guest's name.
#[must_use]
pub fn printable(text: impl AsRef<OsStr>) -> String {
    let text = text.as_ref();
    let mut shown = String::with_capacity(text.len());
    for part in text.as_encoded_bytes().utf8_chunks() {
        for character in part.valid().chars() {
            if character.is_control() {
                shown.extend(character.escape_default());
            } else {
                shown.push(character);
            }
        }
        shown.extend(part.invalid().escape_ascii().map(char::from));
    }
    shown
}

/// A path as a word of a shell's command.
#[must_use]
pub fn quoted(path: &Path) -> String {
    let shown = printable(path);
    shlex::try_quote(&shown).map_or(shown.clone(), Into::into)
}

/// Which call: `qemu stop 'vm1'`.
#[must_use]
pub fn call(call: &Invocation) -> String {
    let (driver, operation) = (printable(&call.driver), printable(&call.operation));
    if call.object == invocation::NOTHING {
        return format!("{driver} {operation}");
    }
    format!("{driver} {operation} '{}'", printable(&call.object))
}

/// The line that libvirt shows: which call came to nothing, and by whose word.
#[must_use]
pub fn failure(invocation: &Invocation, script: &Path, outcome: &Outcome) -> String {
    use crate::call::contract::Failure::Aborts;
    let refused = matches!(outcome.kind(), Kind::Verdict(_)) && invocation.row.failure == Aborts;
    let failed = if refused { "refused" } else { "failed" };
    format!("hookmux: {} {failed}: {}", call(invocation), self::outcome(script, outcome))
}

/// What became of a script.
#[must_use]
pub fn outcome(script: &Path, outcome: &Outcome) -> String {
    let script = printable(script);
    match outcome {
        Outcome::Exited(code) => format!("{script} exited {code}"),
        Outcome::Killed(number) => match Signal::try_from(*number) {
            Ok(signal) => format!("{script} was killed by {signal}"),
            Err(_) => format!("{script} was killed by signal {number}"),
        },
        Outcome::TimedOut(limit) => format!("{script} timed out after {}", duration(*limit)),
        Outcome::NotStarted(_, why) => format!("{script} could not be started: {why}"),
        Outcome::Refused(refusal) => format!("{script} was not run: {}", self::refusal(refusal)),
        Outcome::Lost(Errno::EFBIG) => {
            format!("{script} wrote a document more than {} MiB longer than the one it read", MAX_GROWTH >> 20)
        }
        Outcome::Lost(errno) => format!("{script} ended, and its answer is lost: {}", errno.desc()),
        Outcome::Unfit(fault) => format!("{script} wrote XML that libvirt must not get: {fault}"),
        Outcome::NotRun => format!("{script} was not run"),
    }
}

/// Why a script is not trusted, and how to mend it.
#[must_use]
pub fn refusal(refusal: &Refusal) -> String {
    let mend = trusting(refusal).map(|mend| format!(" ({mend})"));
    format!("{}{}", distrust(refusal), mend.unwrap_or_default())
}

/// Why a script is not trusted.
#[must_use]
pub fn distrust(refusal: &Refusal) -> String {
    match refusal {
        Refusal::OwnedBy(at, uid) => format!("{} belongs to user {}", printable(at), names::user(*uid)),
        Refusal::WritableByGroup(at, gid) => format!("{} is writable by group {}", printable(at), names::group(*gid)),
        Refusal::WritableByOthers(at) => format!("{} is writable by everybody", printable(at)),
        Refusal::SetUid(at) => format!("{} is set-uid", printable(at)),
        Refusal::Unreadable(at, errno) => format!("{} cannot be read: {}", printable(at), errno.desc().to_lowercase()),
    }
}

/// The command that makes a script trusted, where there is one.
#[must_use]
pub fn trusting(refusal: &Refusal) -> Option<String> {
    let (what, at) = match refusal {
        Refusal::OwnedBy(at, _) => ("chown root", at),
        Refusal::WritableByGroup(at, _) => ("chmod g-w", at),
        Refusal::WritableByOthers(at) => ("chmod o-w", at),
        Refusal::SetUid(at) => ("chmod u-s", at),
        Refusal::Unreadable(..) => return None,
    };
    Some(format!("{what} {}", quoted(at)))
}

/// Why a file is passed over.
#[must_use]
pub fn skip(skip: &Skip) -> String {
    match skip {
        Skip::DotFile => "its name starts with a dot".into(),
        Skip::Leftover(ending) => format!("a leftover, by its '{ending}'"),
        Skip::Masked => "masked: empty, or a link to /dev/null".into(),
        Skip::Hidden(by) => format!("hidden by {}", printable(by)),
        Skip::NotRegular => "not a regular file".into(),
        Skip::BrokenLink(Errno::ELOOP) => "a link that leads in a circle".into(),
        Skip::BrokenLink(errno) => format!("a broken link: {}", errno.desc().to_lowercase()),
        Skip::NotExecutable => "not executable (chmod +x)".into(),
        Skip::ByRule(rule) => format!("left out by the rule at {rule}"),
    }
}

/// A duration as a person says it: `30 s`, `1.5 s`, `120 ms`, `2.1 ms`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1e3;
    match milliseconds {
        ..10.0 => format!("{milliseconds:.1} ms"),
        ..1000.0 => format!("{milliseconds:.0} ms"),
        _ if duration.subsec_millis() == 0 => format!("{} s", duration.as_secs()),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStrExt;

    fn invocation(words: &[&str]) -> Invocation {
        let (driver, words) = words.split_first().unwrap();
        Invocation::new(OsStr::new(driver), None, words.iter().map(OsString::from).collect())
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

    #[test]
    fn a_refusal_says_how_to_mend_it() {
        assert_eq!(
            refusal(&Refusal::WritableByOthers("/srv/my hooks".into())),
            "/srv/my hooks is writable by everybody (chmod o-w '/srv/my hooks')"
        );
        assert_eq!(
            refusal(&Refusal::WritableByGroup("/x".into(), 4_000_000)),
            "/x is writable by group 4000000 (chmod g-w /x)"
        );
        assert_eq!(refusal(&Refusal::Unreadable("/x".into(), Errno::ENOTDIR)), "/x cannot be read: not a directory");
    }

    #[test]
    fn a_name_never_breaks_a_message_into_lines() {
        let shown = printable(OsStr::from_bytes(b"vm\n\x1b[31m\xff\xc3\xbc"));
        assert_eq!(shown, "vm\\n\\u{1b}[31m\\xffü");
    }

    #[test]
    fn durations_are_short() {
        let shown = [2_110, 120_300, 999_900, 1_500_000, 30_000_000].map(|us| duration(Duration::from_micros(us)));
        assert_eq!(shown, ["2.1 ms", "120 ms", "1000 ms", "1.5 s", "30 s"]);
    }
}
