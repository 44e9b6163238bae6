//! Answers one call. In: the invocation, the root. Out: exit code, document and message. Does, through the other rooms.

mod background;
pub(crate) mod guest_process;
mod started;

use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::Pid;

use crate::call::caller::{self, Daemon};
use crate::call::contract::{Failure, Input, Moment, Output};
use crate::call::drivers::{self, ArgLayout};
use crate::call::invocation::Invocation;
use crate::files::lock::{self, Lock};
use crate::files::paths::{self, Directory};
use crate::files::resolve::HOST;
use crate::guard;
use crate::hook::background::Background;
use crate::log::{self, message_id::Message};
use crate::plan::calls::Calls;
use crate::plan::facts::Facts;
use crate::plan::rules;
use crate::plan::{self, Linked, Plan, Step};
use crate::printable;
use crate::record::{self, draft::Draft};
use crate::run::child::StepReport;
use crate::run::detach;
use crate::run::launch::Strings;
use crate::run::signals;
use crate::run::spawn;
use crate::run::spool::Spool;
use crate::run::watch::{self, Watch};
use crate::run::{Event, Purpose, RunReport, Runner};
use crate::settings::{self, Settings};
use crate::verdict::messages;
use crate::verdict::outcome::OutcomeKind;
use crate::verdict::{self, FAULT, Verdict};

/// The answer to a call.
#[derive(Debug, Default)]
struct Answer {
    code: u8,
    /// The new document, for standard output, unless it is unchanged.
    document: Option<Spool>,
    /// For standard error.
    message: Vec<u8>,
    /// Starts once the caller has the answer, if that is a success.
    background: Option<Background>,
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
#[must_use]
fn answer(call: &Invocation, root: &Path) -> Answer {
    let parent = nix::unistd::getppid();
    if !call.has_operation() {
        return without_operation(call);
    }
    let Some(linked) = linked(call, root) else { return Answer::default() };
    let mut record = record::file::is_kept(root).then(|| Draft::new(call));
    let answer = carry_out(call, linked, root, parent, &mut record);
    let answer = if answer.code == 0 { answer } else { unless_late(call, root, answer) };
    Answer { record, ..answer }
}

impl Answer {
    /// Writes the answer, the document first: if that fails, the exit code changes. Then writes the record, and starts the
    /// background scripts. Returns the exit code.
    #[must_use]
    fn deliver(self, root: &Path, output: impl AsFd, mut errors: impl Write) -> u8 {
        let Self { mut code, document, mut message, mut background, record } = self;
        if let Some(Err(error)) = document.as_ref().map(|document| document.write_to(output)) {
            code = FAULT;
            message = format!("hookmux: the filtered XML could not be written: {error}\n").into_bytes();
            background = None;
        }
        // Without a reader the answer is the same.
        let _ = errors.write_all(&message);
        if let Some(record) = record {
            record.keep(root, code);
        }
        if let Some(background) = background {
            background.start(document);
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

/// Returns an empty answer instead of a failure that would keep libvirt from cleaning up after a guest that has ended.
fn unless_late(call: &Invocation, root: &Path, answer: Answer) -> Answer {
    if !call.row.may_come_late {
        return answer;
    }
    let Some(end) = guest_process::end(root, &call.driver, &call.object) else { return answer };
    log::about(Message::Overruled, call, format_args!("the failure is not passed on, since {}", end.reason()));
    Answer::default()
}

fn carry_out(call: &Invocation, linked: Linked, root: &Path, parent: Pid, record: &mut Option<Draft>) -> Answer {
    log::to_system();
    signals::answer_crashes_with(verdict::own_fault_code(call.row.failure));
    let settings = match settings::read(root) {
        Ok(settings) => settings,
        Err(fault) if call.row.failure == Failure::Aborts => {
            return own_fault(call, &messages::broken_settings(call, &fault), record);
        }
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
    let answer = made(&hook, linked, input, record);
    let after = if moment == Some(Moment::Release) { started::forget(root, call) } else { Ok(()) };
    for error in [before, after].into_iter().filter_map(Result::err) {
        let what = format!("hookmux: {}: cannot keep the document of started: {error}", messages::call(call));
        log::own_fault(call, &what);
    }
    answer
}

/// Returns the answer to a call.
fn made(hook: &Hook, linked: Linked, input: OnceCell<io::Result<Spool>>, record: &mut Option<Draft>) -> Answer {
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
            return own_fault(call, &what, record);
        }
        log::own_fault(call, &format!("hookmux: {}: {what}; no such rule applies", messages::call(call)));
    }
    log::skipped(call, &plan);
    if plan.steps.is_empty() && plan.background.is_empty() {
        return Answer::default();
    }
    let on_event = &mut |call: &Invocation, event: Event| log::event(call, &event);
    let document = input.into_inner().unwrap_or_else(|| standard_input(call));
    let done = document.and_then(|document| {
        let result = hook.run(&plan, &document, on_event)?;
        if let Some(record) = record {
            record.steps(&plan.steps, &result.run, &result.undone);
            record.guest(port_owner(call, &document));
        }
        Ok((document, result))
    });
    match done {
        Ok((document, result)) => hook.answer(plan, document, result, record.as_ref()),
        Err(error) => own_fault(call, &format!("before any script could run: {error}"), record),
    }
}

/// A call, its settings and its directories.
#[derive(Debug)]
pub(crate) struct Hook<'a> {
    call: &'a Invocation,
    root: &'a Path,
    settings: Settings,
    directories: [Directory; 4],
    caller: OnceCell<Option<Daemon>>,
    by_hand: Option<ByHand>,
}

/// What `hookmux run` decides about a call that no daemon makes.
#[derive(Debug)]
pub(crate) struct ByHand {
    /// The environment of the scripts, without the variables that hookmux adds.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// The daemon that would make the call.
    pub(crate) daemon: Option<OsString>,
    /// How often a step that is still running is reported.
    pub(crate) interval: Duration,
}

impl<'a> Hook<'a> {
    /// Returns the hook of a call; everything but libvirt's own directory is below `root`.
    pub(crate) fn new(call: &'a Invocation, root: &'a Path, settings: Settings) -> Self {
        let directories = paths::directories(root, &call.base, &call.driver);
        Self { call, root, settings, directories, caller: OnceCell::new(), by_hand: None }
    }

