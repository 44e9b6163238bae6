//! Which hooks are meant. In: words, and what lies where libvirt looks for hooks. Out: drivers. Reads.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use clap::Args;

use crate::admin::install::existing::{self, ExistingHook};
use crate::admin::support::driver::DriverName;
use crate::admin::support::root;
use crate::call::drivers::{self, ArgLayout, DRIVERS};
use crate::call::invocation::OWN_NAMES;
use crate::files::paths;

/// Which drivers, by words of their own or behind an option; both mean the same.
#[derive(Debug, Args)]
pub(crate) struct Drivers {
    #[arg(value_name = "DRIVERS", value_parser = DriverName, help = help())]
    words: Vec<OsString>,
    /// The same as a list, for scripts: qemu,network
    #[arg(long = "drivers", value_name = "LIST", value_delimiter = ',', value_parser = DriverName, hide_possible_values = true)]
    list: Vec<OsString>,
}

impl Drivers {
    /// Those that are named, or else the usual ones.
    pub(crate) fn named_or_usual(&self) -> Vec<OsString> {
        self.named().unwrap_or_else(|| linked_by_default().map(OsString::from).collect())
    }

    /// Those that are named, or else all whose hook is this package's hookmux.
    pub(crate) fn named_or_ours(&self, root: &Path) -> Vec<OsString> {
        self.named().unwrap_or_else(|| of_kind(root, all(root), is_our_packages))
    }

    /// Of those that are named, or else of all, those whose hook is a copy of another version.
    pub(crate) fn older_copies(&self, root: &Path) -> Vec<OsString> {
        let drivers = self.named().unwrap_or_else(|| all(root));
        of_kind(root, drivers, |_, existing| *existing == ExistingHook::OurCopy { same: false })
    }

    fn named(&self) -> Option<Vec<OsString>> {
        let named: Vec<OsString> = self.words.iter().chain(&self.list).cloned().collect();
        (!named.is_empty()).then_some(named)
    }
}

/// The help text of the drivers' names.
fn help() -> String {
    let linked = linked_by_default().collect::<Vec<_>>().join(", ");
    format!("Whose hooks; if none is named, install takes {linked}, and uninstall all that are hookmux")
}

/// The hooks that `install` links where no driver is named.
fn linked_by_default() -> impl Iterator<Item = &'static str> {
    DRIVERS.iter().filter(|driver| driver.linked_by_default).map(|driver| driver.name)
}

/// The drivers that are known, and whatever else has a hook where libvirt looks for them.
fn all(root: &Path) -> Vec<OsString> {
    let known = DRIVERS.iter().map(|driver| OsString::from(driver.name));
    let hooks = fs::read_dir(paths::below(root, drivers::UNKNOWN_DRIVER.base)).into_iter().flatten().flatten();
    let mut others: Vec<OsString> = hooks
        .filter(|hook| hook.file_type().is_ok_and(|kind| !kind.is_dir()))
        .map(|hook| hook.file_name())
        .filter(|name| DRIVERS.iter().all(|driver| name != driver.name))
        .collect();
    others.sort();
    known.chain(others).collect()
}

fn of_kind(root: &Path, drivers: Vec<OsString>, kind: impl Fn(&OsStr, &ExistingHook) -> bool) -> Vec<OsString> {
    let is = |driver: &OsString| {
        let hook = root::base(root, driver).join(driver);
        existing::look(root, &hook).is_ok_and(|existing| kind(driver, &existing))
    };
    drivers.into_iter().filter(is).collect()
}

/// Whether a hook goes with the package that this program came with. Where both are on one system, the other's hooks stay.
fn is_our_packages(driver: &OsStr, existing: &ExistingHook) -> bool {
    let [for_hosts, _] = OWN_NAMES;
    let is_agents = drivers::driver(driver).args == ArgLayout::GuestAgent;
    match existing.package() {
        Some(program) => program == root::own(),
        // A copy, or a link to a program of another name, does not say whose it is.
        None => existing.is_ours() && (is_agents || root::own() == for_hosts),
    }
}
