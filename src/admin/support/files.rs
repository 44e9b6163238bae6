//! Replaces files atomically, below a root. In: paths. Out: the same file at another name, or an errno. Does.
//!
//! A name is only ever given to a complete file: what is made lies under a temporary name first, which starts with a dot so
//! that it is not taken for a script, and is then linked (never over anything) or renamed (over what was judged before).
//! Each directory is opened below the root and held while names in it change: a link in an image cannot lead out of it,
//! not even one that is swapped meanwhile.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

use crate::files::resolve::open;

/// The mode of a file that only its owner can read.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Returns a path to what is open, whatever becomes of its name.
pub(crate) fn held(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

/// Puts a symbolic link to `target` at `path`: over what lies there, if `over`; otherwise that is an error.
pub(crate) fn link(root: &Path, target: &Path, path: &Path, over: bool) -> io::Result<()> {
    let place = Location::open(root, path)?;
    place.put(over, |made| Ok(rustix::fs::symlinkat(target, &place.directory, made)?))
}

/// Writes a file that only its owner can read: a new one, which takes the place of what was there. A link is replaced, not
/// followed.
pub(crate) fn write_private(root: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    write(root, path, content, PRIVATE)
}

/// Writes a file that every user can read, likewise.
pub(crate) fn write_public(root: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    write(root, path, content, PRIVATE | Mode::RGRP | Mode::ROTH)
}

fn write(root: &Path, path: &Path, content: &[u8], bits: Mode) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let place = Location::open(root, &path)?;
    place.put(true, |made| place.create(made, bits)?.write_all(content))
}

/// Makes `to` the same file as `from`, which stays. Anything else at `to` is an error; the same file, left by an
/// interrupted run, is not.
pub(crate) fn same_at(root: &Path, from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (Location::open(root, from)?, Location::open(root, to)?);
    if is_same(&from, &to)? { Ok(()) } else { same(&from, &to, false) }
}

/// Makes `to` the same file as `from`, which stays, whatever lay there.
pub(crate) fn same_over(root: &Path, from: &Path, to: &Path) -> io::Result<()> {
    same(&Location::open(root, from)?, &Location::open(root, to)?, true)
}

/// Puts a copy of an open file at `to`, over what lies there.
pub(crate) fn copy_over(root: &Path, from: &mut File, to: &Path) -> io::Result<()> {
    let place = Location::open(root, to)?;
    place.put(true, |made| place.copy(from, made))
}

/// Makes a directory of that mode, whatever the umask, and its parents as root's are.
pub(crate) fn directory(root: &Path, path: &Path, mode: u32) -> io::Result<()> {
    match open(root, path, OFlags::RDONLY | OFlags::DIRECTORY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found.map(drop),
    }
    path.parent().map_or(Ok(()), |parent| directory(root, parent, 0o755))?;
    let place = Location::open(root, path)?;
    rustix::fs::mkdirat(&place.directory, place.name, Mode::from_raw_mode(mode))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(&place.directory, place.name, flags, Mode::empty())?;
    Ok(rustix::fs::fchmod(directory, Mode::from_raw_mode(mode))?)
}

/// Removes a file, durably.
pub(crate) fn remove(root: &Path, path: &Path) -> io::Result<()> {
    let place = Location::open(root, path)?;
    rustix::fs::unlinkat(&place.directory, place.name, AtFlags::empty())?;
    place.directory.sync_all()
}

pub(crate) fn remove_empty(root: &Path, path: &Path) -> io::Result<()> {
    let place = Location::open(root, path)?;
    match rustix::fs::unlinkat(&place.directory, place.name, AtFlags::REMOVEDIR) {
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT) => Ok(()),
        removed => Ok(removed?),
    }
}

/// A name in a directory that is open.
struct Location<'a> {
    directory: File,
    name: &'a OsStr,
}

impl<'a> Location<'a> {
    fn open(root: &Path, path: &'a Path) -> io::Result<Self> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::INVAL.into()) };
        Ok(Self { directory: open(root, parent, OFlags::RDONLY | OFlags::DIRECTORY)?, name })
    }

    /// Returns what lies there; `None` if there is nothing.
    fn stat(&self) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&self.directory, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            stat => Ok(Some(stat?)),
        }
    }

    /// Returns the text of a link; `None` if it is something else.
    fn text(&self) -> io::Result<Option<CString>> {
        match rustix::fs::readlinkat(&self.directory, self.name, Vec::new()) {
            Err(Errno::INVAL) => Ok(None),
            text => Ok(Some(text?)),
        }
    }

    fn read(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.directory, self.name, flags, Mode::empty())?.into())
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read()?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Makes something under a temporary name in the directory and gives it its name, over what lies there if `over`.
    fn put(&self, over: bool, build: impl FnOnce(&OsStr) -> io::Result<()>) -> io::Result<()> {
        let directory = &self.directory;
        let mut made = OsString::from(".");
        made.push(self.name);
        made.push(format!(".hookmux-{}", std::process::id()));
        let remove = || match rustix::fs::unlinkat(directory, &made, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(io::Error::from(errno)),
        };
        remove()?;
        let put = build(&made).and_then(|()| {
            if over {
                return Ok(rustix::fs::renameat(directory, &made, directory, self.name)?);
            }
            // Unlike rename, it fails if something has come there meanwhile.
            Ok(rustix::fs::linkat(directory, &made, directory, self.name, AtFlags::empty())?)
        });
        // It is still there after a failure, a link, or a renaming to another name of the same file.
        let removed = remove();
        put.and(removed)?;
        directory.sync_all()
    }

    fn create(&self, made: &OsStr, bits: Mode) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.directory, made, flags, bits)?.into())
    }

    /// Writes a copy of a file, with its owner and mode.
    fn copy(&self, from: &mut File, made: &OsStr) -> io::Result<()> {
        let kind = from.metadata()?;
        let mut to = self.create(made, PRIVATE)?;
        io::copy(from, &mut to)?;
        rustix::fs::fchown(&to, Some(Uid::from_raw(kind.uid())), Some(Gid::from_raw(kind.gid())))?;
        rustix::fs::fchmod(&to, Mode::from_raw_mode(kind.mode() & 0o7777))?;
        to.sync_all()
    }
}

