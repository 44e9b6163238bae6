//! Finds out whether a guest's process has ended, from libvirt's state of the guest. In: the guest's name. Out: how it has
//! ended, if it has. Reads.
//!
//! libvirt's proposed patch also calls `stop` when the process has ended or is ending: after the monitor was closed, and
//! after the guest was powered off. A refusal there returns before libvirt's clean-up, and leaves a guest that is "running"
//! for ever, cannot be started or destroyed, and gets neither `stopped` nor `release`.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::unistd::getuid;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::call::caller;
use crate::call::drivers::{self, Object};
use crate::files::{paths, resolve};

/// The number of bytes of NAME.xml that are read: what is needed precedes the guest's own XML.
const MAX_STATUS: u64 = 256 << 10;

/// The time to wait for a process that is about to end: the monitor can be closed before the process ends.
const TIMEOUT: Duration = Duration::from_millis(200);

/// Time between two looks at it.
const INTERVAL: Duration = Duration::from_millis(10);

/// `PF_EXITING` in the flags of /proc/PID/stat: the process is in `do_exit`.
const EXITING: u64 = 0x4;

/// The way in which a guest has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    PoweredOff,
    /// Its process has ended, or is ending.
    Process,
    /// It was an incoming guest.
    Migration,
}

impl End {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::PoweredOff => "the guest was powered off",
            Self::Process => "the guest's process has ended",
            Self::Migration => "the incoming migration of the guest has failed",
        }
    }
}

