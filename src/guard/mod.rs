//! What a filtering script wrote, checked before libvirt gets it. Comes in: the document before and after the script, and
//! what it may change; goes out: what it changed, or the fault that stops it. Pure.
//!
//! A document is read once, without recursion and without copies: `Document` keeps offsets, 16 bytes for an element or a
//! text, at most 16 MiB (`limit`). Comparing two takes, beside that, room in proportion to the number of their elements.

mod diff;
mod fault;
mod owner;
mod policy;
mod xml;

use std::ops::ControlFlow;

pub use diff::change::{Change, Changes, Kind, Value};
pub use diff::path::{PathFault, Pattern, Step};
pub use fault::{Defect, Fault, Which};
pub use owner::port_owner;
pub use policy::Policy;
pub use xml::tree::Document;

use diff::change::Difference;
use fault::Flaw;
use policy::identity;
use xml::reader;

/// By how much a filter may lengthen a document, in bytes: libvirt's protocol carries no longer string than this
/// (`REMOTE_STRING_MAX`), so no document of its own grows by more. It bounds what a filter gone mad makes us keep.
pub const MAX_GROWTH: u64 = 4 << 20;

/// The most changes that are kept for a log. A rule looks at all of them.
pub const MAX_CHANGES: usize = 200;

/// The call that a filter is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guest<'a> {
    /// libvirt's driver: qemu, lxc, libxl.
    pub driver: &'a str,
    /// The object, argv's first word.
    pub object: &'a [u8],
}

/// Reads a document and checks that it is well-formed.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read(source: &[u8], which: Which) -> Result<Document<'_>, Fault> {
    reader::read(source).map_err(|flaw| flaw.within(source, which))
}

/// Checks one filter: `after` is what it wrote, `before` what it was given. The same bytes are not looked at.
///
/// With an empty `before`, as on libxl's `migrate`, the name must be the guest's, and everything counts as added.
///
/// # Errors
/// The first thing that is wrong with `after`, or that the policy forbids; something wrong with `before`, too.
pub fn check(before: &[u8], after: &[u8], guest: Guest<'_>, policy: &Policy) -> Result<Changes, Fault> {
    if before == after {
        return Ok(Changes::default());
    }
    let at = |flaw: Flaw| flaw.within(after, Which::After);
    let new = reader::read(after).map_err(at)?;
    identity::check_root(&new, guest.driver).map_err(at)?;
    if before.is_empty() {
        identity::check_name(&new, guest.object).map_err(at)?;
        return judged(policy, |sink| diff::all_new(&new, sink)).map_err(at);
    }
    let old = read(before, Which::Before)?;
    identity::check_same(&old, &new).map_err(at)?;
    judged(policy, |sink| diff::walk(&old, &new, sink)).map_err(at)
}

/// All changes between two documents of any kind, for `hookmux diff`.
#[must_use]
pub fn changes(before: &Document<'_>, after: &Document<'_>) -> Changes {
    judged(&Policy::default(), |sink| diff::walk(before, after, sink)).unwrap_or_default()
}

/// Collects what is told, until the policy forbids something, or the list is full and there is nothing to forbid.
fn judged(policy: &Policy, tell: impl FnOnce(&mut diff::Sink<'_>)) -> Result<Changes, Flaw> {
    let mut changes = Changes::default();
    let mut forbidden = None;
    tell(&mut |difference: &Difference<'_, '_>| {
        if let Some(defect) = policy.forbids(difference) {
            forbidden = Some(Flaw::new(difference.at, defect));
            return ControlFlow::Break(());
        }
        if changes.list.len() < MAX_CHANGES {
            changes.list.push(Change::of(difference));
            return ControlFlow::Continue(());
        }
        changes.more = true;
        if policy.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    forbidden.map_or(Ok(changes), Err)
}
