//! Finds what differs between two documents, in the order of the document. Pure. One loop with its own stack, no recursion.
//!
//! No difference: the order of attributes, white space between elements (and where there is nothing else), comments,
//! processing instructions, what precedes and follows the root, kinds of quotes, `<a/>` or `<a></a>`, and in which of
//! XML's ways a character is written. Namespaces are compared as written: another prefix for the same one is a change.
//!
//! Time: each pair of elements is compared once, and its children in n log n. A byte may be compared once on each level
//! above it, of which there are at most `MAX_DEPTH`.

pub(crate) mod change;
pub(crate) mod key;
pub(crate) mod matching;
pub(crate) mod path;
pub(crate) mod secret;
pub(crate) mod siblings;

use std::borrow::Cow;
use std::ops::ControlFlow;

use crate::guard::diff::change::{ChangeKind, Difference};
use crate::guard::diff::matching::Documents;
use crate::guard::diff::path::PathStep;
use crate::guard::diff::secret::{leads_to_secret, names_secret};
use crate::guard::diff::siblings::{Steps, reordered};
use crate::guard::xml::tree::{Document, Id, ROOT};

/// Receives the differences, and may stop the comparison.
pub(crate) type Sink<'s> = dyn FnMut(&Difference<'_, '_>) -> ControlFlow<()> + 's;

/// Reports every difference.
pub(crate) fn compare<'a>(old: &Document<'a>, new: &Document<'a>, sink: &mut Sink<'_>) {
    let mut comparison = Comparison { documents: Documents::new(old, new), place: Vec::new(), tasks: Vec::new() };
    let mut push = |name, what| {
        comparison.tasks.push(Task {
            depth: 0,
            step: PathStep::Node { name, number: 1, only: true },
            secret: false,
            what,
        });
    };
    let (before, after) = (old.name(ROOT), new.name(ROOT));
    if before == after {
        push(after, What::Pair(ROOT, ROOT));
    } else {
        push(after, What::Added(ROOT));
        push(before, What::Removed(ROOT, 0));
    }
    let _stopped = comparison.run(sink);
}

/// Reports a document that was made from nothing as added.
pub(crate) fn all_new(new: &Document<'_>, sink: &mut Sink<'_>) {
    let place = [PathStep::Node { name: new.name(ROOT), number: 1, only: true }];
    let (at, subtree) = (new.offset(ROOT), Some((new, ROOT)));
    let (kind, secret, among_its_kind) = (ChangeKind::Added, false, false);
    let _stopped = sink(&Difference { place: &place, kind, old: None, new: None, secret, at, subtree, among_its_kind });
}

/// Something to compare.
struct Task<'a> {
    /// How many steps lead to its parent.
    depth: usize,
    step: PathStep<'a>,
    /// The parent is secret.
    secret: bool,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Pair(Id, Id),
    /// A pair that moved: its indexes among its siblings, from 1, and whether among those of its name.
    Moved {
        places: (usize, usize),
        among_its_kind: bool,
        at: usize,
    },
    Added(Id),
    /// What was removed, and the offset of where it was removed from.
    Removed(Id, usize),
}

struct Comparison<'d, 'a> {
    documents: Documents<'d, 'a>,
    place: Vec<PathStep<'a>>,
    tasks: Vec<Task<'a>>,
}

