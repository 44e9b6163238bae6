//! The log: what real daemons get of it, and what is read back from the records. Each daemon runs in namespaces of its own,
//! over which it is all there is of /run, /dev and /var/log.

mod browser;
mod calls;
mod history;
mod journald;
mod logrotate;
mod namespaces;
mod prometheus;
mod rsyslog;
mod stats;
