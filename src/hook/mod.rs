//! One call, from its words to its answer. In: the invocation, the root. Out: exit code, document, words. Does, by way
//! of the others.

pub mod background;

use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::unistd::Pid;

use crate::call::caller::{self, Daemon};
use crate::call::contract::{Failure, Input, Output};
use crate::call::drivers::{self, ArgLayout};
use crate::call::invocation::Invocation;
use crate::files::lock::{self, Lock};
use crate::files::paths::{self, Directory};
use crate::guard;
use crate::hook::background::Background;
use crate::log;
use crate::plan::calls::Calls;
use crate::plan::rules::{self, Run};
use crate::plan::{self, Plan, Step};
use crate::printable;
use crate::record::{self, draft::Draft};
use crate::run::child::Ended;
use crate::run::process::{self, Strings};
use crate::run::spool::Spool;
use crate::run::watch::{self, Watch};
use crate::run::{Event, RunReport, Runner};
use crate::settings::{self, Settings};
use crate::verdict::messages;
use crate::verdict::outcome::Kind;
use crate::verdict::{self, Verdict};

/// What the caller gets.
#[derive(Debug, Default)]
pub struct Answer {
    /// The exit code.
    pub code: u8,
    /// For standard output: the new XML, where it is not the old.
    pub document: Option<Spool>,
    /// For standard error.
    pub words: Vec<u8>,
    /// What is started once the caller has its answer, if that is a yes.
    pub background: Option<Background>,
    /// What is kept of the call, once it has its answer; nothing where nobody keeps records.
    pub record: Option<Draft>,
}

/// What a usage error exits with, as on the command line.
const USAGE: u8 = 2;

/// Answers a call as libvirt makes it, with the document on standard input.
#[must_use]
pub fn answer(call: &Invocation, root: &Path) -> Answer {
    let parent = nix::unistd::getppid();
    if !call.has_operation() {
        return without_operation(call);
    }
    let mut record = record::file::is_kept(root).then(|| Draft::new(call));
    let answer = carry_out(call, root, parent, &mut record);
    Answer { record, ..answer }
}

fn carry_out(call: &Invocation, root: &Path, parent: Pid, record: &mut Option<Draft>) -> Answer {
    log::to_system();
    process::answer_crashes_with(verdict::of_our_own_fault(call.row.failure));
    let settings = match settings::read(root) {
        Ok(settings) => settings,
        Err(fault) if call.row.failure == Failure::Aborts => return own_fault(call, &fault.to_string(), record),
        Err(fault) => {
            log::default_settings(call, &fault);
            Settings::default()
        }
    };
    if settings.exit_with_parent {
        process::end_with(parent);
    }
    let hook = Hook::new(call, root, settings);
    let _turn = hook.turn();
    let plan = hook.plan();
    log::skipped(call, &plan);
    if plan.steps.is_empty() && plan.background.is_empty() {
        return Answer::default();
    }
    let on_event = &mut |call: &Invocation, event: Event| log::event(call, &event);
    let done = standard_input(call).and_then(|document| {
        let (walked, verdict) = hook.perform(&plan, &document, on_event)?;
        if let Some(record) = record {
            record.walked(&plan.steps, &walked);
            record.guest(port_owner(call, &document));
        }
        Ok((document, walked, verdict))
    });
    match done {
        Ok((document, walked, verdict)) => hook.spoken(plan, document, walked, verdict, record.as_ref()),
        Err(error) => own_fault(call, &format!("before any script could run: {error}"), record),
    }
}

/// A call, and where it takes place.
#[derive(Debug)]
pub struct Hook<'a> {
    call: &'a Invocation,
    root: &'a Path,
    settings: Settings,
    directories: [Directory; 4],
    caller: OnceCell<Option<Daemon>>,
    by_hand: Option<ByHand>,
}

/// What is told, and not found out, about a call that no daemon makes.
#[derive(Debug)]
pub struct ByHand {
    /// The environment that scripts find, before what we add.
    pub environment: Vec<(OsString, OsString)>,
    /// The daemon in whose place it is made.
    pub daemon: Option<OsString>,
    /// How often a step that still runs is told of.
    pub notice: Duration,
}

