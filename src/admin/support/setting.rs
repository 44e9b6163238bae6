//! The settings of a script that are not the defaults, and where they come from. In: its effective settings. Out: keys
//! with values, as text. Pure.

use std::fmt;

use serde::Serialize;

use crate::plan::rules::{self, Effective, Run, Wait};
use crate::printable;
use crate::settings::{GuestAbi, OnFailure, OnFault, Patterns, Rule};

/// One key of a rule, as it came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Setting {
    key: &'static str,
    value: String,
    /// Where the rule stands; `None` if it comes with the operation.
    rule: Option<String>,
    /// For which calls it holds; `None` for all that were asked about.
    when: Option<String>,
}

impl fmt::Display for Setting {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{} = {}", self.key, self.value)?;
        if let Some(when) = &self.when {
            write!(out, " for {when}")?;
        }
        match &self.rule {
            Some(rule) => write!(out, " (by the rule at {rule})"),
            None => write!(out, " (by the operation)"),
        }
    }
}

/// Returns everything that some rule, or the operation, gave.
pub(crate) fn of(effective: &Effective) -> Vec<Setting> {
    let mut settings = keys(effective, None);
    for rule in &effective.sometimes {
        let mut alone = Effective::default();
        alone.apply(rule);
        settings.extend(keys(&alone, Some(&when(rule))));
    }
    settings
}

/// Returns for which calls a rule is: `guest 'db-*', operation 'stop' or 'release'`.
fn when(rule: &Rule) -> String {
    let part = |name: &str, patterns: &Patterns| {
        let names = patterns.as_ref()?.iter().map(|pattern| format!("'{}'", printable::printable(pattern.as_str())));
        let names: Vec<String> = names.collect();
        Some(if names.is_empty() { format!("no {name}") } else { format!("{name} {}", names.join(" or ")) })
    };
    let parts = [
        part("guest", &rule.guest),
        part("operation", &rule.operation),
        part("extra", &rule.extra),
        part("user", &rule.user),
        rule.xml.as_ref().map(|paths| {
            let paths: Vec<String> = paths.iter().map(|path| printable::printable(path.to_string())).collect();
            format!("xml {}", paths.join(" and "))
        }),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn keys(effective: &Effective, when: Option<&str>) -> Vec<Setting> {
    let settings = [
        setting("run", &effective.run, |run| (*run == Run::Yes).to_string()),
        setting("timeout", &effective.timeout, |limit| limit.map_or("none".into(), printable::duration)),
        setting("on-failure", &effective.on_failure, |on_failure| match on_failure {
            OnFailure::Fail => "fail".into(),
            OnFailure::Ignore => "ignore".into(),
            OnFailure::Continue => "continue".into(),
        }),
        setting("on-fault", &effective.on_fault, |on_fault| match on_fault {
            OnFault::Fail => "fail".into(),
            OnFault::Ignore => "ignore".into(),
        }),
        setting("wait", &effective.wait, |wait| (*wait == Wait::Yes).to_string()),
        setting("may-change", &effective.may_change, |paths| {
            let paths: Vec<String> = paths.iter().flatten().map(ToString::to_string).collect();
            paths.join(", ")
        }),
        setting("guest-abi", &effective.guest_abi, |guest_abi| match guest_abi {
            GuestAbi::Any => "any".into(),
            GuestAbi::Keep => "keep".into(),
        }),
    ];
    let settings = settings.into_iter().flatten();
    settings.map(|(key, value, rule)| Setting { key, value, rule, when: when.map(str::to_owned) }).collect()
}

fn setting<T: Default + PartialEq>(
    key: &'static str,
    given: &rules::Setting<T>,
    text: fn(&T) -> String,
) -> Option<(&'static str, String, Option<String>)> {
    let is_default = given.from.is_none() && given.value == T::default();
    (!is_default).then(|| (key, text(&given.value), given.from.as_ref().map(ToString::to_string)))
}