    /// Makes it a call by hand.
    pub(crate) fn by_hand(self, by_hand: ByHand) -> Self {
        Self { by_hand: Some(by_hand), ..self }
    }

    /// Returns the libvirt daemon that makes this call, which is searched for at the first use.
    fn caller(&self) -> Option<&Daemon> {
        self.caller.get_or_init(caller::daemon).as_ref()
    }

    /// Returns the moment in the guest's life, where documents are kept for later ones.
    fn keeping(&self) -> Option<Moment> {
        self.call.row.moment.filter(|_| self.settings.keep_document)
    }

    /// Holds a shared lock until the call ends, so that `adopt` cannot move a script meanwhile.
    fn lock(&self) -> Option<Lock> {
        // The guest agent runs no scripts itself; and while file systems are frozen, no file can be created.
        let is_agents = drivers::driver(&self.call.driver).args == ArgLayout::GuestAgent;
        // `adopt` moves nothing where hookmux is not the hook.
        if is_agents || self.call.beside.is_some() {
            return None;
        }
        let [libvirts, ..] = &self.directories;
        lock::shared(&libvirts.path, &lock::file(self.root, &self.call.driver))
    }

    /// Reads the directories and decides what runs.
    fn plan(&self, linked: Linked, facts: &Facts) -> Plan {
        let runs_its_own = || self.caller().is_some_and(Daemon::runs_its_own);
        // libvirt starts what links lead to on this system.
        plan::read(
            Path::new(HOST),
            Calls::One(self.call),
            &self.directories,
            linked,
            &self.settings,
            facts,
            runs_its_own,
        )
    }