fn same(from: &Location, to: &Location, over: bool) -> io::Result<()> {
    let text = from.text()?;
    to.put(over, |made| match &text {
        Some(text) => Ok(rustix::fs::symlinkat(text, &to.directory, made)?),
        None => match rustix::fs::linkat(&from.directory, from.name, &to.directory, made, AtFlags::empty()) {
            // On another file system.
            Err(Errno::XDEV) => to.copy(&mut from.read()?, made),
            linked => Ok(linked?),
        },
    })
}

/// Reports whether both are there and the same: one file, one content and mode, or links with one text.
fn is_same(from: &Location, to: &Location) -> io::Result<bool> {
    let (Some(one), Some(other)) = (from.stat()?, to.stat()?) else { return Ok(false) };
    let is_one_file = (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino);
    let looks_same = (one.st_mode, one.st_size) == (other.st_mode, other.st_size);
    Ok(is_one_file
        || looks_same
            && match FileType::from_raw_mode(one.st_mode) {
                FileType::Symlink => from.text()? == to.text()?,
                FileType::RegularFile => from.bytes()? == to.bytes()?,
                _ => false,
            })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    const HOST: &str = "/";

    #[test]
    fn no_file_is_replaced_that_was_not_judged() {
        let (root, scratch) = (Path::new(HOST), tempfile::tempdir().unwrap());
        let at = |name: &str| scratch.path().join(name);
        fs::write(at("theirs"), "theirs").unwrap();
        fs::write(at("ours"), "ours").unwrap();
        let target = Path::new("/usr/bin/hookmux");
        assert_eq!(link(root, target, &at("theirs"), false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(same_at(root, &at("ours"), &at("theirs")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(at("theirs")).unwrap(), "theirs");
        link(root, target, &at("theirs"), true).unwrap();
        assert_eq!(fs::read_link(at("theirs")).unwrap(), target);
        let left: Vec<_> = fs::read_dir(scratch.path()).unwrap().map(|found| found.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn a_file_at_another_name_is_the_same_whatever_file_system_that_is_on() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap());
        let from = here.path().join("10-a");
        fs::write(&from, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&from, Permissions::from_mode(0o750)).unwrap();
        symlink("10-a", here.path().join("link")).unwrap();
        for to in [here.path().join("20-b"), there.path().join("20-b")] {
            for _ in 0..2 {
                same_at(Path::new(HOST), &from, &to).unwrap();
                same_at(Path::new(HOST), &here.path().join("link"), &to.with_file_name("there")).unwrap();
            }
            let seen = fs::symlink_metadata(&to).unwrap();
            assert_eq!((fs::read_to_string(&to).unwrap().as_str(), seen.mode() & 0o7777), ("#!/bin/sh\n", 0o750));
            assert_eq!(fs::read_link(to.with_file_name("there")).unwrap(), Path::new("10-a"));
        }
        assert_ne!(here.path().metadata().unwrap().dev(), there.path().metadata().unwrap().dev());
    }

    #[test]
    fn below_a_root_no_link_leads_out_of_it() {
        let scratch = tempfile::tempdir().unwrap();
        let (outside, root) = (scratch.path().join("outside"), scratch.path().join("root"));
        fs::create_dir_all(&outside).unwrap();
        fs::create_dir_all(root.join("real")).unwrap();
        fs::write(outside.join("victim"), "victim").unwrap();
        symlink(&outside, root.join("absolute")).unwrap();
        symlink("../../../../../outside", root.join("dots")).unwrap();
        symlink("/real", root.join("inside")).unwrap();
        for directory in ["absolute", "dots"] {
            let victim = root.join(directory).join("victim");
            assert!(link(&root, Path::new("/x"), &victim, true).is_err(), "{directory}");
            assert!(remove(&root, &victim).is_err(), "{directory}");
            assert!(super::directory(&root, &victim.with_file_name("made"), 0o755).is_err(), "{directory}");
        }
        assert_eq!(fs::read_to_string(outside.join("victim")).unwrap(), "victim");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        link(&root, Path::new("/x"), &root.join("inside/hook"), false).unwrap();
        assert_eq!(fs::read_link(root.join("real/hook")).unwrap(), Path::new("/x"));
    }
}
