//! The settings that apply to a script in a call. In: the rules, the call, the script. Out: the effective value of each
//! key, and the rule that it comes from. Pure.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use glob::Pattern;

use crate::call::invocation::Invocation;
use crate::guard;
use crate::plan::calls::Calls;
use crate::plan::facts::Facts;
use crate::settings::{GuestAbi, OnFailure, OnFault, Origin, Patterns, Rule};

/// The settings that apply to a script in a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effective {
    /// True if it does not run at all (`run = false`).
    pub excluded: Setting<bool>,
    /// The time that it may take.
    pub timeout: Setting<Option<Duration>>,
    /// The consequence when it exits non-zero.
    pub on_failure: Setting<OnFailure>,
    /// The consequence when it could not be run to completion.
    pub on_fault: Setting<OnFault>,
    /// True if it starts once the answer is known (`wait = false`).
    pub background: Setting<bool>,
    /// The parts that a filter may change; `None` for everything.
    pub(crate) may_change: Setting<Option<Vec<guard::PathPattern>>>,
    /// The setting whether a filter may change the guest's hardware.
    pub(crate) guest_abi: Setting<GuestAbi>,
    /// For [`Calls::Every`], the rules that match some calls only, in order; empty for one call.
    pub(crate) sometimes: Vec<Rule>,
}

impl Effective {
    pub(crate) fn policy(&self) -> guard::Policy {
        let keep_guest_abi = self.guest_abi.value == GuestAbi::Keep;
        guard::Policy { may_change: self.may_change.value.clone(), keep_guest_abi }
    }
}

/// A value, and the rule that set it; none for the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// The place of the rule.
    pub from: Option<Origin>,
}

impl<T> Setting<T> {
    fn set(&mut self, value: Option<T>, rule: &Rule) {
        if let Some(value) = value {
            *self = Self { value, from: Some(rule.origin.clone()) };
        }
    }
}

impl Effective {
    /// Applies a rule on top of earlier ones, key by key.
    pub(crate) fn apply(&mut self, rule: &Rule) {
        self.excluded.set(rule.run.map(|run| !run), rule);
        self.timeout.set(rule.timeout, rule);
        self.on_failure.set(rule.on_failure, rule);
        self.on_fault.set(rule.on_fault, rule);
        self.background.set(rule.wait.map(|wait| !wait), rule);
        self.may_change.set(rule.may_change.clone().map(Some), rule);
        self.guest_abi.set(rule.guest_abi, rule);
    }
}

/// Applies all rules that match a script, in order: a later one wins, key by key.
#[must_use]
pub fn effective(rules: &[Rule], calls: Calls, facts: &Facts, script: &Path) -> Effective {
    let matches = |rule: &Rule| any(&rule.script, |pattern| fits_script(pattern, script));
    match calls {
        Calls::One(call) => of_one(rules, call, facts, matches),
        Calls::Every(driver) => of_every(rules.iter().filter(|rule| matches(rule)), driver),
    }
}

fn of_one(rules: &[Rule], call: &Invocation, facts: &Facts, matches: impl Fn(&Rule) -> bool) -> Effective {
    let matches = |rule: &Rule| matches(rule) && matches_call(rule, call) && matches_name(&rule.extra, &call.extra);
    // The last one first: facts are asked for only where no later rule has decided the same.
    let mut decided = Keys::default();
    let mut applying = Vec::new();
    for (at, rule) in rules.iter().enumerate().rev().filter(|(_, rule)| matches(rule)) {
        let keys = keys(rule);
        let is_open = keys.iter().zip(decided).any(|(has, done)| *has && !done);
        if is_open && facts.fit(rules, at) {
            applying.push(rule);
            decided.iter_mut().zip(keys).for_each(|(decided, has)| *decided |= has);
        }
    }
    // A limit that comes with the operation is not a rule's.
    let timeout = Setting { value: call.row.limit, from: None };
    let mut effective = Effective { timeout, ..Effective::default() };
    applying.into_iter().rev().for_each(|rule| effective.apply(rule));
    effective
}

