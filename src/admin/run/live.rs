//! A call as it happens, for somebody who looks on. In: events. Out: lines on standard error; on a terminal, one of them
//! says how long the step has been running, and goes once it has ended. Does.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

use crate::admin::run::document::Source;
use crate::admin::run::in_words;
use crate::admin::support::console::{Console, Paint};
use crate::call::contract::Output;
use crate::call::drivers::{self, ArgLayout};
use crate::call::invocation::Invocation;
use crate::plan::{Plan, Step};
use crate::printable;
use crate::run::child::Ended;
use crate::run::{Event, RunReport};
use crate::verdict::Verdict;
use crate::verdict::messages;
use crate::verdict::outcome::{Kind, Outcome};

/// Back to the beginning of the line, and nothing on it.
const AGAIN: &str = "\r\u{1b}[K";

/// Where it is told.
pub(crate) struct Live<'c> {
    errors: &'c mut dyn Write,
    paint: Paint,
    on_terminal: bool,
    /// Whether the last line is one that goes.
    ticking: bool,
}

impl<'c> Live<'c> {
    pub(crate) fn new<'a: 'c>(console: &'c mut Console<'a>) -> Self {
        let (paint, on_terminal) = (console.errors_paint, console.live);
        Self { errors: &mut *console.errors, paint, on_terminal, ticking: false }
    }

    pub(crate) fn begin(&mut self, call: &Invocation, plan: &Plan, source: &Source) -> io::Result<()> {
        let heading = self.paint.heading(&messages::call(call));
        let count = match plan.steps.len() {
            0 => "nothing".into(),
            1 => "1 script".into(),
            several => format!("{several} scripts"),
        };
        writeln!(self.errors, "{heading}: {count} to run")?;
        let source = source.sentence().map(|source| self.paint.faint(&source));
        source.map_or(Ok(()), |source| writeln!(self.errors, "{source}"))
    }

    pub(crate) fn tell(&mut self, call: &Invocation, event: &Event) -> io::Result<()> {
        if self.ticking {
            write!(self.errors, "{AGAIN}")?;
            self.ticking = false;
        }
        match event {
            // One call of the agent's may make two of its scripts.
            Event::Starting(step) if drivers::driver(&call.driver).args == ArgLayout::GuestAgent => {
                writeln!(
                    self.errors,
                    "  {} {}",
                    printable::printable(&step.path),
                    printable::printable(&call.operation)
                )
            }
            Event::Starting(step) => writeln!(self.errors, "  {}", printable::printable(&step.path)),
            Event::StillRunning(_, pid, elapsed) if self.on_terminal => {
                self.ticking = true;
                let running = format!("running for {} s, as process {pid}", elapsed.as_secs());
                write!(self.errors, "    {}", self.paint.faint(&running))?;
                self.errors.flush()
            }
            Event::StillRunning(_, pid, elapsed) => {
                writeln!(self.errors, "    still running after {}, as process {pid}", printable::duration(*elapsed))
            }
            Event::Ended(step, ended) => self.ended(step, ended),
        }
    }

    fn ended(&mut self, step: &Step, ended: &Ended) -> io::Result<()> {
        let said = [&ended.output, &ended.errors].into_iter().flat_map(|bytes| bytes.split(|byte| *byte == b'\n'));
        for line in said.filter(|line| !line.is_empty()) {
            writeln!(self.errors, "    | {}", printable::printable(OsStr::from_bytes(line)))?;
        }
        for line in ended.changes.to_string().lines() {
            writeln!(self.errors, "    {line}")?;
        }
        let outcome = in_words(&step.path, &ended.outcome);
        let outcome = match ended.outcome.kind() {
            Kind::Success => self.paint.good(&outcome),
            Kind::Verdict(_) | Kind::Fault | Kind::NotRun => self.paint.bad(&outcome),
        };
        writeln!(self.errors, "    {outcome}, {}", printable::duration(ended.elapsed))
    }

    /// Says which scripts had no turn, and why.
    pub(crate) fn not_run(&mut self, plan: &Plan, walked: &RunReport) -> io::Result<()> {
        let ended = plan.steps.iter().zip(&walked.ended);
        for (step, _) in ended.filter(|(_, ended)| ended.outcome == Outcome::NotRun) {
            writeln!(self.errors, "  {}\n    not run, since an earlier one failed", printable::printable(&step.path))?;
        }
        for step in &plan.background {
            writeln!(
                self.errors,
                "  {}\n    starts in the background; not started by hand",
                printable::printable(&step.path)
            )?;
        }
        Ok(())
    }

    pub(crate) fn now_libvirt(&mut self) -> io::Result<()> {
        writeln!(self.errors, "{}", self.paint.faint("then libvirt itself, whatever came of these:"))
    }

    /// Says what the caller would make of it.
    pub(crate) fn conclude(&mut self, call: &Invocation, hook: Verdict, code: u8, filtered: bool) -> io::Result<()> {
        let conclusion = match (code, call.row.output, filtered) {
            (0, Output::Filter, true) => self.paint.good("exit code 0: libvirt takes the new XML"),
            (0, Output::Filter, false) => self.paint.good("exit code 0: libvirt keeps its own XML"),
            (0, Output::Dropped | Output::Shown, _) => self.paint.good("exit code 0: libvirt goes on"),
            (..) if hook.code == 0 => {
                self.paint.bad(&format!("exit code 0, but libvirt's own script failed: then {}", call.row.effect))
            }
            (..) => self.paint.bad(&format!("exit code {}: then {}", hook.code, call.row.effect)),
        };
        writeln!(self.errors, "{conclusion}")
    }
}
