//! The guests that a directory is for. In: a directory's name and a guest's. Out: whether they match. Pure.
//!
//! The guest's name comes from outside and is only compared, never joined into a path: `..` is a guest like any other.

use std::ffi::OsStr;

use glob::Pattern;

/// The way in which a name on disk matches a guest; an exact name sorts before a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It is the guest's name, byte for byte, even if that looks like a pattern.
    Exact,
    /// It is a pattern (`web-*`) that the guest's name matches.
    Pattern,
}

/// Returns how `name`, a directory's or a rule's, matches `guest`. A name that is not a valid pattern matches only itself.
#[must_use]
pub fn fits(name: &OsStr, guest: &OsStr) -> Option<Fit> {
    if name == guest {
        return Some(Fit::Exact);
    }
    let text = name.to_str().filter(|text| text.contains(['*', '?', '[']))?;
    let pattern = Pattern::new(text).ok()?;
    // `*` matches even a guest's name that is not UTF-8.
    pattern.matches(&guest.to_string_lossy()).then_some(Fit::Pattern)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn names_match_exactly_or_as_patterns() {
        use Fit::{Exact, Pattern};
        let rows = [
            ("web-1", "web-1", Some(Exact)),
            ("web-1", "web-10", None),
            ("web-*", "web-1", Some(Pattern)),
            ("web-*", "web-*", Some(Exact)),
            ("web-[12]", "web-2", Some(Pattern)),
            ("web-[12]", "web-[12]", Some(Exact)),
            ("web-[!1]", "web-1", None),
            ("[", "[", Some(Exact)),
            ("[", "x", None),
            ("*", "..", Some(Pattern)),
            ("*", ".hidden", Some(Pattern)),
            ("*", "", Some(Pattern)),
            ("?", "ü", Some(Pattern)),
            ("a b", "a b", Some(Exact)),
            ("-x", "-x", Some(Exact)),
            ("WEB-1", "web-1", None),
        ];
        for (name, guest, fit) in rows {
            assert_eq!(fits(OsStr::new(name), OsStr::new(guest)), fit, "{name} {guest}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_match_themselves_and_a_star() {
        let odd = OsStr::from_bytes(b"vm\xff");
        assert_eq!([fits(odd, odd), fits(OsStr::new("vm?"), odd)], [Some(Fit::Exact), Some(Fit::Pattern)]);
        assert_eq!(fits(OsStr::from_bytes(b"vm\xff*"), odd), None);
    }
}
