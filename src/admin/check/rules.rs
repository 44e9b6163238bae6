//! Rules that do nothing, and scripts that need one. In: the rules, the scripts of each driver. Out: findings. Pure.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::admin::check::finding::Finding;
use crate::admin::check::text::Text;
use crate::admin::support::{fix, root};
use crate::call::contract::ROWS;
use crate::call::drivers::{self, ArgLayout};
use crate::call::invocation::Invocation;
use crate::files::paths;
use crate::plan::Plan;
use crate::plan::admission::Skip;
use crate::plan::rules;
use crate::printable::{printable_json, quoted};
use crate::settings::Rule;

/// Rules of which nothing is left if one leaves out what nobody calls and no script is called.
pub(crate) fn unused(system: &Path, list: &[Rule], plans: &[(OsString, Plan)]) -> Vec<Finding> {
    list.iter().filter_map(|rule| unused_one(system, rule, plans)).collect()
}

fn unused_one(system: &Path, rule: &Rule, plans: &[(OsString, Plan)]) -> Option<Finding> {
    // Guests come and go.
    let rule = Rule { guest: None, ..rule.clone() };
    let matches = |driver: &OsStr, script: &Path| calls(driver).iter().any(|call| rules::matches(&rule, call, script));
    let ours = plans.iter().flat_map(|(driver, plan)| {
        let by_rule = plan.skipped.iter().filter(|(_, skip)| matches!(skip, Skip::ByRule(_))).map(|(path, _)| path);
        plan.scripts().map(|step| &step.path).chain(by_rule).map(move |path| (driver, path))
    });
    if ours.into_iter().any(|(driver, script)| matches(driver, script)) {
        return None;
    }
    let about = format!("{}", rule.origin);
    let mut left = plans.iter().flat_map(|(driver, plan)| plan.left_to_caller.iter().map(move |path| (driver, path)));
    if let Some((driver, script)) = left.find(|(driver, script)| matches(driver, script)) {
        let adopt = format!("{} adopt{} {} {}", root::own(), root::option(system), quoted(driver), quoted(script));
        let what = format!("does nothing: libvirt itself runs {}", script.display());
        return Some(Finding::new("unused-rule", Path::new(&about), what, adopt));
    }
    let what = "does nothing: there is no script and no call that it is about";
    Some(Finding::new("unused-rule", Path::new(&about), what, fix::edit(&rule.origin)))
}

/// Every call that is known of a driver.
fn calls(driver: &OsStr) -> Vec<Invocation> {
    let call = |operation: &str| {
        let words = match drivers::driver(driver).args {
            ArgLayout::Libvirt => vec!["-".into(), operation.into()],
            ArgLayout::GuestAgent => vec![operation.into()],
        };
        Invocation::new(driver, None, words)
    };
    ROWS.iter().filter(|row| driver == row.driver).map(|row| call(row.operation)).collect()
}

/// Scripts that call libvirt while libvirt waits for them.
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
        let mut excusing = list.iter().filter(|rule| rule.wait == Some(false) || rule.run == Some(false));
        let calls = calls(driver);
        excusing
            .any(|rule| calls.iter().any(|call| rules::matches(&Rule { guest: None, ..rule.clone() }, call, script)))
    };
    let steps = plan.steps.iter().filter(|step| read(&step.path).has("virsh") && !excused(&step.path));
    steps.map(|step| waiting_one(system, &step.path)).collect()
}

fn waiting_one(system: &Path, script: &Path) -> Finding {
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    let file = quoted(&paths::below(system, "/etc/hookmux/hookmux.toml"));
    // A string of JSON is one of TOML.
    let pattern = printable_json(&serde_json::Value::from(glob::Pattern::escape(&name)).to_string());
    let rule = ["[[rule]]", &format!("script = {pattern}"), "wait = false"].map(quoted).join(" ");
    let what = "calls virsh while libvirt waits for it: about the same guest, both wait for good";
    let mut finding = Finding::new("calls-virsh", script, what, format!("printf '%s\\n' '' {rule} >>{file}"));
    finding.advice = Some("without waiting, its exit code refuses nothing any more".into());
    finding
}
