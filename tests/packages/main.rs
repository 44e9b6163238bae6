//! The packages on real systems: dpkg and rpm install, upgrade and remove them in clean roots, a real libvirtd of such a root
//! starts guests with them, and what the policies of `AppArmor` and `SELinux` say of them is asked of their own tools. Does:
//! needs root, the packages (`make packages`) and the roots (tests/packages/roots); a missing one fails every test. Each run
//! leaves a table of what it did, which tests/packages/table prints.
#![allow(clippy::disallowed_methods, reason = "a test starts processes; it is no hook")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]
#![allow(clippy::print_stderr, reason = "cargo shows it with a test that failed")]
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test ends by panicking")]

// What the tests on real daemons have, too: namespaces, a daemon in them, the smallest guest.
#[path = "../real/cgroups.rs"]
#[allow(dead_code, reason = "no container here")]
mod cgroups;
#[path = "../real/guests.rs"]
#[allow(dead_code, reason = "guests only")]
mod guests;
#[path = "../real/host.rs"]
#[allow(dead_code, reason = "packages put hookmux there")]
mod host;
#[path = "../real/libvirtd.rs"]
#[allow(dead_code, reason = "daemons of roots start and end with them")]
mod libvirtd;
#[path = "../real/prerequisites.rs"]
mod prerequisites;
#[path = "../real/recorder.rs"]
#[allow(dead_code, reason = "no recording script here")]
mod recorder;

#[path = "../common/packages.rs"]
mod common;

mod built;
mod debian;
mod proof;

mod deb;
mod guest;
mod libvirt;
mod made_of;
mod policies;
mod rpm;
mod tarball;
