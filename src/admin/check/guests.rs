//! Which directories of scripts are for no guest or network that libvirt knows. In: the root, paths of scripts. Out:
//! findings. Reads names only.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::admin::check::finding::Finding;
use crate::admin::support::guests::{defined, entries};
use crate::admin::support::root;
use crate::files::paths;
use crate::plan::Plan;
use crate::plan::guest;
use crate::printable::printable;

/// The part of a script's path below the driver's directory: `GUEST/OPERATION/SUB-OPERATION/NAME`.
pub(crate) fn below<'a>(driver: &OsStr, path: &'a Path) -> Vec<&'a OsStr> {
    let mut directory = driver.to_owned();
    directory.push(".d");
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
    let is_unknown = |name: &OsStr| !defined.iter().any(|guest| guest::fits(name, guest).is_some());
    let unknown = directories.into_iter().filter(|(name, _)| is_unknown(name));
    unknown
        .map(|(name, path)| Finding::advised("unknown-guest", path, sentence(name), advice(name, &defined)))
        .collect()
}

/// Finds scripts that lie directly in a guest's directory, where no call looks for them.
pub(crate) fn wrong_level(root: &Path, directories: &[paths::Directory]) -> Vec<Finding> {
    let is_visible = |path: &PathBuf| path.file_name().and_then(crate::files::ignored::ignored).is_none();
    let guests = directories.iter().flat_map(|directory| self::directories(root, &directory.path)).filter(is_visible);
    let files = guests.flat_map(|guest| entries(&guest)).filter(is_visible).filter(|path| path.is_file());
    let what = "never runs: it lies directly in a guest's directory";
    let advice = "move it to GUEST/OPERATION/SUB-OPERATION/, such as start/begin (see hookmux-hooks(7))";
    let mut found: Vec<PathBuf> = files.collect();
    found.sort();
    found.iter().map(|path| Finding::advised("wrong-level", path, what, advice)).collect()
}

/// Returns the directories in a directory, unless a link of an image moves them out of it.
pub(crate) fn directories(root: &Path, directory: &Path) -> impl Iterator<Item = PathBuf> {
    entries(directory).filter(|path| path.is_dir() && !root::leads_out(root, path))
}

pub(crate) fn sentence(name: &OsStr) -> String {
    format!("never runs: no guest or network that libvirt knows has the name '{}'", printable(name))
}

/// Names the guest that was probably meant.
pub(crate) fn advice(name: &OsStr, defined: &BTreeSet<OsString>) -> String {
    let name = name.to_string_lossy();
    let similarity = |guest: &&OsString| strsim::jaro_winkler(&name, &guest.to_string_lossy());
    let nearest = defined.iter().max_by(|one, other| similarity(one).total_cmp(&similarity(other)));
    match nearest.filter(|guest| similarity(guest) > 0.8) {
        Some(guest) => format!("did you mean '{}'?", printable(guest)),
        None => "if the guest is yet to come, all is well".to_owned(),
    }
}
