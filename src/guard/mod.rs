//! Checks what a filtering script wrote before libvirt gets it. Pure.
//!
//! A document is parsed once, without recursion and without copies: `Document` keeps offsets, 16 bytes for an element or a
//! text, at most 16 MiB. Comparing two documents takes, in addition, memory in proportion to the number of their elements.

mod diff;
mod owner;
mod policy;
pub(crate) mod rejection;
mod xml;

use std::ops::ControlFlow;

pub use diff::change::{Change, ChangeKind, ChangeValue, Changes};
pub use diff::path::PathPattern;
pub(crate) use owner::port_owner;
pub use policy::Policy;
pub use rejection::{Defect, Rejection, Which};
pub(crate) use xml::tree::Document;

use policy::identity;
use rejection::Flaw;
use xml::reader;

/// The number of bytes by which a filter's output may exceed its input: no string in libvirt's protocol is longer than
/// this (`REMOTE_STRING_MAX`), so no document grows by more. It bounds the memory that a runaway filter takes.
pub(crate) const MAX_GROWTH: u64 = 4 << 20;

/// The most changes that are kept for a log. A rule checks all of them.
pub const MAX_CHANGES: usize = 200;

/// The call that a filter is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guest<'a> {
    /// libvirt's driver: qemu, lxc, libxl.
    pub driver: &'a str,
    /// The hook's first argument, the guest's name.
    pub object: &'a [u8],
}

/// Parses a document.
///
/// # Errors
/// The first fault in it.
pub fn read(source: &[u8], which: Which) -> Result<Document<'_>, Rejection> {
    reader::read(source).map_err(|flaw| flaw.within(source, which))
}

/// Checks one filter, which read `before` and wrote `after`. Equal bytes are not parsed.
///
/// With an empty `before`, as on libxl's `migrate`, the name must be the guest's, and everything counts as added.
///
/// # Errors
/// The first fault in `after`, in `before`, or the first change that the policy forbids.
pub fn check(before: &[u8], after: &[u8], guest: Guest<'_>, policy: &Policy) -> Result<Changes, Rejection> {
    if before == after {
        return Ok(Changes::default());
    }
    let at = |flaw: Flaw| flaw.within(after, Which::After);
    let new = read(after, Which::After)?;
    identity::check_root(&new, guest.driver).map_err(at)?;
    let old = if before.is_empty() {
        identity::check_name(&new, guest.object).map_err(at)?;
        Document::default()
    } else {
        let old = read(before, Which::Before)?;
        identity::check_same(&old, &new).map_err(at)?;
        old
    };
    allowed_changes(&old, &new, policy).map_err(at)
}

/// Returns the changes between two documents of any kind, for `hookmux diff`.
#[must_use]
pub fn changes(before: &Document<'_>, after: &Document<'_>) -> Changes {
    allowed_changes(before, after, &Policy::default()).unwrap_or_default()
}

/// Collects changes until the policy forbids one, or until the list is full and the policy forbids nothing.
fn allowed_changes(old: &Document<'_>, new: &Document<'_>, policy: &Policy) -> Result<Changes, Flaw> {
    let mut changes = Changes::default();
    let mut forbidden = None;
    diff::compare(old, new, &mut |difference| {
        forbidden = policy.forbids(difference).map(|defect| Flaw { at: difference.at, defect });
        changes.more = changes.list.len() >= MAX_CHANGES;
        if !changes.more {
            changes.list.push(Change::new(difference));
        }
        if forbidden.is_some() || changes.more && policy.is_empty() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    forbidden.map_or(Ok(changes), Err)
}
