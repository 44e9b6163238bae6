//! Rules that do nothing, or not what they seem to do, and scripts that need one. In: the rules, the scripts of each driver.
//! Out: findings. Pure, apart from the names of guests.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::admin::check::finding::Finding;
use crate::admin::check::guests;
use crate::admin::support::known::{defined, nearest};
use crate::admin::support::text::Text;
use crate::admin::support::{fix, root};
use crate::call::contract::{Failure, Output, ROWS, UNKNOWN};
use crate::call::drivers::{self, ArgLayout, DRIVERS};
use crate::call::invocation::Invocation;
use crate::files::paths;
use crate::plan::Plan;
use crate::plan::admission::Skip;
use crate::plan::calls::Calls;
use crate::plan::facts::Facts;
use crate::plan::rules::{self, Effective};
use crate::printable::{printable_json, quoted};
use crate::settings::{self, OnFailure, OnFault, Origin, Patterns, Rule};

/// A script in a call that it may run in.
struct Site<'a> {
    call: Invocation,
    /// Its path on the system, as rules name it.
    script: &'a Path,
}

/// Finds what is wrong with each rule.
pub(crate) fn judge(system: &Path, list: &[Rule], plans: &[(OsString, Plan)]) -> Vec<Finding> {
    let ours = sites(system, plans, |plan| {
        let by_rule = plan.skipped.iter().filter(|(_, skip)| matches!(skip, Skip::ByRule(_))).map(|(path, _)| path);
        plan.scripts().map(|step| &step.path).chain(by_rule).map(PathBuf::as_path).collect()
    });
    let libvirts = sites(system, plans, |plan| plan.left_to_caller.iter().map(PathBuf::as_path).collect());
    list.iter().flat_map(|rule| judge_one(system, rule, list, &ours, &libvirts)).collect()
}

fn judge_one(system: &Path, rule: &Rule, list: &[Rule], ours: &[Site], libvirts: &[Site]) -> Vec<Finding> {
    let new =
        |kind, what: String| Finding::new(kind, Path::new(&rule.origin.to_string()), what, fix::edit(&rule.origin));
    let is_about = |site: &&Site| rules::matches(&open(rule), &site.call, site.script);
    if rules::sets_nothing(rule) {
        return vec![new("unused-rule", "does nothing: it sets nothing for the calls that it matches".into())];
    }
    let matched: Vec<&Site> = ours.iter().filter(is_about).collect();
    // The operations of an unknown driver are unknown, too.
    let is_unknown = |site: &Site| site.call.row == UNKNOWN;
    let any_operation = Rule { operation: None, ..open(rule) };
    if matched.is_empty()
        && rule.driver.is_some()
        && ours.iter().any(|site| is_unknown(site) && rules::matches(&any_operation, &site.call, site.script))
    {
        return Vec::new();
    }
    let mut dead = dead_patterns(rule, ours.iter().chain(libvirts));
    if matched.is_empty() {
        return vec![match libvirts.iter().find(is_about) {
            Some(Site { call, script }) => {
                let (driver, script) = (quoted(&call.driver), quoted(*script));
                let adopt = format!("{} {driver} {script}", root::command(system, "adopt"));
                Finding {
                    fix: Some(adopt),
                    ..new("unused-rule", format!("does nothing: libvirt itself runs {script}"))
                }
            }
            None if dead.is_empty() => new("unused-rule", "does nothing: no script and no call matches it".into()),
            None => new("unused-rule", format!("does nothing: {}", dead.join("; "))),
        }];
    }
    let effective: Vec<(&Site, Effective)> = matched.into_iter().map(|site| (site, with(list, rule, site))).collect();
    let is_by_it = |from: &Option<Origin>| from.as_ref() == Some(&rule.origin);
    let has_effect = |(_, it): &(&Site, Effective)| {
        let from = [&it.excluded.from, &it.timeout.from, &it.on_failure.from, &it.on_fault.from, &it.background.from];
        from.into_iter().chain([&it.may_change.from, &it.guest_abi.from]).any(is_by_it)
    };
    if !effective.iter().any(has_effect) {
        return vec![new(
            "unused-rule",
            "does nothing: later rules set the same for every call that it matches".into(),
        )];
    }
    let is_filter = |site: &Site| site.call.row.output == Output::Filter;
    let mut findings: Vec<Finding> = dead.drain(..).map(|what| new("unused-pattern", what)).collect();
    if rule.wait == Some(false) && effective.iter().all(|(site, _)| is_filter(site)) {
        findings.push(new(
            "background-filter",
            "wait = false: what a background script prints is not used, so it filters nothing".into(),
        ));
    }
    if (rule.may_change.is_some() || rule.guest_abi.is_some()) && !effective.iter().any(|(site, _)| is_filter(site)) {
        findings.push(new(
            "nothing-filtered",
            "may-change and guest-abi have no effect: no call that it matches is a filter".into(),
        ));
    }
    let aborts = effective.iter().find(|(site, it)| {
        it.timeout.value.is_some()
            && it.on_failure.value == OnFailure::Ignore
            && is_by_it(&it.on_failure.from)
            && it.on_fault.value == OnFault::Fail
            && !it.background.value
            && site.call.row.failure == Failure::Aborts
            && !is_unknown(site)
    });
    if let Some((site, _)) = aborts {
        let what = format!(
            "on-failure = \"ignore\" does not cover a script that exceeds its time limit: {} is aborted",
            site.call.row.operation
        );
        findings.push(Finding {
            advice: Some("add on-fault = \"ignore\", or remove the limit".into()),
            ..new("fault-aborts", what)
        });
    }
    findings.extend(unknown_guests(system, rule));
    findings
}

