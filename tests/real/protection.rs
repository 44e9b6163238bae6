//! The example rule for polkit, with a real bus, polkitd and libvirtd: commands of an ordinary user on a guest in the list and
//! on another one. Does.

use std::fs;

use support::guests;
use support::host::{Answer, Host};

const RULES: &str = "polkit/40-vm-protection.rules";

const ASK: &str = "org.freedesktop.DBus.GetNameOwner";
const POLKIT: &str = "string:org.freedesktop.PolicyKit1";
const LIST: &str = "/etc/hookmux/protected-domains";

/// Returns a host whose libvirtd asks polkit, with the rule, two running guests, and users in and outside the group libvirt.
fn protected_host(name: &str, rule: &dyn Fn(String) -> String) -> Host {
    let host = Host::new(name);
    let text = fs::read_to_string(format!("{}/examples/{RULES}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    host.file("/etc/polkit-1/rules.d/40-vm-protection.rules", 0o644, rule(text).as_bytes());
    host.file(LIST, 0o644, b"# kept\r\nlisted\r\n");
    let settings = fs::read_to_string(host.path("/etc/libvirt/libvirtd.conf")).unwrap();
    host.file("/etc/libvirt/libvirtd.conf", 0o600, (settings + "access_drivers = [ \"polkit\" ]\n").as_bytes());
    host.run(&["useradd", "--no-create-home", "--groups", "libvirt", "alice"]).succeeded();
    host.run(&["useradd", "--no-create-home", "bob"]).succeeded();
    fs::create_dir_all(host.path("/run/dbus")).unwrap();
    host.run(&["dbus-daemon", "--system", "--fork"]).succeeded();
    host.run(&["sh", "-c", "/usr/lib/polkit-1/polkitd --no-debug >/run/polkitd.log 2>&1 &"]).succeeded();
    let owned = ["dbus-send", "--system", "--print-reply", "--dest=org.freedesktop.DBus", "/", ASK, POLKIT];
    host.wait_until("polkitd to answer", || host.run(&owned).code == Some(0));
    host.start_libvirtd();
    for (guest, uuid) in [("listed", "1"), ("other", "2")] {
        let xml = guests::qemu(guest, "").replace("-111111111111<", &format!("-11111111111{uuid}<"));
        host.virsh(&format!("define {}", host.document(guest, &xml))).succeeded();
        host.virsh(&format!("start {guest}")).succeeded();
    }
    host
}

/// Runs virsh as an ordinary user; `command` is split at spaces.
fn asks(host: &Host, user: &str, command: &str) -> Answer {
    let mut args = vec!["runuser", "-u", user, "--", "virsh", "--quiet", "--connect", "qemu:///system"];
    args.extend(command.split(' '));
    host.run(&args)
}

/// Returns the states of both guests.
fn states(host: &Host) -> [String; 2] {
    ["listed", "other"].map(|guest| host.virsh(&format!("domstate {guest}")).stdout.trim().to_owned())
}

#[test]
fn an_ordinary_user_cannot_destroy_the_listed_guest_and_can_destroy_another() {
    let host = protected_host("polkit", &|rule| rule);
    let refused = asks(&host, "alice", "destroy listed").failed().stderr;
    assert!(refused.contains("access denied"), "{refused}");
    asks(&host, "alice", "destroy other").succeeded();
    assert_eq!(states(&host), ["running", "shut off"]);
    // Nothing else is refused to the group, and nothing is allowed to others.
    asks(&host, "alice", "managedsave listed").succeeded();
    asks(&host, "alice", "start listed").succeeded();
    asks(&host, "bob", "start other").failed();
    assert_eq!(states(&host), ["running", "shut off"]);
    // A list that polkitd may not read protects all guests, and a missing one no guest.
    asks(&host, "alice", "start other").succeeded();
    host.file(LIST, 0o600, b"");
    asks(&host, "alice", "destroy other").failed();
    fs::remove_file(host.path(LIST)).unwrap();
    host.run(&["mkfifo", LIST]).succeeded();
    asks(&host, "alice", "destroy other").failed();
    fs::remove_file(host.path(LIST)).unwrap();
    asks(&host, "alice", "destroy other").succeeded();
    // Root is never asked.
    host.file(LIST, 0o644, b"listed\n");
    host.virsh("destroy listed").succeeded();
    assert_eq!(states(&host), ["shut off", "shut off"]);
}

/// Tries each action that ends a guest, or that allows to end it.
#[test]
fn with_every_line_of_the_rule_no_other_command_ends_the_listed_guest() {
    let host = protected_host("polkit-all", &|rule| rule.replace("    // \"org", "    \"org"));
    let commands = [
        "destroy listed",
        "shutdown listed",
        "reboot listed",
        "reset listed",
        "managedsave listed",
        "save listed /var/lib/libvirt/images/saved",
        "dump listed /var/lib/libvirt/images/dumped --crash",
        "suspend listed",
        "dompmsuspend listed disk",
        "inject-nmi listed",
        "send-key listed KEY_LEFTCTRL KEY_LEFTALT KEY_DELETE",
        "snapshot-create-as listed one",
        "migrate --p2p --live listed qemu+ssh://elsewhere/system --migrateuri tcp://elsewhere",
        "undefine listed",
        "domrename listed unlisted",
        "define /run/documents/listed.xml",
        "set-lifecycle-action listed poweroff restart",
        "qemu-monitor-command listed --hmp quit",
        "qemu-agent-command listed {}",
    ];
    let denied = commands.map(|command| (command, asks(&host, "alice", command).stderr.contains("access denied")));
    assert_eq!(denied, commands.map(|command| (command, true)));
    assert_eq!(states(&host), ["running", "running"]);
}
