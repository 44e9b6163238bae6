//! hookmux.toml: its effect on calls, and calls with a broken file.

use support::builder::{HANG, Hooks, domain};

#[test]
fn a_rule_leaves_a_script_out_of_the_calls_that_it_names() {
    let hooks = Hooks::new()
        .script("qemu.d/10-a", "")
        .script("qemu.d/20-backup", "exit 1")
        .script("qemu.d/30-open", "")
        .mode("qemu.d/30-open", 0o777)
        .settings("[[rule]]\nscript = ['20-*', '30-*']\noperation = ['start', 'stop*']\nguest = 'db-*'\nrun = false\n");
    hooks.call("qemu db-1 start begin -").is(0, ["10-a"], "");
    hooks.call("qemu db-1 stopped end -").is(0, ["10-a"], "");
    hooks.call("qemu web-1 start begin -").is_like(1, ["10-a", "20-backup"], &["20-backup exited 1"]);
    hooks.call("qemu db-1 prepare begin -").is_like(1, ["10-a", "20-backup"], &["20-backup exited 1"]);
}

#[test]
fn a_later_rule_wins_and_a_drop_in_comes_after_the_file() {
    let hooks = Hooks::new()
        .script("qemu.d/10-a", "exit 1")
        .settings("[[rule]]\nscript = '10-a'\non-failure = 'fail'\n")
        .file("lib:hookmux.toml.d/50-p.toml", 0o644, "[[rule]]\nscript = '10-a'\non-failure = 'ignore'\n");
    hooks.call("qemu vm1 start begin -").is_like(1, ["10-a"], &["refused"]);
    let hooks = hooks.file("hookmux.toml.d/10-mine.toml", 0o644, "[[rule]]\non-failure = 'ignore'\n");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a"], "");
}

#[test]
fn an_ignored_failure_does_not_veto_and_a_continued_one_lets_the_others_run() {
    let hooks = |on_failure: &str| {
        Hooks::new()
            .script("qemu.d/10-a", "exit 3")
            .script("qemu.d/20-b", "")
            .script("qemu.d/30-c", "exit 4")
            .settings(&format!("[[rule]]\nscript = '10-a'\non-failure = '{on_failure}'\n"))
    };
    hooks("ignore").call("qemu vm1 start begin -").is_like(4, ["10-a", "20-b", "30-c"], &["30-c exited 4"]);
    hooks("continue").call("qemu vm1 start begin -").is_like(3, ["10-a", "20-b", "30-c"], &["10-a exited 3"]);
    hooks("fail").call("qemu vm1 start begin -").is_like(3, ["10-a"], &["10-a exited 3"]);
}

#[test]
fn an_ignored_fault_does_not_veto() {
    let hooks = Hooks::new().file("qemu.d/10-a", 0o755, "no first line\n").script("qemu.d/20-b", "");
    hooks.call("qemu vm1 start begin -").is_like(1, [], &["no #! line"]);
    let hooks = hooks.settings("[[rule]]\nscript = '10-a'\non-fault = 'ignore'\n");
    hooks.call("qemu vm1 start begin -").is(0, ["20-b"], "");
}

#[test]
fn no_rule_makes_a_fault_at_reconnect_kill_the_guest() {
    let hooks = Hooks::new()
        .file("qemu.d/10-a", 0o755, "no first line\n")
        .script("qemu.d/20-b", "sleep 60")
        .settings("[[rule]]\non-fault = 'fail'\ntimeout = '100ms'\n");
    hooks.call("qemu vm1 reconnect begin -").is(0, ["20-b"], "").within(HANG);
}

#[test]
fn without_strict_a_script_that_other_users_may_write_to_runs() {
    let hooks = Hooks::new().script("qemu.d/10-a", "").mode("qemu.d/10-a", 0o777).settings("strict = false\n");
    hooks.call("qemu vm1 start begin -").is(0, ["10-a"], "");
}

#[test]
fn a_setting_decides_who_runs_libvirts_own_directory() {
    let hooks = Hooks::new().script("base:qemu.d/10-a", "").settings("libvirt-runs-dot-d = true\n");
    hooks.call("qemu vm1 start begin -").is(0, [], "");
    let hooks = Hooks::new().script("base:qemu.d/10-a", "").settings("libvirt-runs-dot-d = false\n");
    let mut command = support::builder::stand_in(&hooks, "libvirtd", Some("9000"));
    command.args(support::builder::hook(&hooks, "qemu vm1 start begin -"));
    hooks.see(command).is(0, ["10-a"], "");
}