    /// Runs a plan and judges it. If it failed, and the caller does not undo what was done, undoes that. `on_event` gets
    /// what happens, and in which of the two calls.
    ///
    /// # Errors
    /// What keeps hookmux itself from running anything: no descriptor or no memory is left.
    pub(crate) fn run(
        &self,
        plan: &Plan,
        document: &Spool,
        on_event: &mut dyn FnMut(&Invocation, Event),
    ) -> io::Result<HookReport> {
        let mut runner = self.runner(Purpose::Answer)?;
        let run = runner.run(&plan.steps, document, &mut |event| on_event(self.call, event));
        let outcomes = plan.steps.iter().zip(&run.steps).map(|(step, report)| (&step.effective, &report.outcome));
        let verdict = Verdict::new(self.call.row.failure, outcomes, run.stopped_by);
        let mut undone = Vec::new();
        if let Some(call) = self.call.undoing().filter(|_| verdict.code != 0) {
            let xml = || document.bytes().map_err(|error| error.to_string());
            let steps = self.undoing_steps(&call, &Facts::new(&xml), plan, &run);
            let mut runner = Runner { call: &call, purpose: Purpose::Undo, ..runner };
            let nothing = Spool::nothing();
            let document = if call.row.input == Input::Nothing { &nothing } else { document };
            let reports = runner.run(&steps, document, &mut |event| on_event(&call, event)).steps;
            undone = steps.into_iter().zip(reports).collect();
        }
        Ok(HookReport { run, verdict, undone })
    }

    /// Runs the background scripts of a plan, and waits for them.
    ///
    /// # Errors
    /// Those of [`Self::run`].
    pub(crate) fn run_background(
        &self,
        plan: &Plan,
        document: &Spool,
        on_event: &mut dyn FnMut(&Invocation, Event),
    ) -> io::Result<Vec<StepReport>> {
        let on_event = &mut |event: Event| on_event(self.call, event);
        Ok(self.runner(Purpose::Background)?.run(&plan.background, document, on_event).steps)
    }

    fn runner(&self, purpose: Purpose) -> io::Result<Runner<'_>> {
        spawn::inherit_nothing();
        let interval = self.by_hand.as_ref().map_or(watch::REPORT_INTERVAL, |by_hand| by_hand.interval);
        Ok(Runner {
            call: self.call,
            environment: self.environment(self.started(started::path)),
            parallel: self.settings.parallel,
            kill_after: self.settings.kill_after,
            purpose,
            watch: Watch::new()?.reporting_every(interval),
        })
    }

    /// Reports whether the background scripts start: with the operation, which also goes ahead where libvirt ignores a
    /// failure.
    pub(crate) fn starts_background(&self, verdict: Verdict) -> bool {
        verdict.code == 0 || self.call.row.failure == Failure::Ignored
    }

    /// Returns the steps that undo what was started, the last one first. Scripts in a guest's directory are not among them:
    /// they are for one operation, and need not look at their arguments.
    fn undoing_steps(&self, undoing: &Invocation, facts: &Facts, plan: &Plan, run: &RunReport) -> Vec<Step> {
        let is_guests = |path: &Path| self.directories.iter().all(|directory| path.parent() != Some(&directory.path));
        let started = plan.steps.iter().zip(&run.steps);
        let started = started.filter(|(step, report)| report.outcome.was_started() && !is_guests(&step.path));
        let step = |(step, _): (&Step, &StepReport)| {
            let script = paths::inside(self.root, &step.path);
            let effective = rules::effective(&self.settings.rules, Calls::One(undoing), facts, script);
            Step { effective, ..step.clone() }
        };
        started.rev().map(step).filter(|step| !step.effective.excluded.value).collect()
    }

    /// Returns the path of the document that the guest's `started` had, where scripts may read it.
    fn started(&self, path: fn(&Path, &Invocation) -> Option<PathBuf>) -> Option<PathBuf> {
        let is_given = matches!(self.keeping(), Some(Moment::Stopped | Moment::Release));
        is_given.then(|| path(self.root, self.call)).flatten()
    }

    /// Returns the environment of the scripts: hookmux's own, which is libvirt's, and what hookmux adds.
    fn environment(&self, started: Option<PathBuf>) -> Strings {
        let daemon = self.by_hand.as_ref().and_then(|by_hand| by_hand.daemon.clone());
        let daemon = daemon.or_else(|| Some(self.caller()?.name.clone())).unwrap_or_else(|| "-".into());
        let mut added = vec![
            ("HOOKMUX_VERSION", OsString::from(env!("CARGO_PKG_VERSION"))),
            ("HOOKMUX_DRIVER", self.call.driver.clone()),
            ("HOOKMUX_DAEMON", daemon),
        ];
        if self.root != Path::new("/") {
            added.push((paths::ROOT_VARIABLE, self.root.into()));
        }
        added.extend(started.map(|path| ("HOOKMUX_STARTED", path.into_os_string())));
        let inherited = match &self.by_hand {
            Some(by_hand) => by_hand.environment.clone(),
            None => std::env::vars_os().collect(),
        };
        let inherited = inherited.iter().filter(|(name, _)| added.iter().all(|(added, _)| name != added));
        let inherited = inherited.map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        let ours = added.iter().map(|(name, value)| (OsStr::new(name), value.as_os_str()));
        Strings::variables(inherited.chain(ours))
    }

