//! hookmux against the floor. In: calls of several kinds. Out: a table of ratios and counts. Does.

use std::ffi::OsString;

use crate::caller::{self, Contestant, LONG, Measured, SHORT, Tools};
use crate::figures::{self, milliseconds, with_target};
use crate::setup::{self, Kind};
use support::builder::Hooks;
use support::instructions::instructions_of_program;
use support::trace::Trace;

/// The memory limit of a call besides the document, in KiB.
const MEMORY: u64 = 3 << 10;

/// The largest size of the binary, in bytes.
const BINARY: u64 = 2 << 20;

/// The number of calls that are made at the same time.
const AT_ONCE: usize = 200;

pub fn table(tools: &Tools) -> String {
    let mut text = "\
        | call | hookmux | floor | ratio | target | system calls | instructions | page faults |\n\
        |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    let mut memory = 0;
    for (scripts, target, calls) in [(0, 1.5, 200), (1, 1.5, 200), (10, 1.4, 60), (50, 1.4, 20)] {
        let hooks = setup::hooks(tools, scripts, Kind::Static);
        let name = match scripts {
            0 => "an empty directory".to_owned(),
            1 => "1 script".to_owned(),
            more => format!("{more} scripts"),
        };
        text += &row(tools, &hooks, &name, Some(target), calls, &mut memory);
    }
    let hooks = setup::hooks(tools, 10, Kind::Static).settings("[[rule]]\nscript = '00*'\ntimeout = '30s'\n");
    hooks.directory(&hooks.root().join("var/log/hookmux"));
    text += &row(tools, &hooks, "10 scripts, a rule, and a record kept", None, 60, &mut memory);
    for (scripts, calls) in [(0, 200), (1, 200)] {
        text += &against_bare(tools, scripts, calls);
    }
    text += &at_once(tools);
    text += &excluded(tools);
    text += &long_document(tools, &mut memory);
    let [size, whole] = [support::hook_program(), support::binary()].map(|file| std::fs::metadata(file).unwrap().len());
    let missed = |is: u64, most: u64| if is > most { ", **missed**" } else { "" };
    let (too_much, too_long, nothing) = (missed(memory, MEMORY), missed(size, BINARY), time(&empty_program(tools)));
    text + &format!(
        "\nIn the same way, a program that does nothing takes {nothing}. System calls and instructions are those of the \
         dispatcher alone, page faults those of its scripts, too.\n\n\
         Memory: {memory} KiB at most (target: {MEMORY}{too_much}), without the document, which is in no process's memory. \
         hookmux-hook: {size} bytes (target: {BINARY}{too_long}); hookmux, with the command line: {whole} bytes.\n"
    )
}

/// Returns the same call of hookmux and of the floor.
fn both<'a>(tools: &Tools, hooks: &'a Hooks, document: &'static str) -> [Contestant<'a>; 2] {
    [caller::hookmux(hooks), tools.floor("floor", hooks)].map(|argv| Contestant { hooks, argv, document })
}

fn row(tools: &Tools, hooks: &Hooks, name: &str, target: Option<f64>, calls: usize, memory: &mut u64) -> String {
    let measured = tools.call(&both(tools, hooks, SHORT), calls, 1);
    let [ours, floors] = measured.as_slice() else { unreachable!() };
    *memory = (*memory).max(ours.memory);
    let ratio = figures::ratio(&ours.times, &floors.times);
    let comparison = target.map_or_else(|| format!("{ratio} | "), |target| with_target(ratio, target));
    let of_both = |count: &dyn Fn(&[OsString]) -> u64| {
        let [ours, floors] = [caller::hookmux(hooks), tools.floor("floor", hooks)].map(|argv| count(&argv));
        format!("{ours} / {floors}")
    };
    format!(
        "| {name} | {} | {} | {comparison} | {} | {} | {:.0} / {:.0} |\n",
        time(ours),
        time(floors),
        of_both(&|argv| Trace::of_program(hooks, argv).total() as u64),
        of_both(&|argv| instructions_of_program(hooks, argv)),
        ours.faults,
        floors.faults
    )
}

fn time(measured: &Measured) -> String {
    milliseconds(figures::median(&measured.times))
}

/// Measures a program that does nothing: the caller's and the kernel's share of each of these times.
fn empty_program(tools: &Tools) -> Measured {
    let (hooks, argv) = (Hooks::new(), vec![tools.path("nothing").into()]);
    tools.call(&[Contestant { hooks: &hooks, argv, document: SHORT }], 200, 1).remove(0)
}

