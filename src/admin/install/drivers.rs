//! The drivers that a command is about. In: arguments, and what exists where libvirt looks for hooks. Out: drivers. Reads.

use std::ffi::OsString;
use std::path::Path;

use clap::Args;

use crate::admin::install::{another, existing};
use crate::admin::support::known::{self, DriverName, Force, Usage};
use crate::admin::support::root;
use crate::call::drivers::{DRIVERS, UNKNOWN_DRIVER};
use crate::files::paths;

/// The drivers, as arguments or as an option; both mean the same.
#[derive(Debug, Args)]
pub(crate) struct Drivers {
    #[arg(value_name = "DRIVERS", value_parser = DriverName, help = help())]
    words: Vec<OsString>,
    /// The drivers as one argument, for scripts: qemu,network
    #[arg(long = "drivers", value_name = "LIST", value_delimiter = ',', value_parser = DriverName, hide_possible_values = true)]
    list: Vec<OsString>,
    #[command(flatten)]
    force: Force,
}

impl Drivers {
    /// Returns those that are named, or else those that are linked by default; an error for a name that is probably a typing
    /// error.
    pub(crate) fn named_or_usual(&self, root: &Path) -> Result<Vec<OsString>, Usage> {
        let named = self.named().unwrap_or_else(|| linked_by_default().map(OsString::from).collect());
        named.iter().try_for_each(|driver| self.force.driver(root, driver)).map(|()| named)
    }

    /// Returns those that are named, or else all that have a hook of this package's hookmux.
    pub(crate) fn named_or_ours(&self, root: &Path) -> Vec<OsString> {
        let is = |path: &Path| existing::look(root, path).is_ok_and(|existing| existing::is_our_packages(&existing));
        let has = |driver: &OsString| is(&root::hook(root, driver)) || is(&another::beside(root, driver));
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
    format!("The drivers; by default {linked} for install, and all whose hook is hookmux for uninstall")
}

/// Returns the hooks that `install` links if no driver is named.
fn linked_by_default() -> impl Iterator<Item = &'static str> {
    DRIVERS.iter().filter(|driver| driver.linked_by_default).map(|driver| driver.name)
}

/// Returns the known drivers, and every other name that may be one's where libvirt looks for hooks: of `nbd`, or of `nbd.d` with
/// a hook in it.
fn all(root: &Path) -> Vec<OsString> {
    let hooks = root::entries(&paths::below(root, UNKNOWN_DRIVER.base));
    known::drivers_and(
        hooks.flat_map(|hook| [hook.file_name(), hook.file_stem()].map(|name| name.unwrap_or_default().to_owned())),
    )
}
