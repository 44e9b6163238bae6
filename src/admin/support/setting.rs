//! What holds for a script that is not the default, and who says so. In: its effective. Out: keys with values, in words.
//! Pure.

use std::fmt;

use serde::Serialize;

use crate::plan::rules::{self, Effective, Wait};
use crate::printable;
use crate::settings::{GuestAbi, OnFailure, OnFault};

/// One key of a rule, as it came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Setting {
    key: &'static str,
    value: String,
    /// Where the rule stands; `None` if it comes with the operation.
    rule: Option<String>,
}

impl fmt::Display for Setting {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let by = self.rule.as_ref().map_or("by the operation".to_owned(), |rule| format!("by the rule at {rule}"));
        write!(out, "{} = {} ({by})", self.key, self.value)
    }
}

/// Everything that some rule, or the operation, gave.
pub(crate) fn of(effective: &Effective) -> Vec<Setting> {
    let settings = [
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
    settings.into_iter().flatten().collect()
}

fn setting<T: Default + PartialEq>(
    key: &'static str,
    given: &rules::Setting<T>,
    in_words: fn(&T) -> String,
) -> Option<Setting> {
    let unsaid = given.from.is_none() && given.value == T::default();
    let rule = given.from.as_ref().map(ToString::to_string);
    (!unsaid).then(|| Setting { key, value: in_words(&given.value), rule })
}
