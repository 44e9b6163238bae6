//! Matches the children of an element before with those after. Pure. Takes n log n time for children of size n.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::guard::diff::key::{NodeHashes, alike, hash};
use crate::guard::xml::tree::{Document, Id};

/// A child after, with the index of its partner among the children before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) old: Option<usize>,
    /// It has another place among those siblings that stayed.
    pub(crate) moved: bool,
}

/// Both documents with the hashes of their nodes.
pub(crate) struct Documents<'d, 'a> {
    pub(crate) old: &'d Document<'a>,
    pub(crate) new: &'d Document<'a>,
    old_keys: NodeHashes<'d, 'a>,
    new_keys: NodeHashes<'d, 'a>,
}

impl<'d, 'a> Documents<'d, 'a> {
    pub(crate) fn new(old: &'d Document<'a>, new: &'d Document<'a>) -> Self {
        Self { old, new, old_keys: NodeHashes::new(old), new_keys: NodeHashes::new(new) }
    }

    /// Matches each of `new`, the children after, with one of `old`, the children before.
    pub(crate) fn matches(&mut self, old: &[Id], new: &[Id]) -> Vec<Match> {
        // Children at both ends that are the same bytes match: most of every document.
        let same = |(&old, &new): (&Id, &Id)| self.old.raw(old) == self.new.raw(new);
        let first = old.iter().zip(new).take_while(|&pair| same(pair)).count();
        let most = old.len().min(new.len()).saturating_sub(first);
        let last = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|&pair| same(pair)).count();
        let (old_end, new_end) = (old.len().saturating_sub(last), new.len().saturating_sub(last));

        let mut partners = Partners::new(old, first..old_end, new, first..new_end);
        self.pair_singles(&mut partners, old, new);
        partners.pair_by(|id| Some(self.old_keys.content(id)), |id| Some(self.new_keys.content(id)));
        partners.pair_by(|id| self.old_keys.identity(id), |id| self.new_keys.identity(id));
        self.pair_by_place(&mut partners);

        let mut matches: Vec<Match> = (0..new.len()).map(|_| Match::default()).collect();
        for (place, found) in matches.iter_mut().enumerate() {
            found.old = match place {
                _ if place < first => Some(place),
                _ if place >= new_end => Some(place.saturating_sub(new_end).saturating_add(old_end)),
                _ => partners.of_new.get(place.saturating_sub(first)).copied().flatten(),
            };
        }
        let middle = matches.get_mut(first..new_end).unwrap_or_default();
        for place in out_of_order(middle) {
            if let Some(found) = middle.get_mut(place) {
                found.moved = true;
            }
        }
        matches
    }

    /// Pairs elements that are the only ones of their name before and after, whatever their content: `<memory>`.
    fn pair_singles(&self, partners: &mut Partners, old: &[Id], new: &[Id]) {
        let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
        for &id in old {
            let (count, _) = counts.entry(self.old.name(id)).or_default();
            *count = count.saturating_add(1);
        }
        for &id in new {
            let (_, count) = counts.entry(self.new.name(id)).or_default();
            *count = count.saturating_add(1);
        }
        let single = |name: &str| (counts.get(name) == Some(&(1, 1))).then(|| hash(name));
        partners.pair_by(|id| single(self.old.name(id)), |id| single(self.new.name(id)));
    }

    /// Pairs the remaining ones in order, each with the next of its name, if nothing else identifies it or they are alike.
    fn pair_by_place(&mut self, partners: &mut Partners) {
        let mut left: HashMap<&str, VecDeque<(usize, Id)>> = HashMap::new();
        for (place, id) in partners.free_old() {
            left.entry(self.old.name(id)).or_default().push_back((place, id));
        }
        for (place, is) in partners.free_new() {
            let Some((candidate, was)) = left.get_mut(self.new.name(is)).and_then(VecDeque::pop_front) else {
                continue;
            };
            let unknown = self.new.is_text(is) || self.new_keys.identity(is).is_none();
            if unknown || alike(&self.old_keys.parts(was), &self.new_keys.parts(is)) {
                partners.pair(candidate, place);
            }
        }
    }
}

/// Pairs among the middle children, by index.
struct Partners {
    first_new: usize,
    old: Vec<(Id, usize)>,
    new: Vec<(Id, usize)>,
    old_taken: HashSet<usize>,
    of_new: Vec<Option<usize>>,
}

