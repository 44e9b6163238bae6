//! Answers one call. In: the invocation, the root. Out: exit code, document and message. Does, through the other rooms.

mod background;
pub(crate) mod guest_process;
mod started;
pub(crate) mod steps;

use std::cell::OnceCell;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::unistd::Pid;

use crate::call::contract::{Failure, Input, Moment, Output};
use crate::call::invocation::Invocation;
use crate::files::paths;
use crate::files::resolve::HOST;
use crate::guard;
use crate::hook::background::Background;
use crate::hook::steps::{Hook, HookReport};
use crate::log::{self, message_id::Message};
use crate::plan::facts::Facts;
use crate::plan::{Linked, Plan};
use crate::printable;
use crate::record::{self, draft::Draft};
use crate::run::child::StepReport;
use crate::run::detach;
use crate::run::signals;
use crate::run::spool::Spool;
use crate::settings::{self, Settings};
use crate::verdict::messages;
use crate::verdict::outcome::OutcomeKind;
use crate::verdict::{self, FAULT};

/// The answer to a call.
#[derive(Debug, Default)]
struct Answer<'a> {
    code: u8,
    /// The new document, for standard output, unless it is unchanged.
    document: Option<Spool>,
    /// For standard error.
    message: Vec<u8>,
    /// Starts once the caller has the answer, if that is a success.
    background: Option<Background<'a>>,
    /// Written once the caller has the answer, if calls are recorded.
    record: Option<Draft>,
}

/// The exit code of a usage error, as on the command line.
pub const USAGE: u8 = 2;

/// Answers a call on the caller's pipes, and ends this process. Its root directory is the host's, or what `HOOKMUX_ROOT`
/// names.
pub fn serve(call: &Invocation, output: impl AsFd, errors: impl Write) -> ! {
    let root = std::env::var_os(paths::ROOT_VARIABLE).map_or_else(|| PathBuf::from(HOST), PathBuf::from);
    detach::end(answer(call, &root).deliver(&root, output, errors))
}

/// Answers a call as libvirt makes it, with the document on standard input.
fn answer<'a>(call: &'a Invocation, root: &'a Path) -> Answer<'a> {
    let parent = nix::unistd::getppid();
    if !call.has_operation() {
        return without_operation(call);
    }
    let Some(linked) = linked(call, root) else { return Answer::default() };
    let mut record = record::file::is_kept(root).then(|| Draft::new(call));
    let answer = carry_out(call, linked, root, parent, &mut record);
    let mut answer = answer.unwrap_or_else(|fault| own_fault(call, &fault, record.as_mut()));
    // A failure would keep libvirt from cleaning up after a guest that has ended.
    if answer.code != 0
        && call.row.may_come_late
        && let Some(end) = guest_process::end(root, &call.driver, &call.object)
    {
        log::about(Message::Overruled, call, format_args!("the failure is not passed on, since {}", end.reason()));
        answer = Answer::default();
    }
    Answer { record, ..answer }
}

impl Answer<'_> {
    /// Writes the answer, the document first: if that fails, the exit code changes. Then writes the record, and starts the
    /// background scripts. Returns the exit code.
    fn deliver(self, root: &Path, output: impl AsFd, mut errors: impl Write) -> u8 {
        let Self { mut code, document, mut message, mut background, mut record } = self;
        if let Some(Err(error)) = document.as_ref().map(|document| document.write_to(output)) {
            code = FAULT;
            message = format!("hookmux: the filtered XML could not be written: {error}\n").into_bytes();
            background = None;
        }
        // Without a reader the answer is the same.
        let _ = errors.write_all(&message);
        if let Some(record) = &mut record {
            record.keep(root, code);
        }
        if let Some(background) = background {
            background.start(document, record.as_ref());
        }
        code
    }
}

/// Returns how hookmux is linked; `None` where this link does nothing, since hookmux is the main hook as well, or since the
/// directory is one of hookmux's own, whose scripts must not run themselves.
fn linked(call: &Invocation, root: &Path) -> Option<Linked> {
    let Some(name) = &call.beside else { return Some(Linked::AsHook) };
    let [libvirts, ours @ ..] = paths::directories(root, &call.base, &call.driver);
    if ours.iter().any(|directory| directory.path == libvirts.path) {
        return None;
    }
    Linked::beside(Path::new(HOST), call.base.join(&call.driver), name.clone())
}

/// Returns the answer to a call, or what keeps hookmux itself from carrying it out.
fn carry_out<'a>(
    call: &'a Invocation,
    linked: Linked,
    root: &'a Path,
    parent: Pid,
    record: &mut Option<Draft>,
) -> Result<Answer<'a>, String> {
    log::to_system();
    signals::answer_crashes_with(verdict::own_fault_code(call.row.failure));
    let settings = match settings::read(root) {
        Ok(settings) => settings,
        Err(fault) if call.row.failure == Failure::Aborts => return Err(messages::broken_settings(call, &fault)),
        Err(fault) => {
            log::about(Message::DefaultSettings, call, format_args!("using the default settings: {fault}"));
            Settings::default()
        }
    };
    if settings.exit_with_parent {
        signals::end_with(parent);
    }
    let hook = Hook::new(call, root, settings);
    let _lock = hook.lock();
    let input = OnceCell::new();
    let moment = hook.keeping();
    let before = match moment {
        Some(Moment::Prepare) => started::forget(root, call),
        Some(Moment::Started) => started::keep(root, call, input.get_or_init(|| standard_input(call))),
        _ => Ok(()),
    };
    let answer = made(hook, linked, input, record);
    let after = if moment == Some(Moment::Release) { started::forget(root, call) } else { Ok(()) };
    for error in [before, after].into_iter().filter_map(Result::err) {
        let what = format!("hookmux: {}: cannot keep the document of started: {error}", messages::call(call));
        log::own_fault(call, &what);
    }
    answer
}

