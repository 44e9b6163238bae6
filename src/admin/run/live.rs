//! Shows a call as it happens. In: events. Out: lines on standard error; on a terminal, a line that shows how long the step
//! has been running disappears when it has ended. Does.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::admin::run::document::Source;
use crate::admin::support::console::Console;
use crate::call::contract::Output;
use crate::call::drivers::{self, ArgLayout};
use crate::call::invocation::Invocation;
use crate::plan::{Plan, Step};
use crate::printable;
use crate::run::child::StepReport;
use crate::run::{Event, OnEvent, RunReport};
use crate::verdict::Verdict;
use crate::verdict::messages;
use crate::verdict::outcome::{Outcome, OutcomeKind};

/// Returns to the beginning of the line, and clears it.
const CLEAR_LINE: &str = "\r\u{1b}[K";

pub(crate) struct Live<'c, 'a> {
    console: &'c mut Console<'a>,
    /// True if the last line disappears before the next one.
    is_temporary: bool,
    /// The step that the last lines are about.
    shown: PathBuf,
}

impl<'c, 'a> Live<'c, 'a> {
    pub(crate) fn new(console: &'c mut Console<'a>) -> Self {
        Self { console, is_temporary: false, shown: PathBuf::new() }
    }

    pub(crate) fn begin(
        &mut self,
        call: &Invocation,
        never_made: Option<&str>,
        plan: &Plan,
        source: &Source,
    ) -> io::Result<()> {
        let count = match plan.steps.len() {
            0 => "nothing".into(),
            number => printable::count(number, "script"),
        };
        writeln!(self.console.errors, "{}: {count} to run", self.console.errors_paint.heading(&messages::call(call)))?;
        if let Some(why) = never_made {
            writeln!(self.console.errors, "{}", self.console.errors_paint.warning(why))?;
        }
        source.sentence.as_ref().map_or(Ok(()), |source| self.now(source))
    }

    /// Runs something, and shows what happens.
    pub(crate) fn show<T>(&mut self, run: impl FnOnce(OnEvent) -> io::Result<T>) -> io::Result<T> {
        let mut shown = Ok(());
        let result = run(&mut |call, event| {
            if shown.is_ok() {
                shown = self.on_event(call, event);
            }
        })?;
        shown.map(|()| result)
    }

    fn on_event(&mut self, call: &Invocation, event: &Event) -> io::Result<()> {
        if self.is_temporary {
            write!(self.console.errors, "{CLEAR_LINE}")?;
            self.is_temporary = false;
        }
        let (Event::Starting(step) | Event::StillRunning(step, ..) | Event::Ended(step, _)) = event;
        let path = printable::printable(&step.path);
        // Several steps may run at a time.
        if self.shown != step.path && !matches!(event, Event::Starting(_)) {
            writeln!(self.console.errors, "  {path}")?;
        }
        self.shown.clone_from(&step.path);
        match event {
            // hookmux may call a script of the guest agent twice: to freeze and to thaw.
            Event::Starting(_) if drivers::driver(&call.driver).args == ArgLayout::GuestAgent => {
                writeln!(self.console.errors, "  {path} {}", printable::printable(&call.operation))
            }
            Event::Starting(_) => writeln!(self.console.errors, "  {path}"),
            Event::StillRunning(_, pid, elapsed) if self.console.live => {
                self.is_temporary = true;
                let running = format!("running for {} s, pid {pid}", elapsed.as_secs());
                write!(self.console.errors, "    {}", self.console.errors_paint.faint(&running))?;
                self.console.errors.flush()
            }
            Event::StillRunning(_, pid, elapsed) => {
                writeln!(self.console.errors, "    still running after {}, pid {pid}", printable::duration(*elapsed))
            }
            Event::Ended(_, report) => self.ended(&step.path, report),
        }
    }

    fn ended(&mut self, path: &Path, report: &StepReport) -> io::Result<()> {
        let text = [&report.output, &report.errors].into_iter().flat_map(|bytes| bytes.split(|byte| *byte == b'\n'));
        for line in text.filter(|line| !line.is_empty()) {
            writeln!(self.console.errors, "    | {}", printable::printable(OsStr::from_bytes(line)))?;
        }
        for line in report.changes.to_string().lines() {
            writeln!(self.console.errors, "    {line}")?;
        }
        let outcome = outcome(path, &report.outcome);
        let outcome = match report.outcome.kind() {
            OutcomeKind::Success => self.console.errors_paint.good(&outcome),
            OutcomeKind::Verdict | OutcomeKind::Fault | OutcomeKind::NotRun => self.console.errors_paint.bad(&outcome),
        };
        let time = report.started.map(|_| format!(", {}", printable::duration(report.elapsed)));
        writeln!(self.console.errors, "    {outcome}{}", time.unwrap_or_default())
    }

    /// Prints which scripts were not started after another's failure.
    pub(crate) fn not_run(&mut self, plan: &Plan, run: &RunReport) -> io::Result<()> {
        let steps = plan.steps.iter().zip(&run.steps).filter(|(_, report)| report.outcome == Outcome::NotRun);
        self.not_started(steps.map(|(step, _)| step), "not run, since an earlier script failed")
    }

    pub(crate) fn not_started<'s>(&mut self, steps: impl IntoIterator<Item = &'s Step>, why: &str) -> io::Result<()> {
        let mut steps = steps.into_iter();
        steps.try_for_each(|step| writeln!(self.console.errors, "  {}\n    {why}", printable::printable(&step.path)))
    }

    /// Prints a heading of steps.
    pub(crate) fn now(&mut self, what: &str) -> io::Result<()> {
        writeln!(self.console.errors, "{}", self.console.errors_paint.faint(what))
    }

    /// Prints what the caller does with the answer.
    pub(crate) fn conclude(&mut self, call: &Invocation, hook: Verdict, code: u8, filtered: bool) -> io::Result<()> {
        let (paint, effect) = (self.console.errors_paint, call.row.effect);
        let conclusion = match (code, call.row.output, filtered) {
            (0, Output::Filter, true) => paint.good("exit code 0: libvirt uses the new XML"),
            (0, Output::Filter, false) => paint.good("exit code 0: libvirt keeps its own XML"),
            (0, Output::Dropped | Output::Shown, _) => paint.good("exit code 0: libvirt goes on"),
            _ if hook.code == 0 => paint.bad(&format!("exit code 0, but libvirt's own script failed: then {effect}")),
            _ => paint.bad(&format!("exit code {}: then {effect}", hook.code)),
        };
        writeln!(self.console.errors, "{conclusion}")
    }
}

/// Describes the outcome of a step, without its path.
pub(crate) fn outcome(path: &Path, outcome: &Outcome) -> String {
    let shown = printable::printable(path);
    let text = messages::outcome(path, outcome);
    text.strip_prefix(&shown).unwrap_or(&text).trim_start().to_owned()
}
