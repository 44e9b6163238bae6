//! Rules on a real libvirtd: a background script may call libvirt about the guest that is starting, and a time limit fails a
//! start that would hang.

use support::guests;
use support::host::Host;

/// Asks libvirt about the guest; libvirt holds the guest's lock until the hook has ended.
const ASKS: &str = "[ \"$2\" != start ] || { virsh --connect qemu:///system dominfo \"$1\" >\"/run/answer\" 2>&1; echo $? >>/run/answer; }";

fn host(name: &str, settings: &str) -> Host {
    let host = Host::new(name);
    host.link_hookmux(&["qemu"]);
    host.file("/etc/hookmux/hookmux.toml", 0o644, settings.as_bytes());
    host.start_libvirtd();
    host
}

fn create(host: &Host) -> support::host::Answer {
    host.virsh(&format!("create {}", host.document("vm1", &guests::qemu("vm1", ""))))
}

fn answer(host: &Host) -> String {
    std::fs::read_to_string(host.path("/run/answer")).unwrap_or_default()
}

#[test]
fn a_background_script_may_call_libvirt_about_the_guest_that_is_starting() {
    let host = host("afterwards", "[[rule]]\nscript = '50-asks'\nwait = false\n");
    host.script("/etc/hookmux/qemu.d/50-asks", ASKS);
    create(&host).succeeded();
    host.wait_until("libvirt's answer to the script", || answer(&host).ends_with("0\n"));
    let info = answer(&host);
    assert!(info.lines().any(|line| line.split_whitespace().eq(["Name:", "vm1"])), "{info}");
    host.wait_until("three calls", || host.records().len() >= 3);
    let calls: Vec<String> = host.records().into_iter().map(|record| record.args.join(" ")).collect();
    let expected = ["vm1 prepare begin -", "vm1 start begin -", "vm1 started begin -"];
    // hookmux does not wait for them, so their order may differ.
    assert_eq!(calls.len(), expected.len(), "{calls:?}");
    assert!(expected.iter().all(|call| calls.iter().any(|seen| seen == call)), "{calls:?}");
}

#[test]
fn the_same_script_in_the_foreground_hangs_until_its_time_limit_ends_it() {
    let host =
        host("deadlock", "kill-after = '1s'\n[[rule]]\nscript = '50-asks'\noperation = 'start'\ntimeout = '3s'\n");
    host.script("/etc/hookmux/qemu.d/50-asks", ASKS);
    let answer_to_virsh = create(&host).failed();
    let ours = "hookmux: qemu start 'vm1' failed: /etc/hookmux/qemu.d/50-asks timed out after 3 s";
    assert!(answer_to_virsh.stderr.contains(ours), "{answer_to_virsh:?}");
    assert_eq!(answer(&host), "", "libvirt has answered after all");
    assert_eq!(host.virsh("list --all --name").succeeded().stdout.trim(), "");
}

#[test]
fn a_background_script_survives_a_restart_of_the_daemon() {
    let host = host("outlives", "[[rule]]\nscript = '60-long'\nwait = false\n");
    let body = "[ \"$2\" != started ] || { while [ ! -e /run/go ]; do sleep 0.1; done; echo done >/run/done; }";
    host.script("/etc/hookmux/qemu.d/60-long", body);
    create(&host).succeeded();
    host.stop_libvirtd();
    host.start_libvirtd();
    host.file("/run/go", 0o644, b"");
    host.wait_until("the script's end", || host.path("/run/done").exists());
}

#[test]
fn broken_settings_fail_a_start_with_file_and_line_and_do_not_kill_a_running_guest() {
    let host = host("settings", "");
    create(&host).succeeded();
    host.file("/etc/hookmux/hookmux.toml", 0o644, b"[[rule]]\ntimeot = '3s'\n");
    host.script("/etc/hookmux/qemu.d/90-last", "");
    host.stop_libvirtd();
    host.start_libvirtd();
    host.wait_until("the last script of the reconnect", || {
        host.records().iter().any(|record| record.name() == "90-last")
    });
    host.virsh("suspend vm1").succeeded();
    let second = guests::qemu("vm2", "").replace("11111111", "66666666");
    let refused = host.virsh(&format!("create {}", host.document("vm2", &second))).failed();
    let ours = "hookmux: qemu prepare 'vm2' failed: /etc/hookmux/hookmux.toml:2:1: unknown key 'timeot' (did you mean 'timeout'?)";
    let then = "; until it is fixed, no guest starts\n";
    assert!(refused.stderr.contains(ours) && refused.stderr.contains(then), "{refused:?}");
}
