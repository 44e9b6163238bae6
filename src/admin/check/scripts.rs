//! Scripts that cannot be started, or never run. In: a driver's plan. Out: findings. Reads the scripts' texts, and which
//! interpreters exist.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::admin::check::finding::{Finding, NAMEI};
use crate::admin::check::guests;
use crate::admin::support::known::nearest;
use crate::admin::support::text::{Text, Trouble};
use crate::admin::support::{fix, root};
use crate::call::contract::{self, ROWS, UNKNOWN};
use crate::call::drivers::{self, ArgLayout};
use crate::files::ignored::{self, Ignored};
use crate::files::paths::{self, Place};
use crate::files::resolve;
use crate::files::trust::{self, Distrust};
use crate::plan::admission::Skip;
use crate::plan::{Linked, Plan};
use crate::printable::{printable, quoted};
use crate::verdict::messages;

/// The levels of directories that have scripts: the driver's, the guest's, the operation's and the sub-operation's.
const LEVELS: usize = 4;

pub(crate) fn judge(system: &Path, driver: &OsStr, plan: &Plan) -> Vec<Finding> {
    let mut findings = Vec::new();
    for step in plan.scripts() {
        if let Some(distrust) = &step.distrust {
            findings.push(Finding::distrusted("untrusted", &step.path, "untrusted, which fails the call:", distrust));
        }
        findings.extend(beginning(system, &step.path));
        findings.extend(directory(driver, &step.path));
    }
    for (path, skip) in &plan.skipped {
        findings.extend(skipped(system, path, skip));
    }
    for path in plan.before.iter().chain(&plan.left_to_caller) {
        findings.extend(beginning(system, path));
        if plan.linked == Linked::AsHook {
            findings.push(left(system, driver, path));
        }
    }
    findings
}

/// Finds directories of scripts that another user can write to, and that contain no script reported for the same reason: a
/// script that should run may have been removed.
pub(crate) fn emptied(system: &Path, plans: &[(OsString, Plan)]) -> Vec<Finding> {
    let user = nix::unistd::geteuid().as_raw();
    let is_reported = |why: &Distrust| {
        plans.iter().flat_map(|(_, plan)| plan.scripts()).any(|step| step.distrust.as_ref() == Some(why))
    };
    let mut found = BTreeMap::new();
    for (driver, plan) in plans {
        let tops = paths::directories(system, &root::base(system, driver), driver).into_iter();
        // A script that libvirt itself runs has a finding of its own.
        let tops = tops.filter(|top| top.place != Place::Libvirt || plan.left_to_caller.is_empty());
        for directory in tops.flat_map(|top| guests::directories(system, &top.path, LEVELS)) {
            let mut resolved = resolve::resolve(system, &directory);
            if resolved.target.is_err() {
                resolved = resolve::resolve(system, directory.parent().unwrap_or(system));
            }
            let mut nodes = resolved.hops.iter().chain(&resolved.target);
            let distrust = nodes.find_map(|node| Some((node, trust::distrust_node(node, user)?)));
            if let Some((node, why)) = distrust.filter(|(_, why)| !is_reported(why)) {
                let what = "untrusted, so scripts may have been removed from it:";
                found.insert(node.path.clone(), Finding::distrusted("untrusted", &node.path, what, &why));
            }
        }
    }
    found.into_values().collect()
}

/// Reports a first line that the kernel does not accept.
fn beginning(system: &Path, path: &Path) -> Option<Finding> {
    let Trouble { kind, what, fix } = Text::read(system, path).trouble(system, path)?;
    Some(Finding::new(kind, path, format!("cannot be started: {what}")).fix(fix))
}

/// Reports a guest's script in a directory that no call uses.
fn directory(driver: &OsStr, path: &Path) -> Option<Finding> {
    let [guest, operation, sub_operation, ..] = guests::below(driver, path)[..] else { return None };
    let row = contract::look_up(driver, operation);
    if drivers::driver(driver).args != ArgLayout::Libvirt || (row != UNKNOWN && sub_operation == row.sub_operation) {
        return None;
    }
    let (what, advice) = if row == UNKNOWN {
        if let Some(misplaced) = guests::misplaced(driver, guest, path) {
            return Some(misplaced);
        }
        let known: Vec<&str> = ROWS.iter().filter(|row| driver == row.driver).map(|row| row.operation).collect();
        let name = printable(operation);
        let meant = nearest(&name, &known).map_or(String::new(), |nearest| format!("did you mean '{nearest}'? "));
        (format!("'{name}' is not an operation"), format!("{meant}operations are {}", known.join(", ")))
    } else {
        let what = format!("{} has no '{}'", row.operation, printable(sub_operation));
        (what, format!("its sub-operation is {}", row.sub_operation))
    };
    Some(Finding::new("never-called", path, format!("never runs: {what}")).advice(advice))
}

fn skipped(system: &Path, path: &Path, skip: &Skip) -> Option<Finding> {
    let why = messages::skip(skip);
    let (kind, what, advice) = match skip {
        Skip::NotExecutable => ("not-executable", "switched off: it is not executable".to_owned(), None),
        Skip::Name(Ignored::Leftover(_)) => ("leftover", format!("switched off: {why}"), None),
        Skip::NotRegular => ("no-script", format!("never runs: {why}"), Some("only regular files run: move it away")),
        Skip::BrokenLink(_) => {
            ("no-script", format!("never runs: {why}"), Some("restore what it points to, or remove it"))
        }
        Skip::Hidden(by) if fix::is_mask(system, by) => {
            ("masked", format!("switched off: masked by {}", by.display()), None)
        }
        // These are intentional.
        Skip::Name(Ignored::DotFile) | Skip::Masked | Skip::Hidden(_) | Skip::ByRule(_) | Skip::Hookmux => return None,
    };
    let (fix, advice) = (fix::skip(system, path, skip), advice.map(str::to_owned));
    Some(Finding { fix, advice, ..Finding::new(kind, path, what) })
}

/// Reports a script that libvirt runs itself.
fn left(system: &Path, driver: &OsStr, path: &Path) -> Finding {
    if let Some(ignored) = path.file_name().and_then(ignored::ignored) {
        let what = format!("libvirt runs it, although it looks like {}", messages::skip(&Skip::Name(ignored)));
        // Beside the hooks, libvirt runs only the files that have a hook's name.
        let away = path.parent().and_then(Path::parent).unwrap_or(path);
        let fix = format!("mv -n {} {}/", quoted(path), quoted(away));
        return Finding::new("leftover-runs", path, what).fix(fix);
    }
    let adopt = format!("{} {} {}", root::command(system, "adopt"), quoted(driver), quoted(path));
    // What hookmux does not trust, it does not adopt.
    if let Some(distrust) = crate::admin::install::distrusted(system, path).ok().flatten() {
        let finding = Finding::new("libvirts-own-untrusted", path, format!("libvirt runs it as root, and {distrust}"));
        let fix = distrust.fix().map(|fix| format!("{fix} && {adopt}"));
        return Finding { fix, ..finding.advice(NAMEI) };
    }
    Finding::new("libvirts-own", path, "libvirt runs it itself, without time limit, log, or ownership check").fix(adopt)
}