/// Returns the same rule for every guest, document, user and last argument: guests come and go.
fn open(rule: &Rule) -> Rule {
    Rule { guest: None, extra: None, user: None, xml: None, ..rule.clone() }
}

/// Returns what holds at a site for the guests that a rule matches. Rules about other guests may not match these.
fn with(list: &[Rule], rule: &Rule, site: &Site) -> Effective {
    let is_about = |other: &&Rule| {
        let one_of = |patterns: fn(&Rule) -> &Patterns| patterns(other).is_none() || patterns(other) == patterns(rule);
        let xml = other.xml.is_none() || other.xml == rule.xml;
        xml && one_of(|rule| &rule.guest) && one_of(|rule| &rule.extra) && one_of(|rule| &rule.user)
    };
    let these = list.iter().filter(is_about).map(open);
    rules::effective(&these.collect::<Vec<_>>(), Calls::One(&site.call), &Facts::nothing(), site.script)
}

/// Describes each pattern that matches none of the scripts, drivers or operations that exist, with the one that was probably
/// meant.
fn dead_patterns<'a>(rule: &Rule, sites: impl Iterator<Item = &'a Site<'a>>) -> Vec<String> {
    let (scripts, paths, mut drivers): (Vec<_>, Vec<_>, Vec<_>) = sites
        .map(|site| {
            let name = site.script.file_name().unwrap_or_default();
            (name.to_string_lossy(), site.script.to_string_lossy(), site.call.driver.to_string_lossy())
        })
        .collect();
    drivers.extend(DRIVERS.iter().map(|driver| driver.name.into()));
    let rows = ROWS.iter().filter(|row| rules::matches_name(&rule.driver, row.driver.as_ref()));
    let operations: Vec<Cow<str>> =
        rows.flat_map(|row| [Some(row.operation), row.once_called]).flatten().map(Cow::from).collect();
    let keys = [("script", &rule.script), ("driver", &rule.driver), ("operation", &rule.operation)];
    let patterns =
        keys.iter().flat_map(|(key, patterns)| patterns.iter().flatten().map(move |pattern| (*key, pattern)));
    let dead = patterns.filter_map(|(key, pattern)| {
        let names = match key {
            "script" if pattern.as_str().contains('/') => &paths,
            "script" => &scripts,
            "driver" => &drivers,
            _ => &operations,
        };
        if names.is_empty() || names.iter().any(|name| rules::fits(pattern, OsStr::new(&**name))) {
            return None;
        }
        let text = pattern.as_str();
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        let meant = nearest(text, &names).map_or(String::new(), |name| format!("; did you mean '{name}'?"));
        Some(format!("{key} = '{text}' matches nothing{meant}"))
    });
    dead.collect()
}

