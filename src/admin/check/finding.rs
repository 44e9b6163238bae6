//! Something that would surprise somebody at night. In: what, and about what. Out: lines. Pure.

use std::path::Path;

use serde::Serialize;

use crate::admin::support::console::Paint;
use crate::printable::printable;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// A word that stays the same, for programs.
    pub(crate) kind: &'static str,
    /// The path, driver or place that it is about.
    pub(crate) about: String,
    /// What is the matter, in a sentence.
    pub(crate) what: String,
    /// The command that fixes it.
    pub(crate) fix: Option<String>,
    /// What to do where no command does it.
    pub(crate) advice: Option<String>,
}

impl Finding {
    /// Something that a command fixes.
    pub(crate) fn new(kind: &'static str, about: &Path, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), advice: None, ..Self::advised(kind, about, what, "") }
    }

    /// Something that takes more than a command.
    pub(crate) fn advised(
        kind: &'static str,
        about: &Path,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        // Names and file contents may be part of each.
        let (about, what) = (printable(about), printable(what.into()));
        Self { kind, about, what, fix: None, advice: Some(printable(advice.into())) }
    }

    pub(crate) fn lines(&self, paint: Paint) -> Vec<String> {
        let mut lines = vec![format!("{}: {}", paint.heading(&self.about), self.what)];
        lines.extend(self.fix.iter().map(|fix| format!("  fix: {}", paint.command(fix))));
        lines.extend(self.advice.iter().map(|advice| format!("  {advice}")));
        lines
    }
}
