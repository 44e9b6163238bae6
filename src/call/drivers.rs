//! The facts about a driver that hold for all its operations: one row for each driver. In: a driver's name. Out: its
//! row. Pure: a table and its look-up.
//!
//! A new driver is one more row here, with its operations in [`super::contract`], and no other change: help texts,
//! completions, `list`, `check`, `install` and the guard ask the row.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The layout of the arguments after argv\[0\].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgLayout {
    /// Object, operation, sub-operation, extra.
    Libvirt,
    GuestAgent,
}

/// The kind of thing that the first argument, the object, names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Object {
    /// A guest or a container.
    Guest,
    Network,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CalledBy {
    /// libvirtd, and the daemon of this name where libvirt runs one daemon for each driver.
    LibvirtdOr(Option<&'static str>),
    EveryDaemon,
    GuestAgent,
}

/// A kind of hook: the name under which it is called, and what all its operations share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Driver {
    /// The hook's file name, and its `.d` directories' without the `.d`.
    pub name: &'static str,
    /// The purpose of the hook, as help texts and completions show it.
    pub(crate) about: &'static str,
    pub(crate) args: ArgLayout,
    /// The directory in which the caller looks for the hook: the directory when argv\[0\] names none.
    pub(crate) base: &'static str,
    pub(crate) called_by: CalledBy,
    pub(crate) object: Object,
    /// The values of `<domain type='…'>` that it runs, the usual one first; any, if there is none here.
    pub(crate) domain_types: &'static [&'static str],
    /// The connection by which libvirt knows its objects.
    pub uri: Option<&'static str>,
    /// True if `install` links it without a driver's name.
    pub(crate) linked_by_default: bool,
}

/// The known drivers. Any other name is a driver of a future libvirt.
///
/// Domain types: `virQEMUCapsInitGuestFromBinary` in `src/qemu/qemu_capabilities.c` (9.0.0) adds qemu, kvm and hvf, each
/// where QEMU has it; hyperv (Linux's /dev/mshv) came with 11.10.0 ("Hyper-V virttype support for Qemu domains" in NEWS);
/// `virLXCDriverCapsInit`, `libxlMakeCapabilities` and `virBhyveCapsBuild` know one type each.
pub const DRIVERS: &[Driver] = &[
    Driver {
        called_by: CalledBy::LibvirtdOr(Some("virtqemud")),
        domain_types: &["qemu", "kvm", "hvf", "hyperv"],
        uri: Some("qemu:///system"),
        linked_by_default: true,
        ..libvirt("qemu", "QEMU and KVM guests")
    },
    Driver {
        called_by: CalledBy::LibvirtdOr(Some("virtlxcd")),
        domain_types: &["lxc"],
        uri: Some("lxc:///system"),
        linked_by_default: true,
        ..libvirt("lxc", "LXC containers")
    },
    Driver {
        called_by: CalledBy::LibvirtdOr(Some("virtxend")),
        domain_types: &["xen"],
        uri: Some("xen:///system"),
        linked_by_default: true,
        ..libvirt("libxl", "Xen guests")
    },
    Driver {
        called_by: CalledBy::LibvirtdOr(Some("virtbhyved")),
        domain_types: &["bhyve"],
        uri: Some("bhyve:///system"),
        ..libvirt("bhyve", "bhyve guests, on FreeBSD, where hookmux does not run")
    },
    Driver {
        called_by: CalledBy::LibvirtdOr(Some("virtnetworkd")),
        object: Object::Network,
        uri: Some("qemu:///system"),
        linked_by_default: true,
        ..libvirt("network", "virtual networks and their ports")
    },
    Driver {
        called_by: CalledBy::EveryDaemon,
        object: Object::None,
        ..libvirt("daemon", "libvirt's daemons themselves")
    },
    Driver {
        args: ArgLayout::GuestAgent,
        base: "/etc/qemu",
        called_by: CalledBy::GuestAgent,
        object: Object::None,
        ..libvirt("fsfreeze-hook", "the QEMU guest agent, inside a guest")
    },
];

