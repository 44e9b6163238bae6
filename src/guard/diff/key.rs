//! Hashes by which elements are recognized among their siblings. Pure. They only decide which elements are compared with
//! each other: a collision, even one made on purpose, makes a list of changes longer, never shorter.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::guard::xml::tree::{Document, Id};

/// A part of an element's identity.
enum IdentityPart {
    /// Its own attribute.
    Own(&'static str),
    /// The attribute of a child element.
    Child(&'static str, &'static str),
    /// A child element with everything in it.
    Whole(&'static str),
}

use IdentityPart::{Child, Own, Whole};

/// What identifies libvirt's elements: what its duplicate checks and its `virDomain…Find` functions compare.
const KEYS: [(&str, &[IdentityPart]); 16] = [
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

/// Any other element is identified by the first of these attributes that it has.
const USUAL: [&str; 4] = ["name", "id", "index", "key"];

/// The hashes of one document's nodes, each computed once.
pub(crate) struct NodeHashes<'d, 'a> {
    pub(crate) document: &'d Document<'a>,
    /// 0: not computed.
    contents: Vec<u64>,
}

impl<'d, 'a> NodeHashes<'d, 'a> {
    pub(crate) fn new(document: &'d Document<'a>) -> Self {
        Self { document, contents: vec![0; document.nodes.len()] }
    }

    /// Returns the hash of an element with everything in it, whatever the order of its attributes and the white space
    /// between its elements, or of a text.
    pub(crate) fn content(&mut self, id: Id) -> u64 {
        // What is inside a node follows it, so in this order each node's children are known.
        for node in (id..self.document.node(id).next).rev() {
            if self.contents.get(node as usize) == Some(&0) {
                let hash = self.hash_node(node);
                if let Some(place) = self.contents.get_mut(node as usize) {
                    *place = hash;
                }
            }
        }
        self.known(id)
    }

    fn known(&self, id: Id) -> u64 {
        self.contents.get(id as usize).copied().unwrap_or_default()
    }

    fn hash_node(&self, id: Id) -> u64 {
        let document = self.document;
        if document.is_text(id) {
            return hash(document.text(id));
        }
        let attributes = document.attributes(id).map(hash).fold(0_u64, u64::wrapping_add);
        let mut hasher = DefaultHasher::new();
        (document.name(id), attributes).hash(&mut hasher);
        document.children(id).for_each(|child| self.known(child).hash(&mut hasher));
        hasher.finish() | 1
    }

    /// Returns the hash of what identifies the element; `None`: only its place and content do.
    pub(crate) fn identity(&mut self, id: Id) -> Option<u64> {
        let document = self.document;
        if document.is_text(id) {
            return None;
        }
        let name = document.name(id);
        let Some((_, parts)) = KEYS.iter().find(|(known, _)| *known == name) else {
            return USUAL.iter().find_map(|usual| Some(hash((name, usual, document.attribute(id, usual)?))));
        };
        let mut any = false;
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        for part in *parts {
            let value = match part {
                Own(attribute) => document.attribute(id, attribute).map(hash),
                Child(child, attribute) => {
                    document.child(id, child).and_then(|child| document.attribute(child, attribute)).map(hash)
                }
                Whole(child) => document.child(id, child).map(|child| self.content(child)),
            };
            any |= value.is_some();
            value.hash(&mut hasher);
        }
        any.then(|| hasher.finish())
    }

    /// Returns the hashes of an element's attributes and children, sorted, for `alike`.
    pub(crate) fn parts(&mut self, id: Id) -> Vec<u64> {
        let document = self.document;
        let mut parts: Vec<u64> = document.attributes(id).map(hash).collect();
        parts.extend(document.children(id).map(|child| self.content(child)));
        parts.sort_unstable();
        parts
    }
}

/// Hashes a value; never 0.
pub(crate) fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish() | 1
}

/// Reports whether two thirds of the parts are the same. Then an element with another identity is the same one, changed: a
/// disk that moves from vda to sda keeps its driver and its source, one that replaces another keeps only its driver.
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
