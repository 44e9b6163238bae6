//! The log: what real daemons get of it, and what is read back from the records. Each daemon runs in namespaces of its own,
//! over which it is all there is of /run, /dev and /var/log.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test is its own world"
)]

mod browser;
mod calls;
mod history;
mod journald;
mod logrotate;
mod namespaces;
mod rsyslog;
mod stats;
