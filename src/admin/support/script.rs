//! A script for the administrator: whether it runs, why not, and what fixes that. In: a plan. Out: one value for each script,
//! for lines or JSON. Reads the scripts' first lines.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::admin::support::console::Paint;
use crate::admin::support::text::{Text, Trouble};
use crate::admin::support::{fix, setting, table};
use crate::call::contract::{Row, UNKNOWN};
use crate::plan::{Plan, Step};
use crate::printable;
use crate::verdict::messages;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Script {
    path: String,
    pub(crate) state: ScriptState,
    /// The reason why it does not run, or cannot.
    reason: Option<String>,
    /// The consequence when it cannot be run to completion; `None` if hookmux does not run it.
    if_fault: Option<String>,
    fix: Option<String>,
    /// Its settings from rules, or from the operation.
    settings: Vec<setting::KeyValue>,
}

/// The statement whether a script runs, and which program runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ScriptState {
    Runs,
    /// It would run, but is untrusted, which is a fault.
    Untrusted,
    /// It would run, but the kernel does not start it, which is a fault.
    CannotStart,
    /// hookmux starts it once the answer is known.
    Background,
    /// libvirt itself runs it, before hookmux.
    BeforeHookmux,
    /// libvirt itself runs it.
    LeftToLibvirt,
    Skipped,
}

/// Returns every script of a plan, in order. `row` is that of the call, if the plan is for one call.
pub(crate) fn scripts(root: &Path, plan: &Plan, row: Option<&Row>) -> Vec<Script> {
    let row = row.filter(|row| **row != UNKNOWN);
    let libvirts = |path: &PathBuf, state| {
        let (reason, fix) = match Text::read(root, path).trouble(root, path) {
            None => ("without limits or log".into(), None),
            Some(Trouble { what, fix, .. }) => (what, Some(fix)),
        };
        Script { reason: Some(reason), fix, ..Script::new(path, state) }
    };
    let before = plan.before.iter().map(|path| libvirts(path, ScriptState::BeforeHookmux));
    let steps = plan.steps.iter().map(|step| script(root, step, ScriptState::Runs, row));
    let background = plan.background.iter().map(|step| script(root, step, ScriptState::Background, row));
    let left = plan.left_to_caller.iter().map(|path| libvirts(path, ScriptState::LeftToLibvirt));
    let skipped = plan.skipped.iter().map(|(path, skip)| {
        let (reason, fix) = (Some(messages::skip(skip)), fix::skip(root, path, skip));
        Script { reason, fix, ..Script::new(path, ScriptState::Skipped) }
    });
    before.chain(steps).chain(background).chain(left).chain(skipped).collect()
}

fn script(root: &Path, step: &Step, state: ScriptState, row: Option<&Row>) -> Script {
    let if_fault = setting::fault(&step.effective, row).to_owned();
    let settings = setting::settings(&step.effective, row);
    let because = |what: String| Some(format!("{what}: {if_fault}"));
    let (state, reason, fix) = match &step.distrust {
        Some(distrust) => (ScriptState::Untrusted, because(distrust.to_string()), distrust.fix()),
        None => match Text::read(root, &step.path).trouble(root, &step.path) {
            Some(Trouble { what, fix, .. }) => (ScriptState::CannotStart, because(what), Some(fix)),
            None => (state, None, None),
        },
    };
    Script { state, reason, fix, settings, if_fault: Some(if_fault), ..Script::new(&step.path, state) }
}

impl Script {
    fn new(path: &Path, state: ScriptState) -> Self {
        let path = printable::printable(path);
        Self { path, state, reason: None, if_fault: None, fix: None, settings: Vec::new() }
    }

    /// Reports whether it has a turn among the scripts that hookmux runs before it answers.
    pub(crate) fn has_turn(&self) -> bool {
        matches!(self.state, ScriptState::Runs | ScriptState::Untrusted | ScriptState::CannotStart)
    }

    /// Returns its lines: what becomes of it and its path, in columns, and the details below the path.
    fn lines(&self, paint: Paint) -> Vec<String> {
        let (state, paint_it): (_, fn(Paint, &str) -> String) = match self.state {
            ScriptState::Runs => ("runs", Paint::good),
            ScriptState::Untrusted => ("untrusted", Paint::bad),
            ScriptState::CannotStart => ("cannot start", Paint::bad),
            ScriptState::Background => ("background", Paint::good),
            ScriptState::BeforeHookmux | ScriptState::LeftToLibvirt => ("by libvirt", Paint::warning),
            ScriptState::Skipped => ("skipped", Paint::faint),
        };
        // As wide as the longest state.
        let row = |state: &str, text: &str| [format!("{state:<12}"), text.to_owned()];
        let reason = self.reason.iter().map(|reason| row("", reason));
        let mut lines = table::table(&std::iter::once(row(state, &self.path)).chain(reason).collect::<Vec<_>>());
        if let Some(first) = lines.first_mut() {
            *first = first.replacen(state, &paint_it(paint, state), 1);
        }
        // A command stays in one line, to be copied.
        lines.extend(self.fix.iter().map(|fix| format!("{:16}fix: {}", "", paint.command(fix))));
        let settings = self.settings.iter().map(|setting| row("", &setting.to_string()));
        lines.extend(table::table(&settings.collect::<Vec<_>>()));
        lines
    }
}

pub(crate) fn lines(scripts: &[Script], paint: Paint) -> Vec<String> {
    scripts.iter().flat_map(|script| script.lines(paint)).collect()
}