impl<'a> Hook<'a> {
    /// A call with everything but libvirt's own directory below `root`.
    #[must_use]
    pub fn new(call: &'a Invocation, root: &'a Path, settings: Settings) -> Self {
        let directories = paths::directories(root, &call.base, &call.driver);
        Self { call, root, settings, directories, caller: OnceCell::new(), by_hand: None }
    }

    /// The same call, by hand.
    #[must_use]
    pub fn by_hand(self, by_hand: ByHand) -> Self {
        Self { by_hand: Some(by_hand), ..self }
    }

    /// The libvirt daemon that makes this call. Looked for once, and not before somebody wants to know.
    fn caller(&self) -> Option<&Daemon> {
        self.caller.get_or_init(caller::daemon).as_ref()
    }

    /// Has whoever moves scripts between directories wait until this call is over.
    fn turn(&self) -> Option<Lock> {
        // The guest agent runs nothing itself; and while file systems are frozen, no file is made.
        if drivers::driver(&self.call.driver).args == ArgLayout::GuestAgent {
            return None;
        }
        let [libvirts, ..] = &self.directories;
        lock::shared(&libvirts.path, &lock::file(self.root, &self.call.driver))
    }

    /// Reads the directories and decides what runs.
    fn plan(&self) -> Plan {
        let runs_its_own = || self.caller().is_some_and(Daemon::runs_its_own);
        plan::read(Calls::One(self.call), &self.directories, &self.settings, runs_its_own)
    }

    /// Runs a plan and judges it; if it failed, and nobody else takes back what was done, that is done, too. `on_event`
    /// is told what happens, and in which of the two calls.
    ///
    /// # Errors
    /// What keeps hookmux itself from running anything: no descriptor left, no memory.
    pub fn perform(
        &self,
        plan: &Plan,
        document: &Spool,
        on_event: &mut dyn FnMut(&Invocation, Event),
    ) -> io::Result<(RunReport, Verdict)> {
        process::inherit_nothing();
        let mut runner = Runner {
            call: self.call,
            environment: self.environment(),
            parallel: self.settings.parallel,
            kill_after: self.settings.kill_after,
            detached: false,
            watch: Watch::new()?
                .noticing_every(self.by_hand.as_ref().map_or(watch::REPORT_INTERVAL, |by_hand| by_hand.notice)),
        };
        let mut walked = runner.walk(&plan.steps, document, &mut |event| on_event(self.call, event));
        let outcomes = plan.steps.iter().zip(&walked.ended).map(|(step, ended)| (&step.effective, &ended.outcome));
        let verdict = verdict::of(self.call.row.failure, outcomes, walked.stopped_by);
        if let Some(undoing) = self.call.undoing().filter(|_| verdict.code != 0) {
            let mut runner = Runner { call: &undoing, ..runner };
            let steps = self.undoing_steps(&undoing, plan, &walked);
            walked.undone = runner.undo(steps, &mut |event| on_event(&undoing, event));
        }
        Ok((walked, verdict))
    }

    /// What takes back what was started, the last one first.
    fn undoing_steps(&self, undoing: &Invocation, plan: &Plan, walked: &RunReport) -> Vec<Step> {
        let started = plan.steps.iter().zip(&walked.ended).filter(|(_, ended)| ended.outcome.was_started());
        let step = |(step, _): (&Step, &Ended)| {
            let effective = rules::effective(&self.settings.rules, Calls::One(undoing), &step.path);
            Step { effective, ..step.clone() }
        };
        started.rev().map(step).filter(|step| step.effective.run.value == Run::Yes).collect()
    }

    /// Our environment, which is libvirt's, and what we add.
    fn environment(&self) -> Strings {
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
        let inherited = match &self.by_hand {
            Some(by_hand) => by_hand.environment.clone(),
            None => std::env::vars_os().collect(),
        };
        let inherited = inherited.iter().filter(|(name, _)| added.iter().all(|(added, _)| name != added));
        let inherited = inherited.map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        let ours = added.iter().map(|(name, value)| (OsStr::new(name), value.as_os_str()));
        Strings::variables(inherited.chain(ours))
    }

