//! The intended differences between hookmux and libvirt's own `.d`: each runs the same files. docs/differences.md explains
//! them, and names each test; that it names all of them is a test, too.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use support::guests;
use support::host::{Answer, Host};

/// libvirt's own directory, and hookmux's.
const DIRECTORIES: [&str; 2] = ["/etc/libvirt/hooks/network.d", "/etc/hookmux/network.d"];

/// Returns two hosts with a network net1 that is not started: the first with libvirt's `.d` alone, the second with
/// hookmux. `put` installs the scripts in the given directory.
fn hosts(name: &str, put: impl Fn(&Host, &str)) -> [Host; 2] {
    [(DIRECTORIES[0], "theirs"), (DIRECTORIES[1], "ours")].map(|(directory, side)| {
        let host = Host::new(&format!("{name}-{side}"));
        if side == "ours" {
            host.link_hookmux(&["network"]);
        }
        put(&host, directory);
        host.start_libvirtd();
        host.virsh(&format!("net-define {}", host.document("net1", &guests::network("net1")))).succeeded();
        host
    })
}

/// Lists the scripts that ran for the start of the network (for `start`, before `started`).
fn ran(host: &Host) -> Vec<String> {
    let records = host.records().into_iter().filter(|record| record.operation() == "start");
    records.map(|record| record.name().to_owned()).collect()
}

/// Returns the part of virsh's error after the hook's command line.
fn shown(answer: Answer) -> String {
    let answer = answer.failed();
    let (_, shown) = answer.stderr.split_once(" net1 start begin -) ").unwrap_or_else(|| panic!("{answer:?}"));
    shown.trim_end().to_owned()
}

#[test]
fn after_a_failure_libvirt_runs_the_other_scripts_and_hookmux_stops() {
    let hosts = hosts("failure", |host, directory| {
        host.script(&format!("{directory}/10-no"), "echo no >&2; exit 3");
        host.script(&format!("{directory}/20-later"), "[ \"$2\" = stopped ] || { echo neither >&2; exit 4; }");
    });
    let seen = hosts.map(|host| (shown(host.virsh("net-start net1")), ran(&host)));
    let theirs = ("unexpected exit status 4: neither".to_owned(), vec!["10-no".to_owned(), "20-later".to_owned()]);
    let message = "hookmux: network start 'net1' refused: /etc/hookmux/network.d/10-no exited 3\nno";
    let ours = (format!("unexpected exit status 3: {message}"), vec!["10-no".to_owned()]);
    assert_eq!(seen, [theirs, ours]);
}

#[test]
fn a_veto_through_hookmux_does_not_keep_libvirt_from_the_scripts_in_its_own_directory() {
    let host = Host::new("own-directory");
    host.link_hookmux(&["network"]);
    host.script("/etc/hookmux/network.d/10-no", "exit 3");
    host.script("/etc/hookmux/network.d/20-later", "");
    host.script("/etc/libvirt/hooks/network.d/30-libvirts", "");
    host.start_libvirtd();
    host.virsh(&format!("net-define {}", host.document("net1", &guests::network("net1")))).succeeded();
    let shown = shown(host.virsh("net-start net1"));
    let message = "hookmux: network start 'net1' refused: /etc/hookmux/network.d/10-no exited 3";
    assert_eq!(
        (shown, ran(&host)),
        (format!("unexpected exit status 3: {message}"), vec!["10-no".into(), "30-libvirts".into()])
    );
}

#[test]
fn a_leftover_or_a_dot_file_is_run_by_libvirt_and_skipped_by_hookmux() {
    let hosts = hosts("leftover", |host, directory| {
        for script in [".05-hidden", "10-a", "10-a.bak", "10-a.dpkg-old", "10-a.rpmsave", "10-a~", "20-b.sh"] {
            host.script(&format!("{directory}/{script}"), "");
        }
    });
    let seen = hosts.map(|host| {
        host.virsh("net-start net1").succeeded();
        ran(&host)
    });
    let theirs = vec![".05-hidden", "10-a", "10-a.bak", "10-a.dpkg-old", "10-a.rpmsave", "10-a~", "20-b.sh"];
    assert_eq!(seen, [theirs, vec!["10-a", "20-b.sh"]]);
}

#[test]
fn an_empty_executable_file_fails_the_call_in_libvirt_and_masks_a_name_in_hookmux() {
    let hosts = hosts("mask", |host, directory| {
        host.file(&format!("{directory}/10-a"), 0o755, b"");
        host.script("/usr/lib/hookmux/network.d/10-a", "");
        host.script(&format!("{directory}/20-b"), "");
    });
    let seen = hosts.map(|host| (host.virsh("net-start net1").code, ran(&host)));
    assert_eq!(seen, [(Some(1), vec!["20-b".to_owned()]), (Some(0), vec!["20-b".to_owned()])]);
}

#[test]
fn a_script_that_other_users_may_write_to_is_run_by_libvirt_and_not_by_hookmux() {
    let hosts = hosts("owner", |host, directory| {
        host.script(&format!("{directory}/10-a"), "");
        fs::set_permissions(
            host.path(&format!("{directory}/10-a")),
            std::os::unix::fs::PermissionsExt::from_mode(0o777),
        )
        .unwrap();
    });
    let [theirs, ours] = hosts.map(|host| (host.virsh("net-start net1"), ran(&host)));
    assert_eq!((theirs.0.code, theirs.1), (Some(0), vec!["10-a".to_owned()]));
    let script = "/etc/hookmux/network.d/10-a";
    let message = format!(
        "hookmux: network start 'net1' failed: {script} was not run: {script} is writable by every user (chmod o-w {script})"
    );
    assert_eq!((shown(ours.0), ours.1), (format!("unexpected exit status 1: {message}"), Vec::new()));
}

