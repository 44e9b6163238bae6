//! The log: what libvirt does not show. In: events of a call. Out: lines for the system's log, or for a terminal.
//!
//! A hook that has nothing to say opens nothing. Failing to log changes no answer.

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::child::Ended;
use crate::invocation::Invocation;
use crate::outcome::Kind;
use crate::plan::Plan;
use crate::run::Event;
use crate::syslog::{self, Syslog};
use crate::words;

/// The system's log, by /dev/log: journald's, or a syslog daemon's.
struct System(Mutex<Syslog>);

static SYSTEM: OnceLock<System> = OnceLock::new();

/// From now on, what is logged goes to the system's log.
pub fn to_system() {
    let system = SYSTEM.get_or_init(|| System(Mutex::new(Syslog::new(Path::new(syslog::SOCKET)))));
    // Only a second logger in one process is an error.
    if log::set_logger(system).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

impl Log for System {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.level() <= Level::Info
    }

    fn log(&self, record: &Record) {
        let mut syslog = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        syslog.write(record.level(), &record.args().to_string());
    }

    fn flush(&self) {}
}

/// Logs what a plan leaves out, in one line.
pub fn skipped(call: &Invocation, plan: &Plan) {
    if plan.skipped.is_empty() {
        return;
    }
    let reasons: Vec<String> = plan
        .skipped
        .iter()
        .map(|(path, skip)| format!("{} ({})", words::printable(path.as_os_str()), words::skip(skip)))
        .collect();
    log::info!("{}: not running {}", words::call(call), reasons.join(", "));
}

/// Logs what happens while a plan runs: failures, long runs, and the words of scripts.
pub fn event(call: &Invocation, event: &Event) {
    match event {
        Event::Starting(_) => {}
        Event::StillRunning(step, pid, elapsed) => {
            let (script, time) = (words::printable(step.path.as_os_str()), words::duration(*elapsed));
            log::warn!(
                "{}: {script} (process {pid}) is still running after {time}, libvirt is waiting",
                words::call(call)
            );
        }
        Event::Ended(step, ended) => {
            if !matches!(ended.outcome.kind(), Kind::Success | Kind::NotRun) {
                log::error!("{}", words::failure(call, &step.path, &ended.outcome));
            }
            let script = words::printable(step.path.as_os_str());
            for change in &ended.changes.list {
                log::info!("{}: {script} changed {change}", words::call(call));
            }
            if ended.changes.more {
                log::info!("{}: {script} changed more than that", words::call(call));
            }
            script_words(call, &step.path, ended);
        }
    }
}

fn script_words(call: &Invocation, script: &Path, ended: &Ended) {
    for bytes in [&ended.output, &ended.errors] {
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line = words::printable(std::os::unix::ffi::OsStrExt::from_bytes(line));
            log::info!("{}: {}: {line}", words::call(call), words::printable(script.as_os_str()));
        }
    }
}
