//! The guest agent's hook: a freeze succeeds in all scripts, or is undone.

use support::builder::Hooks;

/// Makes three scripts that record their calls; the middle one runs `body` at freeze.
fn hooks(body: &str) -> Hooks {
    let note = "echo \"${0##*/} $1\" >>$HOOKMUX_ROOT/calls";
    Hooks::new()
        .script("agent:fsfreeze-hook.d/10-a", note)
        .script("fsfreeze-hook.d/20-b", &format!("{note}; [ $1 = thaw ] && exit 0; {body}"))
        .script("lib:fsfreeze-hook.d/30-c", note)
}

#[test]
fn freeze_runs_scripts_in_order_and_thaw_in_reverse_order() {
    let hooks = hooks("exit 0");
    hooks.call("fsfreeze-hook freeze").is(0, ["10-a", "20-b", "30-c"], "");
    hooks.call("fsfreeze-hook thaw").is(0, ["30-c", "20-b", "10-a"], "");
    assert_eq!(hooks.text("calls"), "10-a freeze\n20-b freeze\n30-c freeze\n30-c thaw\n20-b thaw\n10-a thaw\n");
}

#[test]
fn a_failing_freeze_thaws_the_started_scripts_in_reverse_order() {
    let hooks = hooks("echo 'no flush' >&2; exit 3");
    hooks.call("fsfreeze-hook freeze").is(
        3,
        ["10-a", "20-b", "20-b", "10-a"],
        "hookmux: fsfreeze-hook freeze refused: /etc/hookmux/fsfreeze-hook.d/20-b exited 3\nno flush\n",
    );
    assert_eq!(hooks.text("calls"), "10-a freeze\n20-b freeze\n20-b thaw\n10-a thaw\n");
}

#[test]
fn a_script_that_could_not_be_started_is_not_thawed() {
    let hooks = hooks("exit 0").file("fsfreeze-hook.d/20-b", 0o755, "#!/opt/no/sh\n");
    hooks.call("fsfreeze-hook freeze").is_like(1, ["10-a", "10-a"], &["20-b could not be started: its interpreter"]);
    assert_eq!(hooks.text("calls"), "10-a freeze\n10-a thaw\n");
}

#[test]
fn a_script_that_fails_to_thaw_after_a_failed_freeze_is_named_too() {
    let hooks = Hooks::new()
        .script("fsfreeze-hook.d/10-a", "[ $1 = freeze ] || { printf 'still locked' >&2; exit 4; }")
        .script("fsfreeze-hook.d/20-b", "[ $1 = thaw ] || exit 3; exit 5");
    hooks.call("fsfreeze-hook freeze").is(
        3,
        ["10-a", "20-b", "20-b", "10-a"],
        "hookmux: fsfreeze-hook freeze refused: /etc/hookmux/fsfreeze-hook.d/20-b exited 3\n\
         hookmux: fsfreeze-hook thaw failed: /etc/hookmux/fsfreeze-hook.d/20-b exited 5\n\
         hookmux: fsfreeze-hook thaw failed: /etc/hookmux/fsfreeze-hook.d/10-a exited 4\nstill locked",
    );
}

#[test]
fn both_outputs_of_a_failing_script_are_shown() {
    let hooks = Hooks::new().script("fsfreeze-hook.d/10-a", "printf out; echo err >&2; [ $1 = thaw ] || exit 3");
    hooks.call("fsfreeze-hook freeze").is(
        3,
        ["10-a", "10-a"],
        "hookmux: fsfreeze-hook freeze refused: /etc/hookmux/fsfreeze-hook.d/10-a exited 3\nout\nerr\n",
    );
}

#[test]
fn a_freeze_that_gets_sigterm_thaws_the_started_scripts() {
    let hooks = hooks("touch $HOOKMUX_ROOT/asleep; sleep 1000");
    let mut command = hooks.command(&["fsfreeze-hook", "freeze"].map(std::ffi::OsStr::new));
    let mut freeze = support::builder::spawn(command.stderr(std::process::Stdio::null()));
    while !hooks.root().join("asleep").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let pid = nix::unistd::Pid::from_raw(freeze.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(freeze.wait().unwrap().code(), Some(143));
    assert_eq!(hooks.text("calls"), "10-a freeze\n20-b freeze\n20-b thaw\n10-a thaw\n");
}

#[test]
fn a_failing_thaw_does_not_stop_the_other_scripts() {
    let hooks = Hooks::new().script("fsfreeze-hook.d/10-a", "exit 0").script("fsfreeze-hook.d/20-b", "exit 4");
    hooks.call("fsfreeze-hook thaw").is_like(4, ["20-b", "10-a"], &["20-b exited 4"]);
}

#[test]
fn an_agent_that_discards_the_outputs_gets_the_exit_code() {
    let hooks = hooks("exit 3");
    let mut command = hooks.command(&["fsfreeze-hook", "freeze"].map(std::ffi::OsStr::new));
    let null = std::process::Stdio::null;
    let status = support::builder::spawn(command.stdin(null()).stdout(null()).stderr(null())).wait().unwrap();
    assert_eq!(status.code(), Some(3));
}

#[test]
fn a_rule_limits_each_thaw_after_a_failed_freeze() {
    let hooks = Hooks::new()
        .settings("[[rule]]\noperation = 'thaw'\ntimeout = '200ms'\n")
        .script("fsfreeze-hook.d/10-a", "[ $1 = freeze ] || sleep 1000")
        .script("fsfreeze-hook.d/20-b", "[ $1 = freeze ] || sleep 1000")
        .script("fsfreeze-hook.d/30-c", "exit 3");
    hooks
        .call("fsfreeze-hook freeze")
        .is(
            3,
            ["10-a", "20-b", "30-c", "30-c", "20-b", "10-a"],
            "hookmux: fsfreeze-hook freeze refused: /etc/hookmux/fsfreeze-hook.d/30-c exited 3\n\
             hookmux: fsfreeze-hook thaw failed: /etc/hookmux/fsfreeze-hook.d/30-c exited 3\n\
             hookmux: fsfreeze-hook thaw failed: /etc/hookmux/fsfreeze-hook.d/20-b timed out after 200 ms\n\
             hookmux: fsfreeze-hook thaw failed: /etc/hookmux/fsfreeze-hook.d/10-a timed out after 200 ms\n",
        )
        .within(support::builder::HANG);
}

#[test]
fn a_rule_can_change_the_time_limit_of_a_script() {
    let hooks = hooks("sleep 1000").settings("[[rule]]\nscript = '20-b'\ntimeout = '300ms'\n");
    let line = "hookmux: fsfreeze-hook freeze failed: /etc/hookmux/fsfreeze-hook.d/20-b timed out after 300 ms\n";
    hooks.call("fsfreeze-hook freeze").is(1, ["10-a", "20-b", "20-b", "10-a"], line);
}
