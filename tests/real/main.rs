//! hookmux on real libvirt daemons: each test starts its own libvirtd in namespaces of its own, lets guests, networks
//! and containers go through their lives, and reads the records of scripts. Does: needs root and Debian's libvirt
//! packages; a missing one fails every test and is named. Nothing outside the namespaces is written to
//! but this crate's own target directory.

mod everywhere;

mod answers;
mod beside;
mod check;
mod comparison;
mod daemon;
mod differences;
mod examples;
mod existing;
mod first_hour;
mod freeze;
mod guarded;
mod history;
mod life;
mod lxc;
mod migration;
mod network;
mod protection;
mod qemu;
mod readme;
mod releases;
mod rules;
mod started;
