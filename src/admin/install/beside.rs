//! hookmux beside another program's hook. In: a driver. Out: the path of the link, whether libvirt runs it, and the
//! directory around it. Does: makes that directory, and removes it if it was made here.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::OFlags;

use crate::admin::install::existing;
use crate::admin::support::{daemons, files, root};
use crate::call::drivers::{self, ArgLayout};
use crate::files::resolve;

/// The link's name in libvirt's own directory of the driver: before other scripts.
const NAME: &str = "00-hookmux";

/// The file that marks a directory which `install` made, so that `uninstall` removes no other. libvirt does not run it.
const MADE: &str = ".made-by-hookmux";

/// Returns where hookmux is linked beside another program's hook.
pub(crate) fn path(root: &Path, driver: &OsStr) -> PathBuf {
    root::directories(root, driver)[0].join(NAME)
}

/// Makes the directory around the link, with its mark, where it does not exist.
pub(crate) fn make_directory(root: &Path, link: &Path) -> anyhow::Result<()> {
    let directory = link.parent().unwrap_or(link);
    let mark =
        || files::write_private(root, &link.with_file_name(MADE), b"hookmux made this directory and removes it.\n");
    let made = match resolve::open(root, directory, OFlags::RDONLY | OFlags::DIRECTORY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            files::directory(root, directory, 0o755).and_then(|()| mark())
        }
        found => found.map(drop),
    };
    made.with_context(|| format!("cannot make the directory of {}", link.display()))
}

/// Removes hookmux's link, and the directory around it if that has a mark and nothing else in it. Reports whether there was
/// a link.
pub(crate) fn remove(root: &Path, driver: &OsStr) -> anyhow::Result<bool> {
    let link = path(root, driver);
    if !existing::look(root, &link)?.is_ours() {
        return Ok(false);
    }
    files::remove(root, &link).with_context(|| format!("cannot remove {}", link.display()))?;
    let removed = match files::remove(root, &link.with_file_name(MADE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.and_then(|()| files::remove_empty(root, link.parent().unwrap_or(&link))),
    };
    removed.with_context(|| format!("cannot remove the directory of {}", link.display()))?;
    Ok(true)
}

/// Returns why the caller would not run hookmux there, if so. A libvirt whose release is unknown counts as a new one.
pub(crate) fn unsupported(root: &Path, driver: &OsStr) -> Option<String> {
    if drivers::driver(driver).args == ArgLayout::GuestAgent {
        return Some("the guest agent runs one hook and nothing beside it".into());
    }
    let version = daemons::version(root, driver)?;
    (!version.runs_dot_d()).then(|| format!("libvirt {version} runs one hook and nothing beside it (6.5.0 does)"))
}
