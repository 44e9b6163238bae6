//! What `check` cannot see when an ordinary user runs it. In: the root, the scripts. Out: paths. Reads.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::admin::support::LOG_DIRECTORY;
use crate::call::drivers::DRIVERS;
use crate::files::paths;
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
pub(crate) fn paths<'a>(root: &Path, scripts: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Vec::new();
    }
    let directories = DRIVERS
        .iter()
        .flat_map(|driver| paths::directories(root, &paths::below(root, driver.base), driver.name.as_ref()));
    let needed = NEEDED.iter().map(|path| paths::below(root, path)).chain(directories.map(|directory| directory.path));
    let scripts = scripts.map(Path::to_owned);
    let mut unseen: Vec<PathBuf> = needed.chain(scripts).filter(|path| is_denied(path)).collect();
    unseen.sort();
    unseen.dedup();
    // A path below an unseen directory is not listed as well.
    let all = unseen.clone();
    unseen.retain(|path| !path.ancestors().skip(1).any(|above| all.iter().any(|other| other == above)));
    unseen
}

fn is_denied(path: &Path) -> bool {
    let kind = match fs::metadata(path) {
        Err(error) => return error.kind() == ErrorKind::PermissionDenied,
        Ok(kind) => kind,
    };
    let opened = if kind.is_dir() {
        fs::read_dir(path).map(drop)
    } else if kind.is_file() {
        File::open(path).map(drop)
    } else {
        Ok(())
    };
    opened.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}