    /// The answer to a call whose scripts had their turns: no XML at all with a failure, and no words without one.
    fn spoken(
        &self,
        plan: Plan,
        document: Spool,
        walked: RunReport,
        verdict: Verdict,
        record: Option<&Draft>,
    ) -> Answer {
        if verdict.code == 0 {
            let background = (!plan.background.is_empty()).then(|| self.background(plan, document, record));
            return Answer { document: walked.document, background, ..Answer::default() };
        }
        let mut said = Vec::new();
        if let Some((step, ended)) = verdict.cause.and_then(|at| Some((plan.steps.get(at)?, walked.ended.get(at)?))) {
            tell(self.call, &step.path, ended, &mut said);
        } else if let Some(signal) = walked.stopped_by {
            let line = format!("hookmux: {} failed: stopped by {signal}\n", messages::call(self.call));
            said.extend_from_slice(line.as_bytes());
        }
        if let Some(undoing) = self.call.undoing() {
            // Something is left locked: that is worth as much as why.
            let failed = walked.undone.iter().filter(|(_, ended)| ended.outcome.kind() != Kind::Success);
            failed.for_each(|(script, ended)| tell(&undoing, script, ended, &mut said));
        }
        // Where nobody listens the operation goes ahead, and so does what comes after it.
        let goes_ahead = self.call.row.failure == Failure::Ignored && !plan.background.is_empty();
        let background = goes_ahead.then(|| self.background(plan, document, record));
        Answer { code: verdict.code, words: said, background, ..Answer::default() }
    }

    fn background(&self, plan: Plan, document: Spool, record: Option<&Draft>) -> Background {
        let (call, kill_after) = (self.call.clone(), self.settings.kill_after);
        let (root, record) = (self.root.to_owned(), record.cloned());
        Background { call, steps: plan.background, environment: self.environment(), document, kill_after, root, record }
    }
}

/// Reads the document of a call, if it has one.
fn standard_input(call: &Invocation) -> io::Result<Spool> {
    match call.row.input {
        Input::Nothing => Ok(Spool::nothing()),
        Input::Domain | Input::HookData | Input::Unknown => Spool::splice(rustix::stdio::stdin()),
    }
}

/// The guest whose port is plugged into a network, or out of it: its name is in the document alone.
fn port_owner(call: &Invocation, document: &Spool) -> Option<String> {
    if call.row.input != Input::HookData {
        return None;
    }
    guard::port_owner(&document.bytes().ok()?)
}

/// The answer to somebody who tries a hook by hand.
fn without_operation(call: &Invocation) -> Answer {
    let driver = printable::printable(&call.driver);
    let usage = format!(
        "hookmux: {driver} was called without an operation; libvirt calls it with four words, OBJECT OPERATION \
         SUB-OPERATION EXTRA. To try it by hand: hookmux run {driver} OBJECT OPERATION\n"
    );
    Answer { code: USAGE, words: usage.into_bytes(), ..Answer::default() }
}

/// One failure: a line of ours, then what the script wrote.
fn tell(call: &Invocation, script: &Path, ended: &Ended, said: &mut Vec<u8>) {
    let line = messages::failure(call, script, &ended.outcome) + "\n";
    let shown = Some(&ended.output).filter(|_| call.row.output == Output::Shown);
    for words in [Some(&line.into_bytes()), shown, Some(&ended.errors)].into_iter().flatten() {
        // A script need not end its last line, but it ends here.
        if !words.is_empty() && said.last().is_some_and(|last| *last != b'\n') {
            said.push(b'\n');
        }
        said.extend_from_slice(words);
    }
}

/// The answer to a call that hookmux itself could not carry out.
fn own_fault(call: &Invocation, what: &str, record: &mut Option<Draft>) -> Answer {
    let line = format!("hookmux: {} failed: {what}", messages::call(call));
    log::own_fault(call, &line);
    if let Some(record) = record {
        record.fault(what);
    }
    let code = verdict::of_our_own_fault(call.row.failure);
    let words = if code == 0 { Vec::new() } else { format!("{line}\n").into_bytes() };
    Answer { code, words, ..Answer::default() }
}