/// Plans a call and runs the plan.
fn made<'a>(
    hook: Hook<'a>,
    linked: Linked,
    input: OnceCell<io::Result<Spool>>,
    record: &mut Option<Draft>,
) -> Result<Answer<'a>, String> {
    let call = hook.call;
    let read = || {
        let document = input.get_or_init(|| standard_input(call)).as_ref();
        document.map_err(ToString::to_string)?.bytes().map_err(|error| error.to_string())
    };
    let facts = Facts::new(&read);
    let plan = hook.plan(linked, &facts);
    if let Some(fault) = facts.fault() {
        let what = format!("a rule looks at the document, which cannot be read: {fault}");
        if call.row.failure == Failure::Aborts {
            return Err(what);
        }
        log::own_fault(call, &format!("hookmux: {}: {what}; no such rule applies", messages::call(call)));
    }
    log::skipped(call, &plan);
    if plan.steps.is_empty() && plan.background.is_empty() {
        return Ok(Answer::default());
    }
    let not_run = |error: io::Error| format!("before any script could run: {error}");
    let document = input.into_inner().unwrap_or_else(|| standard_input(call)).map_err(not_run)?;
    let report = hook.run(&plan, &document, &mut log::event).map_err(not_run)?;
    if let Some(record) = record {
        record.steps(&plan.steps, &report.run, &report.undone);
        record.guest(port_owner(call, &document));
    }
    Ok(answered(hook, plan, document, report))
}

/// Returns the answer to a call by what became of its plan: a document only without a failure, a message only with one.
fn answered(hook: Hook, plan: Plan, document: Spool, report: HookReport) -> Answer {
    let HookReport { run, verdict, undone } = report;
    let has_failed = verdict.code != 0;
    let cause = verdict.cause.and_then(|at| Some((plan.steps.get(at)?, run.steps.get(at)?)));
    let mut message = Vec::new();
    if let Some((step, report)) = cause.filter(|_| has_failed) {
        print(hook.call, &step.path, report, &mut message);
    } else if let Some(signal) = run.stopped_by.filter(|_| has_failed) {
        message = format!("hookmux: {} failed: stopped by {signal}\n", messages::call(hook.call)).into_bytes();
    }
    if let Some(undoing) = hook.call.undoing() {
        // Something is left set up: that matters as much as the cause.
        let failed = undone.iter().filter(|(_, report)| report.outcome.kind() != OutcomeKind::Success);
        failed.for_each(|(step, report)| print(&undoing, &step.path, report, &mut message));
    }
    let starts = hook.starts_background(verdict) && !plan.background.is_empty();
    let background = starts.then(|| {
        let started = hook.started(started::link);
        Background { hook, steps: plan.background, document, started }
    });
    Answer { code: verdict.code, document: run.document.filter(|_| !has_failed), message, background, record: None }
}

/// Reads the document of a call, if it has one.
fn standard_input(call: &Invocation) -> io::Result<Spool> {
    if call.row.input == Input::Nothing { Ok(Spool::nothing()) } else { Spool::splice(rustix::stdio::stdin()) }
}

/// Returns the guest whose port is created or deleted: only the document names it.
fn port_owner(call: &Invocation, document: &Spool) -> Option<String> {
    let is_network = call.row.input == Input::HookData;
    is_network.then(|| guard::port_owner(&document.bytes().ok()?)).flatten()
}

/// Returns the answer to a hook that is called by hand without its arguments.
fn without_operation(call: &Invocation) -> Answer<'static> {
    let driver = printable::printable(&call.driver);
    let usage = format!(
        "hookmux: {driver} was called without an operation; libvirt calls it with four words, OBJECT OPERATION \
         SUB-OPERATION EXTRA. To try it by hand: hookmux run {driver} OBJECT OPERATION\n"
    );
    Answer { code: USAGE, message: usage.into_bytes(), ..Answer::default() }
}

/// Adds one failure to the message: a line of hookmux, then what the script wrote.
fn print(call: &Invocation, script: &Path, report: &StepReport, message: &mut Vec<u8>) {
    let line = messages::failure(call, script, &report.outcome) + "\n";
    let shown = Some(report.output.as_slice()).filter(|_| call.row.output == Output::Shown).unwrap_or_default();
    for text in [line.as_bytes(), shown, &report.errors] {
        // A script may leave its last line unfinished.
        if !text.is_empty() && message.last().is_some_and(|last| *last != b'\n') {
            message.push(b'\n');
        }
        message.extend_from_slice(text);
    }
}

/// Returns the answer to a call that hookmux itself could not carry out.
fn own_fault(call: &Invocation, what: &str, record: Option<&mut Draft>) -> Answer<'static> {
    let line = format!("hookmux: {} failed: {what}", messages::call(call));
    log::own_fault(call, &line);
    if let Some(record) = record {
        record.fault(what);
    }
    let code = verdict::own_fault_code(call.row.failure);
    let message = if code == 0 { Vec::new() } else { format!("{line}\n").into_bytes() };
    Answer { code, message, ..Answer::default() }
}
