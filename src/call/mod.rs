//! A call: its arguments, what libvirt does around it, and who makes it.

pub mod caller;
pub mod contract;
pub mod drivers;
pub mod invocation;
