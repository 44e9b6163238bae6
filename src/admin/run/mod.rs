//! `hookmux run`: a call by hand. In: the words of the call. Out: each step as it happens, the verdict, and the filtered
//! XML. Does what the hook does, with somebody looking on, and then what libvirt itself does.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use nix::sys::stat::{Mode, umask};
use serde_json::{Value, json};

use crate::admin::FOUND;
use crate::admin::support::call::{self, Call};
use crate::admin::support::console::Console;
use crate::admin::support::script;
use crate::call::invocation::Invocation;
use crate::hook::{ByHand, Hook};
use crate::log;
use crate::plan::calls::Calls;
use crate::plan::rules::{Effective, Setting};
use crate::plan::{Plan, Step};
use crate::printable;
use crate::run::child::Ended;
use crate::run::spool::Spool;
use crate::run::watch;
use crate::run::{Event, RunReport};
use crate::settings::OnFailure;
use crate::verdict::Verdict;
use crate::verdict::messages;
use crate::verdict::outcome::{Kind, Outcome};

mod document;
mod environment;
mod live;

use live::Live;

/// libvirt's own scripts, and hookmux, run with the umask of systemd's services.
const UMASK: Mode = Mode::from_bits_truncate(0o022);

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
    /// Start nothing, and say what would be started
    #[arg(long = "dry-run")]
    dry: bool,
}

