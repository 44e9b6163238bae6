//! The packages that the machine needs to start a guest. In: nothing. Out: everything that is missing, with one command
//! that installs it. Reads.

use std::path::Path;

const PROGRAMS: [&str; 6] = [
    "/usr/bin/qemu-system-x86_64",
    "/usr/sbin/mkfs.ext4",
    "/usr/bin/apt-get",
    "/usr/bin/apt-cache",
    "/usr/bin/dpkg-deb",
    "/usr/share/keyrings/debian-archive-keyring.gpg",
];

const INSTALL: &str = "apt-get update && apt-get install -y --no-install-recommends qemu-system-x86 e2fsprogs apt dpkg \
    debian-archive-keyring";

/// Fails the calling test unless guests can be started here.
pub(crate) fn assert_present() {
    let missing: Vec<&str> = PROGRAMS.into_iter().filter(|program| !Path::new(program).exists()).collect();
    assert!(missing.is_empty(), "guests are needed and these are missing: {missing:?}\nAs root:\n    {INSTALL}");
}
