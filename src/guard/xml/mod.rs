//! Reads an XML document, and checks that it is well-formed.

pub(crate) mod chars;
mod declaration;
pub(crate) mod limit;
mod namespace;
pub(crate) mod reader;
mod tag;
pub(crate) mod text;
pub(crate) mod tree;
