//! hookmux beside other programs that run the scripts of a directory. In: scripts of three kinds. Out: a table of times. Does.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::caller::{self, CALL, Contestant, Measured, SHORT, Tools};
use crate::figures::{self, Spread};
use crate::setup::{self, Kind};
use support::archive::Archive;
use support::builder::Hooks;

const SCRIPTS: usize = 10;

/// The number of calls in a round, for each kind.
const CALLS: [(Kind, usize); 3] = [(Kind::Static, 20), (Kind::Shell, 8), (Kind::Python, 2)];

/// A name, and its command line.
type Competitor = (&'static str, fn(&Tools, &Hooks) -> Vec<OsString>);

const COMPETITORS: [Competitor; 5] = [
    ("the floor", |tools, hooks| tools.floor("floor", hooks)),
    ("hookmux", |_, hooks| caller::hookmux(hooks)),
    ("run-parts (debianutils)", |_, hooks| run_parts(hooks)),
    ("fsfreeze-hook (QEMU's shell script)", |_, hooks| fsfreeze_hook(hooks)),
    ("a bash dispatcher in the manner of VFIO-Tools", |_, hooks| dispatcher(hooks)),
];

pub fn table(tools: &Tools) -> String {
    let mut cells: Vec<Vec<String>> = COMPETITORS.iter().map(|(name, _)| vec![(*name).to_owned()]).collect();
    for (kind, calls) in CALLS {
        let (empty, full) = (setup::hooks(tools, 0, kind), setup::hooks(tools, SCRIPTS, kind));
        let call = |argv: &fn(&Tools, &Hooks) -> Vec<OsString>| {
            [&empty, &full].map(|hooks| Contestant { hooks, argv: argv(tools, hooks), document: SHORT })
        };
        let contestants: Vec<Contestant> = COMPETITORS.iter().flat_map(|(_, argv)| call(argv)).collect();
        let measured = tools.call(&contestants, calls, 1);
        for (cells, measured) in cells.iter_mut().zip(measured.chunks(2)) {
            if kind == Kind::Static {
                cells.push(in_milliseconds(figures::spread(figures::rounds(&measured[0].times))));
            }
            cells.push(in_milliseconds(of_each(&measured[0], &measured[1])));
        }
    }
    let mut text = "| dispatcher | no script | each static C script | each sh script | each Python script |\n\
                    |---|---|---|---|---|\n"
        .to_owned();
    for cells in cells {
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text + "\nMilliseconds, as medians of rounds, and the least and most of them. libvirt's own `.d` is below, because \
            it is not a separate program.\n"
}

/// Returns the time that each script adds.
fn of_each(empty: &Measured, full: &Measured) -> Spread {
    let rounds = figures::rounds(&full.times).into_iter().zip(figures::rounds(&empty.times));
    figures::spread(rounds.map(|(full, empty)| (full - empty) / SCRIPTS as f64))
}

fn in_milliseconds(nanoseconds: Spread) -> String {
    let Spread { median, least, most } = nanoseconds;
    Spread { median: median / 1e6, least: least / 1e6, most: most / 1e6 }.to_string()
}

/// Returns the call of run-parts that a hook would make to pass everything on.
fn run_parts(hooks: &Hooks) -> Vec<OsString> {
    let mut argv: Vec<OsString> = vec!["/usr/bin/run-parts".into(), "--stdin".into()];
    argv.extend(CALL.split(' ').skip(1).map(|arg| format!("--arg={arg}").into()));
    argv.push(hooks.path("qemu.d").into());
    argv
}

/// Installs the file of Debian's package, with the scripts where it looks for them.
fn fsfreeze_hook(hooks: &Hooks) -> Vec<OsString> {
    let hook = hooks.root().join("theirs/fsfreeze-hook");
    hooks.directory(hook.parent().unwrap());
    let package = Archive::new("bookworm").alone("qemu-guest-agent");
    fs::copy(package.join("etc/qemu/fsfreeze-hook"), &hook).unwrap();
    fs::set_permissions(&hook, Permissions::from_mode(0o755)).unwrap();
    symlink(hooks.path("qemu.d"), hooks.root().join("theirs/fsfreeze-hook.d")).unwrap();
    vec![hook.into(), "freeze".into()]
}

fn dispatcher(hooks: &Hooks) -> Vec<OsString> {
    let scripts = hooks.root().join("vfio/qemu.d/vm1/start/begin");
    hooks.directory(scripts.parent().unwrap());
    symlink(hooks.path("qemu.d"), &scripts).unwrap();
    let hook = hooks.root().join("vfio/qemu");
    fs::write(&hook, include_bytes!("dispatcher.bash")).unwrap();
    fs::set_permissions(&hook, Permissions::from_mode(0o755)).unwrap();
    [hook.into()].into_iter().chain(CALL.split(' ').skip(1).map(OsString::from)).collect()
}
