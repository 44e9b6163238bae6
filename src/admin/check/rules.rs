//! Rules that do nothing, or not what they seem to do, and scripts that need one. In: the rules, the scripts of each driver.
//! Out: findings. Pure, apart from the names of guests and the scripts' texts.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use glob::Pattern;

use crate::admin::check::finding::Finding;
use crate::admin::check::guests;
use crate::admin::support::known::{defined, nearest};
use crate::admin::support::text::Text;
use crate::admin::support::{fix, root};
use crate::call::contract::{Failure, Output, ROWS, Row, UNKNOWN};
use crate::call::drivers::{self, ArgLayout, DRIVERS};
use crate::call::invocation::Invocation;
use crate::files::paths;
use crate::plan::Plan;
use crate::plan::admission::Skip;
use crate::plan::calls::Calls;
use crate::plan::facts::Facts;
use crate::plan::rules::{self, Effective};
use crate::printable::{printable_json, quoted};
use crate::settings::{self, OnFailure, OnFault, Patterns, Rule};

/// A script in a call that it may run in.
struct Site<'a> {
    call: Invocation,
    /// Its path on the system, as rules name it.
    script: &'a Path,
    /// True if libvirt itself runs it.
    is_libvirts: bool,
}

pub(crate) fn judge(system: &Path, list: &[Rule], plans: &[(OsString, Plan)]) -> Vec<Finding> {
    let mut sites = Vec::new();
    for (driver, plan) in plans {
        let by_rule = plan.skipped.iter().filter(|(_, skip)| matches!(skip, Skip::ByRule(_))).map(|(path, _)| path);
        let ours = plan.scripts().map(|step| &step.path).chain(by_rule).map(|path| (path, false));
        for (path, is_libvirts) in ours.chain(plan.left_to_caller.iter().map(|path| (path, true))) {
            let script = paths::inside(system, path);
            let operation = guests::below(driver, script).get(1).copied();
            let calls = calls(driver).into_iter().filter(|call| operation.is_none_or(|name| call.row.is_called(name)));
            sites.extend(calls.map(|call| Site { call, script, is_libvirts }));
        }
    }
    list.iter().flat_map(|rule| judge_one(system, rule, list, &sites)).collect()
}

fn judge_one(system: &Path, rule: &Rule, list: &[Rule], sites: &[Site]) -> Vec<Finding> {
    let unused = |why: &str| about(rule, "unused-rule", &format!("does nothing: {why}"));
    if rules::sets_nothing(rule) {
        return vec![unused("it sets nothing for the calls that it matches")];
    }
    let matching = |rule: Rule| sites.iter().filter(move |site| rules::matches(&rule, &site.call, site.script));
    let (libvirts, ours): (Vec<&Site>, Vec<&Site>) = matching(open(rule)).partition(|site| site.is_libvirts);
    // The operations of an unknown driver are unknown, too.
    let mut at_any_operation = matching(Rule { operation: None, ..open(rule) }).filter(|site| !site.is_libvirts);
    if ours.is_empty() && rule.driver.is_some() && at_any_operation.any(|site| site.call.row == UNKNOWN) {
        return Vec::new();
    }
    let dead = dead_patterns(rule, sites);
    if ours.is_empty() {
        return vec![match libvirts.first() {
            Some(Site { call, script, .. }) => {
                let (driver, script) = (quoted(&call.driver), quoted(*script));
                let adopt = format!("{} {driver} {script}", root::command(system, "adopt"));
                unused(&format!("libvirt itself runs {script}")).fix(adopt)
            }
            None if dead.is_empty() => unused("no script and no call matches it"),
            None => unused(&dead.join("; ")),
        }];
    }
    // What holds for the guests that it matches: rules about other guests may not match these.
    let is_about_them = |other: &&Rule| {
        let one_of = |patterns: fn(&Rule) -> &Patterns| patterns(other).is_none() || patterns(other) == patterns(rule);
        let xml = other.xml.is_none() || other.xml == rule.xml;
        xml && one_of(|rule| &rule.guest) && one_of(|rule| &rule.extra) && one_of(|rule| &rule.user)
    };
    let list: Vec<Rule> = list.iter().filter(is_about_them).map(open).collect();
    let effective = |site: &Site| rules::effective(&list, Calls::One(&site.call), &Facts::nothing(), site.script);
    let effective: Vec<(Row, Effective)> = ours.iter().map(|site| (site.call.row, effective(site))).collect();
    let has_effect = |(_, it): &(Row, Effective)| {
        let from = [&it.excluded.from, &it.timeout.from, &it.on_failure.from, &it.on_fault.from, &it.background.from];
        from.into_iter().chain([&it.may_change.from, &it.guest_abi.from]).flatten().any(|from| *from == rule.origin)
    };
    if !effective.iter().any(has_effect) {
        return vec![unused("later rules set the same for every call that it matches")];
    }
    let mut findings: Vec<Finding> = dead.iter().map(|what| about(rule, "unused-pattern", what)).collect();
    findings.extend(misleading(rule, &effective));
    findings.extend(unknown_guests(system, rule));
    findings
}

