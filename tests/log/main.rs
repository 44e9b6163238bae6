//! The log: the messages that real daemons receive, and the commands that read the records. Each daemon runs in namespaces
//! with an empty /run, /dev and /var/log.

mod browser;
mod calls;
mod history;
mod journald;
mod logrotate;
mod namespaces;
mod prometheus;
mod rsyslog;
mod stats;
