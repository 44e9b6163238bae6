//! Who besides root can change a file. In: the facts about a file or directory. Out: why it is untrusted, and the command
//! that makes it trusted. Pure, except for the names of users and groups.

use std::fmt;
use std::path::PathBuf;

use nix::errno::Errno;

use crate::files::accounts;
use crate::files::acl::AclWriter;
use crate::files::resolve::{FileFacts, FileKind, Resolved};
use crate::printable::{printable, quoted};

/// Why a script is untrusted: another user decides what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Distrust {
    /// This file or directory belongs to another user.
    OwnedBy(PathBuf, u32),
    /// This file or directory is writable by a group.
    WritableByGroup(PathBuf, u32),
    /// This file or directory is writable by every user.
    WritableByOthers(PathBuf),
    /// The ACL of this file or directory lets another user or group write to it.
    WritableByAcl(PathBuf, AclWriter),
    /// The ACL of this file or directory cannot be read.
    UnreadableAcl(PathBuf, Errno),
    /// It would run with another user's rights.
    SetUid(PathBuf),
    /// The directory cannot be read, so that what should run is unknown.
    Unreadable(PathBuf, Errno),
}

/// Returns why another user than this process's controls a file, or the way to it.
#[must_use]
pub(crate) fn distrust(file: &Resolved) -> Option<Distrust> {
    let user = nix::unistd::geteuid().as_raw();
    file.hops.iter().chain(&file.target).find_map(|node| distrust_node(node, user))
}

/// Returns why another user than `user` controls one file, directory or link.
#[must_use]
pub(crate) fn distrust_node(node: &FileFacts, user: u32) -> Option<Distrust> {
    // /dev/null is writable by every user, and always empty.
    if node.kind == FileKind::Null {
        return None;
    }
    let path = || node.path.clone();
    if node.uid != 0 && node.uid != user {
        return Some(Distrust::OwnedBy(path(), node.uid));
    }
    // A link's mode is always 0777 and has no meaning; in a sticky directory, users can change only their own files.
    if node.kind == FileKind::Link || (node.kind == FileKind::Directory && node.mode & 0o1000 != 0) {
        return None;
    }
    if node.mode & 0o002 != 0 {
        return Some(Distrust::WritableByOthers(path()));
    }
    // Group 0 is trusted like root, as sudo does for its files (`sudo_secure_path`).
    if node.mode & 0o020 != 0 && node.gid != 0 {
        return Some(Distrust::WritableByGroup(path(), node.gid));
    }
    let is_trusted = |writer: &&AclWriter| {
        matches!(writer, AclWriter::User(id) if *id == 0 || *id == user) || **writer == AclWriter::Group(0)
    };
    match &node.writers {
        Ok(writers) => {
            if let Some(writer) = writers.iter().find(|writer| !is_trusted(writer)) {
                return Some(Distrust::WritableByAcl(path(), *writer));
            }
        }
        Err(errno) => return Some(Distrust::UnreadableAcl(path(), *errno)),
    }
    (node.kind == FileKind::Regular && node.mode & 0o4000 != 0).then(|| Distrust::SetUid(path()))
}

impl fmt::Display for Distrust {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::OwnedBy(at, uid) => write!(out, "{} belongs to user {}", printable(at), accounts::user(*uid)),
            Self::WritableByGroup(at, gid) => {
                write!(out, "{} is writable by group {}", printable(at), accounts::group(*gid))
            }
            Self::WritableByOthers(at) => write!(out, "{} is writable by everybody", printable(at)),
            Self::WritableByAcl(at, AclWriter::User(uid)) => {
                write!(out, "{} is writable by user {}, by its ACL", printable(at), accounts::user(*uid))
            }
            Self::WritableByAcl(at, AclWriter::Group(gid)) => {
                write!(out, "{} is writable by group {}, by its ACL", printable(at), accounts::group(*gid))
            }
            Self::UnreadableAcl(at, errno) => {
                write!(out, "{} has an ACL that cannot be read: {}", printable(at), errno.desc().to_lowercase())
            }
            Self::SetUid(at) => write!(out, "{} is set-uid", printable(at)),
            Self::Unreadable(at, errno) => {
                write!(out, "{} cannot be read: {}", printable(at), errno.desc().to_lowercase())
            }
        }
    }
}

impl Distrust {
    /// Returns the command that makes the script trusted, if one exists.
    #[must_use]
    pub(crate) fn fix(&self) -> Option<String> {
        let (what, at) = match self {
            Self::OwnedBy(at, _) => ("chown root", at),
            Self::WritableByGroup(at, _) => ("chmod g-w", at),
            Self::WritableByOthers(at) => ("chmod o-w", at),
            Self::WritableByAcl(at, _) | Self::UnreadableAcl(at, _) => ("setfacl -b", at),
            Self::SetUid(at) => ("chmod u-s", at),
            Self::Unreadable(..) => return None,
        };
        Some(format!("{what} {}", quoted(at)))
    }

    /// Returns the reason, and how to fix it.
    #[must_use]
    pub(crate) fn with_fix(&self) -> String {
        self.fix().map_or_else(|| self.to_string(), |fix| format!("{self} ({fix})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_how_to_mend_it() {
        assert_eq!(
            Distrust::WritableByOthers("/srv/my hooks".into()).with_fix(),
            "/srv/my hooks is writable by everybody (chmod o-w '/srv/my hooks')"
        );
        assert_eq!(
            Distrust::WritableByGroup("/x".into(), 4_000_000).with_fix(),
            "/x is writable by group 4000000 (chmod g-w /x)"
        );
        assert_eq!(Distrust::Unreadable("/x".into(), Errno::ENOTDIR).with_fix(), "/x cannot be read: not a directory");
    }
}
