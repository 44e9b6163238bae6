//! The parts that `check` cannot see when an ordinary user runs it. In: the root, the scripts. Out: paths. Reads.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::admin::support::LOG_DIRECTORY;
use crate::call::drivers::DRIVERS;
use crate::files::paths;
use crate::plan::Plan;
use crate::settings;

/// Files and directories that findings depend on.
const NEEDED: &[&str] = &[
    "/etc/hookmux",
    settings::FILE,
    settings::DROP_INS,
    settings::PACKAGES_DROP_INS,
    "/etc/libvirt/hooks",
    "/etc/libvirt/qemu",
    LOG_DIRECTORY,
];

/// Returns the paths that findings depend on and that this user may not read; none for root.
pub(crate) fn paths(root: &Path, plans: &[(OsString, Plan)]) -> Vec<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Vec::new();
    }
    let directories = DRIVERS
        .iter()
        .flat_map(|driver| paths::directories(root, &paths::below(root, driver.base), driver.name.as_ref()));
    let needed = NEEDED.iter().map(|path| paths::below(root, path)).chain(directories.map(|directory| directory.path));
    let scripts = plans.iter().flat_map(|(_, plan)| plan.scripts()).map(|step| step.path.clone());
    let unseen: BTreeSet<PathBuf> = needed.chain(scripts).filter(|path| is_denied(path)).collect();
    // A path below an unseen directory is not listed as well.
    let is_below = |path: &PathBuf| path.ancestors().skip(1).any(|above| unseen.contains(above));
    unseen.iter().filter(|path| !is_below(path)).cloned().collect()
}

fn is_denied(path: &Path) -> bool {
    let opened = match fs::metadata(path) {
        Ok(file) if file.is_dir() => fs::read_dir(path).map(drop),
        Ok(file) if file.is_file() => File::open(path).map(drop),
        found => found.map(drop),
    };
    opened.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}
