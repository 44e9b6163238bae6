//! The defects of a filtered document, with their places. Pure.

use std::fmt;

use crate::printable::shortened;

/// UTF-8's byte order mark, which may precede a document.
pub(crate) const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The reason why a document is not passed on to libvirt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The document that has the defect.
    pub document: Which,
    /// 1-based; lines end with a line feed.
    pub line: usize,
    /// 1-based, in characters (not bytes) since the line's start. Each byte that is not UTF-8 counts as a character.
    pub column: usize,
    /// The defect: what was found there, and what was expected.
    pub defect: Defect,
}

/// The filter's input or its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The document that libvirt (or the previous filter) wrote.
    Before,
    /// The document that the filter wrote.
    After,
}

/// A defect of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Defect {
    /// Something that libvirt must not get. Names of elements and attributes are quoted, values are not: any value may be a
    /// password.
    Unexpected {
        /// The text that was found.
        found: String,
        /// The text that was expected instead.
        expected: String,
    },
    /// A change that `may-change` does not list.
    MayChange {
        /// The place.
        path: String,
        /// The kind of the change, as a word.
        kind: &'static str,
    },
    /// A change of what the guest sees as its hardware.
    GuestAbi {
        /// The place.
        path: String,
        /// The kind of the change, as a word.
        kind: &'static str,
        /// libvirt's function that compares it, or the reason.
        row: &'static str,
    },
}

/// A defect at a byte offset, counted as in `Document`: without a byte order mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) at: usize,
    pub(crate) defect: Defect,
}

impl Flaw {
    pub(crate) fn new(at: usize, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { at, defect: Defect::Unexpected { found: found.into(), expected: expected.into() } }
    }

    pub(crate) fn limit(at: usize, what: &'static str, most: usize) -> Self {
        Self::new(at, format!("more {what}"), format!("at most {most} {what}"))
    }

    /// Adds line and column in the document.
    pub(crate) fn within(self, source: &[u8], document: Which) -> Rejection {
        let source = source.strip_prefix(MARK).unwrap_or(source);
        let before = source.get(..self.at).unwrap_or(source);
        let line = before.split(|&byte| byte == b'\n').count();
        let last = before.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
        // Continuation bytes (10xxxxxx) belong to the character before them.
        let column = last.iter().filter(|&&byte| byte & 0xC0 != 0x80).count().saturating_add(1);
        Rejection { document, line, column, defect: self.defect }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.document == Which::Before {
            f.write_str("in the document before the filter, ")?;
        }
        write!(f, "line {}, column {}: {}", self.line, self.column, self.defect)
    }
}

impl std::error::Error for Rejection {}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected { found, expected } => write!(f, "found {found}, expected {expected}"),
            Self::MayChange { path, kind } => write!(f, "{path} {kind}, and may-change does not list it"),
            Self::GuestAbi { path, kind, row } => {
                write!(f, "{path} {kind}, and guest-abi = \"keep\" forbids it ({row})")
            }
        }
    }
}

/// Puts text from a document between quotes, on one line and shortened.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", shortened(text, 80).escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let place = |source: &str, at| {
            let fault = Flaw::new(at, "", "").within(source.as_bytes(), Which::After);
            (fault.line, fault.column)
        };
        let places = [0, 2, 3, 5, 8, 9, 10, 11, 99].map(|at| place("ab\nä→c\n\nd", at));
        assert_eq!(places, [(1, 1), (1, 3), (2, 1), (2, 2), (2, 3), (2, 4), (3, 1), (4, 1), (4, 2)]);
        assert_eq!(place("\u{FEFF}<a>", 1), (1, 2));
    }

    #[test]
    fn a_sentence_stays_on_one_line_and_is_short() {
        let fault = Flaw::new(0, quoted(&"a\n'".repeat(100)), "").within(b"", Which::After);
        let sentence = fault.to_string();
        assert_eq!((sentence.lines().count(), sentence.len() < 300, sentence.contains('…')), (1, true, true));
    }
}
