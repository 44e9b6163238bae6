//! Reads bytes into a `Document`, or reports the first fault in them. Pure.
//!
//! quick-xml splits the bytes into events, resolves namespaces and checks attributes. What is checked here is what libxml2
//! (and so libvirt) would read differently, and what would take time or memory out of proportion. Some documents that
//! are not well-formed pass: libvirt parses the result again and rejects them. A document type is rejected, so XML's own
//! five entities are the only ones. One loop, no recursion.

use quick_xml::errors::{Error, IllFormedError, SyntaxError};
use quick_xml::escape::EscapeError;
use quick_xml::events::attributes::AttrError;
use quick_xml::events::{BytesDecl, BytesStart, Event};
use quick_xml::name::{NamespaceError, NamespaceResolver, ResolveResult};
use quick_xml::{NsReader, XmlVersion};

use crate::guard::rejection::{Flaw, MARK, quoted};
use crate::guard::xml::name::{is_allowed, is_name, referenced};
use crate::guard::xml::tree::{Document, Id, Node};

/// Places in a document are kept as 32-bit offsets. What a filter may write is limited where its output is read.
const MAX_BYTES: usize = 1 << 30;

/// `xmlParserMaxDepth` of libxml2, which refuses a deeper document. Domain XML is about 8 deep.
const MAX_DEPTH: usize = 256;

/// The fullest element of libvirt's, a disk's `<driver>`, has about 25 attributes.
const MAX_ATTRIBUTES: usize = 256;

/// Elements and pieces of text. A node takes 16 bytes, so this is 16 MiB; a guest with 100 disks has 2,000 of them.
const MAX_NODES: usize = 1 << 20;

/// A prefix is looked up among all that are in force. Documents declare one or two.
const MAX_PREFIXES: usize = 64;

/// Encodings in which a document that is UTF-8 means the same: UTF-8 itself, and …
const SAME: [&str; 2] = ["utf-8", "utf8"];

/// … those that agree with it where every byte is ASCII. Python's `ElementTree` declares the first by default.
const SAME_IN_ASCII: [&str; 6] = ["us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "latin1", "windows-1252"];

/// Reads the document in these bytes. Offsets count from the end of the byte order mark, if there is one.
pub(crate) fn read(source: &[u8]) -> Result<Document<'_>, Flaw> {
    let source = source.strip_prefix(MARK).unwrap_or(source);
    if source.len() > MAX_BYTES {
        return Err(Flaw::limit(MAX_BYTES, "bytes of XML", MAX_BYTES));
    }
    let source = std::str::from_utf8(source)
        .map_err(|error| Flaw::new(error.valid_up_to(), "bytes that are not UTF-8", "UTF-8"))?;
    // The first condition is quick to see: a control character, or the first byte of U+FFFE and U+FFFF.
    let suspect = |byte: u8| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 0xEF);
    if source.bytes().any(suspect)
        && let Some((at, found)) = source.char_indices().find(|&(_, c)| !is_allowed(c))
    {
        let found = format!("the character U+{:04X}", u32::from(found));
        return Err(Flaw::new(at, found, "the characters that XML 1.0 allows"));
    }
    let mut reader = NsReader::from_str(source);
    reader.config_mut().enable_all_checks(true);
    reader.resolver_mut().set_max_namespace_bindings(MAX_PREFIXES);
    // Domain XML has a node in about 50 bytes.
    let nodes = Vec::with_capacity((source.len() / 40).min(MAX_NODES));
    let mut builder = TreeBuilder { document: Document { source, nodes }, open: Vec::new(), text: None };
    loop {
        let start = narrow(reader.buffer_position());
        match reader.read_event() {
            Ok(Event::Eof) => return builder.finish(),
            Ok(event) => builder.add(&event, reader.resolver(), start, narrow(reader.buffer_position()))?,
            Err(error @ Error::Namespace(_)) => return Err(flaw_of(&error, start as usize)),
            Err(error) => return Err(flaw_of(&error, narrow(reader.error_position()) as usize)),
        }
    }
}

/// A document being read.
struct TreeBuilder<'a> {
    document: Document<'a>,
    open: Vec<Id>,
    /// The offset of the text since the last tag, if there is any, and whether it is more than white space.
    text: Option<(u32, bool)>,
}

