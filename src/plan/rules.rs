//! What holds for a script in a call. In: the rules, the call, the script. Out: its effective, and which rule gave
//! what. Pure.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use glob::Pattern;

use crate::call::invocation::Invocation;
use crate::guard;
use crate::settings::{GuestAbi, OnFailure, OnFault, Origin, Patterns, Rule};

/// How a script runs in a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    /// Whether it runs at all.
    pub run: Setting<Run>,
    /// How long it may take.
    pub timeout: Setting<Option<Duration>>,
    /// What its own no does.
    pub on_failure: Setting<OnFailure>,
    /// What it does that it could not be run.
    pub on_fault: Setting<OnFault>,
    /// Whether the answer waits for it.
    pub wait: Setting<Wait>,
    /// What a filter may change; `None` for everything.
    pub may_change: Setting<Option<Vec<guard::Pattern>>>,
    /// Whether a filter may change the guest's hardware.
    pub guest_abi: Setting<GuestAbi>,
}

impl Effective {
    /// What a filter may change.
    #[must_use]
    pub fn policy(&self) -> guard::Policy {
        let keep_guest_abi = self.guest_abi.value == GuestAbi::Keep;
        guard::Policy { may_change: self.may_change.value.clone(), keep_guest_abi }
    }
}

/// A value, and the rule that gave it; none for the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where the rule stands.
    pub from: Option<Origin>,
}

/// Whether a script runs in a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Run {
    /// It does.
    #[default]
    Yes,
    /// It is left out.
    No,
}

/// Whether the answer waits for a script.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wait {
    /// It does.
    #[default]
    Yes,
    /// The script is started once the answer is known.
    No,
}

impl<T> Setting<T> {
    fn set(&mut self, value: Option<T>, rule: &Rule) {
        if let Some(value) = value {
            *self = Self { value, from: Some(rule.origin.clone()) };
        }
    }
}

/// The rules that leave scripts out of a call, where a file name alone decides: whatever has such a name, in whichever
/// directory, does not run, and nobody has to look at it.
#[derive(Debug, Default)]
pub struct LeftOut<'a>(Vec<&'a Rule>);

impl<'a> LeftOut<'a> {
    /// Those of a call. None where one of them is about whole paths: then the same name may run from another directory.
    #[must_use]
    pub fn of(rules: &'a [Rule], call: &Invocation) -> Self {
        let rules: Vec<&Rule> = rules.iter().filter(|rule| rule.run.is_some() && matches_call(rule, call)).collect();
        let about_paths = |rule: &&Rule| rule.script.iter().flatten().any(is_about_paths);
        Self(if rules.iter().any(about_paths) { Vec::new() } else { rules })
    }

    /// Whether what has this file name is left out, as [`effective`] has it for any path that ends so.
    #[must_use]
    pub fn has(&self, name: &OsStr) -> bool {
        let last = self.0.iter().rev().find(|rule| any(&rule.script, |pattern| fits(pattern, name)));
        last.is_some_and(|rule| rule.run == Some(false))
    }
}

/// Applies all rules that match, in order: a later one wins, key by key.
#[must_use]
pub fn effective(rules: &[Rule], call: &Invocation, script: &Path) -> Effective {
    // A limit that comes with the operation is nobody's rule.
    let timeout = Setting { value: call.row.limit, from: None };
    let mut effective = Effective { timeout, ..Effective::default() };
    for rule in rules.iter().filter(|rule| matches(rule, call, script)) {
        effective.run.set(rule.run.map(|run| if run { Run::Yes } else { Run::No }), rule);
        effective.timeout.set(rule.timeout, rule);
        effective.on_failure.set(rule.on_failure, rule);
        effective.on_fault.set(rule.on_fault, rule);
        effective.wait.set(rule.wait.map(|wait| if wait { Wait::Yes } else { Wait::No }), rule);
        effective.may_change.set(rule.may_change.clone().map(Some), rule);
        effective.guest_abi.set(rule.guest_abi, rule);
    }
    effective
}

