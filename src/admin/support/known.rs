//! Whether the names on a command line are known: a typing error is not a new driver. In: names. Out: what was probably
//! meant, as an error. Reads whether there is a directory or a hook of a driver's name.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

use clap::Args;

use crate::admin::support::root;
use crate::call::contract::{self, ROWS, UNKNOWN};
use crate::call::drivers::{ArgLayout, DRIVERS};
use crate::call::invocation::{Invocation, NOTHING};
use crate::printable::printable;

/// The option that accepts unknown names.
#[derive(Debug, Args)]
pub(crate) struct Force {
    /// Accept names of drivers and operations that are not known, of a libvirt newer than this program
    #[arg(long)]
    force: bool,
}

/// An error in how a command was called.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

impl Force {
    /// Accepts a driver that is known, or of which a hook or a directory exists.
    ///
    /// # Errors
    /// Which driver was probably meant.
    pub(crate) fn driver(&self, root: &Path, driver: &OsStr) -> Result<(), Usage> {
        let hook = || root::base(root, driver).join(driver).symlink_metadata().is_ok();
        let exists = || hook() || root::directories(root, driver).iter().any(|directory| directory.is_dir());
        if self.force || DRIVERS.iter().any(|known| driver == known.name) || exists() {
            return Ok(());
        }
        let name = printable(driver);
        if let Some(row) = ROWS.iter().find(|row| row.is_called(driver)) {
            let driver = row.driver;
            return Err(Usage(format!(
                "'{name}' is an operation; the driver comes first, such as: {driver} GUEST {name}"
            )));
        }
        let runs = DRIVERS.iter().find(|known| known.domain_types.contains(&name.as_str())).map(|known| known.name);
        let names: Vec<&str> = DRIVERS.iter().map(|known| known.name).collect();
        Err(Usage(format!("'{name}' is not a driver{}", hint(runs.or_else(|| nearest(&name, &names)), &names))))
    }

    /// Accepts a call that libvirt makes, by the newer or the older name of its operation.
    ///
    /// # Errors
    /// Which operation or sub-operation was probably meant.
    pub(crate) fn call(&self, call: &Invocation) -> Result<(), Usage> {
        let known = DRIVERS.iter().find(|known| call.driver == known.name);
        let Some(driver) = known.filter(|_| !self.force) else { return Ok(()) };
        let operation = printable(&call.operation);
        if contract::look_up(&call.driver, &call.operation) == UNKNOWN {
            let names: Vec<&str> =
                ROWS.iter().filter(|row| row.driver == driver.name).map(|row| row.operation).collect();
            let hint = hint(nearest(&operation, &names), &names);
            return Err(Usage(format!("{} does not have the operation '{operation}'{hint}", driver.name)));
        }
        let expected = call.row.sub_operation;
        let given =
            if driver.args == ArgLayout::Libvirt { call.sub_operation.as_os_str() } else { OsStr::new(expected) };
        if given == expected || given == NOTHING {
            return Ok(());
        }
        let (given, hint) = (printable(given), hint(Some(expected), &[]));
        Err(Usage(format!("{} {operation} does not have the sub-operation '{given}'{hint}", driver.name)))
    }
}

/// The name that is most like another one, if it is much like it.
fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let similarity = |known: &str| strsim::jaro_winkler(&name.to_lowercase(), known);
    let nearest = names.iter().copied().max_by(|one, other| similarity(one).total_cmp(&similarity(other)));
    nearest.filter(|known| similarity(known) > 0.7)
}

fn hint(nearest: Option<&str>, names: &[&str]) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean '{nearest}'? (--force accepts it)"),
        None => format!(": expected one of {} (--force accepts it)", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_probably_meant_is_named() {
        let call = |words: &str, force: bool| {
            let mut words = words.split(' ').map(std::ffi::OsString::from);
            let driver = words.next().unwrap();
            let force = Force { force };
            let known = force.driver(Path::new("/nowhere"), &driver);
            known.and_then(|()| force.call(&Invocation::new(&driver, None, words.collect()))).map_err(|usage| usage.0)
        };
        let error = |text: &str| Err(format!("{text} (--force accepts it)"));
        let rows = [
            (call("qemu web-1 start begin -", false), Ok(())),
            (call("network lan plugged begin -", false), Ok(())),
            (call("daemon - start - start", false), Ok(())),
            (call("fsfreeze-hook freeze", false), Ok(())),
            (call("kvm web-1 start", false), error("'kvm' is not a driver; did you mean 'qemu'?")),
            (call("qmeu web-1 start", false), error("'qmeu' is not a driver; did you mean 'qemu'?")),
            (
                call("x web-1 start", false),
                error("'x' is not a driver: expected one of qemu, lxc, libxl, bhyve, network, daemon, fsfreeze-hook"),
            ),
            (
                call("start web-1", false),
                Err("'start' is an operation; the driver comes first, such as: qemu GUEST start".into()),
            ),
            (call("qemu web-1 strat", false), error("qemu does not have the operation 'strat'; did you mean 'start'?")),
            (call("qemu web-1 START", false), error("qemu does not have the operation 'START'; did you mean 'start'?")),
            (
                call("qemu web-1 start end", false),
                error("qemu start does not have the sub-operation 'end'; did you mean 'begin'?"),
            ),
            (call("nbd web-1 strat end", true), Ok(())),
        ];
        for (seen, expected) in rows {
            assert_eq!(seen, expected);
        }
    }
}
