//! Another program's hook. In: a driver. Out: hookmux linked beside it, or the hook kept as one of hookmux's scripts, or put
//! back. Does.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::OFlags;

use crate::admin::install::existing;
use crate::admin::support::{daemons, depends, files, root};
use crate::call::drivers::{self, ArgLayout};
use crate::files::paths;
use crate::files::resolve;
use crate::files::trust::{self, Distrust};
use crate::plan::calls::Calls;
use crate::plan::listing;
use crate::printable::{self, printable, quoted};
use crate::settings;

/// The link's name in libvirt's own directory of the driver: before other scripts.
const NAME: &str = "00-hookmux";

/// The file that marks a directory which `install` made, so that `uninstall` removes no other. libvirt does not run it.
const MADE: &str = ".made-by-hookmux";

/// The name under which the other hook is kept: before any other script.
const ORIGINAL: &str = "00-original";

/// Returns where hookmux is linked beside another program's hook.
pub(crate) fn beside(root: &Path, driver: &OsStr) -> PathBuf {
    root::directories(root, driver)[0].join(NAME)
}

/// Makes the directory around the link, with its mark, where it does not exist.
pub(crate) fn make_directory(root: &Path, link: &Path) -> anyhow::Result<()> {
    let directory = link.parent().unwrap_or(link);
    let (mark, text) = (link.with_file_name(MADE), b"hookmux made this directory and removes it.\n");
    let made = match resolve::open(root, directory, OFlags::RDONLY | OFlags::DIRECTORY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            files::directory(root, directory, 0o755).and_then(|()| files::write_private(root, &mark, text))
        }
        found => found.map(drop),
    };
    made.with_context(|| format!("cannot make the directory of {}", link.display()))
}

/// Removes hookmux's link, and the directory around it if that has a mark and nothing else in it. Reports whether there was
/// a link.
pub(crate) fn remove_beside(root: &Path, driver: &OsStr) -> anyhow::Result<bool> {
    let link = beside(root, driver);
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

/// Gives the other hook a second name, under which hookmux will run it; returns that, or notes on why the hook cannot be kept
/// and what fixes that.
pub(crate) fn keep(root: &Path, driver: &OsStr, hook: &Path) -> anyhow::Result<Result<PathBuf, Vec<String>>> {
    let kept = original(root, driver);
    // Untrusted, it would not run, and every start of a guest would fail.
    if let Some(distrust) = distrusted(root, hook)? {
        let why = format!("it could not be kept as {}: {distrust}", kept.display());
        let fix = distrust.fix().map(|fix| format!("fix: {fix}"));
        return Ok(Err([why].into_iter().chain(fix).collect()));
    }
    // Moved, it would fail each call.
    if let Some(why) = depends::on_place(root, hook)? {
        let install = format!("{} {}", root::command(root, "install"), printable(driver));
        let why = format!("it cannot run as {}: {why}", kept.display());
        return Ok(Err(vec![why, format!("fix: {install} (leaves it where it is)")]));
    }
    match files::same_at(root, hook, &kept) {
        Ok(()) => Ok(Ok(kept)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let why = format!("it could not be kept: {} exists already and is another file", kept.display());
            let (kept, away) = (quoted(&kept), quoted(&kept.with_file_name("01-original")));
            Ok(Err(vec![why, format!("fix: mv -n {kept} {away}")]))
        }
        Err(error) => Err(error).with_context(|| format!("cannot keep {} as {}", hook.display(), kept.display())),
    }
}

/// Puts the kept hook over ours, and returns where it was kept. If there is none, removes ours.
pub(crate) fn restore(root: &Path, driver: &OsStr, hook: &Path) -> anyhow::Result<Option<PathBuf>> {
    let kept = original(root, driver);
    if fs::symlink_metadata(&kept).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        files::remove(root, hook).with_context(|| format!("cannot remove {}", hook.display()))?;
        return Ok(None);
    }
    let put = files::same_over(root, &kept, hook).and_then(|()| files::remove(root, &kept));
    put.with_context(|| format!("cannot put {} back as {}", kept.display(), hook.display()))?;
    Ok(Some(kept))
}

/// Returns a note about the scripts that do not run any more once hookmux is gone.
pub(crate) fn left_without(root: &Path, driver: &OsStr) -> Option<String> {
    let [_, ours @ ..] = paths::directories(root, &root::base(root, driver), driver);
    let left = listing::read(root, &ours, Calls::Every(driver), true).entries.len();
    let scripts = printable::count(left, "script");
    let list = format!("{} {}", root::command(root, "list"), printable(driver));
    (left > 0).then(|| format!("{scripts} in hookmux's directories will no longer run: {list}"))
}

fn original(root: &Path, driver: &OsStr) -> PathBuf {
    root::directories(root, driver)[1].join(ORIGINAL)
}

/// Returns why hookmux would not run this file, if so.
pub(crate) fn distrusted(root: &Path, script: &Path) -> anyhow::Result<Option<Distrust>> {
    let is_strict = settings::read(root)?.strict;
    Ok(trust::distrust(&resolve::resolve(root, script)).filter(|_| is_strict))
}
