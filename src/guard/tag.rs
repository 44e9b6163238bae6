//! The inside of a start tag or of the XML declaration: a name and attributes. Comes in: the bytes between `<` and `>`;
//! goes out: their places, or what is wrong. Pure. quick-xml finds where a tag ends; whether it is one is judged here.

use super::chars::{are_name, is_name_byte, is_space, referenced};
use super::fault::{Defect, Flaw};
use super::limit;
use super::tree::Attribute;

/// Up to this many attributes, comparing each with each is faster than sorting them.
const FEW: usize = 12;

/// What the reader asks about a tag beside its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name_length: u16,
    pub(super) attribute_count: u16,
    /// A colon in a name: a prefix to look up, or a namespace declared.
    pub(super) colon: bool,
}

/// Reads the tag at `start..end` (between, not including, `<` and `>` or `/>`), and adds its attributes to the list.
pub(super) fn read(source: &str, start: usize, end: usize, attributes: &mut Vec<Attribute>) -> Result<Tag, Flaw> {
    let mut cursor = Cursor { rest: source.as_bytes().get(start..end).unwrap_or_default(), end, colon: false };
    let (_, name_length) = cursor.name("an element's name")?;
    let first = attributes.len();
    while cursor.spaces("a blank before the attribute")? {
        if attributes.len().saturating_sub(first) >= limit::ATTRIBUTES.most {
            return Err(Flaw::new(cursor.at(), limit::ATTRIBUTES.defect()));
        }
        attributes.push(cursor.attribute()?);
    }
    let own = attributes.get(first..).unwrap_or_default();
    unique(source, own)?;
    let attribute_count = u16::try_from(own.len()).unwrap_or(u16::MAX);
    Ok(Tag { name_length, attribute_count, colon: cursor.colon })
}

/// What is left of a tag, and where that is.
struct Cursor<'a> {
    rest: &'a [u8],
    /// The offset at which the tag ends, and so does what is left.
    end: usize,
    colon: bool,
}

impl<'a> Cursor<'a> {
    /// The offset of what is left.
    fn at(&self) -> usize {
        self.end.saturating_sub(self.rest.len())
    }

