//! `hookmux check`, `install`, `adopt` and `run` on a host where libvirtd runs.

use std::fs;

use support::guests;
use support::host::{Answer, Host};

/// Returns a host with the program and without a hook, whose libvirtd was started before any hook existed.
fn host(name: &str) -> Host {
    let host = Host::new(name);
    host.link_hookmux(&[]);
    // The profile is not loaded here; tests/command_line checks what it would deny.
    host.run(&["rm", "-f", "/etc/apparmor.d/usr.sbin.libvirtd"]).succeeded();
    host.start_libvirtd();
    host
}

fn hookmux(host: &Host, args: &str) -> Answer {
    let args: Vec<&str> = std::iter::once("hookmux").chain(args.split(' ')).collect();
    host.run(&args)
}

#[test]
fn a_daemon_that_does_not_call_its_hook_yet_is_found_and_reloaded() {
    let host = host("check-reload");
    host.script("/etc/hookmux/network.d/10-a", "");
    host.virsh(&format!("net-define {}", host.document("net1", &guests::network("net1")))).succeeded();
    let found = hookmux(&host, "check").succeeded().stdout;
    assert!(found.contains("does not exist, and 1 script needs it\n  fix: hookmux install network\n"), "{found}");
    let installed = hookmux(&host, "install network").succeeded().stdout;
    let pid = fs::read_to_string(host.path("/run/libvirtd.pid")).unwrap().trim().to_owned();
    let message = format!(
        "network: installed as /etc/libvirt/hooks/network\nlibvirtd (pid {pid}) looks for a driver's first hook \
         when it reloads: systemctl reload libvirtd, or hookmux install --reload network\n"
    );
    assert_eq!(installed, message);
    host.virsh("net-start net1").succeeded();
    assert_eq!(host.calls(), [""; 0], "libvirtd does not call it, as check reports");
    let found = hookmux(&host, "check").succeeded().stdout;
    let expected = format!(
        "warning: /etc/libvirt/hooks/network: libvirtd (pid {pid}) was started before this hook was installed and does \
         not call it until it is reloaded\n  fix: hookmux install --reload network\n1 warning\n"
    );
    assert_eq!(found, expected);
    hookmux(&host, "install --reload network").succeeded();
    assert_eq!(hookmux(&host, "check").succeeded().stdout, "no problems found in 1 hook and 1 script\n");
    // libvirtd does not report when it has reloaded.
    host.wait_until("the hook to be called", || {
        host.virsh("net-destroy net1").succeeded();
        host.virsh("net-start net1").succeeded();
        !host.calls().is_empty()
    });
}

/// Runs the commands of the packages' scripts.
#[test]
fn a_daemon_is_reloaded_only_for_hooks_that_were_added_or_removed() {
    let host = host("check-packages");
    let pid = fs::read_to_string(host.path("/run/libvirtd.pid")).unwrap().trim().to_owned();
    let reloaded = format!("libvirtd (pid {pid}) was reloaded\n");
    let line = |driver: &str, state: &str| format!("{driver}: {state} /etc/libvirt/hooks/{driver}");
    let lines = |state: &str| ["qemu", "lxc", "libxl", "network"].map(|driver| line(driver, state) + "\n").concat();
    let output = |args: &str| hookmux(&host, args).succeeded().stdout;
    assert_eq!(output("install --free-only --reload"), lines("installed as") + &reloaded);
    assert_eq!(output("install --free-only --reload"), lines("already installed as"));
    assert_eq!(output("install --restore"), "");
    assert_eq!(output("uninstall --reload"), lines("removed from") + &reloaded);
    let order = |driver: &str| {
        let hooks = "/etc/libvirt/hooks";
        format!(
            "  libvirt runs {hooks}/{driver} first, as before, then {hooks}/{driver}.d by name: hookmux as 00-hookmux\n"
        )
    };
    let beside = |driver: &str, state: &str| format!("{}.d/00-hookmux\n", line(driver, state));
    for driver in ["qemu", "lxc", "libxl", "network"] {
        host.file(&format!("/etc/libvirt/hooks/{driver}"), 0o755, b"#!/bin/sh\n");
    }
    let installed = ["qemu", "lxc", "libxl", "network"].map(|driver| beside(driver, "installed as") + &order(driver));
    assert_eq!(output("install --free-only --reload"), installed.concat() + &reloaded);
    assert_eq!(output("uninstall --reload lxc libxl network qemu").lines().count(), 5);
    // A hook that is restored was not removed.
    let kept = "  the previous hook is kept, and runs as /etc/hookmux/qemu.d/00-original\n";
    assert_eq!(
        output("install --reload --take-over qemu"),
        format!("{}\n{kept}{reloaded}", line("qemu", "installed as"))
    );
    let back = "  restored the previous hook from /etc/hookmux/qemu.d/00-original\n";
    assert_eq!(output("uninstall --reload"), format!("{}\n{back}", line("qemu", "removed from")));
    assert_eq!(host.virsh("uri").succeeded().stdout, "qemu:///system\n", "the daemon still answers");
}

