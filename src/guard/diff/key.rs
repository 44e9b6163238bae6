//! Hashes by which elements are recognized among their siblings. Pure. They only decide which elements are compared with
//! each other: a collision, even one made on purpose, makes a list of changes longer, never shorter.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::guard::xml::tree::{Document, Id};

/// The keys that identify libvirt's elements: what its duplicate checks and its `virDomain…Find` functions compare.
/// Attributes of the element, attributes of a child, or a child with everything in it.
const KEYS: [(&str, &str); 16] = [
    ("disk", "target/@dev"),
    ("interface", "mac/@address"),
    ("controller", "@type @index"),
    ("filesystem", "target/@dir"),
    ("hostdev", "@type source"),
    ("channel", "target/@type target/@name"),
    ("serial", "target/@port"),
    ("parallel", "target/@port"),
    ("console", "target/@type target/@port"),
    ("graphics", "@type"),
    ("input", "@type @bus"),
    ("seclabel", "@model"),
    ("vcpupin", "@vcpu"),
    ("iothreadpin", "@iothread"),
    ("memnode", "@cellid"),
    ("boot", "@dev"),
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
        let attributes = document.attributes(id).map(hash).fold(0, u64::wrapping_add);
        let mut hasher = DefaultHasher::new();
        (document.name(id), attributes).hash(&mut hasher);
        document.children(id).for_each(|child| self.known(child).hash(&mut hasher));
        hasher.finish() | 1
    }

    /// Returns the hash of what identifies the element among those of its name; `None`: only its place and content do.
    pub(crate) fn identity(&mut self, id: Id) -> Option<u64> {
        let document = self.document;
        let name = document.name(id);
        let Some((_, paths)) = KEYS.iter().find(|(known, _)| *known == name) else {
            return USUAL.iter().find_map(|usual| Some(hash((usual, document.attribute(id, usual)?))));
        };
        let value = |path: &str| {
            let (element, last) = match path.split_once('/') {
                Some((child, attribute)) => (document.child(id, child)?, attribute),
                None => (id, path),
            };
            match last.strip_prefix('@') {
                Some(attribute) => document.attribute(element, attribute).map(hash),
                None => document.child(element, last).map(|child| self.content(child)),
            }
        };
        let mut any = false;
        let all = paths.split(' ').map(value).fold(0, |before, value| {
            any |= value.is_some();
            hash((before, value))
        });
        any.then_some(all)
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
fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish() | 1
}

/// Reports whether two thirds of the parts are the same. Then an element with another identity is the same one, changed: a
/// disk that moves from vda to sda keeps its driver and its source, one that replaces another keeps only its driver.
pub(crate) fn alike(one: &[u64], other: &[u64]) -> bool {
    let mut rest = other.iter().peekable();
    let is_common = |part: &&u64| {
        while rest.next_if(|other| other < part).is_some() {}
        rest.next_if_eq(part).is_some()
    };
    let common = one.iter().filter(is_common).count();
    common.saturating_mul(3) >= one.len().max(other.len()).saturating_mul(2)
}
