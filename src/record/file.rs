//! Where records are kept: /var/log/hookmux/calls.jsonl. In: a line. Out: one write at the file's end. Does.
//!
//! Whatever goes wrong here changes no answer. A directory that is not there is an administrator's or a package's way to
//! say that nothing is to be kept.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::sys::statfs::{TMPFS_MAGIC, statfs};

use crate::call::contract::{self, Row};
use crate::files::paths;
use crate::run::process;

/// The file that records are appended to.
pub const CALLS: &str = "/var/log/hookmux/calls.jsonl";

/// What is kept in memory while file systems may be frozen.
const KEPT_BACK: &str = "/run/hookmux/freeze.jsonl";

/// What a call says about the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskState {
    /// It can be written to.
    Any,
    /// It may be frozen from now on: a write would wait for thaw, and so would whoever waits for us.
    Freeze,
    /// It should be thawed: the agent calls the hook after it has thawed the file systems (`qmp_guest_fsfreeze_thaw`).
    /// But somebody else may have frozen one, and nobody must wait for that.
    Thaw,
}

impl DiskState {
    /// The moment of a call of that row.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        let undoes = |other: &Row| other.driver == row.driver && other.undone_by == Some(row.operation);
        if row.undone_by.is_some() {
            Self::Freeze
        } else if contract::ROWS.iter().any(undoes) {
            Self::Thaw
        } else {
            Self::Any
        }
    }
}

/// Appends a line, which is made only if there is a file for it.
pub fn append(root: &Path, moment: DiskState, line: impl FnOnce() -> Vec<u8>) {
    // Nobody could be told.
    let _ = match moment {
        DiskState::Any => open(&calls(root)).and_then(|mut file| write(&mut file, &line())),
        DiskState::Freeze => keep_back(root, line),
        DiskState::Thaw => process::fork_detached(|| {
            let _ = open(&calls(root)).and_then(|mut file| {
                let mut lines = take_back(root);
                lines.extend(line());
                write(&mut file, &lines)
            });
        })
        .map_err(io::Error::from),
    };
}

/// Whether there is a place for records: nothing is noted for a file that will not be.
#[must_use]
pub fn is_kept(root: &Path) -> bool {
    calls(root).parent().is_some_and(Path::is_dir)
}

/// The file below `root`.
#[must_use]
pub fn calls(root: &Path) -> PathBuf {
    paths::below(root, CALLS)
}

/// For appending, not blocking (a FIFO would), and never through a link of the file's own name.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
}

/// One write: the kernel puts each whole at the end, so that lines of calls at the same time never mix. What a full disk
/// has not taken is not sent after it, where it might land behind another's line.
fn write(file: &mut File, lines: &[u8]) -> io::Result<()> {
    file.write(lines).map(|_| ())
}

/// Keeps a line in memory: only where that is memory.
fn keep_back(root: &Path, line: impl FnOnce() -> Vec<u8>) -> io::Result<()> {
    let kept = paths::below(root, KEPT_BACK);
    let Some(directory) = kept.parent() else { return Ok(()) };
    if !is_memory(&paths::below(root, "/run"))? {
        return Ok(());
    }
    match DirBuilder::new().mode(0o755).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if !is_memory(directory)? {
        return Ok(());
    }
    write(&mut open(&kept)?, &line())
}

fn is_memory(directory: &Path) -> io::Result<bool> {
    Ok(statfs(directory)?.filesystem_type() == TMPFS_MAGIC)
}

/// Takes what was kept in memory; nobody else will get it.
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
    use std::ffi::OsStr;

    #[test]
    fn only_a_call_that_another_undoes_may_freeze() {
        let moment = |driver: &str, operation: &str| {
            DiskState::of(&contract::look_up(OsStr::new(driver), OsStr::new(operation)))
        };
        assert_eq!(
            [
                moment("fsfreeze-hook", "freeze"),
                moment("fsfreeze-hook", "thaw"),
                moment("qemu", "start"),
                moment("nbd", "freeze")
            ],
            [DiskState::Freeze, DiskState::Thaw, DiskState::Any, DiskState::Any]
        );
    }
}
