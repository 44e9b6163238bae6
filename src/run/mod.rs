//! Runs a plan. In: the steps, the call, the document. Out: a report of each step, and the document as the last filter
//! left it. Does.

pub(crate) mod child;
pub mod detach;
mod exec_error;
pub(crate) mod launch;
pub(crate) mod scope;
pub(crate) mod shebang;
pub(crate) mod signals;
pub(crate) mod spawn;
pub(crate) mod spool;
mod stream;
mod sys;
pub(crate) mod watch;

use std::io;
use std::iter::Enumerate;
use std::os::unix::ffi::OsStrExt;
use std::slice;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::call::contract::{Failure, Order, Output, Row};
use crate::call::invocation::Invocation;
use crate::files::resolve;
use crate::guard::rejection::MARK;
use crate::guard::{self, MAX_GROWTH};
use crate::plan::Step;
use crate::run::child::{Child, Start, StepReport};
use crate::run::launch::Strings;
use crate::run::spool::Spool;
use crate::run::watch::Watch;
use crate::settings::Settings;
use crate::verdict;
use crate::verdict::outcome::{Outcome, OutcomeKind};

/// The number of bytes that are kept of a text where XML was expected.
const MAX_WORDS: usize = 80;

/// Something that happens while a plan runs.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    Starting(&'a Step),
    /// The step has been running for so long, and libvirt is waiting.
    StillRunning(&'a Step, Pid, Duration),
    /// The step has ended, or could not be started.
    Ended(&'a Step, &'a StepReport),
}

/// Gets what happens, and in which call.
pub(crate) type OnEvent<'a> = &'a mut dyn FnMut(&Invocation, &Event);

/// The result of running a plan.
#[derive(Debug)]
pub(crate) struct RunReport {
    /// One report for each step, in their order.
    pub(crate) steps: Vec<StepReport>,
    /// The document as the filters have changed it; `None` if it is unchanged.
    pub(crate) document: Option<Spool>,
    pub(crate) stopped_by: Option<Signal>,
}

/// The occasion on which the steps run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Answer,
    /// To undo what the steps of a failed call have done: every step runs, whatever becomes of the others and whichever
    /// signal arrives, since something is locked until then.
    Undo,
    /// In the background, once the answer is known: all at once, in sessions of their own.
    Background,
}

/// The parameters that all steps of a run share.
#[derive(Debug)]
pub(crate) struct Runner<'a> {
    pub(crate) call: &'a Invocation,
    pub(crate) environment: Strings,
    pub(crate) settings: &'a Settings,
    pub(crate) purpose: Purpose,
    pub(crate) watch: Watch,
}

impl Runner<'_> {
    /// Runs the steps until one fails where that matters.
    pub(crate) fn run(&mut self, steps: &[Step], document: &Spool, on_event: OnEvent) -> RunReport {
        let call = self.call;
        let (width, failure) = match self.purpose {
            Purpose::Answer => (width(&call.row, self.settings.parallel), call.row.failure),
            Purpose::Undo => (1, Failure::Ignored),
            Purpose::Background => (steps.len(), Failure::Ignored),
        };
        let mut progress = Progress::new(steps, document, self.purpose, failure);
        let mut running = Vec::new();
        loop {
            let is_stopped = self.watch.stopped_by.is_some() && self.purpose != Purpose::Undo;
            let may_start = running.len() < width && !is_stopped;
            let (at, step, report) = if may_start && let Some((at, step)) = progress.waiting.next() {
                on_event(call, &Event::Starting(step));
                match self.start(step, progress.document()) {
                    Ok(child) => {
                        running.push(((at, step), child));
                        continue;
                    }
                    Err(outcome) => (at, step, StepReport { outcome, ..StepReport::default() }),
                }
            } else {
                let still_running = &mut |(_, step): &(usize, &Step), child: &Child| {
                    on_event(call, &Event::StillRunning(step, child.pid, child.started.elapsed()));
                };
                let Some(((at, step), mut report)) = self.watch.next(&mut running, still_running) else { break };
                self.check(step, progress.document(), &mut report);
                (at, step, report)
            };
            on_event(call, &Event::Ended(step, &report));
            progress.finish(at, step, report);
        }
        progress.into_report(self.watch.stopped_by)
    }

    fn start(&self, step: &Step, input: &Spool) -> Result<Child, Outcome> {
        if let Some(distrust) = &step.distrust {
            return Err(Outcome::Untrusted(distrust.clone()));
        }
        let is_filter = self.call.row.output == Output::Filter && self.purpose == Purpose::Answer;
        let start = Start {
            path: &step.path,
            args: &self.call.args,
            environment: &self.environment,
            input,
            document: is_filter.then(|| input.length.saturating_add(MAX_GROWTH)),
            limit: step.effective.timeout.value,
            kill_after: self.settings.kill_after,
            session: self.purpose == Purpose::Background,
        };
        Child::start(&start).map_err(|errno| Outcome::NotStarted(errno, exec_error::explain(&step.path, errno)))
    }

    /// Corrects the outcome of a script that has ended: an interpreter's complaint about a broken first line is not the
    /// script's verdict, and a document that is unfit for libvirt is a fault. Keeps a filter's document only if it is a
    /// new one.
    fn check(&self, step: &Step, read: &Spool, report: &mut StepReport) {
        if report.outcome.kind() == OutcomeKind::Verdict
            && let Some(why) = exec_error::first_line(&step.path)
        {
            report.outcome = Outcome::NotStarted(Errno::ENOEXEC, why);
        }
        let Some(written) = report.document.take() else { return };
        let guest = guard::Guest { driver: &self.call.driver.to_string_lossy(), object: self.call.object.as_bytes() };
        let lost = |error: io::Error| Outcome::Lost(resolve::errno(&error));
        let changes = (|| {
            let text = written.bytes().map_err(lost)?;
            if is_blank(&text) {
                return Ok(None);
            }
            let read = read.bytes().map_err(lost)?;
            if text == read {
                return Ok(None);
            }
            let checked = guard::check(&read, &text, guest, &step.effective.policy());
            if checked.is_err() {
                report.output = first_words(&text);
            }
            checked.map(Some).map_err(Outcome::Unfit)
        })();
        match changes {
            Ok(None) => {}
            Ok(Some(changes)) => {
                report.changes = changes;
                report.document = Some(written);
            }
            Err(outcome) => report.outcome = outcome,
        }
    }
}

