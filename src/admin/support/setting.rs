//! The settings of a script that are not the defaults, and where they come from. In: its effective settings. Out: keys
//! with values, as text. Pure.

use std::fmt;

use serde::Serialize;

use crate::call::contract::{Failure, Row};
use crate::plan::rules::{Effective, Setting};
use crate::printable;
use crate::settings::{OnFault, Patterns, Rule};

/// One key of a rule with its effective value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct KeyValue {
    key: &'static str,
    value: String,
    /// The place of the rule; `None` if it comes with the operation.
    rule: Option<String>,
    /// For which calls it holds; `None` for all that were asked about.
    when: Option<String>,
    /// The consequence when a time limit is exceeded.
    then: Option<String>,
}

impl fmt::Display for KeyValue {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match (self.key, self.value.as_str()) {
            ("run", "false") => write!(out, "excluded")?,
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
        let (mut alone, mut both) = (Effective::default(), effective.clone());
        alone.apply(rule);
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
    let part = |name: &str, patterns: &Patterns| match patterns.as_deref()? {
        [] => Some(format!("no {name}")),
        patterns => {
            let shown = patterns.iter().map(|pattern| format!("'{}'", printable::printable(pattern.as_str())));
            Some(format!("{name} {}", joined(shown, " or ")))
        }
    };
    let xml = rule.xml.as_ref().map(|paths| {
        let shown = paths.iter().map(|path| printable::printable(path.to_string()));
        format!("xml {}", joined(shown, " and "))
    });
    let names = [("guest", &rule.guest), ("operation", &rule.operation), ("extra", &rule.extra), ("user", &rule.user)];
    joined(names.into_iter().filter_map(|(name, patterns)| part(name, patterns)).chain(xml), ", ")
}

fn joined(texts: impl Iterator<Item = String>, separator: &str) -> String {
    texts.collect::<Vec<_>>().join(separator)
}

fn keys(effective: &Effective, when: Option<&str>, fault: &str) -> Vec<KeyValue> {
    let keys = [
        key("run", &effective.excluded, |excluded| (!excluded).to_string()),
        key("timeout", &effective.timeout, |limit| limit.map_or("none".into(), printable::duration)),
        key("on-failure", &effective.on_failure, printable::name_of),
        key("on-fault", &effective.on_fault, printable::name_of),
        key("wait", &effective.background, |background| (!background).to_string()),
        key("may-change", &effective.may_change, |paths| joined(paths.iter().flatten().map(ToString::to_string), ", ")),
        key("guest-abi", &effective.guest_abi, printable::name_of),
    ];
    let then = |key| (key == "timeout" && effective.timeout.value.is_some()).then(|| fault.to_owned());
    let complete = |key: KeyValue| KeyValue { when: when.map(str::to_owned), then: then(key.key), ..key };
    keys.into_iter().flatten().map(complete).collect()
}

/// Returns a key with its value, unless that is the default.
fn key<T: Default + PartialEq>(key: &'static str, given: &Setting<T>, text: fn(&T) -> String) -> Option<KeyValue> {
    let is_default = given.from.is_none() && given.value == T::default();
    let rule = given.from.as_ref().map(ToString::to_string);
    (!is_default).then(|| KeyValue { key, value: text(&given.value), rule, when: None, then: None })
}
