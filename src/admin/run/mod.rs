//! `hookmux run`: a call by hand. In: the arguments of the call. Out: each step as it happens, the verdict, and the filtered
//! XML. Does what the hook does, visibly, and then what libvirt itself does.

use std::cell::OnceCell;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use nix::sys::stat::{Mode, umask};
use serde_json::{Value, json};

use crate::admin::support::call::{self, Call};
use crate::admin::support::console::Console;
use crate::admin::support::files;
use crate::admin::support::known::Usage;
use crate::admin::support::made;
use crate::admin::support::root;
use crate::admin::support::script;
use crate::admin::support::xml::{self, RulePath};
use crate::admin::support::{self, FOUND};
use crate::call::invocation::Invocation;
use crate::hook::guest_process;
use crate::hook::steps::{Hook, HookReport};
use crate::log;
use crate::plan::calls::Calls;
use crate::plan::facts::Facts;
use crate::plan::rules::{Effective, Setting};
use crate::plan::{Plan, Step};
use crate::printable;
use crate::run::RunReport;
use crate::run::child::StepReport;
use crate::run::signals;
use crate::run::spool::Spool;
use crate::run::watch;
use crate::settings::{self, OnFailure};
use crate::verdict::messages;
use crate::verdict::outcome::OutcomeKind;

mod document;
mod live;

use live::Live;

/// The umask of systemd's services, with which libvirt's hooks run.
const UMASK: Mode = Mode::from_bits_truncate(0o022);

/// The variables that libvirt passes on to its hooks if systemd starts it (`virCommandAddEnvPassCommon` in
/// `src/util/vircommand.c`), with systemd's own PATH. Nothing is taken from a running process or from the
/// administrator's shell: either may have a PATH or an `LD_PRELOAD` that chooses code to run.
const ENVIRONMENT: [(&str, &str); 2] =
    [("LC_ALL", "C"), ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")];

/// The interval at which a terminal shows how long a step has been running.
const TICK: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    call: Call,
    /// The XML that scripts read; by default that of libvirt, or else a small generated one
    #[arg(long, value_name = "FILE")]
    xml: Option<PathBuf>,
    /// Write the filtered XML to this file, which only its owner can read
    #[arg(short, long, value_name = "FILE", conflicts_with = "dry")]
    output: Option<PathBuf>,
    /// Start the background scripts, too, and wait for them
    #[arg(long)]
    background: bool,
    /// Do not ask before a call that a running guest does not expect
    #[arg(long)]
    yes: bool,
    /// Start nothing, and print what would be started
    #[arg(long = "dry-run")]
    dry: bool,
}

