//! The file that exists where a hook belongs. In: its path. Out: whether it is hookmux, another program, or nothing.
//! Reads.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;

use crate::admin::support::{files, root};
use crate::files::paths;
use crate::files::program::{self, INSTALLED};
use crate::files::resolve;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExistingHook {
    Nothing,
    /// A link to hookmux, with its text.
    OurLink(PathBuf),
    /// A link to where packages install hookmux, with nothing there.
    OurBrokenLink(PathBuf),
    /// A link to where packages install hookmux, with another program there: it was written through a hook's link.
    Overwritten(PathBuf),
    /// A copy of hookmux.
    OurCopy,
    /// Another program's hook: a file, or a link to one.
    Another,
    /// A directory, a device or the like, which libvirt cannot run.
    NotAFile,
}

impl ExistingHook {
    /// Reports whether hookmux put it there.
    pub(crate) fn is_ours(&self) -> bool {
        !matches!(self, Self::Nothing | Self::Another | Self::NotAFile)
    }
}

/// Looks at `hook`, on a system whose root directory is `root`.
pub(crate) fn look(root: &Path, hook: &Path) -> anyhow::Result<ExistingHook> {
    let cannot = || format!("cannot examine {}", hook.display());
    let kind = match fs::symlink_metadata(hook) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ExistingHook::Nothing),
        kind => kind.with_context(cannot)?.file_type(),
    };
    if !kind.is_file() && !kind.is_symlink() {
        return Ok(ExistingHook::NotAFile);
    }
    let program = resolve::open_regular(root, hook).ok();
    let is_hookmux = program.as_ref().is_some_and(|file| program::is_hookmux(&files::held(file)));
    if kind.is_file() {
        return Ok(if is_hookmux { ExistingHook::OurCopy } else { ExistingHook::Another });
    }
    let text = fs::read_link(hook).with_context(cannot)?;
    let at_installed = |path: &&str| match &program {
        Some(program) => resolve::open_regular(root, &paths::below(root, path))
            .is_ok_and(|installed| resolve::is_same(&installed, program)),
        None => text == Path::new(path),
    };
    let is_installed = INSTALLED.iter().any(at_installed);
    Ok(match (is_hookmux, is_installed, program) {
        (true, _, _) => ExistingHook::OurLink(text),
        (false, true, Some(_)) => ExistingHook::Overwritten(text),
        (false, true, None) => ExistingHook::OurBrokenLink(text),
        (false, false, _) => ExistingHook::Another,
    })
}

/// Returns what hookmux has put where libvirt looks for a driver's hooks: the hook first, then links of any name beside it.
pub(crate) fn ours(root: &Path, driver: &OsStr) -> Vec<(PathBuf, ExistingHook)> {
    let [libvirts, _] = root::directories(root, driver);
    let mut beside: Vec<PathBuf> = root::entries(&libvirts).collect();
    beside.sort();
    let paths = std::iter::once(root::hook(root, driver)).chain(beside);
    let found = paths.filter_map(|path| look(root, &path).ok().map(|found| (path, found)));
    found.filter(|(_, found)| found.is_ours()).collect()
}

/// Returns when a hook was put there: not the time of its content, which a package may set.
pub(crate) fn installed_at(hook: &Path) -> Option<SystemTime> {
    let link = fs::symlink_metadata(hook).ok()?;
    let since = Duration::new(link.ctime().try_into().ok()?, link.ctime_nsec().try_into().ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

/// Returns where a link with that text leads, on a system whose root directory is `root`.
pub(crate) fn leads_to(root: &Path, link: &Path, text: &Path) -> PathBuf {
    match text.to_str().filter(|_| text.is_absolute()) {
        Some(absolute) => paths::below(root, absolute),
        None => link.parent().unwrap_or(link).join(text),
    }
}

/// Reports whether a hook belongs to the package that this program came with. Where both packages are on one system, the
/// other's hooks stay.
pub(crate) fn is_our_packages(existing: &ExistingHook) -> bool {
    let [_, for_guests, _] = INSTALLED.map(Path::new);
    let is_guests = match existing {
        ExistingHook::OurLink(text) | ExistingHook::OurBrokenLink(text) | ExistingHook::Overwritten(text) => {
            text.file_name() == for_guests.file_name()
        }
        _ => false,
    };
    existing.is_ours() && is_guests == for_guests.ends_with(root::own())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::program::MARK;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_is_ours_by_its_target_and_not_by_its_name() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("usr/bin")).unwrap();
        fs::create_dir_all(at("opt")).unwrap();
        let program = [b"\x7fELF".as_slice(), &[0; 60], &MARK.0, b"..."].concat();
        fs::write(at("usr/bin/hookmux"), "#!/bin/sh\n").unwrap();
        fs::write(at("usr/bin/hookmux-hook"), &program).unwrap();
        fs::write(at("opt/hookmux"), "#!/bin/sh\n").unwrap();
        fs::write(at("older"), &program).unwrap();
        fs::write(at("script"), [b"#!/bin/sh\n# ".as_slice(), &MARK.0].concat()).unwrap();
        fs::create_dir(at("directory")).unwrap();
        for (link, text) in [
            ("packaged", "/usr/bin/hookmux-hook"),
            ("relative", "usr/bin/hookmux-hook"),
            ("dots", "../../../../usr/bin/hookmux-hook"),
            ("versioned", "/older"),
            ("overwritten", "/usr/bin/hookmux"),
            ("broken", "/usr/bin/hookmux-guest"),
            ("gone", "/opt/gone/hookmux"),
            ("named", "/opt/hookmux"),
            ("elsewhere", "/opt/vfio-hook"),
            ("theirs", "script"),
        ] {
            symlink(text, at(link)).unwrap();
        }
        let link = |text: &str| ExistingHook::OurLink(text.into());
        let rows = [
            ("nothing", ExistingHook::Nothing),
            ("packaged", link("/usr/bin/hookmux-hook")),
            ("relative", link("usr/bin/hookmux-hook")),
            ("dots", link("../../../../usr/bin/hookmux-hook")),
            ("versioned", link("/older")),
            ("overwritten", ExistingHook::Overwritten("/usr/bin/hookmux".into())),
            ("broken", ExistingHook::OurBrokenLink("/usr/bin/hookmux-guest".into())),
            ("gone", ExistingHook::Another),
            ("named", ExistingHook::Another),
            ("elsewhere", ExistingHook::Another),
            ("theirs", ExistingHook::Another),
            ("older", ExistingHook::OurCopy),
            ("script", ExistingHook::Another),
            ("directory", ExistingHook::NotAFile),
        ];
        for (name, expected) in rows {
            assert_eq!(look(root.path(), &at(name)).unwrap(), expected, "{name}");
        }
    }
}
