//! What is on disk: where scripts are, what kind of file is there, and who may write to it.

pub mod accounts;
pub mod acl;
pub mod directory;
pub mod ignored;
pub mod lock;
pub mod paths;
pub mod program;
pub mod resolve;
pub mod trust;
