//! hookmux linked in libvirt's own directory, beside another program's hook: each script runs once, and a veto works.

use support::guests;
use support::host::Host;

#[test]
fn beside_another_hook_each_script_runs_once_and_a_veto_reaches_libvirt() {
    let host = Host::new("beside");
    host.script("/etc/libvirt/hooks/network", "");
    host.script("/etc/libvirt/hooks/network.d/05-before", "");
    host.script("/etc/libvirt/hooks/network.d/zz-after", "");
    host.script("/etc/hookmux/network.d/10-ours", "[ ! -e /run/veto ] || { echo no >&2; exit 3; }");
    host.script("/usr/lib/hookmux/network.d/20-later", "");
    host.link_hookmux(&["network.d/hookmux", "network.d/99-hookmux"]);
    host.start_libvirtd();
    // A network whose name is a command of hookmux.
    host.virsh(&format!("net-define {}", host.document("list", &guests::network("list")))).succeeded();
    let starts = || {
        let records = host.records().into_iter().filter(|record| record.operation() == "start");
        records.map(|record| record.script).collect::<Vec<_>>()
    };
    host.virsh("net-start list").succeeded();
    let before = ["/etc/libvirt/hooks/network", "/etc/libvirt/hooks/network.d/05-before"];
    let ours = ["/etc/hookmux/network.d/10-ours", "/usr/lib/hookmux/network.d/20-later"];
    let after = "/etc/libvirt/hooks/network.d/zz-after";
    assert_eq!(starts(), [before[0], before[1], ours[0], ours[1], after]);
    host.virsh("net-destroy list").succeeded();
    host.file("/run/veto", 0o644, b"");
    let shown = host.virsh("net-start list").failed().stderr;
    assert!(
        shown.contains("hookmux: network start 'list' refused: /etc/hookmux/network.d/10-ours exited 3"),
        "{shown}"
    );
    // libvirt runs all of its own scripts, as without hookmux.
    assert_eq!(starts()[5..], [before[0], before[1], ours[0], after]);
}
