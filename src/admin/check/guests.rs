//! Directories of scripts for guests and networks that libvirt does not know. In: the root, paths of scripts. Out: findings.
//! Reads names only.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::admin::check::finding::Finding;
use crate::admin::support::known::defined;
use crate::admin::support::root::{self, entries};
use crate::call::contract::{self, UNKNOWN};
use crate::files::ignored::ignored;
use crate::files::paths;
use crate::plan::Plan;
use crate::plan::guest;
use crate::printable::printable;

/// The number of levels that are examined: links may lead in a circle.
const DEEPEST: usize = 6;

/// The advice for a script at a wrong level.
const LAYOUT: &str = "move it to GUEST/OPERATION/SUB-OPERATION/, such as start/begin (see hookmux-hooks(7))";

/// Returns the part of a script's path below the driver's directory: `GUEST/OPERATION/SUB-OPERATION/NAME`.
pub(crate) fn below<'a>(driver: &OsStr, path: &'a Path) -> Vec<&'a OsStr> {
    let directory = paths::with_ending(driver, ".d");
    path.iter().skip_while(|part| *part != directory).skip(1).collect()
}

/// Finds directories for guests that are not defined.
pub(crate) fn unknown(root: &Path, driver: &OsStr, plan: &Plan) -> Vec<Finding> {
    let Some(defined) = defined(root, driver) else { return Vec::new() };
    let directories = plan.scripts().filter_map(|step| {
        let parts = below(driver, &step.path);
        let (name, deeper) = parts.split_first().filter(|(_, deeper)| !deeper.is_empty())?;
        Some((*name, step.path.ancestors().nth(deeper.len())?))
    });
    // An operation's directory at the wrong level is another finding.
    let is_unknown = |name: &OsStr| {
        contract::look_up(driver, name) == UNKNOWN && !defined.iter().any(|guest| guest::fits(name, guest).is_some())
    };
    let unknown: BTreeSet<(&OsStr, &Path)> = directories.filter(|(name, _)| is_unknown(name)).collect();
    unknown.into_iter().map(|(name, path)| undefined(path, "never runs: ", name, &defined)).collect()
}

/// Finds scripts at a level where no call looks for them: directly in a guest's directory, or below a sub-operation's.
pub(crate) fn wrong_level(root: &Path, driver: &OsStr) -> Vec<Finding> {
    let mut found = Vec::new();
    for top in paths::directories(root, &root::base(root, driver), driver) {
        for path in directories(root, &top.path, DEEPEST).iter().flat_map(|directory| entries(directory)) {
            let parts: Vec<&OsStr> = path.strip_prefix(&top.path).unwrap_or(&path).iter().collect();
            let (name, why) = match parts[..] {
                [guest, _] => (guest, "it is directly in a guest's directory"),
                [guest, _, _, _, _, ..] => (guest, "it is in a directory below that of a sub-operation"),
                _ => continue,
            };
            if path.is_file() && parts.iter().all(|part| ignored(part).is_none()) {
                let other = || Finding::new("wrong-level", &path, format!("never runs: {why}")).advice(LAYOUT);
                found.push(misplaced(driver, name, &path).unwrap_or_else(other));
            }
        }
    }
    found.sort_by(|one, other| one.about.cmp(&other.about));
    found
}

/// Finds a script in an operation's directory that is not in a guest's: `name` is that of the driver's subdirectory.
pub(crate) fn misplaced(driver: &OsStr, name: &OsStr, path: &Path) -> Option<Finding> {
    let row = contract::look_up(driver, name);
    let what = format!("never runs: '{}' is an operation, and its directory is not in a guest's", row.operation);
    let advice = format!("move it to GUEST/{}/{}/ (see hookmux-hooks(7))", row.operation, row.sub_operation);
    (row != UNKNOWN).then(|| Finding::new("wrong-level", path, what).advice(advice))
}

/// Returns a directory and those in it, down to that many levels, unless a link of an image moves them out of it.
pub(crate) fn directories(root: &Path, top: &Path, levels: usize) -> Vec<PathBuf> {
    let mut all = vec![top.to_owned()];
    let mut level = all.clone();
    for _ in 1..levels {
        let inside = level.iter().flat_map(|directory| entries(directory));
        level = inside.filter(|path| path.is_dir() && !root::leads_out(root, path)).collect();
        all.extend_from_slice(&level);
    }
    all
}

/// Returns the finding for a name that no guest has, with the one that was probably meant.
pub(crate) fn undefined(about: &Path, then: &str, name: &OsStr, defined: &BTreeSet<OsString>) -> Finding {
    let what = format!("{then}no guest or network that libvirt knows has the name '{}'", printable(name));
    let name = name.to_string_lossy();
    let similarity = |guest: &&OsString| strsim::jaro_winkler(&name, &guest.to_string_lossy());
    let nearest = defined.iter().max_by(|one, other| similarity(one).total_cmp(&similarity(other)));
    let finding = Finding::new("unknown-guest", about, what);
    match nearest.filter(|guest| similarity(guest) > 0.8) {
        Some(guest) => finding.advice(format!("did you mean '{}'?", printable(guest))),
        None => finding.advice("ignore this if the guest is not defined yet"),
    }
}
