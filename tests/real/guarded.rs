//! The changes of filters on real daemons: a forbidden change cancels a live migration or a restore with its path in virsh's
//! error, and an allowed one reaches the guest.

use crate::migration::{arrived, filter};
use support::guests;
use support::host::Host;
use support::pair::Pair;

const ONLY_TITLES: &[u8] = b"[[rule]]\nscript = '20-filter'\nmay-change = ['/domain/title', '/domain/description']\n";

/// A filter that gives the guest more memory, at `migrate` and `restore`.
const MORE_MEMORY: &str = "[ \"$2\" != migrate ] && [ \"$2\" != restore ] || \
    sed \"s|<memory unit='KiB'>32768</memory>|<memory unit='KiB'>65536</memory>|\" \"$record/stdin\"";

/// Reports whether libvirt has marked this guest as changed by a hook.
fn is_tainted(host: &Host) -> bool {
    let log = std::fs::read_to_string(host.path("/var/log/libvirt/qemu/vm1.log")).unwrap();
    log.contains("tainted: hook-script")
}

#[test]
fn a_forbidden_change_cancels_a_live_migration_and_the_guest_runs_on_at_its_source() {
    let pair = Pair::new("forbidden");
    pair.destination.link_hookmux(&["qemu"]);
    pair.destination.file("/etc/hookmux/hookmux.toml", 0o644, ONLY_TITLES);
    pair.destination.script("/etc/hookmux/qemu.d/20-filter", MORE_MEMORY);
    pair.start();
    let refused = pair.migrate("vm1").failed();
    let ours =
        "hookmux: qemu migrate 'vm1' failed: /etc/hookmux/qemu.d/20-filter wrote XML that libvirt must not get: ";
    assert!(refused.stderr.contains(ours) && refused.stderr.contains("/domain/memory"), "{refused:?}");
    assert_eq!(pair.source.virsh("domstate vm1").succeeded().stdout.trim(), "running");
    assert_eq!(pair.destination.virsh("list --all --name").succeeded().stdout.trim(), "");
    // The same guest on the same hosts: an allowed change reaches it.
    pair.destination.script("/etc/hookmux/qemu.d/20-filter", &filter("title", "moved"));
    pair.migrate("vm1").succeeded();
    assert_eq!(arrived(&pair), ["moved", "as defined", "running"]);
    assert!(is_tainted(&pair.destination), "libvirt knows that a hook has changed it");
}

#[test]
fn another_guests_name_or_half_a_document_never_reaches_libvirt() {
    let pair = Pair::new("unfit");
    pair.destination.link_hookmux(&["qemu"]);
    pair.start();
    for (body, reason) in [
        ("[ \"$2\" != migrate ] || sed 's|<name>vm1|<name>vm2|' \"$record/stdin\"", "name"),
        ("[ \"$2\" != migrate ] || head -c 700 \"$record/stdin\"", "line "),
    ] {
        pair.destination.script("/etc/hookmux/qemu.d/20-filter", body);
        let refused = pair.migrate("vm1").failed();
        let fault = refused.stderr.split_once("20-filter wrote XML that libvirt must not get: ");
        assert!(fault.is_some_and(|(_, fault)| fault.contains(reason)), "{refused:?}");
    }
    assert_eq!(pair.source.virsh("domstate vm1").succeeded().stdout.trim(), "running");
}

#[test]
fn a_forbidden_change_fails_a_restore_and_an_allowed_one_arrives() {
    let host = Host::new("restore-guarded");
    host.link_hookmux(&["qemu"]);
    host.file("/etc/hookmux/hookmux.toml", 0o644, b"[[rule]]\nguest-abi = 'keep'\n");
    host.script("/etc/hookmux/qemu.d/20-filter", MORE_MEMORY);
    host.start_libvirtd();
    host.virsh(&format!("create {}", host.document("vm1", &guests::qemu("vm1", "")))).succeeded();
    host.virsh("save vm1 /run/vm1.saved").succeeded();
    let refused = host.virsh("restore /run/vm1.saved").failed();
    assert!(
        refused.stderr.contains("hookmux: qemu restore 'vm1' failed: ") && refused.stderr.contains("/domain/memory"),
        "{refused:?}"
    );
    host.script("/etc/hookmux/qemu.d/20-filter", "[ \"$2\" != restore ] || cat \"$record/stdin\"");
    host.virsh("restore /run/vm1.saved").succeeded();
    assert!(!is_tainted(&host), "a filter that changes nothing leaves no mark");
    host.virsh("save vm1 /run/vm1.saved").succeeded();
    let title = filter("title", "restored").replace("!= migrate", "!= restore");
    host.script("/etc/hookmux/qemu.d/20-filter", &title);
    host.virsh("restore /run/vm1.saved").succeeded();
    assert_eq!(host.virsh("desc vm1 --title").succeeded().stdout.trim(), "restored");
    assert!(is_tainted(&host), "libvirt knows that a hook has changed it");
}
