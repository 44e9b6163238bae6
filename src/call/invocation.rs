//! The role and the arguments of this process. In: argv. Out: a hook's [`Invocation`], or the administrator's command line.
//! Pure.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::call::contract::{self, Row};
use crate::call::drivers::{self, ArgLayout, DRIVERS};

/// The names under which the binary is the administrator's command line: the second is that of the package for guests,
/// which brings a binary of its own, so that a guest does not need the host's package, and a host inside a guest can have
/// both.
pub const OWN_NAMES: [&str; 3] = ["hookmux", "hookmux-guest", "hookmux-hook"];

/// The word that libvirt passes for a missing argument.
pub(crate) const NOTHING: &str = "-";

/// The role in which the binary was called.
#[allow(clippy::large_enum_variant, reason = "there is one, on the stack of main")]
#[derive(Debug, PartialEq, Eq)]
pub enum Role {
    /// A hook: libvirt's, the guest agent's, or one that is not known yet.
    Hook(Invocation),
    /// `hookmux` itself, or an empty argv.
    Administrator,
}

/// One call of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The hook's name: argv\[0\] without its directory.
    pub driver: OsString,
    /// The name of hookmux's link in `base/<driver>.d`, beside the hook of another program or of none; `None` if hookmux is
    /// linked as the hook itself, `base/<driver>`.
    pub(crate) beside: Option<OsString>,
    /// The directory of the driver's hook: that of argv\[0\], or its parent if hookmux is linked beside the hook; the
    /// driver's usual one where argv\[0\] names none.
    pub base: PathBuf,
    /// The arguments after argv\[0\], unchanged: every script gets them.
    pub args: Vec<OsString>,
    /// The guest or the network; `-` if there is neither.
    pub object: OsString,
    /// The operation; `-` when the call has none, which no caller does.
    pub operation: OsString,
    pub(crate) sub_operation: OsString,
    /// The last of libvirt's arguments, or `-`.
    pub(crate) extra: OsString,
    /// The caller's part in this call.
    pub row: Row,
}

/// Reads argv.
#[must_use]
pub fn role(mut argv: impl Iterator<Item = OsString>) -> Role {
    let name = argv.next().unwrap_or_default().into_vec();
    let (directory, file) = match name.iter().rposition(|byte| *byte == b'/') {
        // "/qemu" lies in "/".
        Some(slash) => (name.get(..slash.max(1)), name.get(slash.saturating_add(1)..).unwrap_or_default()),
        None => (None, name.as_slice()),
    };
    let (directory, file) =
        (directory.map(|directory| Path::new(OsStr::from_bytes(directory))), OsStr::from_bytes(file));
    // Before its own names: libvirt calls a file in `<driver>.d` whatever its name is.
    if let Some((driver, base)) = directory.and_then(|directory| beside(directory, file)) {
        let call = Invocation::new(driver, Some(base), argv.collect());
        return Role::Hook(Invocation { beside: Some(file.to_owned()), ..call });
    }
    if file.is_empty() || OWN_NAMES.iter().any(|own| file == *own) {
        return Role::Administrator;
    }
    Role::Hook(Invocation::new(file, directory.map(Path::to_owned), argv.collect()))
}

/// Returns the driver and its base where `directory` is `base/<driver>.d`. `hooks.d/qemu` is the hook of `qemu`: a known
/// driver's name counts for more than the name of a directory that is not a known driver's.
fn beside<'a>(directory: &'a Path, file: &OsStr) -> Option<(&'a OsStr, PathBuf)> {
    let name = directory.file_name()?.as_bytes();
    let driver = OsStr::from_bytes(name.strip_suffix(b".d").filter(|driver| !driver.is_empty())?);
    let is_known = |name: &OsStr| DRIVERS.iter().any(|driver| name == driver.name);
    let is_hook = file.is_empty() || (is_known(file) && !is_known(driver));
    let base = directory.parent().filter(|base| !base.as_os_str().is_empty()).unwrap_or(Path::new("."));
    (!is_hook).then(|| (driver, base.to_owned()))
}

impl Invocation {
    /// Returns a call of `driver` with the words after argv\[0\]; `base` is the directory of the hook, the usual one if
    /// `None`.
    #[must_use]
    pub fn new(driver: &OsStr, base: Option<PathBuf>, args: Vec<OsString>) -> Self {
        let known = drivers::driver(driver);
        let word = |at: usize| args.get(at).cloned().unwrap_or_else(|| NOTHING.into());
        let [object, operation, sub_operation, extra] = match known.args {
            ArgLayout::Libvirt => [word(0), word(1), word(2), word(3)],
            ArgLayout::GuestAgent => [NOTHING.into(), word(0), word(1), word(2)],
        };
        let row = contract::look_up(driver, &operation);
        let base = base.unwrap_or_else(|| PathBuf::from(known.base));
        Self { driver: driver.to_owned(), beside: None, base, args, object, operation, sub_operation, extra, row }
    }

    /// Returns the call that undoes this one, if the caller does not make it.
    pub(crate) fn undoing(&self) -> Option<Self> {
        let row = contract::look_up(&self.driver, OsStr::new(self.row.undone_by?));
        let args = match drivers::driver(&self.driver).args {
            ArgLayout::Libvirt => {
                vec![self.object.clone(), row.operation.into(), row.sub_operation.into(), NOTHING.into()]
            }
            ArgLayout::GuestAgent => vec![row.operation.into()],
        };
        Some(Self::new(&self.driver, Some(self.base.clone()), args))
    }