impl Run {
    /// Makes the call. Exit code 1 if its answer is a failure.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let root = self.call.root()?;
        let call = self.call.invocation(&root);
        let settings = call::settings(&root)?;
        let daemon = self.call.daemon(&root);
        let notice = if console.live { TICK } else { watch::REPORT_INTERVAL };
        let by_hand = ByHand {
            environment: environment::of(daemon.as_ref()),
            daemon: daemon.map(|daemon| daemon.name.into()),
            notice,
        };
        let plan = call::plan(&root, Calls::One(&call), &settings);
        let hook = Hook::new(&call, &root, settings).by_hand(by_hand);
        if self.dry {
            return dry_run(&call, &plan, console);
        }
        log::skipped(&call, &plan);
        let (document, source) = document::of(&call, &root, self.xml.as_deref())?;
        // After the last path that was given relative to where we were.
        std::env::set_current_dir("/")?;
        umask(UMASK);
        let mut live = Live::new(console);
        live.begin(&call, &plan, &source)?;
        let mut told = Ok(());
        let (walked, verdict) = hook.perform(&plan, &document, &mut |of: &Invocation, event: Event| {
            if told.is_ok() {
                told = live.tell(of, &event);
            }
        })?;
        told?;
        live.not_run(&plan, &walked)?;
        let theirs = libvirts(&hook, &plan, walked.document.as_ref().unwrap_or(&document), &mut live)?;
        let code = theirs.as_ref().map_or(verdict.code, |theirs| if theirs.failed { FOUND } else { verdict.code });
        let filtered = theirs.as_ref().and_then(|theirs| theirs.walked.document.as_ref()).or(walked.document.as_ref());
        live.conclude(&call, verdict, code, filtered.is_some())?;
        let answer = Answer { call: &call, plan: &plan, walked: &walked, verdict, theirs: theirs.as_ref(), code };
        answer.print(console, &source, filtered)?;
        Ok(if code == 0 { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
    }
}

/// What came of scripts that libvirt runs itself.
struct Theirs {
    plan: Plan,
    walked: RunReport,
    failed: bool,
}

/// Runs what libvirt runs itself, after the hook and as it does: all of them, and any failure is the result.
fn libvirts(hook: &Hook, plan: &Plan, document: &Spool, live: &mut Live) -> anyhow::Result<Option<Theirs>> {
    if plan.left_to_caller.is_empty() {
        return Ok(None);
    }
    live.now_libvirt()?;
    let on_failure = Setting { value: OnFailure::Continue, from: None };
    let step = |path: &PathBuf| {
        let effective = Effective { on_failure: on_failure.clone(), ..Effective::default() };
        Step { path: path.clone(), distrust: None, effective }
    };
    let plan = Plan { steps: plan.left_to_caller.iter().map(step).collect(), ..Plan::default() };
    let mut told = Ok(());
    let (walked, _) = hook.perform(&plan, document, &mut |of: &Invocation, event: Event| {
        if told.is_ok() {
            told = live.tell(of, &event);
        }
    })?;
    told?;
    let failed = walked.ended.iter().any(|ended| ended.outcome.kind() != Kind::Success);
    Ok(Some(Theirs { plan, walked, failed }))
}

/// Says what would run.
fn dry_run(call: &Invocation, plan: &Plan, console: &mut Console) -> anyhow::Result<ExitCode> {
    let scripts = script::scripts(plan);
    if console.json {
        console.json("run", json!({ "call": Call::json(call), "dry_run": true, "scripts": scripts }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let heading = console.paint.heading(&messages::call(call));
    console.lines(&[format!("{heading}: nothing is started; these would be:")])?;
    console.lines(&script::sections(&scripts, console.paint))?;
    Ok(ExitCode::SUCCESS)
}

/// All that came of a call.
struct Answer<'a> {
    call: &'a Invocation,
    plan: &'a Plan,
    walked: &'a RunReport,
    verdict: Verdict,
    theirs: Option<&'a Theirs>,
    code: u8,
}

impl Answer<'_> {
    /// The filtered XML, or everything as JSON.
    fn print(&self, console: &mut Console, source: &document::Source, filtered: Option<&Spool>) -> anyhow::Result<()> {
        let filtered = filtered.filter(|_| self.code == 0);
        if !console.json {
            if let Some(document) = filtered {
                std::io::copy(&mut document.reader()?, console.output)?;
            }
            return Ok(());
        }
        let mut steps = steps(self.plan, self.walked, "hookmux");
        if let Some(theirs) = self.theirs {
            steps.extend(self::steps(&theirs.plan, &theirs.walked, "libvirt"));
        }
        let undone = self.walked.undone.iter().map(|(path, ended)| (path.as_path(), ended));
        let xml = filtered.map(Spool::bytes).transpose()?;
        let content = json!({
            "call": Call::json(self.call),
            "dry_run": false,
            "document": source.word(),
            "steps": steps,
            "undone": undone.map(|(path, ended)| step(path, ended, "hookmux")).collect::<Vec<_>>(),
            "hook_exit_code": self.verdict.code,
            "failed": self.code != 0,
            "xml": xml.map(|xml| String::from_utf8_lossy(&xml).into_owned()),
        });
        console.json("run", content)?;
        Ok(())
    }
}

/// What became of each step, for a program.
fn steps(plan: &Plan, walked: &RunReport, by: &str) -> Vec<Value> {
    plan.steps.iter().zip(&walked.ended).map(|(one, ended)| step(&one.path, ended, by)).collect()
}

fn step(path: &Path, ended: &Ended, by: &str) -> Value {
    let (kind, code) = match ended.outcome.kind() {
        Kind::Success => ("success", Some(0)),
        Kind::Verdict(code) => ("verdict", Some(code)),
        Kind::Fault => ("fault", None),
        Kind::NotRun => ("not-run", None),
    };
    json!({
        "path": printable::printable(path),
        "by": by,
        "kind": kind,
        "exit_code": code,
        "words": in_words(path, &ended.outcome),
        "seconds": ended.elapsed.as_secs_f64(),
        "output": String::from_utf8_lossy(&ended.output),
        "errors": String::from_utf8_lossy(&ended.errors),
        "changes": crate::admin::diff::changes_json(&ended.changes),
    })
}

/// What became of a step, without its path.
fn in_words(path: &Path, outcome: &Outcome) -> String {
    let shown = printable::printable(path);
    let words = messages::outcome(path, outcome);
    words.strip_prefix(&shown).unwrap_or(&words).trim_start().to_owned()
}
