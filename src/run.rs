//! Runs a plan. In: the steps, the call, the document. Out: what became of each step, and the document as the last
//! filter left it. Does.

use std::ffi::OsString;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::child::{Child, Ended, Start};
use crate::contract::Output;
use crate::invocation::Invocation;
use crate::obstacle;
use crate::outcome::{Kind, Outcome};
use crate::plan::Step;
use crate::process::Strings;
use crate::spool::Spool;
use crate::verdict;
use crate::watch::{Watch, never_started};

/// By how much a filter may lengthen a document, in bytes: libvirt's protocol carries no longer string than this
/// (`REMOTE_STRING_MAX`), so no document of its own grows by more. It bounds what a filter gone mad makes us keep.
const MAX_GROWTH: u64 = 4 << 20;

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
pub struct Walked {
    /// One for each step, in their order.
    pub ended: Vec<Ended>,
    /// What the filters made of the document; `None` if it is what it was.
    pub document: Option<Spool>,
    /// The signal that told us to stop.
    pub stopped_by: Option<Signal>,
}

/// Runs the steps one after the other, until one fails where that matters.
pub fn walk(
    steps: &[Step],
    call: &Invocation,
    environment: &Strings,
    document: &Spool,
    watch: &mut Watch,
    look_on: &mut dyn FnMut(Event),
) -> Walked {
    let mut filtered: Option<Spool> = None;
    let mut ended: Vec<Ended> = Vec::with_capacity(steps.len());
    let mut goes_on = true;
    for step in steps {
        if !goes_on || watch.stopped_by().is_some() {
            ended.push(never_started(Outcome::NotRun));
            continue;
        }
        look_on(Event::Starting(step));
        let input = filtered.as_ref().unwrap_or(document);
        let mut end = one(step, &call.words, environment, input, call.row.output, watch, look_on);
        look_on(Event::Ended(step, &end));
        goes_on = verdict::goes_on(call.row.failure, &end.outcome);
        if let Some(document) = end.document.take().filter(|document| !document.is_blank().unwrap_or(true)) {
            filtered = Some(document);
        }
        ended.push(end);
    }
    let filtered = filtered.filter(|filtered| !filtered.is_same(document).unwrap_or(false));
    Walked { ended, document: filtered, stopped_by: watch.stopped_by() }
}

/// Runs one step to its end.
fn one(
    step: &Step,
    words: &[OsString],
    environment: &Strings,
    input: &Spool,
    output: Output,
    watch: &mut Watch,
    look_on: &mut dyn FnMut(Event),
) -> Ended {
    if let Some(refusal) = &step.refusal {
        return never_started(Outcome::Refused(refusal.clone()));
    }
    let document = (output == Output::Filter).then(|| input.length().saturating_add(MAX_GROWTH));
    let start = Start { path: &step.path, words, environment, input, document, limit: None };
    let child = match Child::start(&start) {
        Ok(child) => child,
        Err(errno) => return never_started(Outcome::NotStarted(errno, obstacle::explain(&step.path, errno))),
    };
    let mut notice = |(): &(), child: &Child| {
        look_on(Event::StillRunning(step, child.pid, child.started.elapsed()));
    };
    let ended = watch.next(&mut vec![((), child)], &mut notice);
    let Some(((), mut ended)) = ended else { return never_started(Outcome::NotRun) };
    // A script whose first line is broken has not said no: whoever read that line did.
    if matches!(ended.outcome.kind(), Kind::Verdict(_))
        && let Some(words) = obstacle::first_line(&step.path)
    {
        ended.outcome = Outcome::NotStarted(nix::errno::Errno::ENOEXEC, words);
    }
    ended
}

/// Gives the scripts that were started a chance to undo what they did, the last one first; whatever becomes of that,
/// the others get theirs.
pub fn undo(
    steps: &[Step],
    ended: &[Ended],
    operation: &str,
    environment: &Strings,
    watch: &mut Watch,
    look_on: &mut dyn FnMut(Event),
) {
    let words = [OsString::from(operation)];
    let started = steps.iter().zip(ended).filter(|(_, ended)| ended.outcome.was_started());
    for (step, _) in started.rev() {
        look_on(Event::Starting(step));
        let ended = one(step, &words, environment, &Spool::nothing(), Output::Dropped, watch, look_on);
        look_on(Event::Ended(step, &ended));
    }
}
