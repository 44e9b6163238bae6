//! `hookmux diff`: what differs between two documents, as the log says it of a filter. In: two files. Out: lines. Reads.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::FOUND;
use crate::guard::{self, Which};

/// Arguments of `hookmux diff`.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The document before
    before: PathBuf,
    /// The document after
    after: PathBuf,
}

impl Diff {
    /// Prints a line a difference. Exit code 1 if there is one.
    pub(super) fn main(&self, output: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let (before, after) = (read(&self.before)?, read(&self.after)?);
        let document = |path: &Path, text, which| {
            guard::read(text, which).map_err(|fault| anyhow::anyhow!("{}: {fault}", path.display()))
        };
        let before = document(&self.before, &before, Which::Before)?;
        let after = document(&self.after, &after, Which::After)?;
        let changes = guard::changes(&before, &after);
        write!(output, "{changes}")?;
        Ok(if changes.list.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
