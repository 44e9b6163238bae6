//! hookmux killed at any moment: no script keeps running, and libvirt never reads half a document.
//!
//! The guarantee: the document is one write(2). If the pipe has room for it, no signal can interrupt the write. Root can
//! enlarge any pipe; an ordinary user only up to /proc/sys/fs/pipe-max-size (1 MiB). Beyond that, a reader may see the beginning of a
//! document, and then that its writer was killed: libvirt drops the output of a hook that does not exit 0.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use crate::waiting::{becomes_true, pid};
use support::builder::{Hooks, spawn};

/// Returns a document without a line break at its end, but with earlier ones, at which a buffered writer would cut it.
fn document(letter: char, length: usize) -> String {
    let head = "<domain type='qemu'>\n  <name>vm1</name>\n  <title>";
    format!("{head}{}</title>\n</domain>", letter.to_string().repeat(length))
}

fn hooks(length: usize) -> Hooks {
    Hooks::new()
        .program("qemu.d/10-a=translate")
        .program("qemu.d/20-b=cat")
        .program("qemu.d/30-c=0")
        .document(document('@', length))
}

/// Starts a filtering call, with its document in a file, its output in a pipe.
fn call(hooks: &Hooks, length: usize) -> (Child, io::PipeReader) {
    let input = hooks.root().join("document");
    if !input.exists() {
        std::fs::write(&input, document('@', length)).unwrap();
    }
    let (reader, writer) = io::pipe().unwrap();
    let args = ["qemu", "vm1", "migrate", "begin", "-"].map(std::ffi::OsStr::new);
    let mut command = hooks.command(&args);
    command.stdin(std::fs::File::open(input).unwrap()).stdout(writer).stderr(Stdio::null());
    (spawn(&mut command), reader)
}

/// Counts the processes that execute a program below the root.
fn scripts(hooks: &Hooks) -> usize {
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|process| std::fs::read_link(process.ok()?.path().join("exe")).ok());
    processes.filter(|executable| executable.starts_with(hooks.root())).count()
}

/// Pseudo-random numbers that are the same each time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Kills `times` calls at moments spread over the duration of one. Returns how many had written their document by then.
fn killed(hooks: &Hooks, length: usize, times: u32, reads_meanwhile: bool) -> u32 {
    let whole = document('#', length);
    let mut undisturbed: Vec<Duration> = (0..9)
        .map(|_| {
            let started = Instant::now();
            let (mut child, mut reader) = call(hooks, length);
            let mut out = String::new();
            reader.read_to_string(&mut out).unwrap();
            assert!(child.wait().unwrap().success() && out == whole, "{} bytes", out.len());
            started.elapsed()
        })
        .collect();
    undisturbed.sort();
    let span = u64::try_from(undisturbed[4].as_nanos()).unwrap() * 3 / 2;
    let (mut numbers, mut answered) = (Numbers(0x9e37_79b9_7f4a_7c15), 0);
    for _ in 0..times {
        let (mut child, mut reader) = call(hooks, length);
        let reading = reads_meanwhile.then(|| {
            let mut reader = reader.try_clone().unwrap();
            std::thread::spawn(move || {
                let mut out = Vec::new();
                reader.read_to_end(&mut out).map(|_| out)
            })
        });
        std::thread::sleep(Duration::from_nanos(numbers.below(span)));
        let _ = kill(pid(&child), Signal::SIGKILL);
        child.wait().unwrap();
        let mut out = reading.map_or(Vec::new(), |reading| reading.join().unwrap().unwrap());
        reader.read_to_end(&mut out).unwrap();
        assert!(out.is_empty() || out == whole.as_bytes(), "{} of {} bytes", out.len(), whole.len());
        answered += u32::from(!out.is_empty());
    }
    assert!(becomes_true(|| scripts(hooks) == 0), "{} scripts keep running", scripts(hooks));
    answered
}

#[test]
fn a_thousand_kills_leave_no_script_running_and_never_half_a_document() {
    const MIB: usize = (1 << 20) - 100;
    for (times, length, reads_meanwhile) in
        [(400, 1 << 10, false), (400, 1 << 10, true), (100, MIB, false), (100, MIB, true)]
    {
        let answered = killed(&hooks(length), length, times, reads_meanwhile);
        // Both outcomes must have occurred, or the moments were badly chosen.
        assert!((times / 50..times - times / 50).contains(&answered), "{answered} of {times} with {length} bytes");
    }
}

/// Returns the writes to standard output of one call, from strace.
fn writes(hooks: &Hooks) -> Vec<String> {
    let trace = hooks.root().join("trace");
    let strace = ["strace", "-qq", "-e", "trace=write,writev,pwrite64,sendfile,splice", "-e", "signal=none", "-o"];
    let args: Vec<&str> = strace.into_iter().chain([trace.to_str().unwrap()]).collect();
    let seen = hooks.see(hooks.through(&args, "qemu vm1 migrate begin -"));
    assert_eq!(seen.code, Some(0), "{seen:?}");
    let lines = std::fs::read_to_string(trace).unwrap();
    lines
        .lines()
        .filter(|line| line.split('(').nth(1).is_some_and(|args| args.starts_with("1,")))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_document_is_one_write() {
    for length in [10, 5_000, 100_000, (1 << 20) - 100, 3 << 20] {
        let writes = writes(&hooks(length));
        let whole = document('#', length).len();
        assert!(writes.len() == 1 && writes[0].ends_with(&format!("{whole}) = {whole}")), "{length}: {writes:?}");
    }
}

#[test]
fn a_thousand_kills_leave_no_process_of_an_unfinished_script() {
    let hooks = Hooks::new().program("qemu.d/10-a=0").program("qemu.d/20-b=pause");
    let args = ["qemu", "vm1", "start", "begin", "-"].map(std::ffi::OsStr::new);
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for _ in 0..100 {
        let calls: Vec<Child> = (0..10)
            .map(|_| {
                let mut command: Command = hooks.command(&args);
                let null = Stdio::null;
                let child = spawn(command.stdin(null()).stdout(null()).stderr(null()));
                std::thread::sleep(Duration::from_micros(numbers.below(300)));
                child
            })
            .collect();
        for mut call in calls {
            call.kill().unwrap();
            call.wait().unwrap();
        }
    }
    assert!(becomes_true(|| scripts(&hooks) == 0), "{} scripts keep running", scripts(&hooks));
    let reached = hooks.text("log").lines().filter(|line| line.contains("=pause")).count();
    assert!((50..1000).contains(&reached), "{reached} calls had reached the script that waits");
}
