//! The children of one element before and after. Pure.

use std::collections::HashSet;

use crate::guard::diff::path::PathStep;
use crate::guard::xml::tree::{Document, Id};

pub(crate) struct Sibling<'a> {
    pub(crate) id: Id,
    pub(crate) name: &'a str,
    /// Among the siblings of its name, from 1.
    number: u32,
    /// Among all siblings, from 1.
    pub(crate) place: usize,
    /// The index of the same child on the other side.
    pub(crate) partner: Option<usize>,
    /// It has another place among those siblings that stayed; known of the children after.
    pub(crate) moved: bool,
    /// The same among those of its name.
    pub(crate) among_its_kind: bool,
}

/// The children without those at both ends that are the same bytes: most of every document.
pub(crate) struct Siblings<'a> {
    pub(crate) old: Vec<Sibling<'a>>,
    pub(crate) new: Vec<Sibling<'a>>,
    /// The names that several of them have, before or after.
    pub(crate) repeated: HashSet<&'a str>,
    /// There is at most one, before and after.
    alone: bool,
}

impl<'a> Siblings<'a> {
    pub(crate) fn new(before: &Document<'a>, old: Id, after: &Document<'a>, new: Id) -> Self {
        let children = |document: &Document<'a>, id: Id| -> Vec<Sibling<'a>> {
            let child = |(place, (id, name, number))| {
                let (partner, moved, among_its_kind) = (None, false, false);
                Sibling { id, name, number, place, partner, moved, among_its_kind }
            };
            (1..).zip(document.numbered_children(id)).map(child).collect()
        };
        let (mut old, mut new) = (children(before, old), children(after, new));
        let alone = old.len() <= 1 && new.len() <= 1;
        let repeated = old.iter().chain(&new).filter(|child| child.number > 1).map(|child| child.name).collect();

        let same = |(old, new): &(&Sibling<'a>, &Sibling<'a>)| before.raw(old.id) == after.raw(new.id);
        let first = old.iter().zip(&new).take_while(same).count();
        old.drain(..first);
        new.drain(..first);
        let last = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
        old.truncate(old.len().saturating_sub(last));
        new.truncate(new.len().saturating_sub(last));
        Self { old, new, repeated, alone }
    }

    pub(crate) fn step(&self, child: &Sibling<'a>) -> PathStep<'a> {
        let only = if child.name.is_empty() { self.alone } else { !self.repeated.contains(child.name) };
        PathStep::Node { name: child.name, number: child.number, only }
    }
}
