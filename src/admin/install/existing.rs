//! What lies where a hook is to be. In: its path. Out: whether it is hookmux, somebody else's, or nothing. Reads.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::call::invocation::OWN_NAMES;
use crate::files::paths;
use crate::files::program;

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExistingHook {
    /// Nothing.
    Nothing,
    /// A link to a hookmux: what the link says.
    OurLink(PathBuf),
    /// A link that says hookmux, and leads nowhere.
    OurBrokenLink(PathBuf),
    /// A copy of hookmux: whether it is the one that runs now.
    OurCopy {
        /// Whether it has the same bytes.
        same: bool,
    },
    /// Another program's hook: a file, or a link to one.
    Another,
    /// A directory, a device or the like, which is no hook at all.
    NotAFile,
}

impl ExistingHook {
    /// Whether it is hookmux.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::OurLink(_) | Self::OurBrokenLink(_) | Self::OurCopy { .. })
    }

    /// Which of the packages' programs a link leads to, if it leads to one by its name.
    pub(crate) fn package(&self) -> Option<&'static str> {
        let Self::OurLink(says) = self else { return None };
        OWN_NAMES.into_iter().find(|own| says.file_name().is_some_and(|name| name == *own))
    }
}

/// Looks at `hook`, on a system that lies below `root`.
pub(crate) fn look(root: &Path, hook: &Path) -> io::Result<ExistingHook> {
    let kind = match fs::symlink_metadata(hook) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ExistingHook::Nothing),
        kind => kind?.file_type(),
    };
    if kind.is_file() {
        let same = is_this(hook);
        return Ok(if same || program::has_mark(hook)? {
            ExistingHook::OurCopy { same }
        } else {
            ExistingHook::Another
        });
    }
    if !kind.is_symlink() {
        return Ok(ExistingHook::NotAFile);
    }
    let says = fs::read_link(hook)?;
    let end = leads_to(root, hook, &says);
    match fs::metadata(&end) {
        // A link of the package's, whose file is another hookmux by its name.
        Ok(end_is) if end_is.is_file() && (is_this(&end) || is_named(&says)) => Ok(ExistingHook::OurLink(says)),
        Ok(end_is) if end_is.is_file() && program::has_mark(&end)? => Ok(ExistingHook::OurLink(says)),
        Err(_) if is_named(&says) => Ok(ExistingHook::OurBrokenLink(says)),
        Ok(_) | Err(_) => Ok(ExistingHook::Another),
    }
}

/// Where a link leads that says `says`, on a system below `root`.
pub(crate) fn leads_to(root: &Path, link: &Path, says: &Path) -> PathBuf {
    match says.to_str().filter(|_| says.is_absolute()) {
        Some(absolute) => paths::below(root, absolute),
        None => link.parent().unwrap_or(link).join(says),
    }
}

fn is_named(says: &Path) -> bool {
    says.file_name().is_some_and(|name| OWN_NAMES.iter().any(|own| name == *own))
}

/// Reports whether a file is this program: the same one, or one with the same bytes.
fn is_this(path: &Path) -> bool {
    let own = Path::new("/proc/self/exe");
    let size = |path: &Path| fs::metadata(path).map(|file| file.size()).ok();
    program::is_running(path)
        || (size(own) == size(path) && fs::read(own).is_ok_and(|own| fs::read(path).is_ok_and(|file| file == own)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::program::MARK;
    use std::os::unix::fs::symlink;

    #[test]
    fn ours_is_known_as_link_or_copy_and_what_another_put_there_is_not() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let own = std::env::current_exe().unwrap();
        fs::create_dir_all(at("usr/bin")).unwrap();
        fs::write(at("usr/bin/hookmux"), "").unwrap();
        fs::write(at("older"), [b"\x7fELF...", MARK, b"..."].concat()).unwrap();
        fs::write(at("script"), [b"#!/bin/sh\n# ", MARK].concat()).unwrap();
        fs::create_dir(at("directory")).unwrap();
        symlink(&own, at("usr/bin/this")).unwrap();
        for (link, says) in [
            ("packaged", "/usr/bin/hookmux"),
            ("relative", "usr/bin/hookmux"),
            ("broken", "/opt/hookmux"),
            ("elsewhere", "/opt/vfio-hook"),
            ("theirs", "script"),
        ] {
            symlink(says, at(link)).unwrap();
        }
        let link = |says: &str| ExistingHook::OurLink(says.into());
        let rows = [
            ("nothing", ExistingHook::Nothing),
            ("packaged", link("/usr/bin/hookmux")),
            ("relative", link("usr/bin/hookmux")),
            ("broken", ExistingHook::OurBrokenLink("/opt/hookmux".into())),
            ("elsewhere", ExistingHook::Another),
            ("theirs", ExistingHook::Another),
            ("older", ExistingHook::OurCopy { same: false }),
            ("script", ExistingHook::Another),
            ("directory", ExistingHook::NotAFile),
        ];
        for (name, expected) in rows {
            assert_eq!(look(root.path(), &at(name)).unwrap(), expected, "{name}");
        }
    }
}
