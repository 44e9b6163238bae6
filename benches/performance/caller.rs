//! Calls as libvirt makes them, alternately. In: contestants. Out: the time and memory of each call. Does, with `caller.c`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use hookmux::files::paths::ROOT_VARIABLE;

use crate::figures::ROUNDS;
use crate::priority;
use support::builder::{Hooks, hook};
use support::programs::compile;

/// The directory of the programs that are built for the bench.
pub struct Tools {
    directory: tempfile::TempDir,
}

/// A program that is measured.
pub struct Contestant<'a> {
    /// The directory of its scripts.
    pub hooks: &'a Hooks,
    /// Its path and arguments.
    pub argv: Vec<OsString>,
    /// Its standard input.
    pub document: &'static str,
}

/// The measurements of one contestant.
#[derive(Debug, Default)]
pub struct Measured {
    /// Each call's time, in nanoseconds.
    pub times: Vec<f64>,
    /// The peak memory of a call, in KiB.
    pub memory: u64,
    /// The page faults of a call and its scripts.
    pub faults: f64,
}

impl Tools {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/performance");
        // hookmux has to find a daemon as its caller.
        let programs =
            [("caller", "libvirtd"), ("floor", "floor"), ("floor", "bare"), ("nothing", "nothing"), ("clock", "clock")];
        for (source, program) in programs {
            compile(&sources.join(source).with_extension("c"), &directory.path().join(program));
        }
        let tools = Self { directory };
        fs::write(tools.path(SHORT), document(4 << 10)).unwrap();
        fs::write(tools.path(LONG), document(8 << 20)).unwrap();
        tools
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Returns the command of a floor, "floor" or "bare", with the scripts in hookmux's own directory.
    pub fn floor(&self, floor: &str, hooks: &Hooks) -> Vec<OsString> {
        let mut argv = vec![self.path(floor).into(), hooks.path("qemu.d").into()];
        argv.extend(CALL.split(' ').skip(1).map(OsString::from));
        argv
    }

    /// Calls each contestant the given number of times in each round, alternately.
    pub fn call(&self, contestants: &[Contestant], calls: usize, at_once: usize) -> Vec<Measured> {
        let mut command = priority::command();
        // Logs are written to memory.
        command.args(["unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /var/log && exec \"$@\"", "sh"]);
        contestants[0].hooks.as_libvirt(&mut command);
        // Each contestant has its own root.
        command.env_remove(ROOT_VARIABLE);
        command.arg(self.path("libvirtd")).args([(calls * ROUNDS).to_string(), at_once.to_string()]);
        for contestant in contestants {
            let mut root = OsString::from(ROOT_VARIABLE);
            root.push("=");
            root.push(contestant.hooks.root());
            command.arg("--").arg(root).arg(self.path(contestant.document)).args(&contestant.argv);
        }
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{command:?}: {errors}");
        parse(&String::from_utf8(output.stdout).unwrap(), contestants.len())
    }
}

/// Documents of 4 KiB and of 8 MiB.
pub const SHORT: &str = "short";
pub const LONG: &str = "long";

/// The call that is made.
pub const CALL: &str = "qemu vm1 start begin -";

/// Returns hookmux and its arguments.
pub fn hookmux(hooks: &Hooks) -> Vec<OsString> {
    hook(hooks, CALL)
}

/// Parses three numbers for each contestant, with a line for each turn.
fn parse(lines: &str, contestants: usize) -> Vec<Measured> {
    let mut all: Vec<Measured> = std::iter::repeat_with(Measured::default).take(contestants).collect();
    let turns = lines.lines().count() as f64;
    for line in lines.lines() {
        let numbers: Vec<u64> = line.split_whitespace().map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers.len(), 3 * contestants, "{line}");
        for (measured, numbers) in all.iter_mut().zip(numbers.chunks(3)) {
            measured.times.push(numbers[0] as f64);
            measured.memory = measured.memory.max(numbers[1]);
            measured.faults += numbers[2] as f64 / turns;
        }
    }
    all
}

/// Returns a real guest's XML of the given length: its devices are repeated, and padded with white space.
fn document(length: usize) -> String {
    let guest = include_str!("../../tests/fixtures/xml/qemu-started.xml");
    let (start, rest) = guest.split_once("  <devices>\n").unwrap();
    let (devices, end) = rest.split_once("  </devices>").unwrap();
    let times = 1 + (length - guest.len()) / devices.len();
    let whole = [start, "  <devices>\n", &devices.repeat(times), "  </devices>", end].concat();
    let room = length - whole.len();
    whole + &" ".repeat(room)
}
