//! The guest agent's hook: all or nothing.

use crate::builder::Hooks;

/// Three scripts that note what they were told; the middle one does `body` at freeze.
fn hooks(body: &str) -> Hooks {
    let note = "echo \"${0##*/} $1\" >>$HOOKMUX_ROOT/told";
    Hooks::new()
        .script("agent:fsfreeze-hook.d/10-a", note)
        .script("fsfreeze-hook.d/20-b", &format!("{note}; [ $1 = thaw ] && exit 0; {body}"))
        .script("lib:fsfreeze-hook.d/30-c", note)
}

#[test]
fn freeze_goes_forward_and_thaw_goes_back() {
    let hooks = hooks("exit 0");
    hooks.call("fsfreeze-hook freeze").is(0, ["10-a", "20-b", "30-c"], "");
    hooks.call("fsfreeze-hook thaw").is(0, ["30-c", "20-b", "10-a"], "");
    assert_eq!(hooks.text("told"), "10-a freeze\n20-b freeze\n30-c freeze\n30-c thaw\n20-b thaw\n10-a thaw\n");
}

#[test]
fn a_failing_freeze_thaws_what_was_started_in_reverse() {
    let hooks = hooks("echo 'no flush' >&2; exit 3");
    hooks.call("fsfreeze-hook freeze").is(
        3,
        ["10-a", "20-b", "20-b", "10-a"],
        "hookmux: fsfreeze-hook freeze refused: /etc/hookmux/fsfreeze-hook.d/20-b exited 3\nno flush\n",
    );
    assert_eq!(hooks.text("told"), "10-a freeze\n20-b freeze\n20-b thaw\n10-a thaw\n");
}

#[test]
fn what_could_not_be_started_is_not_thawed() {
    let hooks = hooks("exit 0").file("fsfreeze-hook.d/20-b", 0o755, "#!/opt/no/sh\n");
    hooks.call("fsfreeze-hook freeze").is_like(1, ["10-a", "10-a"], &["20-b could not be started: its interpreter"]);
    assert_eq!(hooks.text("told"), "10-a freeze\n10-a thaw\n");
}

#[test]
fn a_failing_thaw_keeps_nobody_from_thawing() {
    let hooks = Hooks::new().script("fsfreeze-hook.d/10-a", "exit 0").script("fsfreeze-hook.d/20-b", "exit 4");
    hooks.call("fsfreeze-hook thaw").is_like(4, ["20-b", "10-a"], &["20-b exited 4"]);
}

#[test]
fn an_agent_without_outputs_gets_its_answer_as_well() {
    let hooks = hooks("exit 3");
    let mut command = hooks.command(&["fsfreeze-hook", "freeze"].map(std::ffi::OsStr::new));
    let null = std::process::Stdio::null;
    let status = crate::builder::spawn(command.stdin(null()).stdout(null()).stderr(null())).wait().unwrap();
    assert_eq!(status.code(), Some(3));
}
