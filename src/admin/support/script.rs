//! A script as an administrator sees it: what becomes of it, why, and what mends that. In: a plan. Out: one value a
//! script, for lines or for JSON. Pure, but for a look at which names are free.

use std::path::Path;

use serde::Serialize;

use crate::admin::support::console::Paint;
use crate::admin::support::mend;
use crate::admin::support::setting;
use crate::plan::{Plan, Step};
use crate::verdict::words;

/// One script of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Script {
    /// Its path; what is no text in it is escaped.
    pub(crate) path: String,
    pub(crate) state: State,
    /// Why it does not run.
    reason: Option<String>,
    /// The command that mends that.
    mend: Option<String>,
    /// What rules, or the operation, say of it.
    settings: Vec<setting::Setting>,
}

/// What becomes of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// hookmux runs it.
    Runs,
    /// It would be run, but is not trusted: that is a failure.
    Refused,
    /// hookmux starts it once the answer is known.
    Afterwards,
    /// libvirt runs it by itself.
    LeftToLibvirt,
    /// Nobody runs it.
    Skipped,
}

/// Every script of a plan, in order.
pub(crate) fn scripts(plan: &Plan) -> Vec<Script> {
    let steps = plan.steps.iter().map(|step| of(step, State::Runs));
    let afterwards = plan.afterwards.iter().map(|step| of(step, State::Afterwards));
    let left = plan.left_to_caller.iter().map(|path| Script::new(path, State::LeftToLibvirt));
    let skipped = plan.skipped.iter().map(|(path, skip)| {
        let (reason, mend) = (Some(words::skip(skip)), Some(mend::skip(path, skip)));
        Script { reason, mend, ..Script::new(path, State::Skipped) }
    });
    steps.chain(afterwards).chain(left).chain(skipped).collect()
}

fn of(step: &Step, state: State) -> Script {
    let settings = setting::of(&step.treatment);
    let script = Script { settings, ..Script::new(&step.path, state) };
    match &step.refusal {
        None => script,
        Some(refusal) => {
            let (reason, mend) = (Some(words::distrust(refusal)), words::trusting(refusal));
            Script { state: State::Refused, reason, mend, ..script }
        }
    }
}

impl Script {
    fn new(path: &Path, state: State) -> Self {
        let path = words::printable(path);
        Self { path, state, reason: None, mend: None, settings: Vec::new() }
    }

    /// Its lines: the path, and below it what there is to say.
    fn lines(&self, paint: Paint) -> Vec<String> {
        let mut lines = vec![format!("  {}", self.path)];
        let refused = if self.state == State::Refused { paint.bad("refused: ") } else { String::new() };
        lines.extend(self.reason.iter().map(|reason| format!("    {refused}{reason}")));
        lines.extend(self.mend.iter().map(|mend| format!("    mend: {}", paint.command(mend))));
        lines.extend(self.settings.iter().map(|setting| format!("    {setting}")));
        lines
    }
}

/// The lines of all scripts, in sections.
pub(crate) fn sections(scripts: &[Script], paint: Paint) -> Vec<String> {
    let sections: [(&str, &[State]); 4] = [
        ("", &[State::Runs, State::Refused]),
        ("afterwards, if it goes ahead, and without waiting:", &[State::Afterwards]),
        ("then libvirt itself, without limits or log (hookmux adopt moves them):", &[State::LeftToLibvirt]),
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
