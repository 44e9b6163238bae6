//! Script files that change during a call, or are unusual.

use std::os::unix::fs::symlink;

use support::builder::{HANG, Hooks};

const START: &str = "qemu vm1 start begin -";
const RECONNECT: &str = "qemu vm1 reconnect begin -";

#[test]
fn a_script_that_replaces_itself_runs_to_its_end() {
    let body = "printf '#!/bin/sh\\nexit 4\\n' >$0.new; chmod 755 $0.new; mv $0.new $0; exit 3";
    let hooks = Hooks::new().script("qemu.d/10-a", body);
    hooks.call(START).is_like(3, ["10-a"], &["exited 3"]);
    hooks.call(START).is_like(4, [], &["exited 4"]);
}

#[test]
fn a_script_that_replaces_itself_with_a_fifo_and_fails_delays_no_call() {
    let hooks = Hooks::new().script("qemu.d/10-a", "rm $0; mkfifo -m 755 $0; exit 3");
    hooks.call(START).is_like(3, ["10-a"], &["exited 3"]).within(HANG);
}

#[test]
fn a_script_that_has_become_a_fifo_is_a_fault_and_delays_no_call() {
    let hooks = Hooks::new().script("qemu.d/10-a", "cd ${0%/*}; rm 20-b; mkfifo -m 755 20-b").script("qemu.d/20-b", "");
    hooks.call(START).is_like(1, ["10-a"], &["20-b could not be started: "]).within(HANG);
}

#[test]
fn a_script_that_has_become_a_directory_is_a_fault() {
    let hooks = Hooks::new().script("qemu.d/10-a", "cd ${0%/*}; rm 20-b; mkdir 20-b").script("qemu.d/20-b", "");
    hooks.call(START).is_like(1, ["10-a"], &["20-b could not be started: "]);
}

#[test]
fn a_directory_that_is_replaced_meanwhile_provides_the_scripts_of_the_planned_steps() {
    let body = "d=${0%/*}; mv $d $d.old; mkdir $d; for s in 20-b 30-c; do
        printf '#!/bin/sh\\necho new-%s >>$HOOKMUX_ROOT/ran\\n' $s >$d/$s; chmod 755 $d/$s; done";
    let hooks = Hooks::new().script("qemu.d/10-a", body).script("qemu.d/20-b", "");
    hooks.call(START).is(0, ["10-a", "new-20-b"], "");
}

#[test]
fn a_directory_that_is_deleted_meanwhile_is_a_fault() {
    let hooks = Hooks::new().script("qemu.d/10-a", "rm -r ${0%/*}").script("qemu.d/20-b", "");
    hooks.call(START).is_like(1, ["10-a"], &["20-b could not be started: it was deleted"]);
    let hooks = Hooks::new().script("qemu.d/10-a", "rm -r ${0%/*}").script("qemu.d/20-b", "");
    hooks.call(RECONNECT).is(0, ["10-a"], "");
}

#[test]
fn a_script_that_is_added_meanwhile_runs_in_the_next_call() {
    let hooks = Hooks::new().script("qemu.d/10-a", "[ -e ${0%/*}/20-b ] || cp $0 ${0%/*}/20-b");
    hooks.call(START).is(0, ["10-a"], "");
    hooks.call(START).is(0, ["10-a", "10-a"], "");
}

#[test]
fn a_set_uid_script_is_untrusted_even_where_its_veto_would_be_ignored() {
    let hooks = Hooks::new().script("qemu.d/10-a", "").mode("qemu.d/10-a", 0o4755);
    hooks.call(START).is_like(1, [], &["10-a was not run: ", "10-a is set-uid (chmod u-s "]);
    hooks.call("qemu vm1 stopped end -").is_like(1, [], &["is set-uid"]);
    hooks.call(RECONNECT).is(0, [], "");
}

#[test]
fn a_script_on_a_noexec_file_system_is_a_fault_that_names_the_reason() {
    let mount = "mount -t tmpfs -o noexec,mode=755 tmpfs $HOOKMUX_ROOT/etc/hookmux/qemu.d &&
        printf '#!/bin/sh\\n' >$HOOKMUX_ROOT/etc/hookmux/qemu.d/10-a && chmod 755 $HOOKMUX_ROOT/etc/hookmux/qemu.d/10-a || exit 90
        exec \"$@\"";
    let hooks = Hooks::new().script("qemu.d/10-hidden", "");
    let unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh"];
    hooks.see(hooks.through(&unshare, START)).is_like(
        1,
        [],
        &["10-a could not be started: its file system is mounted noexec"],
    );
    hooks.see(hooks.through(&unshare, RECONNECT)).is(0, [], "");
}

#[test]
fn an_empty_file_is_a_mask_whatever_its_mode() {
    let mut hooks = Hooks::new().script("qemu.d/90-z", "");
    for (name, mode) in [("10-a", 0o755), ("20-b", 0o644), ("30-c", 0o000), ("40-d", 0o4755)] {
        hooks = hooks.script(&format!("lib:qemu.d/{name}"), "exit 1").file(&format!("qemu.d/{name}"), mode, "");
    }
    // Set-uid and empty: it cannot run with another user's rights, but its purpose is unknown.
    hooks.call(START).is_like(1, [], &["40-d is set-uid"]);
    std::fs::remove_file(hooks.path("qemu.d/40-d")).unwrap();
    std::fs::remove_file(hooks.path("lib:qemu.d/40-d")).unwrap();
    hooks.call(START).is(0, ["90-z"], "");
}

