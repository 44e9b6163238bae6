//! hookmux: one hook for libvirt that runs many scripts and gives one answer.
//!
//! ```text
//! argv[0], argv, stdin
//!       │ invocation   pure     words → Invocation { driver, object, operation, sub_operation, extra, row }
//!       │ contract     data     (driver, operation) → Row { failure, output, order, … }
//!       │ listing      reads    directories → entries: facts, no judgement    (directory, way, guest)
//!       │ caller       reads    parents → the libvirt daemon and its release
//!       │ settings     reads    hookmux.toml and its drop-ins → settings; rules (pure) → each script's effective
//!       │ gate, plan   pure     entries → steps in order, and what is skipped with the reason
//!       │ spool        does     stdin → a sealed document
//!       │ run          does     steps → outcomes, and the document as filtered    (child, watch, stream, process)
//!       │ guard        pure     what a filter read and wrote → what it changed, or why libvirt must not get it
//!       │ verdict      pure     outcomes → exit code
//!       │ words        pure     outcomes → sentences
//!       ▼ main         writes stdout and stderr, returns the exit code; report writes the log    (journal, syslog),
//!                      record one line of JSON a call, which history and stats read; background starts what nobody
//!                      waits for
//! ```
#![warn(
    missing_docs,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit
)]
// A panic in a hook is a wrong answer to libvirt.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::format_push_string
)]

pub mod admin;
pub mod call;
pub mod files;
pub mod guard;
pub mod hook;
pub mod log;
pub mod plan;
pub mod printable;
pub mod record;
pub mod run;
pub mod settings;
pub mod verdict;
