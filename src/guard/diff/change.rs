//! One difference between two documents. Comes in: a place, what was there and what is; goes out: one line for a log,
//! without secrets. Pure.

use std::borrow::Cow;
use std::fmt;

use crate::guard::diff::path::{Step, render};
use crate::guard::xml::tree::{Document, Id};

/// The longest value that is kept of a change, in characters.
const MAX_SHOWN: usize = 200;

/// What became of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Another value.
    Changed,
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// It stands at another place among its siblings, seen from those that stayed.
    Moved,
}

impl Kind {
    /// The kind as a word in a sentence.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Moved => "moved",
        }
    }
}

/// A difference as it is found: borrowed, with everything that a rule may want to look at.
pub(crate) struct Difference<'s, 'a> {
    pub(crate) place: &'s [Step<'a>],
    pub(crate) kind: Kind,
    pub(crate) old: Option<Cow<'a, str>>,
    pub(crate) new: Option<Cow<'a, str>>,
    /// The values are not to be shown.
    pub(crate) secret: bool,
    /// The offset in the document after: of the element, or of the one that something was removed from.
    pub(crate) at: usize,
    /// The element that was added or removed, with its document.
    pub(crate) subtree: Option<(&'s Document<'a>, Id)>,
    /// Moved: also among the siblings of its own name, which is what libvirt counts devices by.
    pub(crate) among_its_kind: bool,
}

/// A difference to keep, to log and to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where, in words. Numbers count as in the document before, only that of an added element itself as in the one after.
    pub path: String,
    /// What became of it.
    pub kind: Kind,
    /// What was there.
    pub old: Value,
    /// What is there now.
    pub new: Value,
    /// The byte offset in the document after the filter: of the element, or of the one that something was removed from.
    pub offset: usize,
}

/// A value before or after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// There is none, or it is a whole element, which the path names well enough.
    None,
    /// A secret: never kept.
    Hidden,
    /// The value, references resolved, cut after 200 characters. Of something moved: its place among all its siblings.
    Shown(String),
}

impl Change {
    pub(crate) fn of(difference: &Difference<'_, '_>) -> Self {
        let value = |value: &Option<Cow<'_, str>>| match value {
            Some(_) if difference.secret => Value::Hidden,
            Some(value) => Value::Shown(cut(value)),
            None => Value::None,
        };
        Self {
            path: render(difference.place),
            kind: difference.kind,
            old: value(&difference.old),
            new: value(&difference.new),
            offset: difference.at,
        }
    }
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => value.get(..end).unwrap_or_default().to_owned() + "…",
        None => value.to_owned(),
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |value: &str| -> String {
            let line: String = value
                .chars()
                .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
                .collect();
            format!("'{line}'")
        };
        write!(f, "{}: ", self.path)?;
        match (self.kind, &self.old, &self.new) {
            (Kind::Changed, Value::Shown(old), Value::Shown(new)) => write!(f, "{} → {}", quoted(old), quoted(new)),
            (Kind::Moved, Value::Shown(old), Value::Shown(new)) => write!(f, "moved from place {old} to place {new}"),
            (Kind::Added, _, Value::Shown(value)) | (Kind::Removed, Value::Shown(value), _) => {
                write!(f, "{} {}", self.kind.word(), quoted(value))
            }
            _ => f.write_str(self.kind.word()),
        }
    }
}

/// The changes that a filter made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The first of them, in the order of the document.
    pub list: Vec<Change>,
    /// There are more than are listed.
    pub more: bool,
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.iter().try_for_each(|change| writeln!(f, "{change}"))?;
        if self.more { writeln!(f, "… and more") } else { Ok(()) }
    }
}
