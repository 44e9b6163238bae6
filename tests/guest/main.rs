//! hookmux as the guest agent's freeze hook, in real guests: a kernel and a first root put together from Debian's
//! packages, under QEMU, with the agent of Debian 12 and that of Debian's next release. Does: needs what
//! [`prerequisites`] names, a missing one fails every test; downloads packages once, into this crate's own target
//! directory, and installs none.

mod agent;
mod guest;
mod machine;
mod prerequisites;
mod sequences;
mod side_by_side;
mod table;