/// A driver of a name that the table does not know: called as libvirt calls the drivers that have guests.
pub(crate) const UNKNOWN_DRIVER: Driver = libvirt("", "");

/// The daemon that serves every driver.
const LIBVIRTD: &str = "libvirtd";

/// The daemons that call no driver's hook but `daemon`'s; libvirt has had one for each driver since 5.7.0.
const OTHER_DAEMONS: &[&str] = &[
    "virtvboxd",
    "virtvzd",
    "virtchd",
    "virtstoraged",
    "virtinterfaced",
    "virtnodedevd",
    "virtnwfilterd",
    "virtsecretd",
    "virtproxyd",
];

const fn libvirt(name: &'static str, about: &'static str) -> Driver {
    Driver {
        name,
        about,
        args: ArgLayout::Libvirt,
        base: "/etc/libvirt/hooks",
        called_by: CalledBy::LibvirtdOr(None),
        object: Object::Guest,
        domain_types: &[],
        uri: None,
        linked_by_default: false,
    }
}

/// Returns the driver of that name, or [`UNKNOWN_DRIVER`].
pub(crate) fn driver(name: &OsStr) -> Driver {
    DRIVERS.iter().find(|driver| name == driver.name).copied().unwrap_or(UNKNOWN_DRIVER)
}

/// Returns the names of all libvirt daemons that run hooks.
pub(crate) fn daemons() -> impl Iterator<Item = &'static str> {
    let own = DRIVERS.iter().filter_map(|driver| match driver.called_by {
        CalledBy::LibvirtdOr(own) => own,
        CalledBy::EveryDaemon | CalledBy::GuestAgent => None,
    });
    std::iter::once(LIBVIRTD).chain(own).chain(OTHER_DAEMONS.iter().copied())
}

/// Reports whether a program of that file name is a libvirt daemon that runs hooks.
pub(crate) fn is_daemon(name: &OsStr) -> bool {
    let name = without_libtool(name);
    daemons().any(|daemon| name == daemon)
}

impl Driver {
    pub(crate) fn is_called_by(&self, daemon: &OsStr) -> bool {
        let daemon = without_libtool(daemon);
        match self.called_by {
            CalledBy::LibvirtdOr(own) => daemon == LIBVIRTD || own.is_some_and(|own| daemon == own),
            CalledBy::EveryDaemon => true,
            CalledBy::GuestAgent => false,
        }
    }
}

/// Removes the prefix that libtool gives a daemon in a build tree: lt-libvirtd.
fn without_libtool(name: &OsStr) -> &OsStr {
    OsStr::from_bytes(name.as_bytes().strip_prefix(b"lt-").unwrap_or(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_daemon_calls_the_hooks_of_its_drivers_and_that_of_daemons() {
        let called = |daemon: &str| {
            let drivers = ["qemu", "lxc", "network", "daemon", "fsfreeze-hook", "nbd"];
            let calls = |name: &&str| driver(OsStr::new(name)).is_called_by(OsStr::new(daemon));
            drivers.into_iter().filter(calls).collect::<Vec<_>>()
        };
        assert_eq!(called("libvirtd"), ["qemu", "lxc", "network", "daemon", "nbd"]);
        assert_eq!(called("lt-virtqemud"), ["qemu", "daemon"]);
        assert_eq!(called("virtnetworkd"), ["network", "daemon"]);
        assert_eq!(called("virtsecretd"), ["daemon"]);
    }

    #[test]
    fn a_daemon_is_recognized_by_its_whole_name() {
        let is = |names: [&str; 5]| names.map(|name| is_daemon(OsStr::new(name)));
        assert_eq!(is(["libvirtd", "virtqemud", "lt-virtnetworkd", "virtproxyd", "virtbhyved"]), [true; 5]);
        assert_eq!(is(["bash", "virtlogd", "libvirtd-guests", "lt-", ""]), [false; 5]);
    }
}