#[test]
fn broken_settings_fail_only_the_calls_that_can_be_aborted() {
    let broken = [
        (
            "[[rule]]\ntimeot = '3s'\n",
            "hookmux.toml:2:1: unknown key 'timeot' (did you mean 'timeout'?); allowed here: ",
        ),
        ("strict = yes\n", "hookmux.toml:1:10: 'strict': expected true or false, got yes"),
        ("[[rule]]\nguest = '['\n", "hookmux.toml:2:9: 'guest': '[' is not a pattern: "),
    ];
    for (text, message) in broken {
        let hooks = Hooks::new().script("qemu.d/10-a", "").settings(text);
        let start = format!("hookmux: qemu start 'vm1' failed: /etc/hookmux/{message}");
        hooks.call("qemu vm1 start begin -").is_like(1, [], &[&start, "; until it is fixed, no guest starts\n"]);
        hooks.call("qemu vm1 reconnect begin -").is(0, ["10-a"], "");
        hooks.call("qemu vm1 stopped end -").is(0, ["10-a"], "");
    }
    let hooks = Hooks::new().script("qemu.d/10-a", "").settings("").mode("hookmux.toml", 0o666);
    hooks.call("qemu vm1 start begin -").is_like(1, [], &["hookmux.toml: not read: ", "is writable by every user"]);
}

#[test]
fn clean_up_scripts_run_in_parallel_and_are_reported_in_order() {
    let mut hooks = Hooks::new().settings("parallel = 10\n[[rule]]\ntimeout = '15s'\n");
    // Each waits until all ten have started; one after the other, they would wait forever.
    let meet = "touch $HOOKMUX_ROOT/here.$$; while [ $(ls $HOOKMUX_ROOT | grep -c here) -lt 10 ]; do sleep 0.01; done";
    for at in 0..10 {
        let body =
            format!("[ $2 = start ] || {{ {meet}; sleep 0.{}; }}; exit {}", 9 - at, if at % 4 == 3 { at } else { 0 });
        hooks = hooks.script(&format!("qemu.d/1{at}-x"), &body);
    }
    let seen = hooks.call("qemu vm1 release end destroyed");
    assert!(seen.code == Some(3) && seen.err.contains("13-x exited 3") && seen.ran.len() == 10, "{seen:?}");
    // If a failure aborts the call, no later script may have started.
    let seen = hooks.call("qemu vm1 start begin -");
    seen.is_like(3, ["10-x", "11-x", "12-x", "13-x"], &["13-x exited 3"]);
}

#[test]
fn thaw_and_filters_never_run_in_parallel() {
    let hooks = Hooks::new()
        .settings("parallel = 10\n")
        .script("fsfreeze-hook.d/10-a", "echo a >>$HOOKMUX_ROOT/order")
        .script("fsfreeze-hook.d/20-b", "sleep 0.2; echo b >>$HOOKMUX_ROOT/order")
        .script("qemu.d/10-a", "sleep 0.2; sed s/one/two/")
        .script("qemu.d/20-b", "sed s/two/three/");
    hooks.call("fsfreeze-hook thaw").is(0, ["20-b", "10-a"], "");
    assert_eq!(hooks.text("order"), "b\na\n");
    hooks.call("qemu vm1 migrate begin -").is(0, ["10-a", "20-b"], "").prints(domain("qemu", "three"));
}

/// A rule about whole paths may exclude a name in one directory and not in another.
#[test]
fn a_name_is_left_out_in_every_directory_and_a_path_where_it_is() {
    let by_name = Hooks::new()
        .settings("[[rule]]\nscript = '*-backup'\nrun = false\n")
        .script("qemu.d/10-backup", "exit 1")
        .script("lib:qemu.d/10-backup", "exit 1")
        .script("base:qemu.d/10-backup", "exit 1")
        .script("qemu.d/vm1/start/begin/10-backup", "exit 1")
        .script("qemu.d/vm*/start/begin/20-backup", "exit 1")
        .script("qemu.d/30-other", "");
    std::os::unix::fs::symlink(by_name.path("qemu.d/10-backup"), by_name.path("qemu.d/40-backup")).unwrap();
    by_name.call("qemu vm1 start begin -").is(0, ["30-other"], "");
    let by_path = Hooks::new()
        .settings("[[rule]]\nscript = '*/etc/hookmux/*'\nrun = false\n")
        .script("qemu.d/20-backup", "exit 1")
        .script("lib:qemu.d/30-backup", "exit 7");
    assert_eq!(by_path.call("qemu vm1 start begin -").code, Some(7));
}

#[test]
fn a_rule_about_scripts_does_not_leave_a_guests_directory_out() {
    let hooks = Hooks::new()
        .settings("[[rule]]\nscript = ['vm*', 'begin']\nrun = false\n")
        .script("qemu.d/vm1/start/begin/10-a", "")
        .script("elsewhere/start/begin/20-b", "");
    std::os::unix::fs::symlink(hooks.path("elsewhere"), hooks.path("qemu.d/vm2")).unwrap();
    hooks.call("qemu vm1 start begin -").is(0, ["10-a"], "");
    hooks.call("qemu vm2 start begin -").is(0, ["20-b"], "");
}