impl Run {
    /// Makes the call. Exit code 1 if its answer is a failure.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.call.root.path()?;
        let call = self.call.invocation(&root)?;
        let settings = settings::read(&root)?;
        let input = OnceCell::new();
        let get = || document::get(&call, &root, self.xml.as_deref());
        let read = || {
            let (document, _) = input.get_or_init(get).as_ref().map_err(|error| format!("{error:#}"))?;
            document.bytes().map_err(|error| error.to_string())
        };
        let facts = Facts::new(&read);
        let plan = call::plan(&root, Calls::One(&call), &settings, &facts);
        let paths = xml::paths(&root, &settings.rules, &call, &plan, Some(&facts))?;
        let never_made = made::never(&root, &call.row);
        let never_made = never_made.as_deref();
        if self.dry {
            return dry_run(&root, &call, never_made, &plan, &paths, console);
        }
        self.assert_harmless(&root, &call, &plan, console)?;
        log::skipped(&call, &plan);
        let output = self.output.as_deref().map(std::path::absolute).transpose()?;
        let (document, source) = input.into_inner().unwrap_or_else(get)?;
        let mut hook = Hook::new(&call, &root, settings);
        hook.environment = Some(ENVIRONMENT.map(|(name, value)| (name.into(), value.into())).into());
        hook.daemon = call::daemon(&root, &call.driver).map(|daemon| daemon.name.into());
        hook.interval = if console.live { TICK } else { watch::REPORT_INTERVAL };
        // After the last path that may be relative to the current directory.
        std::env::set_current_dir("/")?;
        umask(UMASK);
        signals::reset_dispositions();
        for line in xml::lines(&paths) {
            writeln!(console.errors, "{line}")?;
        }
        let mut live = Live::new(console);
        live.begin(&call, never_made, &plan, &source)?;
        let report = CallReport::make(&hook, &plan, &document, &mut live)?;
        let (verdict, code, filtered) = (report.hook.verdict, report.code(), report.filtered());
        live.conclude(&call, verdict, code, filtered.is_some())?;
        let mut background = Vec::new();
        let starts = hook.starts_background(verdict);
        if starts && self.background && !plan.background.is_empty() {
            live.now("in the background, once libvirt has the answer:")?;
            let filtered = [&report.hook.run, &report.before].into_iter().find_map(|run| run.document.as_ref());
            let document = filtered.unwrap_or(&document);
            background = live.show(|on_event| hook.run_background(&plan, document, on_event))?.steps;
        } else {
            let why = if starts { "not started by hand without --background" } else { "not started after a failure" };
            live.not_started(&plan.background, &format!("starts in the background; {why}"))?;
        }
        write_document(filtered, output.as_deref(), console)?;
        if console.json {
            let xml = filtered.map(Spool::bytes).transpose()?;
            let content = json!({
                "call": Call::json(&call, never_made),
                "dry_run": false,
                "document": source.word,
                "steps": report.steps(&plan),
                "undone": steps("hookmux", report.hook.undone.iter().map(|(step, report)| (&step.path, report))),
                "background": steps("hookmux", plan.background.iter().map(path).zip(&background)),
                "hook_exit_code": verdict.code,
                "failed": code != 0,
                "xml": xml.map(|xml| String::from_utf8_lossy(&xml).into_owned()),
            });
            console.json("run", content)?;
        }
        Ok(support::exit_code(code != 0))
    }

    /// Refuses a plan with paths that lead out of the root, and asks before a call that a running guest does not expect.
    fn assert_harmless(
        &self,
        root: &Path,
        call: &Invocation,
        plan: &Plan,
        console: &mut Console,
    ) -> anyhow::Result<()> {
        let started = plan.scripts().filter(|step| step.distrust.is_none()).map(|step| &step.path);
        let mut all = started.chain(&plan.before).chain(&plan.left_to_caller);
        if let Some(path) = all.find(|path| root::leads_out(root, path)) {
            // The kernel would start what lies there on this system.
            return Err(root::error(path).into());
        }
        if plan.scripts().next().is_none()
            || !call.row.is_without_guest()
            || !guest_process::is_running(root, &call.driver, &call.object)
        {
            return Ok(());
        }
        let (name, operation) = (printable::printable(&call.object), printable::printable(&call.operation));
        let why = format!("'{name}' is running, and libvirt calls {operation} only while it is not");
        if self.yes {
            return Ok(writeln!(console.errors, "{}", console.errors_paint.warning(&why))?);
        }
        match console.ask(&format!("{why}. Start its scripts anyway?"))? {
            Some(true) => Ok(()),
            Some(false) => anyhow::bail!("nothing was started"),
            None => Err(Usage(format!("{why}; nothing was started (--yes starts its scripts anyway)")).into()),
        }
    }
}

fn dry_run(
    root: &Path,
    call: &Invocation,
    never_made: Option<&str>,
    plan: &Plan,
    paths: &[RulePath],
    console: &mut Console,
) -> anyhow::Result<ExitCode> {
    let scripts = script::scripts(root, plan, Some(&call.row));
    let shown = Call::json(call, never_made);
    let content = json!({ "call": shown, "dry_run": true, "scripts": scripts, "paths": paths });
    console.print("run", content, |paint| {
        let heading = paint.heading(&messages::call(call));
        let mut lines = vec![format!("{heading}: nothing is started; these would be:")];
        lines.extend(never_made.map(|why| paint.warning(why)));
        lines.extend(script::lines(&scripts, paint));
        lines.extend(xml::lines(paths));
        lines
    })?;
    Ok(ExitCode::SUCCESS)
}

struct CallReport {
    /// The scripts that libvirt itself ran before the hook.
    before: RunReport,
    hook: HookReport,
    /// The scripts that libvirt itself ran after the hook.
    after: RunReport,
}