/// Reports whether a document contains only white space, which libvirt treats as empty (`virStringIsEmpty`).
fn is_blank(document: &[u8]) -> bool {
    document.trim_ascii().is_empty()
}

/// Returns the beginning of what precedes the XML in a filter's output: probably a message, which belongs on standard error.
fn first_words(text: &[u8]) -> Vec<u8> {
    let text = text.strip_prefix(MARK).unwrap_or(text).trim_ascii_start();
    let words = text.split(|byte| matches!(byte, b'\n' | b'<')).next().unwrap_or_default();
    words.get(..MAX_WORDS).unwrap_or(words).to_owned()
}

/// The progress of a run. Pure.
struct Progress<'a> {
    purpose: Purpose,
    failure: Failure,
    original: &'a Spool,
    /// The document of the last filter that changed it.
    filtered: Option<Spool>,
    /// The steps that are still to be started; none after a failure that keeps them from it.
    waiting: Enumerate<slice::Iter<'a, Step>>,
    /// One for each step.
    reports: Vec<StepReport>,
    /// The first step, in their order, whose failure counts.
    cause: Option<usize>,
}

impl<'a> Progress<'a> {
    fn new(steps: &'a [Step], original: &'a Spool, purpose: Purpose, failure: Failure) -> Self {
        let reports = steps.iter().map(|_| StepReport::default()).collect();
        Self { purpose, failure, original, filtered: None, waiting: steps.iter().enumerate(), reports, cause: None }
    }

    /// Returns the document that the next step reads.
    fn document(&self) -> &Spool {
        self.filtered.as_ref().unwrap_or(self.original)
    }

    fn finish(&mut self, at: usize, step: &Step, mut report: StepReport) {
        let effect = verdict::effect(self.failure, &step.effective, &report.outcome);
        if !effect.continues {
            self.waiting = Enumerate::default();
        }
        // The caller gets the text of the first failure only, since that of many steps would be long, and of each step that
        // could not undo what it did.
        let is_later = self.purpose != Purpose::Undo && self.cause.is_some_and(|first| first < at);
        if effect.code.is_none() || is_later {
            report.drop_text();
        } else if let Some(later) = self.cause.replace(at).filter(|cause| *cause > at)
            && let Some(later) = self.reports.get_mut(later)
        {
            later.drop_text();
        }
        if let Some(document) = report.document.take() {
            self.filtered = Some(document);
        }
        if let Some(place) = self.reports.get_mut(at) {
            *place = report;
        }
    }

    fn into_report(self, stopped_by: Option<Signal>) -> RunReport {
        let document = self.filtered.filter(|filtered| !filtered.is_same(self.original).unwrap_or(false));
        RunReport { steps: self.reports, document, stopped_by }
    }
}

/// Returns how many steps run at a time. Where a failure counts, a later script must not have started; in a filter chain
/// each script reads what the previous one wrote; and what runs in reverse runs one by one.
fn width(row: &Row, parallel: usize) -> usize {
    let is_independent = row.failure == Failure::Ignored && row.output == Output::Dropped;
    if is_independent && row.order == Order::Forward { parallel.max(1) } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_alone_is_blank() {
        let late = [vec![b' '; spool::CHUNK], b"<domain/>".to_vec()].concat();
        let blank = [&b""[..], b" \t\r\n", b"\n<domain/>", &late].map(is_blank);
        assert_eq!(blank, [true, true, false, false]);
    }
}