/// Finds what a rule seems to do, and does not: `effective` holds for the calls that it matches.
fn misleading(rule: &Rule, effective: &[(Row, Effective)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_filter = |(row, _): &(Row, Effective)| row.output == Output::Filter;
    if rule.wait == Some(false) && effective.iter().all(is_filter) {
        let what = "wait = false: the output of a background script is not used, so it cannot filter";
        findings.push(about(rule, "background-filter", what));
    }
    if (rule.may_change.is_some() || rule.guest_abi.is_some()) && !effective.iter().any(is_filter) {
        let what = "may-change and guest-abi have no effect: no call that it matches is a filter";
        findings.push(about(rule, "nothing-filtered", what));
    }
    let aborts = effective.iter().find(|(row, it)| {
        it.timeout.value.is_some()
            && it.on_failure.value == OnFailure::Ignore
            && it.on_failure.from.as_ref() == Some(&rule.origin)
            && it.on_fault.value == OnFault::Fail
            && !it.background.value
            && row.failure == Failure::Aborts
            && *row != UNKNOWN
    });
    if let Some((row, _)) = aborts {
        let limit = "on-failure = \"ignore\" does not cover a script that exceeds its time limit";
        let finding = about(rule, "fault-aborts", &format!("{limit}: {} is aborted", row.operation));
        findings.push(finding.advice("add on-fault = \"ignore\", or remove the limit"));
    }
    findings
}

fn about(rule: &Rule, kind: &'static str, what: &str) -> Finding {
    Finding::new(kind, rule.origin.to_string().as_ref(), what).fix(fix::edit(&rule.origin))
}

/// Returns the same rule for every guest, document, user and last argument: guests come and go.
fn open(rule: &Rule) -> Rule {
    Rule { guest: None, extra: None, user: None, xml: None, ..rule.clone() }
}

/// Describes each pattern that matches none of the scripts, drivers or operations that exist, with the one that was probably
/// meant.
fn dead_patterns(rule: &Rule, sites: &[Site]) -> Vec<String> {
    let mut dead = Vec::new();
    for (key, patterns) in [("script", &rule.script), ("driver", &rule.driver), ("operation", &rule.operation)] {
        for pattern in patterns.iter().flatten() {
            let text = pattern.as_str();
            let names: Vec<Cow<str>> = match key {
                "script" if text.contains('/') => sites.iter().map(|site| site.script.to_string_lossy()).collect(),
                "script" => sites.iter().filter_map(|site| Some(site.script.file_name()?.to_string_lossy())).collect(),
                "driver" => {
                    let named = sites.iter().map(|site| site.call.driver.to_string_lossy());
                    named.chain(DRIVERS.iter().map(|driver| driver.name.into())).collect()
                }
                _ => {
                    let rows = ROWS.iter().filter(|row| rules::matches_name(&rule.driver, row.driver.as_ref()));
                    rows.flat_map(|row| [Some(row.operation), row.once_called]).flatten().map(Cow::from).collect()
                }
            };
            if !names.is_empty() && !names.iter().any(|name| rules::fits(pattern, OsStr::new(&**name))) {
                let names: Vec<&str> = names.iter().map(|name| &**name).collect();
                let meant = nearest(text, &names).map_or(String::new(), |name| format!("; did you mean '{name}'?"));
                dead.push(format!("{key} = '{text}' matches nothing{meant}"));
            }
        }
    }
    dead
}

/// Finds patterns for guests that match none of those that libvirt knows.
fn unknown_guests(system: &Path, rule: &Rule) -> Vec<Finding> {
    let drivers = DRIVERS.iter().filter(|driver| rules::matches_name(&rule.driver, driver.name.as_ref()));
    let defined = drivers.filter_map(|driver| defined(system, driver.name.as_ref()));
    let (Some(named), Some(defined)) = (&rule.guest, defined.reduce(|one, other| &one | &other)) else {
        return Vec::new();
    };
    let dead: Vec<_> = named.iter().filter(|pattern| !defined.iter().any(|name| rules::fits(pattern, name))).collect();
    let then = if dead.len() == named.len() { "does nothing: " } else { "" };
    let about = rule.origin.to_string();
    let finding = |pattern: &&Pattern| guests::undefined(about.as_ref(), then, pattern.as_str().as_ref(), &defined);
    dead.iter().map(finding).collect()
}

/// Returns every known call of a driver; for an unknown driver, one call without an operation.
fn calls(driver: &OsStr) -> Vec<Invocation> {
    let call = |operation: &str| {
        let args = match drivers::driver(driver).args {
            ArgLayout::Libvirt => vec!["-".into(), operation.into()],
            ArgLayout::GuestAgent => vec![operation.into()],
        };
        Invocation::new(driver, None, args)
    };
    let mut calls: Vec<_> = ROWS.iter().filter(|row| driver == row.driver).map(|row| call(row.operation)).collect();
    if calls.is_empty() {
        calls.push(call("-"));
    }
    calls
}

/// Finds scripts that call libvirt while libvirt waits for them.
pub(crate) fn waiting(system: &Path, list: &[Rule], driver: &OsStr, plan: &Plan) -> Vec<Finding> {
    if drivers::driver(driver).args != ArgLayout::Libvirt {
        return Vec::new();
    }
    let excusing = list.iter().filter(|rule| rule.wait == Some(false) || rule.run == Some(false));
    let (excusing, calls) = (excusing.map(open).collect::<Vec<_>>(), calls(driver));
    let is_excused = |script: &Path| {
        let script = paths::inside(system, script);
        excusing.iter().any(|rule| calls.iter().any(|call| rules::matches(rule, call, script)))
    };
    let steps = plan.steps.iter().filter(|step| Text::read(system, &step.path).has("virsh") && !is_excused(&step.path));
    steps.map(|step| waiting_one(system, &step.path)).collect()
}

fn waiting_one(system: &Path, script: &Path) -> Finding {
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    // Every JSON string is a TOML string.
    let pattern = printable_json(&serde_json::Value::from(Pattern::escape(&name)).to_string());
    let rule = ["[[rule]]", &format!("script = {pattern}"), "wait = false"].map(quoted).join(" ");
    // A file of its own: hookmux.toml is the package's, and an upgrade would ask about a change.
    let directory = paths::below(system, settings::DROP_INS);
    let plain = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let file = quoted(&directory.join(format!("50-no-wait-{plain}.toml")));
    let fix = format!("mkdir -p {} && printf '%s\\n' {rule} >>{file}", quoted(&directory));
    let what = "calls virsh while libvirt waits for it: about the same guest, both wait forever";
    Finding::new("calls-virsh", script, what).fix(fix).advice("its exit code can then no longer refuse anything")
}
