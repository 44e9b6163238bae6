//! `hookmux diff`: what differs between two documents, as the log shows it for a filter. In: two files. Out: lines. Reads.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use crate::admin::support::{self, console::Console};
use crate::guard::{self, Changes, Which};

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The document before
    before: PathBuf,
    /// The document after
    after: PathBuf,
}

impl Diff {
    /// Prints one line for each difference. Exit code 1 if there is one.
    pub(crate) fn main(&self, console: &mut Console) -> anyhow::Result<ExitCode> {
        let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let (before, after) = (read(&self.before)?, read(&self.after)?);
        let document = |path: &Path, text, which| {
            guard::read(text, which).map_err(|fault| anyhow::anyhow!("{}: {fault}", path.display()))
        };
        let before = document(&self.before, &before, Which::Before)?;
        let after = document(&self.after, &after, Which::After)?;
        let changes = guard::changes(&before, &after);
        if console.json {
            console.json("diff", changes_json(&changes))?;
        } else {
            write!(console.output, "{changes}")?;
        }
        Ok(support::exit_code(!changes.list.is_empty()))
    }
}

/// Returns changes as JSON; a secret is `{"hidden": true}`.
pub(crate) fn changes_json(changes: &Changes) -> Value {
    let value = |value: &guard::ChangeValue| match value {
        guard::ChangeValue::None => Value::Null,
        guard::ChangeValue::Hidden => json!({ "hidden": true }),
        guard::ChangeValue::Shown(text) => json!({ "text": text }),
    };
    let list = changes.list.iter().map(|change| {
        let (old, new) = (value(&change.old), value(&change.new));
        json!({ "path": change.path, "kind": change.kind.word(), "old": old, "new": new })
    });
    json!({ "changes": list.collect::<Vec<_>>(), "more": changes.more })
}
