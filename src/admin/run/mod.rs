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
use crate::run::child::StepReport;
use crate::run::signals;
use crate::run::spool::Spool;
use crate::run::watch;
use crate::run::{OnEvent, RunReport};
use crate::settings::OnFailure;
use crate::verdict::messages;
use crate::verdict::outcome::OutcomeKind;

mod document;
mod live;

use live::Live;

/// The umask of systemd's services, with which libvirt's hooks run.
const UMASK: Mode = Mode::from_bits_truncate(0o022);

/// What libvirt passes on to its hooks if systemd starts it (`virCommandAddEnvPassCommon` in `src/util/vircommand.c`), with
/// systemd's own PATH. Nothing is taken from a running process or from the administrator's shell: either may have a PATH or
/// an `LD_PRELOAD` that chooses code to run.
const ENVIRONMENT: [(&str, &str); 2] =
    [("LC_ALL", "C"), ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")];

/// How often a terminal shows how long a step has been running.
const TICK: Duration = Duration::from_secs(1);

/// Arguments of `hookmux run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    call: Call,
    /// The XML that scripts read; libvirt's own of the object, or a small made-up one, if left out
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
        let root = self.call.root()?;
        let call = self.call.invocation(&root)?;
        let settings = call::settings(&root)?;
        let daemon = call::daemon(&root, &call.driver);
        let input = OnceCell::new();
        let read = || {
            let document = input.get_or_init(|| document::get(&call, &root, self.xml.as_deref())).as_ref();
            let (document, _) = document.map_err(|error| format!("{error:#}"))?;
            document.bytes().map_err(|error| error.to_string())
        };
        let facts = Facts::new(&read);
        let plan = call::plan(&root, Calls::One(&call), &settings, &facts);
        let paths = xml::paths(&root, &settings.rules, &call, &plan, Some(&facts));
        if let Some(fault) = facts.fault() {
            anyhow::bail!("{}", xml::unreadable(fault));
        }
        let mut hook = Hook::new(&call, &root, settings);
        hook.environment = Some(ENVIRONMENT.map(|(name, value)| (name.into(), value.into())).into());
        hook.daemon = daemon.map(|daemon| daemon.name.into());
        hook.interval = if console.live { TICK } else { watch::REPORT_INTERVAL };
        let never_made = made::never(&root, &call.row);
        if self.dry {
            return dry_run(&root, &call, never_made.as_deref(), &plan, &paths, console);
        }
        let started = plan.scripts().filter(|step| step.distrust.is_none()).map(|step| &step.path);
        let all = started.chain(&plan.before).chain(&plan.left_to_caller);
        if let Some(path) = all.into_iter().find(|path| root::leads_out(&root, path)) {
            // The kernel would start what lies there on this system.
            return Err(root::error(path).into());
        }
        if plan.scripts().next().is_some() {
            self.assert_harmless(&root, &call, console)?;
        }
        log::skipped(&call, &plan);
        let output = self.output.as_deref().map(std::path::absolute).transpose()?;
        let document = input.into_inner().unwrap_or_else(|| document::get(&call, &root, self.xml.as_deref()));
        let (document, source) = document?;
        // After the last path that may be relative to the current directory.
        std::env::set_current_dir("/")?;
        umask(UMASK);
        signals::reset_dispositions();
        for line in xml::lines(&paths) {
            writeln!(console.errors, "{line}")?;
        }
        let mut live = Live::new(console);
        live.begin(&call, never_made.as_deref(), &plan, &source)?;
        let before = libvirts(&hook, &plan.before, &document, &mut live)?;
        let document = before.as_ref().and_then(|(_, before)| before.document.as_ref()).unwrap_or(&document);
        let result = show(&mut live, |on_event| hook.run(&plan, document, on_event))?;
        live.not_run(&plan, &result.run)?;
        let after = result.run.document.as_ref().unwrap_or(document);
        let after = libvirts(&hook, &plan.left_to_caller, after, &mut live)?;
        let failed = before.iter().chain(&after).any(|(_, theirs)| has_failed(theirs));
        let code = if failed { FOUND } else { result.verdict.code };
        let runs = [after.as_ref().map(|(_, run)| run), Some(&result.run), before.as_ref().map(|(_, run)| run)];
        let filtered = runs.into_iter().flatten().find_map(|run| run.document.as_ref());
        live.conclude(&call, result.verdict, code, filtered.is_some())?;
        let background = self.background(&hook, &plan, &result, document, &mut live)?;
        let call = Call::json(&call, never_made.as_deref());
        let (before, after) = (before.as_ref(), after.as_ref());
        let answer = CallResult { call, before, plan: &plan, result: &result, after, background, code };
        answer.print(console, &source, filtered.filter(|_| code == 0), output.as_deref())?;
        Ok(support::exit_code(code != 0))
    }

    /// Asks before a call that a running guest does not expect.
    fn assert_harmless(&self, root: &Path, call: &Invocation, console: &mut Console) -> anyhow::Result<()> {
        if !call.row.is_without_guest() || !guest_process::is_running(root, &call.driver, &call.object) {
            return Ok(());
        }
        let (name, operation) = (printable::printable(&call.object), printable::printable(&call.operation));
        let why = format!("'{name}' is running, and libvirt calls {operation} only while it is not");
        if self.yes {
            return Ok(writeln!(console.errors, "{}", console.errors_paint.warning(&why))?);
        }
        match console.ask(&format!("{why}. Start its scripts all the same?"))? {
            Some(true) => Ok(()),
            Some(false) => anyhow::bail!("nothing was started"),
            None => Err(Usage(format!("{why}; nothing was started (--yes starts its scripts all the same)")).into()),
        }
    }

    /// Runs the background scripts, if they are to run, and shows them.
    fn background(
        &self,
        hook: &Hook,
        plan: &Plan,
        result: &HookReport,
        document: &Spool,
        live: &mut Live,
    ) -> anyhow::Result<Vec<StepReport>> {
        let starts = hook.starts_background(result.verdict);
        if plan.background.is_empty() || !starts || !self.background {
            let why = if starts { "not started by hand without --background" } else { "not started after a failure" };
            live.not_in_background(plan, why)?;
            return Ok(Vec::new());
        }
        live.now("in the background, once libvirt has the answer:")?;
        let document = result.run.document.as_ref().unwrap_or(document);
        Ok(show(live, |on_event| hook.run_background(plan, document, on_event))?.steps)
    }
}

