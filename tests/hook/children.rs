//! The process of a script: what it inherits, and what it cannot block.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use support::builder::{HANG, Hooks, output, spawn};

#[test]
fn a_script_gets_libvirts_arguments_environment_and_directory_and_our_variables() {
    let body = "printf '%s\\n' \"$0\" \"$@\" >$HOOKMUX_ROOT/args; pwd >$HOOKMUX_ROOT/pwd; umask >>$HOOKMUX_ROOT/pwd
        env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort >$HOOKMUX_ROOT/env";
    let hooks = Hooks::new().script("qemu.d/10-a", body);
    let call = ["qemu", "a b", "start", "begin", "-", "more", ""].map(std::ffi::OsStr::new);
    hooks.call_args(&call).is(0, ["10-a"], "");
    let root = hooks.root().display();
    assert_eq!(hooks.text("args"), format!("{root}/etc/hookmux/qemu.d/10-a\na b\nstart\nbegin\n-\nmore\n\n"));
    assert!(hooks.text("pwd").starts_with("/\n0"), "{}", hooks.text("pwd"));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        hooks.text("env"),
        format!(
            "HOOKMUX_DAEMON=-\nHOOKMUX_DRIVER=qemu\nHOOKMUX_ROOT={root}\nHOOKMUX_VERSION={version}\nLC_ALL=C\n\
             PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
        )
    );
}

/// Returns a call through a shell that leaves two descriptors open, as a careless caller may.
fn careless(hooks: &Hooks, args: Vec<std::ffi::OsString>) -> std::process::Command {
    let mut command = std::process::Command::new("/bin/sh");
    hooks.as_libvirt(&mut command);
    command.args(["-c", "exec 7</etc/passwd 9>/dev/null; exec env --default-signal \"$@\"", "sh"]).args(args);
    command
}

#[test]
fn a_script_has_the_callers_signal_mask_its_own_group_and_three_descriptors() {
    let body = "cat /proc/self/status | grep -E '^Sig(Blk|Ign|Cgt)' >$HOOKMUX_ROOT/signals
        ls -l /proc/self/fd | grep -v ' /proc/' | sed -n 's/.* \\([0-9]*\\) -> \\([a-z/-]*\\).*/\\1 \\2/p' >$HOOKMUX_ROOT/fds
        echo $$ $(cut -d' ' -f5 /proc/$$/stat) >$HOOKMUX_ROOT/group";
    let hooks = Hooks::new().script("qemu.d/10-a", body);
    hooks.see(careless(&hooks, vec![hooks.path("qemu.d/10-a").into()])).is(0, ["10-a"], "");
    let (signals, descriptors) = (hooks.text("signals"), hooks.text("fds"));
    assert!(
        signals.starts_with("SigBlk:\t0000000000000000\n") && descriptors.contains("\n7 /etc/passwd\n"),
        "{descriptors}"
    );
    hooks.see(careless(&hooks, support::builder::hook(&hooks, "qemu vm1 start begin -"))).is(0, ["10-a"], "");
    assert_eq!((hooks.text("signals"), hooks.text("fds").as_str()), (signals, "0 /memfd\n1 pipe\n2 pipe\n"));
    let group = hooks.text("group");
    let (pid, group) = group.trim().split_once(' ').unwrap();
    assert_eq!(pid, group);
}

#[test]
fn descriptors_of_the_caller_reach_no_script() {
    let body = "ls /proc/self/fd | wc -l >$HOOKMUX_ROOT/fds";
    // Besides 0, 1 and 2, the list contains the descriptor of the listed directory.
    let hooks = Hooks::new().script("qemu.d/10-a", body).script("qemu.d/20-b", body);
    let mut command = std::process::Command::new("/bin/bash");
    hooks.as_libvirt(&mut command);
    let open = "ulimit -n 4096; for at in {3..900} 4000; do eval \"exec $at</etc/passwd\"; done; exec \"$@\"";
    command.args(["-c", open, "bash"]).args(support::builder::hook(&hooks, "qemu vm1 start begin -"));
    hooks.see(command).is(0, ["10-a", "20-b"], "");
    assert_eq!(hooks.text("fds").trim(), "4");
}

