//! A document that has been read: its names, values and children. Pure. Nothing is copied: a node takes 16 bytes, and
//! attributes and texts are parsed again on request.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use quick_xml::events::Event;
use quick_xml::events::attributes::Attributes;
use quick_xml::{Reader, XmlVersion};

use crate::guard::xml::name::referenced;

/// A document, in document order. Its text may contain passwords, so `Debug` prints only its size. The default is empty:
/// not even a root element.
#[derive(Default)]
pub struct Document<'a> {
    pub(crate) source: &'a str,
    pub(crate) nodes: Vec<Node>,
}

/// The index of an element or of a piece of text in `Document::nodes`.
pub(crate) type Id = u32;

/// The root element.
pub(crate) const ROOT: Id = 0;

/// An element, or a piece of text between two tags (which has no name).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Node {
    /// The offset of `<`, or of the text's first byte.
    pub(crate) start: u32,
    /// The offset of the start tag's `>` or `/>`; of a text, `start`.
    pub(crate) tag_end: u32,
    /// The offset after the end tag, or after the text.
    pub(crate) end: u32,
    /// The node that follows this one and everything in it: the next sibling, if it starts inside the parent.
    pub(crate) next: Id,
}

impl<'a> Document<'a> {
    fn slice(&self, start: u32, end: u32) -> &'a str {
        self.source.get(start as usize..end as usize).unwrap_or_default()
    }

    pub(crate) fn node(&self, id: Id) -> Node {
        self.nodes.get(id as usize).copied().unwrap_or_default()
    }

    pub(crate) fn offset(&self, id: Id) -> usize {
        self.node(id).start as usize
    }

    /// Returns the node as written, with everything in it.
    pub(crate) fn raw(&self, id: Id) -> &'a str {
        let node = self.node(id);
        self.slice(node.start, node.end)
    }

    /// Returns the start tag as written, without `<` and `>`; nothing for a text.
    fn tag(&self, id: Id) -> &'a str {
        let node = self.node(id);
        self.slice(node.start.saturating_add(1), node.tag_end)
    }

    /// Returns the element's name with its prefix, as written. A piece of text has the empty name.
    pub(crate) fn name(&self, id: Id) -> &'a str {
        self.tag(id).split_ascii_whitespace().next().unwrap_or_default()
    }

    pub(crate) fn is_text(&self, id: Id) -> bool {
        let node = self.node(id);
        node.start == node.tag_end
    }

    /// Returns the element's attributes: names as written, and values with references and white space resolved (XML 1.0,
    /// 3.3.3).
    pub(crate) fn attributes(&self, id: Id) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        let mut attributes = Attributes::new(self.tag(id), self.name(id).len());
        attributes.with_checks(false);
        attributes.flatten().map(|attribute| {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            (attribute.key.0, value.unwrap_or(attribute.value))
        })
    }

    pub(crate) fn attribute(&self, id: Id, name: &str) -> Option<Cow<'a, str>> {
        self.attributes(id).find(|&(found, _)| found == name).map(|(_, value)| value)
    }

    /// Returns the children that count: elements, and text that is more than white space.
    pub(crate) fn children(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let after = self.node(id).next;
        let mut child = id.saturating_add(1);
        std::iter::from_fn(move || {
            let this = child;
            child = self.node(this).next;
            (this < after).then_some(this)
        })
    }

    /// Returns the children with their names, and the number of each among those of its name: 1-based, as in `XPath`.
    pub(crate) fn numbered_children(&self, id: Id) -> impl Iterator<Item = (Id, &'a str, u32)> {
        let mut counts: HashMap<&str, u32> = HashMap::new();
        self.children(id).map(move |child| {
            let name = self.name(child);
            let number = counts.entry(name).or_default();
            *number = number.saturating_add(1);
            (child, name, *number)
        })
    }

    /// Returns the first child element of that name.
    pub(crate) fn child(&self, id: Id, name: &str) -> Option<Id> {
        self.children(id).find(|&child| self.name(child) == name)
    }

    /// Returns the meaning of a piece of text: references and CDATA resolved, without comments and processing instructions,
    /// line ends as line feeds.
    pub(crate) fn text(&self, id: Id) -> Cow<'a, str> {
        let raw = self.raw(id);
        let Some(special) = raw.find(['&', '<', '\r']) else { return Cow::Borrowed(raw) };
        // The reader starts there, as it would drop a byte order mark from the text's start.
        let (plain, rest) = raw.split_at(special);
        let mut meaning = plain.to_owned();
        let mut reader = Reader::from_str(rest);
        loop {
            match reader.read_event() {
                Ok(Event::Text(text)) => meaning.push_str(&text.xml10_content()),
                Ok(Event::CData(data)) => meaning.push_str(&data.xml10_content()),
                Ok(Event::GeneralRef(reference)) => meaning.extend(referenced(&reference)),
                // A document that has been read has no errors in its texts.
                Ok(Event::Eof) | Err(_) => return Cow::Owned(meaning),
                Ok(_) => {}
            }
        }
    }

    /// Returns all text in the element, as `XPath`'s `string()` gives it to libvirt.
    pub(crate) fn string(&self, id: Id) -> Cow<'a, str> {
        let mut texts = (id..self.node(id).next).filter(|&node| self.is_text(node)).map(|node| self.text(node));
        let mut string = texts.next().unwrap_or_default();
        texts.for_each(|text| string.to_mut().push_str(&text));
        string
    }
}

impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} bytes, {} nodes)", self.source.len(), self.nodes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::xml::reader::read;

    #[test]
    fn an_attribute_means_its_references_and_blanks() {
        let document = read(b"<a a='&lt;&#65;&#x42;' b='a\r\nb\tc\nd\re' c='&#10;&#9;' d='&apos;&quot;'/>").unwrap();
        let values: Vec<_> = document.attributes(ROOT).map(|(_, value)| value).collect();
        assert_eq!(values, ["<AB", "a b c d e", "\n\t", "'\""]);
    }

    #[test]
    fn a_text_means_its_references_and_data_without_comments() {
        let meanings = [
            "a b",
            "a&amp;b",
            "<![CDATA[<a>&amp;]]>x",
            "a<!-- no -->b<?pi no?>c",
            "a\r\nb\rc<![CDATA[d\r\ne\r]]>",
            "&#13;x",
            "\u{FEFF}&amp;",
        ]
        .map(|text| read(format!("<a>{text}</a>").as_bytes()).unwrap().string(ROOT).into_owned());
        assert_eq!(meanings, ["a b", "a&b", "<a>&amp;x", "abc", "a\nb\ncd\ne\n", "\rx", "\u{FEFF}&"]);
    }
}
