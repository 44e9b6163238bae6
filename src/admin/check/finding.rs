//! Something that would surprise somebody at night. In: what, and about what. Out: lines. Pure.

use std::path::Path;

use serde::Serialize;

use crate::admin::console::Paint;
use crate::words;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// A word that stays the same, for programs.
    pub(super) kind: &'static str,
    /// The path, driver or place that it is about.
    pub(super) about: String,
    /// What is the matter, in a sentence.
    pub(super) what: String,
    /// The command that mends it.
    pub(super) mend: Option<String>,
    /// What to do where no command does it.
    pub(super) advice: Option<String>,
}

impl Finding {
    /// Something that a command mends.
    pub(super) fn new(kind: &'static str, about: &Path, what: impl Into<String>, mend: impl Into<String>) -> Self {
        let about = words::printable(about);
        Self { kind, about, what: what.into(), mend: Some(mend.into()), advice: None }
    }

    /// Something that takes more than a command.
    pub(super) fn advised(
        kind: &'static str,
        about: &Path,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let about = words::printable(about);
        Self { kind, about, what: what.into(), mend: None, advice: Some(advice.into()) }
    }

    pub(super) fn lines(&self, paint: Paint) -> Vec<String> {
        let mut lines = vec![format!("{}: {}", paint.heading(&self.about), self.what)];
        lines.extend(self.mend.iter().map(|mend| format!("  mend: {}", paint.command(mend))));
        lines.extend(self.advice.iter().map(|advice| format!("  {advice}")));
        lines
    }
}
