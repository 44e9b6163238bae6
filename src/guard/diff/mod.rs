//! What changed between two documents. Comes in: both, read; goes out: each difference, in the order of the document, to
//! whoever asks, who may stop it. Pure. One loop with its own stack, no recursion.
//!
//! No difference: the order of attributes, white space between elements (and where there is nothing else), comments,
//! processing instructions, what comes before and after the root, kinds of quotes, `<a/>` or `<a></a>`, and in which of
//! XML's ways a character is written. Namespaces are compared as written: another prefix for the same one is a change.
//!
//! Time: each pair of elements is looked at once, and its children in a time of n log n. Comparing bytes first may look at
//! a byte once on each level above it, of which there are at most `limit::DEPTH`.

pub(crate) mod change;
pub(crate) mod key;
pub(crate) mod matching;
pub(crate) mod path;
pub(crate) mod secret;
pub(crate) mod siblings;

use std::borrow::Cow;
use std::ops::ControlFlow;

use crate::guard::diff::change::{Difference, Kind};
use crate::guard::diff::matching::Documents;
use crate::guard::diff::path::Step;
use crate::guard::diff::secret::{leads_to_secret, speaks_of_secret};
use crate::guard::diff::siblings::{Steps, reordered};
use crate::guard::xml::text;
use crate::guard::xml::tree::{Document, Id, ROOT};

/// Who hears of the differences, and may have heard enough.
pub(crate) type Sink<'s> = dyn FnMut(&Difference<'_, '_>) -> ControlFlow<()> + 's;

/// Tells every difference.
pub(crate) fn walk<'a>(old: &Document<'a>, new: &Document<'a>, sink: &mut Sink<'_>) {
    let mut walk = Walk { documents: Documents::new(old, new), place: Vec::new(), tasks: Vec::new() };
    let (before, after) = (old.name(ROOT), new.name(ROOT));
    let step = |name| Step::Element { name, number: 1, only: true };
    if before == after {
        walk.tasks.push(Task { depth: 0, step: step(after), secret: false, what: What::Pair(ROOT, ROOT) });
    } else {
        walk.tasks.push(Task { depth: 0, step: step(after), secret: false, what: What::Added(ROOT) });
        walk.tasks.push(Task { depth: 0, step: step(before), secret: false, what: What::Removed(ROOT, 0) });
    }
    // Break: the sink has heard enough, and so have we.
    let _enough = walk.run(sink);
}

/// Tells of a document that was made from nothing.
pub(crate) fn all_new(new: &Document<'_>, sink: &mut Sink<'_>) {
    let place = [Step::Element { name: new.name(ROOT), number: 1, only: true }];
    let subtree = Some((new, ROOT));
    let at = new.offset(ROOT);
    let kind = Kind::Added;
    let _enough = sink(&Difference {
        place: &place,
        kind,
        old: None,
        new: None,
        secret: false,
        at,
        subtree,
        among_its_kind: false,
    });
}

/// Something to look at, on its way down the stack.
struct Task<'a> {
    /// How many steps lead to its parent.
    depth: usize,
    step: Step<'a>,
    /// The parent is secret.
    secret: bool,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Pair(Id, Id),
    /// A pair that moved: its places among its siblings, from 1, and whether among those of its name.
    Moved {
        places: (usize, usize),
        among_its_kind: bool,
        at: usize,
    },
    Added(Id),
    /// What was removed, and the offset of where it was removed from.
    Removed(Id, usize),
}

struct Walk<'d, 'a> {
    documents: Documents<'d, 'a>,
    place: Vec<Step<'a>>,
    tasks: Vec<Task<'a>>,
}