/// Compares a call with a program that only starts the scripts, and does not keep the document for them.
fn against_bare(tools: &Tools, scripts: usize, calls: usize) -> String {
    let hooks = setup::hooks(tools, scripts, Kind::Static);
    let contestants = [caller::hookmux(&hooks), tools.floor("bare", &hooks)];
    let measured = tools.call(&contestants.map(|argv| Contestant { hooks: &hooks, argv, document: SHORT }), calls, 1);
    let comparison = with_target(figures::ratio(&measured[0].times, &measured[1].times), 1.5);
    let name = if scripts == 0 { "an empty directory" } else { "1 script" };
    format!(
        "| {name}, against `posix_spawn` alone | {} | {} | {comparison} | | | |\n",
        time(&measured[0]),
        time(&measured[1])
    )
}

/// Measures a guest's start with ten Python scripts of which rules exclude nine, against the remaining one alone.
fn excluded(tools: &Tools) -> String {
    let alone = setup::hooks(tools, 1, Kind::Python);
    let rule = |at: usize| {
        let path = if at == 0 { "/domain/name" } else { "/domain/metadata/*/*:flavor/@name = 'gpu*'" };
        format!(
            "[[rule]]\nscript = '{at:04}-a'\nrun = false\n[[rule]]\nscript = '{at:04}-a'\nxml = \"{path}\"\nrun = true\n"
        )
    };
    let ten = setup::hooks(tools, 10, Kind::Python).settings(&(0..10).map(rule).collect::<String>());
    let clones = Trace::of_program(&ten, &caller::hookmux(&ten)).by_name().get("clone").copied();
    assert_eq!(clones, Some(1), "the rules leave one script");
    let contestants = [&ten, &alone].map(|hooks| Contestant { hooks, argv: caller::hookmux(hooks), document: SHORT });
    let measured = tools.call(&contestants, 8, 1);
    let comparison = with_target(figures::ratio(&measured[0].times, &measured[1].times), 1.5);
    let times = [&measured[0], &measured[1]].map(time);
    format!(
        "| 10 Python scripts of which `xml` rules leave one; against that one | {} | {} | {comparison} | | | |\n",
        times[0], times[1]
    )
}

/// Makes many calls at the same time, as a restart of libvirtd does; if one fails, the bench fails.
fn at_once(tools: &Tools) -> String {
    let hooks = setup::hooks(tools, 1, Kind::Static);
    let measured = tools.call(&both(tools, &hooks, SHORT), 3, AT_ONCE);
    let comparison = with_target(figures::ratio(&measured[0].times, &measured[1].times), 1.5);
    format!(
        "| {AT_ONCE} calls at once, 1 script each | {} | {} | {comparison} | | | |\n",
        time(&measured[0]),
        time(&measured[1])
    )
}

/// Measures the cost of 8 MiB for ten scripts that do not read them, which is less than ten copies. The one copy that is
/// needed, from the pipe into the memfd, is their cost for the floor without a script.
fn long_document(tools: &Tools, memory: &mut u64) -> String {
    let (hooks, empty) = (setup::hooks(tools, 10, Kind::Static), setup::hooks(tools, 0, Kind::Static));
    let contestants =
        [both(tools, &hooks, LONG), both(tools, &hooks, SHORT), both(tools, &empty, LONG), both(tools, &empty, SHORT)];
    let contestants: Vec<Contestant> = contestants.into_iter().flatten().collect();
    let measured = tools.call(&contestants, 12, 1);
    let rounds: Vec<Vec<f64>> = measured.iter().map(|measured| figures::rounds(&measured.times)).collect();
    let [ours, _, ours_short, _, _, copied, _, not_copied] = rounds.as_slice() else { unreachable!() };
    let expected = |at: usize| ours_short[at] + copied[at] - not_copied[at];
    let comparison = with_target(figures::spread((0..ours.len()).map(|at| ours[at] / expected(at))), 1.3);
    let expected = figures::median(&(0..ours.len()).map(expected).collect::<Vec<_>>());
    *memory = (*memory).max(measured[0].memory);
    format!(
        "| 10 scripts, 8 MiB of XML; against 4 KiB and one copy | {} | {} | {comparison} | | | |\n",
        time(&measured[0]),
        milliseconds(expected)
    )
}
