//! The scheduling priority of the measured programs. In: `HOOKMUX_BENCH_REAL_TIME`. Out: commands, and a name for the page.
//! Does.
//!
//! The bench runs under the ordinary scheduler, as libvirtd does, at the highest priority. That is not enough on a busy
//! machine, where a process that often sleeps and wakes up waits behind others for milliseconds. Real-time priority gives
//! stable ratios there, but they differ by about a tenth, and a long document in a pipe becomes a race.

use std::process::Command;

use support::host::Host;

fn is_real_time() -> bool {
    std::env::var_os("HOOKMUX_BENCH_REAL_TIME").is_some_and(|value| !value.is_empty())
}

/// Returns the name of the priority for the page.
pub fn name() -> &'static str {
    if is_real_time() { "real-time" } else { "the highest ordinary" }
}

/// Returns the beginning of a command line.
pub fn command() -> Command {
    let (program, args) = if is_real_time() { ("chrt", ["--fifo", "1"]) } else { ("nice", ["-n", "-20"]) };
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// Sets it for a host's libvirtd, all its threads, and the hooks that they start.
pub fn raise_libvirtd(host: &Host) {
    let script = if is_real_time() {
        "chrt --fifo --all-tasks --pid 1 $(cat /run/libvirtd.pid)"
    } else {
        "renice -n -20 -g $(ps -o pgid= -p $(cat /run/libvirtd.pid)) >/dev/null"
    };
    host.run(&["sh", "-c", script]).succeeded();
}
