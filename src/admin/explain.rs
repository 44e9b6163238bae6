//! `hookmux explain`: what would run for a call, in order, by which rule, and who runs it. In: the call, directories,
//! settings. Out: lines. Reads, and starts nothing.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::call::{self, Call};
use crate::caller::{self, Daemon};
use crate::contract::Row;
use crate::hook::Hook;
use crate::plan::{Plan, Step};
use crate::rules::{Given, Wait};
use crate::settings::{GuestAbi, LibvirtRunsDotD, OnFailure, OnFault};
use crate::words;

/// Arguments of `hookmux explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    #[command(flatten)]
    call: Call,
}

impl Explain {
    /// Prints the plan of the call.
    pub(super) fn main(&self, output: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let root = self.call.root()?;
        let call = self.call.invocation(&root);
        let mut settings = call::settings(&root)?;
        if settings.libvirt_runs_dot_d == LibvirtRunsDotD::Auto {
            // As for the daemon that would call; one that cannot be seen counts as a new one.
            let runs_its_own = caller::running().as_ref().is_none_or(Daemon::runs_its_own);
            settings.libvirt_runs_dot_d = if runs_its_own { LibvirtRunsDotD::Yes } else { LibvirtRunsDotD::No };
        }
        let plan = Hook::new(&call, &root, settings).plan();
        let mut lines = vec![format!("{}: {}", words::call(&call), effect(&call.row))];
        lines.extend(explain(&plan));
        writeln!(output, "{}", lines.join("\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn effect(row: &Row) -> String {
    format!("if the hook fails, {}", row.effect)
}

fn explain(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &plan.steps {
        lines.extend(explain_step(step));
    }
    if plan.steps.is_empty() {
        lines.push("  hookmux runs nothing".into());
    }
    if !plan.afterwards.is_empty() {
        lines.push("afterwards, if it goes ahead, and without waiting:".into());
        plan.afterwards.iter().for_each(|step| lines.extend(explain_step(step)));
    }
    if !plan.left_to_caller.is_empty() {
        lines.push("then libvirt itself, without limits or log (to change that: move it to /etc/hookmux):".into());
        plan.left_to_caller.iter().for_each(|path| lines.push(format!("  {}", shown(path))));
    }
    if !plan.skipped.is_empty() {
        lines.push("not run:".into());
        plan.skipped.iter().for_each(|(path, skip)| lines.push(format!("  {}: {}", shown(path), words::skip(skip))));
    }
    lines
}

fn explain_step(step: &Step) -> Vec<String> {
    let mut lines = vec![format!("  {}", shown(&step.path))];
    if let Some(refusal) = &step.refusal {
        lines.push(format!("    refused: {}", words::refusal(refusal)));
    }
    let treatment = &step.treatment;
    lines.extend(setting("timeout", &treatment.timeout, |limit| limit.map_or("none".into(), words::duration)));
    lines.extend(setting("on-failure", &treatment.on_failure, |on_failure| match on_failure {
        OnFailure::Fail => "fail".into(),
        OnFailure::Ignore => "ignore".into(),
        OnFailure::Continue => "continue".into(),
    }));
    lines.extend(setting("on-fault", &treatment.on_fault, |on_fault| match on_fault {
        OnFault::Fail => "fail".into(),
        OnFault::Ignore => "ignore".into(),
    }));
    lines.extend(setting("wait", &treatment.wait, |wait| (*wait == Wait::Yes).to_string()));
    lines.extend(setting("may-change", &treatment.may_change, |paths| {
        let paths: Vec<String> = paths.iter().flatten().map(ToString::to_string).collect();
        paths.join(", ")
    }));
    lines.extend(setting("guest-abi", &treatment.guest_abi, |guest_abi| match guest_abi {
        GuestAbi::Any => "any".into(),
        GuestAbi::Keep => "keep".into(),
    }));
    lines
}

/// A setting that some rule gave; a limit without a rule comes with the operation.
fn setting<T: Default + PartialEq>(key: &str, given: &Given<T>, in_words: impl Fn(&T) -> String) -> Option<String> {
    let by = match &given.by {
        Some(rule) => format!("by the rule at {rule}"),
        None if given.value == T::default() => return None,
        None => "by the operation".into(),
    };
    Some(format!("    {key} = {} ({by})", in_words(&given.value)))
}

fn shown(path: &Path) -> String {
    words::printable(path.as_os_str())
}
