//! What is wrong with a filtered document, where, and what was expected there: a type first, words at the edge.
//! Comes in: an offset and a defect; goes out: line, column and one plain sentence. Pure.

use std::fmt;

/// The longest piece of a document that a sentence quotes, in characters: libvirt shows the sentence in one line.
const MAX_QUOTED: usize = 80;

/// Why a document is not passed on to libvirt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which of the two documents is meant.
    pub document: Which,
    /// 1-based; lines end with a line feed.
    pub line: usize,
    /// 1-based, in characters (not bytes) since the line's start. Bytes that are no UTF-8 count as one each.
    pub column: usize,
    /// What was found there, and what was expected.
    pub defect: Defect,
}

/// The filter's input or its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// What libvirt (or the filter before) wrote.
    Before,
    /// What the filter wrote.
    After,
}

/// What is wrong. Names of elements and attributes are quoted, values are not: any value may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what `found` and `expected` put into words")]
pub enum Defect {
    /// Not well-formed: found, expected.
    Form(&'static str, &'static str),
    /// A character that XML 1.0 does not allow.
    Character(char),
    /// An encoding in the XML declaration that hookmux does not read.
    Encoding(String),
    /// An end tag that does not fit; `None`: nothing is open.
    EndTag { found: String, expected: Option<String> },
    /// The document ends while this element is open.
    Unclosed(String),
    /// The same attribute twice in one tag.
    Twice(String),
    /// A namespace prefix that nothing declares: libvirt would silently ignore the element.
    Prefix(String),
    /// More than hookmux reads of this, and how many it reads.
    Limit { what: &'static str, most: usize },
    /// The root is not `<domain>`.
    Root(String),
    /// The domain's `type` is none that this driver runs; `None`: it has none.
    Type { found: Option<String>, fits: &'static [&'static str] },
    /// `name`, `uuid` or `id` is another than before; `None`: it is not there.
    Identity { what: &'static str, found: Option<String>, before: Option<String> },
    /// A change that `may-change` does not list.
    MayChange { path: String, kind: &'static str },
    /// A change of what the guest sees as its hardware; `row` is libvirt's function that compares it, or the reason.
    GuestAbi { path: String, kind: &'static str, row: &'static str },
}

/// A defect at a byte offset: what the reading files hand up, before anybody asked for a line.
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
        Self { at, defect: Defect::Form(found, expected) }
    }

    /// Looks the line and column up.
    pub(crate) fn within(self, source: &[u8], document: Which) -> Fault {
        let (line, column) = place(source, self.at);
        Fault { document, line, column, defect: self.defect }
    }
}

/// Line and column of a byte offset, both 1-based, the column in characters.
fn place(source: &[u8], at: usize) -> (usize, usize) {
    let before = source.get(..at).unwrap_or(source);
    // Split always yields at least one piece: the line that the offset is in.
    let lines = before.split(|&byte| byte == b'\n').count();
    let last = before.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
    // Continuation bytes (10xxxxxx) belong to the character before them; a byte order mark is no character.
    let last = last.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(last);
    let characters = last.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
    (lines, characters.saturating_add(1))
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
            Self::MayChange { path, kind } => write!(f, "{path} {kind}, and may-change does not list it"),
            Self::GuestAbi { path, kind, row } => {
                write!(f, "{path} {kind}, and guest-abi = \"keep\" forbids it ({row})")
            }
            _ => write!(f, "found {}, expected {}", self.found(), self.expected()),
        }
    }
}

impl Defect {
    /// What stands in the document, in words.
    #[must_use]
    pub fn found(&self) -> String {
        match self {
            Self::Form(found, _) => (*found).to_owned(),
            Self::Character(character) => format!("the character U+{:04X}", u32::from(*character)),
            Self::Encoding(name) => format!("the encoding {}", quoted(name)),
            Self::EndTag { found, .. } => format!("the end tag {}", quoted(found)),
            Self::Unclosed(name) => format!("the end of the document inside {}", quoted(name)),
            Self::Twice(name) => format!("the attribute {} a second time", quoted(name)),
            Self::Prefix(prefix) => format!("the prefix {}, which no xmlns declares", quoted(prefix)),
            Self::Limit { what, .. } => format!("more {what}"),
            Self::Root(name) => format!("the root element {}", quoted(name)),
            Self::Type { found, .. } => {
                format!("type {}", found.as_deref().map_or_else(|| "missing".to_owned(), quoted))
            }
            Self::Identity { what, found, .. } => match found {
                Some(found) => format!("{what} {}", quoted(found)),
                None => format!("no {what}"),
            },
            Self::MayChange { path, kind } | Self::GuestAbi { path, kind, .. } => format!("{path} {kind}"),
        }
    }

    /// What would have been right, in words.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Form(_, expected) => (*expected).to_owned(),
            Self::Character(_) => "the characters that XML 1.0 allows".to_owned(),
            Self::Encoding(_) => "UTF-8".to_owned(),
            Self::EndTag { expected: Some(expected), .. } => format!("the end tag {}", quoted(expected)),
            Self::EndTag { expected: None, .. } => "no end tag, as no element is open".to_owned(),
            Self::Unclosed(_) => "its end tag".to_owned(),
            Self::Twice(_) => "each attribute once".to_owned(),
            Self::Prefix(_) => "a declared namespace".to_owned(),
            Self::Limit { what, most } => format!("at most {most} {what}"),
            Self::Root(_) => "the root element 'domain'".to_owned(),
            Self::Type { fits, .. } => format!("one of: {}", fits.join(", ")),
            Self::Identity { before: Some(before), .. } => format!("{}, as before", quoted(before)),
            Self::Identity { before: None, .. } => "none, as before".to_owned(),
            Self::MayChange { .. } => "no change there".to_owned(),
            Self::GuestAbi { .. } => "the guest's ABI as before".to_owned(),
        }
    }
}

/// Puts a name between quotes, on one line and not longer than a line can bear.
fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(MAX_QUOTED).flat_map(char::escape_debug).collect();
    let more = if text.chars().nth(MAX_QUOTED).is_some() { "…" } else { "" };
    format!("'{shown}{more}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let source = "ab\nä→c\n\nd".as_bytes();
        let places: Vec<_> = [0, 2, 3, 5, 8, 9, 10, 11, 99].into_iter().map(|at| place(source, at)).collect();
        assert_eq!(places, [(1, 1), (1, 3), (2, 1), (2, 2), (2, 3), (2, 4), (3, 1), (4, 1), (4, 2)]);
    }

    #[test]
    fn a_byte_order_mark_is_no_column() {
        assert_eq!(place(b"\xEF\xBB\xBF<a>", 4), (1, 2));
    }

    #[test]
    fn a_sentence_stays_on_one_line_and_is_short() {
        let fault = Flaw::new(0, Defect::Root("a\n'".repeat(100))).within(b"", Which::After);
        let sentence = fault.to_string();
        assert_eq!((sentence.lines().count(), sentence.len() < 300, sentence.contains('…')), (1, true, true));
    }
}
