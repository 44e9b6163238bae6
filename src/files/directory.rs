//! The contents of a directory. In: its path. Out: names and kinds, and the facts about a file of it. Reads.
//!
//! `std::fs::read_dir` is not used: musl maps and unmaps a buffer for each directory, and the metadata of an entry resolves
//! the whole path again.

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, OFlags, RawDir, Stat};
use rustix::io::Errno;

pub(crate) use rustix::fs::FileType;

use crate::files::resolve::{self, FileFacts};

/// The number of bytes of names that are read at a time; the longest name needs 280.
const BUFFER: usize = 2 << 10;

#[derive(Debug)]
pub(crate) struct OpenDirectory(OwnedFd);

impl OpenDirectory {
    /// Opens the directory; links are followed below `root`.
    ///
    /// # Errors
    /// Those of open; ENOTDIR for anything else.
    pub(crate) fn open(root: &Path, path: &Path) -> io::Result<Self> {
        Ok(Self(resolve::open(root, path, OFlags::RDONLY | OFlags::DIRECTORY)?.into()))
    }

    /// Returns the names in it, in the file system's order, that are wanted for themselves or for their kind of file, which
    /// is `None` if it cannot be determined.
    pub(crate) fn names(&self, mut wanted: impl FnMut(&OsStr, Option<FileType>) -> bool) -> io::Result<Vec<OsString>> {
        // On the stack, because musl maps and unmaps a buffer of this length.
        let (mut names, mut buffer) = (Vec::new(), [MaybeUninit::uninit(); BUFFER]);
        let mut entries = RawDir::new(&self.0, &mut buffer);
        while let Some(found) = entries.next() {
            let found = match found {
                // The directory has been removed meanwhile.
                Err(Errno::NOENT) => break,
                found => found?,
            };
            let name = OsStr::from_bytes(found.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let kind = match found.file_type() {
                // The file system does not store kinds with names.
                FileType::Unknown => self.look(name).ok().map(|stat| FileType::from_raw_mode(stat.st_mode)),
                kind => Some(kind),
            };
            if wanted(name, kind) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Returns the facts about the file of that name, whose path is `path`; a link is not followed.
    pub(crate) fn node(&self, name: &OsStr, path: PathBuf) -> io::Result<FileFacts> {
        Ok(FileFacts::new(path, &self.look(name)?))
    }

    fn look(&self, name: &OsStr) -> io::Result<Stat> {
        Ok(rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::resolve::FileKind;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn names_have_their_file_types_without_dot_and_dot_dot() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        fs::create_dir(at("directory")).unwrap();
        fs::write(at("file"), "").unwrap();
        symlink("file", at("link")).unwrap();
        let directory = OpenDirectory::open(Path::new("/"), scratch.path()).unwrap();
        let mut seen = Vec::new();
        let names = directory.names(|name, kind| {
            seen.push((name.to_owned(), kind));
            kind != Some(FileType::Directory)
        });
        seen.sort_by(|one, other| one.0.cmp(&other.0));
        let expected =
            [("directory", FileType::Directory), ("file", FileType::RegularFile), ("link", FileType::Symlink)];
        assert_eq!(seen, expected.map(|(name, kind)| (name.into(), Some(kind))));
        let mut names = names.unwrap();
        names.sort();
        assert_eq!(names, ["file", "link"]);
        let kind = |name: &str| directory.node(OsStr::new(name), at(name)).map(|node| node.kind);
        assert_eq!([kind("directory").unwrap(), kind("link").unwrap()], [FileKind::Directory, FileKind::Link]);
        assert_eq!(kind("gone").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(OpenDirectory::open(Path::new("/"), &at("file")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }

    #[test]
    fn a_thousand_names_are_all_listed() {
        let scratch = tempfile::tempdir().unwrap();
        let name = |at: usize| format!("{at:04}-{}", "x".repeat(at % 200));
        (0..1000).for_each(|at| fs::write(scratch.path().join(name(at)), "").unwrap());
        let mut names = OpenDirectory::open(Path::new("/"), scratch.path()).unwrap().names(|_, _| true).unwrap();
        names.sort();
        assert_eq!(names, (0..1000).map(|at| OsString::from(name(at))).collect::<Vec<_>>());
    }
}
