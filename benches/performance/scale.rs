//! Many scripts, and many guests' directories. In: their number. Out: a table. Does. `tests/hostile/scale.rs` is the test.

use std::ffi::OsString;

use crate::caller::{self, Contestant, SHORT, Tools};
use crate::figures::{self, milliseconds};
use crate::setup::{self, Kind};
use support::builder::Hooks;
use support::trace::Trace;

/// Numbers of scripts or guests, with the number of calls in a round.
const NUMBERS: [(usize, usize); 4] = [(1, 200), (10, 50), (100, 6), (1000, 1)];

pub fn table(tools: &Tools) -> String {
    let mut text =
        "| number | that many scripts: time | against the floor | system calls | that many other guests' directories, \
                    1 script: time | system calls |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for (number, calls) in NUMBERS {
        let scripts = setup::hooks(tools, number, Kind::Static);
        let argv = [caller::hookmux(&scripts), tools.floor("floor", &scripts)];
        let measured = tools.call(&argv.map(|argv| contestant(&scripts, argv)), calls, 1);
        let ratio = figures::ratio(&measured[0].times, &measured[1].times);
        let guests = guests(tools, number);
        let beside = tools.call(&[contestant(&guests, caller::hookmux(&guests))], 100, 1);
        text += &format!(
            "| {number} | {} | {ratio} | {} | {} | {} |\n",
            milliseconds(figures::median(&measured[0].times)),
            Trace::of_call(&scripts, caller::CALL).total(),
            milliseconds(figures::median(&beside[0].times)),
            Trace::of_call(&guests, caller::CALL).total()
        );
    }
    text
}

fn contestant(hooks: &Hooks, argv: Vec<OsString>) -> Contestant<'_> {
    Contestant { hooks, argv, document: SHORT }
}

/// Makes a guest with its own script, among the given number of others.
fn guests(tools: &Tools, others: usize) -> Hooks {
    let script = Kind::Static.script(tools);
    let mut hooks = Hooks::new().file("qemu.d/vm1/start/begin/10-a", 0o755, &script);
    for at in 0..others {
        hooks = hooks.file(&format!("qemu.d/other-{at:04}/start/begin/10-a"), 0o755, &script);
    }
    hooks
}