impl<'a> TreeBuilder<'a> {
    /// Takes the event at `start..end`.
    fn add(&mut self, event: &Event<'_>, namespaces: &NamespaceResolver, start: u32, end: u32) -> Result<(), Flaw> {
        let at = start as usize;
        match event {
            Event::Start(tag) | Event::Empty(tag) => {
                let id = self.element(tag, namespaces, start, end)?;
                if matches!(event, Event::Start(_)) {
                    self.open.push(id);
                }
            }
            Event::End(_) => {
                self.end_text(start)?;
                let next = self.next();
                if let Some(node) = self.open.pop().and_then(|id| self.document.nodes.get_mut(id as usize)) {
                    (node.end, node.next) = (end, next);
                }
            }
            Event::Text(text) => {
                let blank = text.bytes().all(|byte| byte.is_ascii_whitespace());
                if !blank || !self.open.is_empty() {
                    self.content(start, !blank)?;
                }
            }
            Event::CData(data) => self.content(start, !data.is_empty())?,
            Event::GeneralRef(reference) if referenced(reference).is_none() => return Err(unknown_reference(at)),
            Event::GeneralRef(_) => self.content(start, true)?,
            Event::Decl(declaration) => check_encoding(declaration, self.document.source, at)?,
            Event::DocType(_) => {
                return Err(Flaw::new(at, "a document type", "none: domain XML has no DTD and no entities"));
            }
            Event::Comment(_) | Event::PI(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn element(&mut self, tag: &BytesStart<'_>, spaces: &NamespaceResolver, start: u32, end: u32) -> Result<Id, Flaw> {
        self.end_text(start)?;
        let at = start as usize;
        if self.open.is_empty() && !self.document.nodes.is_empty() {
            return Err(Flaw::new(at, "a second root element", "the end of the document"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(Flaw::limit(at, "elements inside each other", MAX_DEPTH));
        }
        // Names and values are slices of the document.
        let place = |part: &str| part.as_ptr().addr().wrapping_sub(self.document.source.as_ptr().addr());
        check_name(tag.name().0, &spaces.resolve_element(tag.name()).0, place(tag))?;
        for (count, attribute) in tag.attributes().enumerate() {
            let attribute = attribute.map_err(|error| flaw_of_attribute(&error, place(tag), tag))?;
            if count >= MAX_ATTRIBUTES {
                return Err(Flaw::limit(at, "attributes in one tag", MAX_ATTRIBUTES));
            }
            let space = match attribute.key.as_namespace_binding() {
                Some(_) => ResolveResult::Unbound,
                None => spaces.resolve_attribute(attribute.key).0,
            };
            check_name(attribute.key.0, &space, place(attribute.key.0))?;
            if let Some(inside) = attribute.value.find(['&', '<']) {
                let at = place(&attribute.value).saturating_add(inside);
                attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| match error {
                    Error::Escape(EscapeError::UnterminatedEntity(_)) => Flaw::new(at, "a bare '&'", "'&amp;'"),
                    _ => unknown_reference(at),
                })?;
                if attribute.value.contains('<') {
                    return Err(Flaw::new(at, "'<' in an attribute's value", "'&lt;'"));
                }
            }
        }
        // The tag's length without `<`, and without `>` or `/>`.
        let tag_end = start.saturating_add(1).saturating_add(narrow(tag.len() as u64));
        self.push(start, tag_end, end)
    }

    /// Takes content of the open element; `significant`: it is more than white space.
    fn content(&mut self, start: u32, significant: bool) -> Result<(), Flaw> {
        if self.open.is_empty() {
            return Err(Flaw::new(start as usize, "text outside the root element", "only white space"));
        }
        self.text.get_or_insert((start, false)).1 |= significant;
        Ok(())
    }

    /// Makes everything since the last tag one piece of text.
    fn end_text(&mut self, end: u32) -> Result<(), Flaw> {
        if let Some((start, true)) = self.text.take() {
            self.push(start, start, end)?;
        }
        Ok(())
    }

    /// Adds a node that contains nothing until its end tag is found.
    fn push(&mut self, start: u32, tag_end: u32, end: u32) -> Result<Id, Flaw> {
        if self.document.nodes.len() >= MAX_NODES {
            return Err(Flaw::limit(start as usize, "elements", MAX_NODES));
        }
        let id = self.next();
        self.document.nodes.push(Node { start, tag_end, end, next: id.saturating_add(1) });
        Ok(id)
    }

    fn next(&self) -> Id {
        narrow(self.document.nodes.len() as u64)
    }

    fn finish(self) -> Result<Document<'a>, Flaw> {
        let end = self.document.source.len();
        if let Some(&id) = self.open.last() {
            let found = format!("the end of the document inside {}", quoted(self.document.name(id)));
            return Err(Flaw::new(end, found, "its end tag"));
        }
        if self.document.nodes.is_empty() {
            return Err(Flaw::new(end, "no element", "the root element 'domain'"));
        }
        Ok(self.document)
    }
}

/// Checks a name that quick-xml found. An undeclared prefix is a fault since libxml2 goes on after it: libvirt then finds
/// no `qemu:commandline`, and reports nothing.
fn check_name(name: &str, space: &ResolveResult<'_>, at: usize) -> Result<(), Flaw> {
    match space {
        _ if !is_name(name) => Err(Flaw::new(at, "an invalid name", "the name of an element or attribute")),
        ResolveResult::Unknown(prefix) => {
            let found = format!("the prefix {}, which no xmlns declares", quoted(prefix));
            Err(Flaw::new(at, found, "a declared namespace"))
        }
        _ => Ok(()),
    }
}

/// Checks the declared encoding. hookmux passes bytes on, so it must read them as libvirt does; libvirt writes UTF-8.
fn check_encoding(declaration: &BytesDecl<'_>, source: &str, at: usize) -> Result<(), Flaw> {
    let invalid = || Flaw::new(at, "an invalid XML declaration", "<?xml version='1.0' encoding='UTF-8'?>");
    declaration.version().map_err(|_| invalid())?;
    let Some(encoding) = declaration.encoding() else { return Ok(()) };
    let encoding = encoding.map_err(|_| invalid())?;
    let among = |list: &[&str]| list.iter().any(|name| name.eq_ignore_ascii_case(&encoding));
    if among(&SAME) || (source.is_ascii() && among(&SAME_IN_ASCII)) {
        return Ok(());
    }
    Err(Flaw::new(at, format!("the encoding {}", quoted(&encoding)), "UTF-8"))
}

/// Returns the flaw of an unknown reference. Its name is not shown: it may be part of a password whose `&` was not escaped.
fn unknown_reference(at: usize) -> Flaw {
    let expected = "&amp; &lt; &gt; &quot; &apos; or a character's number";
    Flaw::new(at, "a reference to something that XML does not define", expected)
}

/// Describes an error in an attribute; `inside` is the offset of the tag's name.
fn flaw_of_attribute(error: &AttrError, inside: usize, tag: &str) -> Flaw {
    let (&at, found, expected) = match error {
        AttrError::Duplicated(at, _) => {
            let name = tag.get(*at..).and_then(|rest| rest.split(['=', ' ', '\t', '\r', '\n']).next());
            (at, format!("the attribute {} a second time", quoted(name.unwrap_or_default())), "each once")
        }
        AttrError::ExpectedEq(at) => (at, "an attribute without a value".to_owned(), "'=' and a value"),
        AttrError::ExpectedValue(at) | AttrError::UnquotedValue(at) | AttrError::ExpectedQuote(at, _) => {
            (at, "an attribute's value without quotes".to_owned(), "a quote")
        }
    };
    Flaw::new(inside.saturating_add(at), found, expected)
}

/// Describes quick-xml's errors. What quick-xml would report of a name or a value is not shown where it may be a secret.
fn flaw_of(error: &Error, at: usize) -> Flaw {
    let end_tag = |name: &str| format!("the end tag {}", quoted(name));
    let (found, expected) = match error {
        Error::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
            return Flaw::new(at, end_tag(found), end_tag(expected));
        }
        Error::IllFormed(IllFormedError::UnmatchedEndTag(found)) => {
            return Flaw::new(at, end_tag(found), "no end tag, as no element is open");
        }
        Error::Namespace(NamespaceError::TooManyBindings(most)) => {
            return Flaw::limit(at, "namespace prefixes at once", *most);
        }
        Error::IllFormed(IllFormedError::DoubleHyphenInComment) => ("'--' inside a comment", "'-->'"),
        Error::IllFormed(IllFormedError::UnclosedReference) => ("a bare '&'", "'&amp;'"),
        Error::Namespace(_) => ("an invalid namespace declaration", "xmlns:PREFIX='URI'"),
        Error::Syntax(SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl) => ("'<?' without an end", "'?>'"),
        Error::Syntax(SyntaxError::UnclosedComment) => ("a comment without an end", "'-->'"),
        Error::Syntax(SyntaxError::UnclosedCData) => ("a CDATA section without an end", "']]>'"),
        Error::Syntax(SyntaxError::UnclosedTag) => ("a tag without an end", "'>'"),
        Error::Syntax(
            SyntaxError::UnclosedSingleQuotedAttributeValue | SyntaxError::UnclosedDoubleQuotedAttributeValue,
        ) => ("an attribute's value without an end", "its closing quote"),
        _ => ("something that is not XML", "a well-formed document"),
    };
    Flaw::new(at, found, expected)
}

/// Converts an offset or a count, which fit: a document is at most `MAX_BYTES` long.
fn narrow(offset: u64) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::xml::tree::ROOT;

    #[test]
    fn a_node_ends_after_its_end_tag_and_white_space_is_not_a_node() {
        let document = read(b"\xEF\xBB\xBF<?xml version='1.0'?>\n<a x='1'> <b>t<!-- --></b> <c/>&#32;</a>\n").unwrap();
        let all: Vec<_> = (ROOT..5).map(|id| (document.name(id), document.raw(id), document.node(id).next)).collect();
        assert_eq!(
            all,
            [
                ("a", "<a x='1'> <b>t<!-- --></b> <c/>&#32;</a>", 5),
                ("b", "<b>t<!-- --></b>", 3),
                ("", "t<!-- -->", 3),
                ("c", "<c/>", 4),
                ("", "&#32;", 5),
            ]
        );
        assert_eq!(document.children(ROOT).collect::<Vec<_>>(), [1, 3, 4]);
    }
}