/// Finds patterns for guests that match none of those that libvirt knows.
fn unknown_guests(system: &Path, rule: &Rule) -> Vec<Finding> {
    let Some(named) = &rule.guest else { return Vec::new() };
    let drivers = DRIVERS.iter().filter(|driver| rules::matches_name(&rule.driver, driver.name.as_ref()));
    let defined = drivers.filter_map(|driver| defined(system, driver.name.as_ref()));
    let Some(defined) = defined.reduce(|one, other| &one | &other) else { return Vec::new() };
    let dead: Vec<_> = named.iter().filter(|pattern| !defined.iter().any(|name| rules::fits(pattern, name))).collect();
    let then = if dead.len() == named.len() { "does nothing: " } else { "" };
    let about = rule.origin.to_string();
    let finding = |pattern: &&glob::Pattern| {
        let name = pattern.as_str().as_ref();
        let what = format!("{then}{}", guests::sentence(name));
        Finding::advised("unknown-guest", Path::new(&about), what, guests::advice(name, &defined))
    };
    dead.iter().map(finding).collect()
}

/// Returns every call of every script.
fn sites<'a>(
    system: &Path,
    plans: &'a [(OsString, Plan)],
    scripts: impl Fn(&'a Plan) -> Vec<&'a Path>,
) -> Vec<Site<'a>> {
    let mut sites = Vec::new();
    for (driver, plan) in plans {
        for script in scripts(plan).into_iter().map(|script| paths::inside(system, script)) {
            let operation = guests::below(driver, script).get(1).copied();
            let calls = calls(driver).into_iter().filter(|call| operation.is_none_or(|name| call.row.is_called(name)));
            sites.extend(calls.map(|call| Site { call, script }));
        }
    }
    sites
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
pub(crate) fn waiting(
    system: &Path,
    list: &[Rule],
    driver: &OsStr,
    plan: &Plan,
    read: &dyn Fn(&Path) -> Text,
) -> Vec<Finding> {
    if drivers::driver(driver).args != ArgLayout::Libvirt {
        return Vec::new();
    }
    let excused = |script: &Path| {
        let script = paths::inside(system, script);
        let mut excusing = list.iter().filter(|rule| rule.wait == Some(false) || rule.run == Some(false));
        let calls = calls(driver);
        excusing.any(|rule| calls.iter().any(|call| rules::matches(&open(rule), call, script)))
    };
    let steps = plan.steps.iter().filter(|step| read(&step.path).has("virsh") && !excused(&step.path));
    steps.map(|step| waiting_one(system, &step.path)).collect()
}

fn waiting_one(system: &Path, script: &Path) -> Finding {
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    // Every JSON string is a TOML string.
    let pattern = printable_json(&serde_json::Value::from(glob::Pattern::escape(&name)).to_string());
    let rule = ["[[rule]]", &format!("script = {pattern}"), "wait = false"].map(quoted).join(" ");
    // A file of its own: hookmux.toml is the package's, and an upgrade would ask about a change.
    let directory = paths::below(system, settings::DROP_INS);
    let plain: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let file = quoted(&directory.join(format!("50-no-wait-{plain}.toml")));
    let fix = format!("mkdir -p {} && printf '%s\\n' {rule} >>{file}", quoted(&directory));
    let what = "calls virsh while libvirt waits for it: about the same guest, both wait forever";
    let mut finding = Finding::new("calls-virsh", script, what, fix);
    finding.advice = Some("its exit code then refuses nothing any more".into());
    finding
}
