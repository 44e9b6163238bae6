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
pub(crate) mod path;
pub(crate) mod secret;
pub(crate) mod siblings;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::guard::diff::change::{ChangeKind, Difference};
use crate::guard::diff::key::NodeHashes;
use crate::guard::diff::path::PathStep;
use crate::guard::diff::secret::{leads_to_secret, names_secret};
use crate::guard::diff::siblings::Siblings;
use crate::guard::xml::tree::{Document, Id, ROOT};

/// Receives the differences, and may stop the comparison.
pub(crate) type Sink<'s> = dyn FnMut(&Difference<'_, '_>) -> ControlFlow<()> + 's;

/// Reports every difference. An `old` that is empty has nothing to remove.
pub(crate) fn compare<'a>(old: &Document<'a>, new: &Document<'a>, sink: &mut Sink<'_>) {
    let root = |document: &Document<'a>, old, new, at| {
        let step = PathStep::Node { name: document.name(ROOT), number: 1, only: true };
        Task { depth: 0, step, secret: false, old, new, at, moved: None, among_its_kind: false }
    };
    let both = old.name(ROOT) == new.name(ROOT);
    let mut tasks = vec![root(new, both.then_some(ROOT), Some(ROOT), new.offset(ROOT))];
    if !both && !old.nodes.is_empty() {
        tasks.push(root(old, Some(ROOT), None, 0));
    }
    let (old, new) = (NodeHashes::new(old), NodeHashes::new(new));
    let _stopped = Comparison { old, new, place: Vec::new(), tasks, sink }.run();
}

/// A node to compare: before, after, or both.
struct Task<'a> {
    /// The number of steps that lead to its parent.
    depth: usize,
    step: PathStep<'a>,
    /// The parent is secret.
    secret: bool,
    old: Option<Id>,
    new: Option<Id>,
    /// The offset in the document after: of the node, or of the element that it was removed from.
    at: usize,
    /// The places before and after of something that moved, among all its siblings, from 1.
    moved: Option<(usize, usize)>,
    /// It moved among those of its name.
    among_its_kind: bool,
}

struct Comparison<'d, 'a, 's> {
    old: NodeHashes<'d, 'a>,
    new: NodeHashes<'d, 'a>,
    place: Vec<PathStep<'a>>,
    tasks: Vec<Task<'a>>,
    sink: &'s mut Sink<'s>,
}

impl<'a> Comparison<'_, 'a, '_> {
    fn run(&mut self) -> ControlFlow<()> {
        while let Some(task) = self.tasks.pop() {
            self.place.truncate(task.depth);
            let secret = task.secret || leads_to_secret(&self.place, &task.step);
            self.place.push(task.step);
            if let Some((from, to)) = task.moved {
                let (kind, secret, subtree) = (ChangeKind::Moved, false, None);
                let (at, among_its_kind) = (task.at, task.among_its_kind);
                let (old, new) = (Some(from.to_string().into()), Some(to.to_string().into()));
                (self.sink)(&Difference { place: &self.place, kind, old, new, secret, at, subtree, among_its_kind })?;
            }
            match task.step {
                PathStep::Node { name: "", only, .. } => self.text(&task, only, secret)?,
                _ => self.element(&task, secret)?,
            }
        }
        ControlFlow::Continue(())
    }

    /// `only`: it is all that the element contains, before or after, so what is missing is an empty value.
    fn text(&mut self, task: &Task<'a>, only: bool, secret: bool) -> ControlFlow<()> {
        let mut old = task.old.map(|id| self.old.document.text(id));
        let mut new = task.new.map(|id| self.new.document.text(id));
        if only {
            old.get_or_insert_default();
            new.get_or_insert_default();
        }
        self.value(old, new, secret, task.at)
    }

    fn element(&mut self, task: &Task<'a>, secret: bool) -> ControlFlow<()> {
        let old = task.old.map(|id| (self.old.document, id));
        let new = task.new.map(|id| (self.new.document, id));
        let secret = secret || [old, new].into_iter().flatten().any(|(document, id)| self.names_secret(document, id));
        if let (Some((before, old)), Some((after, new))) = (old, new) {
            // What moved may be the same otherwise.
            if task.moved.is_none() || before.raw(old) != after.raw(new) {
                self.attributes(old, new, secret, task.at)?;
                self.children(old, new, secret);
            }
            return ControlFlow::Continue(());
        }
        // The text in it, if it contains nothing else.
        let value = |(document, id): (&Document<'a>, Id)| {
            let mut children = document.children(id);
            let text = children.next().filter(|&child| document.is_text(child) && children.next().is_none());
            text.map(|text| document.text(text))
        };
        let kind = if old.is_some() { ChangeKind::Removed } else { ChangeKind::Added };
        let (place, at) = (&self.place, task.at);
        let (old, new, subtree) = (old.and_then(value), new.and_then(value), old.or(new));
        (self.sink)(&Difference { place, kind, old, new, secret, at, subtree, among_its_kind: false })
    }

