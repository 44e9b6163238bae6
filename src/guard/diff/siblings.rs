//! The children of one element before and after, each with its partner on the other side. Pure. Takes n log n time for
//! children of size n.

use std::collections::{HashMap, HashSet};

use crate::guard::diff::key::{NodeHashes, alike};
use crate::guard::diff::path::PathStep;
use crate::guard::xml::tree::{Document, Id};

pub(crate) struct Sibling<'a> {
    pub(crate) id: Id,
    name: &'a str,
    /// Among the siblings of its name, from 1.
    number: u32,
    /// Among all siblings, from 1.
    pub(crate) place: usize,
    /// The index of the same child in the other list.
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
    repeated: HashSet<&'a str>,
    /// There is at most one, before and after.
    alone: bool,
}

impl<'a> Siblings<'a> {
    /// Finds the children of two elements, their partners, and which of them moved.
    pub(crate) fn new(before: &mut NodeHashes<'_, 'a>, old: Id, after: &mut NodeHashes<'_, 'a>, new: Id) -> Self {
        let children = |document: &Document<'a>, id: Id| -> Vec<Sibling<'a>> {
            let child = |(place, (id, name, number))| {
                let (partner, moved, among_its_kind) = (None, false, false);
                Sibling { id, name, number, place, partner, moved, among_its_kind }
            };
            (1..).zip(document.numbered_children(id)).map(child).collect()
        };
        let (was, is) = (before.document, after.document);
        let (mut old, mut new) = (children(was, old), children(is, new));
        let alone = old.len() <= 1 && new.len() <= 1;
        let repeated = old.iter().chain(&new).filter(|child| child.number > 1).map(|child| child.name).collect();

        let same = |(old, new): &(&Sibling<'a>, &Sibling<'a>)| was.raw(old.id) == is.raw(new.id);
        let first = old.iter().zip(&new).take_while(same).count();
        old.drain(..first);
        new.drain(..first);
        let last = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
        old.truncate(old.len().saturating_sub(last));
        new.truncate(new.len().saturating_sub(last));
        let mut siblings = Self { old, new, repeated, alone };
        siblings.pair(before, after);
        siblings.mark_moved();
        siblings
    }

    fn pair(&mut self, before: &mut NodeHashes<'_, 'a>, after: &mut NodeHashes<'_, 'a>) {
        let Siblings { old, new, repeated, .. } = self;
        for likeness in [Likeness::Name, Likeness::Content, Likeness::Identity, Likeness::Order] {
            let key = |hashes: &mut NodeHashes<'_, 'a>, child: &Sibling<'a>| match likeness {
                Likeness::Name => (!repeated.contains(child.name)).then_some(0),
                Likeness::Content => Some(hashes.content(child.id)),
                Likeness::Identity => hashes.identity(child.id),
                Likeness::Order => Some(0),
            };
            // Each with the next one last.
            let mut waiting: HashMap<(&str, u64), Vec<(usize, &mut Sibling<'a>)>> = HashMap::new();
            for (index, was) in old.iter_mut().enumerate().rev().filter(|(_, was)| was.partner.is_none()) {
                if let Some(key) = key(before, was) {
                    waiting.entry((was.name, key)).or_default().push((index, was));
                }
            }
            for (index, is) in new.iter_mut().enumerate().filter(|(_, is)| is.partner.is_none()) {
                let queue = key(after, is).and_then(|key| waiting.get_mut(&(is.name, key)));
                let Some((old_index, was)) = queue.and_then(Vec::pop) else { continue };
                if likeness != Likeness::Order
                    || after.identity(is.id).is_none()
                    || alike(&before.parts(was.id), &after.parts(is.id))
                {
                    (was.partner, is.partner) = (Some(index), Some(old_index));
                }
            }
        }
    }

    fn mark_moved(&mut self) {
        let mut kept: Vec<&mut Sibling<'a>> = self.new.iter_mut().filter(|is| is.partner.is_some()).collect();
        let partners: Vec<usize> = kept.iter().filter_map(|is| is.partner).collect();
        let moved = out_of_order(&partners);
        if !moved.contains(&true) {
            return;
        }
        for (is, moved) in kept.iter_mut().zip(moved) {
            is.moved = moved;
        }
        // The n-th of a name is the n-th of it before, or has another place among its kind.
        let mut kept_old: Vec<_> = self.old.iter().enumerate().filter(|(_, was)| was.partner.is_some()).collect();
        kept_old.sort_by_key(|(_, was)| was.name);
        kept.sort_by_key(|is| is.name);
        for (is, (index, _)) in kept.into_iter().zip(kept_old) {
            is.among_its_kind = is.partner != Some(index);
        }
    }

    pub(crate) fn step(&self, child: &Sibling<'a>) -> PathStep<'a> {
        let only = if child.name.is_empty() { self.alone } else { !self.repeated.contains(child.name) };
        PathStep::Node { name: child.name, number: child.number, only }
    }
}

/// The properties that two children of the same name share if they are the same child, strongest first.
#[derive(Clone, Copy, PartialEq)]
enum Likeness {
    /// They are the only ones of their name before and after, whatever their content: `<memory>`.
    Name,
    Content,
    Identity,
    /// They are the next ones that remain, and nothing else identifies them, or they are alike.
    Order,
}

/// Reports of each number whether it is outside of the longest increasing subsequence.
fn out_of_order(numbers: &[usize]) -> Vec<bool> {
    // tails[n]: the smallest number that ends an increasing subsequence of n + 1.
    let mut tails: Vec<usize> = Vec::new();
    let length = |&number: &usize| {
        let shorter = tails.partition_point(|&tail| tail < number);
        match tails.get_mut(shorter) {
            Some(tail) => *tail = number,
            None => tails.push(number),
        }
        shorter
    };
    let lengths: Vec<usize> = numbers.iter().map(length).collect();
    // Backward, the next number of each length continues the longest one: numbers of the same length decrease.
    let mut next = tails.len().checked_sub(1);
    let mut outside = vec![true; numbers.len()];
    for (outside, length) in outside.iter_mut().zip(lengths).rev() {
        if Some(length) == next {
            *outside = false;
            next = length.checked_sub(1);
        }
    }
    outside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_are_out_of_order() {
        let moved = |old: &[usize]| -> Vec<usize> {
            (0..).zip(out_of_order(old)).filter(|&(_, moved)| moved).map(|(place, _)| place).collect()
        };
        assert_eq!(moved(&[0, 1, 2, 3]), Vec::<usize>::new());
        assert_eq!(moved(&[3, 0, 1, 2]), [0]);
        assert_eq!(moved(&[1, 2, 3, 0]), [3]);
        assert_eq!(moved(&[0, 2, 1, 3]).len(), 1);
        assert_eq!(moved(&[3, 2, 1, 0]).len(), 3);
        assert_eq!(moved(&[]), Vec::<usize>::new());
    }
}
