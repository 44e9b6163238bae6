//! Records, read back. In: the root. Out: those that are wanted, oldest first, and how many lines are none. Reads.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::files::resolve;
use crate::record::Record;
use crate::record::file;

/// What is in the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The calls, by the time of their beginning.
    pub records: Vec<Record>,
    /// How many lines are broken, or somebody else's.
    pub skipped: u64,
}

/// Which files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// The log, and the file that was rotated away last (`calls.jsonl.1`).
    Both,
    /// The log alone.
    Newest,
}

/// Reads the log; `wanted` says what is kept of it. A file that is not there holds nothing.
///
/// # Errors
/// Those of opening and reading, with the file.
pub fn read(root: &Path, files: Files, wanted: impl Fn(&Record) -> bool) -> Result<Found, (PathBuf, io::Error)> {
    let path = file::calls(root);
    let mut rotated = path.clone().into_os_string();
    rotated.push(".1");
    // The newer one first: if it is rotated away just then, it is found twice, and not missed.
    let newer = open(&path)?;
    let older = match files {
        Files::Both => open(Path::new(&rotated))?,
        Files::Newest => None,
    };
    let older = older.filter(|older| newer.as_ref().is_none_or(|newer| !is_same(older, newer)));
    let mut found = Found::default();
    for (path, file) in [(rotated.into(), older), (path, newer)] {
        if let Some(file) = file {
            take(file, &wanted, &mut found).map_err(|error| (path, error))?;
        }
    }
    // A call that begins before another may end, and be written, after it.
    found.records.sort_by_key(|record| record.time);
    Ok(found)
}

/// The record of a line; `None` if it is broken, or somebody else's.
#[must_use]
pub fn parse(line: &[u8]) -> Option<Record> {
    serde_json::from_slice(line).ok()
}

fn open(path: &Path) -> Result<Option<File>, (PathBuf, io::Error)> {
    match resolve::open_regular(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err((path.to_owned(), error)),
    }
}

fn is_same(one: &File, other: &File) -> bool {
    let inode = |file: &File| file.metadata().map(|metadata| (metadata.dev(), metadata.ino())).ok();
    inode(one).is_some_and(|one| inode(other) == Some(one))
}

fn take(file: File, wanted: &impl Fn(&Record) -> bool, found: &mut Found) -> io::Result<()> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        match parse(&line) {
            Some(record) if wanted(&record) => found.records.push(record),
            Some(_) => {}
            None => found.skipped = found.skipped.saturating_add(1),
        }
        line.clear();
    }
    Ok(())
}
