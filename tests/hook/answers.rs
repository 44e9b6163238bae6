//! The answer that libvirt gets: exit code and message, by row of the contract.

use support::builder::Hooks;

const EVERY_ABORTING_CALL: &[&str] = &[
    "qemu vm1 prepare begin -",
    "qemu vm1 start begin -",
    "qemu vm1 started begin -",
    "qemu vm1 stop begin -",
    "qemu vm1 migrate begin -",
    "qemu vm1 restore begin -",
    "qemu vm1 attach begin -",
    "lxc c1 prepare begin -",
    "lxc c1 start begin -",
    "lxc c1 started begin -",
    "libxl x1 prepare begin -",
    "libxl x1 start begin -",
    "libxl x1 started begin -",
    "libxl x1 migrate begin -",
    "bhyve b1 prepare begin -",
    "bhyve b1 start begin -",
    "bhyve b1 started begin -",
    "network n1 start begin -",
    "network n1 started begin -",
    "network n1 updated begin -",
    "network n1 port-created begin -",
    "network n1 plugged begin -",
    "fsfreeze-hook freeze",
    "qemu vm1 snapshot begin -",
    "nbd x y z -",
];

const EVERY_IGNORED_CALL: &[&str] = &[
    "qemu vm1 stopped end -",
    "qemu vm1 release end destroyed",
    "lxc c1 stopped end -",
    "lxc c1 release end -",
    "libxl x1 stopped end -",
    "libxl x1 release end -",
    "bhyve b1 stopped end -",
    "bhyve b1 release end -",
    "network n1 stopped end -",
    "network n1 port-deleted begin -",
    "network n1 unplugged begin -",
    "daemon - start - start",
    "daemon - shutdown - shutdown",
    "daemon - reload begin SIGHUP",
];

const EVERY_RECONNECT: &[&str] =
    &["qemu vm1 reconnect begin -", "lxc c1 reconnect begin -", "libxl x1 reconnect begin -"];

fn driver(call: &str) -> &str {
    call.split(' ').next().unwrap()
}

#[test]
fn every_call_without_scripts_succeeds() {
    let hooks = Hooks::new();
    for call in EVERY_ABORTING_CALL.iter().chain(EVERY_IGNORED_CALL).chain(EVERY_RECONNECT) {
        hooks.call(call).is(0, [], "").prints("");
    }
}

#[test]
fn a_veto_reaches_libvirt_with_the_scripts_name_and_message_and_ends_the_call() {
    for call in EVERY_ABORTING_CALL.iter().chain(EVERY_RECONNECT) {
        let driver = driver(call);
        let hooks = Hooks::new()
            .script(&format!("{driver}.d/10-a"), "[ $2 = migrate ] || [ $2 = restore ] || echo fine; echo fine >&2")
            .script(
                &format!("{driver}.d/20-b"),
                "echo on stdout; case \"$*\" in thaw | *' release '*) exit 0 ;; esac; echo 'not now' >&2; exit 3",
            )
            .script(&format!("{driver}.d/30-c"), "exit 4");
        let seen = hooks.call(call);
        let word = if call.contains("reconnect") { "failed" } else { "refused" };
        let third = seen.ran.iter().any(|script| script == "30-c");
        assert_eq!((seen.code, third), (Some(3), false), "{seen:?}");
        seen.prints("");
        let first = seen.err.lines().next().unwrap();
        let expected = format!("{word}: /etc/hookmux/{driver}.d/20-b exited 3");
        assert!(first.starts_with("hookmux: ") && first.ends_with(&expected), "{seen:?}");
        // libvirt drops a hook's stdout; the guest agent shows it.
        let output = if driver == "fsfreeze-hook" { &["on stdout", "not now"][..] } else { &["not now"] };
        assert_eq!(seen.err.lines().skip(1).collect::<Vec<_>>(), output, "{seen:?}");
    }
}

#[test]
fn the_message_names_the_call_and_the_guest() {
    let hooks = Hooks::new().script("qemu.d/10-vm-protection", "exit 1").script("daemon.d/10-a", "exit 1");
    hooks.call("qemu vm1 stop begin -").is(
        1,
        ["10-vm-protection"],
        "hookmux: qemu stop 'vm1' refused: /etc/hookmux/qemu.d/10-vm-protection exited 1\n",
    );
    hooks.call("daemon - reload begin SIGHUP").is(
        1,
        ["10-a"],
        "hookmux: daemon reload failed: /etc/hookmux/daemon.d/10-a exited 1\n",
    );
}

#[test]
fn a_failed_clean_up_script_does_not_stop_the_next_and_the_first_failure_is_returned() {
    for call in EVERY_IGNORED_CALL {
        let driver = driver(call);
        let hooks = Hooks::new()
            .script(&format!("{driver}.d/10-a"), "exit 0")
            .script(&format!("{driver}.d/20-b"), "exit 7")
            .script(&format!("{driver}.d/30-c"), "kill -9 $$")
            .script(&format!("{driver}.d/40-d"), "exit 9");
        let seen = hooks.call(call);
        seen.is_like(
            7,
            ["10-a", "20-b", "30-c", "40-d"],
            &[&format!("failed: /etc/hookmux/{driver}.d/20-b exited 7\n")],
        );
        assert_eq!(seen.err.lines().count(), 1, "{seen:?}");
    }
}

