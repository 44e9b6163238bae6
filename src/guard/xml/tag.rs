//! The inside of a start tag or of the XML declaration: a name and attributes. Comes in: the bytes between `<` and `>`;
//! goes out: what is wrong with them, and, of a tag that was judged, its attributes. Pure. quick-xml finds where a tag ends;
//! whether it is one is judged here.

use crate::guard::fault::{Defect, Flaw};
use crate::guard::xml::chars::{are_name, is_space, kind, kind_of, referenced};
use crate::guard::xml::limit;

/// The attributes of a tag that has been judged, name and value as written.
#[derive(Debug, Clone)]
pub(crate) struct Attributes<'a>(&'a str);

impl<'a> Attributes<'a> {
    /// The tag from behind its name; what follows the tag does not matter.
    pub(crate) fn after_name(tag: &'a str) -> Self {
        Self(tag)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_start();
        if rest.starts_with(['>', '/', '?']) {
            return None;
        }
        let (name, rest) = rest.split_once('=')?;
        let rest = rest.trim_start();
        let quote = rest.chars().next()?;
        let (value, rest) = rest.strip_prefix(quote)?.split_once(quote)?;
        self.0 = rest;
        Some((name.trim_end(), value))
    }
}

/// What the reader asks about a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) name_length: u16,
    /// A colon in a name: a prefix to look up, or a namespace declared.
    pub(crate) colon: bool,
}

/// Judges the tag at `start..end` (between, not including, `<` and `>` or `/>`).
pub(crate) fn read(source: &str, start: usize, end: usize) -> Result<Tag, Flaw> {
    let rest = source.as_bytes().get(start..end).unwrap_or_default();
    let mut cursor = Cursor { rest, end, colon: false, seen: 0, again: false };
    let (_, name) = cursor.name("an element's name")?;
    let mut count = 0_usize;
    while cursor.spaces("a blank before the attribute")? {
        count = count.saturating_add(1);
        if count > limit::ATTRIBUTES.most {
            return Err(Flaw::new(cursor.at(), limit::ATTRIBUTES.defect()));
        }
        cursor.attribute()?;
    }
    if cursor.again {
        let first = start.saturating_add(name.len());
        unique(source.get(first..end).unwrap_or_default(), first)?;
    }
    Ok(Tag { name_length: u16::try_from(name.len()).unwrap_or(u16::MAX), colon: cursor.colon })
}

/// What is left of a tag, and where that is.
struct Cursor<'a> {
    rest: &'a [u8],
    /// The offset at which the tag ends, and so does what is left.
    end: usize,
    colon: bool,
    /// One bit for each sort of name that an attribute had, by its length and its first and last byte.
    seen: u64,
    /// Two attributes had names of the same sort, and may have the same name.
    again: bool,
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

    fn name(&mut self, what: &'static str) -> Result<(usize, &'a [u8]), Flaw> {
        let at = self.at();
        let mut kinds = 0;
        let name = self.until(|byte| {
            let kind = kind_of(byte);
            kinds |= kind;
            kind & kind::NAME == 0
        });
        if !are_name(name, kinds & kind::WIDE == 0) {
            return Err(Flaw::form(at, "something that is no name", what));
        }
        if name.len() > limit::NAME.most {
            return Err(Flaw::new(at, limit::NAME.defect()));
        }
        self.colon |= kinds & kind::COLON != 0;
        Ok((at, name))
    }

    fn attribute(&mut self) -> Result<(), Flaw> {
        let (_, name) = self.name("an attribute's name")?;
        self.remember(name);
        let quote = match self.rest {
            [b'=', quote @ (b'\'' | b'"'), rest @ ..] => {
                self.rest = rest;
                *quote
            }
            _ => self.quote()?,
        };
        let value = self.at();
        loop {
            self.until(|byte| kind_of(byte) & kind::STOP != 0);
            match self.rest.first() {
                Some(&byte) if byte == quote => break,
                Some(b'\'' | b'"') => self.take(if quote == b'"' { b'\'' } else { b'"' }),
                _ => self.reference()?,
            };
        }
        self.take(quote);
        // The quote has been taken too.
        let value_length = self.at().saturating_sub(value).saturating_sub(1);
        if value_length > limit::TEXT.most {
            return Err(Flaw::new(value, limit::TEXT.defect()));
        }
        Ok(())
    }

    /// Takes what is between a name and its value where that is more than `='`, and gives the quote.
    fn quote(&mut self) -> Result<u8, Flaw> {
        self.until(|byte| !is_space(byte));
        if !self.take(b'=') {
            return Err(Flaw::form(self.at(), "an attribute without a value", "'=' and a value"));
        }
        self.until(|byte| !is_space(byte));
        match self.rest.first() {
            Some(&quote @ (b'\'' | b'"')) => {
                self.take(quote);
                Ok(quote)
            }
            _ => Err(Flaw::form(self.at(), "an attribute's value without quotes", "a quote")),
        }
    }

    /// Notes a name, so that only tags in which two are of a sort are searched for two that are the same.
    fn remember(&mut self, name: &[u8]) {
        let [first, last] = [name.first(), name.last()].map(|byte| byte.copied().map_or(0, u32::from));
        let length = u32::try_from(name.len()).unwrap_or_default();
        let bit = 1_u64.wrapping_shl(first.wrapping_mul(35).wrapping_add(last.wrapping_mul(5)).wrapping_add(length));
        self.again |= self.seen & bit != 0;
        self.seen |= bit;
    }

    /// Takes a reference inside a value; anything else that can stand here is wrong.
    fn reference(&mut self) -> Result<bool, Flaw> {
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
        referenced(name).map_or_else(|| Err(unknown_reference(at)), |_| Ok(true))
    }
}

/// A reference that only a DTD could explain, or to a character that XML does not allow. Its name is not shown: it may
/// be part of a password whose `&` was not escaped.
pub(crate) fn unknown_reference(at: usize) -> Flaw {
    Flaw::form(
        at,
        "a reference to something that XML does not define",
        "&amp; &lt; &gt; &quot; &apos; or a character's number",
    )
}

/// Each name once. Compares few with each other and sorts many, so that 256 of them stay cheap. Attributes that are well
/// written, in the tag from behind its name, which starts at this offset.
fn unique(after_name: &str, offset: usize) -> Result<(), Flaw> {
    let mut names: Vec<&str> = Attributes::after_name(after_name).map(|(name, _)| name).collect();
    names.sort_by_key(|&name| (name, name.as_ptr()));
    let twice = names.iter().zip(names.iter().skip(1)).find(|(one, other)| one == other).map(|(_, &other)| other);
    twice.map_or(Ok(()), |name| {
        let inside = name.as_ptr().addr().saturating_sub(after_name.as_ptr().addr());
        Err(Flaw::new(offset.saturating_add(inside), Defect::Twice(name.to_owned())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The attributes of a tag, or the offset of what is wrong with it.
    fn tag(inside: &str) -> Result<Vec<(&str, &str)>, usize> {
        let tag = read(inside, 0, inside.len()).map_err(|flaw| flaw.at)?;
        Ok(Attributes::after_name(&inside[usize::from(tag.name_length)..]).collect())
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