impl Partners {
    fn new(old: &[Id], old_range: std::ops::Range<usize>, new: &[Id], new_range: std::ops::Range<usize>) -> Self {
        let with_place = |ids: &[Id], range: std::ops::Range<usize>| -> Vec<(Id, usize)> {
            ids.get(range.clone()).unwrap_or_default().iter().copied().zip(range).collect()
        };
        let first_new = new_range.start;
        let of_new = vec![None; new_range.len()];
        let (old, new) = (with_place(old, old_range), with_place(new, new_range));
        Self { first_new, old, new, old_taken: HashSet::new(), of_new }
    }

    fn free_old(&self) -> Vec<(usize, Id)> {
        self.old.iter().filter(|(_, place)| !self.old_taken.contains(place)).map(|&(id, place)| (place, id)).collect()
    }

    fn is_free_new(&self, place: usize) -> bool {
        self.of_new.get(place.saturating_sub(self.first_new)).is_some_and(Option::is_none)
    }

    fn free_new(&self) -> Vec<(usize, Id)> {
        self.new.iter().filter(|&&(_, place)| self.is_free_new(place)).map(|&(id, place)| (place, id)).collect()
    }

    fn pair(&mut self, old: usize, new: usize) {
        self.old_taken.insert(old);
        if let Some(partner) = self.of_new.get_mut(new.saturating_sub(self.first_new)) {
            *partner = Some(old);
        }
    }

    /// Pairs those of equal keys, the first with the first.
    fn pair_by(&mut self, mut old_key: impl FnMut(Id) -> Option<u64>, mut new_key: impl FnMut(Id) -> Option<u64>) {
        let mut waiting: HashMap<u64, VecDeque<usize>> = HashMap::new();
        for (place, id) in self.free_old() {
            if let Some(key) = old_key(id) {
                waiting.entry(key).or_default().push_back(place);
            }
        }
        for (place, id) in self.free_new() {
            let partner = new_key(id).and_then(|key| waiting.get_mut(&key)).and_then(VecDeque::pop_front);
            if let Some(partner) = partner {
                self.pair(partner, place);
            }
        }
    }
}

/// Returns the indexes of those that are not in the longest increasing subsequence of partners.
fn out_of_order(matches: &[Match]) -> Vec<usize> {
    // tails[n]: the smallest partner that ends a subsequence of n + 1; before[m]: the one before m in its subsequence.
    let mut tails: Vec<(usize, usize)> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; matches.len()];
    for (place, old) in matches.iter().enumerate().filter_map(|(place, found)| found.old.map(|old| (place, old))) {
        let length = tails.partition_point(|&(tail, _)| tail < old);
        let previous = length.checked_sub(1).and_then(|shorter| tails.get(shorter)).map(|&(_, place)| place);
        if let Some(link) = before.get_mut(place) {
            *link = previous;
        }
        match tails.get_mut(length) {
            Some(tail) => *tail = (old, place),
            None => tails.push((old, place)),
        }
    }
    let mut stays = vec![false; matches.len()];
    let mut next = tails.last().map(|&(_, place)| place);
    while let Some(place) = next {
        if let Some(stays) = stays.get_mut(place) {
            *stays = true;
        }
        next = before.get(place).copied().flatten();
    }
    let moved = |&(found, stays): &(&Match, bool)| found.old.is_some() && !stays;
    matches.iter().zip(stays).enumerate().filter(|(_, pair)| moved(pair)).map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_are_out_of_order() {
        let moved = |old: &[usize]| {
            let matches: Vec<_> = old.iter().map(|&old| Match { old: Some(old), moved: false }).collect();
            out_of_order(&matches)
        };
        assert_eq!(moved(&[0, 1, 2, 3]), Vec::<usize>::new());
        assert_eq!(moved(&[3, 0, 1, 2]), [0]);
        assert_eq!(moved(&[1, 2, 3, 0]), [3]);
        assert_eq!(moved(&[0, 2, 1, 3]).len(), 1);
        assert_eq!(moved(&[3, 2, 1, 0]).len(), 3);
        assert_eq!(moved(&[]), Vec::<usize>::new());
    }
}
