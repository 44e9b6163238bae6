//! Logs what libvirt does not show. In: events of a call. Out: messages for the system's log, or for a terminal. Does.
//!
//! To the journal where there is one, else to syslog. A hook that logs nothing opens nothing. An error here changes no
//! answer.

mod journal;
pub mod message_id;
mod socket;
mod syslog;

use std::ffi::OsStr;
use std::fmt::Display;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::call::invocation::Invocation;
use crate::guard::Changes;
use crate::log::journal::JournalEntry;
use crate::log::message_id::Message;
use crate::log::socket::Socket;
use crate::plan::Plan;
use crate::plan::admission::Skip;
use crate::printable::{duration, printable};
use crate::run::Event;
use crate::run::child::StepReport;
use crate::verdict::messages;

/// The sockets of the journal and of syslog; `None` in a command, which logs to its terminal.
static SYSTEM: Mutex<Option<(Socket<'static>, Socket<'static>)>> = Mutex::new(None);

/// Directs what is logged to the system's log.
pub(crate) fn to_system() {
    let sockets = (Socket::new(journal::SOCKET), Socket::new(syslog::SOCKET));
    *SYSTEM.lock().unwrap_or_else(PoisonError::into_inner) = Some(sockets);
}

/// Logs a sentence about a call.
pub(crate) fn about(message: Message, call: &Invocation, what: impl Display) {
    log(message, call, &[], &format!("{}: {what}", messages::call(call)));
}

/// Logs that hookmux itself could not carry out a call, with the line that libvirt gets.
pub(crate) fn own_fault(call: &Invocation, line: &str) {
    log(Message::OwnFault, call, &[], line);
}

/// Logs a message about a call, with fields for the journal.
fn log(message: Message, call: &Invocation, more: &[(&str, String)], line: &str) {
    let level = message.level();
    let mut system = SYSTEM.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((journal, syslog)) = &mut *system else { return log::log!(target: "hookmux", level, "{line}") };
    let mut entry = JournalEntry::default();
    entry.field("MESSAGE", line);
    entry.field("PRIORITY", &syslog::severity(level).to_string());
    entry.field("SYSLOG_IDENTIFIER", "hookmux");
    entry.field("SYSLOG_FACILITY", "3");
    entry.field("MESSAGE_ID", message.id());
    entry.field("HOOKMUX_DRIVER", &printable(&call.driver));
    entry.field("HOOKMUX_OBJECT", &printable(&call.object));
    entry.field("HOOKMUX_OPERATION", &printable(&call.operation));
    for (name, value) in more {
        entry.field(name, value);
    }
    if !journal::write(journal, &entry) {
        syslog::write(syslog, level, line);
    }
}

/// Logs what a plan skips, in one line. Scripts that a rule excludes are skipped on purpose at each call, so they are not
/// logged; `hookmux explain` lists them.
pub(crate) fn skipped(call: &Invocation, plan: &Plan) {
    let skipped = plan.skipped.iter().filter(|(_, skip)| !matches!(skip, Skip::ByRule(_)));
    let reason = |(path, skip): &(_, _)| format!("{} ({})", printable(path), messages::skip(skip));
    let reasons: Vec<String> = skipped.map(reason).collect();
    if !reasons.is_empty() {
        about(Message::Skipped, call, format_args!("not running {}", reasons.join(", ")));
    }
}

/// Logs what happens while a plan runs: failures, long runs, and what scripts write.
pub(crate) fn event(call: &Invocation, event: &Event) {
    match event {
        Event::Starting(_) => {}
        Event::StillRunning(step, pid, elapsed) => {
            let (about, script, time) = (messages::call(call), printable(&step.path), duration(*elapsed));
            let line = format!("{about}: {script} (pid {pid}) is still running after {time}, libvirt is waiting");
            let fields = [("HOOKMUX_SCRIPT", script), ("HOOKMUX_DURATION_USEC", elapsed.as_micros().to_string())];
            log(Message::StillRunning, call, &fields, &line);
        }
        Event::Ended(step, report) => ended(call, &step.path, report),
    }
}

fn ended(call: &Invocation, path: &Path, report: &StepReport) {
    let failed = report.outcome.kind().is_failure();
    // Most scripts leave nothing to log.
    if !failed && report.changes == Changes::default() && report.output.is_empty() && report.errors.is_empty() {
        return;
    }
    let script = printable(path);
    let (ending, code) = report.outcome.ending();
    let outcome = code.map_or_else(|| ending.to_string(), |code| format!("{ending} {code}"));
    let fields = [
        ("HOOKMUX_SCRIPT", script.clone()),
        ("HOOKMUX_OUTCOME", outcome),
        ("HOOKMUX_DURATION_USEC", report.elapsed.as_micros().to_string()),
    ];
    if failed {
        log(Message::Failed, call, &fields, &messages::failure(call, path, &report.outcome));
    }
    let about = format!("{}: {script}", messages::call(call));
    for change in &report.changes.list {
        log(Message::Changed, call, &fields, &format!("{about} changed {change}"));
    }
    if report.changes.more {
        log(Message::Changed, call, &fields, &format!("{about} changed more than that"));
    }
    let texts = [&report.output, &report.errors].into_iter();
    for line in texts.flat_map(|text| text.split(|byte| *byte == b'\n')).filter(|line| !line.is_empty()) {
        let line = printable(OsStr::from_bytes(line));
        log(Message::ScriptOutput, call, &fields, &format!("{about}: {line}"));
    }
}
