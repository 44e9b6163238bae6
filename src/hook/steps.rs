//! Runs the steps of one call, and undoes what they did where the caller does not. In: the call, its settings, its plan. Out:
//! what became of the steps, and the verdict. Does.

use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::call::caller::{self, Daemon};
use crate::call::contract::{Failure, Input, Moment};
use crate::call::drivers::{self, ArgLayout};
use crate::call::invocation::Invocation;
use crate::files::lock::{self, Lock};
use crate::files::paths::{self, Directory};
use crate::files::resolve::HOST;
use crate::hook::started;
use crate::plan::calls::Calls;
use crate::plan::facts::Facts;
use crate::plan::rules;
use crate::plan::{self, Linked, Plan, Step};
use crate::run::child::StepReport;
use crate::run::launch::Strings;
use crate::run::spawn;
use crate::run::spool::Spool;
use crate::run::watch::{self, Watch};
use crate::run::{OnEvent, Purpose, RunReport, Runner};
use crate::settings::Settings;
use crate::verdict::Verdict;

/// A call, its settings and its directories.
#[derive(Debug)]
pub(crate) struct Hook<'a> {
    pub(super) call: &'a Invocation,
    pub(super) root: &'a Path,
    settings: Settings,
    directories: [Directory; 4],
    /// The libvirt daemon that makes this call, which is searched for at the first use.
    caller: OnceCell<Option<Daemon>>,
    /// The environment of the scripts without the variables that hookmux adds; `None` for this process's own.
    pub(crate) environment: Option<Vec<(OsString, OsString)>>,
    /// The daemon that would make a call by hand; `None` for `caller`.
    pub(crate) daemon: Option<OsString>,
    /// The interval at which a step that is still running is reported.
    pub(crate) interval: Duration,
}

/// The result of running a call's plan.
#[derive(Debug)]
pub(crate) struct HookReport {
    pub(crate) run: RunReport,
    pub(crate) verdict: Verdict,
    /// The steps that undid what the call had done, in that order.
    pub(crate) undone: Vec<(Step, StepReport)>,
}

impl<'a> Hook<'a> {
    /// Returns the hook of a call; everything but libvirt's own directory is below `root`.
    pub(crate) fn new(call: &'a Invocation, root: &'a Path, settings: Settings) -> Self {
        let directories = paths::directories(root, &call.base, &call.driver);
        let (caller, interval) = (OnceCell::new(), watch::REPORT_INTERVAL);
        Self { call, root, settings, directories, caller, environment: None, daemon: None, interval }
    }

    fn caller(&self) -> Option<&Daemon> {
        self.caller.get_or_init(caller::daemon).as_ref()
    }

    /// Returns the moment in the guest's life, where documents are kept for later ones.
    pub(super) fn keeping(&self) -> Option<Moment> {
        self.call.row.moment.filter(|_| self.settings.keep_document)
    }

    /// Holds a shared lock until the call ends, so that `adopt` cannot move a script meanwhile.
    pub(super) fn lock(&self) -> Option<Lock> {
        // The guest agent runs no scripts itself; and while file systems are frozen, no file can be created.
        let is_agents = drivers::driver(&self.call.driver).args == ArgLayout::GuestAgent;
        // `adopt` moves nothing where hookmux is not the hook.
        if is_agents || self.call.beside.is_some() {
            return None;
        }
        let [libvirts, ..] = &self.directories;
        lock::shared(&libvirts.path, &lock::file(self.root, &self.call.driver))
    }

    /// Reads the directories and decides what runs. libvirt starts what links lead to on this system.
    pub(super) fn plan(&self, linked: Linked, facts: &Facts) -> Plan {
        let (host, calls) = (Path::new(HOST), Calls::One(self.call));
        let runs_its_own = || self.caller().is_some_and(Daemon::runs_its_own);
        plan::read(host, calls, &self.directories, linked, &self.settings, facts, runs_its_own)
    }

    /// Runs a plan and judges it. If it failed, and the caller does not undo what was done, undoes that. `on_event` gets
    /// what happens, and in which of the two calls. After an error no script has run: no descriptor or no memory is left.
    pub(crate) fn run(&self, plan: &Plan, document: &Spool, on_event: OnEvent) -> io::Result<HookReport> {
        let mut runner = self.runner(Purpose::Answer, self.started(started::path).as_deref())?;
        let run = runner.run(&plan.steps, document, on_event);
        let outcomes = plan.steps.iter().zip(&run.steps).map(|(step, report)| (&step.effective, &report.outcome));
        let verdict = Verdict::new(self.call.row.failure, outcomes, run.stopped_by);
        let mut undone = Vec::new();
        if let Some(call) = self.call.undoing().filter(|_| verdict.code != 0) {
            let xml = || document.bytes().map_err(|error| error.to_string());
            let steps = self.undoing_steps(&call, &Facts::new(&xml), plan, &run);
            let mut runner = Runner { call: &call, purpose: Purpose::Undo, ..runner };
            let nothing = Spool::nothing();
            let document = if call.row.input == Input::Nothing { &nothing } else { document };
            let reports = runner.run(&steps, document, on_event).steps;
            undone = steps.into_iter().zip(reports).collect();
        }
        Ok(HookReport { run, verdict, undone })
    }

    /// Runs the background scripts of a plan, and waits for them.
    pub(crate) fn run_background(&self, plan: &Plan, document: &Spool, on_event: OnEvent) -> io::Result<RunReport> {
        let mut runner = self.runner(Purpose::Background, self.started(started::path).as_deref())?;
        Ok(runner.run(&plan.background, document, on_event))
    }

    /// Returns what runs steps, which find the document that the guest's `started` had at the path `started`.
    pub(super) fn runner(&self, purpose: Purpose, started: Option<&Path>) -> io::Result<Runner<'_>> {
        spawn::inherit_nothing();
        let (environment, watch) = (self.environment(started), Watch::new(self.interval)?);
        Ok(Runner { call: self.call, environment, settings: &self.settings, purpose, watch })
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
    pub(super) fn started(&self, path: fn(&Path, &Invocation) -> Option<PathBuf>) -> Option<PathBuf> {
        let is_given = matches!(self.keeping(), Some(Moment::Stopped | Moment::Release));
        is_given.then(|| path(self.root, self.call)).flatten()
    }

    /// Returns the environment of the scripts: hookmux's own, which is libvirt's, and what hookmux adds.
    fn environment(&self, started: Option<&Path>) -> Strings {
        let daemon = self.daemon.as_deref().or_else(|| Some(&self.caller()?.name)).unwrap_or(OsStr::new("-"));
        let mut added = vec![
            ("HOOKMUX_VERSION", OsStr::new(env!("CARGO_PKG_VERSION"))),
            ("HOOKMUX_DRIVER", &self.call.driver),
            ("HOOKMUX_DAEMON", daemon),
        ];
        if self.root != Path::new(HOST) {
            added.push((paths::ROOT_VARIABLE, self.root.as_os_str()));
        }
        added.extend(started.map(|path| ("HOOKMUX_STARTED", path.as_os_str())));
        let inherited = self.environment.clone().unwrap_or_else(|| std::env::vars_os().collect());
        let inherited = inherited.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        let inherited = inherited.filter(|(name, _)| added.iter().all(|(added, _)| name != added));
        let added = added.iter().map(|(name, value)| (OsStr::new(name), *value));
        Strings::variables(inherited.chain(added))
    }
}
