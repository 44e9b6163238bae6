//! The file of records, /var/log/hookmux/calls.jsonl. In: a line. Out: one write at the end of the file. Does.
//!
//! An error here changes no answer. Without the directory, which an administrator or a package may have left out, nothing
//! is recorded.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::sys::statfs::{TMPFS_MAGIC, statfs};

use crate::call::contract::Row;
use crate::call::drivers::{self, ArgLayout};
use crate::files::paths;
use crate::run::detach;

/// The file that records are appended to.
pub(crate) const CALLS: &str = "/var/log/hookmux/calls.jsonl";

/// The records that wait in memory while file systems may be frozen.
const KEPT_BACK: &str = "/run/hookmux/freeze.jsonl";

/// The decision whether a call may write to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskState {
    /// It can be written to.
    Any,
    /// It may be frozen from now on: a write would wait for the thaw, and so would the caller.
    Freeze,
    /// It should be thawed: the agent calls the hook after it has thawed the file systems (`qmp_guest_fsfreeze_thaw`).
    /// But another process may have frozen one, and the caller must not wait for that.
    Thaw,
}

impl DiskState {
    /// Returns the state during a call of that row.
    pub(crate) fn new(row: &Row) -> Self {
        match drivers::driver(OsStr::new(row.driver)).args {
            ArgLayout::Libvirt => Self::Any,
            ArgLayout::GuestAgent if row.undone_by.is_some() => Self::Freeze,
            ArgLayout::GuestAgent => Self::Thaw,
        }
    }
}

/// Appends a line, which is made only if there is a file for it.
pub(crate) fn append(root: &Path, disk: DiskState, line: impl FnOnce() -> Vec<u8>) {
    // An error cannot be reported.
    let _ = match disk {
        DiskState::Any => write(&calls(root), line),
        DiskState::Freeze => keep_back(root, line),
        DiskState::Thaw => detach::fork_detached(|detached| {
            let _ = detached.and_then(|()| write(&calls(root), || [take_back(root), line()].concat()));
        }),
    };
}

/// Reports whether calls are recorded.
pub(crate) fn is_kept(root: &Path) -> bool {
    calls(root).parent().is_some_and(Path::is_dir)
}

pub(crate) fn calls(root: &Path) -> PathBuf {
    paths::below(root, CALLS)
}

/// Appends lines at once: the kernel appends each write as a whole, so that lines of simultaneous calls never mix. What a
/// full disk has not taken is not written later, where it might follow the line of another call.
fn write(path: &Path, lines: impl FnOnce() -> Vec<u8>) -> io::Result<()> {
    // Without blocking (a FIFO would) and without following a link.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut file = OpenOptions::new().append(true).create(true).mode(0o640).custom_flags(flags).open(path)?;
    file.write(&lines()).map(|_| ())
}

/// Keeps a line in /run, if that is in memory.
fn keep_back(root: &Path, line: impl FnOnce() -> Vec<u8>) -> io::Result<()> {
    let is_memory = |path: &Path| statfs(path).is_ok_and(|it| it.filesystem_type() == TMPFS_MAGIC);
    let directory = paths::below(root, "/run/hookmux");
    if is_memory(&paths::below(root, "/run")) {
        // It may exist; the next line finds out.
        let _ = DirBuilder::new().mode(0o755).create(&directory);
        if is_memory(&directory) {
            return write(&paths::below(root, KEPT_BACK), line);
        }
    }
    Ok(())
}

/// Takes the lines that were kept in memory, so that no other call takes them.
fn take_back(root: &Path) -> Vec<u8> {
    let kept = paths::below(root, KEPT_BACK);
    let mine = kept.with_extension(std::process::id().to_string());
    if fs::rename(&kept, &mine).is_err() {
        return Vec::new();
    }
    let lines = fs::read(&mine).unwrap_or_default();
    let _ = fs::remove_file(mine);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::contract;

    #[test]
    fn only_a_call_that_another_undoes_may_freeze() {
        let state = |driver: &str, operation: &str| {
            DiskState::new(&contract::look_up(OsStr::new(driver), OsStr::new(operation)))
        };
        assert_eq!(
            [
                state("fsfreeze-hook", "freeze"),
                state("fsfreeze-hook", "thaw"),
                state("qemu", "start"),
                state("libxl", "prepare"),
                state("libxl", "release"),
                state("nbd", "freeze")
            ],
            [DiskState::Freeze, DiskState::Thaw, DiskState::Any, DiskState::Any, DiskState::Any, DiskState::Any]
        );
    }
}
