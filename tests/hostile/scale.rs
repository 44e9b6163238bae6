//! The cost of a call with many scripts, and on a host with many guests, counted in system calls; `benches/performance`
//! measures the time.

use std::collections::BTreeMap;

use support::builder::Hooks;
use support::trace::{MEMORY, Trace};

const START: &str = "qemu vm1 start begin -";

/// Traces the start of a guest with this many scripts, which do nothing.
fn with_scripts(scripts: usize) -> Trace {
    let mut hooks = Hooks::new();
    hooks.directory(&hooks.path("qemu.d"));
    for at in 0..scripts {
        hooks = hooks.program(&format!("qemu.d/{at:04}-a=0"));
    }
    Trace::of_call(&hooks, START)
}

/// Traces the start of a guest that has a directory with a script, on a host where this many others have one, too.
fn beside(others: usize) -> Trace {
    let mut hooks = Hooks::new().program("qemu.d/vm1/start/begin/10-a=0");
    for at in 0..others {
        hooks = hooks.script(&format!("qemu.d/other-{at:04}/start/begin/10-a"), "exit 1");
    }
    Trace::of_call(&hooks, START)
}

/// The reads of the directory itself grow, too, but by a fraction of a system call per script.
#[test]
fn a_call_costs_as_much_for_its_thousandth_script_as_for_its_second() {
    let counts = [1, 10, 100, 1000].map(|scripts| (scripts, with_scripts(scripts)));
    for (scripts, trace) in &counts {
        assert_eq!(trace.by_name().get("clone"), Some(scripts));
    }
    let of_each: Vec<f64> = counts
        .windows(2)
        .map(|pair| {
            let [(few, less), (many, more)] = pair else { unreachable!() };
            // Exact below 2^52 system calls.
            (more.total() - less.total()) as f64 / (many - few) as f64
        })
        .collect();
    // The ends of a pipe and of its script are seen in one turn of waiting or in several.
    let [least, most] = [f64::min, f64::max].map(|choose| of_each.iter().copied().reduce(choose).unwrap());
    assert!(least > 1.0 && most < least * 1.25, "system calls per script, from 1 to 10, to 100, to 1,000: {of_each:?}");
}

/// They are only names in one directory, which takes a few reads more.
#[test]
fn directories_of_other_guests_cost_only_reading_one_directory() {
    let counts = [0, 1, 10, 100, 1000].map(|others| (others, beside(others)));
    let without = |trace: &Trace| {
        // Waiting varies by chance, and a longer list of names takes more memory.
        let by_chance = ["getdents64", "poll", "read", "close", "wait4", "waitid"];
        let other = |name: &&str| !by_chance.contains(name) && !MEMORY.contains(name);
        trace
            .by_name()
            .into_iter()
            .filter(|(name, _)| other(name))
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    };
    let alone: BTreeMap<String, usize> = without(&counts[0].1);
    for (others, trace) in &counts {
        assert_eq!((without(trace), trace.about("other-")), (alone.clone(), 0), "beside {others}");
        let reads = trace.by_name()["getdents64"];
        // A read returns 2 KiB in musl and 32 KiB in glibc, and so 50 such names at least.
        assert!(reads <= counts[0].1.by_name()["getdents64"] + others / 50 + 1, "{reads} reads beside {others}");
    }
}
