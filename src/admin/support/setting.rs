//! The settings of a script that are not the defaults, and where they come from. In: its effective settings. Out: keys
//! with values, as text. Pure.

use std::fmt;

use serde::Serialize;

use crate::call::contract::{Failure, Row};
use crate::plan::rules::{self, Effective};
use crate::printable;
use crate::settings::{OnFault, Patterns, Rule};

/// One key of a rule with its effective value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct KeyValue {
    key: &'static str,
    value: String,
    /// Where the rule stands; `None` if it comes with the operation.
    rule: Option<String>,
    /// For which calls it holds; `None` for all that were asked about.
    when: Option<String>,
    /// What follows when a time limit is exceeded.
    then: Option<String>,
}

impl fmt::Display for KeyValue {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match (self.key, self.value.as_str()) {
            ("run", "false") => write!(out, "left out")?,
            (key, value) => write!(out, "{key} = {value}")?,
        }
        self.when.iter().try_for_each(|when| write!(out, " for {when}"))?;
        self.then.iter().try_for_each(|then| write!(out, ": then it is killed, and {then}"))?;
        write!(out, " ({})", self.rule.as_deref().unwrap_or("by the operation"))
    }
}

/// Returns everything that a rule or the operation sets, for one call or for every one.
pub(crate) fn settings(effective: &Effective, row: Option<&Row>) -> Vec<KeyValue> {
    let mut settings = keys(effective, None, fault(effective, row));
    for rule in &effective.sometimes {
        let mut alone = Effective::default();
        alone.apply(rule);
        let mut both = effective.clone();
        both.apply(rule);
        settings.extend(keys(&alone, Some(&when(rule)), fault(&both, row)));
    }
    settings
}

/// Returns what follows when a script cannot be run to completion.
pub(crate) fn fault<'a>(effective: &Effective, row: Option<&'a Row>) -> &'a str {
    match row {
        _ if effective.on_fault.value == OnFault::Ignore || effective.background.value => "that is logged",
        None => "the call fails",
        Some(row) if row.failure == Failure::Aborts => row.effect.split(';').next().unwrap_or(row.effect),
        Some(_) => "that is logged",
    }
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

fn keys(effective: &Effective, when: Option<&str>, fault: &str) -> Vec<KeyValue> {
    let settings = [
        setting("run", &effective.excluded, |excluded| (!excluded).to_string()),
        setting("timeout", &effective.timeout, |limit| limit.map_or("none".into(), printable::duration)),
        setting("on-failure", &effective.on_failure, printable::name_of),
        setting("on-fault", &effective.on_fault, printable::name_of),
        setting("wait", &effective.background, |background| (!background).to_string()),
        setting("may-change", &effective.may_change, |paths| {
            let paths: Vec<String> = paths.iter().flatten().map(ToString::to_string).collect();
            paths.join(", ")
        }),
        setting("guest-abi", &effective.guest_abi, printable::name_of),
    ];
    let then = effective.timeout.value.map(|_| fault.to_owned());
    let new = |(key, value, rule)| {
        let then = then.clone().filter(|_| key == "timeout");
        KeyValue { key, value, rule, when: when.map(str::to_owned), then }
    };
    settings.into_iter().flatten().map(new).collect()
}

fn setting<T: Default + PartialEq>(
    key: &'static str,
    given: &rules::Setting<T>,
    text: fn(&T) -> String,
) -> Option<(&'static str, String, Option<String>)> {
    let is_default = given.from.is_none() && given.value == T::default();
    (!is_default).then(|| (key, text(&given.value), given.from.as_ref().map(ToString::to_string)))
}
