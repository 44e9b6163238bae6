//! The proposed operation `stop`: a refusal reaches libvirt only while the guest's process is alive.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::builder::{HANG, Hooks, output, spawn};

const STOP: &str = "qemu vm1 stop begin -";
const REFUSED: &str = "hookmux: qemu stop 'vm1' refused: /etc/hookmux/qemu.d/10-a exited 1\nno\n";

fn refusing() -> Hooks {
    let hooks = Hooks::new().script("qemu.d/10-a", "echo no >&2; exit 1");
    hooks.directory(&hooks.root().join("run/libvirt/qemu"));
    hooks
}

fn state(hooks: &Hooks, file: &str) -> std::path::PathBuf {
    hooks.root().join("run/libvirt/qemu").join(file)
}

fn status(hooks: &Hooks, state_and_reason: &str, pid: u32) {
    let xml = format!(
        "<!--\nWARNING\n-->\n<domstatus {state_and_reason} pid='{pid}'>\n  <domain type='kvm'/>\n</domstatus>\n"
    );
    fs::write(state(hooks, "vm1.xml"), xml).unwrap();
    fs::write(state(hooks, "vm1.pid"), format!("{pid}\n")).unwrap();
}

const RUNNING: &str = "state='running' reason='booted'";

fn alive() -> Child {
    spawn(Command::new("sleep").arg("1000").stdin(Stdio::null()))
}

#[test]
fn a_stop_is_refused_while_the_guest_is_alive() {
    let (hooks, mut qemu) = (refusing(), alive());
    status(&hooks, RUNNING, qemu.id());
    hooks.call(STOP).is(1, ["10-a"], REFUSED).within(HANG);
    status(&hooks, "state='paused' reason='user'", qemu.id());
    hooks.call(STOP).is(1, ["10-a"], REFUSED);
    qemu.kill().unwrap();
    qemu.wait().unwrap();
}

#[test]
fn a_refusal_is_not_passed_on_for_a_process_that_is_gone_or_a_zombie() {
    let (hooks, mut qemu) = (refusing(), alive());
    status(&hooks, RUNNING, qemu.id());
    qemu.kill().unwrap();
    let stat = format!("/proc/{}/stat", qemu.id());
    while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
        std::thread::sleep(Duration::from_millis(1));
    }
    hooks.call(STOP).is(0, ["10-a"], "");
    qemu.wait().unwrap();
    hooks.call(STOP).is(0, ["10-a"], "");
    // The state file of an older libvirt has no process in it.
    fs::write(state(&hooks, "vm1.xml"), "").unwrap();
    hooks.call(STOP).is(0, ["10-a"], "");
    fs::remove_file(state(&hooks, "vm1.xml")).unwrap();
    hooks.call(STOP).is(0, ["10-a"], "");
}

#[test]
fn a_refusal_is_not_passed_on_for_a_process_that_ends_a_moment_later() {
    let (hooks, mut qemu) = (refusing(), alive());
    status(&hooks, RUNNING, qemu.id());
    let call = std::thread::scope(|scope| {
        scope.spawn(|| {
            // QEMU closes its monitor and then cleans up.
            while hooks.ran().is_empty() {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(60));
            qemu.kill().unwrap();
            qemu.wait().unwrap();
        });
        hooks.call(STOP)
    });
    call.is(0, ["10-a"], "");
}

#[test]
fn a_refusal_is_not_passed_on_for_a_guest_that_was_powered_off() {
    let (hooks, mut qemu) = (refusing(), alive());
    status(&hooks, "state='shutdown' reason='unknown'", qemu.id());
    hooks.call(STOP).is(0, ["10-a"], "");
    qemu.kill().unwrap();
    qemu.wait().unwrap();
}

#[test]
fn a_refusal_is_not_passed_on_for_an_incoming_guest_whose_migration_has_failed() {
    let hooks = refusing();
    // Its arguments are those of a QEMU that waits for a migration.
    let mut qemu = spawn(Command::new("sh").args(["-c", "read x", "qemu", "-incoming", "defer"]).stdin(Stdio::piped()));
    status(&hooks, "state='paused' reason='migration'", qemu.id());
    hooks.call(STOP).is(0, ["10-a"], "");
    status(&hooks, RUNNING, qemu.id());
    hooks.call(STOP).is(1, ["10-a"], REFUSED);
    qemu.kill().unwrap();
    qemu.wait().unwrap();
}

#[test]
fn a_fault_at_stop_leaves_no_guest_behind_either() {
    let hooks = refusing().settings("zzz = 1\n");
    status(&hooks, "state='shutdown' reason='unknown'", 1);
    hooks.call(STOP).is(0, [], "");
}

#[test]
fn a_refusal_is_passed_on_where_the_guests_state_is_unknown() {
    let hooks = refusing();
    let refused = |what: &str| {
        let seen = hooks.call(STOP);
        assert_eq!((seen.code, seen.err.as_str()), (Some(1), REFUSED), "{what}");
        seen.within(HANG);
    };
    refused("no file");
    let xml = state(&hooks, "vm1.xml");
    assert!(output(Command::new("mkfifo").arg(&xml)).status.success());
    refused("a FIFO");
    fs::remove_file(&xml).unwrap();
    symlink("/dev/zero", &xml).unwrap();
    refused("a device");
    fs::remove_file(&xml).unwrap();
    fs::File::create(&xml).unwrap().set_len(1 << 40).unwrap();
    refused("a huge file");
    fs::write(&xml, "<x>".repeat(100_000) + "<domstatus state='shutdown'>").unwrap();
    refused("a state beyond the size limit");
    fs::remove_file(&xml).unwrap();
    fs::write(state(&hooks, "vm1.pid"), "0x7\n").unwrap();
    refused("an invalid pid");
    fs::write(hooks.root().join("run/libvirt/vm1.xml"), "<domstatus state='shutdown'/>").unwrap();
    let seen = hooks.call_args(&["qemu", "../vm1", "stop", "begin", "-"].map(std::ffi::OsStr::new));
    assert_eq!(seen.code, Some(1), "a name that leads out of the directory");
}

#[test]
fn only_stop_is_overruled() {
    let hooks = refusing();
    status(&hooks, "state='shutdown' reason='unknown'", 1);
    assert_eq!(hooks.call("qemu vm1 start begin -").code, Some(1));
    assert_eq!(hooks.call("qemu vm1 reconnect begin -").code, Some(1));
}