/// As many links as the kernel itself follows.
#[test]
fn a_chain_of_forty_links_runs_and_one_of_forty_one_is_skipped() {
    let hooks = Hooks::new().file("store/script", 0o755, "#!/bin/sh\necho ${0##*/} >>$HOOKMUX_ROOT/ran\n");
    // Returns the last of `length` links, of which the first leads to the script.
    let chain = |length: usize| {
        for at in 1..=length {
            let target = if at == 1 { "script".into() } else { format!("{length}-{}", at - 1) };
            symlink(target, hooks.path(&format!("store/{length}-{at}"))).unwrap();
        }
        hooks.path(&format!("store/{length}-{length}"))
    };
    let (forty, forty_one) = (chain(39), chain(40));
    let hooks = hooks.link("qemu.d/10-a", forty);
    hooks.call(START).is(0, ["10-a"], "");
    let hooks = hooks.link("qemu.d/10-b", forty_one);
    hooks.call(START).is(0, ["10-a"], "");
}

#[test]
fn a_script_that_is_its_own_interpreter_is_a_fault() {
    let hooks = Hooks::new();
    let path = hooks.path("qemu.d/10-a").display().to_string();
    let hooks = hooks.file("qemu.d/10-a", 0o755, format!("#!{path}\n"));
    hooks.call(START).is_like(1, [], &["10-a could not be started: its interpreter is a script, whose interpreter"]);
}

#[test]
fn a_first_line_that_is_longer_than_the_kernel_reads_is_a_fault() {
    let hooks = Hooks::new().file("qemu.d/10-a", 0o755, format!("#!/{}sh\n", "./".repeat(200)));
    hooks.call(START).is_like(1, [], &["10-a could not be started: "]);
}

#[test]
fn a_script_that_is_open_for_writing_is_a_fault_that_names_the_reason() {
    let hooks = Hooks::new().program("qemu.d/10-a=0");
    let held = std::fs::OpenOptions::new().append(true).open(hooks.path("qemu.d/10-a=0")).unwrap();
    hooks.call(START).is_like(1, [], &["10-a=0 could not be started: a process has it open for writing"]);
    drop(held);
    hooks.call(START).is(0, [], "");
}

#[test]
fn a_perl_script_with_crlf_can_refuse_and_a_shell_script_with_crlf_is_a_fault() {
    let hooks = Hooks::new().file("qemu.d/10-a", 0o755, "#!/usr/bin/perl -w\r\nexit 3;\r\n");
    hooks.call(START).is_like(3, [], &["refused: /etc/hookmux/qemu.d/10-a exited 3"]);
    hooks.call(RECONNECT).is_like(3, [], &["10-a exited 3"]);
    let hooks = Hooks::new().file("qemu.d/10-a", 0o755, "#!/bin/sh -e\r\nexit 3\r\n");
    hooks.call(START).is_like(1, [], &["its first line ends in CRLF"]);
    hooks.call(RECONNECT).is(0, [], "");
}

#[test]
fn a_script_with_the_longest_possible_name_runs_and_is_named_in_full() {
    let name = format!("10-{}", "x".repeat(252));
    let hooks = Hooks::new().script(&format!("qemu.d/{name}"), "exit 3");
    hooks.call(START).is_like(3, [name.as_str()], &[&format!("qemu.d/{name} exited 3\n")]);
}

#[test]
fn a_thousand_scripts_run_in_order() {
    let mut hooks = Hooks::new();
    for at in (0..1000).rev() {
        hooks = hooks.program(&format!("qemu.d/{at:03}-x=0"));
    }
    let seen = hooks.call(START);
    let log = hooks.text("log");
    let order: Vec<&str> = log.lines().map(|line| line.rsplit('/').next().unwrap()).collect();
    let expected: Vec<String> = (0..1000).map(|at| format!("{at:03}-x=0 vm1 start begin -")).collect();
    assert_eq!((seen.code, order), (Some(0), expected.iter().map(String::as_str).collect()));
}

#[test]
fn ten_thousand_other_entries_in_a_directory_do_not_stop_a_call() {
    let hooks = Hooks::new().script("qemu.d/10-a", "exit 3");
    for at in 0..10_000 {
        std::fs::create_dir(hooks.path(&format!("qemu.d/guest-{at}"))).unwrap();
    }
    hooks.call(START).is_like(3, ["10-a"], &["exited 3"]).within(HANG);
}

#[test]
fn a_link_in_a_world_writable_directory_stays_untrusted_while_it_is_swapped() {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    let hooks =
        Hooks::new().script("store/good", "").file("store/evil", 0o777, "#!/bin/sh\n: >\"$HOOKMUX_ROOT/stolen\"\n");
    let hooks = hooks.link("open/link", "../store/good").mode("open", 0o777).link("qemu.d/10-a", "../open/link");
    let (link, over) = (hooks.path("open/link"), AtomicBool::new(false));
    let codes: Vec<_> = std::thread::scope(|scope| {
        scope.spawn(|| {
            let new = hooks.root().join("new");
            for target in
                ["../store/evil", "../store/good"].iter().cycle().take_while(|_| !over.load(Ordering::Relaxed))
            {
                symlink(target, &new).unwrap();
                std::fs::rename(&new, &link).unwrap();
            }
        });
        let codes = (0..200).map(|_| (hooks.call(START).code, hooks.ran().len())).collect();
        over.store(true, Ordering::Relaxed);
        codes
    });
    assert!(codes.iter().all(|seen| *seen == (Some(1), 0)) && !hooks.root().join("stolen").exists(), "{codes:?}");
}
