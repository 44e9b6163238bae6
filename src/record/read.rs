//! Reads records. In: the root. Out: those that are wanted, oldest first, and the number of broken lines. Reads.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::files::{paths, resolve};
use crate::record::Record;
use crate::record::file;

/// The contents of the files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Records {
    /// The calls, in the order of their beginnings.
    pub(crate) records: Vec<Record>,
    /// The number of lines that are not call records.
    pub(crate) skipped: u64,
}

/// The choice of files that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Files {
    /// The current file, and the one that was rotated away last (`calls.jsonl.1`).
    Both,
    Newest,
}

/// Opens the file that was rotated away last and the current one; `None` for each that does not exist.
pub(crate) fn open(root: &Path) -> anyhow::Result<[(PathBuf, Option<File>); 2]> {
    let path = file::calls(root);
    let rotated = PathBuf::from(paths::with_ending(&path, ".1"));
    let open = |path: &Path| match resolve::open_regular(root, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some).with_context(|| cannot_read(path)),
    };
    // The current one first: if it is rotated away meanwhile, it is found twice, and not missed.
    let newer = open(&path)?;
    let older = open(&rotated)?;
    let older = older.filter(|older| newer.as_ref().is_none_or(|newer| !resolve::is_same(older, newer)));
    Ok([(rotated, older), (path, newer)])
}

/// Reads the calls; `wanted` decides which of them are returned.
pub(crate) fn read(root: &Path, files: Files, wanted: impl Fn(&Record) -> bool) -> anyhow::Result<Records> {
    let mut found = Records::default();
    let [older, newer] = open(root)?;
    let older = Some(older).filter(|_| files == Files::Both);
    for (path, file) in older.into_iter().chain([newer]) {
        for line in file.into_iter().flat_map(|file| BufReader::new(file).split(b'\n')) {
            let record = parse(&line.with_context(|| cannot_read(&path))?);
            found.skipped = found.skipped.saturating_add(u64::from(record.is_none()));
            found.records.extend(record.filter(&wanted));
        }
    }
    // A call that begins before another may end, and be written, after it.
    found.records.sort_by_key(|record| record.time);
    Ok(found)
}

/// Returns the record of a line; `None` if it is not a call record.
pub(crate) fn parse(line: &[u8]) -> Option<Record> {
    serde_json::from_slice(line).ok()
}

pub(crate) fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}
