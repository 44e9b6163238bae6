//! The guests and networks that libvirt knows. In: the root, a driver's name. Out: names. Reads names only.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::admin::support::root;
use crate::call::drivers::{self, Object};
use crate::files::paths;

/// Returns the names of a driver's guests or networks, defined or running; `None` if none can be seen.
pub(crate) fn defined(root: &Path, driver: &OsStr) -> Option<BTreeSet<OsString>> {
    let known = drivers::driver(driver);
    let directories = match known.object {
        Object::Guest if !known.name.is_empty() => {
            ["/etc/libvirt", "/run/libvirt"].map(|at| format!("{at}/{}", known.name))
        }
        Object::Network => ["/etc/libvirt/qemu/networks", "/run/libvirt/network"].map(str::to_owned),
        _ => return None,
    };
    let directories = directories.iter().map(|directory| paths::below(root, directory));
    let files = directories
        .filter(|directory| !root::leads_out(root, directory))
        .flat_map(|directory| root::entries(&directory));
    let names: BTreeSet<OsString> = files
        .filter(|name| name.extension().is_some_and(|extension| extension == "xml"))
        .filter_map(|name| Some(name.file_stem()?.to_owned()))
        .collect();
    (!names.is_empty()).then_some(names)
}