/// Reports whether a rule sets nothing for the calls that it matches.
pub(crate) fn sets_nothing(rule: &Rule) -> bool {
    keys(rule) == Keys::default()
}

/// For each key that a rule may decide, whether it does.
type Keys = [bool; 7];

fn keys(rule: &Rule) -> Keys {
    let Rule { run, timeout, on_failure, on_fault, wait, may_change, guest_abi, .. } = rule;
    let [run, wait] = [run, wait].map(Option::is_some);
    let (on_failure, on_fault) = (on_failure.is_some(), on_fault.is_some());
    [run, timeout.is_some(), on_failure, on_fault, wait, may_change.is_some(), guest_abi.is_some()]
}

/// Applies the rules that match all calls of a driver, and collects those that match some of them.
fn of_every<'a>(rules: impl Iterator<Item = &'a Rule>, driver: &OsStr) -> Effective {
    let mut effective = Effective::default();
    for rule in rules.filter(|rule| matches_name(&rule.driver, driver)) {
        let open = [&rule.guest, &rule.operation, &rule.extra, &rule.user].into_iter().all(is_open);
        if open && rule.xml.is_none() {
            effective.apply(rule);
            continue;
        }
        if rule.run == Some(true) && effective.excluded.value {
            effective.excluded = Setting { value: false, from: Some(rule.origin.clone()) };
        }
        effective.sometimes.push(rule.clone());
    }
    effective
}

/// Reports whether patterns match every name.
fn is_open(patterns: &Patterns) -> bool {
    any(patterns, |pattern| pattern.as_str() == "*")
}

/// Reports whether a rule may apply to this script in this call, whatever its last argument, its document and the daemon's
/// user are.
#[must_use]
pub fn matches(rule: &Rule, call: &Invocation, script: &Path) -> bool {
    matches_call(rule, call) && any(&rule.script, |pattern| fits_script(pattern, script))
}

fn matches_call(rule: &Rule, call: &Invocation) -> bool {
    let row = call.row;
    let names = [Some(call.operation.as_os_str()), row.once_called.map(OsStr::new), Some(OsStr::new(row.operation))];
    matches_name(&rule.driver, &call.driver)
        && matches_name(&rule.guest, &call.object)
        && any(&rule.operation, |pattern| names.iter().flatten().any(|name| fits(pattern, name)))
}

fn any(patterns: &Patterns, matches: impl Fn(&Pattern) -> bool) -> bool {
    patterns.as_ref().is_none_or(|patterns| patterns.iter().any(matches))
}

/// Reports whether one of the patterns fits a name.
pub(crate) fn matches_name(patterns: &Patterns, name: &OsStr) -> bool {
    any(patterns, |pattern| fits(pattern, name))
}

fn fits_script(pattern: &Pattern, script: &Path) -> bool {
    let is_about_paths = pattern.as_str().contains('/');
    let name = if is_about_paths { script.as_os_str() } else { script.file_name().unwrap_or_default() };
    fits(pattern, name)
}

