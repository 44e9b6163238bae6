//! What libvirt hands on of its environment. In: the daemon that would call, if it runs. Out: names and values. Reads.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::admin::support::daemons::Running;

/// Source: `virCommandAddEnvPassCommon` in libvirt's `src/util/vircommand.c`.
const HANDED_ON: &[&str] = &["LD_PRELOAD", "LD_LIBRARY_PATH", "PATH", "HOME", "USER", "LOGNAME", "TMPDIR"];

/// libvirt's own, and then what the daemon has; if none can be seen, what a daemon would have that was started from here.
pub(crate) fn of(daemon: Option<&Running>) -> Vec<(OsString, OsString)> {
    let theirs = daemon.and_then(|daemon| fs::read(format!("/proc/{}/environ", daemon.pid)).ok());
    let all = theirs.map_or_else(|| std::env::vars_os().collect(), |environ| pairs(&environ));
    handed_on(all)
}

fn handed_on(all: Vec<(OsString, OsString)>) -> Vec<(OsString, OsString)> {
    let handed_on = all.into_iter().filter(|(name, _)| HANDED_ON.iter().any(|handed_on| name == handed_on));
    std::iter::once(("LC_ALL".into(), "C".into())).chain(handed_on).collect()
}

/// The variables in /proc/PID/environ.
fn pairs(environ: &[u8]) -> Vec<(OsString, OsString)> {
    let variables = environ.split(|byte| *byte == 0).filter_map(|variable| {
        let at = variable.iter().position(|byte| *byte == b'=')?;
        let value = variable.get(at..)?.strip_prefix(b"=")?;
        Some((OsStr::from_bytes(variable.get(..at)?).to_owned(), OsStr::from_bytes(value).to_owned()))
    });
    variables.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_finds_what_libvirt_hands_on_and_no_more() {
        let environ = b"PATH=/usr/bin\0LANG=de_DE\0HOME=/root\0odd\0X=a=b\0TMPDIR=a=b\0";
        let expected = [("LC_ALL", "C"), ("PATH", "/usr/bin"), ("HOME", "/root"), ("TMPDIR", "a=b")];
        let expected: Vec<_> = expected.map(|(name, value)| (name.into(), value.into())).into();
        assert_eq!(handed_on(pairs(environ)), expected);
    }
}
