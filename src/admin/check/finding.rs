//! A problem that `check` found. In: what, and about what. Out: lines. Pure.

use std::path::Path;

use serde::Serialize;

use crate::admin::support::console::Paint;
use crate::files::trust::Distrust;
use crate::printable::{count, name_of, printable};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Severity {
    /// Calls fail or will fail, or guests may be harmed.
    Error,
    /// A script or a rule has no effect, probably by mistake.
    Warning,
    /// Something that may well be intentional.
    Note,
}

impl Severity {
    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        match self {
            Self::Error => paint.bad(text),
            Self::Warning => paint.warning(text),
            Self::Note => paint.faint(text),
        }
    }
}

/// The kinds that are errors; every other one that is not a note is a warning.
const ERRORS: &[&str] = &[
    "apparmor",
    "broken-hook",
    "broken-settings",
    "byte-order-mark",
    "changeable",
    "crlf",
    "interpreter-missing",
    "libvirts-own-untrusted",
    "no-interpreter",
    "selinux",
    "untrusted",
];

/// The kinds that are notes.
const NOTES: &[&str] = &["leftover", "libvirts-own", "log-missing", "masked", "not-executable"];

/// The advice where no command makes something trusted.
pub(crate) const NAMEI: &str = "namei -l shows who may write there";

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// A word for programs, which never changes.
    pub(crate) kind: &'static str,
    /// The path, driver or place that it is about.
    pub(crate) about: String,
    pub(crate) what: String,
    /// The command that solves it.
    pub(crate) fix: Option<String>,
    /// The advice if no command fixes it, or what the command leads to.
    pub(crate) advice: Option<String>,
}

impl Finding {
    pub(crate) fn new(kind: &'static str, about: &Path, what: impl Into<String>) -> Self {
        let severity = match kind {
            _ if ERRORS.contains(&kind) => Severity::Error,
            _ if NOTES.contains(&kind) => Severity::Note,
            _ => Severity::Warning,
        };
        // Names and file contents may be part of each.
        Self { severity, kind, about: printable(about), what: printable(what.into()), fix: None, advice: None }
    }

    /// Returns the problem that another user controls something; the reason follows `what`.
    pub(crate) fn distrusted(kind: &'static str, about: &Path, what: &str, distrust: &Distrust) -> Self {
        let finding = Self::new(kind, about, format!("{what} {distrust}"));
        match distrust.fix() {
            Some(fix) => finding.fix(fix),
            None => finding.advice(NAMEI),
        }
    }

    pub(crate) fn fix(self, command: impl Into<String>) -> Self {
        Self { fix: Some(command.into()), ..self }
    }

    pub(crate) fn advice(self, sentence: impl Into<String>) -> Self {
        Self { advice: Some(printable(sentence.into())), ..self }
    }

    fn lines(&self, paint: Paint) -> impl Iterator<Item = String> {
        let severity = self.severity.paint(paint, &name_of(&self.severity));
        let problem = format!("{severity}: {}: {}", paint.heading(&self.about), self.what);
        let fix = self.fix.iter().map(move |fix| format!("  fix: {}", paint.command(fix)));
        let advice = self.advice.iter().map(|advice| format!("  {advice}"));
        std::iter::once(problem).chain(fix).chain(advice)
    }
}

pub(crate) fn lines(findings: &[Finding], paint: Paint) -> Vec<String> {
    findings.iter().flat_map(|finding| finding.lines(paint)).collect()
}

/// Counts findings: `2 errors, 1 warning`.
pub(crate) fn summary(findings: &[Finding]) -> String {
    let counts = [Severity::Error, Severity::Warning, Severity::Note].map(|severity| {
        let number = findings.iter().filter(|finding| finding.severity == severity).count();
        (number > 0).then(|| count(number, &name_of(&severity)))
    });
    counts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
