//! Matches the children of an element before with those after. Pure. Takes n log n time for children of size n.

use std::collections::HashMap;

use crate::guard::diff::key::{NodeHashes, alike};
use crate::guard::diff::siblings::{Sibling, Siblings};

/// What two children of the same name have in common that are the same child, strongest first.
#[derive(Clone, Copy, PartialEq)]
enum Likeness {
    /// They are the only ones of their name before and after, whatever their content: `<memory>`.
    Name,
    Content,
    Identity,
    /// They are the next ones that remain, and nothing else identifies them, or they are alike.
    Order,
}

/// Finds the partner of each child, and which have moved.
pub(crate) fn pair<'a>(siblings: &mut Siblings<'a>, before: &mut NodeHashes<'_, 'a>, after: &mut NodeHashes<'_, 'a>) {
    let Siblings { old, new, repeated, .. } = siblings;
    for likeness in [Likeness::Name, Likeness::Content, Likeness::Identity, Likeness::Order] {
        let key = |hashes: &mut NodeHashes<'_, 'a>, child: &Sibling<'a>| match likeness {
            Likeness::Name => (!repeated.contains(child.name)).then_some(0),
            Likeness::Content => Some(hashes.content(child.id)),
            Likeness::Identity => hashes.identity(child.id),
            Likeness::Order => Some(0),
        };
        // Each with the next one last.
        let mut waiting: HashMap<(&str, u64), Vec<(usize, &mut Sibling<'a>)>> = HashMap::new();
        for (place, was) in old.iter_mut().enumerate().rev().filter(|(_, was)| was.partner.is_none()) {
            if let Some(key) = key(before, was) {
                waiting.entry((was.name, key)).or_default().push((place, was));
            }
        }
        for (place, is) in new.iter_mut().enumerate().filter(|(_, is)| is.partner.is_none()) {
            let queue = key(after, is).and_then(|key| waiting.get_mut(&(is.name, key)));
            let Some((old_place, was)) = queue.and_then(Vec::pop) else { continue };
            if likeness != Likeness::Order
                || after.identity(is.id).is_none()
                || alike(&before.parts(was.id), &after.parts(is.id))
            {
                (was.partner, is.partner) = (Some(place), Some(old_place));
            }
        }
    }
    mark_moved(old, new);
}

fn mark_moved(old: &[Sibling<'_>], new: &mut [Sibling<'_>]) {
    let mut kept: Vec<&mut Sibling<'_>> = new.iter_mut().filter(|is| is.partner.is_some()).collect();
    let partners: Vec<usize> = kept.iter().filter_map(|is| is.partner).collect();
    let moved = out_of_order(&partners);
    if !moved.contains(&true) {
        return;
    }
    for (is, moved) in kept.iter_mut().zip(moved) {
        is.moved = moved;
    }
    // The n-th of a name is the n-th of it before, or has another place among its kind.
    let mut kept_old: Vec<_> = old.iter().enumerate().filter(|(_, was)| was.partner.is_some()).collect();
    kept_old.sort_by_key(|(_, was)| was.name);
    kept.sort_by_key(|is| is.name);
    for (is, (place, _)) in kept.into_iter().zip(kept_old) {
        is.among_its_kind = is.partner != Some(place);
    }
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
