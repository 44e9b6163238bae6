//! Any bytes, split at the first NUL into a filter's input and its output. Nothing may panic, messages must be one line, and
//! rules must agree with the list: `cargo +nightly fuzz run --fuzz-dir tests/fuzz guard`.
#![no_main]

use hookmux::guard::{Guest, Policy, Which, changes, check, read};
use libfuzzer_sys::fuzz_target;

const GUEST: Guest<'_> = Guest { driver: "qemu", object: b"vm1" };

fuzz_target!(|bytes: &[u8]| {
    let middle = bytes.iter().position(|&byte| byte == 0).unwrap_or(0);
    let (before, after) = (&bytes[..middle], bytes.get(middle + 1..).unwrap_or_default());

    if let Err(fault) = check(before, after, GUEST, &Policy::default()) {
        assert_eq!(fault.to_string().lines().count(), 1);
        assert!(fault.line > 0 && fault.column > 0);
    }
    let strict = check(before, after, GUEST, &Policy { may_change: Some(Vec::new()), keep_guest_abi: true });
    assert!(strict.is_err() || strict.is_ok_and(|changes| changes.list.is_empty()));

    let (Ok(before), Ok(after)) = (read(before, Which::Before), read(after, Which::After)) else { return };
    for (one, other) in [(&before, &after), (&after, &before)] {
        let found = changes(one, other);
        assert_eq!(found.to_string().lines().count(), found.list.len() + usize::from(found.more));
        // Every path of a list can be put into a rule.
        for change in &found.list {
            if change.path.starts_with("/domain/") {
                assert!(change.path.parse::<hookmux::guard::PathPattern>().is_ok(), "{}", change.path);
            }
        }
    }
    assert_eq!(changes(&before, &before).list, []);
    // Added in one direction is removed in the other: both lists are empty, or neither.
    assert_eq!(changes(&before, &after).list.is_empty(), changes(&after, &before).list.is_empty());
});