impl<'a> Walk<'_, 'a> {
    fn run(&mut self, sink: &mut Sink<'_>) -> ControlFlow<()> {
        while let Some(task) = self.tasks.pop() {
            self.place.truncate(task.depth);
            let secret = task.secret || leads_to_secret(&self.place, &task.step);
            self.place.push(task.step);
            match task.what {
                What::Pair(old, new) => self.pair(old, new, secret, sink)?,
                What::Added(id) => self.subtree(Kind::Added, id, self.documents.new.offset(id), secret, sink)?,
                What::Removed(id, at) => self.subtree(Kind::Removed, id, at, secret, sink)?,
                What::Moved { places: (old, new), among_its_kind, at } => sink(&Difference {
                    place: &self.place,
                    kind: Kind::Moved,
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

    /// An element or a text that is there before and after.
    fn pair(&mut self, old: Id, new: Id, secret: bool, sink: &mut Sink<'_>) -> ControlFlow<()> {
        let (before, after) = (self.documents.old, self.documents.new);
        let at = after.offset(new);
        if before.is_text(old) {
            let (old, new) = (text::of_element(before.raw(old)), text::of_element(after.raw(new)));
            return if old == new {
                ControlFlow::Continue(())
            } else {
                self.tell(Kind::Changed, Some(old), Some(new), secret, at, sink)
            };
        }
        let mut values = before.attributes(old).chain(after.attributes(new));
        let secret = secret || values.any(|(_, value)| speaks_of_secret(value));
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
            let (old, new) = (before.peek().copied(), after.peek().copied());
            let name = match (old, new) {
                (Some((old, _)), Some((new, _))) => old.min(new),
                (Some((name, _)), None) | (None, Some((name, _))) => name,
                (None, None) => return ControlFlow::Continue(()),
            };
            let old = before.next_if(|&(found, _)| found == name).map(|(_, value)| text::of_attribute(value));
            let new = after.next_if(|&(found, _)| found == name).map(|(_, value)| text::of_attribute(value));
            let kind = match (&old, &new) {
                (Some(old), Some(new)) if old == new => continue,
                (Some(_), Some(_)) => Kind::Changed,
                (None, _) => Kind::Added,
                (Some(_), None) => Kind::Removed,
            };
            let step = Step::Attribute(name);
            let secret = secret || leads_to_secret(&self.place, &step);
            self.place.push(step);
            self.tell(kind, old, new, secret, at, sink)?;
            self.place.pop();
        }
    }

    /// Puts the children on the stack, so that they are taken in the order of the document.
    fn children(&mut self, old: Id, new: Id, secret: bool) {
        let (before, after) = (self.documents.old, self.documents.new);
        let old_children: Vec<Id> = before.children(old).collect();
        let new_children: Vec<Id> = after.children(new).collect();
        let matches = self.documents.matches(&old_children, &new_children);
        let steps = Steps::of(before, &old_children, after, &new_children);
        let reordered = reordered(&matches, &steps.old);

        let depth = self.place.len();
        let (bottom, parent) = (self.tasks.len(), after.offset(new));
        let tasks = &mut self.tasks;
        let mut push = |step: Option<&Step<'a>>, what: What| {
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
            // Most of every document: nothing to look at.
            if before.raw(partner) != after.raw(id) {
                push(steps.old.get(old_place), What::Pair(partner, id));
            }
        }
        lost.for_each(|place| push(steps.old.get(place), removed(place)));
        if let Some(own) = self.tasks.get_mut(bottom..) {
            own.reverse();
        }
    }

    fn subtree(&self, kind: Kind, id: Id, at: usize, secret: bool, sink: &mut Sink<'_>) -> ControlFlow<()> {
        let added = kind == Kind::Added;
        let document = if added { self.documents.new } else { self.documents.old };
        if let Some(Step::Text { only, .. }) = self.place.last() {
            let value = Some(text::of_element(document.raw(id)));
            // All that an element contained, or contains now: its value was or is empty.
            let (kind, empty) = if *only { (Kind::Changed, Some(Cow::Borrowed(""))) } else { (kind, None) };
            let (old, new) = if added { (empty, value) } else { (value, empty) };
            return self.tell(kind, old, new, secret, at, sink);
        }
        let secret = secret || document.attributes(id).any(|(_, value)| speaks_of_secret(value));
        let mut children = document.children(id);
        let value = match (children.next(), children.next()) {
            (Some(text), None) if document.is_text(text) => Some(text::of_element(document.raw(text))),
            _ => None,
        };
        let (old, new) = if added { (None, value) } else { (value, None) };
        let place = &self.place;
        sink(&Difference { place, kind, old, new, secret, at, subtree: Some((document, id)), among_its_kind: false })
    }

    fn tell(
        &self,
        kind: Kind,
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
