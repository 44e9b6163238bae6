//! What an element is known by among its siblings, and whether two have the same content. Comes in: a document and an
//! element; goes out: numbers to compare. Pure. They only decide which elements are held against each other: equal
//! numbers by accident (or by somebody's design) make a list of changes longer, never shorter.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::guard::xml::text;
use crate::guard::xml::tree::{Document, Id};

/// A part of what an element is known by.
enum Part {
    /// Its own attribute.
    Own(&'static str),
    /// The attribute of a child element.
    Child(&'static str, &'static str),
    /// A child element with everything in it.
    Whole(&'static str),
}

use Part::{Child, Own, Whole};

/// How libvirt's elements are told apart, by what its own duplicate checks and its `virDomain…Find` functions look at.
const KEYS: [(&str, &[Part]); 16] = [
    ("disk", &[Child("target", "dev")]),
    ("interface", &[Child("mac", "address")]),
    ("controller", &[Own("type"), Own("index")]),
    ("filesystem", &[Child("target", "dir")]),
    ("hostdev", &[Own("type"), Whole("source")]),
    ("channel", &[Child("target", "type"), Child("target", "name")]),
    ("serial", &[Child("target", "port")]),
    ("parallel", &[Child("target", "port")]),
    ("console", &[Child("target", "type"), Child("target", "port")]),
    ("graphics", &[Own("type")]),
    ("input", &[Own("type"), Own("bus")]),
    ("seclabel", &[Own("model")]),
    ("vcpupin", &[Own("vcpu")]),
    ("iothreadpin", &[Own("iothread")]),
    ("memnode", &[Own("cellid")]),
    ("boot", &[Own("dev")]),
];

/// Any other element is known by the first of these that it has.
const USUAL: [&str; 4] = ["name", "id", "index", "key"];

/// The numbers of one document's nodes, each computed once.
pub(crate) struct Keys<'d, 'a> {
    document: &'d Document<'a>,
    /// 0: not computed yet.
    contents: Vec<u64>,
}

impl<'d, 'a> Keys<'d, 'a> {
    pub(crate) fn new(document: &'d Document<'a>) -> Self {
        Self { document, contents: vec![0; document.nodes.len()] }
    }

    /// The number of an element with everything in it (the same for any order of attributes and any white space between
    /// elements), or of a text.
    pub(crate) fn content(&mut self, id: Id) -> u64 {
        // What is inside a node comes after it, so that from the end each one's children are known.
        for node in (id..self.document.node(id).next).rev() {
            if self.contents.get(node as usize) == Some(&0) {
                let number = self.of_children(node);
                if let Some(place) = self.contents.get_mut(node as usize) {
                    *place = number;
                }
            }
        }
        self.known(id)
    }

    fn known(&self, id: Id) -> u64 {
        self.contents.get(id as usize).copied().unwrap_or_default()
    }

    fn of_children(&self, id: Id) -> u64 {
        let document = self.document;
        if document.is_text(id) {
            return number(text::of_element(document.raw(id)));
        }
        let attributes = document.attributes(id).fold(0_u64, |sum, pair| sum.wrapping_add(of_attribute(pair)));
        let mut hasher = DefaultHasher::new();
        (document.name(id), attributes).hash(&mut hasher);
        document.children(id).for_each(|child| self.known(child).hash(&mut hasher));
        hasher.finish() | 1
    }

    /// What the element is known by; `None`: by nothing but its place and content.
    pub(crate) fn identity(&mut self, id: Id) -> Option<u64> {
        let document = self.document;
        if document.is_text(id) {
            return None;
        }
        let name = document.name(id);
        let Some((_, parts)) = KEYS.iter().find(|(known, _)| *known == name) else {
            let value = USUAL.iter().find_map(|usual| document.attribute(id, usual).map(|value| (usual, value)));
            return value.map(|(usual, value)| number((name, usual, text::of_attribute(value))));
        };
        let mut any = false;
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        for part in *parts {
            let value = match part {
                Own(attribute) => document.attribute(id, attribute).map(|value| number(text::of_attribute(value))),
                Child(child, attribute) => document
                    .child(id, child)
                    .and_then(|child| document.attribute(child, attribute))
                    .map(|value| number(text::of_attribute(value))),
                Whole(child) => document.child(id, child).map(|child| self.content(child)),
            };
            any |= value.is_some();
            value.hash(&mut hasher);
        }
        any.then(|| hasher.finish())
    }

    /// The numbers of an element's attributes and children, sorted: what `alike` compares.
    pub(crate) fn parts(&mut self, id: Id) -> Vec<u64> {
        let document = self.document;
        let mut parts: Vec<u64> = document.attributes(id).map(of_attribute).collect();
        parts.extend(document.children(id).map(|child| self.content(child)));
        parts.sort_unstable();
        parts
    }
}

fn of_attribute((name, value): (&str, &str)) -> u64 {
    number((name, text::of_attribute(value)))
}

/// A number for a value: the same for the same, never 0.
pub(crate) fn number(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish() | 1
}

/// Are two thirds of the parts the same? Then an element with another key is the same one, changed: a disk that moves
/// from vda to sda keeps its driver and its source, one that replaces another has only its driver in common with it.
pub(crate) fn alike(one: &[u64], other: &[u64]) -> bool {
    let (mut left, mut right, mut common) = (one.iter().peekable(), other.iter().peekable(), 0_usize);
    while let (Some(&a), Some(&b)) = (left.peek(), right.peek()) {
        if a == b {
            common = common.saturating_add(1);
        }
        if a <= b {
            left.next();
        }
        if b <= a {
            right.next();
        }
    }
    common.saturating_mul(3) >= one.len().max(other.len()).saturating_mul(2)
}