/// Returns how a guest has ended; `None` if it has not, or if that cannot be found out. Waits for a moment if it has not.
pub(super) fn end(root: &Path, driver: &OsStr, name: &OsStr) -> Option<End> {
    let state = GuestStatus::directory(root, driver)?;
    let begin = Instant::now();
    loop {
        let status = GuestStatus::read(root, &state, name)?;
        let end = status.end(Path::new("/proc"));
        if end.is_some() || status.pids.is_empty() || begin.elapsed() >= TIMEOUT {
            return end;
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Reports whether a guest runs; `false` if that cannot be found out.
pub(crate) fn is_running(root: &Path, driver: &OsStr, name: &OsStr) -> bool {
    let status = GuestStatus::directory(root, driver).and_then(|state| GuestStatus::read(root, &state, name));
    status.is_some_and(|status| !status.state.is_empty() && status.end(Path::new("/proc")).is_none())
}

/// The facts that libvirt has written about a guest.
#[derive(Debug, Default, PartialEq, Eq)]
struct GuestStatus {
    state: String,
    reason: String,
    job: String,
    /// Of NAME.pid and of NAME.xml: normally the same.
    pids: Vec<u32>,
}

impl GuestStatus {
    /// Returns the directory that holds the state of a driver's guests, of our user's daemon: NAME.pid and NAME.xml
    /// (`virQEMUDriverConfigNew`, and the other drivers' functions of that kind).
    fn directory(root: &Path, driver: &OsStr) -> Option<PathBuf> {
        let driver = Some(drivers::driver(driver)).filter(|known| known.object == Object::Guest)?.name;
        let user = getuid();
        let path = if user.is_root() {
            format!("/run/libvirt/{driver}")
        } else {
            format!("/run/user/{user}/libvirt/{driver}/run")
        };
        Some(paths::below(root, &path))
    }

    /// Reads the files of a guest in `state`, which is below `root`; `None` if its name could lead out of that.
    fn read(root: &Path, state: &Path, name: &OsStr) -> Option<Self> {
        if name.is_empty() || name.as_bytes().iter().any(|byte| matches!(byte, b'/' | 0)) {
            return None;
        }
        let file = |ending: &str| {
            let path = state.join(paths::with_ending(name, ending));
            resolve::read(root, &path, MAX_STATUS).ok()
        };
        let mut status = file(".xml").map(|xml| Self::parse(&xml)).unwrap_or_default();
        status.pids.extend(file(".pid").and_then(|pid| number(&pid)));
        Some(status)
    }

    /// Reads what precedes the guest's own XML.
    fn parse(xml: &[u8]) -> Self {
        let mut status = Self::default();
        let mut reader = Reader::from_reader(xml);
        loop {
            match reader.read_event() {
                Ok(Event::Start(tag) | Event::Empty(tag)) => match tag.name().as_ref() {
                    "domstatus" => {
                        status.state = attribute(&tag, "state");
                        status.reason = attribute(&tag, "reason");
                        status.pids.extend(number(attribute(&tag, "pid").as_bytes()));
                    }
                    "job" => status.job = attribute(&tag, "async"),
                    "domain" => return status,
                    _ => {}
                },
                Ok(Event::Eof) | Err(_) => return status,
                Ok(_) => {}
            }
        }
    }

    fn end(&self, processes: &Path) -> Option<End> {
        // Without /proc every process would seem to have ended.
        let has_ended = |pid: &u32| processes.join("self").exists() && process_has_ended(processes, *pid);
        // The source of a migration is paused for the same reason as long as its job lasts.
        let is_migrating = self.state == "paused" && self.reason == "migration" && self.job != "migration out";
        if matches!(self.state.as_str(), "shutdown" | "shutoff") {
            Some(End::PoweredOff)
        } else if !self.pids.is_empty() && self.pids.iter().all(has_ended) {
            Some(End::Process)
        } else if is_migrating && self.pids.iter().any(|pid| is_incoming(processes, *pid)) {
            Some(End::Migration)
        } else {
            None
        }
    }
}

fn attribute(tag: &BytesStart, name: &str) -> String {
    tag.try_get_attribute(name).ok().flatten().map(|found| found.value.into_owned()).unwrap_or_default()
}

/// Reads the number of a process. Drivers without processes, such as Xen's, write 0.
fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok().filter(|pid| *pid > 0)
}

/// Reports whether a process does not exist, is a zombie, or is exiting.
fn process_has_ended(processes: &Path, pid: u32) -> bool {
    match fs::read(processes.join(pid.to_string()).join("stat")) {
        Ok(stat) => stat_has_ended(&stat),
        // ESRCH: it ended after the file was opened.
        Err(error) => error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH),
    }
}

/// Reads the state and the flags in /proc/PID/stat.
fn stat_has_ended(stat: &[u8]) -> bool {
    let mut fields = caller::stat_fields(stat);
    let state = fields.next().unwrap_or_default();
    let flags: u64 = fields.nth(5).and_then(|flags| std::str::from_utf8(flags).ok()?.parse().ok()).unwrap_or_default();
    matches!(state, b"Z" | b"X" | b"x") || flags & EXITING != 0
}

/// Reports whether a process is a QEMU that was started for an incoming guest.
fn is_incoming(processes: &Path, pid: u32) -> bool {
    let arguments = fs::read(processes.join(pid.to_string()).join("cmdline")).unwrap_or_default();
    arguments.split(|byte| *byte == 0).any(|argument| argument == b"-incoming")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_file_is_read_up_to_the_guests_own_xml() {
        let xml = b"<!--\nWARNING\n-->\n<domstatus state='paused' reason='migration' pid='4711'>\n  <monitor path='/x' type='unix'/>\n  \
            <job type='none' async='migration in' phase='finish2'>\n  </job>\n  <domain type='kvm'><job async='x'/></domain>\n</domstatus>";
        let status = GuestStatus {
            state: "paused".into(),
            reason: "migration".into(),
            job: "migration in".into(),
            pids: vec![4711],
        };
        assert_eq!(GuestStatus::parse(xml), status);
        let cut = xml.get(..60).unwrap_or_default();
        for other in
            [&b""[..], b"<domstatus", b"\0\xff", b"<a state='shutdown' pid='1'/>", b"<domstatus state='running", cut]
        {
            assert_eq!(GuestStatus::parse(other).end(Path::new("/proc")), None, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn a_name_cannot_lead_out_of_the_directory() {
        let scratch = tempfile::tempdir().unwrap();
        let state = scratch.path().join("qemu");
        fs::create_dir(&state).unwrap();
        fs::write(scratch.path().join("vm1.xml"), "<domstatus state='shutdown'/>").unwrap();
        for name in ["../vm1", "/vm1", "", "a/../../vm1", "a\0b"] {
            assert_eq!(GuestStatus::read(Path::new(resolve::HOST), &state, OsStr::new(name)), None, "{name:?}");
        }
        for name in ["..", "vm1", "."] {
            assert_eq!(
                GuestStatus::read(Path::new(resolve::HOST), &state, OsStr::new(name)),
                Some(GuestStatus::default()),
                "{name:?}"
            );
        }
    }

    #[test]
    fn zombies_and_exiting_processes_have_ended_and_others_have_not() {
        let stat = |state: &str, flags: u64| format!("7 (a) S 1 (b) {state} 1 7 7 0 -1 {flags} 0 0");
        let rows =
            [("S", 0x40_0140, false), ("R", 0x40_0144, true), ("Z", 0x40_0000, true), ("X", 0, true), ("D", 0, false)];
        for (state, flags, expected) in rows {
            assert_eq!(stat_has_ended(stat(state, flags).as_bytes()), expected, "{state} {flags:x}");
        }
        assert_eq!([&b""[..], b"7", b"7 (a)", b"7 (a) S x"].map(stat_has_ended), [false; 4]);
    }

    #[test]
    fn only_an_incoming_guest_without_an_outgoing_job_was_left_behind() {
        let scratch = tempfile::tempdir().unwrap();
        let processes = scratch.path();
        for (pid, arguments) in [("self", ""), ("1", "qemu\0-incoming\0defer\0"), ("2", "qemu\0-S\0")] {
            fs::create_dir(processes.join(pid)).unwrap();
            fs::write(processes.join(pid).join("cmdline"), arguments).unwrap();
            fs::write(processes.join(pid).join("stat"), "1 (qemu) S 1 1 1 0 -1 0 ").unwrap();
        }
        let status = |state: &str, reason: &str, job: &str, pid| {
            GuestStatus { state: state.into(), reason: reason.into(), job: job.into(), pids: vec![pid] }.end(processes)
        };
        assert_eq!(status("paused", "migration", "none", 1), Some(End::Migration));
        assert_eq!(status("paused", "migration", "migration in", 1), Some(End::Migration));
        assert_eq!(status("paused", "migration", "migration out", 1), None);
        assert_eq!(status("paused", "migration", "none", 2), None);
        assert_eq!(status("paused", "user", "none", 1), None);
        assert_eq!(status("running", "migrated", "none", 1), None);
        assert_eq!(status("running", "booted", "none", 3), Some(End::Process));
    }
}
