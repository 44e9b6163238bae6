//! How the children of one element are numbered and ordered. Pure.

use std::collections::{HashMap, VecDeque};

use crate::guard::diff::matching::Match;
use crate::guard::diff::path::PathStep;
use crate::guard::xml::tree::{Document, Id};

/// The steps to the children before and after, with their numbers.
pub(crate) struct Steps<'a> {
    pub(crate) old: Vec<PathStep<'a>>,
    pub(crate) new: Vec<PathStep<'a>>,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(before: &Document<'a>, old: &[Id], after: &Document<'a>, new: &[Id]) -> Self {
        let numbered = |document: &Document<'a>, ids: &[Id]| {
            let mut counts: HashMap<&'a str, u32> = HashMap::new();
            let numbers: Vec<(&'a str, u32)> = ids
                .iter()
                .map(|&id| {
                    let name = document.name(id);
                    let count = counts.entry(name).or_default();
                    *count = count.saturating_add(1);
                    (name, *count)
                })
                .collect();
            (numbers, counts)
        };
        let ((old_numbers, old_counts), (new_numbers, new_counts)) = (numbered(before, old), numbered(after, new));
        let alone = old.len() <= 1 && new.len() <= 1;
        let single = |name: &str| {
            old_counts.get(name).is_none_or(|&count| count < 2) && new_counts.get(name).is_none_or(|&count| count < 2)
        };
        let step = |(name, number): (&'a str, u32)| {
            let only = if name.is_empty() { alone } else { single(name) };
            PathStep::Node { name, number, only }
        };
        Self { old: old_numbers.into_iter().map(step).collect(), new: new_numbers.into_iter().map(step).collect() }
    }
}

/// Returns the indexes of the children before that were removed.
pub(crate) fn lost(matches: &[Match], old: usize) -> Vec<usize> {
    let mut kept = vec![false; old];
    for place in matches.iter().filter_map(|found| found.old) {
        if let Some(kept) = kept.get_mut(place) {
            *kept = true;
        }
    }
    kept.into_iter().enumerate().filter(|(_, kept)| !kept).map(|(place, _)| place).collect()
}

/// Returns for each child after the index before of it, or of the next one that stayed: what was removed from before that
/// index is reported there.
pub(crate) fn ends(matches: &[Match], old: usize) -> Vec<usize> {
    let mut next = old;
    let mut ends: Vec<usize> = matches
        .iter()
        .rev()
        .map(|found| {
            next = found.old.filter(|_| !found.moved).unwrap_or(next);
            next
        })
        .collect();
    ends.reverse();
    ends
}

/// Reports for each child after whether it has another place among those of its name that were there before, too.
pub(crate) fn reordered(matches: &[Match], old: &[PathStep<'_>]) -> Vec<bool> {
    let name = |place: usize| match old.get(place) {
        Some(PathStep::Node { name, .. }) => *name,
        _ => "",
    };
    let mut by_old: Vec<usize> = matches.iter().filter_map(|found| found.old).collect();
    if !matches.iter().any(|found| found.moved) {
        return Vec::new();
    }
    by_old.sort_unstable();
    let mut old_order: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for place in by_old {
        old_order.entry(name(place)).or_default().push_back(place);
    }
    let in_place = |found: &Match| {
        found.old.is_some_and(|place| old_order.get_mut(name(place)).and_then(VecDeque::pop_front) != Some(place))
    };
    matches.iter().map(in_place).collect()
}
