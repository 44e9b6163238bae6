//! The programs that must be installed before a real daemon can be started. In: nothing. Out: everything that is missing, with
//! the command that installs it. Reads.

use std::path::Path;

const PROGRAMS: [&str; 16] = [
    "/usr/sbin/libvirtd",
    "/usr/sbin/virtlogd",
    "/usr/bin/virsh",
    "/usr/lib/libvirt/libvirt_lxc",
    "/usr/bin/qemu-system-x86_64",
    "/usr/sbin/dnsmasq",
    "/usr/sbin/iptables-save",
    "/usr/sbin/ip",
    "/usr/bin/unshare",
    "/usr/bin/nsenter",
    "/usr/bin/env",
    "/usr/bin/find",
    "/usr/bin/hostname",
    "/usr/bin/mount",
    "/usr/bin/pgrep",
    "/usr/bin/python3",
];

/// Fails the calling test unless real daemons can be started here.
///
/// # Panics
/// When something is missing, naming all of it.
pub fn assert_present() {
    let mut missing: Vec<String> = PROGRAMS
        .iter()
        // Debian 12's /bin is a link to /usr/bin; a file from either counts.
        .filter(|program| !Path::new(program).exists() && !Path::new(&program.replacen("/usr", "", 1)).exists())
        .map(ToString::to_string)
        .collect();
    if !nix::unistd::geteuid().is_root() {
        missing.push("root (namespaces, mounts, libvirtd)".to_owned());
    }
    let file_systems = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !file_systems.contains("overlay") {
        missing.push("the overlay file system (modprobe overlay)".to_owned());
    }
    assert!(
        missing.is_empty(),
        "real daemons are needed, and these are missing: {missing:?}\ntests/needs installs them (Debian)"
    );
}
