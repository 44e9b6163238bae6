//! `hookmux run`: a call by hand. In: the words of the call. Out: each step as it happens, the verdict, and the filtered
//! XML. Does what the hook does, with somebody looking on.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::FOUND;
use super::call::{self, Call};
use crate::contract::{self, Input, Output, Words};
use crate::hook::Hook;
use crate::invocation::Invocation;
use crate::plan::{Plan, Step};
use crate::run::{Event, Walked};
use crate::spool::Spool;
use crate::verdict::Verdict;
use crate::{report, words};

/// Arguments of `hookmux run`.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    call: Call,
    /// The XML that scripts read; a small document of the object's name, if left out
    #[arg(long, value_name = "FILE")]
    xml: Option<PathBuf>,
}

impl Run {
    /// Makes the call. Exit code 1 if its answer is a failure.
    pub(super) fn main(&self, output: &mut dyn Write, errors: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let root = self.call.root()?;
        let call = self.call.invocation(&root);
        let document = self.document(&call)?;
        let hook = Hook::new(&call, &root, call::settings(&root)?);
        let plan = hook.plan();
        report::skipped(&call, &plan);
        writeln!(errors, "{}: {} to run", words::call(&call), count(&plan))?;
        let mut told = Ok(());
        let (walked, verdict) = hook.perform(&plan, &document, &mut |of: &Invocation, event: Event| {
            if told.is_ok() {
                told = tell(of, &event, errors);
            }
        })?;
        told?;
        conclude(&call, &plan, &walked, verdict, errors)?;
        if let Some(document) = walked.document.filter(|_| verdict.code == 0) {
            std::io::copy(&mut document.reader()?, output)?;
        }
        Ok(if verdict.code == 0 { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
    }

    fn document(&self, call: &Invocation) -> anyhow::Result<Spool> {
        let Some(path) = &self.xml else { return Ok(Spool::read(made_up(call).as_bytes())?) };
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        Spool::read(file).with_context(|| format!("cannot read {}", path.display()))
    }
}

/// A small document that is valid for the call.
fn made_up(call: &Invocation) -> String {
    let name = quick_xml::escape::escape(call.object.to_string_lossy()).into_owned();
    let uuid = "<uuid>00000000-0000-4000-8000-000000000000</uuid>";
    match call.row.input {
        Input::Nothing => String::new(),
        Input::HookData => {
            format!("<hookData>\n  <network>\n    <name>{name}</name>\n    {uuid}\n  </network>\n</hookData>\n")
        }
        Input::Domain | Input::Unknown => {
            let driver = match call.driver.to_str() {
                Some("libxl") => "xen".into(),
                Some("qemu" | "lxc" | "bhyve") => call.driver.to_string_lossy(),
                _ => "test".into(),
            };
            format!(
                "<domain type='{driver}'>\n  <name>{name}</name>\n  {uuid}\n  <memory unit='KiB'>32768</memory>\n  \
                 <os>\n    <type>hvm</type>\n  </os>\n</domain>\n"
            )
        }
    }
}

fn count(plan: &Plan) -> String {
    match plan.steps.len() {
        0 => "nothing".into(),
        1 => "1 script".into(),
        several => format!("{several} scripts"),
    }
}

fn tell(call: &Invocation, event: &Event, errors: &mut dyn Write) -> std::io::Result<()> {
    match event {
        // One call of the agent's may make two of its scripts.
        Event::Starting(step) if contract::driver(&call.driver).words == Words::GuestAgent => {
            writeln!(errors, "  {} {}", path(step), words::printable(&call.operation))
        }
        Event::Starting(step) => writeln!(errors, "  {}", path(step)),
        Event::StillRunning(_, pid, elapsed) => {
            writeln!(errors, "    still running after {}, as process {pid}", words::duration(*elapsed))
        }
        Event::Ended(step, ended) => {
            for line in [&ended.output, &ended.errors].into_iter().flat_map(|bytes| bytes.split(|byte| *byte == b'\n'))
            {
                if !line.is_empty() {
                    let line: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(line);
                    writeln!(errors, "    | {}", words::printable(line))?;
                }
            }
            for line in ended.changes.to_string().lines() {
                writeln!(errors, "    {line}")?;
            }
            let outcome = words::outcome(&step.path, &ended.outcome);
            let outcome = outcome.strip_prefix(&path(step)).unwrap_or(&outcome).trim_start();
            writeln!(errors, "    {outcome}, {}", words::duration(ended.elapsed))
        }
    }
}

fn path(step: &Step) -> String {
    words::printable(step.path.as_os_str())
}

/// Says what the caller would make of it.
fn conclude(
    call: &Invocation,
    plan: &Plan,
    walked: &Walked,
    verdict: Verdict,
    errors: &mut dyn Write,
) -> std::io::Result<()> {
    for (step, _) in
        plan.steps.iter().zip(&walked.ended).filter(|(_, ended)| ended.outcome == crate::outcome::Outcome::NotRun)
    {
        writeln!(errors, "  {}\n    not run, since an earlier one failed", path(step))?;
    }
    for step in &plan.afterwards {
        writeln!(errors, "  {}\n    to be started afterwards, without waiting; not by hand", path(step))?;
    }
    for path in &plan.left_to_caller {
        writeln!(errors, "  {}\n    left to libvirt", words::printable(path.as_os_str()))?;
    }
    if verdict.code != 0 {
        return writeln!(errors, "exit code {}: then {}", verdict.code, call.row.effect);
    }
    match (call.row.output, &walked.document) {
        (Output::Filter, Some(_)) => writeln!(errors, "exit code 0: libvirt takes the new XML"),
        (Output::Filter, None) => writeln!(errors, "exit code 0: libvirt keeps its own XML"),
        (Output::Dropped | Output::Shown, _) => writeln!(errors, "exit code 0: libvirt goes on"),
    }
}
