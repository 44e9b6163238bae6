//! The administrator's settings: hookmux.toml and its drop-ins.

mod read;
mod text;
mod values;

pub(crate) use read::{DROP_INS, FILE, PACKAGES_DROP_INS};
pub use read::{read, read_with, text};
pub use text::{SettingsError, parse};
pub use values::Settings;
pub(crate) use values::{GuestAbi, LibvirtRunsDotD, OnFailure, OnFault, Origin, Patterns, Rule};
