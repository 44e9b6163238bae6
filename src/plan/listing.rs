//! The entries of the script directories. In: the directories and the call. Out: entries with the facts about each, and
//! no judgement. Reads.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;

use crate::files::directory::{self, FileType};
use crate::files::paths::{self, Directory, Place};
use crate::files::program;
use crate::files::resolve::{self, FileFacts, FileKind};
use crate::plan::calls::Calls;
use crate::plan::guest::Fit;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Files, by place, scope and name.
    pub(crate) entries: Vec<Entry>,
    /// Directories that are there and cannot be read.
    pub(crate) unreadable: Vec<(PathBuf, Errno)>,
}

/// A file in a script directory: a script, or something that is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// In which of the four places it lies.
    pub(crate) place: Place,
    /// The guests that it is for.
    pub(crate) scope: Scope,
    /// Its path, as the script is called.
    pub(crate) path: PathBuf,
    /// Its path within the place: the name that hides and is hidden.
    pub(crate) key: PathBuf,
    /// The directories and links to the directory that it lies in, that one included.
    pub(crate) parents: Rc<[FileFacts]>,
    /// The further directories and links on the way where it is a link itself.
    pub(crate) links: Vec<FileFacts>,
    /// The facts about the file at the end of all links, or why they cannot be read.
    pub(crate) file: Result<FileFacts, Errno>,
    /// True if it is hookmux, which does not run itself.
    pub(crate) is_hookmux: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// All of them: it lies directly in the driver's directory.
    Every,
    /// Those that the name of the directory fits, and how.
    Guest(Fit, OsString),
}

impl Entry {
    /// Returns the file name, by which steps are ordered.
    pub(crate) fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    fn is_directory(&self) -> bool {
        self.file.as_ref().is_ok_and(|node| node.kind == FileKind::Directory)
    }

    /// Returns the directories and links on the way to it, itself included, if it can be seen.
    fn hops(&self) -> Option<Rc<[FileFacts]>> {
        let mut file = self.file.clone().ok()?;
        let before = if self.links.is_empty() {
            // Because of earlier links, it may lie elsewhere than its path.
            file.path = paths::join(&self.parents.last()?.path, self.name());
            &self.parents
        } else {
            // A link was resolved from the root on, like a directory.
            self.links.as_slice()
        };
        Some(before.iter().cloned().chain([file]).collect())
    }
}

/// Reads the directories; links are followed below `root`. One that does not exist holds nothing. With
/// `guests_of_libvirts`, the guests' directories in libvirt's own directory are read as well.
pub(crate) fn read(root: &Path, directories: &[Directory], calls: Calls, guests_of_libvirts: bool) -> Listing {
    let mut listing = Listing::default();
    for directory in directories {
        let first = listing.entries.len();
        let (place, path, scope) = (directory.place, directory.path.as_path(), &Scope::Every);
        // libvirt's own directory lies beside the hook that was called.
        let parent = path.parent().filter(|_| place != Place::Libvirt);
        match parent.map_or(Ok(false), |parent| resolve::is_absent(root, parent)) {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => {
                listing.unreadable.push((parent.unwrap_or(path).to_owned(), resolve::errno(&error)));
                continue;
            }
        }
        let unreadable = listing.unreadable.len();
        let level = Level { root, place, path, key: Path::new(""), scope, hops: None };
        listing.driver(&level, calls, guests_of_libvirts || place != Place::Libvirt);
        listing.unreadable.get_mut(unreadable..).unwrap_or_default().sort_by(|(one, _), (other, _)| one.cmp(other));
        let found = listing.entries.get_mut(first..).unwrap_or_default();
        found.sort_by(|one, other| (&one.scope, one.path.as_os_str()).cmp(&(&other.scope, other.path.as_os_str())));
    }
    listing
}

impl Listing {
    /// Reads a driver's directory: scripts for every guest, and a directory for each guest.
    fn driver(&mut self, level: &Level, calls: Calls, guests: bool) {
        let guest = |name: &OsStr| calls.guest(name).filter(|_| guests);
        // Other guests' directories are recognized by their names alone: they cost nothing but this one read.
        let wanted = |name: &OsStr, kind| kind != Some(FileType::Directory) || guest(name).is_some();
        for entry in self.entries(level, wanted) {
            if !entry.is_directory() {
                match (&entry.file, calls) {
                    // Only the guest of a call decides whether a script or a guest's directory should be there.
                    (Err(errno), Calls::One(_)) if guest(entry.name()).is_some() => {
                        self.unreadable.push((entry.path, *errno));
                    }
                    _ => self.entries.push(entry),
                }
            } else if let Some(fit) = guest(entry.name()) {
                let scope = Scope::Guest(fit, entry.name().to_owned());
                self.guest(&level.below(&entry, &scope), calls);
            }
        }
    }