/// Runs something, and shows what happens.
fn show<T>(live: &mut Live, run: impl FnOnce(OnEvent) -> io::Result<T>) -> anyhow::Result<T> {
    let mut shown = Ok(());
    let result = run(&mut |call, event| {
        if shown.is_ok() {
            shown = live.on_event(call, event);
        }
    })?;
    shown?;
    Ok(result)
}

/// Runs scripts that libvirt runs itself, as it does: all of them, and any failure is the result.
fn libvirts(
    hook: &Hook,
    scripts: &[PathBuf],
    document: &Spool,
    live: &mut Live,
) -> anyhow::Result<Option<(Plan, RunReport)>> {
    if scripts.is_empty() {
        return Ok(None);
    }
    live.now("libvirt itself, whatever the other scripts do:")?;
    let on_failure = Setting { value: OnFailure::Continue, from: None };
    let step = |path: &PathBuf| {
        let effective = Effective { on_failure: on_failure.clone(), ..Effective::default() };
        Step { path: path.clone(), distrust: None, effective }
    };
    let plan = Plan { steps: scripts.iter().map(step).collect(), ..Plan::default() };
    let run = show(live, |on_event| hook.run(&plan, document, on_event))?.run;
    Ok(Some((plan, run)))
}

fn has_failed(run: &RunReport) -> bool {
    run.steps.iter().any(|report| report.outcome.kind() != OutcomeKind::Success)
}

/// Prints what would run.
fn dry_run(
    root: &Path,
    call: &Invocation,
    never_made: Option<&str>,
    plan: &Plan,
    paths: &[RulePath],
    console: &mut Console,
) -> anyhow::Result<ExitCode> {
    let scripts = script::scripts(root, plan, Some(&call.row));
    let json = Call::json(call, never_made);
    let content = json!({ "call": json, "dry_run": true, "scripts": scripts, "paths": paths });
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

/// The result of a call.
struct CallResult<'a> {
    call: Value,
    /// What libvirt itself runs before the hook.
    before: Option<&'a (Plan, RunReport)>,
    plan: &'a Plan,
    result: &'a HookReport,
    /// What libvirt itself runs after the hook.
    after: Option<&'a (Plan, RunReport)>,
    background: Vec<StepReport>,
    code: u8,
}

impl CallResult<'_> {
    /// Prints the filtered XML, unless standard output is a terminal or it goes to a file; or everything as JSON.
    fn print(
        &self,
        console: &mut Console,
        source: &document::Source,
        filtered: Option<&Spool>,
        output: Option<&Path>,
    ) -> anyhow::Result<()> {
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
                std::io::copy(&mut document.reader()?, console.output)?;
            }
            (None, _) => {}
        }
        if !console.json {
            return Ok(());
        }
        let libvirts = |(plan, run): &(Plan, RunReport)| steps(plan, run, "libvirt");
        let mut steps = self.before.map_or_else(Vec::new, libvirts);
        steps.extend(self::steps(self.plan, &self.result.run, "hookmux"));
        steps.extend(self.after.map_or_else(Vec::new, libvirts));
        let undone = self.result.undone.iter().map(|(step, report)| self::step(&step.path, report, "hookmux"));
        let background = self.plan.background.iter().zip(&self.background);
        let background = background.map(|(step, report)| self::step(&step.path, report, "hookmux"));
        let xml = filtered.map(Spool::bytes).transpose()?;
        let content = json!({
            "call": self.call,
            "dry_run": false,
            "document": source.word(),
            "steps": steps,
            "undone": undone.collect::<Vec<_>>(),
            "background": background.collect::<Vec<_>>(),
            "hook_exit_code": self.result.verdict.code,
            "failed": self.code != 0,
            "xml": xml.map(|xml| String::from_utf8_lossy(&xml).into_owned()),
        });
        console.json("run", content)?;
        Ok(())
    }
}

/// Returns what became of each step.
fn steps(plan: &Plan, run: &RunReport, by: &str) -> Vec<Value> {
    plan.steps.iter().zip(&run.steps).map(|(one, report)| step(&one.path, report, by)).collect()
}

fn step(path: &Path, report: &StepReport, by: &str) -> Value {
    json!({
        "path": printable::printable(path),
        "by": by,
        "kind": report.outcome.kind(),
        "exit_code": report.outcome.exit_code(),
        "words": live::outcome(path, &report.outcome),
        "seconds": report.elapsed.as_secs_f64(),
        "output": String::from_utf8_lossy(&report.output),
        "errors": String::from_utf8_lossy(&report.errors),
        "changes": crate::admin::diff::changes_json(&report.changes),
    })
}