#[test]
fn death_by_a_signal_returns_128_plus_its_number_as_in_a_shell() {
    let hooks = Hooks::new().script("qemu.d/10-a", "kill -SEGV $$");
    hooks.call("qemu vm1 start begin -").is(
        139,
        ["10-a"],
        "hookmux: qemu start 'vm1' refused: /etc/hookmux/qemu.d/10-a was killed by SIGSEGV\n",
    );
    let hooks = Hooks::new().script("qemu.d/10-a", "kill -40 $$");
    hooks.call("qemu vm1 start begin -").is_like(168, ["10-a"], &["was killed by signal 40"]);
}

#[test]
fn a_scripts_own_126_and_127_are_passed_on() {
    for code in [126, 127, 255] {
        let hooks = Hooks::new().script("qemu.d/10-a", &format!("exit {code}"));
        hooks.call("qemu vm1 start begin -").is_like(code, ["10-a"], &[&format!("exited {code}")]);
    }
}

/// Script files that cannot run, each with a part of the message.
const BROKEN: &[(&str, &str)] = &[
    ("#!/bin/sh\r\nexit 1\r\n", "CRLF"),
    ("#!/usr/bin/env sh\r\nexit 1\r\n", "CRLF"),
    ("exit 1\n", "no #! line"),
    ("#!/opt/no/such/python3\n", "its interpreter /opt/no/such/python3 does not exist"),
    ("\u{feff}#!/bin/sh\nexit 1\n", "byte order mark"),
    ("#!/etc/passwd\n", "/etc/passwd may not be executed"),
];

#[test]
fn a_script_that_cannot_run_aborts_the_call_with_the_reason() {
    for (text, reason) in BROKEN {
        let hooks = Hooks::new().file("qemu.d/10-a", 0o755, text).script("qemu.d/20-b", "exit 0");
        hooks.call("qemu vm1 start begin -").is_like(
            1,
            [],
            &["hookmux: qemu start 'vm1' failed: /etc/hookmux/qemu.d/10-a could not be started: ", reason],
        );
    }
}

#[test]
fn a_broken_script_file_never_kills_a_running_guest() {
    for call in EVERY_RECONNECT {
        for (text, _) in BROKEN {
            let driver = driver(call);
            let hooks = Hooks::new()
                .file(&format!("{driver}.d/10-a"), 0o755, text)
                .script(&format!("{driver}.d/20-b"), "exit 0")
                .mode(&format!("{driver}.d"), 0o755);
            hooks.call(call).is(0, ["20-b"], "");
        }
    }
}

#[test]
fn at_reconnect_untrusted_scripts_are_ignored_and_the_others_run() {
    let hooks = Hooks::new()
        .script("qemu.d/10-a", "exit 1")
        .mode("qemu.d/10-a", 0o757)
        .script("qemu.d/20-b", "exit 0")
        .script("qemu.d/30-c", "exit 5")
        .script("qemu.d/40-d", "exit 0");
    hooks.call("qemu vm1 reconnect begin -").is(
        5,
        ["20-b", "30-c"],
        "hookmux: qemu reconnect 'vm1' failed: /etc/hookmux/qemu.d/30-c exited 5\n",
    );
}

#[test]
fn an_untrusted_script_aborts_the_call_and_the_message_has_the_fix() {
    let hooks = Hooks::new().script("qemu.d/10-a", "exit 0").mode("qemu.d/10-a", 0o757);
    let path = hooks.path("qemu.d/10-a");
    let seen = hooks.call("qemu vm1 start begin -");
    let shown = path.display().to_string().replace(hooks.root().to_str().unwrap(), "");
    seen.is(
        1,
        [],
        &format!(
            "hookmux: qemu start 'vm1' failed: {shown} was not run: {shown} is writable by every user (chmod o-w {shown})\n"
        ),
    );
    let hooks = Hooks::new().script("qemu.d/10-a", "exit 0").mode("qemu.d", 0o777);
    hooks.call("qemu vm1 start begin -").is_like(1, [], &["/etc/hookmux/qemu.d is writable by every user (chmod o-w "]);
    hooks.call("qemu vm1 stopped end -").is_like(1, [], &["/etc/hookmux/qemu.d is writable by every user"]);
    hooks.call("qemu vm1 reconnect begin -").is(0, [], "");
}

#[test]
fn the_output_of_a_successful_script_never_reaches_libvirt() {
    let hooks = Hooks::new().script("qemu.d/10-a", "echo hello; echo hello >&2");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a"], "").prints("");
}

#[test]
fn the_last_16_kib_of_a_scripts_standard_error_are_passed_on() {
    let body = "i=0; while [ $i -lt 4000 ]; do echo \"line $i\" >&2; i=$((i+1)); done; echo last >&2; exit 1";
    let seen = Hooks::new().script("qemu.d/10-a", body).call("qemu vm1 start begin -");
    let (line, output) = seen.err.split_once('\n').unwrap();
    assert_eq!(
        (line.ends_with("10-a exited 1"), output.len(), output.ends_with("line 3999\nlast\n")),
        (true, 16 << 10, true)
    );
}
