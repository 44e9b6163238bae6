//! The budget of hook calls in system calls and instructions of hookmux itself: numbers that are the same on a busy
//! machine, unlike times. In: the musl release, as `HOOKMUX_BIN`; `budget.toml`. Out: a failure for a call that costs 5 % more,
//! or, with `HOOKMUX_BUDGET=write` (`make budget`), a new budget.toml. Does: needs strace and valgrind.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::process::Command;

use serde::Deserialize;
use support::builder::Hooks;
use support::instructions::instructions;
use support::trace::Trace;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/budget.toml");

/// The percentage by which a call may exceed its budget.
const MARGIN: u64 = 5;

/// Each number is the minimum of this many runs.
const RUNS: usize = 5;

const START: &str = "qemu net-vm start begin -";

/// A guest's XML, which filters may change in its title.
const DOCUMENT: &str = include_str!("fixtures/xml/qemu-started.xml");

const HEAD: &str = "\
# What one hook call may cost hookmux itself: tests/budget.rs fails for 5 % more. Its scripts, the kernel, and how often it
# polls are not in it. `make budget` writes this file anew: after a change that is worth its cost, or for another toolchain.
";

/// The budget of each call, and the toolchain that built the measured program.
#[derive(Debug, Deserialize)]
struct Budget {
    rustc: String,
    calls: BTreeMap<String, Cost>,
}

/// The cost of a call.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cost {
    system_calls: u64,
    instructions: u64,
}

impl Cost {
    fn measure(hooks: &Hooks, call: &str) -> Self {
        let least = |count: &dyn Fn() -> u64| (0..RUNS).map(|_| count()).min().unwrap();
        let system_calls = || {
            let trace = Trace::of_call(hooks, call);
            // The kernel decides whether the ends of a pipe and of its script take one call of poll or two.
            let turns = trace.by_name().get("poll").copied().unwrap_or_default();
            (trace.total() - turns) as u64
        };
        Self { system_calls: least(&system_calls), instructions: least(&|| instructions(hooks, call)) }
    }

    /// Lists the numbers that exceed a budget.
    fn above(&self, budget: &Self) -> Vec<String> {
        let numbers = [
            ("system calls", self.system_calls, budget.system_calls),
            ("instructions", self.instructions, budget.instructions),
        ];
        let above = numbers.into_iter().filter(|(_, cost, budget)| cost * 100 > budget * (100 + MARGIN));
        above.map(|(what, cost, budget)| format!("{cost} {what} instead of {budget}")).collect()
    }
}

/// Makes a root at a fixed depth, with the given number of scripts that perform this action of `script.c`.
fn hooks(scripts: usize, action: &str) -> Hooks {
    let mut hooks = Hooks::within("/tmp".as_ref()).document(DOCUMENT);
    hooks.directory(&hooks.path("qemu.d"));
    for at in 0..scripts {
        hooks = hooks.program(&format!("qemu.d/{at:03}-a={action}"));
    }
    hooks
}

/// Adds settings, and the directory for records of calls.
fn with_settings_and_record(hooks: Hooks) -> Hooks {
    hooks.directory(&hooks.root().join("var/log/hookmux"));
    hooks.settings("[[rule]]\nscript = '00*'\nguest = 'db-*'\ntimeout = '30s'\n")
}

fn costs() -> BTreeMap<String, Cost> {
    let cost = |name: &str, hooks: &Hooks, call: &str| (name.to_owned(), Cost::measure(hooks, call));
    BTreeMap::from([
        cost("empty-directory", &hooks(0, ""), START),
        cost("one-script", &hooks(1, "0"), START),
        cost("ten-scripts", &hooks(10, "0"), START),
        cost("ten-scripts-with-settings-and-record", &with_settings_and_record(hooks(10, "0")), START),
        cost("ten-filters-that-change-nothing", &hooks(10, "cat"), "qemu net-vm migrate begin -"),
        cost("ten-filters-that-change-the-title", &hooks(10, "tag"), "qemu net-vm migrate begin -"),
    ])
}

/// `tests/hostile/scale.rs` has the same for system calls.
#[test]
fn a_call_executes_as_many_instructions_for_its_thousandth_script_as_for_its_second() {
    let counts = [1, 10, 100, 1000].map(|scripts| (scripts as u64, instructions(&hooks(scripts, "0"), START)));
    let of_each: Vec<u64> = counts.windows(2).map(|pair| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0)).collect();
    // Sorting costs a logarithm more, and waiting a turn more or less.
    let (least, most) = (of_each.iter().min().unwrap(), of_each.iter().max().unwrap());
    assert!(*least > 0 && *most < least * 3 / 2, "instructions a script, from 1 to 10, to 100, to 1,000: {of_each:?}");
}

fn rustc() -> String {
    let version = Command::new("rustc").arg("--version").output().expect("rustc, whose version the budget depends on");
    String::from_utf8(version.stdout).unwrap().trim().to_owned()
}

fn is_named(variable: &str, ending: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value.ends_with(ending))
}

#[test]
fn a_call_costs_no_more_than_its_budget() {
    assert!(is_named("HOOKMUX_BIN", "-musl/release/hookmux"), "HOOKMUX_BIN must name the musl release");
    let (costs, rustc) = (costs(), rustc());
    if is_named("HOOKMUX_BUDGET", "write") {
        return write(&rustc, &costs);
    }
    let budget: Budget = toml::from_str(&fs::read_to_string(FILE).unwrap()).unwrap();
    assert!(budget.calls.keys().eq(costs.keys()), "budget.toml has other calls: make budget");
    let above = costs.iter().map(|(name, cost)| (name, cost.above(&budget.calls[name])));
    let above: Vec<String> =
        above.filter(|(_, what)| !what.is_empty()).map(|(name, what)| format!("{name}: {}", what.join(", "))).collect();
    let toolchain = if budget.rustc == rustc {
        String::new()
    } else {
        format!(
            "\n(the budget was measured with {}, this is {rustc}: that alone may change the number of instructions)",
            budget.rustc
        )
    };
    assert!(
        above.is_empty(),
        "more than {MARGIN} % above the budget:\n{}{toolchain}\nif that is justified: make budget, and give the reason in the commit",
        above.join("\n")
    );
}

fn write(rustc: &str, costs: &BTreeMap<String, Cost>) {
    let mut text = format!("{HEAD}\nrustc = \"{rustc}\"\n");
    for (name, cost) in costs {
        let Cost { system_calls, instructions } = cost;
        write!(text, "\n[calls.{name}]\nsystem-calls = {system_calls}\ninstructions = {instructions}\n").unwrap();
    }
    fs::write(FILE, text).unwrap();
}