    /// Returns the answer to a call: a document only without a failure, a message only with one.
    fn answer(&self, plan: Plan, document: Spool, result: HookReport, record: Option<&Draft>) -> Answer {
        let HookReport { run, verdict, undone } = result;
        let has_failed = verdict.code != 0;
        let cause = verdict.cause.and_then(|at| Some((plan.steps.get(at)?, run.steps.get(at)?)));
        let mut message = Vec::new();
        if let Some((step, report)) = cause.filter(|_| has_failed) {
            print(self.call, &step.path, report, &mut message);
        } else if let Some(signal) = run.stopped_by.filter(|_| has_failed) {
            message = format!("hookmux: {} failed: stopped by {signal}\n", messages::call(self.call)).into_bytes();
        }
        if let Some(undoing) = self.call.undoing() {
            // Something is left set up: that matters as much as the cause.
            let failed = undone.iter().filter(|(_, report)| report.outcome.kind() != OutcomeKind::Success);
            failed.for_each(|(step, report)| print(&undoing, &step.path, report, &mut message));
        }
        let starts = self.starts_background(verdict) && !plan.background.is_empty();
        let background = starts.then(|| self.background(plan, document, record));
        let document = run.document.filter(|_| !has_failed);
        Answer { code: verdict.code, document, message, background, record: None }
    }

    fn background(&self, plan: Plan, document: Spool, record: Option<&Draft>) -> Background {
        let (call, kill_after) = (self.call.clone(), self.settings.kill_after);
        let (root, record) = (self.root.to_owned(), record.cloned());
        let (steps, started) = (plan.background, self.started(started::link));
        let environment = self.environment(started.clone());
        Background { call, steps, environment, document, started, kill_after, root, record }
    }
}

/// What became of a call's plan.
#[derive(Debug)]
pub(crate) struct HookReport {
    /// What became of the steps.
    pub(crate) run: RunReport,
    /// The answer.
    pub(crate) verdict: Verdict,
    /// The steps that undid what the call had done, in that order.
    pub(crate) undone: Vec<(Step, StepReport)>,
}

/// Reads the document of a call, if it has one.
fn standard_input(call: &Invocation) -> io::Result<Spool> {
    match call.row.input {
        Input::Nothing => Ok(Spool::nothing()),
        Input::Domain | Input::HookData | Input::Unknown => Spool::splice(rustix::stdio::stdin()),
    }
}

/// Returns the guest whose port is created or deleted: only the document names it.
fn port_owner(call: &Invocation, document: &Spool) -> Option<String> {
    if call.row.input != Input::HookData {
        return None;
    }
    guard::port_owner(&document.bytes().ok()?)
}

/// Returns the answer to a hook that is called by hand without its arguments.
fn without_operation(call: &Invocation) -> Answer {
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
    let shown = Some(&report.output).filter(|_| call.row.output == Output::Shown);
    for text in [Some(&line.into_bytes()), shown, Some(&report.errors)].into_iter().flatten() {
        // A script may leave its last line unfinished.
        if !text.is_empty() && message.last().is_some_and(|last| *last != b'\n') {
            message.push(b'\n');
        }
        message.extend_from_slice(text);
    }
}

/// Returns the answer to a call that hookmux itself could not carry out.
fn own_fault(call: &Invocation, what: &str, record: &mut Option<Draft>) -> Answer {
    let line = format!("hookmux: {} failed: {what}", messages::call(call));
    log::own_fault(call, &line);
    if let Some(record) = record {
        record.fault(what);
    }
    let code = verdict::own_fault_code(call.row.failure);
    let message = if code == 0 { Vec::new() } else { format!("{line}\n").into_bytes() };
    Answer { code, message, ..Answer::default() }
}