    /// Reads a guest's directory: one directory for each operation, and in it files or directories named by
    /// sub-operation.
    fn guest(&mut self, level: &Level, calls: Calls) {
        for operation in self.entries(level, |name, _| calls.operation(name)) {
            if let Err(errno) = operation.file {
                self.unreadable.push((operation.path, errno));
                continue;
            }
            if !operation.is_directory() {
                continue;
            }
            let level = level.below(&operation, level.scope);
            for entry in self.entries(&level, |name, _| calls.sub_operation(name)) {
                if entry.is_directory() {
                    let level = level.below(&entry, level.scope);
                    let files = self.entries(&level, |_, kind| kind != Some(FileType::Directory));
                    self.entries.extend(files.into_iter().filter(|file| !file.is_directory()));
                } else if let Err(errno) = entry.file {
                    self.unreadable.push((entry.path, errno));
                } else {
                    self.entries.push(entry);
                }
            }
        }
    }

    /// Returns the entries of one directory that are wanted by their names and kinds; notes a directory that cannot be read.
    fn entries(&mut self, level: &Level, wanted: impl Fn(&OsStr, Option<FileType>) -> bool) -> Vec<Entry> {
        level.entries(wanted).unwrap_or_else(|error| {
            self.unreadable.push((level.path.to_owned(), resolve::errno(&error)));
            Vec::new()
        })
    }
}

/// Returns the directories and links on the way to a directory, that one included.
fn hops(root: &Path, path: &Path) -> io::Result<Rc<[FileFacts]>> {
    let resolve::Resolved { mut hops, target } = resolve::resolve(root, path);
    hops.push(target?);
    Ok(hops.into())
}

/// A directory that is being read.
struct Level<'a> {
    root: &'a Path,
    place: Place,
    path: &'a Path,
    key: &'a Path,
    scope: &'a Scope,
    /// The directories and links on the way to it, if it was resolved.
    hops: Option<Rc<[FileFacts]>>,
}

impl Level<'_> {
    fn below<'a>(&'a self, entry: &'a Entry, scope: &'a Scope) -> Level<'a> {
        Level { root: self.root, place: self.place, path: &entry.path, key: &entry.key, scope, hops: entry.hops() }
    }

    fn entries(&self, wanted: impl FnMut(&OsStr, Option<FileType>) -> bool) -> io::Result<Vec<Entry>> {
        let directory = match directory::OpenDirectory::open(self.root, self.path) {
            Err(error) if resolve::errno(&error) == Errno::ENOENT => {
                // Absent, or an error for a link that leads to something that is.
                return resolve::is_absent(self.root, self.path).map(|_| Vec::new());
            }
            directory => directory?,
        };
        let names = directory.names(wanted)?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let parents = match &self.hops {
            Some(hops) => Rc::clone(hops),
            None => hops(self.root, self.path)?,
        };
        names.iter().filter_map(|name| self.entry(&directory, name, &parents).transpose()).collect()
    }

    /// Returns the facts about one entry; `None` if it was deleted after its name was read, as in the middle of an upgrade.
    fn entry(
        &self,
        directory: &directory::OpenDirectory,
        name: &OsStr,
        parents: &Rc<[FileFacts]>,
    ) -> io::Result<Option<Entry>> {
        let path = paths::join(self.path, name);
        let node = match directory.node(name, path.clone()) {
            Err(error) if resolve::errno(&error) == Errno::ENOENT => return Ok(None),
            node => node?,
        };
        let (links, file) = if node.kind == FileKind::Link {
            let resolved = resolve::resolve(self.root, &path);
            (resolved.hops, resolved.target)
        } else {
            (Vec::new(), Ok(node))
        };
        let is_hookmux = program::leads_to_hookmux(&path, file.as_ref());
        let (place, scope, parents) = (self.place, self.scope.clone(), Rc::clone(parents));
        Ok(Some(Entry { place, scope, path, key: paths::join(self.key, name), parents, links, file, is_hookmux }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn parents_are_the_hops_to_their_directory() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path();
        let hooks = root.join("hooks/qemu.d");
        for directory in ["hooks/qemu.d/vm1/start/begin", "else/where/prepare/begin", "far/begin"] {
            fs::create_dir_all(root.join(directory)).unwrap();
            fs::write(root.join(directory).join("10-a"), "").unwrap();
        }
        symlink("../../else/where", hooks.join("vm2")).unwrap();
        symlink(root.join("far"), root.join("else/where/stop")).unwrap();
        symlink(root.join("far/begin/10-a"), hooks.join("20-b")).unwrap();
        let listing = read(
            Path::new("/"),
            &paths::directories(root, &root.join("hooks"), OsStr::new("qemu")),
            Calls::Every(OsStr::new("qemu")),
            true,
        );
        let mut names: Vec<&Path> = listing.entries.iter().map(|entry| entry.key.as_path()).collect();
        names.sort();
        let expected = ["20-b", "vm1/start/begin/10-a", "vm2/prepare/begin/10-a", "vm2/stop/begin/10-a"];
        assert_eq!(names, expected.map(Path::new));
        for entry in &listing.entries {
            assert_eq!(
                entry.parents,
                hops(Path::new("/"), entry.path.parent().unwrap()).unwrap(),
                "{}",
                entry.path.display()
            );
        }
    }
}