#[test]
fn a_background_process_that_keeps_stderr_open_delays_libvirt_and_not_hookmux() {
    let hosts = hosts("background", |host, directory| {
        let seconds = if directory.contains("hookmux") { 600 } else { 6 };
        host.script(&format!("{directory}/10-a"), &format!("[ \"$2\" != started ] || sleep {seconds} &"));
    });
    let [theirs, ours] = hosts.map(|host| {
        let took = host.virsh("net-start net1").succeeded().took;
        (took, host.run(&["pgrep", "--exact", "sleep"]).code == Some(0))
    });
    assert!(theirs.0 >= Duration::from_secs(6), "libvirt waits for the background process: {theirs:?}");
    assert!(ours.0 < Duration::from_secs(6), "hookmux waits for the script: {ours:?}");
    assert!(ours.1, "the background process keeps running");
}

#[test]
fn a_guests_directory_is_ignored_by_libvirt_and_run_by_hookmux() {
    let hosts = hosts("directory", |host, directory| {
        host.script(&format!("{directory}/net1/start/begin/10-a"), "");
        host.script(&format!("{directory}/net[0-9]/start/begin/20-b"), "");
        host.script(&format!("{directory}/net2/start/begin/30-c"), "");
    });
    let seen = hosts.map(|host| {
        host.virsh("net-start net1").succeeded();
        ran(&host)
    });
    assert_eq!(seen, [vec![], vec!["10-a", "20-b"]]);
}

#[test]
fn the_first_script_of_a_driver_waits_for_a_reload_in_libvirt_and_runs_at_once_in_hookmux() {
    let hosts = hosts("first", |_, _| {});
    let seen = [0, 1].map(|side| {
        let host = &hosts[side];
        host.script(&format!("{}/10-a", DIRECTORIES[side]), "");
        host.virsh("net-start net1").succeeded();
        ran(host)
    });
    assert_eq!(seen, [vec![], vec!["10-a"]]);
}

#[test]
fn a_script_shares_the_daemons_group_and_a_pipe_in_libvirt_and_has_its_own_group_and_file_in_hookmux() {
    let hosts = hosts("process", |host, directory| {
        // Two programs read one document: the pipe is empty for the second one.
        host.script(&format!("{directory}/10-a"), "[ -z \"$(cat /dev/stdin)\" ] || touch /run/read-again");
    });
    let seen = hosts.map(|host| {
        host.virsh("net-start net1").succeeded();
        let record = host.records().remove(0);
        (record.leads_group, record.input, host.path("/run/read-again").exists())
    });
    assert_eq!(seen, [(false, "pipe".to_owned(), false), (true, "/memfd".to_owned(), true)]);
}

#[test]
fn a_broken_script_file_kills_a_running_guest_at_reconnect_in_libvirt_and_not_in_hookmux() {
    let alive = [("/etc/libvirt/hooks/qemu.d", "theirs"), ("/etc/hookmux/qemu.d", "ours")].map(|(directory, side)| {
        let host = Host::new(&format!("broken-{side}"));
        if side == "ours" {
            host.link_hookmux(&["qemu"]);
        }
        host.script(&format!("{directory}/90-last"), "");
        host.start_libvirtd();
        host.virsh(&format!("create {}", host.document("vm1", &guests::qemu("vm1", "")))).succeeded();
        host.stop_libvirtd();
        host.file(&format!("{directory}/10-crlf"), 0o755, b"#!/bin/sh\r\nexit 0\r\n");
        host.start_libvirtd();
        let reconnected = || host.calls().contains(&"vm1 reconnect begin - <domain>vm1 90-last".to_owned());
        host.wait_until("the scripts of the reconnect", reconnected);
        // Waits for the daemon's decision.
        host.virsh("suspend vm1").code == Some(0)
    });
    assert_eq!(alive, [false, true]);
}

#[test]
fn a_filter_that_changes_nothing_taints_the_guest_in_libvirt_and_not_in_hookmux() {
    let tainted =
        [("/etc/libvirt/hooks/qemu.d", "theirs"), ("/etc/hookmux/qemu.d", "ours")].map(|(directory, side)| {
            let host = Host::new(&format!("taint-{side}"));
            if side == "ours" {
                host.link_hookmux(&["qemu"]);
            }
            host.script(&format!("{directory}/10-copy"), "[ \"$2\" != restore ] || cat \"$record/stdin\"");
            host.start_libvirtd();
            host.virsh(&format!("create {}", host.document("vm1", &guests::qemu("vm1", "")))).succeeded();
            host.virsh("save vm1 /run/vm1.saved").succeeded();
            host.virsh("restore /run/vm1.saved").succeeded();
            let log = fs::read_to_string(host.path("/var/log/libvirt/qemu/vm1.log")).unwrap();
            log.contains("is tainted: hook-script")
        });
    assert_eq!(tainted, [true, false]);
}

#[test]
fn the_page_of_differences_names_every_test_of_this_file_and_no_other() {
    let page = include_str!("../../docs/differences.md");
    let named: BTreeSet<&str> =
        page.split("`differences::").skip(1).filter_map(|rest| rest.split_once('`')).map(|(name, _)| name).collect();
    let tests = include_str!("differences.rs").split("#[test]\nfn ").skip(1);
    let tests: BTreeSet<&str> = tests.filter_map(|rest| rest.split_once('(')).map(|(name, _)| name).collect();
    let this = "the_page_of_differences_names_every_test_of_this_file_and_no_other";
    assert_eq!(named, tests.into_iter().filter(|name| *name != this).collect());
    assert_eq!(page.matches("\n## ").count(), named.len(), "one heading for each");
}
