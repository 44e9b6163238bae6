//! The administrator's command line, on roots of its own.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test is its own world"
)]

mod root;

mod adopt;
mod check;
mod hostile;
mod install;
mod json;
mod run;
mod see;
mod version;
