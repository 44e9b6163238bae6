//! Path resolution: every directory and link on the way to a file. In: a path. Out: the facts about each. Reads.
//!
//! A user who may write to one of the directories on the way, or owns a link on it, decides which file is at its end.
//! `canonicalize` is not enough, because it does not report the links.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat, makedev};
use rustix::io::retry_on_intr;

use crate::files::acl::{self, AclWriter};
use crate::files::paths;

/// The number of links that the kernel follows before it returns ELOOP (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// The device that a mask leads to.
const NULL: &str = "/dev/null";

/// A kind of file, as far as it matters for hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Regular,
    Directory,
    Link,
    /// /dev/null, or another node of the same device.
    Null,
    /// A FIFO, a socket or a device.
    Special,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileFacts {
    pub(crate) path: PathBuf,
    pub(crate) kind: FileKind,
    /// Its permission bits, with set-uid, set-gid and sticky.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// The users and groups that its ACL lets write to it, or why the ACL cannot be read. Looked for only where the mode
    /// allows the group root to write: without that, no ACL lets a user write, and another group is untrusted anyway.
    pub(crate) writers: Result<Vec<AclWriter>, Errno>,
}

/// A path that was resolved to its end, or as far as possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The directories and links on the way, from the root on, including those of the links' targets.
    pub(crate) hops: Vec<FileFacts>,
    /// The file at the end (never a link), or why it cannot be examined.
    pub(crate) target: Result<FileFacts, Errno>,
}

impl FileFacts {
    /// Returns the facts about `path`, whose `stat` was read without following a link.
    pub(crate) fn new(path: PathBuf, stat: &Stat) -> Self {
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        let (kind, mode) = (FileKind::new(stat), stat.st_mode & 0o7777);
        let is_judged = match kind {
            FileKind::Regular => true,
            // In a sticky directory, users can change only what is theirs.
            FileKind::Directory => mode & 0o1000 == 0,
            FileKind::Link | FileKind::Null | FileKind::Special => false,
        };
        let may_have = is_judged && mode & 0o020 != 0 && stat.st_gid == 0;
        let writers = if may_have { acl::writers(&path) } else { Ok(Vec::new()) };
        Self { path, kind, mode, uid: stat.st_uid, gid: stat.st_gid, size, writers }
    }
}

impl FileKind {
    fn new(stat: &Stat) -> Self {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Self::Regular,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Link,
            FileType::CharacterDevice if stat.st_rdev == makedev(1, 3) => Self::Null,
            _ => Self::Special,
        }
    }
}

/// The root directory of this system.
pub(crate) const HOST: &str = "/";

/// Resolves `path`, component by component and link by link. A relative path starts at the working directory. A link below
/// `root` is followed as on a system whose root directory that is.
pub(crate) fn resolve(root: &Path, path: &Path) -> Resolved {
    let mut hops = Vec::new();
    let target = follow(root, path, &mut hops).map_err(|error| errno(&error));
    Resolved { hops, target }
}

fn follow(root: &Path, path: &Path, hops: &mut Vec<FileFacts>) -> io::Result<FileFacts> {
    let path = if path.is_absolute() { Cow::Borrowed(path) } else { std::path::absolute(path)?.into() };
    let (host, first) = (Path::new(HOST), look(PathBuf::from(HOST))?);
    match path.strip_prefix(root) {
        Ok(inside) if root != host => {
            let first = follow_below(host, first, root.strip_prefix(host).unwrap_or(root), hops)?;
            let top = first.path.clone();
            follow_below(&top, first, inside, hops)
        }
        _ => follow_below(host, first, path.strip_prefix(host).unwrap_or(&path), hops),
    }
}

/// Follows `path` from `first` on, below the root directory `top`.
fn follow_below(top: &Path, first: FileFacts, path: &Path, hops: &mut Vec<FileFacts>) -> io::Result<FileFacts> {
    let mut here = first;
    let mut links = 0_usize;
    // The components that are still to be resolved, the next one last.
    let mut ahead: Vec<OsString> = Vec::new();
    push(&mut ahead, path);
    while let Some(name) = ahead.pop() {
        if here.kind != FileKind::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        let next = match Path::new(&name).components().next() {
            Some(Component::RootDir) => look(top.to_owned())?,
            Some(Component::ParentDir) if here.path == top => look(top.to_owned())?,
            Some(Component::ParentDir) => look(here.path.parent().unwrap_or(top).to_owned())?,
            Some(Component::Normal(name)) => look(paths::join(&here.path, name))?,
            _ => continue,
        };
        if next.kind == FileKind::Link {
            links = links.saturating_add(1);
            if links > MAX_LINKS {
                return Err(Errno::ELOOP.into());
            }
            let text = fs::read_link(&next.path)?;
            hops.push(next);
            // An image has no devices; such a link is a mask all the same.
            if top != Path::new(HOST) && ahead.is_empty() && text == Path::new(NULL) {
                return look(text);
            }
            push(&mut ahead, &text);
        } else {
            hops.push(std::mem::replace(&mut here, next));
        }
    }
    Ok(here)
}

fn push(ahead: &mut Vec<OsString>, path: &Path) {
    ahead.extend(path.components().rev().map(|component| component.as_os_str().to_owned()));
}

fn look(path: PathBuf) -> io::Result<FileFacts> {
    let stat = rustix::fs::lstat(&path)?;
    Ok(FileFacts::new(path, &stat))
}

