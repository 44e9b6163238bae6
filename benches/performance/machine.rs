//! The machine that was measured. In: /proc, the toolchain. Out: one line, without names of hosts or users. Reads.

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use crate::priority;

pub fn describe() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap();
    let field =
        |name: &str| processor.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(": "));
    let model = field("model name").map_or("unknown processor", |(_, model)| model.trim());
    let is_virtual = field("flags").is_some_and(|(_, flags)| flags.split(' ').any(|flag| flag == "hypervisor"));
    let cores = std::thread::available_parallelism().unwrap();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    // The part after the release identifies the builder.
    let kernel = kernel.trim().split('-').next().unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    let today = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    format!(
        "{}, {model}, {cores} processors{}, Linux {kernel}, {}, {}; priority: {}; {} \
         processes were runnable when it began.",
        &today[..10],
        if is_virtual { " of a virtual machine" } else { "" },
        version("rustc"),
        version("libvirtd"),
        priority::name(),
        load.split(' ').next().unwrap_or_default()
    )
}

/// Returns the version that a program prints.
fn version(program: &str) -> String {
    let output = Command::new(program).arg("--version").output().unwrap_or_else(|error| panic!("{program}: {error}"));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
