//! The limits of what a filter may change. Pure.

pub(crate) mod abi;
pub(crate) mod identity;

use crate::guard::diff::change::Difference;
use crate::guard::diff::path::{PathPattern, render};
use crate::guard::rejection::Defect;

/// The limits of one script, from the rules that match it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// `may-change`: `None`: everything; otherwise only what one of the patterns covers.
    ///
    /// A pattern covers each place that it leads to and everything below, whatever happens there: a changed value, and
    /// something added, removed or moved. It does not cover what is above: with `/domain/devices/disk/source`, a whole
    /// `<disk>` can be neither added nor removed, with `/domain/devices/disk` it can.
    pub may_change: Option<Vec<PathPattern>>,
    /// `guest-abi = "keep"`.
    pub keep_guest_abi: bool,
}

impl Policy {
    /// Reports whether the policy forbids nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.may_change.is_none() && !self.keep_guest_abi
    }

    /// Returns why the difference is forbidden, if it is.
    pub(crate) fn forbids(&self, difference: &Difference<'_, '_>) -> Option<Defect> {
        let Difference { place, kind, .. } = *difference;
        let listed = |patterns: &Vec<PathPattern>| patterns.iter().any(|pattern| pattern.covers(place));
        if !self.may_change.as_ref().is_none_or(listed) {
            return Some(Defect::MayChange { path: render(place), kind: kind.word() });
        }
        let row = if self.keep_guest_abi { abi::row_against(difference) } else { None };
        row.map(|row| Defect::GuestAbi { path: render(place), kind: kind.word(), row })
    }
}
