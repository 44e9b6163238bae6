//! The characters that XML 1.0 (fifth edition) allows in documents and names, and what references stand for. Pure.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::BytesRef;

/// Reports whether a document may contain the character (production 2).
pub(crate) const fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Reports whether this is a name (production 5).
pub(crate) fn is_name(name: &str) -> bool {
    let ascii = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-' | b'.');
    name.starts_with(starts_name) && (name.bytes().all(ascii) || name.chars().all(continues_name))
}

const fn starts_name(c: char) -> bool {
    matches!(c, 'A'..='Z' | 'a'..='z' | '_' | ':' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

const fn continues_name(c: char) -> bool {
    starts_name(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Returns the character that a reference stands for: one of XML's own five, or a number.
pub(crate) fn referenced(reference: &BytesRef<'_>) -> Option<char> {
    let predefined = || resolve_predefined_entity(reference)?.chars().next();
    reference.resolve_char_ref().ok()?.or_else(predefined).filter(|&c| is_allowed(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_start_with_a_letter_and_go_on_with_name_characters() {
        let names = ["a", "qemu:arg", "_x-1.2", "ä", "a·", "日本"];
        let others = ["", "-a", ".a", "1a", "×", "a×", "·a", "a\u{2190}", "a b", "a<"];
        assert_eq!(names.map(is_name), [true; 6]);
        assert_eq!(others.map(is_name), [false; 10]);
    }
}
