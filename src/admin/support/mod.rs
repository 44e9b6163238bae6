//! The parts that the commands share.

pub(crate) mod apparmor;
pub(crate) mod call;
pub(crate) mod clock;
pub mod console;
pub(crate) mod daemons;
pub(crate) mod depends;
pub(crate) mod files;
pub(crate) mod fix;
pub(crate) mod known;
pub(crate) mod made;
pub(crate) mod root;
pub(crate) mod script;
pub(crate) mod setting;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod xml;

use std::process::ExitCode;

/// The exit code of a command that found something, or whose call was refused.
pub(crate) const FOUND: u8 = 1;

pub(crate) fn exit_code(found: bool) -> ExitCode {
    if found { ExitCode::from(FOUND) } else { ExitCode::SUCCESS }
}

/// The directory that contains the records of calls.
pub(crate) const LOG_DIRECTORY: &str = "/var/log/hookmux";
