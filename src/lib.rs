//! hookmux: a hook for libvirt that runs many scripts and returns one answer.
//!
//! A call passes through the rooms (modules with a folder of their own) from top to bottom. A room imports only from rooms
//! above it, and no files import each other in a circle; tests/documents/structure.rs checks this map.
//!
//! | room | what it does |
//! |---|---|
//! | [`printable`] | makes names and texts safe for terminals and logs |
//! | [`call`] | parses libvirt's arguments, and states what libvirt does before and after each operation |
//! | [`files`] | resolves paths, reads directories, reports who may write to a file |
//! | [`guard`] | compares the XML that a filter read and wrote, and accepts or rejects the change |
//! | [`settings`] | reads hookmux.toml and its drop-ins |
//! | [`plan`] | decides which scripts run, in which order, and why others do not |
//! | [`verdict`] | turns outcomes into an exit code and messages |
//! | [`run`] | starts scripts, feeds them the document, waits for them |
//! | [`log`] | writes to the journal or to syslog |
//! | [`record`] | writes and reads calls.jsonl |
//! | [`hook`] | runs one call of libvirt's, from its arguments to its answer |
//! | [`admin`] | runs the commands of the `hookmux` command line |
//!
//! main.rs, and `bin/hookmux-hook.rs` for the program that is a hook alone, read the arguments of the process and pass its
//! standard streams on.
//!
//! | to add | see |
//! |---|---|
//! | an operation of libvirt, what its failure does | `call/contract.rs` |
//! | a driver | `call/drivers.rs` |
//! | a reason to skip a script | `plan/admission.rs` |
//! | a key of a rule | `settings/text.rs`, `plan/rules.rs` |
//! | a command | `admin/` |
//! | another log | `log/` |
//! | a signal at a timeout | `run/child.rs` |
//! | an attribute that is secret | `guard/diff/secret.rs` |
//! | a finding of `check` | `admin/check/` |
//! | a field of a record | `record/draft.rs`, `record/step.rs` |
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
