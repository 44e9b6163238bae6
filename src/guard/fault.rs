//! What is wrong with a filtered document, and where. Pure.

use std::fmt;

use crate::printable::shortened;

/// UTF-8's byte order mark, which may precede a document.
pub(crate) const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Why a document is not passed on to libvirt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The document that has the defect.
    pub document: Which,
    /// 1-based; lines end with a line feed.
    pub line: usize,
    /// 1-based, in characters (not bytes) since the line's start. Each byte that is not UTF-8 counts as a character.
    pub column: usize,
    /// What was found there, and what was expected.
    pub defect: Defect,
}

/// The filter's input or its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// What libvirt (or the previous filter) wrote.
    Before,
    /// What the filter wrote.
    After,
}

/// What is wrong. Names of elements and attributes are quoted, values are not: any value may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Defect {
    /// Not well-formed: found, expected.
    Form(&'static str, &'static str),
    /// A character that XML 1.0 does not allow.
    Character(char),
    /// An encoding in the XML declaration that hookmux does not read.
    Encoding(String),
    /// An end tag that does not fit.
    EndTag {
        /// Its name.
        found: String,
        /// The name of the open element, if one is open.
        expected: Option<String>,
    },
    /// The document ends while this element is open.
    Unclosed(String),
    /// The same attribute twice in one tag.
    Twice(String),
    /// A namespace prefix that is not declared.
    Prefix(String),
    /// More of something than hookmux reads.
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much hookmux reads.
        most: usize,
    },
    /// The root is not `<domain>`.
    Root(String),
    /// The domain's `type` is not one that this driver runs.
    Type {
        /// The document's, if it has one.
        found: Option<String>,
        /// Those that the driver runs.
        fits: &'static [&'static str],
    },
    /// `name`, `uuid` or `id` differs.
    Identity {
        /// Which of them.
        what: &'static str,
        /// What the document contains, if it does.
        found: Option<String>,
        /// What was there before, if it was.
        before: Option<String>,
    },
    /// A change that `may-change` does not list.
    MayChange {
        /// Where.
        path: String,
        /// What was done.
        kind: &'static str,
    },
    /// A change of what the guest sees as its hardware.
    GuestAbi {
        /// Where.
        path: String,
        /// What was done.
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
    pub(crate) fn new(at: usize, defect: Defect) -> Self {
        Self { at, defect }
    }

    pub(crate) fn form(at: usize, found: &'static str, expected: &'static str) -> Self {
        Self::new(at, Defect::Form(found, expected))
    }

    pub(crate) fn limit(at: usize, what: &'static str, most: usize) -> Self {
        Self::new(at, Defect::Limit { what, most })
    }

    /// Adds line and column in the document.
    pub(crate) fn within(self, source: &[u8], document: Which) -> Fault {
        let source = source.strip_prefix(MARK).unwrap_or(source);
        let before = source.get(..self.at).unwrap_or(source);
        let line = before.split(|&byte| byte == b'\n').count();
        let last = before.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
        // Continuation bytes (10xxxxxx) belong to the character before them.
        let column = last.iter().filter(|&&byte| byte & 0xC0 != 0x80).count().saturating_add(1);
        Fault { document, line, column, defect: self.defect }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.document == Which::Before {
            f.write_str("in the document before the filter, ")?;
        }
        write!(f, "line {}, column {}: {}", self.line, self.column, self.defect)
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(found, expected) => write!(f, "found {found}, expected {expected}"),
            Self::Character(found) => {
                write!(
                    f,
                    "found the character U+{:04X}, expected the characters that XML 1.0 allows",
                    u32::from(*found)
                )
            }
            Self::Encoding(name) => write!(f, "found the encoding {}, expected UTF-8", quoted(name)),
            Self::EndTag { found, expected: Some(expected) } => {
                write!(f, "found the end tag {}, expected the end tag {}", quoted(found), quoted(expected))
            }
            Self::EndTag { found, expected: None } => {
                write!(f, "found the end tag {}, expected no end tag, as no element is open", quoted(found))
            }
            Self::Unclosed(name) => {
                write!(f, "found the end of the document inside {}, expected its end tag", quoted(name))
            }
            Self::Twice(name) => write!(f, "found the attribute {} a second time, expected each once", quoted(name)),
            Self::Prefix(prefix) => {
                write!(f, "found the prefix {}, which no xmlns declares, expected a declared namespace", quoted(prefix))
            }
            Self::Limit { what, most } => write!(f, "found more {what}, expected at most {most} {what}"),
            Self::Root(name) => {
                write!(f, "found the root element {}, expected the root element 'domain'", quoted(name))
            }
            Self::Type { found, fits } => {
                let found =
                    found.as_deref().map_or_else(|| "no type".to_owned(), |found| format!("type {}", quoted(found)));
                write!(f, "found {found}, expected one of: {}", fits.join(", "))
            }
            Self::Identity { what, found, before } => {
                let found =
                    found.as_deref().map_or_else(|| format!("no {what}"), |found| format!("{what} {}", quoted(found)));
                let before = before.as_deref().map_or_else(|| "none".to_owned(), quoted);
                write!(f, "found {found}, expected {before}, as before")
            }
            Self::MayChange { path, kind } => write!(f, "{path} {kind}, and may-change does not list it"),
            Self::GuestAbi { path, kind, row } => {
                write!(f, "{path} {kind}, and guest-abi = \"keep\" forbids it ({row})")
            }
        }
    }
}

/// Puts text from a document between quotes, on one line and shortened.
fn quoted(text: &str) -> String {
    format!("'{}'", shortened(text, 80).escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let place = |source: &str, at| {
            let fault = Flaw::form(at, "", "").within(source.as_bytes(), Which::After);
            (fault.line, fault.column)
        };
        let places = [0, 2, 3, 5, 8, 9, 10, 11, 99].map(|at| place("ab\nä→c\n\nd", at));
        assert_eq!(places, [(1, 1), (1, 3), (2, 1), (2, 2), (2, 3), (2, 4), (3, 1), (4, 1), (4, 2)]);
        assert_eq!(place("\u{FEFF}<a>", 1), (1, 2));
    }

    #[test]
    fn a_sentence_stays_on_one_line_and_is_short() {
        let fault = Flaw::new(0, Defect::Root("a\n'".repeat(100))).within(b"", Which::After);
        let sentence = fault.to_string();
        assert_eq!((sentence.lines().count(), sentence.len() < 300, sentence.contains('…')), (1, true, true));
    }
}