    /// Reports whether the arguments name an operation. libvirt always names one; a person who tries a hook by hand may not.
    pub(crate) fn has_operation(&self) -> bool {
        let needed = match drivers::driver(&self.driver).args {
            ArgLayout::Libvirt => 2,
            ArgLayout::GuestAgent => 1,
        };
        self.args.len() >= needed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(words: &[&str]) -> Role {
        role(words.iter().map(OsString::from))
    }

    /// Driver, base, object, operation, sub-operation, extra: what the call was read as.
    fn read(words: &[&str]) -> [String; 6] {
        let Role::Hook(call) = call(words) else { panic!("{words:?} is not a hook") };
        let base = call.base.into_os_string();
        [call.driver, base, call.object, call.operation, call.sub_operation, call.extra]
            .map(|word| word.into_string().unwrap())
    }

    #[test]
    fn argv_names_the_driver_the_base_and_the_call() {
        let rows: &[(&[&str], [&str; 6])] = &[
            (
                &["/etc/libvirt/hooks/qemu", "vm1", "start", "begin", "-"],
                ["qemu", "/etc/libvirt/hooks", "vm1", "start", "begin", "-"],
            ),
            (&["qemu", "vm1", "stopped", "end"], ["qemu", "/etc/libvirt/hooks", "vm1", "stopped", "end", "-"]),
            (&["./lxc", "c1"], ["lxc", ".", "c1", "-", "-", "-"]),
            (&["/qemu"], ["qemu", "/", "-", "-", "-", "-"]),
            (&["//x//qemu", "a", "b"], ["qemu", "//x/", "a", "b", "-", "-"]),
            (&["/etc/qemu/fsfreeze-hook", "freeze"], ["fsfreeze-hook", "/etc/qemu", "-", "freeze", "-", "-"]),
            (&["fsfreeze-hook", "thaw"], ["fsfreeze-hook", "/etc/qemu", "-", "thaw", "-", "-"]),
            (&["/h/daemon", "-", "reload", "begin", "SIGHUP"], ["daemon", "/h", "-", "reload", "begin", "SIGHUP"]),
            (&["/h/nbd", "x", "y", "z", "1", "2"], ["nbd", "/h", "x", "y", "z", "1"]),
            (&["/h/..", "x", "y"], ["..", "/h", "x", "y", "-", "-"]),
            (&["/h/hookmux-qemu", "x", "y"], ["hookmux-qemu", "/h", "x", "y", "-", "-"]),
        ];
        for (words, expected) in rows {
            assert_eq!(read(words), *expected, "{words:?}");
        }
    }

    #[test]
    fn in_a_drivers_directory_the_directory_names_the_driver_whatever_the_file_is_called() {
        let link = |words: &[&str]| match call(words) {
            Role::Hook(call) => call.beside,
            Role::Administrator => panic!("{words:?} is not a hook"),
        };
        let rows: &[(&str, &str, &str)] = &[
            ("/h/qemu.d/00-hookmux", "qemu", "/h"),
            ("/h/qemu.d/hookmux", "qemu", "/h"),
            ("/h/qemu.d/hookmux-guest", "qemu", "/h"),
            ("/h/qemu.d/qemu", "qemu", "/h"),
            ("/h/qemu.d/lxc", "qemu", "/h"),
            ("/h/nbd.d/hookmux", "nbd", "/h"),
            ("//h//qemu.d//hookmux", "qemu", "//h"),
            ("qemu.d/hookmux", "qemu", "."),
        ];
        for (argv0, driver, base) in rows {
            let words = [argv0, "list", "start", "begin", "-"];
            assert_eq!(read(&words), [driver, base, "list", "start", "begin", "-"], "{argv0}");
            let file = argv0.rsplit('/').next().unwrap();
            assert_eq!(link(&words), Some(file.into()), "{argv0}");
        }
        let agents = ["/etc/qemu/fsfreeze-hook.d/00-hookmux", "freeze"];
        assert_eq!(read(&agents), ["fsfreeze-hook", "/etc/qemu", "-", "freeze", "-", "-"]);
        for argv0 in ["/h/hooks.d/qemu", "/h/qemu", "/h/.d/qemu", "qemu", "/h/qemu.d/../qemu"] {
            assert_eq!(link(&[argv0, "vm1", "start"]), None, "{argv0}");
        }
    }

    #[test]
    fn under_its_own_name_or_none_it_is_the_command_line() {
        for words in
            [&["hookmux", "list"][..], &["/usr/bin/hookmux"], &["hookmux-guest", "list"], &[""], &[], &["/usr/bin/"]]
        {
            assert_eq!(call(words), Role::Administrator, "{words:?}");
        }
    }

    #[test]
    fn arguments_are_kept_byte_for_byte() {
        let odd = OsString::from_vec(vec![0xff, b'\n', b' ']);
        let words = ["/h/qemu".into(), odd.clone(), "start".into(), "".into(), "-".into(), "more".into()];
        let Role::Hook(call) = role(words.clone().into_iter()) else { panic!("not a hook") };
        assert_eq!((call.object, call.args), (odd, words[1..].to_vec()));
    }

    #[test]
    fn a_call_needs_an_operation() {
        let has = |words: &[&str]| match call(words) {
            Role::Hook(call) => call.has_operation(),
            Role::Administrator => panic!("not a hook"),
        };
        assert_eq!([has(&["qemu"]), has(&["qemu", "vm1"]), has(&["qemu", "vm1", "start"])], [false, false, true]);
        assert_eq!([has(&["fsfreeze-hook"]), has(&["fsfreeze-hook", "freeze"])], [false, true]);
    }
}
