//! What hookmux tells the real daemons: journald, rsyslog. Each runs in namespaces of its own, over which it is all there
//! is of /run, /dev and /var/log.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test is its own world"
)]

mod journald;
mod namespaces;
mod rsyslog;