    /// Reports whether the element names a secret in an attribute, or, in metadata, in the text of a child:
    /// `<name>dbPassword</name><value>…</value>`.
    fn names_secret(&self, document: &Document<'a>, id: Id) -> bool {
        let in_metadata = matches!(self.place.get(1), Some(PathStep::Node { name: "metadata", .. }));
        let grandchildren = || document.children(id).flat_map(|child| document.children(child));
        document.attributes(id).any(|(_, value)| names_secret(&value))
            || in_metadata && grandchildren().any(|text| document.is_text(text) && names_secret(&document.text(text)))
    }

    fn attributes(&mut self, old: Id, new: Id, secret: bool, at: usize) -> ControlFlow<()> {
        let mut attributes: BTreeMap<&'a str, [Option<Cow<'a, str>>; 2]> = BTreeMap::new();
        for (name, value) in self.old.document.attributes(old) {
            attributes.entry(name).or_default()[0] = Some(value);
        }
        for (name, value) in self.new.document.attributes(new) {
            attributes.entry(name).or_default()[1] = Some(value);
        }
        for (name, [old, new]) in attributes {
            let step = PathStep::Attribute(name);
            let secret = secret || leads_to_secret(&self.place, &step);
            self.place.push(step);
            self.value(old, new, secret, at)?;
            self.place.pop();
        }
        ControlFlow::Continue(())
    }

    /// Reports a text or an attribute, unless it is the same.
    fn value(
        &mut self,
        old: Option<Cow<'a, str>>,
        new: Option<Cow<'a, str>>,
        secret: bool,
        at: usize,
    ) -> ControlFlow<()> {
        let kind = match (&old, &new) {
            (Some(old), Some(new)) if old == new => return ControlFlow::Continue(()),
            (Some(_), Some(_)) => ChangeKind::Changed,
            (Some(_), None) => ChangeKind::Removed,
            (None, _) => ChangeKind::Added,
        };
        let place = &self.place;
        (self.sink)(&Difference { place, kind, old, new, secret, at, subtree: None, among_its_kind: false })
    }

    /// Pushes the children so that they are popped in the order of the document.
    fn children(&mut self, old: Id, new: Id, secret: bool) {
        let (before, after) = (self.old.document, self.new.document);
        let (depth, parent) = (self.place.len(), after.offset(new));
        let siblings = Siblings::new(&mut self.old, old, &mut self.new, new);

        // Each with its index before, or else that of the next one that stayed.
        let mut tasks: Vec<(usize, Task<'a>)> = Vec::new();
        let mut next = siblings.old.len();
        for is in siblings.new.iter().rev() {
            let was = is.partner.and_then(|index| siblings.old.get(index));
            if let (Some(index), false) = (is.partner, is.moved) {
                next = index;
            }
            // Most of every document is the same.
            if is.moved || was.is_none_or(|was| before.raw(was.id) != after.raw(is.id)) {
                let step = siblings.step(was.unwrap_or(is));
                let (old, new, at) = (was.map(|was| was.id), Some(is.id), after.offset(is.id));
                let moved = was.filter(|_| is.moved).map(|was| (was.place, is.place));
                let among_its_kind = is.among_its_kind;
                tasks.push((next, Task { depth, step, secret, old, new, at, moved, among_its_kind }));
            }
        }
        for (index, was) in siblings.old.iter().enumerate().filter(|(_, was)| was.partner.is_none()) {
            let (step, old, at) = (siblings.step(was), Some(was.id), parent);
            let task = Task { depth, step, secret, old, new: None, at, moved: None, among_its_kind: false };
            tasks.push((index, task));
        }
        tasks.sort_by_key(|&(index, _)| Reverse(index));
        self.tasks.extend(tasks.into_iter().map(|(_, task)| task));
    }
}
