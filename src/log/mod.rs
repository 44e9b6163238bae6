//! Logs what libvirt does not show. In: events of a call. Out: messages for the system's log, or for a terminal. Does.
//!
//! To the journal where there is one, else to syslog. A hook that logs nothing opens nothing. An error here changes no
//! answer.

mod journal;
pub mod message_id;
mod socket;
mod syslog;

use std::fmt::Display;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use log::kv::{self, Key, Value, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::call::invocation::Invocation;
use crate::guard::Changes;
use crate::log::journal::Journal;
use crate::log::message_id::Message;
use crate::log::syslog::Syslog;
use crate::plan::Plan;
use crate::plan::admission::Skip;
use crate::printable;
use crate::run::Event;
use crate::run::child::StepReport;
use crate::verdict::messages;

/// The system's log, connected to at the first message.
struct System(Mutex<Option<(Journal, Syslog)>>);

static SYSTEM: System = System(Mutex::new(None));

/// Directs what is logged to the system's log.
pub(crate) fn to_system() {
    // An error means that there is a logger already.
    if log::set_logger(&SYSTEM).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

impl Log for System {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.level() <= Level::Info
    }

    fn log(&self, record: &Record) {
        let line = record.args().to_string();
        let priority = syslog::severity(record.level()).to_string();
        let mut own = Fields(Vec::with_capacity(8));
        // Cannot fail: the values are strings.
        let _ = record.key_values().visit(&mut own);
        let mut fields = vec![
            ("MESSAGE", line.as_str()),
            ("PRIORITY", &priority),
            ("SYSLOG_IDENTIFIER", "hookmux"),
            ("SYSLOG_FACILITY", "3"),
        ];
        fields.extend(own.0.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let mut system = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (journal, syslog) = system
            .get_or_insert_with(|| (Journal::new(Path::new(journal::SOCKET)), Syslog::new(Path::new(syslog::SOCKET))));
        if !journal.write(&fields) {
            syslog.write(record.level(), &line);
        }
    }

    fn flush(&self) {}
}

/// The fields of a message, by name.
struct Fields(Vec<(String, String)>);

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        self.0.push((key.as_str().to_owned(), value.to_string()));
        Ok(())
    }
}

/// Logs a message about a call, with fields for the journal.
fn log(level: Level, message: Message, call: &Invocation, more: &[(&str, String)], line: &str) {
    if level > log::max_level() {
        return;
    }
    let field = |name, value| (name, printable::printable(value));
    let mut fields = vec![
        ("MESSAGE_ID", message.id().to_owned()),
        field("HOOKMUX_DRIVER", &call.driver),
        field("HOOKMUX_OBJECT", &call.object),
        field("HOOKMUX_OPERATION", &call.operation),
    ];
    fields.extend_from_slice(more);
    let fields = fields.as_slice();
    let mut record = Record::builder();
    record.level(level).target("hookmux").key_values(&fields);
    log::logger().log(&record.args(format_args!("{line}")).build());
}

/// Logs what a plan skips, in one line. Scripts that a rule excludes are skipped on purpose at each call, so they are not
/// logged; `hookmux explain` lists them.
pub(crate) fn skipped(call: &Invocation, plan: &Plan) {
    let reasons: Vec<String> = plan
        .skipped
        .iter()
        .filter(|(_, skip)| !matches!(skip, Skip::ByRule(_)))
        .map(|(path, skip)| format!("{} ({})", printable::printable(path), messages::skip(skip)))
        .collect();
    if reasons.is_empty() {
        return;
    }
    let line = format!("{}: not running {}", messages::call(call), reasons.join(", "));
    log(Level::Info, Message::Skipped, call, &[], &line);
}

/// Logs that a call uses the default settings, since its own cannot be read.
pub(crate) fn default_settings(call: &Invocation, fault: &impl Display) {
    let line = format!("{}: using the default settings: {fault}", messages::call(call));
    log(Level::Error, Message::DefaultSettings, call, &[], &line);
}

/// Logs that libvirt does not get a failure, since it would leave a guest behind that has ended.
pub(crate) fn overruled(call: &Invocation, reason: &str) {
    let line = format!("{}: the failure is not passed on, since {reason}", messages::call(call));
    log(Level::Warn, Message::Overruled, call, &[], &line);
}

/// Logs that hookmux itself could not carry out a call, with the line that libvirt gets.
pub(crate) fn own_fault(call: &Invocation, line: &str) {
    log(Level::Error, Message::OwnFault, call, &[], line);
}

/// Logs that the background scripts could not be started.
pub(crate) fn background_not_started(call: &Invocation, error: &impl Display) {
    let line = format!("{}: cannot start the background scripts: {error}", messages::call(call));
    log(Level::Error, Message::NotStarted, call, &[], &line);
}

/// Logs that the background scripts run in the daemon's cgroup.
pub(crate) fn in_daemons_cgroup(call: &Invocation, error: &impl Display) {
    let line = format!("{}: the background scripts stay in libvirt's cgroup: {error}", messages::call(call));
    log(Level::Warn, Message::InDaemonsCgroup, call, &[], &line);
}

/// Logs what happens while a plan runs: failures, long runs, and what scripts write.
pub(crate) fn event(call: &Invocation, event: &Event) {
    match event {
        Event::Starting(_) => {}
        Event::StillRunning(step, pid, elapsed) => {
            let (script, time) = (printable::printable(&step.path), printable::duration(*elapsed));
            let line = format!(
                "{}: {script} (pid {pid}) is still running after {time}, libvirt is waiting",
                messages::call(call)
            );
            let fields = [("HOOKMUX_SCRIPT", script), ("HOOKMUX_DURATION_USEC", elapsed.as_micros().to_string())];
            log(Level::Warn, Message::StillRunning, call, &fields, &line);
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
    let script = printable::printable(path);
    let (ending, code) = report.outcome.ending();
    let outcome = code.map_or_else(|| ending.to_string(), |code| format!("{ending} {code}"));
    let fields = [
        ("HOOKMUX_SCRIPT", script.clone()),
        ("HOOKMUX_OUTCOME", outcome),
        ("HOOKMUX_DURATION_USEC", report.elapsed.as_micros().to_string()),
    ];
    if failed {
        log(Level::Error, Message::Failed, call, &fields, &messages::failure(call, path, &report.outcome));
    }
    let about = format!("{}: {script}", messages::call(call));
    for change in &report.changes.list {
        log(Level::Info, Message::Changed, call, &fields, &format!("{about} changed {change}"));
    }
    if report.changes.more {
        log(Level::Info, Message::Changed, call, &fields, &format!("{about} changed more than that"));
    }
    for bytes in [&report.output, &report.errors] {
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line = printable::printable(std::ffi::OsStr::from_bytes(line));
            log(Level::Info, Message::ScriptOutput, call, &fields, &format!("{about}: {line}"));
        }
    }
}
