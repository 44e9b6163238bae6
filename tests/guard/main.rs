//! The check of what filters write: documents in, changes or one sentence out.

mod abi;
mod changes;
mod faults;
mod libxml2;
mod may_change;
mod property;
mod real;
mod secrets;

use hookmux::guard::{Guest, Policy, check};

/// The guest of the fixtures.
pub(crate) const GUEST: Guest<'_> = Guest { driver: "qemu", object: b"vm1" };

/// Returns the smallest domain with this content.
pub(crate) fn domain(inside: &str) -> String {
    format!("<domain type='qemu'><name>vm1</name><uuid>10c0bd7f-882e-4954-b586-d5c75cebcf54</uuid>{inside}</domain>")
}

/// Returns the lines about the changes in a log.
pub(crate) fn changed(before: &str, after: &str) -> Vec<String> {
    let changes = check(before.as_bytes(), after.as_bytes(), GUEST, &Policy::default());
    changes.unwrap_or_else(|fault| panic!("{fault}\n{after}")).list.iter().map(ToString::to_string).collect()
}

/// Does the same for the content of the domain.
pub(crate) fn changed_inside(before: &str, after: &str) -> Vec<String> {
    changed(&domain(before), &domain(after))
}

/// Returns the sentence about a document that a filter wrote for `domain("")`.
pub(crate) fn sentence(after: impl AsRef<[u8]>) -> String {
    match check(domain("").as_bytes(), after.as_ref(), GUEST, &Policy::default()) {
        Ok(changes) => format!("fine: {changes}"),
        Err(fault) => fault.to_string(),
    }
}
