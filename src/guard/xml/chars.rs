//! Which characters XML 1.0 allows, in a document, in a name, as a reference. Comes in: bytes; goes out: yes or no. Pure.
//! Source: the XML 1.0 recommendation, fifth edition, productions 2 (Char), 4 (`NameStartChar`), 4a (`NameChar`), 66 (`CharRef`).

use crate::guard::fault::{Defect, Flaw};

/// White space as XML has it (production 3).
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// What a byte can be in a tag: one bit for each. Looked up for every byte of every tag, so that one look has to do.
pub(crate) mod kind {
    /// Part of a name, as far as one byte can tell.
    pub(crate) const NAME: u8 = 1;
    /// The colon, which is part of a name.
    pub(crate) const COLON: u8 = 2;
    /// Part of a character outside ASCII, which may be part of a name: `are_name` judges it.
    pub(crate) const WIDE: u8 = 4;
    /// Something to stop at inside a value: a quote of either sort, `&` or `<`.
    pub(crate) const STOP: u8 = 8;
}

const KINDS: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        let kind = match byte {
            b':' => kind::NAME | kind::COLON,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' => kind::NAME,
            128.. => kind::NAME | kind::WIDE,
            b'\'' | b'"' | b'&' | b'<' => kind::STOP,
            _ => 0,
        };
        #[expect(clippy::indexing_slicing, reason = "256 places, and a byte has 256 values")]
        {
            table[byte as usize] = kind;
        }
        if byte == u8::MAX {
            return table;
        }
        byte = byte.wrapping_add(1);
    }
}

/// The bits of a byte.
pub(crate) fn kind_of(byte: u8) -> u8 {
    KINDS.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Is this a name?
pub(crate) fn is_name(name: &[u8]) -> bool {
    name.iter().all(|&byte| kind_of(byte) & kind::NAME != 0) && are_name(name, name.is_ascii())
}

/// Are these bytes, of which each may be part of a name, one? Left to judge: the first, and characters outside ASCII.
pub(crate) fn are_name(name: &[u8], ascii: bool) -> bool {
    match name.first() {
        None | Some(b'-' | b'.' | b'0'..=b'9') => false,
        Some(_) if ascii => true,
        Some(_) => std::str::from_utf8(name).is_ok_and(|name| {
            let mut characters = name.chars();
            characters.next().is_some_and(starts_name) && characters.all(continues_name)
        }),
    }
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

const fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// The document as text, if every character of it may stand in XML. The offset of a flaw is the first bad byte's.
pub(crate) fn text_of(source: &[u8]) -> Result<&str, Flaw> {
    let text = std::str::from_utf8(source)
        .map_err(|error| Flaw::form(error.valid_up_to(), "bytes that are not UTF-8", "UTF-8"))?;
    // First the cheap question, which the compiler answers for many bytes at once: control characters, and the lead byte
    // of U+FFFE and U+FFFF. DEL and U+0080 to U+009F are allowed.
    let suspect = |byte: u8| u8::from(byte < b' ' && !is_space(byte)) | u8::from(byte == 0xEF);
    let suspicious = source.chunks(4096).any(|chunk| chunk.iter().fold(0, |any, &byte| any | suspect(byte)) != 0);
    if suspicious && let Some((at, found)) = text.char_indices().find(|&(_, c)| !is_allowed(c)) {
        return Err(Flaw::new(at, Defect::Character(found)));
    }
    Ok(text)
}

/// The character that a reference stands for, given what is between `&` and `;`: the five that XML predefines, and
/// numbers of allowed characters. Everything else would need a DTD, which is refused.
pub(crate) fn referenced(name: &[u8]) -> Option<char> {
    match name {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        [b'#', b'x', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        _ => None,
    }
}

fn number(digits: &[u8], radix: u32) -> Option<char> {
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_u32;
    for &digit in digits {
        // from_str_radix would take a sign.
        value = value.checked_mul(radix)?.checked_add(char::from(digit).to_digit(radix)?)?;
    }
    char::from_u32(value).filter(|&c| is_allowed(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_start_with_a_letter_and_go_on_with_name_characters() {
        let names = ["a", "qemu:arg", "_x-1.2", "ä", "a·", "日本"];
        let others = ["", "-a", ".a", "1a", "×", "a×", "·a", "a\u{2190}", "a b", "a<"];
        assert_eq!(names.map(|name| is_name(name.as_bytes())), [true; 6]);
        assert_eq!(others.map(|name| is_name(name.as_bytes())), [false; 10]);
    }

    #[test]
    fn references_are_the_predefined_ones_and_allowed_numbers() {
        let good = [("amp", '&'), ("lt", '<'), ("#65", 'A'), ("#x1F600", '😀'), ("#x0a", '\n'), ("#0000009", '\t')];
        let bad = [
            "",
            "nbsp",
            "AMP",
            "#",
            "#x",
            "#X41",
            "#0",
            "#8",
            "#xD800",
            "#xFFFE",
            "#x110000",
            "#+65",
            "#-1",
            "#99999999999999999999",
            "# 65",
        ];
        assert_eq!(good.map(|(name, _)| referenced(name.as_bytes())), good.map(|(_, c)| Some(c)));
        assert_eq!(bad.map(|name| referenced(name.as_bytes())), [None; 15]);
    }

    #[test]
    fn a_document_is_utf_8_without_control_characters() {
        let at = |source: &[u8]| text_of(source).err().map(|flaw| flaw.at);
        assert_eq!(at("ok\t\r\n\u{7F}\u{85}ﬀ\u{FFFD}😀".as_bytes()), None);
        assert_eq!(at(b"ab\0"), Some(2));
        assert_eq!(at(b"ab\x1B"), Some(2));
        assert_eq!(at(b"a\xFFb"), Some(1));
        assert_eq!(at(b"a\xED\xA0\x80b"), Some(1)); // a surrogate
        assert_eq!(at("a\u{FFFE}".as_bytes()), Some(1));
        assert_eq!(at("\u{FFFF}".as_bytes()), Some(0));
        assert_eq!(at(&[vec![b'a'; 3000], vec![1]].concat()), Some(3000));
    }
}
