//! Decides whether a file may run. In: an entry's facts, the user. Out: a decision with its reason. Pure.

use std::path::PathBuf;

use nix::errno::Errno;

use crate::files::ignored::{self, Ignored};
use crate::files::paths::Place;
use crate::files::resolve::FileKind;
use crate::files::trust::{Distrust, distrust_node};
use crate::plan::listing::{Entry, Scope};
use crate::settings::Origin;

/// The facts about this call that do not come from the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Context {
    /// The user that this process runs as: besides root, the only one who may own scripts.
    pub(crate) user: u32,
    /// True if the caller itself runs what lies directly in libvirt's own directory, as libvirt does since 6.5.0.
    pub(crate) caller_runs_its_own: bool,
    /// True if a file that another user controls is untrusted.
    pub(crate) strict: bool,
}

impl Context {
    pub(crate) fn ours(caller_runs_its_own: bool, strict: bool) -> Self {
        Self { user: nix::unistd::geteuid().as_raw(), caller_runs_its_own, strict }
    }
}

/// The decision about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    Run,
    /// The caller runs it, whatever hookmux decides.
    LeftToCaller,
    /// It is not a script, or is switched off.
    Skip(Skip),
    /// It would be a step, but another user controls its content.
    Distrust(Distrust),
}

/// The reason why a file is skipped, which is not a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Skip {
    Name(Ignored),
    /// It is empty, or a link to /dev/null: it switches off its own name.
    Masked,
    /// This file, in an earlier directory, has the same name.
    Hidden(PathBuf),
    /// A FIFO, a socket or a device.
    NotRegular,
    /// A link to nowhere, or in a circle.
    BrokenLink(Errno),
    /// No execute bit at all.
    NotExecutable,
    /// A rule leaves it out of this call.
    ByRule(Origin),
    Hookmux,
}

/// Decides about one entry alone; the plan decides which entry hides which.
pub(crate) fn judge(entry: &Entry, context: Context) -> Decision {
    if entry.is_hookmux {
        return Decision::Skip(Skip::Hookmux);
    }
    let file = match &entry.file {
        Ok(file) => file,
        // Another user's broken link would switch off its name.
        Err(errno) => {
            let skip = Decision::Skip(Skip::BrokenLink(*errno));
            return distrust(entry, context).map_or(skip, Decision::Distrust);
        }
    };
    let executable = file.mode & 0o111 != 0;
    let callers = context.caller_runs_its_own && entry.place == Place::Libvirt && entry.scope == Scope::Every;
    // libvirt asks for nothing more, not even for a name without a tilde (virFileIsExecutable).
    if callers && file.kind == FileKind::Regular && executable {
        return Decision::LeftToCaller;
    }
    if let Some(ignored) = ignored::ignored(entry.name()) {
        return Decision::Skip(Skip::Name(ignored));
    }
    let masked = file.kind == FileKind::Null || (file.kind == FileKind::Regular && file.size == 0);
    let skip = match file.kind {
        _ if masked => Some(Skip::Masked),
        FileKind::Regular if executable => None,
        FileKind::Regular => Some(Skip::NotExecutable),
        _ => Some(Skip::NotRegular),
    };
    // Another user's mask would switch off a protection as surely as another user's script.
    match (distrust(entry, context), skip) {
        (Some(distrust), None | Some(Skip::Masked)) => Decision::Distrust(distrust),
        (_, Some(skip)) => Decision::Skip(skip),
        (None, None) => Decision::Run,
    }
}

