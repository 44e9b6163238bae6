//! The administrator's settings: hookmux.toml and its drop-ins.

mod read;
mod text;
mod values;

pub use read::read;
pub use text::{Fault, parse};
pub use values::{
    Condition, GuestAbi, LibvirtRunsDotD, MAX_PARALLEL, OnFailure, OnFault, Origin, Patterns, Rule, Settings,
};
