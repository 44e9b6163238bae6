//! Directories of scripts for guests and networks that libvirt does not know. In: the root, paths of scripts. Out: findings.
//! Reads names only.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::admin::check::finding::Finding;
use crate::admin::support::known::defined;
use crate::admin::support::root::{self, entries};
use crate::call::contract::{self, UNKNOWN};
use crate::files::paths;
use crate::plan::Plan;
use crate::plan::guest;
use crate::printable::printable;

/// How many levels below the driver's directory the deepest scripts lie: `GUEST/OPERATION/SUB-OPERATION/NAME`.
const LEVELS: usize = 4;

/// How many levels are looked at: links may lead in a circle.
const DEEPEST: usize = 6;

/// What to do with a script at a wrong level.
const LAYOUT: &str = "move it to GUEST/OPERATION/SUB-OPERATION/, such as start/begin (see hookmux-hooks(7))";

/// Returns the part of a script's path below the driver's directory: `GUEST/OPERATION/SUB-OPERATION/NAME`.
pub(crate) fn below<'a>(driver: &OsStr, path: &'a Path) -> Vec<&'a OsStr> {
    let directory = paths::with_ending(driver, ".d");
    path.iter().skip_while(|part| *part != directory).skip(1).collect()
}

/// Finds directories for guests that are not defined.
pub(crate) fn unknown(root: &Path, driver: &OsStr, plan: &Plan) -> Vec<Finding> {
    let Some(defined) = defined(root, driver) else { return Vec::new() };
    let directories: BTreeSet<(&OsStr, &Path)> = plan
        .scripts()
        .filter_map(|step| {
            let parts = below(driver, &step.path);
            let (name, deeper) = parts.split_first().filter(|(_, deeper)| !deeper.is_empty())?;
            Some((*name, step.path.ancestors().nth(deeper.len())?))
        })
        .collect();
    // An operation's directory at the wrong level is another finding.
    let is_unknown = |name: &OsStr| {
        contract::look_up(driver, name) == UNKNOWN && !defined.iter().any(|guest| guest::fits(name, guest).is_some())
    };
    let unknown = directories.into_iter().filter(|(name, _)| is_unknown(name));
    unknown
        .map(|(name, path)| {
            let what = format!("never runs: {}", sentence(name));
            Finding::advised("unknown-guest", path, what, advice(name, &defined))
        })
        .collect()
}

/// Finds scripts at a level where no call looks for them: directly in a guest's directory, or below a sub-operation's.
pub(crate) fn wrong_level(root: &Path, driver: &OsStr, directories: &[paths::Directory]) -> Vec<Finding> {
    let is_visible = |path: &PathBuf| path.file_name().and_then(crate::files::ignored::ignored).is_none();
    let mut found = Vec::new();
    let mut level: Vec<PathBuf> = directories.iter().map(|directory| directory.path.clone()).collect();
    for depth in 1..=DEEPEST {
        let files = level.iter().flat_map(|directory| entries(directory)).filter(is_visible);
        let why = match depth {
            2 => "it lies directly in a guest's directory",
            _ if depth > LEVELS => "it lies in a directory below that of a sub-operation",
            _ => "",
        };
        let files = files.filter(|path| !why.is_empty() && path.is_file());
        found.extend(files.map(|path| {
            let name = path.ancestors().nth(depth.saturating_sub(1)).and_then(Path::file_name).unwrap_or_default();
            misplaced(driver, name, &path)
                .unwrap_or_else(|| Finding::advised("wrong-level", &path, format!("never runs: {why}"), LAYOUT))
        }));
        level = level.iter().flat_map(|at| self::directories(root, at)).filter(is_visible).collect();
    }
    found.sort_by(|one, other| one.about.cmp(&other.about));
    found
}

/// Finds a script in an operation's directory that is not in a guest's: `name` is that of the driver's subdirectory.
pub(crate) fn misplaced(driver: &OsStr, name: &OsStr, path: &Path) -> Option<Finding> {
    let row = contract::look_up(driver, name);
    let what = format!("never runs: '{}' is an operation, and its directory is not in a guest's", row.operation);
    let advice = format!("move it to GUEST/{}/{}/ (see hookmux-hooks(7))", row.operation, row.sub_operation);
    (row != UNKNOWN).then(|| Finding::advised("wrong-level", path, what, advice))
}

/// Returns the directories in a directory, unless a link of an image moves them out of it.
pub(crate) fn directories(root: &Path, directory: &Path) -> impl Iterator<Item = PathBuf> {
    entries(directory).filter(|path| path.is_dir() && !root::leads_out(root, path))
}

pub(crate) fn sentence(name: &OsStr) -> String {
    format!("no guest or network that libvirt knows has the name '{}'", printable(name))
}

/// Names the guest that was probably meant.
pub(crate) fn advice(name: &OsStr, defined: &BTreeSet<OsString>) -> String {
    let name = name.to_string_lossy();
    let similarity = |guest: &&OsString| strsim::jaro_winkler(&name, &guest.to_string_lossy());
    let nearest = defined.iter().max_by(|one, other| similarity(one).total_cmp(&similarity(other)));
    match nearest.filter(|guest| similarity(guest) > 0.8) {
        Some(guest) => format!("did you mean '{}'?", printable(guest)),
        None => "ignore this if the guest is not defined yet".to_owned(),
    }
}
