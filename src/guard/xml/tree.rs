//! A document that has been read: what stands where, as offsets into its own bytes. Goes out: names, values, children.
//! Pure. Nothing is copied: a node takes 16 bytes, whatever its name, its text and its attributes are, which are looked up in
//! the tag when somebody asks. Memory that is touched once costs more time than a second look at the few tags that matter.

use std::borrow::Cow;
use std::fmt;

use crate::guard::xml::tag;
use crate::guard::xml::text;

/// A well-formed document, in document order. Its text may hold passwords, so that `Debug` shows only its size.
pub struct Document<'a> {
    pub(crate) source: &'a str,
    pub(crate) nodes: Vec<FileFacts>,
}

/// The place of an element or of a piece of text in `Document::nodes`. The root is 0.
pub(crate) type Id = u32;

/// The root element.
pub(crate) const ROOT: Id = 0;

/// An element, or a piece of text between two tags (which has no name).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FileFacts {
    /// The offset of `<`, or of the text's first byte.
    pub(crate) start: u32,
    /// The offset after the end tag, or after the text.
    pub(crate) end: u32,
    /// The node that follows this one and everything in it: the next sibling, if it starts inside the parent.
    pub(crate) next: Id,
    pub(crate) name_length: u16,
}

impl<'a> Document<'a> {
    pub(crate) fn slice(&self, start: u32, end: u32) -> &'a str {
        self.source.get(start as usize..end as usize).unwrap_or_default()
    }

    pub(crate) fn node(&self, id: Id) -> FileFacts {
        self.nodes.get(id as usize).copied().unwrap_or_default()
    }

    /// The byte offset at which the node starts.
    pub(crate) fn offset(&self, id: Id) -> usize {
        self.node(id).start as usize
    }

    /// The node as written, with everything in it.
    pub(crate) fn raw(&self, id: Id) -> &'a str {
        let node = self.node(id);
        self.slice(node.start, node.end)
    }

    /// The element's name with its prefix, as written. A piece of text has the empty name.
    pub(crate) fn name(&self, id: Id) -> &'a str {
        let node = self.node(id);
        let start = node.start.saturating_add(1);
        self.slice(start, start.saturating_add(u32::from(node.name_length)))
    }

    pub(crate) fn is_text(&self, id: Id) -> bool {
        self.node(id).name_length == 0
    }

    /// The element's attributes: name and value, both as written.
    pub(crate) fn attributes(&self, id: Id) -> tag::Attributes<'a> {
        let node = self.node(id);
        let name_end = node.start.saturating_add(1).saturating_add(node.name_length.into());
        tag::Attributes::after_name(if self.is_text(id) { "" } else { self.slice(name_end, node.end) })
    }

    /// The value of an attribute, as written.
    pub(crate) fn attribute(&self, id: Id, name: &str) -> Option<&'a str> {
        self.attributes(id).find(|&(found, _)| found == name).map(|(_, value)| value)
    }

    /// The children that count: elements, and text that is more than white space.
    pub(crate) fn children(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let after = self.node(id).next;
        let mut child = id.saturating_add(1);
        std::iter::from_fn(move || {
            let this = child;
            child = self.node(this).next;
            (this < after).then_some(this)
        })
    }

    /// The first child element of that name.
    pub(crate) fn child(&self, id: Id, name: &str) -> Option<Id> {
        self.children(id).find(|&child| self.name(child) == name && !self.is_text(child))
    }

    /// All text in the element, as `XPath`'s `string()` gives it to libvirt.
    pub(crate) fn string(&self, id: Id) -> Cow<'a, str> {
        let mut texts = (id..self.node(id).next).filter(|&node| self.is_text(node)).map(|node| self.raw(node));
        let mut string = texts.next().map(text::of_element).unwrap_or_default();
        texts.for_each(|raw| string.to_mut().push_str(&text::of_element(raw)));
        string
    }
}

impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} bytes, {} nodes)", self.source.len(), self.nodes.len())
    }
}
