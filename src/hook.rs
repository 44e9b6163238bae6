//! One call, from its words to its answer. In: the invocation, the root. Out: exit code, document, words. Does, by way
//! of the others.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use crate::caller::{self, Daemon};
use crate::child::Ended;
use crate::contract::{self, Input, Words};
use crate::gate::Circumstances;
use crate::invocation::Invocation;
use crate::listing::{self, Listing, Scope, Selection};
use crate::paths::{self, Place};
use crate::plan::Plan;
use crate::process::{self, Strings};
use crate::run::{self, Event, Walked};
use crate::spool::Spool;
use crate::verdict::{self, Verdict};
use crate::watch::Watch;
use crate::{report, words};

/// What the caller gets.
#[derive(Debug)]
pub struct Answer {
    /// The exit code.
    pub code: u8,
    /// For standard output: the new XML, where it is not the old.
    pub document: Option<Spool>,
    /// For standard error.
    pub words: Vec<u8>,
}

/// What a usage error exits with, as on the command line.
const USAGE: u8 = 2;

/// Answers a call as libvirt makes it, with the document on standard input.
#[must_use]
pub fn answer(call: &Invocation, root: &Path) -> Answer {
    if !call.has_operation() {
        let driver = words::printable(&call.driver);
        let usage = format!(
            "hookmux: {driver} was called without an operation; libvirt calls it with four words, OBJECT OPERATION \
             SUB-OPERATION EXTRA. To try it by hand: hookmux run {driver} OBJECT OPERATION\n"
        );
        return Answer { code: USAGE, document: None, words: usage.into_bytes() };
    }
    report::to_system();
    process::answer_crashes_with(verdict::of_our_own_fault(call.row.failure));
    let hook = Hook::new(call, root);
    let plan = hook.plan();
    report::skipped(call, &plan);
    if plan.steps.is_empty() {
        return Answer { code: 0, document: None, words: Vec::new() };
    }
    let look_on = &mut |event: Event| report::event(call, &event);
    match standard_input(call).and_then(|document| hook.perform(&plan, &document, look_on)) {
        Ok((walked, verdict)) => spoken(call, &plan, walked, verdict),
        Err(error) => own_fault(call, &error),
    }
}

/// A call, and where it takes place.
#[derive(Debug)]
pub struct Hook<'a> {
    call: &'a Invocation,
    root: &'a Path,
    caller: Option<Daemon>,
}

impl<'a> Hook<'a> {
    /// A call with everything but libvirt's own directory below `root`. Looks for the libvirt daemon that makes it.
    #[must_use]
    pub fn new(call: &'a Invocation, root: &'a Path) -> Self {
        Self { call, root, caller: caller::daemon() }
    }

    /// Reads the directories and decides what runs.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let call = self.call;
        let listing = listing::read(&paths::directories(self.root, &call.base, &call.driver), Selection::Call(call));
        let caller_runs_its_own = lies_in_callers_own(&listing)
            && contract::driver(&call.driver).words == Words::Libvirt
            && self.caller.as_ref().is_some_and(Daemon::runs_its_own);
        Plan::new(listing, call.row.order, Circumstances::ours(caller_runs_its_own))
    }

    /// Runs a plan and judges it.
    ///
    /// # Errors
    /// What keeps hookmux itself from running anything: no descriptor left, no memory.
    pub fn perform(
        &self,
        plan: &Plan,
        document: &Spool,
        look_on: &mut dyn FnMut(Event),
    ) -> io::Result<(Walked, Verdict)> {
        process::inherit_nothing();
        let environment = self.environment();
        let mut watch = Watch::new()?;
        let walked = run::walk(&plan.steps, self.call, &environment, document, &mut watch, look_on);
        let outcomes = walked.ended.iter().map(|ended| &ended.outcome);
        let verdict = verdict::of(self.call.row.failure, outcomes, walked.stopped_by);
        if let (Some(operation), true) = (self.call.row.undone_by, verdict.code != 0) {
            run::undo(&plan.steps, &walked.ended, operation, &environment, &mut watch, look_on);
        }
        Ok((walked, verdict))
    }

    /// Our environment, which is libvirt's, and what we add.
    fn environment(&self) -> Strings {
        let daemon = self.caller.as_ref().map_or_else(|| OsString::from("-"), |daemon| daemon.name.clone());
        let mut added = vec![
            ("HOOKMUX_VERSION", OsString::from(env!("CARGO_PKG_VERSION"))),
            ("HOOKMUX_DRIVER", self.call.driver.clone()),
            ("HOOKMUX_DAEMON", daemon),
        ];
        if self.root != Path::new("/") {
            added.push((paths::ROOT_VARIABLE, self.root.into()));
        }
        let inherited = std::env::vars_os().filter(|(name, _)| added.iter().all(|(added, _)| name != added));
        let ours = added.iter().map(|(name, value)| (OsString::from(name), value.clone()));
        let variable = |(mut name, value): (OsString, OsString)| {
            name.push("=");
            name.push(value);
            name
        };
        inherited.chain(ours).map(variable).collect()
    }
}

/// Whether there is anything that the caller might run itself. Only then is it worth a look at its release.
fn lies_in_callers_own(listing: &Listing) -> bool {
    listing.entries.iter().any(|entry| entry.place == Place::Libvirt && entry.scope == Scope::Every)
}

/// Reads the document of a call, if it has one.
fn standard_input(call: &Invocation) -> io::Result<Spool> {
    match call.row.input {
        Input::Nothing => Ok(Spool::nothing()),
        Input::Domain | Input::HookData | Input::Unknown => Spool::read(io::stdin().lock()),
    }
}

/// The answer to a call whose scripts had their turns.
fn spoken(call: &Invocation, plan: &Plan, walked: Walked, verdict: Verdict) -> Answer {
    let mut said = Vec::new();
    if let Some((step, ended)) = verdict.cause.and_then(|at| Some((plan.steps.get(at)?, walked.ended.get(at)?))) {
        let Ended { outcome, errors, .. } = ended;
        said.extend_from_slice(words::failure(call, &step.path, outcome).as_bytes());
        said.push(b'\n');
        said.extend_from_slice(errors);
    } else if let Some(signal) = walked.stopped_by {
        said.extend_from_slice(format!("hookmux: {} failed: stopped by {signal}\n", words::call(call)).as_bytes());
    }
    // No XML at all with a failure; and nothing to say without one.
    if verdict.code == 0 {
        said.clear();
    }
    Answer { code: verdict.code, document: walked.document.filter(|_| verdict.code == 0), words: said }
}

/// The answer to a call that hookmux itself could not carry out.
fn own_fault(call: &Invocation, error: &io::Error) -> Answer {
    let line = format!("hookmux: {} failed before any script could run: {error}", words::call(call));
    log::error!("{line}");
    let code = verdict::of_our_own_fault(call.row.failure);
    let words = if code == 0 { Vec::new() } else { format!("{line}\n").into_bytes() };
    Answer { code, document: None, words }
}
