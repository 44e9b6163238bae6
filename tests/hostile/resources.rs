//! Exhausted resources: processes, descriptors, memory, disk space. A veto may turn into a fault, but never into a success;
//! and no running guest is killed.

use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use support::builder::{HANG, Hooks, output};

const START: &str = "qemu vm1 start begin -";
const RECONNECT: &str = "qemu vm1 reconnect begin -";

/// Returns a user that only this test of this run has, because process limits are counted by user, and zombies count until
/// init has reaped them.
fn user(test: u32) -> u32 {
    200_000 + std::process::id() * 10 + test
}

/// Returns a call as another user, with limits. Scripts write only to the root, which gets the mode of /tmp.
fn as_user(hooks: &Hooks, user: u32, limits: &[&str], call: &str) -> Command {
    std::fs::set_permissions(hooks.root(), std::os::unix::fs::PermissionsExt::from_mode(0o1777)).unwrap();
    let (user, group) = (format!("--reuid={user}"), format!("--regid={user}"));
    let mut args = vec!["prlimit"];
    args.extend(limits);
    args.extend(["setpriv", &user, &group, "--clear-groups"]);
    hooks.through(&args, call)
}

fn limited(hooks: &Hooks, limit: &str, call: &str) -> support::builder::Seen {
    hooks.see(hooks.through(&["prlimit", limit], call))
}

/// Returns the processes of a user that are not zombies.
fn processes_of(user: u32) -> Vec<Pid> {
    let found = output(Command::new("ps").args(["-U", &user.to_string(), "-o", "stat=", "-o", "pid="]));
    let lines = String::from_utf8(found.stdout).unwrap();
    let alive =
        lines.lines().filter_map(|line| line.trim().split_once(' ')).filter(|(state, _)| !state.starts_with('Z'));
    alive.map(|(_, pid)| Pid::from_raw(pid.trim().parse().unwrap())).collect()
}

#[test]
fn a_fork_bomb_within_a_process_limit_is_ended_with_all_its_processes() {
    let settings = "kill-after = '300ms'\n[[rule]]\ntimeout = '500ms'\n";
    let hooks = Hooks::new().settings(settings).program("qemu.d/10-a=bombhang");
    let seen = hooks.see(as_user(&hooks, user(1), &["--nproc=40:40"], START));
    let gone = crate::waiting::becomes_true(|| processes_of(user(1)).is_empty());
    seen.is_like(1, [], &["10-a=bombhang timed out after 500 ms"]).within(HANG);
    assert!(gone && hooks.root().join("full").exists(), "{:?}", processes_of(user(1)));
}

#[test]
fn a_fork_bomb_that_a_script_leaves_behind_does_not_turn_the_next_veto_into_a_success() {
    let hooks = Hooks::new().program("qemu.d/10-a=bomb").program("qemu.d/20-b=3");
    let seen = hooks.see(as_user(&hooks, user(2), &["--nproc=24:24"], START));
    let left = processes_of(user(2));
    for pid in &left {
        let _ = kill(*pid, Signal::SIGKILL);
    }
    // The script itself has ended, so that the next script or the bomb can start one process.
    assert!(matches!(seen.code, Some(1 | 3)) && left.len() > 20, "{seen:?} {left:?}");
    seen.within(HANG);
}

#[test]
fn a_reached_process_limit_is_a_fault_that_names_it_and_kills_no_guest() {
    let hooks = Hooks::new().program("qemu.d/10-a=3");
    let message = ["10-a=3 could not be started: no process is left: a limit on processes is reached"];
    hooks.see(as_user(&hooks, user(3), &["--nproc=1:1"], START)).is_like(1, [], &message);
    hooks.see(as_user(&hooks, user(3), &["--nproc=1:1"], RECONNECT)).is(0, [], "");
    hooks.see(as_user(&hooks, user(3), &["--nproc=2:2"], RECONNECT)).is_like(3, [], &["10-a=3 exited 3"]);
}

#[test]
fn a_background_script_that_the_process_limit_prevents_does_not_fail_the_call() {
    let hooks = Hooks::new().settings("[[rule]]\nwait = false\n").program("qemu.d/10-a=3");
    hooks.see(as_user(&hooks, user(4), &["--nproc=1:1"], START)).is(0, [], "");
}

/// Tries every limit on descriptors from 3 to 24.
#[test]
fn too_few_descriptors_never_turn_a_veto_into_a_success_nor_kill_a_guest() {
    let veto = Hooks::new().settings("parallel = 1\n").program("qemu.d/10-a=7").program("qemu.d/m*/start/begin/20-b=8");
    let passing = Hooks::new().program("qemu.d/10-a=0").program("qemu.d/20-b=0");
    for limit in 3..24 {
        let limit = format!("--nofile={limit}:{limit}");
        let codes = [(&veto, START), (&veto, RECONNECT), (&passing, RECONNECT)]
            .map(|(hooks, call)| limited(hooks, &limit, call).code);
        assert!(matches!(codes, [Some(1 | 7), Some(0 | 7), Some(0)]), "{limit}: {codes:?}");
    }
    assert_eq!(limited(&veto, "--nofile=24:24", START).code, Some(7));
}

