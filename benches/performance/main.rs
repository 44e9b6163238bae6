//! How fast hookmux is: against the least that a dispatcher can do, against others, inside a real libvirtd, and with many
//! scripts. In: the built binary (`HOOKMUX_BIN` names another). Out: tables, printed and written to
//! docs/performance.md. Does: needs root and what tests/needs installs. `make bench`.
//!
//! Whole processes in turn, and their ratios: whatever else the machine does is in both. Not criterion, which times one
//! function after another and knows of no other process.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::format_push_string,
    unreachable_pub,
    reason = "a bench is its own caller"
)]

#[path = "../../tests/guest/archive.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod archive;
#[path = "../../tests/common/builder.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod builder;
#[path = "../../tests/real/cgroups.rs"]
mod cgroups;
#[path = "../../tests/real/guests.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod guests;
#[path = "../../tests/real/host.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod host;
#[path = "../../tests/common/instructions.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod instructions;
#[path = "../../tests/real/libvirtd.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod libvirtd;
#[path = "../../tests/real/prerequisites.rs"]
mod prerequisites;
#[path = "../../tests/common/programs.rs"]
mod programs;
#[path = "../../tests/real/recorder.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod recorder;
#[path = "../../tests/common/trace.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod trace;

mod caller;
mod daemon;
mod figures;
mod floor;
mod machine;
mod page;
mod peers;
mod priority;
mod scale;
mod scene;

fn main() {
    prerequisites::assert_present();
    let machine = machine::describe();
    let tools = caller::Tools::new();
    let (floor, peers, scale) = (floor::table(&tools), peers::table(&tools), scale::table(&tools));
    // Last, since the end of its namespaces keeps the machine busy for a while.
    let daemon = daemon::table(&tools);
    let sections = [
        ("Against the floor", floor),
        ("Beside others", peers),
        ("Inside libvirt", daemon),
        ("Many scripts, many guests", scale),
    ];
    page::write(&machine, &sections);
}
