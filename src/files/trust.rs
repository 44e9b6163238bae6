//! Who can change a file. In: the facts about a file or directory. Out: why it is untrusted, and the command that makes it
//! trusted. Pure, except for the names of users and groups.

use std::path::PathBuf;

use nix::errno::Errno;

use crate::files::accounts;
use crate::files::acl::Writer;
use crate::files::resolve::{FileFacts, Kind};
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
    WritableByAcl(PathBuf, Writer),
    /// The ACL of this file or directory cannot be read.
    UnreadableAcl(PathBuf, Errno),
    /// It would run with another user's rights.
    SetUid(PathBuf),
    /// The directory cannot be read, so that what should run is unknown.
    Unreadable(PathBuf, Errno),
}

/// Returns why another user controls one file, directory or link on the way, if so.
#[must_use]
pub(crate) fn distrust_node(node: &FileFacts, user: u32) -> Option<Distrust> {
    // /dev/null is writable by every user, and always empty.
    if node.kind == Kind::Null {
        return None;
    }
    let path = || node.path.clone();
    if node.uid != 0 && node.uid != user {
        return Some(Distrust::OwnedBy(path(), node.uid));
    }
    // A link's mode is always 0777 and has no meaning; in a sticky directory, users can change only their own files.
    if node.kind == Kind::Link || (node.kind == Kind::Directory && node.mode & 0o1000 != 0) {
        return None;
    }
    if node.mode & 0o002 != 0 {
        return Some(Distrust::WritableByOthers(path()));
    }
    // Group 0 is trusted like root, as sudo does for its files (`sudo_secure_path`).
    if node.mode & 0o020 != 0 && node.gid != 0 {
        return Some(Distrust::WritableByGroup(path(), node.gid));
    }
    let is_trusted = |writer: &&Writer| {
        matches!(writer, Writer::User(id) if *id == 0 || *id == user) || **writer == Writer::Group(0)
    };
    match &node.writers {
        Ok(writers) => {
            if let Some(writer) = writers.iter().find(|writer| !is_trusted(writer)) {
                return Some(Distrust::WritableByAcl(path(), *writer));
            }
        }
        Err(errno) => return Some(Distrust::UnreadableAcl(path(), *errno)),
    }
    (node.kind == Kind::Regular && node.mode & 0o4000 != 0).then(|| Distrust::SetUid(path()))
}

/// Returns why a script is untrusted, and how to fix it.
#[must_use]
pub(crate) fn untrusted(why: &Distrust) -> String {
    let fix = trusting(why).map(|fix| format!(" ({fix})"));
    format!("{}{}", distrust(why), fix.unwrap_or_default())
}

/// Returns why a script is untrusted.
#[must_use]
pub(crate) fn distrust(why: &Distrust) -> String {
    match why {
        Distrust::OwnedBy(at, uid) => format!("{} belongs to user {}", printable(at), accounts::user(*uid)),
        Distrust::WritableByGroup(at, gid) => {
            format!("{} is writable by group {}", printable(at), accounts::group(*gid))
        }
        Distrust::WritableByOthers(at) => format!("{} is writable by everybody", printable(at)),
        Distrust::WritableByAcl(at, Writer::User(uid)) => {
            format!("{} is writable by user {}, by its ACL", printable(at), accounts::user(*uid))
        }
        Distrust::WritableByAcl(at, Writer::Group(gid)) => {
            format!("{} is writable by group {}, by its ACL", printable(at), accounts::group(*gid))
        }
        Distrust::UnreadableAcl(at, errno) => {
            format!("{} has an ACL that cannot be read: {}", printable(at), errno.desc().to_lowercase())
        }
        Distrust::SetUid(at) => format!("{} is set-uid", printable(at)),
        Distrust::Unreadable(at, errno) => format!("{} cannot be read: {}", printable(at), errno.desc().to_lowercase()),
    }
}

/// Returns the command that makes a script trusted, if one exists.
#[must_use]
pub(crate) fn trusting(why: &Distrust) -> Option<String> {
    let (what, at) = match why {
        Distrust::OwnedBy(at, _) => ("chown root", at),
        Distrust::WritableByGroup(at, _) => ("chmod g-w", at),
        Distrust::WritableByOthers(at) => ("chmod o-w", at),
        Distrust::WritableByAcl(at, _) | Distrust::UnreadableAcl(at, _) => ("setfacl -b", at),
        Distrust::SetUid(at) => ("chmod u-s", at),
        Distrust::Unreadable(..) => return None,
    };
    Some(format!("{what} {}", quoted(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_how_to_mend_it() {
        assert_eq!(
            untrusted(&Distrust::WritableByOthers("/srv/my hooks".into())),
            "/srv/my hooks is writable by everybody (chmod o-w '/srv/my hooks')"
        );
        assert_eq!(
            untrusted(&Distrust::WritableByGroup("/x".into(), 4_000_000)),
            "/x is writable by group 4000000 (chmod g-w /x)"
        );
        assert_eq!(untrusted(&Distrust::Unreadable("/x".into(), Errno::ENOTDIR)), "/x cannot be read: not a directory");
    }
}
