//! How far what is measured goes ahead of whatever else the machine does. In: `HOOKMUX_BENCH_REAL_TIME`. Out: commands,
//! and a word for the page. Does.
//!
//! libvirtd has the ordinary scheduler, and so has the bench, at its highest priority. That is not enough on a busy
//! machine, where whoever sleeps and wakes up often waits behind others for milliseconds. There, real-time priority
//! gives steady ratios; but other ones, by a tenth or so, and of a long document in a pipe it makes a race.

use std::process::Command;

use support::host::Host;

fn is_real_time() -> bool {
    std::env::var_os("HOOKMUX_BENCH_REAL_TIME").is_some_and(|value| !value.is_empty())
}

/// For the page.
pub fn name() -> &'static str {
    if is_real_time() { "real-time" } else { "the highest ordinary" }
}

/// Begins a command line.
pub fn command() -> Command {
    let (program, words) = if is_real_time() { ("chrt", ["--fifo", "1"]) } else { ("nice", ["-n", "-20"]) };
    let mut command = Command::new(program);
    command.args(words);
    command
}

/// Gives it to a host's libvirtd, all its threads, and the hooks that they will start.
pub fn raise_libvirtd(host: &Host) {
    let script = if is_real_time() {
        "chrt --fifo --all-tasks --pid 1 $(cat /run/libvirtd.pid)"
    } else {
        "renice -n -20 -g $(ps -o pgid= -p $(cat /run/libvirtd.pid)) >/dev/null"
    };
    host.run(&["sh", "-c", script]).succeeded();
}
