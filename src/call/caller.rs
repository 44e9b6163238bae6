//! The caller: the libvirt daemon among the ancestors of this process, and whether it runs its own `.d` itself. In: /proc.
//! Out: the daemon's name, and its release on request. Reads; pure functions parse what it reads.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::call::drivers::is_daemon;

/// The first release that runs the files in `<driver>.d` itself, as [`Version`] counts.
const RUNS_ITS_OWN_SINCE: Version = Version { major: 6, minor: 5 };

/// The number of ancestors that are examined. A daemon is the parent, or a shell is in between; a longer chain does not
/// lead to a caller.
const MAX_ANCESTORS: usize = 16;

/// The number of bytes of a process's maps that are read: libvirtd's is shorter than 200 KiB.
const MAX_MAPS: u64 = 4 << 20;

/// The number of bytes of a process's stat that are read: the parent follows the number and the command's name, which
/// has at most 64.
const MAX_STAT: usize = 256;

/// The libvirt daemon that called the hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Daemon {
    /// Its executable's file name.
    pub(crate) name: OsString,
    process: PathBuf,
}

/// A libvirt release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 9 in 9.0.0
    pub major: u32,
    /// 0 in 9.0.0
    pub minor: u32,
}

pub(crate) fn daemon() -> Option<Daemon> {
    let mut pid = std::os::unix::process::parent_id();
    for _ in 0..MAX_ANCESTORS {
        if pid <= 1 {
            return None;
        }
        let process = Path::new("/proc").join(pid.to_string());
        if let Some(daemon) = Daemon::at(&process) {
            return Some(daemon);
        }
        pid = parent(&process)?;
    }
    None
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

impl Version {
    pub(crate) fn runs_dot_d(self) -> bool {
        self >= RUNS_ITS_OWN_SINCE
    }

    /// Returns the release of a library, by its file name.
    pub(crate) fn of_library(path: &Path) -> Option<Self> {
        version_in_line(path.as_os_str().as_bytes())
    }
}

impl Daemon {
    /// Returns the daemon whose directory in /proc is `process`, if a daemon is what runs there.
    pub(crate) fn at(process: &Path) -> Option<Self> {
        let name = name(process).filter(|name| is_daemon(name))?;
        Some(Self { name, process: process.to_owned() })
    }

    /// Reports whether the daemon itself runs the files directly in its own `<driver>.d`. A daemon whose version cannot be
    /// read counts as one that does: a script that is not run is noticed, one that runs twice may have done harm by then.
    pub(crate) fn runs_its_own(&self) -> bool {
        self.version().is_none_or(Version::runs_dot_d)
    }

    /// Returns its release, from the name of the library that it has mapped.
    pub(crate) fn version(&self) -> Option<Version> {
        let maps = File::open(self.process.join("maps")).ok()?;
        version_in_maps(BufReader::with_capacity(1 << 16, maps.take(MAX_MAPS))).ok()?
    }
}

/// Returns the file name of a process's executable, or its command's name if that cannot be read.
fn name(process: &Path) -> Option<OsString> {
    if let Ok(path) = fs::read_link(process.join("exe")) {
        return executable_name(path.as_os_str()).map(OsStr::to_owned);
    }
    let command = fs::read(process.join("comm")).ok()?;
    Some(OsStr::from_bytes(command.trim_ascii_end()).to_owned())
}

/// Returns the file name in a link `exe`. The kernel adds " (deleted)" once an upgrade has replaced the file.
fn executable_name(path: &OsStr) -> Option<&OsStr> {
    let path = path.as_bytes();
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    Path::new(OsStr::from_bytes(path)).file_name()
}

fn parent(process: &Path) -> Option<u32> {
    let mut stat = [0; MAX_STAT];
    let read = File::open(process.join("stat")).ok()?.read(&mut stat).ok()?;
    parent_in_stat(stat.get(..read)?)
}

/// Returns the parent from a line of /proc/PID/stat.
pub(crate) fn parent_in_stat(stat: &[u8]) -> Option<u32> {
    std::str::from_utf8(stat_fields(stat).nth(1)?).ok()?.parse().ok()
}

/// Returns the fields in a line of /proc/PID/stat from the third on, the state: those after the last parenthesis, because the
/// command's name in parentheses may contain anything.
pub(crate) fn stat_fields(stat: &[u8]) -> impl Iterator<Item = &[u8]> {
    let name_end = stat.iter().rposition(|byte| *byte == b')');
    let after = name_end.and_then(|at| stat.get(at.saturating_add(1)..)).unwrap_or_default();
    after.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// Reads maps up to the line of libvirt's library.
///
/// # Errors
/// That of reading.
pub fn version_in_maps(mut maps: impl BufRead) -> io::Result<Option<Version>> {
    let mut line = Vec::new();
    while maps.read_until(b'\n', &mut line)? > 0 {
        if let Some(version) = version_in_line(&line) {
            return Ok(Some(version));
        }
        line.clear();
    }
    Ok(None)
}

/// Returns the release in `…/libvirt.so.0.9000.0`: the second number is major × 1000 + minor (libtool's -version-info, from
/// libvirt's `meson.build`).
fn version_in_line(line: &[u8]) -> Option<Version> {
    const LIBRARY: &[u8] = b"/libvirt.so.0.";
    let at = line.windows(LIBRARY.len()).rposition(|window| window == LIBRARY)?;
    let number = line.get(at.checked_add(LIBRARY.len())?..)?;
    // Up to its dot: half of a number, in a line that was cut short, is another release.
    let number = number.get(..number.iter().position(|byte| *byte == b'.')?)?;
    let number: u32 = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some(Version { major: number.checked_div(1000)?, minor: number.checked_rem(1000)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daemons_are_recognized_by_their_executables_even_after_an_upgrade() {
        let rows = [
            ("/usr/sbin/libvirtd", true),
            ("/usr/sbin/libvirtd (deleted)", true),
            ("/usr/sbin/virtqemud", true),
            ("/build/src/.libs/lt-virtnetworkd", true),
            ("/usr/bin/bash", false),
            ("/usr/sbin/virtlogd", false),
            ("/usr/bin/libvirtd-guests", false),
            ("/", false),
        ];
        for (path, expected) in rows {
            assert_eq!(executable_name(OsStr::new(path)).is_some_and(is_daemon), expected, "{path}");
        }
    }

    #[test]
    fn the_parent_follows_the_last_parenthesis() {
        let rows: [(&[u8], Option<u32>); 6] = [
            (b"42 (bash) S 41 42 42 0 -1", Some(41)),
            (b"42 (a) S 7 (b) R 9 1", Some(9)),
            (b"42 (bash", None),
            (b"42 (bash) S", None),
            (b"", None),
            (b"42 (x) S -1 2", None),
        ];
        for (stat, parent) in rows {
            assert_eq!(parent_in_stat(stat), parent, "{}", stat.escape_ascii());
        }
    }

    #[test]
    fn the_release_is_in_the_name_of_the_mapped_library() {
        let version = |major, minor| Some(Version { major, minor });
        let line = "7f10-7f20 r-xp 00000000 08:01 42   /usr/lib/x86_64-linux-gnu/";
        let rows = [
            ("libvirt.so.0.9000.0\n", version(9, 0)),
            ("libvirt.so.0.12008.0 (deleted)\n", version(12, 8)),
            ("libvirt.so.0.6005.0", version(6, 5)),
            ("libvirt.so.0.6004.0", version(6, 4)),
            ("libvirt-qemu.so.0.9000.0\n", None),
            ("libvirt.so.0\n", None),
            ("libvirt.so.0.90", None),
            ("libvirt.so.0.x.0\n", None),
            ("libvirt.so.0.99999999999.0\n", None),
            ("", None),
        ];
        for (name, expected) in rows {
            let maps = format!("7f00-7f10 r--p 0 00:00 0 [heap]\n{line}{name}");
            assert_eq!(version_in_maps(maps.as_bytes()).unwrap(), expected, "{name}");
        }
        assert!(version(6, 5) >= Some(RUNS_ITS_OWN_SINCE) && version(6, 4) < Some(RUNS_ITS_OWN_SINCE));
    }
}
