//! The libvirt daemons that look into a hooks' directory. In: that directory. Out: each with its release and its start;
//! when it was last told to reload, as far as that can be known. Reads /proc; and does: tells them to reload.
//!
//! A daemon looks for the hooks of its drivers when it starts and when it gets SIGHUP, and nothing shows when it last got
//! one. So whoever sends it by way of us leaves a note.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::call::caller::{self, Daemon, Version};
use crate::call::drivers;
use crate::files::paths;

/// Ticks of a second in /proc: `USER_HZ`, which is 100 on every machine that libvirt is built for.
const TICKS: u64 = 100;

/// Where the notes lie.
const NOTES: &str = "/run/hookmux/reloaded";

/// A daemon that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Running {
    /// Its executable's name.
    pub(crate) name: String,
    /// Its process.
    pub(crate) pid: i32,
    /// Its release, where that can be read.
    pub(crate) version: Option<Version>,
    /// Whether it runs what lies directly in its own directory itself.
    pub(crate) runs_its_own: bool,
    /// When it started, to some hundredths of a second.
    pub(crate) started: SystemTime,
    /// When it was last told to reload by us.
    pub(crate) reloaded: Option<SystemTime>,
}

impl Running {
    /// Whether it calls this driver's hook.
    pub(crate) fn calls(&self, driver: &OsStr) -> bool {
        drivers::driver(driver).is_called_by(OsStr::new(&self.name))
    }

    /// Whether it surely knows of a hook that came at that time.
    pub(crate) fn knows_of(&self, hook: SystemTime) -> bool {
        self.reloaded.is_some_and(|reloaded| reloaded >= hook) || self.started >= hook
    }

    /// How it is called in a sentence.
    pub(crate) fn shown(&self) -> String {
        format!("{} (process {})", self.name, self.pid)
    }
}

/// The daemons whose hooks lie in `base`: seen through each one's own root, so that containers' daemons are not ours.
pub(crate) fn of(root: &Path, base: &Path) -> Vec<Running> {
    let Ok(ours) = fs::metadata(base) else { return Vec::new() };
    let inside = base.strip_prefix(root).unwrap_or(base);
    let boot = fs::read_to_string("/proc/uptime").ok().and_then(|uptime| boot(SystemTime::now(), &uptime));
    let same = |daemon: &Daemon| {
        let theirs = fs::metadata(daemon.process().join("root").join(inside));
        theirs.is_ok_and(|theirs| (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino()))
    };
    let daemons = caller::all_running().filter(same);
    daemons.filter_map(|daemon| running(root, &daemon, boot?)).collect()
}

fn running(root: &Path, daemon: &Daemon, boot: SystemTime) -> Option<Running> {
    let pid = daemon.process().file_name()?.to_str()?.parse().ok()?;
    let ticks = start_in_stat(&fs::read(daemon.process().join("stat")).ok()?)?;
    let started = boot.checked_add(Duration::from_millis(ticks.checked_mul(1000)?.checked_div(TICKS)?))?;
    let reloaded = fs::metadata(note(root, pid, ticks)).and_then(|note| note.modified()).ok();
    let name = daemon.name.to_string_lossy().into_owned();
    let (version, runs_its_own) = (daemon.version(), daemon.runs_its_own());
    Some(Running { name, pid, version, runs_its_own, started, reloaded })
}

/// Tells a daemon to look for its hooks again, and notes that.
pub(crate) fn reload(root: &Path, daemon: &Running) -> anyhow::Result<()> {
    let stat = fs::read(format!("/proc/{}/stat", daemon.pid)).with_context(|| format!("{} has gone", daemon.name))?;
    kill(Pid::from_raw(daemon.pid), Signal::SIGHUP).with_context(|| format!("cannot reload {}", daemon.shown()))?;
    // Without the note, `check` will not know; the daemon has reloaded all the same.
    if let Some(ticks) = start_in_stat(&stat) {
        let note = note(root, daemon.pid, ticks);
        let noted = note.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&note, ""));
        noted.unwrap_or_else(|error: io::Error| log::info!("{} cannot be written: {error}", note.display()));
    }
    Ok(())
}

fn note(root: &Path, pid: i32, ticks: u64) -> PathBuf {
    paths::below(root, NOTES).join(format!("{pid}-{ticks}"))
}

/// The 22nd field of /proc/PID/stat, in ticks since the boot; the second field's parentheses may hold anything.
fn start_in_stat(stat: &[u8]) -> Option<u64> {
    let after = stat.iter().rposition(|byte| *byte == b')')?.checked_add(1)?;
    let word = stat.get(after..)?.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(19)?;
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The time of the boot, from the first number in /proc/uptime; `btime` in /proc/stat knows whole seconds only.
fn boot(now: SystemTime, uptime: &str) -> Option<SystemTime> {
    let seconds: f64 = uptime.split(' ').next()?.parse().ok()?;
    now.checked_sub(Duration::try_from_secs_f64(seconds).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_read_from_proc() {
        let stat = b"1 (a) b) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 5400 23";
        assert_eq!([start_in_stat(stat), start_in_stat(b"1 (a) S 2")], [Some(5400), None]);
        let now = SystemTime::now();
        assert_eq!(boot(now, "100.25 7\n"), Some(now - Duration::from_millis(100_250)));
    }
}
