//! What is logged, and where it goes: the journal, else syslog, else nothing.

pub mod journal;
pub mod message;
pub mod report;
pub mod socket;
pub mod syslog;
