//! The hook that was there before. In: its path. Out: kept as one of hookmux's scripts, or put back. Does.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::admin::support::depends;
use crate::admin::support::files;
use crate::admin::support::root;
use crate::files::paths;
use crate::files::resolve;
use crate::files::trust::{self, Distrust};
use crate::plan::calls::Calls;
use crate::plan::listing;
use crate::printable;
use crate::settings;

/// The name under which it is kept: before any other.
const ORIGINAL: &str = "00-original";

/// Why a hook cannot be kept, and what fixes it.
type Why = (String, Option<String>);

/// Gives another program's hook a second name, under which hookmux will run it.
pub(crate) fn keep(root: &Path, driver: &OsStr, hook: &Path) -> anyhow::Result<Result<PathBuf, Why>> {
    let kept = original(root, driver);
    // Untrusted, it would not run, and every start of a guest would fail.
    if let Some(distrust) = distrusted(root, hook)? {
        let why = format!("it could not be kept as {}: {}", kept.display(), distrust);
        return Ok(Err((why, distrust.fix())));
    }
    // Moved, it would fail each call.
    if let Some(why) = depends::on_place(root, hook)? {
        let why = format!("it cannot run as {}: {why}", kept.display());
        let beside = format!("{} {}", root::command(root, "install"), printable::printable(driver));
        return Ok(Err((why, Some(format!("{beside} (leaves it where it is)")))));
    }
    match files::same_at(root, hook, &kept) {
        Ok(()) => Ok(Ok(kept)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let why = format!("it could not be kept: {} exists already and is another file", kept.display());
            let away = kept.with_file_name("01-original");
            Ok(Err((why, Some(format!("mv -n {} {}", printable::quoted(&kept), printable::quoted(&away))))))
        }
        Err(error) => Err(error).with_context(|| format!("cannot keep {} as {}", hook.display(), kept.display())),
    }
}

/// Puts the kept hook over ours; returns where it was kept. `None` if there is none.
pub(crate) fn restore(root: &Path, driver: &OsStr, hook: &Path) -> anyhow::Result<Option<PathBuf>> {
    let kept = original(root, driver);
    if fs::symlink_metadata(&kept).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
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
    let list = format!("{} {}", root::command(root, "list"), printable::printable(driver));
    (left > 0).then(|| format!("{scripts} of hookmux's directories will not run any more: {list}"))
}

fn original(root: &Path, driver: &OsStr) -> PathBuf {
    root::directories(root, driver)[1].join(ORIGINAL)
}

/// Returns why hookmux would not run this file, if so.
pub(crate) fn distrusted(root: &Path, script: &Path) -> anyhow::Result<Option<Distrust>> {
    if !settings::read(root)?.strict {
        return Ok(None);
    }
    Ok(trust::distrust(&resolve::resolve(root, script)))
}