impl<'a> Comparison<'_, 'a> {
    fn run(&mut self, sink: &mut Sink<'_>) -> ControlFlow<()> {
        while let Some(task) = self.tasks.pop() {
            self.place.truncate(task.depth);
            let secret = task.secret || leads_to_secret(&self.place, &task.step);
            self.place.push(task.step);
            match task.what {
                What::Pair(old, new) => self.pair(old, new, secret, sink)?,
                What::Added(id) => self.subtree(ChangeKind::Added, id, self.documents.new.offset(id), secret, sink)?,
                What::Removed(id, at) => self.subtree(ChangeKind::Removed, id, at, secret, sink)?,
                What::Moved { places: (old, new), among_its_kind, at } => sink(&Difference {
                    place: &self.place,
                    kind: ChangeKind::Moved,
                    old: Some(Cow::Owned(old.to_string())),
                    new: Some(Cow::Owned(new.to_string())),
                    secret: false,
                    at,
                    subtree: None,
                    among_its_kind,
                })?,
            }
        }
        ControlFlow::Continue(())
    }

    /// Reports whether the element names a secret in an attribute, or, in metadata, in the text of a child:
    /// `<name>dbPassword</name><value>…</value>`.
    fn names_secret(&self, document: &Document<'a>, id: Id) -> bool {
        let in_metadata = matches!(self.place.get(1), Some(PathStep::Node { name: "metadata", .. }));
        let names =
            |id: Id| document.children(id).any(|text| document.is_text(text) && names_secret(&document.text(text)));
        document.attributes(id).any(|(_, value)| names_secret(&value))
            || in_metadata && document.children(id).any(names)
    }

    /// Compares an element or a text that is there before and after.
    fn pair(&mut self, old: Id, new: Id, secret: bool, sink: &mut Sink<'_>) -> ControlFlow<()> {
        let (before, after) = (self.documents.old, self.documents.new);
        let at = after.offset(new);
        if before.is_text(old) {
            let (old, new) = (before.text(old), after.text(new));
            return if old == new {
                ControlFlow::Continue(())
            } else {
                self.report(ChangeKind::Changed, Some(old), Some(new), secret, at, sink)
            };
        }
        let secret = secret || self.names_secret(before, old) || self.names_secret(after, new);
        self.attributes(old, new, secret, at, sink)?;
        self.children(old, new, secret);
        ControlFlow::Continue(())
    }

    fn attributes(&mut self, old: Id, new: Id, secret: bool, at: usize, sink: &mut Sink<'_>) -> ControlFlow<()> {
        let by_name = |document: &Document<'a>, id: Id| {
            let mut attributes: Vec<_> = document.attributes(id).collect();
            attributes.sort_unstable();
            attributes
        };
        let (before, after) = (by_name(self.documents.old, old), by_name(self.documents.new, new));
        let (mut before, mut after) = (before.into_iter().peekable(), after.into_iter().peekable());
        loop {
            let names = [before.peek(), after.peek()].into_iter().flatten().map(|&(name, _)| name);
            let Some(name) = names.min() else { return ControlFlow::Continue(()) };
            let old = before.next_if(|(found, _)| *found == name).map(|(_, value)| value);
            let new = after.next_if(|(found, _)| *found == name).map(|(_, value)| value);
            let kind = match (&old, &new) {
                (Some(old), Some(new)) if old == new => continue,
                (Some(_), Some(_)) => ChangeKind::Changed,
                (None, _) => ChangeKind::Added,
                (Some(_), None) => ChangeKind::Removed,
            };
            let step = PathStep::Attribute(name);
            let secret = secret || leads_to_secret(&self.place, &step);
            self.place.push(step);
            self.report(kind, old, new, secret, at, sink)?;
            self.place.pop();
        }
    }

    /// Pushes the children so that they are popped in the order of the document.
    fn children(&mut self, old: Id, new: Id, secret: bool) {
        let (before, after) = (self.documents.old, self.documents.new);
        let old_children: Vec<Id> = before.children(old).collect();
        let new_children: Vec<Id> = after.children(new).collect();
        let matches = self.documents.matches(&old_children, &new_children);
        let steps = Steps::new(before, &old_children, after, &new_children);
        let reordered = reordered(&matches, &steps.old);

        let depth = self.place.len();
        let (bottom, parent) = (self.tasks.len(), after.offset(new));
        let tasks = &mut self.tasks;
        let mut push = |step: Option<&PathStep<'a>>, what: What| {
            tasks.extend(step.map(|&step| Task { depth, step, secret, what }));
        };
        let mut lost = siblings::lost(&matches, old_children.len()).into_iter().peekable();
        let ends = siblings::ends(&matches, old_children.len());
        let removed = |place: usize| What::Removed(old_children.get(place).copied().unwrap_or_default(), parent);
        for (place, ((&id, found), &end)) in new_children.iter().zip(&matches).zip(&ends).enumerate() {
            while let Some(place) = lost.next_if(|&place| place < end) {
                push(steps.old.get(place), removed(place));
            }
            let Some(old_place) = found.old else {
                push(steps.new.get(place), What::Added(id));
                continue;
            };
            if found.moved {
                let places = (old_place.saturating_add(1), place.saturating_add(1));
                let among_its_kind = reordered.get(place).copied().unwrap_or_default();
                push(steps.old.get(old_place), What::Moved { places, among_its_kind, at: after.offset(id) });
            }
            let partner = old_children.get(old_place).copied().unwrap_or_default();
            // Most of every document is the same.
            if before.raw(partner) != after.raw(id) {
                push(steps.old.get(old_place), What::Pair(partner, id));
            }
        }
        lost.for_each(|place| push(steps.old.get(place), removed(place)));
        if let Some(own) = self.tasks.get_mut(bottom..) {
            own.reverse();
        }
    }

    fn subtree(&self, kind: ChangeKind, id: Id, at: usize, secret: bool, sink: &mut Sink<'_>) -> ControlFlow<()> {
        let added = kind == ChangeKind::Added;
        let document = if added { self.documents.new } else { self.documents.old };
        if let Some(PathStep::Node { name: "", only, .. }) = self.place.last() {
            let value = Some(document.text(id));
            // All that an element contains, before or after: the other value is empty.
            let (kind, empty) = if *only { (ChangeKind::Changed, Some(Cow::Borrowed(""))) } else { (kind, None) };
            let (old, new) = if added { (empty, value) } else { (value, empty) };
            return self.report(kind, old, new, secret, at, sink);
        }
        let secret = secret || self.names_secret(document, id);
        let mut children = document.children(id);
        let value = match (children.next(), children.next()) {
            (Some(text), None) if document.is_text(text) => Some(document.text(text)),
            _ => None,
        };
        let (old, new) = if added { (None, value) } else { (value, None) };
        let place = &self.place;
        sink(&Difference { place, kind, old, new, secret, at, subtree: Some((document, id)), among_its_kind: false })
    }

    fn report(
        &self,
        kind: ChangeKind,
        old: Option<Cow<'a, str>>,
        new: Option<Cow<'a, str>>,
        secret: bool,
        at: usize,
        sink: &mut Sink<'_>,
    ) -> ControlFlow<()> {
        let place = &self.place;
        sink(&Difference { place, kind, old, new, secret, at, subtree: None, among_its_kind: false })
    }
}
