//! The libvirt daemons that look for hooks in a directory. In: a driver. Out: each daemon with its release, its start, and
//! when hookmux last reloaded it. Reads /proc; and does: reloads them.
//!
//! A daemon looks for the hooks of its drivers when it starts and when it gets SIGHUP, and does not show when it last got
//! one. hookmux therefore leaves a note when it sends one.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use rustix::io::Errno;
use rustix::process::Signal;

use crate::admin::support::{files, root};
use crate::call::caller::{self, Daemon, Version};
use crate::call::drivers;
use crate::files::paths;

/// Ticks of a second in /proc: `USER_HZ`, which is 100 on every machine that libvirt is built for.
pub(crate) const TICKS: u64 = 100;

const NOTES: &str = "/run/hookmux/reloaded";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) name: String,
    pub(crate) pid: i32,
    /// Its release, where that can be read.
    pub(crate) version: Option<Version>,
    /// The time at which it started, to some hundredths of a second.
    pub(crate) started: SystemTime,
    /// The time at which hookmux last made it reload.
    pub(crate) reloaded: Option<SystemTime>,
}

impl Running {
    pub(crate) fn calls(&self, driver: &OsStr) -> bool {
        drivers::driver(driver).is_called_by(OsStr::new(&self.name))
    }

    /// Reports whether it certainly knows a hook that was installed at that time.
    pub(crate) fn knows_of(&self, hook: SystemTime) -> bool {
        self.reloaded.is_some_and(|reloaded| reloaded >= hook) || self.started >= hook
    }

    /// Returns its name and pid for a sentence.
    pub(crate) fn shown(&self) -> String {
        format!("{} (pid {})", self.name, self.pid)
    }
}

/// Returns the running daemons that call a driver's hook.
pub(crate) fn calling(root: &Path, driver: &OsStr) -> Vec<Running> {
    let all = held(root, &root::base(root, driver)).into_iter().map(|(daemon, _)| daemon);
    all.filter(|daemon| daemon.calls(driver)).collect()
}

/// Returns the oldest release that calls a driver's hook: of the running daemons, or else that of the installed library.
pub(crate) fn version(root: &Path, driver: &OsStr) -> Option<Version> {
    let running = calling(root, driver).into_iter().filter_map(|daemon| daemon.version).min();
    let libraries = || {
        let lib = paths::below(root, "/usr/lib");
        let multiarch = root::entries(&lib).filter(|path| path.to_string_lossy().contains("-linux-"));
        let directories = multiarch.chain([paths::below(root, "/usr/lib64"), lib.clone()]);
        let files = directories.filter(|at| !root::leads_out(root, at)).flat_map(|at| root::entries(&at));
        files.filter_map(|path| Version::of_library(&path)).max()
    };
    running.or_else(libraries)
}

/// Returns the running daemons whose hooks lie in `base`, each with its directory in /proc. As long as that is open, its
/// files are this process's or cannot be read, and a signal that is sent through it reaches this process or none.
pub(crate) fn held(root: &Path, base: &Path) -> Vec<(Running, File)> {
    let Ok(ours) = fs::metadata(base) else { return Vec::new() };
    let inside = base.strip_prefix(root).unwrap_or(base);
    let boot = fs::read_to_string("/proc/uptime").ok().and_then(|uptime| boot(SystemTime::now(), &uptime));
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    let found = |pid: i32| {
        let process = File::open(format!("/proc/{pid}")).ok()?;
        let at = files::held(&process);
        let daemon = Daemon::at(&at).filter(|_| is_ours(&at))?;
        // A daemon in another root directory has other hooks.
        let is_same = |theirs: &Metadata| (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino());
        fs::metadata(at.join("root").join(inside)).ok().filter(is_same)?;
        let ticks = start_in_stat(&fs::read(at.join("stat")).ok()?)?;
        let running = Running {
            name: daemon.name.to_string_lossy().into_owned(),
            pid,
            version: daemon.version(),
            started: boot?.checked_add(Duration::from_millis(ticks.checked_mul(1000)?.checked_div(TICKS)?))?,
            reloaded: fs::metadata(note(root, pid, ticks)).and_then(|note| note.modified()).ok(),
        };
        Some((running, process))
    };
    pids.filter_map(found).collect()
}

/// Reports whether a process belongs to our user and to our user and mount namespaces: any user may call a program
/// libvirtd, and be root in namespaces of their own.
fn is_ours(process: &Path) -> bool {
    let same = |namespace: &str| {
        let inode = |process: &Path| fs::metadata(process.join("ns").join(namespace)).map(|namespace| namespace.ino());
        inode(process).is_ok_and(|theirs| inode(Path::new("/proc/self")).is_ok_and(|ours| ours == theirs))
    };
    let user = fs::metadata(process).map(|process| process.uid());
    user.is_ok_and(|user| user == nix::unistd::geteuid().as_raw()) && same("user") && same("mnt")
}

/// Makes a daemon look for its hooks again, and leaves a note of that. Reports whether the daemon was still running: one that
/// has ended looks for its hooks when it starts again.
pub(crate) fn reload(root: &Path, daemon: &Running, process: &File) -> anyhow::Result<bool> {
    let stat = fs::read(files::held(process).join("stat")).unwrap_or_default();
    match rustix::process::pidfd_send_signal(process, Signal::HUP) {
        Err(Errno::SRCH) => return Ok(false),
        sent => sent.with_context(|| format!("cannot reload {}", daemon.shown()))?,
    }
    // Without the note, `check` cannot know; the daemon has reloaded all the same.
    if let Some(ticks) = start_in_stat(&stat) {
        let note = note(root, daemon.pid, ticks);
        let noted = note.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&note, ""));
        noted.unwrap_or_else(|error| log::info!("{} cannot be written: {error}", note.display()));
    }
    Ok(true)
}

fn note(root: &Path, pid: i32, ticks: u64) -> PathBuf {
    paths::below(root, NOTES).join(format!("{pid}-{ticks}"))
}

/// Returns the start of a process, the 22nd field of /proc/PID/stat, in ticks since the boot.
pub(crate) fn start_in_stat(stat: &[u8]) -> Option<u64> {
    std::str::from_utf8(caller::stat_fields(stat).nth(19)?).ok()?.parse().ok()
}

/// Returns the time of the boot, from the first number in /proc/uptime; `btime` in /proc/stat has whole seconds only.
fn boot(now: SystemTime, uptime: &str) -> Option<SystemTime> {
    let seconds: f64 = uptime.split(' ').next()?.parse().ok()?;
    now.checked_sub(Duration::try_from_secs_f64(seconds).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_process_is_read_from_proc() {
        let stat = b"1 (a) b) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 5400 23";
        assert_eq!([start_in_stat(stat), start_in_stat(b"1 (a) S 2")], [Some(5400), None]);
        let now = SystemTime::now();
        assert_eq!(boot(now, "100.25 7\n"), Some(now - Duration::from_millis(100_250)));
    }
}