#[test]
fn too_few_descriptors_for_a_chain_of_filters_yield_no_document() {
    let hooks = Hooks::new().program("qemu.d/10-a=tag").program("qemu.d/20-b=tag").document(TITLED);
    let whole = "<domain type='qemu'><name>vm1</name><title>ab</title></domain>";
    let mut answered = 0;
    for limit in 3..24 {
        let seen = limited(&hooks, &format!("--nofile={limit}:{limit}"), "qemu vm1 migrate begin -");
        let out = String::from_utf8(seen.out.clone()).unwrap();
        assert!(
            matches!((seen.code, out.as_str()), (Some(1), "")) || (seen.code, out.as_str()) == (Some(0), whole),
            "{limit}: {seen:?}"
        );
        answered += usize::from(seen.code == Some(0));
    }
    assert!(answered > 5, "{answered}");
}

const TITLED: &str = "<domain type='qemu'><name>vm1</name><title></title></domain>";

/// Tries limits from the smallest at which the kernel can start hookmux, in steps of a few pages.
#[test]
fn too_little_memory_never_turns_a_veto_into_a_success_nor_kills_a_guest() {
    let veto = Hooks::new().program("qemu.d/10-a=7");
    let empty = Hooks::new();
    for kind in ["--as", "--data"] {
        let limit = |kib: u32| format!("{kind}={0}:{0}", kib * 1024);
        let starts = |kib: u32| limited(&empty, &limit(kib), RECONNECT).code == Some(0);
        // A bisection between too little and enough memory.
        let (mut little, mut least) = (0, 32 << 10);
        while least - little > 16 {
            let middle = (little + least) / 32 * 16;
            if starts(middle) { least = middle } else { little = middle }
        }
        let mut codes = Vec::new();
        for kib in (least..least + 640).step_by(16) {
            let [start, reconnect] = [START, RECONNECT].map(|call| limited(&veto, &limit(kib), call).code);
            assert!(
                matches!((start, reconnect), (Some(1 | 7), Some(0 | 7))),
                "{kind} {kib} KiB: {start:?} {reconnect:?}"
            );
            codes.push(start);
        }
        assert_eq!(codes.last(), Some(&Some(7)), "{kind}: {codes:?}");
    }
}

#[test]
fn a_document_that_does_not_fit_in_memory_is_a_failure_without_output() {
    let pad = "@".repeat(24 << 20);
    let document = format!("<domain type='qemu'><name>vm1</name><title>{pad}</title></domain>");
    let hooks = Hooks::new().program("qemu.d/10-a=translate").document(document);
    let seen = limited(&hooks, "--data=16777216:16777216", "qemu vm1 migrate begin -");
    assert_eq!((seen.code, seen.out.len()), (Some(1), 0), "{seen:?}");
}

#[test]
fn a_file_size_limit_is_a_fault_and_does_not_kill_hookmux() {
    let hooks = Hooks::new().program("qemu.d/10-a=7");
    limited(&hooks, "--fsize=10:10", START).is_like(1, [], &["failed: before any script could run: File too large"]);
    limited(&hooks, "--fsize=10:10", RECONNECT).is(0, [], "");
    limited(&hooks, "--fsize=10:10", "daemon - start - start").is(0, [], "");
    let hooks = Hooks::new().script("qemu.d/10-a", "cat; head -c 9000 /dev/zero | tr '\\0' ' '");
    limited(&hooks, "--fsize=1000:1000", "qemu vm1 migrate begin -")
        .is_like(1, ["10-a"], &["hookmux: qemu migrate 'vm1' failed"])
        .prints("");
}

#[test]
fn a_file_size_limit_affects_a_script_as_without_hookmux() {
    let hooks = Hooks::new()
        .script("qemu.d/10-a", "head -c 5000 /dev/zero >$HOOKMUX_ROOT/big; echo $? >$HOOKMUX_ROOT/code; exit 0");
    limited(&hooks, "--fsize=1000:1000", START).is(0, ["10-a"], "");
    // 128 + SIGXFSZ: it is killed, and its write does not fail with an error.
    assert_eq!(hooks.text("code").trim(), "153");
}

#[test]
fn a_small_stack_is_enough() {
    let hooks = Hooks::new().program("qemu.d/10-a=7").settings("[[rule]]\nscript = '*'\non-fault = 'fail'\n");
    limited(&hooks, "--stack=131072:131072", START).is_like(7, [], &["10-a=7 exited 7"]);
}

#[test]
fn a_script_that_a_cpu_limit_kills_is_reported_as_killed() {
    let hooks = Hooks::new().script("qemu.d/10-a", "while :; do :; done");
    limited(&hooks, "--cpu=1:2", START).is_like(152, ["10-a"], &["was killed by SIGXCPU"]).within(HANG);
}

#[test]
fn an_environment_that_is_too_large_is_a_fault_that_names_the_reason() {
    let hooks = Hooks::new().program("qemu.d/10-a=0");
    // Arguments and environment may take a quarter of the stack's limit.
    let mut command = hooks.through(&["prlimit", "--stack=524288:524288"], START);
    command.env("PADDING", "x".repeat(126_000));
    let codes: Vec<Option<i32>> = (0..60)
        .map(|step| {
            command.env("MORE", "x".repeat(step * 100));
            let mut again = Command::new(command.get_program());
            again.args(command.get_args()).env_clear();
            again.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            hooks.see(again)
        })
        .inspect(|seen| {
            assert!(seen.code != Some(1) || seen.err.contains("arguments and environment are too long"), "{seen:?}");
        })
        .map(|seen| seen.code)
        .collect();
    assert!(codes.contains(&Some(0)) && codes.contains(&Some(1)), "{codes:?}");
}
