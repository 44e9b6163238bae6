//! The drivers that a command is about. In: arguments, and what exists where libvirt looks for hooks. Out: drivers. Reads.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use clap::Args;

use crate::admin::install::{beside, existing};
use crate::admin::support::known::{DriverName, Force, Usage};
use crate::admin::support::root;
use crate::call::drivers::{self, DRIVERS};
use crate::files::paths;

/// The drivers, as arguments or as an option; both mean the same.
#[derive(Debug, Args)]
pub(crate) struct Drivers {
    #[arg(value_name = "DRIVERS", value_parser = DriverName, help = help())]
    words: Vec<OsString>,
    /// The same as a list, for scripts: qemu,network
    #[arg(long = "drivers", value_name = "LIST", value_delimiter = ',', value_parser = DriverName, hide_possible_values = true)]
    list: Vec<OsString>,
    #[command(flatten)]
    force: Force,
}

impl Drivers {
    /// Returns those that are named, or else those that are linked by default.
    ///
    /// # Errors
    /// A name that is probably a typing error.
    pub(crate) fn named_or_usual(&self, root: &Path) -> Result<Vec<OsString>, Usage> {
        let named = self.named().unwrap_or_else(|| linked_by_default().map(OsString::from).collect());
        named.iter().try_for_each(|driver| self.force.driver(root, driver)).map(|()| named)
    }

    /// Returns those that are named, or else all that have a hook of this package's hookmux.
    pub(crate) fn named_or_ours(&self, root: &Path) -> Vec<OsString> {
        let is = |path: &Path| existing::look(root, path).is_ok_and(|existing| existing::is_our_packages(&existing));
        let has = |driver: &OsString| is(&root::hook(root, driver)) || is(&beside::path(root, driver));
        self.named().unwrap_or_else(|| all(root).into_iter().filter(has).collect())
    }

    /// Returns those that are named, or else all that are known or have a hook.
    pub(crate) fn named_or_all(&self, root: &Path) -> Vec<OsString> {
        self.named().unwrap_or_else(|| all(root))
    }

    fn named(&self) -> Option<Vec<OsString>> {
        let named: Vec<OsString> = self.words.iter().chain(&self.list).cloned().collect();
        (!named.is_empty()).then_some(named)
    }
}

/// Returns the help text of the drivers' names.
fn help() -> String {
    let linked = linked_by_default().collect::<Vec<_>>().join(", ");
    format!("Whose hooks; if none is named, install takes {linked}, and uninstall all that are hookmux")
}

/// Returns the hooks that `install` links if no driver is named.
fn linked_by_default() -> impl Iterator<Item = &'static str> {
    DRIVERS.iter().filter(|driver| driver.linked_by_default).map(|driver| driver.name)
}

/// Returns the known drivers, and the names of any other hooks where libvirt looks for them.
fn all(root: &Path) -> Vec<OsString> {
    let known = DRIVERS.iter().map(|driver| OsString::from(driver.name));
    let hooks = fs::read_dir(paths::below(root, drivers::UNKNOWN_DRIVER.base)).into_iter().flatten().flatten();
    // `nbd`, or `nbd.d` with a hook in it.
    let driver = |hook: fs::DirEntry| {
        let name = hook.file_name();
        if !hook.file_type().is_ok_and(|kind| kind.is_dir()) {
            return Some(name);
        }
        Some(OsStr::from_bytes(name.as_bytes().strip_suffix(b".d")?).to_owned())
    };
    let mut others: Vec<OsString> =
        hooks.filter_map(driver).filter(|name| DRIVERS.iter().all(|driver| name != driver.name)).collect();
    others.sort();
    others.dedup();
    known.chain(others).collect()
}
