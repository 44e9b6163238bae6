//! One difference between two documents, and the line that a log shows of it. Pure.

use std::borrow::Cow;
use std::fmt;

use crate::guard::diff::path::{MAX_SHOWN, PathStep, render};
use crate::guard::diff::secret;
use crate::guard::xml::tree::{Document, Id};
use crate::printable::{printable, shortened};

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It has another value.
    Changed,
    /// It was not there before.
    Added,
    /// It is no longer there.
    Removed,
    /// It has another place among those siblings that stayed.
    Moved,
}

impl ChangeKind {
    /// Returns the kind as a word in a sentence.
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

/// A difference as it is found: borrowed, with everything that a rule may check.
pub(crate) struct Difference<'s, 'a> {
    pub(crate) place: &'s [PathStep<'a>],
    pub(crate) kind: ChangeKind,
    pub(crate) old: Option<Cow<'a, str>>,
    pub(crate) new: Option<Cow<'a, str>>,
    /// True if the values must not be shown.
    pub(crate) secret: bool,
    /// The offset in the document after: of the element, or of the one that something was removed from.
    pub(crate) at: usize,
    /// The element that was added or removed, with its document.
    pub(crate) subtree: Option<(&'s Document<'a>, Id)>,
    /// True if something moved also among the siblings of its own name, which is how libvirt counts devices.
    pub(crate) among_its_kind: bool,
}

/// A difference to keep, to log and to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The place, shortened to about 200 characters. Numbers count as in the document before, only that of an added
    /// element itself as in the one after.
    pub path: String,
    /// The kind of the change.
    pub kind: ChangeKind,
    /// The value before.
    pub old: ChangeValue,
    /// The value after.
    pub new: ChangeValue,
    /// The byte offset in the document after the filter, without a byte order mark: of the element, or of the one that
    /// something was removed from.
    pub offset: usize,
}

/// A value before or after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeValue {
    /// There is none, or it is a whole element, which the path describes well enough.
    None,
    /// A secret, which is never kept.
    Hidden,
    /// The value, references resolved, shortened to 200 characters. Of something moved: its place among all its siblings.
    Shown(String),
}

impl Change {
    pub(crate) fn new(difference: &Difference<'_, '_>) -> Self {
        let Difference { place, kind, old, new, at, .. } = difference;
        let is_secret = |value: &Option<Cow<'_, str>>| value.as_deref().is_some_and(secret::contains_secret);
        let hidden = difference.secret || is_secret(old) || is_secret(new);
        let value = |value: &Option<Cow<'_, str>>| match value {
            Some(_) if hidden => ChangeValue::Hidden,
            Some(value) => ChangeValue::Shown(shortened(value, MAX_SHOWN).into_owned()),
            None => ChangeValue::None,
        };
        Self { path: render(place), kind: *kind, old: value(old), new: value(new), offset: *at }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |value: &str| format!("'{}'", printable(value));
        write!(f, "{}: ", printable(&self.path))?;
        match (self.kind, &self.old, &self.new) {
            (ChangeKind::Changed, ChangeValue::Shown(old), ChangeValue::Shown(new)) => {
                write!(f, "{} → {}", quoted(old), quoted(new))
            }
            (ChangeKind::Moved, ChangeValue::Shown(old), ChangeValue::Shown(new)) => {
                write!(f, "moved from place {old} to place {new}")
            }
            (ChangeKind::Added, _, ChangeValue::Shown(value)) | (ChangeKind::Removed, ChangeValue::Shown(value), _) => {
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
    /// True if there are more than are listed.
    pub more: bool,
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.iter().try_for_each(|change| writeln!(f, "{change}"))?;
        if self.more { writeln!(f, "… and more") } else { Ok(()) }
    }
}
