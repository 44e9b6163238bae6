//! The environment of a call by hand. Pure.

use std::ffi::OsString;

/// Returns what libvirt passes on to its hooks if systemd starts it (`virCommandAddEnvPassCommon` in
/// `src/util/vircommand.c`), with systemd's own PATH. Nothing is taken from a running process or from the administrator's
/// shell: either may have a PATH or an `LD_PRELOAD` that chooses code to run.
pub(crate) fn fixed() -> Vec<(OsString, OsString)> {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    [("LC_ALL", "C"), ("PATH", path)].map(|(name, value)| (name.into(), value.into())).into()
}
