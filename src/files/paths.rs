//! The directories that contain scripts. In: the root, the hook's own directory, the driver. Out: its script
//! directories. Pure.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The environment variable that moves everything but libvirt's own directory below another root: for images, tests and
/// examples. libvirt does not pass it on to its hooks.
pub const ROOT_VARIABLE: &str = "HOOKMUX_ROOT";

/// One of the places of a driver's scripts, first to last; an earlier one hides names of a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Beside the hook: libvirt's own directory, whose files libvirt itself runs since 6.5.0.
    Libvirt,
    /// /etc/hookmux
    Administrator,
    /// /run/hookmux
    Runtime,
    /// /usr/lib/hookmux
    Package,
}

/// A driver's directory in one of the places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    pub(crate) place: Place,
    /// The directory, `…/<driver>.d`; it need not exist.
    pub path: PathBuf,
}

/// Returns the directories of a driver, first to last. `base` is the directory of the hook.
#[must_use]
pub fn directories(root: &Path, base: &Path, driver: &OsStr) -> [Directory; 4] {
    let name = with_ending(driver, ".d");
    let directory = |place, parent: &Path| Directory { place, path: join(parent, &name) };
    [
        directory(Place::Libvirt, base),
        directory(Place::Administrator, &below(root, "/etc/hookmux")),
        directory(Place::Runtime, &below(root, "/run/hookmux")),
        directory(Place::Package, &below(root, "/usr/lib/hookmux")),
    ]
}

pub(crate) fn below(root: &Path, path: &str) -> PathBuf {
    join(root, path.trim_start_matches('/'))
}

/// Returns a path as it is on the system whose root is `root`; unchanged if it is not below it.
pub(crate) fn inside<'a>(root: &Path, path: &'a Path) -> &'a Path {
    let (root, bytes) = (root.as_os_str().as_bytes(), path.as_os_str().as_bytes());
    let inside = bytes.strip_prefix(root.strip_suffix(b"/").unwrap_or(root)).filter(|inside| inside.starts_with(b"/"));
    inside.map_or(path, |inside| Path::new(OsStr::from_bytes(inside)))
}

/// Adds an ending to a name or path, with one allocation.
pub(crate) fn with_ending(name: impl AsRef<OsStr>, ending: &str) -> OsString {
    let name = name.as_ref();
    let mut longer = OsString::with_capacity(name.len().saturating_add(ending.len()));
    longer.push(name);
    longer.push(ending);
    longer
}

/// Joins two paths with one allocation; [`Path::join`] allocates for the parent, and then for both.
pub(crate) fn join(parent: &Path, name: impl AsRef<OsStr>) -> PathBuf {
    let name = name.as_ref();
    let mut path = PathBuf::with_capacity(parent.as_os_str().len().saturating_add(name.len()).saturating_add(1));
    path.push(parent);
    path.push(name);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(root: &str, base: &str, driver: &str) -> Vec<String> {
        directories(Path::new(root), Path::new(base), OsStr::new(driver))
            .iter()
            .map(|directory| directory.path.display().to_string())
            .collect()
    }

    #[test]
    fn a_driver_has_libvirts_directory_and_three_of_our_own() {
        assert_eq!(
            of("/", "/etc/libvirt/hooks", "qemu"),
            ["/etc/libvirt/hooks/qemu.d", "/etc/hookmux/qemu.d", "/run/hookmux/qemu.d", "/usr/lib/hookmux/qemu.d"]
        );
    }

    #[test]
    fn a_path_inside_a_root_is_what_the_system_there_calls_it() {
        let of = |root: &'static str, path: &'static str| inside(Path::new(root), Path::new(path)).to_str().unwrap();
        let script = "/etc/hookmux/qemu.d/10-a";
        for (root, path) in [
            ("/", script),
            ("/mnt", "/mnt/etc/hookmux/qemu.d/10-a"),
            ("/mnt/", "/mnt/etc/hookmux/qemu.d/10-a"),
            ("/m", script),
            ("/e", script),
        ] {
            assert_eq!(of(root, path), script, "{root} {path}");
        }
    }

    #[test]
    fn another_root_moves_all_directories_but_the_hooks_own() {
        assert_eq!(
            of("/mnt/image", "/h", ".."),
            [
                "/h/...d",
                "/mnt/image/etc/hookmux/...d",
                "/mnt/image/run/hookmux/...d",
                "/mnt/image/usr/lib/hookmux/...d"
            ]
        );
    }
}