/// Reports whether a pattern fits a name. Its own text fits, too, as a guest may be called `web-[1]`.
pub(crate) fn fits(pattern: &Pattern, name: &OsStr) -> bool {
    name == pattern.as_str() || pattern.matches(&name.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, parse};

    fn rules(text: &str) -> Vec<Rule> {
        let mut settings = Settings::default();
        parse(Path::new("/x.toml"), text).unwrap().apply(&mut settings);
        settings.rules
    }

    fn call(words: &str) -> Invocation {
        let mut words = words.split(' ').map(Into::into);
        let driver: std::ffi::OsString = words.next().unwrap();
        Invocation::new(&driver, None, words.collect())
    }

    #[test]
    fn an_absent_key_matches_everything_and_each_present_one_must_match() {
        let script = Path::new("/etc/hookmux/qemu.d/20-backup-disk");
        let rows = [
            ("run = false", "qemu vm1 stop", true),
            ("script = '20-backup*'", "qemu vm1 stop", true),
            ("script = '20-backup'", "qemu vm1 stop", false),
            ("script = '/etc/hookmux/*'", "qemu vm1 stop", true),
            ("script = '/usr/*'", "qemu vm1 stop", false),
            ("driver = 'qemu'", "qemu vm1 stop", true),
            ("driver = ['lxc', 'q*']", "qemu vm1 stop", true),
            ("driver = 'lxc'", "qemu vm1 stop", false),
            ("guest = ['db-*', 'vm1']", "qemu vm1 stop", true),
            ("guest = 'vm'", "qemu vm1 stop", false),
            ("guest = 'web-[1]'", "qemu web-[1] stop", true),
            ("operation = 'stop*'", "qemu vm1 stopped", true),
            ("operation = []", "qemu vm1 stop", false),
            ("operation = 'plugged'", "network n port-created", true),
            ("operation = 'port-created'", "network n plugged", true),
            ("operation = 'port-created'", "network n unplugged", false),
            ("operation = 'snapshot'", "qemu vm1 snapshot", true),
            ("guest = 'vm1'\noperation = 'start'", "qemu vm1 stop", false),
        ];
        for (rule, words, expected) in rows {
            let rule = &rules(&format!("[[rule]]\n{rule}\n"))[0];
            assert_eq!(matches(rule, &call(words), script), expected, "{rule:?} {words}");
        }
    }

    #[test]
    fn all_that_match_apply_and_a_later_one_wins_key_by_key() {
        let rules = rules(
            "[[rule]]\ntimeout = '30s'\non-failure = 'ignore'\n[[rule]]\nguest = 'vm1'\ntimeout = '5s'\nwait = false\n\
             [[rule]]\nguest = 'other'\nrun = false\n[[rule]]\ntimeout = 'none'\nguest = 'vm2'\n",
        );
        let of = |words| effective(&rules, Calls::One(&call(words)), &Facts::nothing(), Path::new("/x/10-a"));
        let by = |line| Some(Origin { file: Path::new("/x.toml").into(), line });
        let expected = Effective {
            excluded: Setting::default(),
            timeout: Setting { value: Some(Duration::from_secs(5)), from: by(4) },
            on_failure: Setting { value: OnFailure::Ignore, from: by(1) },
            on_fault: Setting::default(),
            background: Setting { value: true, from: by(4) },
            may_change: Setting::default(),
            guest_abi: Setting::default(),
            sometimes: vec![],
        };
        assert_eq!(of("qemu vm1 start"), expected);
        assert_eq!(of("qemu other start").excluded, Setting { value: true, from: by(8) });
        assert_eq!(of("qemu vm2 start").timeout, Setting { value: None, from: by(11) });
    }

    #[test]
    fn rules_for_some_calls_of_a_driver_are_kept_apart() {
        let of = |text: &str| {
            let effective =
                effective(&rules(text), Calls::Every(OsStr::new("qemu")), &Facts::nothing(), Path::new("/x/10-a"));
            let lines: Vec<usize> = effective.sometimes.iter().map(|rule| rule.origin.line).collect();
            (effective.excluded.value, effective.timeout.value.map(|limit| limit.as_secs()), lines)
        };
        let rows = [
            ("[[rule]]\nrun = false\ntimeout = '5s'\n", (true, Some(5), vec![])),
            ("[[rule]]\nguest = '*'\noperation = ['*']\nrun = false\n", (true, None, vec![])),
            ("[[rule]]\nguest = 'vm1'\nrun = false\n", (false, None, vec![1])),
            ("[[rule]]\noperation = 'stop'\ntimeout = '5s'\n", (false, None, vec![1])),
            ("[[rule]]\ndriver = 'lxc'\nrun = false\n", (false, None, vec![])),
            ("[[rule]]\nscript = '20-*'\nrun = false\n", (false, None, vec![])),
            ("[[rule]]\nrun = false\n[[rule]]\nguest = 'vm1'\nrun = true\n", (false, None, vec![3])),
            ("[[rule]]\nguest = 'vm1'\nrun = true\n[[rule]]\nrun = false\n", (true, None, vec![1])),
        ];
        for (text, expected) in rows {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
