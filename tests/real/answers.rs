//! The reactions of libvirtd to hookmux's answers: virsh shows a whole veto; at reconnect, a broken script file kills
//! no running guest, but a veto of a script does.

use support::guests;
use support::host::Host;

/// Returns a script that fails in one operation with a message, and records nothing.
fn veto(operation: &str, message: &str, code: u8) -> Vec<u8> {
    format!("#!/bin/sh\n[ \"$2\" != {operation} ] || {{ echo '{message}' >&2; exit {code}; }}\n").into_bytes()
}

/// Returns a host whose guest vm1 runs, with hookmux as its hook and a recording script that runs last.
fn running_guest(name: &str) -> Host {
    let host = Host::new(name);
    host.link_hookmux(&["qemu"]);
    host.script("/etc/hookmux/qemu.d/90-last", "");
    host.start_libvirtd();
    host.virsh(&format!("create {}", host.document("vm1", &guests::qemu("vm1", "")))).succeeded();
    host
}

/// Restarts the daemon while its guest runs, and returns the scripts of `reconnect` once libvirt lists `state`.
fn reconnect(host: &Host, state: &str) -> Vec<String> {
    host.stop_libvirtd();
    host.start_libvirtd();
    let records = || host.records().into_iter().filter(|record| record.operation() == "reconnect");
    host.wait_until("the last script of the reconnect, or the end of the guest", || {
        records().any(|record| record.name() == "90-last") || host.virsh("domstate vm1").code != Some(0)
    });
    host.wait_until(state, || host.virsh("list --all --name").stdout.trim() == state);
    records().map(|record| record.name().to_owned()).collect()
}

#[test]
fn a_veto_on_prepare_shows_script_exit_code_and_message_in_virshs_error() {
    let host = Host::new("veto");
    host.link_hookmux(&["qemu"]);
    host.file("/etc/hookmux/qemu.d/10-veto", 0o755, &veto("prepare", "vm1 has no licence here", 1));
    host.script("/etc/hookmux/qemu.d/20-later", "");
    host.start_libvirtd();
    let answer = host.virsh(&format!("create {}", host.document("vm1", &guests::qemu("vm1", "")))).failed();
    let ours = "hookmux: qemu prepare 'vm1' refused: /etc/hookmux/qemu.d/10-veto exited 1\nvm1 has no licence here\n";
    let (_, shown) = answer.stderr.split_once("/etc/libvirt/hooks/qemu vm1 prepare begin -) ").unwrap();
    assert_eq!(shown.trim_end(), format!("unexpected exit status 1: {ours}").trim_end());
    // libvirt cleans up after the failed start, and no later script ran at `prepare`.
    let seen = ["vm1 stopped end - <domain>vm1 20-later", "vm1 release end - <domain>vm1 20-later"];
    assert_eq!(host.calls(), seen);
    assert_eq!(host.virsh("list --all --name").succeeded().stdout.trim(), "");
}

#[test]
fn broken_script_files_do_not_kill_a_running_guest_at_reconnect() {
    let host = running_guest("faults");
    let process = |host: &Host| std::fs::read_to_string(host.path("/run/libvirt/qemu/vm1.pid")).unwrap();
    let before = process(&host);
    host.file("/etc/hookmux/qemu.d/10-crlf", 0o755, b"#!/bin/sh\r\nexit 0\r\n");
    host.file("/etc/hookmux/qemu.d/20-no-interpreter", 0o755, b"#!/usr/bin/no-such-shell\n");
    host.file("/etc/hookmux/qemu.d/30-world-writable", 0o757, b"#!/bin/sh\nexit 1\n");
    assert_eq!(reconnect(&host, "vm1"), ["90-last"], "the script after the broken ones runs");
    // A command that changes the guest waits until the daemon has decided about it.
    host.virsh("suspend vm1").succeeded();
    assert_eq!(process(&host), before, "the same process runs the guest");
}

#[test]
fn a_script_that_fails_at_reconnect_kills_the_guest_as_without_hookmux() {
    let host = running_guest("reconnect-veto");
    host.file("/etc/hookmux/qemu.d/10-veto", 0o755, &veto("reconnect", "not on this host", 1));
    assert_eq!(reconnect(&host, ""), Vec::<String>::new());
    let log = std::fs::read_to_string(host.path("/var/log/libvirt/libvirtd.log")).unwrap();
    assert!(
        log.contains("hookmux: qemu reconnect 'vm1' failed: /etc/hookmux/qemu.d/10-veto exited 1\nnot on this host")
    );
}
