//! Checks that the names on a command line are known: a typing error is not a new driver. In: names. Out: what was probably
//! meant, as an error. Reads whether there is a directory or a hook of a driver's name, and the names of guests.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use clap::Args;
use clap::builder::{PossibleValue, TypedValueParser};

use crate::admin::support::root;
use crate::call::contract::{self, ROWS, UNKNOWN};
use crate::call::drivers::{self, ArgLayout, DRIVERS, Object, UNKNOWN_DRIVER};
use crate::call::invocation::{Invocation, NOTHING};
use crate::files::paths;
use crate::printable::{printable, quoted};

/// Accepts any name, since libvirt may have drivers that the table does not know, and offers those that it does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DriverName;

impl TypedValueParser for DriverName {
    type Value = OsString;

    fn parse_ref(&self, _: &clap::Command, _: Option<&clap::Arg>, name: &OsStr) -> Result<OsString, clap::Error> {
        Ok(name.to_owned())
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(DRIVERS.iter().map(|driver| PossibleValue::new(driver.name).help(driver.about))))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Force {
    /// Accept unknown drivers and operations, for a libvirt newer than this program
    #[arg(long)]
    force: bool,
}

/// An error in how a command was called.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

impl Force {
    /// Accepts a driver that is known, or of which a hook or a directory exists.
    pub(crate) fn driver(&self, root: &Path, driver: &OsString) -> Result<(), Usage> {
        if self.accepts(root, driver) { Ok(()) } else { Err(unknown(root, driver, None)) }
    }

    /// Completes a call: returns its driver, which may be left out if only one has the guest or network, and its other
    /// words.
    pub(crate) fn complete(
        &self,
        root: &Path,
        first: &OsString,
        mut others: Vec<OsString>,
    ) -> Result<(OsString, Vec<OsString>), Usage> {
        let mut driver = first.to_owned();
        if !self.accepts(root, first) {
            driver = match owners(root, first)[..] {
                [] => return Err(unknown(root, first, Some(&others))),
                [owner] => owner.into(),
                [owner, ..] => {
                    let (name, example) = (printable(first), example(owner, Some(first), others.first()));
                    return Err(Usage(format!("several drivers have '{name}'; name one of them, such as: {example}")));
                }
            };
            others.insert(0, first.clone());
        }
        let missing = placeholder(&driver);
        let (what, object, operation) = match &others[..] {
            [] => (format!("{missing} OPERATION is missing"), None, None),
            [object] if contract::look_up(&driver, object) == UNKNOWN => {
                ("OPERATION is missing".to_owned(), Some(object), None)
            }
            [operation] => (format!("{missing} is missing"), None, Some(operation)),
            [_, _, _, _, _, ..] => ("a call has at most four words after the driver".to_owned(), None, None),
            [_, _, ..] => return Ok((driver, others)),
        };
        Err(Usage(format!("{what}, such as: {}", example(&printable(&driver), object, operation))))
    }

    fn accepts(&self, root: &Path, driver: &OsStr) -> bool {
        let hook = || root::hook(root, driver).symlink_metadata().is_ok();
        let exists = || hook() || root::directories(root, driver).iter().any(|directory| directory.is_dir());
        self.force || DRIVERS.iter().any(|known| driver == known.name) || exists()
    }

