//! Reads a document: comes in: bytes; goes out: a `Document`, or the first thing that is wrong with it. Pure.
//!
//! quick-xml finds markup and compares the names of end tags; it looks at little else by itself, so that everything that
//! libxml2 (and so libvirt) refuses is checked here and in `tag`, `chars`, `namespace` and `declaration`. Nothing is
//! expanded: there are no entities but XML's own five, as a document type is refused. One loop, no recursion.
//!
//! Not checked, as libxml2 goes on after it as well: two attributes of one expanded name through two prefixes, prefixes
//! bound to the two reserved namespace names, and what xml:id, xml:space, xml:lang and xml:base are set to.

use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError, SyntaxError};
use quick_xml::events::Event;

use crate::guard::fault::{Defect, Flaw};
use crate::guard::xml::chars::{is_name, is_space, referenced, text_of};
use crate::guard::xml::declaration;
use crate::guard::xml::limit;
use crate::guard::xml::namespace::Prefixes;
use crate::guard::xml::tag;
use crate::guard::xml::tag::unknown_reference;
use crate::guard::xml::tree::{Document, FileFacts, Id};

/// The document in these bytes. The flaw's offset counts from the first byte, a byte order mark included.
pub(crate) fn read(source: &[u8]) -> Result<Document<'_>, Flaw> {
    if source.len() > limit::DOCUMENT.most {
        return Err(Flaw::new(limit::DOCUMENT.most, limit::DOCUMENT.defect()));
    }
    let source = text_of(source)?;
    let mark = if source.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { 0 };
    let mut reader = Reader::from_str(source.get(mark..).unwrap_or_default());
    reader.config_mut().enable_all_checks(true);
    let mut builder = Builder::new(source, mark);
    loop {
        // Looked at where it is: moving an event out of its result would take a fifth of the whole time.
        match &reader.read_event() {
            Ok(Event::Eof) => return builder.finish(),
            Ok(event) => builder.add(event, offset(reader.buffer_position()))?,
            Err(error) => return Err(builder.flaw_of(error, offset(reader.error_position()))),
        }
    }
}

/// A document being read.
struct Builder<'a> {
    document: Document<'a>,
    prefixes: Prefixes<'a>,
    open: Vec<Id>,
    /// Where the byte order mark ends.
    first: usize,
    /// Where the event before ended.
    at: usize,
    /// Where the text since the last tag starts, if there is any.
    text: Option<usize>,
    /// Is that text more than white space?
    significant: bool,
}

impl<'a> Builder<'a> {
    fn new(source: &'a str, first: usize) -> Self {
        // Domain XML has a node in about 50 bytes.
        let nodes = Vec::with_capacity((source.len() / 40).min(limit::NODES.most));
        let document = Document { source, nodes };
        Self {
            document,
            prefixes: Prefixes::default(),
            open: Vec::new(),
            first,
            at: first,
            text: None,
            significant: false,
        }
    }

    /// Takes the event that ends before `end`, an offset without the byte order mark.
    fn add(&mut self, event: &Event<'_>, end: usize) -> Result<(), Flaw> {
        let end = end.saturating_add(self.first);
        let start = std::mem::replace(&mut self.at, end);
        match event {
            Event::Start(_) => self.element(start, end.saturating_sub(1), end, true),
            Event::Empty(_) => self.element(start, end.saturating_sub(2), end, false),
            Event::End(_) => self.close(start, end),
            Event::Text(text) => self.text(start, text.as_bytes()),
            Event::CData(data) => self.content(start, !data.is_empty()),
            Event::GeneralRef(reference) => match referenced(reference.as_bytes()) {
                Some(_) => self.content(start, true),
                None => Err(unknown_reference(start)),
            },
            Event::Comment(_) | Event::Eof => Ok(()),
            Event::Decl(_) if start == self.first => declaration::check(self.document.source, start, end),
            Event::Decl(_) => Err(Flaw::form(start, "an XML declaration inside the document", "it at the very start")),
            Event::PI(instruction) => {
                let target = instruction.target();
                let name = is_name(target.as_bytes()) && !target.contains(':') && !target.eq_ignore_ascii_case("xml");
                if name {
                    Ok(())
                } else {
                    Err(Flaw::form(start, "a processing instruction without a name", "its name"))
                }
            }
            Event::DocType(_) => {
                Err(Flaw::form(start, "a document type", "none: domain XML has no DTD and no entities"))
            }
        }
    }

    /// A tag whose inside ends at `inside_end`; `open`: its element has an end tag of its own.
    fn element(&mut self, start: usize, inside_end: usize, end: usize, open: bool) -> Result<(), Flaw> {
        self.end_text(start)?;
        if self.open.is_empty() && !self.document.nodes.is_empty() {
            return Err(Flaw::form(start, "a second root element", "the end of the document"));
        }
        if self.open.len() >= limit::DEPTH.most {
            return Err(Flaw::new(start, limit::DEPTH.defect()));
        }
        let found = tag::read(self.document.source, start.saturating_add(1), inside_end)?;
        let name_length = found.name_length;
        let id =
            self.push(FileFacts { start: narrow(start), end: narrow(end), name_length, ..FileFacts::default() })?;
        if found.colon {
            self.prefixes.open(self.open.len(), &self.document, id)?;
        }
        if open {
            self.open.push(id);
        } else {
            self.prefixes.close(self.open.len());
        }
        Ok(())
    }

