//! Patterns, as in the manual: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`. Pure, and shares no code with the crate.

/// Reports whether the whole of `text` matches `pattern`.
pub fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    fits_from(&pattern, &text)
}

fn fits_from(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => (0..=text.len()).any(|skipped| fits_from(rest, &text[skipped..])),
        (Some(('?', rest)), Some((_, after))) => fits_from(rest, after),
        (Some(('[', rest)), Some((first, after))) => {
            let (not, rest) = if rest.first() == Some(&'!') { (true, &rest[1..]) } else { (false, rest) };
            let end = 1 + rest[1..].iter().position(|character| *character == ']').expect("a closed set");
            in_set(&rest[..end], *first) != not && fits_from(&rest[end + 1..], after)
        }
        (Some((same, rest)), Some((first, after))) => same == first && fits_from(rest, after),
        _ => false,
    }
}

fn in_set(set: &[char], character: char) -> bool {
    match set {
        [from, '-', to, rest @ ..] => (*from..=*to).contains(&character) || in_set(rest, character),
        [one, rest @ ..] => *one == character || in_set(rest, character),
        [] => false,
    }
}

#[test]
fn patterns_match_as_the_manual_describes() {
    let rows = [("web-*", "web-1", true), ("web-?", "web-10", false), ("[a-c]x", "bx", true), ("[!a]x", "ax", false)];
    for (pattern, text, expected) in rows.into_iter().chain([("*/etc/*", "/x/etc/y", true), ("[x]", "[x]", false)]) {
        assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
    }
}
