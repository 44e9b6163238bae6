//! What is on disk: where scripts lie, what lies there, and who may write to it.

pub mod accounts;
pub mod directory;
pub mod ignored;
pub mod lock;
pub mod paths;
pub mod resolve;
pub mod trust;
