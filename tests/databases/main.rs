//! examples/fsfreeze-hook.d/10-flush-database with real servers: MariaDB and PostgreSQL, each a private one in a directory
//! of its own, called through hookmux as the guest agent does. Does: needs root and Debian's mariadb-server and
//! postgresql; a missing one fails every test and says what to install. The machine's own servers are not touched.
#![allow(clippy::disallowed_methods, reason = "a test starts processes; it is no hook")]
#![allow(clippy::doc_markdown, reason = "databases are called so")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test ends by panicking")]

mod hook;
mod mariadb;
mod postgresql;
mod server;
mod writer;
