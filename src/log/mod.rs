//! The log: what libvirt does not show. In: events of a call. Out: messages for the system's log, or for a terminal.
//!
//! The journal where there is one, else syslog, else nothing. A hook that has nothing to say opens nothing. Failing to log
//! changes no answer.

pub mod journal;
pub mod message_id;
pub mod socket;
pub mod syslog;

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
use crate::record;
use crate::run::Event;
use crate::run::child::Ended;
use crate::verdict::messages;
use crate::verdict::outcome::Kind;

/// The system's log, looked for with the first message.
struct System(Mutex<Option<(Journal, Syslog)>>);

static SYSTEM: System = System(Mutex::new(None));

/// From now on, what is logged goes to the system's log.
pub fn to_system() {
    // Only a second logger in one process is an error.
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
        // Ours are strings, so that none is lost.
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

/// A message's fields, by name.
struct Fields(Vec<(String, String)>);

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        self.0.push((key.as_str().to_owned(), value.to_string()));
        Ok(())
    }
}

/// Logs a message about a call, with what the journal keeps beside it.
fn say(level: Level, message: Message, call: &Invocation, more: &[(&str, String)], line: &str) {
    if level > log::max_level() {
        return;
    }
    let word = |name, word| (name, printable::printable(word));
    let mut fields = vec![
        ("MESSAGE_ID", message.id().to_owned()),
        word("HOOKMUX_DRIVER", &call.driver),
        word("HOOKMUX_OBJECT", &call.object),
        word("HOOKMUX_OPERATION", &call.operation),
    ];
    fields.extend_from_slice(more);
    let fields = fields.as_slice();
    let mut record = Record::builder();
    record.level(level).target("hookmux").key_values(&fields);
    log::logger().log(&record.args(format_args!("{line}")).build());
}

/// Logs what a plan passes over, in one line. Not what a rule leaves out: that is as somebody wants it, call for call, and
/// `hookmux explain` shows it.
pub fn skipped(call: &Invocation, plan: &Plan) {
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
    say(Level::Info, Message::Skipped, call, &[], &line);
}

/// Logs that a call went on without its settings.
pub fn default_settings(call: &Invocation, fault: &impl Display) {
    let line = format!("{}: going on with the default settings: {fault}", messages::call(call));
    say(Level::Error, Message::DefaultSettings, call, &[], &line);
}

/// Logs that hookmux itself could not carry out a call, in the words that libvirt gets.
pub fn own_fault(call: &Invocation, line: &str) {
    say(Level::Error, Message::OwnFault, call, &[], line);
}

/// Logs that nothing could be started that nobody waits for.
pub fn background_not_started(call: &Invocation, error: &impl Display) {
    let line = format!("{}: cannot start what nobody waits for: {error}", messages::call(call));
    say(Level::Error, Message::NotStarted, call, &[], &line);
}

/// Logs what happens while a plan runs: failures, long runs, and the words of scripts.
pub fn event(call: &Invocation, event: &Event) {
    match event {
        Event::Starting(_) => {}
        Event::StillRunning(step, pid, elapsed) => {
            let (script, time) = (printable::printable(&step.path), printable::duration(*elapsed));
            let line = format!(
                "{}: {script} (process {pid}) is still running after {time}, libvirt is waiting",
                messages::call(call)
            );
            let fields = [("HOOKMUX_SCRIPT", script), ("HOOKMUX_DURATION_USEC", record::micros(*elapsed).to_string())];
            say(Level::Warn, Message::StillRunning, call, &fields, &line);
        }
        Event::Ended(step, ended) => self::ended(call, &step.path, ended),
    }
}

fn ended(call: &Invocation, path: &Path, ended: &Ended) {
    let failed = !matches!(ended.outcome.kind(), Kind::Success | Kind::NotRun);
    // Mostly there is nothing to say, and then nothing is put into words.
    if !failed && ended.changes == Changes::default() && ended.output.is_empty() && ended.errors.is_empty() {
        return;
    }
    let script = printable::printable(path);
    let (kind, code) = record::kind(&ended.outcome);
    let outcome = code.map_or_else(|| kind.word().to_owned(), |code| format!("{} {code}", kind.word()));
    let fields = [
        ("HOOKMUX_SCRIPT", script.clone()),
        ("HOOKMUX_OUTCOME", outcome),
        ("HOOKMUX_DURATION_USEC", record::micros(ended.elapsed).to_string()),
    ];
    if failed {
        say(Level::Error, Message::Failed, call, &fields, &messages::failure(call, path, &ended.outcome));
    }
    let about = format!("{}: {script}", messages::call(call));
    for change in &ended.changes.list {
        say(Level::Info, Message::Changed, call, &fields, &format!("{about} changed {change}"));
    }
    if ended.changes.more {
        say(Level::Info, Message::Changed, call, &fields, &format!("{about} changed more than that"));
    }
    for bytes in [&ended.output, &ended.errors] {
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line = printable::printable(std::ffi::OsStr::from_bytes(line));
            say(Level::Info, Message::Said, call, &fields, &format!("{about}: {line}"));
        }
    }
}
