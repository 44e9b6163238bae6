//! Two hosts between which guests migrate. In: a name. Out: the hosts, and migrations from one to the other. Does.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use crate::guests;
use crate::host::{Answer, Host};

/// Two hosts that share a directory for their sockets, which is removed with this value.
pub struct Pair {
    pub source: Host,
    pub destination: Host,
    _wire: TempDir,
}

impl Pair {
    pub fn new(name: &str) -> Self {
        let wire = TempDir::with_prefix_in("wire-", crate::scratch()).unwrap();
        // QEMU creates its socket there as the user libvirt-qemu.
        fs::set_permissions(wire.path(), Permissions::from_mode(0o777)).unwrap();
        let source = host(&format!("{name}-source"), wire.path(), "44444444-4444-4444-8444-444444444444");
        let destination = host(&format!("{name}-destination"), wire.path(), "55555555-5555-4555-8555-555555555555");
        // The sockets of each host are in a directory that the other can reach.
        for host in [&source, &destination] {
            let shared = format!("/run/wire/{}", host.name);
            host.run(&["mkdir", &shared, "/run/libvirt"]).succeeded();
            host.run(&["mount", "--bind", &shared, "/run/libvirt"]).succeeded();
        }
        Self { source, destination, _wire: wire }
    }

    /// Starts both daemons, and a guest on the source.
    pub fn start(&self) {
        self.destination.start_libvirtd();
        self.source.start_libvirtd();
        self.source.virsh(&format!("create {}", self.source.document("vm1", &guests::qemu("vm1", "")))).succeeded();
    }

    /// Asks the source to migrate a guest.
    pub fn migrate(&self, guest: &str) -> Answer {
        self.source.virsh(&migration(guest, &self.destination))
    }

    /// Asks the destination to migrate a guest to the source.
    pub fn migrate_back(&self, guest: &str) -> Answer {
        self.destination.virsh(&migration(guest, &self.source))
    }
}

/// Returns virsh's command that migrates a guest.
pub fn migration(guest: &str, to: &Host) -> String {
    let name = &to.name;
    format!(
        "migrate --live {guest} --unsafe --migrateuri unix:///run/wire/migration-{name} \
         qemu+unix:///system?socket=/run/wire/{name}/libvirt-sock"
    )
}

/// Creates a host with its own UUID, because a daemon refuses to migrate to itself.
fn host(name: &str, wire: &Path, uuid: &str) -> Host {
    let host = Host::on_wire(name, wire);
    let settings = "/etc/libvirt/libvirtd.conf";
    let mut content = fs::read(host.path(settings)).unwrap();
    content.extend_from_slice(format!("\nhost_uuid = \"{uuid}\"\n").as_bytes());
    host.file(settings, 0o644, &content);
    host
}