/// Returns the first path component, or the file itself, that another user controls.
pub(crate) fn distrust(entry: &Entry, context: Context) -> Option<Distrust> {
    let Context { user, strict: true, .. } = context else { return None };
    let hops = entry.parents.iter().chain(&entry.links);
    hops.chain(entry.file.as_ref().ok()).find_map(|node| distrust_node(node, user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::resolve::FileFacts;
    use crate::files::trust::Reason;
    use std::path::Path;

    const ROOT: Context = Context { user: 0, caller_runs_its_own: false, strict: true };

    fn node(path: &str, kind: FileKind, mode: u32, uid: u32, gid: u32) -> FileFacts {
        FileFacts { path: path.into(), kind, mode, uid, gid, size: 10, writers: Ok(vec![]) }
    }

    fn distrusted(at: &str, reason: Reason) -> Decision {
        Decision::Distrust(Distrust { at: at.into(), reason })
    }

    fn directory(path: &str, mode: u32) -> FileFacts {
        node(path, FileKind::Directory, mode, 0, 0)
    }

    fn entry(name: &str, file: FileFacts) -> Entry {
        let path = Path::new("/d").join(name);
        let parents = [directory("/", 0o755), directory("/d", 0o755)];
        let (place, scope) = (Place::Administrator, Scope::Every);
        Entry {
            place,
            scope,
            path,
            key: name.into(),
            parents: parents.into(),
            links: vec![],
            file: Ok(file),
            is_hookmux: false,
        }
    }

    fn script(name: &str, mode: u32) -> Entry {
        entry(name, node(&format!("/d/{name}"), FileKind::Regular, mode, 0, 0))
    }

    #[test]
    fn what_a_file_is_decides_before_anything_else() {
        let empty = FileFacts { size: 0, ..node("/d/a", FileKind::Regular, 0o755, 0, 0) };
        let rows = [
            (node("/d/a", FileKind::Regular, 0o755, 0, 0), Decision::Run),
            (node("/d/a", FileKind::Regular, 0o001, 0, 0), Decision::Run),
            (node("/d/a", FileKind::Regular, 0o644, 0, 0), Decision::Skip(Skip::NotExecutable)),
            (node("/d/a", FileKind::Special, 0o755, 0, 0), Decision::Skip(Skip::NotRegular)),
            (node("/dev/null", FileKind::Null, 0o666, 0, 0), Decision::Skip(Skip::Masked)),
            (empty, Decision::Skip(Skip::Masked)),
        ];
        for (file, decision) in rows {
            assert_eq!(judge(&entry("a", file.clone()), ROOT), decision, "{file:?}");
        }
        let broken = Entry { file: Err(Errno::ELOOP), ..script("a", 0o755) };
        assert_eq!(judge(&broken, ROOT), Decision::Skip(Skip::BrokenLink(Errno::ELOOP)));
    }

    #[test]
    fn what_others_own_or_may_write_to_is_untrusted() {
        let file = |mode, uid, gid| entry("a", node("/d/a", FileKind::Regular, mode, uid, gid));
        let rows = [
            (file(0o755, 0, 0), None),
            (file(0o775, 0, 0), None),
            (file(0o755, 0, 50), None),
            (file(0o775, 0, 50), Some(Reason::WritableByGroup(50))),
            (file(0o757, 0, 0), Some(Reason::WritableByOthers)),
            (file(0o755, 1000, 0), Some(Reason::OwnedBy(1000))),
            (file(0o4755, 0, 0), Some(Reason::SetUid)),
        ];
        for (entry, reason) in rows {
            let decision = reason.map_or(Decision::Run, |reason| distrusted("/d/a", reason));
            assert_eq!(judge(&entry, ROOT), decision, "{:?}", entry.file);
        }
        let user = Context { user: 1000, ..ROOT };
        assert_eq!(
            [judge(&file(0o755, 1000, 0), user), judge(&file(0o755, 0, 0), user)],
            [Decision::Run, Decision::Run]
        );
    }

    #[test]
    fn every_directory_and_link_on_the_way_counts_and_a_sticky_one_is_safe() {
        let with = |parent: FileFacts| Entry { parents: [parent].into(), ..script("a", 0o755) };
        let link = |uid| Entry { links: vec![node("/tmp/l", FileKind::Link, 0o777, uid, uid)], ..script("a", 0o755) };
        let rows = [
            (with(directory("/tmp", 0o1777)), Decision::Run),
            (with(directory("/srv", 0o777)), distrusted("/srv", Reason::WritableByOthers)),
            (with(node("/srv", FileKind::Directory, 0o2775, 0, 50)), distrusted("/srv", Reason::WritableByGroup(50))),
            (with(node("/home/u", FileKind::Directory, 0o700, 7, 7)), distrusted("/home/u", Reason::OwnedBy(7))),
            (link(0), Decision::Run),
            (link(7), distrusted("/tmp/l", Reason::OwnedBy(7))),
        ];
        for (entry, decision) in rows {
            assert_eq!(judge(&entry, ROOT), decision, "{entry:?}");
        }
    }

    #[test]
    fn without_strict_nothing_is_untrusted() {
        let lax = Context { strict: false, ..ROOT };
        assert_eq!(judge(&entry("a", node("/d/a", FileKind::Regular, 0o4777, 7, 7)), lax), Decision::Run);
    }

    #[test]
    fn a_mask_is_trusted_no_more_than_a_script() {
        let mask = FileFacts { size: 0, ..node("/d/a", FileKind::Regular, 0o666, 0, 0) };
        assert_eq!(judge(&entry("a", mask), ROOT), distrusted("/d/a", Reason::WritableByOthers));
    }

    #[test]
    fn the_caller_runs_executable_files_of_its_own_directory_whatever_we_think() {
        let libvirt = Context { caller_runs_its_own: true, ..ROOT };
        let own = |entry: Entry| judge(&Entry { place: Place::Libvirt, ..entry }, libvirt);
        let guests = Entry { scope: Scope::Guest(crate::plan::guest::Fit::Exact, "vm".into()), ..script("a", 0o755) };
        assert_eq!(own(script("a", 0o755)), Decision::LeftToCaller);
        assert_eq!(own(script("a.bak", 0o757)), Decision::LeftToCaller);
        assert_eq!(own(script("a", 0o644)), Decision::Skip(Skip::NotExecutable));
        assert_eq!(own(guests), Decision::Run);
        assert_eq!(judge(&script("a", 0o755), libvirt), Decision::Run);
    }
}
