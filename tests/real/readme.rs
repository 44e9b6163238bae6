//! The README's first script on a real libvirtd, and the error of virsh that the README shows. Does.

use support::guests;
use support::host::Host;

/// Returns the block of code after `heading` in `text`.
fn block<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text.split_once(heading).unwrap();
    rest.split_once("\n```\n").unwrap().0
}

#[test]
fn the_first_script_refuses_a_start_with_the_error_that_the_readme_shows() {
    let readme = include_str!("../../README.md");
    let script = block(readme, "and compares the error -->\n\n```sh\n");
    let shown = block(readme, "```text\n$ virsh start db-1\n");
    let host = Host::new("readme");
    host.link_hookmux(&["qemu"]);
    host.file("/etc/hookmux/qemu.d/10-mounted", 0o755, format!("{script}\n").as_bytes());
    host.start_libvirtd();
    host.virsh(&format!("define {}", host.document("db-1", &guests::qemu("db-1", "")))).succeeded();
    let error = host.virsh("start db-1").failed().stderr;
    // The environment depends on this machine.
    let (before, rest) = error.split_once("(LC_ALL=C PATH=").unwrap();
    let (_, after) = rest.split_once(" /etc/libvirt/hooks/qemu ").unwrap();
    let seen = format!("{before}(LC_ALL=C PATH=… /etc/libvirt/hooks/qemu {after}");
    assert_eq!(seen.trim_end(), shown);
    // With the storage mounted, the guest starts.
    host.run(&["sh", "-c", "mkdir -p /srv/guests && mount -t tmpfs tmpfs /srv/guests"]).succeeded();
    host.virsh("start db-1").succeeded();
    assert_eq!(host.virsh("domstate db-1").succeeded().stdout.trim(), "running");
}
