//! The rules of a call that look at its document, and which of their paths select something. Pure.

use std::path::Path;

use serde::Serialize;

use crate::call::invocation::Invocation;
use crate::files::paths;
use crate::plan::Plan;
use crate::plan::facts::Facts;
use crate::plan::rules;
use crate::settings::Rule;

#[derive(Debug, Serialize)]
pub(crate) struct RulePath {
    rule: String,
    path: String,
    /// `None`: without a document, this is not known.
    selects: Option<bool>,
}

/// Returns the paths of all rules that may apply to a script of the plan. `facts`: if the document is known.
pub(crate) fn paths(
    root: &Path,
    rules: &[Rule],
    call: &Invocation,
    plan: &Plan,
    facts: Option<&Facts>,
) -> anyhow::Result<Vec<RulePath>> {
    let scripts = || plan.scripts().map(|step| &step.path).chain(plan.skipped.iter().map(|(path, _)| path));
    let applies = |rule: &Rule| scripts().any(|script| rules::matches(rule, call, paths::inside(root, script)));
    let mut all = Vec::new();
    for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| applies(rule)) {
        let selects = facts.map(|facts| facts.paths(rules, at)).unwrap_or_default();
        all.extend(rule.xml.iter().flatten().enumerate().map(|(place, condition)| RulePath {
            rule: rule.origin.to_string(),
            path: condition.to_string(),
            selects: selects.get(place).copied(),
        }));
    }
    match facts.and_then(Facts::fault) {
        Some(fault) => anyhow::bail!("a rule looks at the document, which cannot be read: {fault}"),
        None => Ok(all),
    }
}

/// Returns a line for each path, with a heading.
pub(crate) fn lines(paths: &[RulePath]) -> Vec<String> {
    let line = |RulePath { rule, path, selects }: &RulePath| {
        let result = match selects {
            Some(true) => "selects something",
            Some(false) => "selects nothing",
            None => "is not known without --xml FILE",
        };
        format!("  {path} {result} (the rule at {rule})")
    };
    let heading = (!paths.is_empty()).then(|| "rules that look at the document:".to_owned());
    heading.into_iter().chain(paths.iter().map(line)).collect()
}
