//! What is on disk: where scripts lie, what lies there, and who may write to it.

pub mod directory;
pub mod names;
pub mod paths;
pub mod turnstile;
pub mod way;