/// Whether a rule is about this script in this call.
#[must_use]
pub fn matches(rule: &Rule, call: &Invocation, script: &Path) -> bool {
    matches_call(rule, call) && any(&rule.script, |pattern| fits_script(pattern, script))
}

fn matches_call(rule: &Rule, call: &Invocation) -> bool {
    let row = call.row;
    let names = [Some(call.operation.as_os_str()), row.once_called.map(OsStr::new), Some(OsStr::new(row.operation))];
    any(&rule.driver, |pattern| fits(pattern, &call.driver))
        && any(&rule.guest, |pattern| fits(pattern, &call.object))
        && any(&rule.operation, |pattern| names.iter().flatten().any(|name| fits(pattern, name)))
}

fn any(patterns: &Patterns, matches: impl Fn(&Pattern) -> bool) -> bool {
    patterns.as_ref().is_none_or(|patterns| patterns.iter().any(matches))
}

fn is_about_paths(pattern: &Pattern) -> bool {
    pattern.as_str().contains('/')
}

fn fits_script(pattern: &Pattern, script: &Path) -> bool {
    if is_about_paths(pattern) {
        return fits(pattern, script.as_os_str());
    }
    fits(pattern, script.file_name().unwrap_or_default())
}

/// The text itself fits, too, where it looks like a pattern: a guest may be called `web-[1]`.
fn fits(pattern: &Pattern, name: &OsStr) -> bool {
    name == pattern.as_str() || pattern.matches(&name.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, parse};

    fn rules(text: &str) -> Vec<Rule> {
        let mut settings = Settings::default();
        settings.add(parse(Path::new("/x.toml"), text).unwrap());
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
        let of = |words| effective(&rules, &call(words), Path::new("/x/10-a"));
        let by = |line| Some(Origin { file: Path::new("/x.toml").into(), line });
        let expected = Effective {
            run: Setting::default(),
            timeout: Setting { value: Some(Duration::from_secs(5)), from: by(4) },
            on_failure: Setting { value: OnFailure::Ignore, from: by(1) },
            on_fault: Setting::default(),
            wait: Setting { value: Wait::No, from: by(4) },
            may_change: Setting::default(),
            guest_abi: Setting::default(),
        };
        assert_eq!(of("qemu vm1 start"), expected);
        assert_eq!(of("qemu other start").run, Setting { value: Run::No, from: by(8) });
        assert_eq!(of("qemu vm2 start").timeout, Setting { value: None, from: by(11) });
    }

    #[test]
    fn a_name_is_left_out_where_every_path_that_ends_so_is() {
        let by_name = "[[rule]]\nscript = '*-b'\nrun = false\n[[rule]]\nscript = '20-*'\nguest = 'vm1'\nrun = true\n\
                       [[rule]]\nscript = '/etc/*'\ntimeout = '1s'\n";
        let by_path = format!("{by_name}[[rule]]\nscript = '/etc/*'\nguest = 'vm2'\nrun = true\n");
        let rows = [
            (by_name, "qemu vm1 start", "10-b", true),
            (by_name, "qemu vm1 start", "10-a", false),
            (by_name, "qemu vm1 start", "20-b", false),
            (by_name, "qemu vm2 start", "20-b", true),
            (&by_path, "qemu vm1 start", "10-b", true),
            (&by_path, "qemu vm2 start", "10-b", false),
        ];
        for (text, words, name, left_out) in rows {
            let (rules, call) = (rules(text), call(words));
            assert_eq!(LeftOut::of(&rules, &call).has(OsStr::new(name)), left_out, "{words} {name}");
            for directory in ["/etc/x", "/usr/lib/x"].map(Path::new).iter().filter(|_| left_out) {
                assert_eq!(effective(&rules, &call, &directory.join(name)).run.value, Run::No, "{words} {name}");
            }
        }
    }
}