#[test]
fn check_finds_a_script_for_stop_that_is_never_called_and_a_full_log() {
    let host = host("check-stop");
    host.file("/etc/hookmux/qemu.d/10-protect", 0o755, b"#!/bin/sh\n[ \"$2\" != stop ] || exit 1\n");
    hookmux(&host, "install --reload qemu").succeeded();
    host.run(&["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/var/log/hookmux"]).succeeded();
    let found = hookmux(&host, "check").succeeded().stdout;
    let stop = "warning: /etc/hookmux/qemu.d/10-protect: never acts: libvirt 9.0 never calls stop; no release up to 12.8 does\n";
    let full = "warning: /var/log/hookmux: its file system is full, so calls are not recorded\n";
    assert!(found.starts_with(stop) && found.contains(full) && found.ends_with("\n2 warnings\n"), "{found}");
    let explained = hookmux(&host, "explain qemu vm1 stop").succeeded().stdout;
    assert!(explained.contains("libvirt 9.0 never calls stop"), "{explained}");
}

#[test]
fn scripts_that_are_adopted_while_networks_start_run_exactly_once() {
    let host = host("adopt");
    for script in ["10-a", "20-b"] {
        host.script(&format!("/etc/libvirt/hooks/network.d/{script}"), "");
    }
    hookmux(&host, "install --reload network").succeeded();
    for net in ["net1", "net2"] {
        let xml = guests::network(net).replace("33333333", &format!("3333333{}", &net[3..]));
        let xml = xml
            .replace("127.44.0", &format!("127.44.{}", &net[3..]))
            .replace("44:00:01", &format!("44:01:0{}", &net[3..]));
        host.virsh(&format!("net-define {}", host.document(net, &xml))).succeeded();
    }
    std::thread::scope(|scope| {
        for net in ["net1", "net2"] {
            let host = &host;
            scope.spawn(move || {
                for _ in 0..5 {
                    host.virsh(&format!("net-start {net}")).succeeded();
                    host.virsh(&format!("net-destroy {net}")).succeeded();
                }
            });
        }
        for script in ["20-b", "10-a"] {
            hookmux(&host, &format!("adopt network {script}")).succeeded();
        }
    });
    // Three calls for each life of a network: start, started, stopped.
    let mut calls = host.calls();
    calls.sort();
    let lives = ["net1", "net2"].map(|net| {
        let calls = [("start", "begin"), ("started", "begin"), ("stopped", "end")].map(|(operation, sub_operation)| {
            let line = |script| format!("{net} {operation} {sub_operation} - <hookData>{net} {script}");
            [line("10-a"), line("20-b")].map(|line| vec![line; 5]).concat()
        });
        calls.concat()
    });
    let mut expected = lives.concat();
    expected.sort();
    assert_eq!(calls, expected);
    let from: Vec<String> = host.records().iter().map(|record| record.script.clone()).collect();
    assert!(from.iter().any(|script| script.starts_with("/etc/hookmux/")), "{from:?}");
}

#[test]
fn a_call_by_hand_runs_scripts_as_a_call_by_libvirt_does() {
    let host = host("run");
    host.script("/etc/hookmux/network.d/10-a", "");
    hookmux(&host, "install --reload network").succeeded();
    host.virsh(&format!("net-define {}", host.document("net1", &guests::network("net1")))).succeeded();
    host.wait_until("the hook to be called", || {
        host.virsh("net-start net1").succeeded();
        let called = !host.calls().is_empty();
        host.virsh("net-destroy net1").succeeded();
        called
    });
    let mut by_libvirt = host.records().into_iter().find(|record| record.operation() == "start").unwrap();
    // This daemon was started from a shell, and passes these on. systemd sets none, and a call by hand passes none.
    by_libvirt.environment.retain(|name, _| !["HOME", "LOGNAME", "USER"].contains(&name.as_str()));
    let answer = hookmux(&host, "run network net1 start");
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(0), ""), "{answer:?}");
    assert!(answer.stderr.contains("the XML is libvirt's own, from qemu:///system\n"), "{answer:?}");
    let by_hand = host.records().pop().unwrap();
    let seen =
        |record: &support::recorder::Record| (record.args.clone(), record.environment.clone(), record.state.clone());
    assert_eq!(seen(&by_hand), seen(&by_libvirt));
    // The network is not active: its bridge has no address yet.
    assert!(by_hand.stdin.starts_with("<hookData>\n  <network>\n") && by_hand.stdin.contains("<name>net1</name>"));
    let answer = hookmux(&host, "run qemu unknown start");
    assert!(
        answer.stderr.contains("the XML is generated (--xml FILE replaces it): error: failed to get domain 'unknown'")
    );
}

#[test]
fn bash_completes_the_names_of_guests_and_networks() {
    let host = host("check-completion");
    host.file("/tmp/hookmux.bash", 0o644, include_bytes!("../../packaging/completions/hookmux.bash"));
    host.virsh(&format!("define {}", host.document("web-1", &guests::qemu("web-1", "")))).succeeded();
    host.virsh(&format!("net-define {}", host.document("net1", &guests::network("net1")))).succeeded();
    let offered = |(driver, begin): (&str, &str)| {
        let script = "source /tmp/hookmux.bash; COMP_WORDS=(hookmux run \"$1\" \"$2\"); COMP_CWORD=3; \
            _hookmux_values hookmux \"$2\" \"$1\"; echo \"${COMPREPLY[@]}\"";
        host.run(&["bash", "-euc", script, "bash", driver, begin]).succeeded().stdout
    };
    let cases = [("qemu", ""), ("network", "n"), ("qemu", "n"), ("daemon", "")];
    assert_eq!(cases.map(offered), ["web-1\n", "net1\n", "\n", "\n"]);
}
