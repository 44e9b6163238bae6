//! The program that hooks lead to. In: where this program lies. Out: the program that libvirt runs, and who controls
//! it. Reads.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::admin::support::{apparmor, root};
use crate::files::paths;
use crate::files::program::INSTALLED;
use crate::files::resolve;
use crate::files::trust;
use crate::printable;

/// Returns the program that a hook leads to, as the system below `root` sees it: a file of its own, so that whatever is
/// written through a hook's link cannot overwrite the command line.
pub(crate) fn program(root: &Path) -> anyhow::Result<PathBuf> {
    let [for_hosts, for_guests, _] = INSTALLED.map(Path::new);
    let packaged = if for_guests.ends_with(root::own()) { for_guests } else { for_hosts };
    let own = std::env::current_exe().context("cannot find the file of this program")?;
    let beside = own.with_file_name(packaged.file_name().unwrap_or_default());
    if let Some(inside) = beside.strip_prefix(root).ok().filter(|_| beside.exists()) {
        return Ok(Path::new("/").join(inside));
    }
    let there = paths::below(root, &packaged.to_string_lossy());
    if resolve::open_regular(root, &there).is_ok() {
        return Ok(packaged.to_owned());
    }
    let (own, there) = (printable::quoted(&own), printable::quoted(&there));
    bail!("hooks lead to {there}, which does not exist. Try: install -D -m 755 {own} {there}");
}

/// Returns what an administrator should know about the program.
pub(crate) fn warnings(root: &Path, program: &Path) -> Vec<String> {
    let denied = apparmor::denies_link(root, program);
    let changeable = trust::distrust(&resolve::resolve(root, &paths::below(root, &program.to_string_lossy())));
    let changeable = changeable.map(|distrust| format!("libvirt will run it as root, and {}", distrust.with_fix()));
    denied.into_iter().map(|denied| format!("{}; fix: {}", denied.why, denied.fix)).chain(changeable).collect()
}
