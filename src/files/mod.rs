//! The files on disk: where scripts are, what kind of file is there, and who may write to it.

pub(crate) mod accounts;
pub(crate) mod acl;
pub(crate) mod directory;
pub mod ignored;
pub(crate) mod lock;
pub mod paths;
pub(crate) mod program;
pub(crate) mod resolve;
pub(crate) mod trust;
