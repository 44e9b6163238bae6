//! examples/fsfreeze-hook.d/10-flush-database with real servers: MariaDB and PostgreSQL, each a private one in a directory
//! of its own, called through hookmux as the guest agent does. Does: needs root and Debian's mariadb-server and
//! postgresql; a missing one fails every test and names the packages to install. The machine's own servers are not touched.

mod hook;
mod mariadb;
mod postgresql;
mod server;
mod writer;
