//! Files that take others' places without a moment in between. In: paths. Out: the same file at another name, or an
//! errno. Does.
//!
//! A name is only ever made complete: what is made lies under a name of ours first, which starts with a dot so that
//! nobody takes it for a script, and is then linked (never over anything) or renamed (over what was judged before).

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// What is put somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// A symbolic link that says this.
    Link(PathBuf),
    /// A copy of this program.
    Copy(PathBuf),
}

/// Puts `form` at `path`: over what lies there, if `over`; else that is an error.
pub(crate) fn put(form: &Form, path: &Path, over: bool) -> io::Result<()> {
    let made = ours(path)?;
    match form {
        Form::Link(says) => symlink(says, &made)?,
        Form::Copy(program) => {
            fs::copy(program, &made)?;
            fs::set_permissions(&made, Permissions::from_mode(0o755))?;
            File::open(&made)?.sync_all()?;
        }
    }
    settle(&made, path, over)
}

/// Writes a file that only its owner can read: a new one, which takes the place of what was there. A link is replaced, not
/// followed.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let made = ours(path)?;
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&made)?;
    let written = file.write_all(content).inspect_err(|_| drop(fs::remove_file(&made)));
    written.and_then(|()| settle(&made, path, true))
}

/// Makes `to` the same file as `from`, which stays. An error if something else lies there; one that is the same already,
/// from a time when somebody pulled the plug, is none.
pub(crate) fn same_at(from: &Path, to: &Path) -> io::Result<()> {
    if is_same(from, to)? { Ok(()) } else { same(from, to, false) }
}

/// Makes `to` the same file as `from`, which stays, whatever lay there.
pub(crate) fn same_over(from: &Path, to: &Path) -> io::Result<()> {
    same(from, to, true)
}

/// A directory of that mode, whatever the umask, and its parents as root's are.
pub(crate) fn directory(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    path.parent().map_or(Ok(()), |parent| directory(parent, 0o755))?;
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Takes a name away, for good.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync(path)
}

/// Puts `made` at `path`, and takes it away if that fails.
fn settle(made: &Path, path: &Path, over: bool) -> io::Result<()> {
    let put = if over {
        fs::rename(made, path)
    } else {
        // Unlike rename, it fails if something has come there meanwhile.
        fs::hard_link(made, path).and_then(|()| fs::remove_file(made))
    };
    put.and_then(|()| sync(path)).inspect_err(|_| drop(fs::remove_file(made)))
}

fn same(from: &Path, to: &Path, over: bool) -> io::Result<()> {
    let made = ours(to)?;
    let kind = fs::symlink_metadata(from)?;
    if kind.is_symlink() {
        // What a link says is said from where it lies.
        symlink(from.parent().unwrap_or(from).join(fs::read_link(from)?), &made)?;
    } else {
        match fs::hard_link(from, &made) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy(from, &made, &kind)?,
            linked => linked?,
        }
    }
    settle(&made, to, over)
}

/// To another file system, with its owner and mode.
fn copy(from: &Path, to: &Path, kind: &fs::Metadata) -> io::Result<()> {
    fs::copy(from, to)?;
    chown(to, Some(kind.uid()), Some(kind.gid()))?;
    fs::set_permissions(to, Permissions::from_mode(kind.mode() & 0o7777))?;
    File::open(to)?.sync_all()
}

/// Whether both are there and the same: one file, one content and mode, or links that say the same.
fn is_same(from: &Path, to: &Path) -> io::Result<bool> {
    let (one, other) = match (fs::symlink_metadata(from)?, fs::symlink_metadata(to)) {
        (_, Err(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        (one, other) => (one, other?),
    };
    if one.is_symlink() && other.is_symlink() {
        return Ok(from.parent().unwrap_or(from).join(fs::read_link(from)?) == fs::read_link(to)?);
    }
    let file = |one: &fs::Metadata| (one.is_file(), one.mode(), one.size());
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino())
        || (one.is_file() && file(&one) == file(&other) && fs::read(from)? == fs::read(to)?))
}

/// A name of ours beside `path`, with nothing there.
fn ours(path: &Path) -> io::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".hookmux-{}", std::process::id()));
    let made = path.with_file_name(name);
    match fs::remove_file(&made) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(made),
    }
}

/// Has the directory of `path` on the disk as it is.
fn sync(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ever_put_over_what_was_not_judged() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::write(at("theirs"), "theirs").unwrap();
        fs::write(at("ours"), "ours").unwrap();
        let link = Form::Link("/usr/bin/hookmux".into());
        assert_eq!(put(&link, &at("theirs"), false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(same_at(&at("ours"), &at("theirs")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(at("theirs")).unwrap(), "theirs");
        put(&link, &at("theirs"), true).unwrap();
        assert_eq!(fs::read_link(at("theirs")).unwrap(), Path::new("/usr/bin/hookmux"));
        let left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|found| found.unwrap().file_name()).collect();
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
            same_at(&from, &to).unwrap();
            same_at(&from, &to).unwrap();
            let seen = fs::symlink_metadata(&to).unwrap();
            assert_eq!((fs::read_to_string(&to).unwrap().as_str(), seen.mode() & 0o7777), ("#!/bin/sh\n", 0o750));
            let link = to.with_file_name("there");
            same_at(&here.path().join("link"), &link).unwrap();
            same_at(&here.path().join("link"), &link).unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), from);
        }
        assert_ne!(here.path().metadata().unwrap().dev(), there.path().metadata().unwrap().dev());
    }
}