#[test]
fn a_caller_that_ignores_signals_does_not_hide_a_scripts_exit_code() {
    let hooks = Hooks::new().script("qemu.d/10-a", "exit 3");
    let mut command = std::process::Command::new("/bin/bash");
    hooks.as_libvirt(&mut command);
    command.args(["-c", "trap '' CHLD TERM HUP INT PIPE; exec \"$@\"", "bash"]);
    command.args(support::builder::hook(&hooks, "qemu vm1 start begin -"));
    hooks.see(command).is_like(3, ["10-a"], &["exited 3"]);
}

#[test]
fn every_script_can_read_the_whole_document() {
    let hooks = Hooks::new()
        .script("qemu.d/10-a", "cat >$HOOKMUX_ROOT/first")
        .script("qemu.d/20-b", "head -c 5 >/dev/null")
        .script("qemu.d/30-c", "exec 3<&0; (sleep 0.2; cat <&3 >$HOOKMUX_ROOT/late) & exit 0")
        .script("qemu.d/40-d", "cat >$HOOKMUX_ROOT/second; sleep 0.5")
        .document("<domain>\n".repeat(30_000));
    hooks.call("qemu vm1 start begin -").is(0, ["10-a", "20-b", "30-c", "40-d"], "");
    for name in ["first", "late", "second"] {
        assert!(hooks.text(name) == "<domain>\n".repeat(30_000), "{name}");
    }
}

#[test]
fn a_document_cannot_be_changed_by_the_script_that_reads_it() {
    let hooks = Hooks::new()
        .script("qemu.d/10-a", "echo mine 1<>/dev/stdin; echo mine >/dev/stdin; exit 0")
        .script("qemu.d/20-b", "cat >$HOOKMUX_ROOT/read")
        .document("<domain/>");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a", "20-b"], "");
    assert_eq!(hooks.text("read"), "<domain/>");
}

#[test]
fn scripts_of_the_daemon_and_of_the_guest_agent_have_no_input() {
    let body = "readlink /proc/$$/fd/0 >$HOOKMUX_ROOT/input";
    let hooks = Hooks::new().script("daemon.d/10-a", body).script("fsfreeze-hook.d/10-a", body);
    for call in ["daemon - start - start", "fsfreeze-hook freeze"] {
        hooks.call(call).is(0, ["10-a"], "");
        assert_eq!(hooks.text("input"), "/dev/null\n");
    }
}

#[test]
fn a_background_process_that_keeps_the_pipes_open_delays_no_call_and_survives() {
    let hooks =
        Hooks::new().script("qemu.d/10-a", "sleep 60 & echo $! >$HOOKMUX_ROOT/background; echo words >&2; exit 1");
    let seen = hooks.call("qemu vm1 start begin -");
    seen.is_like(1, ["10-a"], &["exited 1\nwords\n"]).within(HANG);
    let pid = Pid::from_raw(hooks.text("background").trim().parse().unwrap());
    assert_eq!(kill(pid, None), Ok(()), "the background process should have survived");
}

#[test]
fn a_background_process_that_never_stops_writing_delays_no_call() {
    let hooks = Hooks::new().script("qemu.d/10-a", "yes & echo $! >$HOOKMUX_ROOT/background; exit 0");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a"], "").within(HANG);
}

#[test]
fn a_script_that_writes_100_mib_is_not_blocked_and_its_output_is_cut() {
    let body = "head -c 104857600 /dev/zero; head -c 104857600 /dev/zero >&2; exit 1";
    let seen = Hooks::new().script("qemu.d/10-a", body).call("qemu vm1 start begin -");
    seen.is_like(1, ["10-a"], &["exited 1"]).within(HANG);
    assert!(seen.err.len() < 100_000, "{} bytes", seen.err.len());
}

#[test]
fn a_script_that_truncates_its_standard_error_loses_no_output() {
    let hooks = Hooks::new().script("qemu.d/10-a", "echo one >&2; echo two > /dev/stderr; echo three >&2; exit 1");
    hooks.call("qemu vm1 start begin -").is_like(1, ["10-a"], &["exited 1\none\ntwo\nthree\n"]);
}

