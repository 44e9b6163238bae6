//! Scripts that cannot be started, or never run. In: a driver's plan, the scripts' texts. Out: findings. Pure, apart from a
//! look at which interpreters exist.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

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
use crate::printable::{self, quoted};
use crate::verdict::messages;

/// How many directories a guest's scripts lie below the driver's.
const DEPTH: usize = 3;

/// Finds what is wrong with the scripts of one driver.
pub(crate) fn judge(system: &Path, driver: &OsStr, plan: &Plan, read: &dyn Fn(&Path) -> Text) -> Vec<Finding> {
    let mut findings = Vec::new();
    for step in plan.scripts() {
        if let Some(distrust) = &step.distrust {
            findings.push(Finding::distrusted("untrusted", &step.path, "untrusted, which fails the call:", distrust));
        }
        findings.extend(beginning(system, &step.path, &read(&step.path)));
        findings.extend(directory(driver, &step.path));
    }
    for (path, skip) in &plan.skipped {
        findings.extend(skipped(system, path, skip));
    }
    for path in plan.before.iter().chain(&plan.left_to_caller) {
        findings.extend(beginning(system, path, &read(path)));
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
        let base = root::base(system, driver);
        let mut directories: Vec<PathBuf> = paths::directories(system, &base, driver)
            .into_iter()
            // A script that libvirt itself runs has a finding of its own.
            .filter(|directory| directory.place != Place::Libvirt || plan.left_to_caller.is_empty())
            .map(|directory| directory.path)
            .collect();
        while let Some(directory) = directories.pop() {
            let mut resolved = resolve::resolve(system, &directory);
            if resolved.target.is_err()
                && let Some(parent) = directory.parent()
            {
                resolved = resolve::resolve(system, parent);
            } else if guests::below(driver, &directory).len() < DEPTH {
                directories.extend(guests::directories(system, &directory));
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
fn beginning(system: &Path, path: &Path, text: &Text) -> Option<Finding> {
    let Trouble { kind, what, fix } = text.trouble(system, path)?;
    Some(Finding::new(kind, path, format!("cannot be started: {what}"), fix))
}

/// Reports a guest's script in a directory that no call uses.
fn directory(driver: &OsStr, path: &Path) -> Option<Finding> {
    let [guest, operation, sub_operation, ..] = guests::below(driver, path)[..] else { return None };
    let row = contract::look_up(driver, operation);
    if drivers::driver(driver).args != ArgLayout::Libvirt || (row != UNKNOWN && sub_operation == row.sub_operation) {
        return None;
    }
    if row == UNKNOWN
        && let Some(misplaced) = guests::misplaced(driver, guest, path)
    {
        return Some(misplaced);
    }
    let known: Vec<&str> = ROWS.iter().filter(|row| driver == row.driver).map(|row| row.operation).collect();
    let (what, advice) = if row == UNKNOWN {
        let name = printable::printable(operation);
        let meant = nearest(&name, &known).map_or(String::new(), |nearest| format!("did you mean '{nearest}'? "));
        (format!("'{name}' is not an operation"), format!("{meant}operations are {}", known.join(", ")))
    } else {
        let what = format!("{} has no '{}'", row.operation, printable::printable(sub_operation));
        (what, format!("its sub-operation is {}", row.sub_operation))
    };
    Some(Finding::advised("never-called", path, format!("never runs: {what}"), advice))
}

fn skipped(system: &Path, path: &Path, skip: &Skip) -> Option<Finding> {
    let (kind, what) = match skip {
        Skip::NotExecutable => ("not-executable", "switched off: it is not executable".to_owned()),
        Skip::Name(Ignored::Leftover(_)) => ("leftover", format!("switched off: {}", messages::skip(skip))),
        Skip::NotRegular | Skip::BrokenLink(_) => ("no-script", format!("never runs: {}", messages::skip(skip))),
        Skip::Hidden(by) if fix::is_mask(system, by) => ("masked", format!("switched off: masked by {}", by.display())),
        // These are intentional.
        Skip::Name(Ignored::DotFile) | Skip::Masked | Skip::Hidden(_) | Skip::ByRule(_) | Skip::Hookmux => return None,
    };
    let advice = match skip {
        Skip::NotRegular => Some("only regular files run: move it away"),
        Skip::BrokenLink(_) => Some("restore what it points to, or remove it"),
        _ => None,
    };
    let finding = Finding::advised(kind, path, what, "");
    Some(Finding { fix: fix::skip(system, path, skip), advice: advice.map(str::to_owned), ..finding })
}

/// Reports a script that libvirt runs itself.
fn left(system: &Path, driver: &OsStr, path: &Path) -> Finding {
    if let Some(ignored) = path.file_name().and_then(ignored::ignored) {
        let what = format!("libvirt runs it, although it looks like {}", messages::ignored(ignored));
        // Beside the hooks, libvirt runs only the files that have a hook's name.
        let away = path.parent().and_then(Path::parent).unwrap_or(path);
        return Finding::new("leftover-runs", path, what, format!("mv -n {} {}/", quoted(path), quoted(away)));
    }
    let adopt = format!("{} {} {}", root::command(system, "adopt"), quoted(driver), quoted(path));
    // What hookmux does not trust, it does not adopt.
    if let Some(distrust) = crate::admin::install::distrusted(system, path).ok().flatten() {
        let what = format!("libvirt runs it as root, and {distrust}");
        return Finding {
            fix: distrust.fix().map(|fix| format!("{fix} && {adopt}")),
            ..Finding::advised("libvirts-own-untrusted", path, what, NAMEI)
        };
    }
    Finding::new("libvirts-own", path, "libvirt runs it itself, without time limit, log, or ownership check", adopt)
}