impl CallReport {
    /// Runs everything that libvirt waits for. Each part gets the document that the one before it left.
    fn make(hook: &Hook, plan: &Plan, document: &Spool, live: &mut Live) -> io::Result<Self> {
        let before = libvirts(hook, &plan.before, document, live)?;
        let document = before.document.as_ref().unwrap_or(document);
        let report = live.show(|on_event| hook.run(plan, document, on_event))?;
        live.not_run(plan, &report.run)?;
        let document = report.run.document.as_ref().unwrap_or(document);
        let after = libvirts(hook, &plan.left_to_caller, document, live)?;
        Ok(Self { before, hook: report, after })
    }

    /// Returns the exit code that libvirt sees: a failure of its own scripts counts as one of the hook.
    fn code(&self) -> u8 {
        let mut libvirts = self.before.steps.iter().chain(&self.after.steps);
        let has_failed = libvirts.any(|report| report.outcome.kind() != OutcomeKind::Success);
        if has_failed { FOUND } else { self.hook.verdict.code }
    }

    /// Returns the new XML, if libvirt takes one.
    fn filtered(&self) -> Option<&Spool> {
        let runs = [&self.after, &self.hook.run, &self.before];
        runs.into_iter().find_map(|run| run.document.as_ref()).filter(|_| self.code() == 0)
    }

    /// Returns what became of each step, as JSON.
    fn steps(&self, plan: &Plan) -> Vec<Value> {
        let before = steps("libvirt", plan.before.iter().zip(&self.before.steps));
        let ours = steps("hookmux", plan.steps.iter().map(path).zip(&self.hook.run.steps));
        let after = steps("libvirt", plan.left_to_caller.iter().zip(&self.after.steps));
        [before, ours, after].concat()
    }
}

/// Runs scripts that libvirt runs itself, as it does: all of them, and any failure is the result.
fn libvirts(hook: &Hook, scripts: &[PathBuf], document: &Spool, live: &mut Live) -> io::Result<RunReport> {
    if !scripts.is_empty() {
        live.now("libvirt itself, whatever the other scripts do:")?;
    }
    let on_failure = Setting { value: OnFailure::Continue, from: None };
    let effective = Effective { on_failure, ..Effective::default() };
    let step = |path: &PathBuf| Step { path: path.clone(), distrust: None, effective: effective.clone() };
    let plan = Plan { steps: scripts.iter().map(step).collect(), ..Plan::default() };
    Ok(live.show(|on_event| hook.run(&plan, document, on_event))?.run)
}

/// Writes the filtered XML to a file, or to standard output unless that is a terminal.
fn write_document(filtered: Option<&Spool>, output: Option<&Path>, console: &mut Console) -> anyhow::Result<()> {
    match (output, filtered) {
        (Some(path), Some(document)) => files::write_private(Path::new("/"), path, &document.bytes()?)
            .with_context(|| format!("cannot write {}", path.display()))?,
        (Some(path), None) => {
            let path = printable::printable(path);
            writeln!(console.errors, "{path} is not written: libvirt gets no new XML")?;
        }
        (None, Some(_)) if console.on_terminal && !console.json => {
            writeln!(console.errors, "the new XML is written by -o FILE, or to a pipe (| less)")?;
        }
        (None, Some(document)) if !console.json => {
            io::copy(&mut document.reader()?, console.output)?;
        }
        (None, _) => {}
    }
    Ok(())
}

fn path(step: &Step) -> &PathBuf {
    &step.path
}

/// Returns what became of steps, as JSON. `by`: who runs them.
fn steps<'a>(by: &str, reports: impl Iterator<Item = (&'a PathBuf, &'a StepReport)>) -> Vec<Value> {
    let step = |(path, report): (&PathBuf, &StepReport)| {
        json!({
            "path": printable::printable(path),
            "by": by,
            "kind": report.outcome.kind(),
            "exit_code": report.outcome.exit_code(),
            "message": live::outcome(path, &report.outcome),
            "seconds": report.elapsed.as_secs_f64(),
            "output": String::from_utf8_lossy(&report.output),
            "errors": String::from_utf8_lossy(&report.errors),
            "changes": crate::admin::diff::changes_json(&report.changes),
        })
    };
    reports.map(step).collect()
}