    fn close(&mut self, start: usize, end: usize) -> Result<(), Flaw> {
        self.end_text(start)?;
        let next = narrow(self.document.nodes.len());
        if let Some(node) = self.open.pop().and_then(|id| self.document.nodes.get_mut(id as usize)) {
            node.end = narrow(end);
            node.next = next;
        }
        self.prefixes.close(self.open.len());
        Ok(())
    }

    fn text(&mut self, start: usize, text: &[u8]) -> Result<(), Flaw> {
        let blank = text.iter().all(|&byte| is_space(byte));
        if !blank && let Some(inside) = text.windows(3).position(|three| three == b"]]>") {
            return Err(Flaw::form(start.saturating_add(inside), "']]>' outside CDATA", "']]&gt;'"));
        }
        if blank && self.open.is_empty() { Ok(()) } else { self.content(start, !blank) }
    }

    /// Content of the open element; `significant`: more than white space.
    fn content(&mut self, start: usize, significant: bool) -> Result<(), Flaw> {
        if self.open.is_empty() {
            return Err(Flaw::form(start, "text outside the root element", "only white space"));
        }
        self.text.get_or_insert(start);
        self.significant |= significant;
        Ok(())
    }

    /// A tag starts: what was read since the tag before it is one piece of text.
    fn end_text(&mut self, end: usize) -> Result<(), Flaw> {
        let (text, significant) = (self.text.take(), std::mem::take(&mut self.significant));
        match text {
            Some(start) if end.saturating_sub(start) > limit::TEXT.most => Err(Flaw::new(start, limit::TEXT.defect())),
            Some(start) if significant => {
                self.push(FileFacts { start: narrow(start), end: narrow(end), ..FileFacts::default() }).map(|_| ())
            }
            _ => Ok(()),
        }
    }

    /// Adds a node that ends where it starts, until its end tag says otherwise.
    fn push(&mut self, node: FileFacts) -> Result<Id, Flaw> {
        let id = narrow(self.document.nodes.len());
        if self.document.nodes.len() >= limit::NODES.most {
            return Err(Flaw::new(node.start as usize, limit::NODES.defect()));
        }
        self.document.nodes.push(FileFacts { next: id.saturating_add(1), ..node });
        Ok(id)
    }

    fn finish(self) -> Result<Document<'a>, Flaw> {
        let end = self.document.source.len();
        match self.open.last() {
            Some(&id) => Err(Flaw::new(end, Defect::Unclosed(self.document.name(id).to_owned()))),
            None if self.document.nodes.is_empty() => Err(Flaw::form(end, "no element", "the root element 'domain'")),
            None => Ok(self.document),
        }
    }

    /// quick-xml's errors in our words, at `offset` without the byte order mark.
    fn flaw_of(&self, error: &Error, offset: usize) -> Flaw {
        let at = self.first.saturating_add(offset);
        let form = |found, expected| Flaw::form(at, found, expected);
        match error {
            Error::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
                Flaw::new(at, Defect::EndTag { found: found.clone(), expected: Some(expected.clone()) })
            }
            Error::IllFormed(IllFormedError::UnmatchedEndTag(found)) => {
                Flaw::new(at, Defect::EndTag { found: found.clone(), expected: None })
            }
            Error::IllFormed(IllFormedError::DoubleHyphenInComment) => form("'--' inside a comment", "'-->'"),
            Error::IllFormed(IllFormedError::UnclosedReference) => form("a bare '&'", "'&amp;'"),
            Error::Syntax(SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl) => {
                form("'<?' without an end", "'?>'")
            }
            Error::Syntax(SyntaxError::UnclosedComment) => form("a comment without an end", "'-->'"),
            Error::Syntax(SyntaxError::UnclosedDoctype) | Error::IllFormed(IllFormedError::MissingDoctypeName) => {
                form("a document type", "none")
            }
            Error::Syntax(SyntaxError::UnclosedCData) => form("a CDATA section without an end", "']]>'"),
            Error::Syntax(SyntaxError::UnclosedTag) => form("a tag without an end", "'>'"),
            Error::Syntax(
                SyntaxError::UnclosedSingleQuotedAttributeValue | SyntaxError::UnclosedDoubleQuotedAttributeValue,
            ) => form("an attribute's value without an end", "its closing quote"),
            _ => form("something that is not XML", "a well-formed document"),
        }
    }
}

/// An offset of quick-xml's: without the byte order mark.
fn offset(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// Offsets fit: the document is at most `limit::DOCUMENT` long.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::xml::tree::ROOT;

    #[test]
    fn a_node_ends_after_its_end_tag_and_white_space_is_none() {
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
