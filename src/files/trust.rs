//! The users besides root who can change a file. In: the facts about a file or directory. Out: why it is untrusted, and
//! the command that makes it trusted. Pure, except for the names of users and groups.

use std::fmt;
use std::path::PathBuf;

use nix::errno::Errno;

use crate::files::accounts;
use crate::files::acl::AclWriter;
use crate::files::resolve::{FileFacts, FileKind, Resolved};
use crate::printable::{printable, quoted};

/// The reason why a script is untrusted: another user decides what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Distrust {
    /// The script, or the directory or link on the way to it.
    pub(crate) at: PathBuf,
    pub(crate) reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    OwnedBy(u32),
    WritableByGroup(u32),
    WritableByOthers,
    WritableByAcl(AclWriter),
    UnreadableAcl(Errno),
    /// It would run with another user's rights.
    SetUid,
    /// It is a directory that cannot be read, so that what should run is unknown.
    Unreadable(Errno),
}

/// Returns why another user than this process's controls a file, or the way to it.
pub(crate) fn distrust(file: &Resolved) -> Option<Distrust> {
    let user = nix::unistd::geteuid().as_raw();
    file.hops.iter().chain(&file.target).find_map(|node| distrust_node(node, user))
}

/// Returns why another user than `user` controls one file, directory or link.
pub(crate) fn distrust_node(node: &FileFacts, user: u32) -> Option<Distrust> {
    reason(node, user).map(|reason| Distrust { at: node.path.clone(), reason })
}

fn reason(node: &FileFacts, user: u32) -> Option<Reason> {
    // /dev/null is writable by every user, and always empty.
    if node.kind == FileKind::Null {
        return None;
    }
    if node.uid != 0 && node.uid != user {
        return Some(Reason::OwnedBy(node.uid));
    }
    // A link's mode is always 0777 and has no meaning; in a sticky directory, users can change only their own files.
    if node.kind == FileKind::Link || (node.kind == FileKind::Directory && node.mode & 0o1000 != 0) {
        return None;
    }
    if node.mode & 0o002 != 0 {
        return Some(Reason::WritableByOthers);
    }
    // Group 0 is trusted like root, as sudo does for its files (`sudo_secure_path`).
    if node.mode & 0o020 != 0 && node.gid != 0 {
        return Some(Reason::WritableByGroup(node.gid));
    }
    let is_trusted = |writer: &AclWriter| match writer {
        AclWriter::User(id) => *id == 0 || *id == user,
        AclWriter::Group(id) => *id == 0,
    };
    match &node.writers {
        Err(errno) => return Some(Reason::UnreadableAcl(*errno)),
        Ok(writers) => {
            if let Some(writer) = writers.iter().find(|writer| !is_trusted(writer)) {
                return Some(Reason::WritableByAcl(*writer));
            }
        }
    }
    (node.kind == FileKind::Regular && node.mode & 0o4000 != 0).then_some(Reason::SetUid)
}

impl fmt::Display for Distrust {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let at = printable(&self.at);
        match self.reason {
            Reason::OwnedBy(uid) => write!(out, "{at} belongs to user {}", accounts::user(uid)),
            Reason::WritableByGroup(gid) => write!(out, "{at} is writable by group {}", accounts::group(gid)),
            Reason::WritableByOthers => write!(out, "{at} is writable by every user"),
            Reason::WritableByAcl(AclWriter::User(uid)) => {
                write!(out, "{at} is writable by user {}, by its ACL", accounts::user(uid))
            }
            Reason::WritableByAcl(AclWriter::Group(gid)) => {
                write!(out, "{at} is writable by group {}, by its ACL", accounts::group(gid))
            }
            Reason::UnreadableAcl(errno) => {
                write!(out, "{at} has an ACL that cannot be read: {}", errno.desc().to_lowercase())
            }
            Reason::SetUid => write!(out, "{at} is set-uid"),
            Reason::Unreadable(errno) => write!(out, "{at} cannot be read: {}", errno.desc().to_lowercase()),
        }
    }
}

impl Distrust {
    pub(crate) fn fix(&self) -> Option<String> {
        let command = match self.reason {
            Reason::OwnedBy(_) => "chown root",
            Reason::WritableByGroup(_) => "chmod g-w",
            Reason::WritableByOthers => "chmod o-w",
            Reason::WritableByAcl(_) | Reason::UnreadableAcl(_) => "setfacl -b",
            Reason::SetUid => "chmod u-s",
            Reason::Unreadable(_) => return None,
        };
        Some(format!("{command} {}", quoted(&self.at)))
    }

    pub(crate) fn with_fix(&self) -> String {
        self.fix().map_or_else(|| self.to_string(), |fix| format!("{self} ({fix})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_followed_by_the_command_that_fixes_it() {
        let rows = [
            (Reason::WritableByOthers, "/srv/my hooks is writable by every user (chmod o-w '/srv/my hooks')"),
            (
                Reason::WritableByGroup(4_000_000),
                "/srv/my hooks is writable by group 4000000 (chmod g-w '/srv/my hooks')",
            ),
            (Reason::Unreadable(Errno::ENOTDIR), "/srv/my hooks cannot be read: not a directory"),
        ];
        for (reason, expected) in rows {
            assert_eq!(Distrust { at: "/srv/my hooks".into(), reason }.with_fix(), expected);
        }
    }
}
