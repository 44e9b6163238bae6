//! hookmux on real libvirt daemons: each test starts its own libvirtd in namespaces of its own, lets guests, networks
//! and containers go through their lives, and reads what recording scripts saw. Does: needs root and Debian's libvirt
//! packages; a missing one fails every test and says what to install. Nothing outside the namespaces is written to
//! but this crate's own target directory.
#![allow(clippy::disallowed_methods, reason = "a test starts processes; it is no hook")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]
#![allow(clippy::print_stderr, reason = "cargo shows it with a test that failed")]
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test ends by panicking")]

// What a guest with an agent is made of.
#[path = "../guest/archive.rs"]
mod archive;
#[path = "../guest/cpio.rs"]
mod cpio;
#[path = "../guest/image.rs"]
#[allow(dead_code, reason = "one of its two agents is enough here")]
mod image;
#[path = "../guest/shell.rs"]
#[allow(dead_code, reason = "tests without libvirt need more of it")]
mod shell;

mod cgroups;
mod everywhere;
mod guests;
mod host;
mod libvirtd;
mod prerequisites;
mod recorder;

mod answers;
mod daemon;
mod differences;
mod examples;
mod freeze;
mod guarded;
mod history;
mod lxc;
mod migration;
mod network;
mod qemu;
mod releases;
mod rules;
mod theirs;