    /// Takes the bytes up to the first for which `stop` holds.
    fn until(&mut self, mut stop: impl FnMut(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().position(|&byte| stop(byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Takes one byte, if it is this one.
    fn take(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((&first, rest)) if first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes white space, which must be there unless the tag ends. Is there an attribute after it?
    fn spaces(&mut self, expected: &'static str) -> Result<bool, Flaw> {
        let spaces = self.until(|byte| !is_space(byte));
        match (self.rest.is_empty(), spaces.is_empty()) {
            (true, _) => Ok(false),
            (false, false) => Ok(true),
            (false, true) => Err(Flaw::form(self.at(), "a character that fits nowhere in a tag", expected)),
        }
    }

    fn name(&mut self, what: &'static str) -> Result<(u32, u16), Flaw> {
        let at = self.at();
        let (mut colon, mut bits) = (false, 0_u8);
        let name = self.until(|byte| {
            colon |= byte == b':';
            bits |= byte;
            !is_name_byte(byte)
        });
        if !are_name(name, bits.is_ascii()) {
            return Err(Flaw::form(at, "something that is no name", what));
        }
        if name.len() > limit::NAME.most {
            return Err(Flaw::new(at, limit::NAME.defect()));
        }
        self.colon |= colon;
        Ok((narrow(at), u16::try_from(name.len()).unwrap_or(u16::MAX)))
    }

    fn attribute(&mut self) -> Result<Attribute, Flaw> {
        let (name, name_length) = self.name("an attribute's name")?;
        self.until(|byte| !is_space(byte));
        if !self.take(b'=') {
            return Err(Flaw::form(self.at(), "an attribute without a value", "'=' and a value"));
        }
        self.until(|byte| !is_space(byte));
        let quote = if self.take(b'\'') { b'\'' } else { b'"' };
        if quote == b'"' && !self.take(b'"') {
            return Err(Flaw::form(self.at(), "an attribute's value without quotes", "a quote"));
        }
        let value = self.at();
        loop {
            self.until(|byte| byte == quote || byte == b'&' || byte == b'<');
            if self.take(quote) {
                break;
            }
            self.reference()?;
        }
        // The quote has been taken too.
        let value_length = self.at().saturating_sub(value).saturating_sub(1);
        if value_length > limit::TEXT.most {
            return Err(Flaw::new(value, limit::TEXT.defect()));
        }
        Ok(Attribute { name, name_length, value: narrow(value), value_length: narrow(value_length) })
    }

    /// Takes a reference inside a value; anything else that can stand here is wrong.
    fn reference(&mut self) -> Result<(), Flaw> {
        let at = self.at();
        match self.rest.first() {
            Some(b'&') => {}
            Some(_) => return Err(Flaw::form(at, "'<' in an attribute's value", "'&lt;'")),
            None => return Err(Flaw::form(at, "an attribute's value without an end", "its closing quote")),
        }
        self.take(b'&');
        let name = self.until(|byte| matches!(byte, b';' | b'&' | b'<' | b'\'' | b'"'));
        if !self.take(b';') {
            return Err(Flaw::form(at, "a bare '&'", "'&amp;'"));
        }
        referenced(name).map_or_else(|| Err(unknown_reference(at)), |_| Ok(()))
    }
}

/// A reference that only a DTD could explain, or to a character that XML does not allow. Its name is not shown: it may
/// be part of a password whose `&` was not escaped.
pub(super) fn unknown_reference(at: usize) -> Flaw {
    Flaw::form(
        at,
        "a reference to something that XML does not define",
        "&amp; &lt; &gt; &quot; &apos; or a character's number",
    )
}

/// Offsets and lengths fit: the document is at most `limit::DOCUMENT` long.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// Each name once. Compares few with each other and sorts many, so that 256 of them stay cheap.
fn unique(source: &str, attributes: &[Attribute]) -> Result<(), Flaw> {
    let name = |attribute: &Attribute| {
        let start = attribute.name as usize;
        source.as_bytes().get(start..start.saturating_add(usize::from(attribute.name_length))).unwrap_or_default()
    };
    let twice = if attributes.len() <= FEW {
        let mut rest = attributes;
        loop {
            let Some((last, before)) = rest.split_last() else { break None };
            if before.iter().any(|other| other.name_length == last.name_length && name(other) == name(last)) {
                break Some(*last);
            }
            rest = before;
        }
    } else {
        let mut sorted: Vec<&Attribute> = attributes.iter().collect();
        sorted.sort_by_key(|&attribute| (name(attribute), attribute.name));
        sorted
            .iter()
            .zip(sorted.iter().skip(1))
            .find(|&(one, other)| name(one) == name(other))
            .map(|(_, &other)| *other)
    };
    twice.map_or(Ok(()), |attribute| {
        let name = String::from_utf8_lossy(name(&attribute)).into_owned();
        Err(Flaw::new(attribute.name as usize, Defect::Twice(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The attributes of a tag, or the offset of what is wrong with it.
    fn tag(inside: &str) -> Result<Vec<(&str, &str)>, usize> {
        let mut attributes = Vec::new();
        read(inside, 0, inside.len(), &mut attributes).map_err(|flaw| flaw.at)?;
        let slice = |start: u32, length: usize| &inside[start as usize..][..length];
        Ok(attributes
            .iter()
            .map(|a| (slice(a.name, usize::from(a.name_length)), slice(a.value, a.value_length as usize)))
            .collect())
    }

    #[test]
    fn a_tag_has_a_name_and_attributes_in_either_quotes() {
        assert_eq!(tag("a"), Ok(vec![]));
        assert_eq!(tag("a \n"), Ok(vec![]));
        assert_eq!(tag("a b='1'\tc = \"'>2\" \n"), Ok(vec![("b", "1"), ("c", "'>2")]));
        assert_eq!(tag("a b=''"), Ok(vec![("b", "")]));
        assert_eq!(tag("ä ö='&amp;&#65;'"), Ok(vec![("ö", "&amp;&#65;")]));
    }

    #[test]
    fn what_is_wrong_with_a_tag_is_found_at_its_place() {
        let wrong = [
            ("", 0),
            (" a", 0),
            ("1a", 0),
            ("a/ ", 1),
            ("a\"b\"", 1),
            ("a b", 3),
            ("a b=", 4),
            ("a b=c", 4),
            ("a b='", 5),
            ("a b='1'c='2'", 7),
            ("a b='<'", 5),
            ("a b='&'", 5),
            ("a b='x&y z'", 6),
            ("a b='&nbsp;'", 5),
            ("a =''", 2),
            ("a b='1' b='2'", 8),
            ("a 'b'", 2),
            ("a b='&#0;'", 5),
            ("a b==''", 4),
            ("a -b=''", 2),
        ];
        assert_eq!(wrong.map(|(inside, _)| tag(inside)), wrong.map(|(_, at)| Err(at)));
    }

    #[test]
    fn the_second_of_many_attributes_of_a_name_is_found_too() {
        let many = |count: usize| (0..count).fold("a".to_owned(), |tag, n| format!("{tag} n{n}=''"));
        assert!(tag(&many(256)).is_ok());
        assert_eq!(tag(&(many(256) + " x=''")), Err(many(256).len() + 1));
        assert_eq!(tag(&(many(100) + " n7=''")), Err(many(100).len() + 1));
        assert_eq!(tag(&(many(11) + " n7=''")), Err(many(11).len() + 1));
    }
}