/// Calls a hook whose script records its process and sleeps, and then sends hookmux a signal.
fn signalled(call: &str, signal: Signal) -> (Option<i32>, Option<i32>, Hooks) {
    let driver = call.split(' ').next().unwrap();
    let hooks = Hooks::new()
        .script(
            &format!("{driver}.d/10-a"),
            "echo $$ >$HOOKMUX_ROOT/new; mv $HOOKMUX_ROOT/new $HOOKMUX_ROOT/pid; exec sleep 600",
        )
        .script(&format!("{driver}.d/20-b"), "");
    let args: Vec<&std::ffi::OsStr> = call.split(' ').map(std::ffi::OsStr::new).collect();
    let mut child = spawn(hooks.command(&args).stdin(std::process::Stdio::null()).stderr(std::process::Stdio::null()));
    let started = std::time::Instant::now();
    while !hooks.root().join("pid").exists() {
        assert!(started.elapsed() < HANG, "the script did not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    let status = child.wait().unwrap();
    (status.code(), std::os::unix::process::ExitStatusExt::signal(&status), hooks)
}

fn script_is_gone(hooks: &Hooks) -> bool {
    let pid: i32 = hooks.text("pid").trim().parse().unwrap();
    let started = std::time::Instant::now();
    while kill(Pid::from_raw(pid), None).is_ok() {
        if started.elapsed() > HANG {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

#[test]
fn a_signal_to_hookmux_is_passed_to_the_script_and_sets_the_exit_code() {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130), (Signal::SIGHUP, 129)] {
        let (seen, _, hooks) = signalled("qemu vm1 start begin -", signal);
        assert_eq!(
            (seen, hooks.ran(), script_is_gone(&hooks)),
            (Some(code), vec!["10-a".to_owned()], true),
            "{signal}"
        );
    }
}

#[test]
fn a_signal_to_hookmux_at_reconnect_kills_no_guest() {
    let (code, _, hooks) = signalled("qemu vm1 reconnect begin -", Signal::SIGTERM);
    assert_eq!((code, script_is_gone(&hooks)), (Some(0), true));
}

#[test]
fn no_signal_at_reconnect_gives_an_exit_code_that_kills_a_guest() {
    // SIGKILL cannot be caught, and C libraries keep signals for themselves: glibc 32 and 33, musl 34 as well.
    let numbers = (1..=64).filter(|number| ![libc::SIGKILL, 32, 33, 34].contains(number));
    let answers = |verdict: i32| {
        let body =
            format!("echo $$ >$HOOKMUX_ROOT/pid; while [ ! -e $HOOKMUX_ROOT/go ]; do sleep 0.01; done; exit {verdict}");
        let hooks = Hooks::new().script("qemu.d/10-a", &body);
        move |number: i32| {
            for name in ["pid", "go"] {
                let _ = std::fs::remove_file(hooks.root().join(name));
            }
            let args = ["qemu", "vm1", "reconnect", "begin", "-"].map(std::ffi::OsStr::new);
            let null = std::process::Stdio::null;
            let mut child = spawn(hooks.command(&args).stdin(null()).stderr(null()));
            let started = std::time::Instant::now();
            while !hooks.root().join("pid").exists() {
                assert!(started.elapsed() < HANG, "the script did not start");
                std::thread::sleep(Duration::from_millis(2));
            }
            let pid = i32::try_from(child.id()).unwrap();
            let send = |number: i32| {
                let arguments = [format!("-{number}"), pid.to_string()];
                assert!(output(std::process::Command::new("/bin/kill").args(arguments)).status.success());
            };
            // A handler that gives way to the default, as Rust's for SIGSEGV and SIGBUS, is gone at the second one.
            send(number);
            send(number);
            send(libc::SIGCONT);
            std::fs::write(hooks.root().join("go"), "").unwrap();
            (number, child.wait().unwrap().code())
        }
    };
    for verdict in [0, 7] {
        let answer = answers(verdict);
        let killing: Vec<_> =
            numbers.clone().map(&answer).filter(|(_, code)| ![Some(0), Some(verdict)].contains(code)).collect();
        assert_eq!(killing, [], "{verdict}");
    }
}

#[test]
fn killing_hookmux_kills_its_script() {
    let (code, signal, hooks) = signalled("qemu vm1 start begin -", Signal::SIGKILL);
    assert_eq!((code, signal, script_is_gone(&hooks)), (None, Some(9), true));
}
