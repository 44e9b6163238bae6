//! Runs a plan. In: the steps, the call, the document. Out: what became of each step, and the document as the last
//! filter left it. Does.

pub mod child;
pub mod exec_error;
pub mod process;
pub mod spool;
pub mod stream;
pub mod watch;

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::call::contract::{Failure, Order, Output, Row};
use crate::call::invocation::Invocation;
use crate::files::resolve;
use crate::guard::{self, MAX_GROWTH};
use crate::plan::Step;
use crate::run::child::{Child, Ended, Start};
use crate::run::process::Strings;
use crate::run::spool::Spool;
use crate::run::watch::Watch;
use crate::verdict;
use crate::verdict::outcome::{Kind, Outcome};

/// Something that happens while a plan runs, for those who look on.
#[derive(Debug)]
pub enum Event<'a> {
    /// The step is about to start.
    Starting(&'a Step),
    /// The step has been running that long, and libvirt is waiting.
    StillRunning(&'a Step, Pid, Duration),
    /// The step has come to its end, or could not begin.
    Ended(&'a Step, &'a Ended),
}

/// What became of a plan.
#[derive(Debug)]
pub struct RunReport {
    /// One for each step, in their order.
    pub ended: Vec<Ended>,
    /// What the filters made of the document; `None` if it is what it was.
    pub document: Option<Spool>,
    /// The signal that told us to stop.
    pub stopped_by: Option<Signal>,
    /// What became of each script that was told to take back what it did, in that order.
    pub undone: Vec<(PathBuf, Ended)>,
}

/// All that steps of one call have in common.
#[derive(Debug)]
pub struct Runner<'a> {
    /// The call.
    pub call: &'a Invocation,
    /// What scripts find in their environment.
    pub environment: Strings,
    /// How many steps may run at a time, where that changes no answer.
    pub parallel: usize,
    /// Time between asking a script to end and ending it.
    pub kill_after: Duration,
    /// Whether scripts get a session of their own, to outlive whoever has called us.
    pub detached: bool,
    /// What waits for them.
    pub watch: Watch,
}

