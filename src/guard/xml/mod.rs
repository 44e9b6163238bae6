//! Reads XML documents. Pure.

pub(crate) mod name;
pub(crate) mod reader;
pub(crate) mod tree;