/// Reports whether nothing lies at `path`; links are followed below `root`.
///
/// # Errors
/// ENOENT for a link that leads to something that does not exist, and may only not be mounted. Those of lstat and stat.
pub(crate) fn is_absent(root: &Path, path: &Path) -> io::Result<bool> {
    match rustix::fs::lstat(path) {
        Err(rustix::io::Errno::NOENT) => Ok(true),
        Err(error) => Err(error.into()),
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => {
            Ok(open(root, path, OFlags::PATH).map(|_| false)?)
        }
        Ok(_) => Ok(false),
    }
}

/// Opens a path; links are followed as on a system whose root directory is `root`.
///
/// # Errors
/// Those of open; ENOSYS where the kernel is older than 5.6 and `root` is not `/`.
pub(crate) fn open(root: &Path, path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::CLOEXEC;
    if root == Path::new(HOST) {
        return Ok(retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?.into());
    }
    let top = rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let inside = path.strip_prefix(root).ok().filter(|inside| !inside.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(rustix::fs::openat2(top, inside, flags, Mode::empty(), ResolveFlags::IN_ROOT)?.into())
}

/// Opens a regular file for reading; links are followed below `root`. Anything else is rejected before it can block:
/// reading a FIFO may never end, and opening one blocks until another process writes.
///
/// # Errors
/// Those of opening; EINVAL for anything but a regular file, EISDIR for a directory.
pub(crate) fn open_regular(root: &Path, path: &Path) -> io::Result<File> {
    let file = open(root, path, OFlags::RDONLY | OFlags::NONBLOCK)?;
    let kind = file.metadata()?.file_type();
    match (kind.is_file(), kind.is_dir()) {
        (true, _) => Ok(file),
        (false, true) => Err(Errno::EISDIR.into()),
        (false, false) => Err(Errno::EINVAL.into()),
    }
}

/// Reads the first `most` bytes of a regular file.
///
/// # Errors
/// Those of [`open_regular`], and of reading.
pub(crate) fn read(root: &Path, path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(root, path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn is_same(one: &File, other: &File) -> bool {
    let id = |file: &File| file.metadata().map(|file| (file.dev(), file.ino())).ok();
    id(one).is_some_and(|one| id(other) == Some(one))
}

/// Returns the errno of an error of the standard library; EIO for one without.
pub(crate) fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn end(path: &Path) -> Result<PathBuf, Errno> {
        resolve(Path::new(HOST), path).target.map(|node| node.path)
    }

    #[test]
    fn a_path_leads_where_the_kernel_follows_it() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/file"), "").unwrap();
        symlink("b/../b/file", root.join("a/near")).unwrap();
        symlink(root.join("a/near"), root.join("far")).unwrap();
        symlink("a", root.join("dir")).unwrap();
        for name in ["a/b/file", "a/near", "far", "dir/near", "dir/./b/../near", "dir//b//file"] {
            assert_eq!(end(&root.join(name)), Ok(root.join("a/b/file")), "{name}");
        }
        assert_eq!(end(&root.join("dir")), Ok(root.join("a")));
        assert_eq!(end(Path::new("/")), Ok(PathBuf::from("/")));
    }

    #[test]
    fn links_and_their_directories_are_on_the_way() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("other/deep")).unwrap();
        fs::write(root.join("other/deep/file"), "").unwrap();
        symlink("deep/file", root.join("other/middle")).unwrap();
        symlink("other/middle", root.join("first")).unwrap();
        let hops: Vec<PathBuf> =
            resolve(Path::new(HOST), &root.join("first")).hops.into_iter().map(|node| node.path).collect();
        let from = hops.iter().position(|path| path == &root.join("first")).unwrap();
        let expected = ["first", "", "other/middle", "other", "other/deep"].map(|name| root.join(name));
        let seen: Vec<PathBuf> = hops[from..].iter().map(|path| path.components().collect()).collect();
        assert_eq!(seen, expected.map(|path| path.components().collect::<PathBuf>()));
    }

    #[test]
    fn a_path_that_ends_early_returns_the_errno() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path();
        fs::write(root.join("file"), "").unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        symlink("loop-b", root.join("loop-a")).unwrap();
        symlink("loop-a", root.join("loop-b")).unwrap();
        let table =
            [("dangling", Errno::ENOENT), ("loop-a", Errno::ELOOP), ("file/x", Errno::ENOTDIR), ("no", Errno::ENOENT)];
        for (name, errno) in table {
            assert_eq!(end(&root.join(name)), Err(errno), "{name}");
        }
    }

    #[test]
    fn only_a_regular_file_is_opened_and_opening_never_blocks() {
        let scratch = tempfile::tempdir().unwrap();
        let fifo = scratch.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
        let opened = |path: &Path| open_regular(Path::new(HOST), path).map(drop).map_err(|error| errno(&error));
        assert_eq!(
            [opened(&fifo), opened(scratch.path()), opened(Path::new("/dev/null"))],
            [Err(Errno::EINVAL), Err(Errno::EISDIR), Err(Errno::EINVAL)]
        );
        fs::write(scratch.path().join("file"), "").unwrap();
        assert_eq!(opened(&scratch.path().join("file")), Ok(()));
    }

    #[test]
    fn dev_null_is_recognized_by_its_device_number() {
        assert_eq!(resolve(Path::new(HOST), Path::new("/dev/null")).target.map(|node| node.kind), Ok(FileKind::Null));
    }
}
