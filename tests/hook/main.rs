//! The built binary, called by links named after the hooks, as libvirt calls it.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test is its own caller, and its own world"
)]

#[path = "../common/builder.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod builder;
#[path = "../common/programs.rs"]
mod programs;

mod adopt;
mod answers;
mod background;
mod children;
mod filters;
mod freeze;
mod limits;
mod odd;
mod once;
mod order;
mod record;
mod rules;
mod still;
