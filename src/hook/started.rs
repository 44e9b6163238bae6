//! Keeps the document that `started` had, for the guest's `stopped` and `release` (`keep-document`). In: a call. Out: a path
//! below /run/hookmux. Does.
//!
//! Only the user that the daemon runs as, root, may read it. The guest's name is encoded, and every directory is opened
//! without following a link, so that no other user chooses which file is written or read.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::call::invocation::Invocation;
use crate::files::paths;
use crate::files::resolve::{self, FileFacts};
use crate::files::trust;
use crate::run::spool::Spool;

/// The mode of the directory that holds the documents of a driver's guests.
const PRIVATE: u32 = 0o700;

/// The file that contains the document of a call's guest.
#[derive(Debug)]
struct Started {
    /// The directory of the driver's guests.
    directory: OwnedFd,
    path: PathBuf,
    name: OsString,
}

impl Started {
    /// Opens the directory; creates what is missing of it if `create`. Returns EPERM if another user may write to it.
    fn open(root: &Path, call: &Invocation, create: bool) -> io::Result<Self> {
        let last = paths::with_ending(&call.driver, ".started");
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut directory = rustix::fs::open(root, flags, Mode::empty())?;
        let user = rustix::process::geteuid().as_raw();
        let mut path = root.to_owned();
        for (name, mode) in [(OsStr::new("run"), 0o755), (OsStr::new("hookmux"), 0o755), (&last, PRIVATE)] {
            path.push(name);
            let open = || rustix::fs::openat(&directory, name, flags | OFlags::NOFOLLOW, Mode::empty());
            let mut next = open();
            if create && matches!(next, Err(Errno::NOENT)) {
                // Another call may create it as well.
                let _ = rustix::fs::mkdirat(&directory, name, Mode::from_raw_mode(mode));
                next = open();
            }
            directory = next?;
            let facts = FileFacts::new(path.clone(), &rustix::fs::fstat(&directory)?);
            let is_open = facts.uid != user || facts.mode & 0o077 != 0;
            if trust::distrust_node(&facts, user).is_some() || (mode == PRIVATE && is_open) {
                return Err(Errno::PERM.into());
            }
        }
        Ok(Self { directory, path, name: encoded(&call.object) })
    }

    /// Removes a file, if there is one.
    fn unlink(&self, name: &OsStr) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.directory, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            removed => Ok(removed?),
        }
    }
}

/// Keeps the document of a call in place of an earlier one, which does not stay if the new one cannot be written.
pub(super) fn keep(root: &Path, call: &Invocation, document: &io::Result<Spool>) -> io::Result<()> {
    let started = Started::open(root, call, true)?;
    let document = document.as_ref().map_err(resolve::errno)?;
    let (directory, made) = (&started.directory, own_name());
    // One of a process with the same number, which was killed.
    started.unlink(&made)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, &made, flags, Mode::RUSR | Mode::WUSR)?;
    let written = document.write_to(file);
    let written = written.and_then(|()| Ok(rustix::fs::renameat(directory, &made, directory, &started.name)?));
    if written.is_err() {
        started.unlink(&made)?;
        started.unlink(&started.name)?;
    }
    written
}

/// Removes the kept document of a call's guest, if there is one.
pub(super) fn forget(root: &Path, call: &Invocation) -> io::Result<()> {
    match Started::open(root, call, false) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        started => started.and_then(|started| started.unlink(&started.name)),
    }
}

/// Returns the path of the kept document of a call's guest, if there is one.
pub(super) fn path(root: &Path, call: &Invocation) -> Option<PathBuf> {
    let Started { directory, path, name } = Started::open(root, call, false).ok()?;
    let stat = rustix::fs::statat(&directory, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    (FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile).then(|| path.join(name))
}

/// Returns another path of the kept document, which stays when `release` removes the document: for background scripts.
pub(super) fn link(root: &Path, call: &Invocation) -> Option<PathBuf> {
    let started = Started::open(root, call, false).ok()?;
    let second = own_name();
    started.unlink(&second).ok()?;
    let Started { directory, path, name } = started;
    rustix::fs::linkat(&directory, &name, &directory, &second, AtFlags::empty()).ok()?;
    Some(path.join(second))
}

/// Returns a name that no guest's document has.
fn own_name() -> OsString {
    format!(".{}", std::process::id()).into()
}

/// Returns a guest's name as a file name: libvirt's names are file names already, but for odd ones.
fn encoded(name: &OsStr) -> OsString {
    let mut file = Vec::with_capacity(name.len());
    for byte in name.as_bytes() {
        let is_plain = !byte.is_ascii_control() && !matches!(byte, b'%' | b'/') && (*byte != b'.' || !file.is_empty());
        if is_plain {
            file.push(*byte);
        } else {
            file.extend(format!("%{byte:02x}").bytes());
        }
    }
    OsString::from_vec(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_a_file_of_its_own_within_the_directory() {
        let file = |name: &str| encoded(OsStr::new(name)).into_string().unwrap();
        let names = ["vm1", "ü b.c", ".", "..", ".7", "a/../b", "%2e", "a\nb"];
        let files = ["vm1", "ü b.c", "%2e", "%2e.", "%2e7", "a%2f../b", "%252e", "a%0ab"];
        assert_eq!(names.map(file), files.map(|file| file.replace('/', "%2f")));
    }
}
