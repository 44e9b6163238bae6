//! How much of a document is read, and why no more. Constants. Pure.

use crate::guard::fault::Defect;

/// A number that bounds one property of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    what: &'static str,
    pub(crate) most: usize,
}

impl Limit {
    /// The defect of having more.
    pub(crate) fn defect(self) -> Defect {
        Defect::Limit { what: self.what, most: self.most }
    }
}

/// Places in a document are kept as 32-bit offsets. What a filter may write at all is limited where its output is read.
pub(crate) const DOCUMENT: Limit = Limit { what: "bytes of XML", most: 1 << 30 };

/// `xmlParserMaxDepth` of libxml2: it refuses a deeper document, so libvirt would too. Domain XML is about 8 deep.
pub(crate) const DEPTH: Limit = Limit { what: "elements inside each other", most: 256 };

/// The fullest element of libvirt's, a disk's `<driver>`, has about 25 attributes; metadata is its owner's business.
pub(crate) const ATTRIBUTES: Limit = Limit { what: "attributes in one tag", most: 256 };

/// Elements and pieces of text. A node takes 16 bytes, so this is 16 MiB; a guest with 100 disks has 2,000 of them.
pub(crate) const NODES: Limit = Limit { what: "elements", most: 1 << 20 };

/// `XML_MAX_NAME_LENGTH` of libxml2, which refuses a longer one.
pub(crate) const NAME: Limit = Limit { what: "bytes in a name", most: 50_000 };

/// `XML_MAX_TEXT_LENGTH` of libxml2: the longest attribute value, and the longest text.
pub(crate) const TEXT: Limit = Limit { what: "bytes of text in one piece", most: 10_000_000 };

/// Each prefix is looked up among those declared around it. Documents declare one or two.
pub(crate) const PREFIXES: Limit = Limit { what: "namespace prefixes at once", most: 64 };
