//! A script for the administrator: whether it runs, why not, and what fixes that. In: a plan. Out: one value for each script,
//! for lines or JSON. Pure, except that it looks for free names.

use std::path::Path;

use serde::Serialize;

use crate::admin::support::console::Paint;
use crate::admin::support::fix;
use crate::admin::support::setting;
use crate::files::trust;
use crate::plan::{Plan, Step};
use crate::printable;
use crate::verdict::messages;

/// One script of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Script {
    /// Its path, escaped where it is not text.
    pub(crate) path: String,
    pub(crate) state: State,
    /// Why it does not run.
    reason: Option<String>,
    /// The command that fixes that.
    fix: Option<String>,
    /// Its settings from rules, or from the operation.
    settings: Vec<setting::Setting>,
}

/// Whether a script runs, and which program runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// hookmux runs it.
    Runs,
    /// It would run, but is untrusted, which is a failure.
    Untrusted,
    /// hookmux starts it once the answer is known.
    Background,
    /// libvirt itself runs it, before hookmux.
    BeforeHookmux,
    /// libvirt itself runs it.
    LeftToLibvirt,
    /// It does not run.
    Skipped,
}

/// Returns every script of a plan, in order.
pub(crate) fn scripts(root: &Path, plan: &Plan) -> Vec<Script> {
    let before = plan.before.iter().map(|path| Script::new(path, State::BeforeHookmux));
    let steps = plan.steps.iter().map(|step| of(step, State::Runs));
    let background = plan.background.iter().map(|step| of(step, State::Background));
    let left = plan.left_to_caller.iter().map(|path| Script::new(path, State::LeftToLibvirt));
    let skipped = plan.skipped.iter().map(|(path, skip)| {
        let (reason, fix) = (Some(messages::skip(skip)), fix::skip(root, path, skip));
        Script { reason, fix, ..Script::new(path, State::Skipped) }
    });
    before.chain(steps).chain(background).chain(left).chain(skipped).collect()
}

fn of(step: &Step, state: State) -> Script {
    let settings = setting::of(&step.effective);
    let script = Script { settings, ..Script::new(&step.path, state) };
    match &step.distrust {
        None => script,
        Some(distrust) => {
            let (reason, fix) = (Some(trust::distrust(distrust)), trust::trusting(distrust));
            Script { state: State::Untrusted, reason, fix, ..script }
        }
    }
}

impl Script {
    fn new(path: &Path, state: State) -> Self {
        let path = printable::printable(path);
        Self { path, state, reason: None, fix: None, settings: Vec::new() }
    }

    /// Returns its lines: the path, and the details below it.
    fn lines(&self, paint: Paint) -> Vec<String> {
        let mut lines = vec![format!("  {}", self.path)];
        let refused = if self.state == State::Untrusted { paint.bad("untrusted: ") } else { String::new() };
        lines.extend(self.reason.iter().map(|reason| format!("    {refused}{reason}")));
        lines.extend(self.fix.iter().map(|fix| format!("    fix: {}", paint.command(fix))));
        lines.extend(self.settings.iter().map(|setting| format!("    {setting}")));
        lines
    }
}

/// Returns the lines of all scripts, in sections.
pub(crate) fn sections(scripts: &[Script], paint: Paint) -> Vec<String> {
    let is_beside = scripts.iter().any(|script| script.state == State::BeforeHookmux);
    let sections: [(&str, &[State]); 5] = [
        ("first libvirt itself, without limits or log:", &[State::BeforeHookmux]),
        (if is_beside { "then hookmux:" } else { "" }, &[State::Runs, State::Untrusted]),
        ("in the background, if it goes ahead, and without waiting:", &[State::Background]),
        ("then libvirt itself, without limits or log:", &[State::LeftToLibvirt]),
        ("not run:", &[State::Skipped]),
    ];
    let mut lines = Vec::new();
    for (heading, states) in sections {
        let mut those = scripts.iter().filter(|script| states.contains(&script.state)).peekable();
        if those.peek().is_some() && !heading.is_empty() {
            lines.push(paint.faint(heading));
        }
        lines.extend(those.flat_map(|script| script.lines(paint)));
    }
    lines
}