impl Runner<'_> {
    /// Runs the steps, until one fails where that matters; one after the other, unless nobody listens anyway.
    pub fn walk(&mut self, steps: &[Step], document: &Spool, on_event: &mut dyn FnMut(Event)) -> RunReport {
        let row = self.call.row;
        let width = if self.detached { steps.len() } else { overlap(&row, self.parallel) };
        // The answer is known by then, and nobody listens to what comes after it.
        let failure = if self.detached { Failure::Ignored } else { row.failure };
        let mut ended: Vec<Option<Ended>> = steps.iter().map(|_| None).collect();
        let mut filtered: Option<Spool> = None;
        let mut running = Vec::new();
        let mut waiting = steps.iter().enumerate();
        let mut goes_on = true;
        let mut cause: Option<usize> = None;
        loop {
            while running.len() < width && goes_on && self.watch.stopped_by().is_none() {
                let Some((at, step)) = waiting.next() else { break };
                on_event(Event::Starting(step));
                let input = filtered.as_ref().unwrap_or(document);
                match self.start(step, input) {
                    Ok(child) => running.push((at, child)),
                    Err(outcome) => {
                        let end = Ended::never_started(outcome);
                        on_event(Event::Ended(step, &end));
                        goes_on &= verdict::weigh(failure, &step.effective, &end.outcome).goes_on;
                        ended.get_mut(at).map(|place| place.insert(end));
                    }
                }
            }
            let Some((at, mut end)) = self.next(steps, &mut running, on_event) else { break };
            let Some(step) = steps.get(at) else { break };
            if let Some(written) = end.document.take() {
                self.judge(step, filtered.as_ref().unwrap_or(document), written, &mut end);
            }
            on_event(Event::Ended(step, &end));
            let weight = verdict::weigh(failure, &step.effective, &end.outcome);
            goes_on &= weight.goes_on;
            // Only the words of the first failure are said: with many steps, the others' would be many.
            if weight.code.is_none() || cause.is_some_and(|first| first < at) {
                end.forget_words();
            } else if let Some(later) = cause.replace(at) {
                ended.get_mut(later).and_then(Option::as_mut).into_iter().for_each(Ended::forget_words);
            }
            filtered = end.document.take().or(filtered);
            ended.get_mut(at).map(|place| place.insert(end));
        }
        let filtered = filtered.filter(|filtered| !filtered.is_same(document).unwrap_or(false));
        let ended = ended.into_iter().map(|end| end.unwrap_or_else(|| Ended::never_started(Outcome::NotRun))).collect();
        RunReport { ended, document: filtered, stopped_by: self.watch.stopped_by(), undone: Vec::new() }
    }

    /// Runs every step, whatever becomes of the others and whoever tells us to stop: something is locked until then.
    pub fn undo(&mut self, steps: Vec<Step>, on_event: &mut dyn FnMut(Event)) -> Vec<(PathBuf, Ended)> {
        let turn = |step: Step| {
            on_event(Event::Starting(&step));
            let ended = match self.start(&step, &Spool::nothing()) {
                Ok(child) => {
                    self.next(std::slice::from_ref(&step), &mut vec![(0, child)], on_event).map(|(_, ended)| ended)
                }
                Err(outcome) => Some(Ended::never_started(outcome)),
            };
            let ended = ended.unwrap_or_else(|| Ended::never_started(Outcome::NotRun));
            on_event(Event::Ended(&step, &ended));
            (step.path, ended)
        };
        steps.into_iter().map(turn).collect()
    }

    /// Takes what a filter wrote as the new document, unless it is blank or the old one, or unfit for libvirt.
    fn judge(&self, step: &Step, read: &Spool, written: Spool, end: &mut Ended) {
        let guest = guard::Guest { driver: &self.call.driver.to_string_lossy(), object: self.call.object.as_bytes() };
        let judged = (|| -> io::Result<_> {
            if written.is_blank()? || written.is_same(read)? {
                return Ok(None);
            }
            Ok(Some(guard::check(&read.bytes()?, &written.bytes()?, guest, &step.effective.policy())))
        })();
        match judged {
            Ok(None) => {}
            Ok(Some(Ok(changes))) => {
                end.changes = changes;
                end.document = Some(written);
            }
            Ok(Some(Err(fault))) => end.outcome = Outcome::Unfit(fault),
            Err(error) => end.outcome = Outcome::Lost(resolve::errno(&error)),
        }
    }

    fn start(&self, step: &Step, input: &Spool) -> Result<Child, Outcome> {
        if let Some(distrust) = &step.distrust {
            return Err(Outcome::Untrusted(distrust.clone()));
        }
        let is_filter = self.call.row.output == Output::Filter && !self.detached;
        let start = Start {
            path: &step.path,
            words: &self.call.args,
            environment: &self.environment,
            input,
            document: is_filter.then(|| input.length().saturating_add(MAX_GROWTH)),
            limit: step.effective.timeout.value,
            kill_after: self.kill_after,
            detached: self.detached,
        };
        Child::start(&start).map_err(|errno| Outcome::NotStarted(errno, exec_error::explain(&step.path, errno)))
    }

    /// Waits for the next end.
    fn next(
        &mut self,
        steps: &[Step],
        running: &mut Vec<(usize, Child)>,
        on_event: &mut dyn FnMut(Event),
    ) -> Option<(usize, Ended)> {
        let mut notice = |at: &usize, child: &Child| {
            if let Some(step) = steps.get(*at) {
                on_event(Event::StillRunning(step, child.pid, child.started.elapsed()));
            }
        };
        let (at, mut ended) = self.watch.next(running, &mut notice)?;
        // A script whose first line is broken has not said no: whoever read that line did.
        if matches!(ended.outcome.kind(), Kind::Verdict(_))
            && let Some(words) = steps.get(at).and_then(|step| exec_error::first_line(&step.path))
        {
            ended.outcome = Outcome::NotStarted(Errno::ENOEXEC, words);
        }
        Some((at, ended))
    }
}

/// How many steps run at a time. Where a failure counts, a later script must not have begun; in a chain each reads what
/// the one before wrote; and what is taken down in reverse is taken down one by one.
fn overlap(row: &Row, parallel: usize) -> usize {
    let nobody_listens = row.failure == Failure::Ignored && row.output == Output::Dropped;
    if nobody_listens && row.order == Order::Forward { parallel.max(1) } else { 1 }
}
