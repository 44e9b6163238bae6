//! Measures how fast hookmux is compared with a minimal dispatcher, with others, inside a real libvirtd, and with many
//! scripts. In: the built binary (`HOOKMUX_BIN` names another). Out: tables, printed and written to
//! docs/performance.md. Does: needs root and what tests/needs installs. `make bench`.
//!
//! Whole processes are measured alternately, and their ratios are compared, so that other load of the machine affects both.
//! Criterion measures one function after another, within one process.

mod caller;
mod competitors;
mod daemon;
mod figures;
mod floor;
mod machine;
mod page;
mod priority;
mod scale;
mod setup;
mod storm;

fn main() {
    support::prerequisites::assert_present();
    let machine = machine::describe();
    let tools = caller::Tools::new();
    let (floor, competitors, scale) = (floor::table(&tools), competitors::table(&tools), scale::table(&tools));
    // Last, because removing the namespaces keeps the machine busy for a while.
    let (daemon, storm) = (daemon::table(&tools), storm::table());
    let sections = [
        ("Against the floor", floor),
        ("Beside others", competitors),
        ("Inside libvirt", daemon),
        ("A restart of libvirt", storm),
        ("Many scripts, many guests", scale),
    ];
    page::write(&machine, &sections);
}