    /// Accepts a call that libvirt makes, by the newer or the older name of its operation.
    pub(crate) fn call(&self, call: &Invocation) -> Result<(), Usage> {
        let known = DRIVERS.iter().find(|known| call.driver == known.name);
        let Some(driver) = known.filter(|_| !self.force) else { return Ok(()) };
        let operation = printable(&call.operation);
        if contract::look_up(&call.driver, &call.operation) == UNKNOWN {
            let rows = ROWS.iter().filter(|row| row.driver == driver.name);
            let names: Vec<&str> = rows.map(|row| row.operation).collect();
            let hint = hint(nearest(&operation, &names), &names);
            return Err(Usage(format!("{} does not have the operation '{operation}'{hint}", driver.name)));
        }
        let (given, expected) = (&call.sub_operation, call.row.sub_operation);
        if driver.args != ArgLayout::Libvirt || given == expected || given == NOTHING {
            return Ok(());
        }
        let (given, hint) = (printable(given), hint(Some(expected), &[]));
        Err(Usage(format!("{} {operation} does not have the sub-operation '{given}'{hint}", driver.name)))
    }
}

/// Returns the error for a name that is not a driver's; `others` are the words after it in a call.
fn unknown(root: &Path, name: &OsString, others: Option<&[OsString]>) -> Usage {
    let shown = printable(name);
    let next = others.and_then(<[_]>::first);
    if let Some(row) = ROWS.iter().find(|row| row.is_called(name)) {
        let owner = next.and_then(|guest| owners(root, guest).first().copied()).unwrap_or(row.driver);
        let example = example(owner, next, Some(name));
        return Usage(format!("'{shown}' is an operation; the driver comes first, such as: {example}"));
    }
    let runs = DRIVERS.iter().find(|known| known.domain_types.contains(&shown.as_str())).map(|known| known.name);
    let names: Vec<&str> = DRIVERS.iter().map(|known| known.name).collect();
    let meant = runs.or_else(|| nearest(&shown, &names));
    let is_guest = others.is_some() && meant.is_none();
    let what = if is_guest { "neither a driver nor a guest that is defined here" } else { "not a driver" };
    Usage(format!("'{shown}' is {what}{}", hint(meant, &names)))
}

/// Returns the known drivers, in their order, and then the names that are not a known driver's, sorted and each once.
pub(crate) fn drivers_and(names: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let others: BTreeSet<OsString> = names.filter(|name| drivers::driver(name) == UNKNOWN_DRIVER).collect();
    DRIVERS.iter().map(|driver| driver.name.into()).chain(others).collect()
}

/// Returns the names of a driver's guests or networks, defined or running; `None` if none can be seen.
pub(crate) fn defined(root: &Path, driver: &OsStr) -> Option<BTreeSet<OsString>> {
    let known = drivers::driver(driver);
    let directories = match known.object {
        Object::Guest if !known.name.is_empty() => {
            ["/etc/libvirt", "/run/libvirt"].map(|at| paths::below(root, at).join(known.name))
        }
        Object::Network => ["/etc/libvirt/qemu/networks", "/run/libvirt/network"].map(|at| paths::below(root, at)),
        _ => return None,
    };
    let inside = directories.iter().filter(|directory| !root::leads_out(root, directory));
    let files = inside.flat_map(|directory| root::entries(directory));
    let definitions = files.filter(|file| file.extension() == Some(OsStr::new("xml")));
    let names: BTreeSet<OsString> = definitions.filter_map(|file| Some(file.file_stem()?.to_owned())).collect();
    (!names.is_empty()).then_some(names)
}

/// Returns the drivers that have a guest or a network of this name.
fn owners(root: &Path, name: &OsStr) -> Vec<&'static str> {
    let has = |driver: &&str| defined(root, driver.as_ref()).is_some_and(|names| names.contains(name));
    DRIVERS.iter().map(|driver| driver.name).filter(has).collect()
}

/// Returns what stands for the object of a driver's call.
fn placeholder(driver: &OsStr) -> &'static str {
    match drivers::driver(driver).object {
        Object::Guest => "GUEST",
        Object::Network => "NETWORK",
        Object::None => NOTHING,
    }
}

/// Returns a call as an example, with what is known of it.
fn example(driver: &str, object: Option<&OsString>, operation: Option<&OsString>) -> String {
    let rows = ROWS.iter().filter(|row| row.driver == driver).map(|row| row.operation);
    let usual = rows.min_by_key(|operation| *operation != "start").unwrap_or("start");
    let shown = |word: Option<&OsString>, other: &str| word.map_or_else(|| other.to_owned(), quoted);
    format!("{driver} {} {}", shown(object, placeholder(driver.as_ref())), shown(operation, usual))
}

/// Returns the most similar of the names, if it is similar enough to be meant.
pub(crate) fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
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

    #[test]
    fn a_guests_driver_may_be_left_out_and_missing_words_are_named() {
        let root = tempfile::tempdir().unwrap();
        for file in ["qemu/web-1", "qemu/both", "lxc/both", "lxc/box", "qemu/networks/lan", "qemu/start"] {
            let path = root.path().join("etc/libvirt").join(file).with_extension("xml");
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let complete = |words: &str| {
            let mut words = words.split(' ').map(OsString::from);
            let first = words.next().unwrap();
            let complete = Force { force: false }.complete(root.path(), &first, words.collect());
            complete.map_or_else(
                |usage| usage.0,
                |(driver, words)| {
                    [driver].into_iter().chain(words).map(|word| printable(&word)).collect::<Vec<_>>().join(" ")
                },
            )
        };
        let rows = [
            ("qemu web-9 start", "qemu web-9 start"),
            ("web-1 start", "qemu web-1 start"),
            ("box start begin -", "lxc box start begin -"),
            ("lan started", "network lan started"),
            ("qemu qemu start", "qemu qemu start"),
            ("both start", "several drivers have 'both'; name one of them, such as: qemu both start"),
            ("web-1", "OPERATION is missing, such as: qemu web-1 start"),
            ("qemu web-1", "OPERATION is missing, such as: qemu web-1 start"),
            ("qemu start", "GUEST is missing, such as: qemu GUEST start"),
            ("network", "NETWORK OPERATION is missing, such as: network NETWORK start"),
            ("daemon reload", "- is missing, such as: daemon - reload"),
            ("fsfreeze-hook", "- OPERATION is missing, such as: fsfreeze-hook - freeze"),
            ("stopped box", "'stopped' is an operation; the driver comes first, such as: lxc box stopped"),
            ("stopped web-9", "'stopped' is an operation; the driver comes first, such as: qemu web-9 stopped"),
            ("qemu a b c d e", "a call has at most four words after the driver, such as: qemu GUEST start"),
            (
                "web-9 start",
                "'web-9' is neither a driver nor a guest that is defined here: expected one of qemu, lxc, libxl, \
                 bhyve, network, daemon, fsfreeze-hook (--force accepts it)",
            ),
        ];
        for (words, expected) in rows {
            assert_eq!(complete(words), expected, "{words}");
        }
    }
}
