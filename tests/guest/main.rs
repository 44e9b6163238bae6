//! hookmux as the guest agent's freeze hook, in real guests: a kernel and a first root put together from Debian's
//! packages, under QEMU, with the agent of Debian 12 and that of Debian's next release. Does: needs what
//! [`prerequisites`] names, a missing one fails every test; downloads packages once, into this crate's own target
//! directory, and installs none.
#![allow(clippy::disallowed_methods, reason = "a test starts processes; it is no hook")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test ends by panicking")]
#![allow(clippy::print_stdout, reason = "the tables are what these tests are read for")]

mod agent;
mod archive;
mod cpio;
mod guest;
mod image;
mod machine;
mod prerequisites;
mod sequences;
mod shell;
mod side_by_side;
mod table;
