//! The document of `started`, kept by hookmux for `stopped` and `release` (`keep-document`), on real daemons.

use std::collections::BTreeMap;
use std::fs;

use support::guests;
use support::host::Host;
use support::pair::Pair;

use crate::lxc;

/// Copies the document of `started` to the record of a call.
const KEEPS: &str = "[ -z \"${HOOKMUX_STARTED-}\" ] || cp \"$HOOKMUX_STARTED\" \"$record/started\"";

const PASSWORD: &str = "geheim42";

fn prepare(host: &Host, driver: &str) {
    host.link_hookmux(&[driver]);
    host.file("/etc/hookmux/hookmux.toml", 0o644, b"keep-document = true\n");
    host.script(&format!("/etc/hookmux/{driver}.d/10-keeps"), KEEPS);
}

/// Returns the document of a guest with a console and displays that ask for a password.
fn guest(name: &str, number: u8) -> String {
    let displays = format!(
        "<serial type='pty'/><graphics type='vnc' autoport='yes' passwd='{PASSWORD}'/>
         <graphics type='spice' autoport='yes' passwd='{PASSWORD}'/>"
    );
    guests::qemu(name, &displays).replace("11111111-1111", &format!("11111111-11{number:02}"))
}

/// Lists the calls so far: arguments, document, and the document of `started`.
fn calls(host: &Host) -> Vec<(String, String, Option<String>)> {
    let mut directories: Vec<_> =
        fs::read_dir(host.path("/run/records")).unwrap().map(|entry| entry.unwrap().path()).collect();
    directories.sort();
    let started = directories.iter().map(|directory| fs::read_to_string(directory.join("started")).ok());
    let records = host.records().into_iter().zip(started).filter(|(record, _)| record.name() == "10-keeps");
    records.map(|(record, started)| (record.args.join(" "), record.stdin, started)).collect()
}

/// Returns the document that each call must have: at `stopped` and `release`, that of the guest's last `started`.
fn expected(host: &Host) -> Vec<(String, Option<String>)> {
    let mut kept = BTreeMap::new();
    let expected = |(args, own, _): (String, String, _)| {
        let (guest, operation) = args.split_once(' ').unwrap();
        let (guest, operation) = (guest.to_owned(), operation.split(' ').next().unwrap());
        let given = match operation {
            "started" => {
                kept.insert(guest, own);
                None
            }
            "stopped" => kept.get(&guest).cloned(),
            "release" => kept.remove(&guest),
            _ => None,
        };
        (args, given)
    };
    calls(host).into_iter().map(expected).collect()
}

/// Asserts that each call had the expected document, and returns the documents of the calls of one operation.
fn assert_kept(host: &Host, operation: &str) -> Vec<(String, String)> {
    let found: Vec<_> = calls(host).into_iter().map(|(args, _, started)| (args, started)).collect();
    assert_eq!(found, expected(host));
    let of_operation = |(args, own, started): (String, String, Option<String>)| {
        args.contains(operation).then(|| (own, started.unwrap_or_default()))
    };
    calls(host).into_iter().filter_map(of_operation).collect()
}

/// Lists the names of the kept documents.
fn left(host: &Host, driver: &str) -> Vec<String> {
    let names = fs::read_dir(host.path(&format!("/run/hookmux/{driver}.started"))).unwrap();
    names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn stopped_and_release_get_the_document_of_the_running_guest_without_passwords() {
    let host = Host::new("started");
    prepare(&host, "qemu");
    host.script("/etc/hookmux/qemu.d/20-refuses", "[ \"$1 $2\" != 'vm3 start' ]");
    host.start_libvirtd();
    for (name, number) in [("vm1", 1), ("vm2", 2), ("vm3", 3)] {
        host.virsh(&format!("define {}", host.document(name, &guest(name, number)))).succeeded();
    }
    host.virsh("start vm1").succeeded();
    host.virsh("start vm2").succeeded();
    host.virsh("start vm3").failed();
    host.virsh("save vm2 /run/vm2.saved").succeeded();
    host.virsh("restore /run/vm2.saved").succeeded();
    host.stop_libvirtd();
    host.start_libvirtd();
    host.wait_until("both guests to be found again", || {
        calls(&host).iter().filter(|(args, ..)| args.contains(" reconnect ")).count() == 2
    });
    assert_eq!(left(&host, "qemu").len(), 2);
    host.virsh("destroy vm1").succeeded();
    host.virsh("destroy vm2").succeeded();

    assert_eq!(left(&host, "qemu"), [""; 0]);
    let runtime = ["<domain type='qemu' id='", "<source path='/dev/pts/", "'vnc' port='59", "<label>"];
    let has = |document: &str| runtime.map(|part| document.contains(part));
    for (own, started) in assert_kept(&host, " release ").iter().filter(|(_, started)| !started.is_empty()) {
        assert_eq!((has(own), has(started)), ([false; 4], [true; 4]), "{own}\n{started}");
    }
    let kept: String = calls(&host).into_iter().filter_map(|(_, _, started)| started).collect();
    assert!(!kept.contains(PASSWORD), "{kept}");
    assert!(
        host.virsh("dumpxml --security-info vm1").succeeded().stdout.contains(PASSWORD),
        "the guest has no password"
    );
}

#[test]
fn both_hosts_of_a_migration_keep_their_own_document() {
    let pair = Pair::new("kept");
    for host in [&pair.source, &pair.destination] {
        prepare(host, "qemu");
    }
    pair.start();
    pair.migrate("vm1").succeeded();
    pair.destination.virsh("destroy vm1").succeeded();
    for host in [&pair.source, &pair.destination] {
        let [(own, started)] = assert_kept(host, " release ").try_into().unwrap();
        let seen = [own, started].map(|document| document.contains("<domain type='qemu' id='1'>"));
        assert_eq!((seen, left(host, "qemu")), ([false, true], vec![]));
    }
}

#[test]
fn the_document_of_a_container_is_kept_too() {
    let host = Host::with_cgroups("started-lxc");
    prepare(&host, "lxc");
    lxc::life(&host);
    let [(own, started)] = assert_kept(&host, " release ").try_into().unwrap();
    let seen = [own, started].map(|document| document.contains("/dev/pts/"));
    assert_eq!((seen, left(&host, "lxc")), ([false, true], vec![]));
}
