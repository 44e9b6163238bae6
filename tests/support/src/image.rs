//! The kernel and initramfs that a guest boots from. In: a release of the guest agent, and the files under test. Out: both, in
//! memory. Does: reads unpacked packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::archive::{self, Archive};
use crate::cpio::Cpio;

/// Kernel modules in the order of their dependencies.
const MODULES: [&str; 13] = [
    "virtio",
    "virtio_ring",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "virtio_console",
    "virtio_blk",
    "libcrc32c",
    "crc32c_generic",
    "crc16",
    "mbcache",
    "jbd2",
    "ext4",
];

/// The directory that the loader of Debian's x86-64 searches by default.
const LIBRARIES: &str = "/lib/x86_64-linux-gnu";

/// A release of the guest agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 7.2, in Debian 12: before 9.1, an agent gives the hook /dev/null for all descriptors and reports its exit code.
    Old,
    /// The one in Debian's next release: since 9.1, an agent reads what the hook writes until end of file, and reports it.
    New,
}

/// A kernel and its initramfs.
pub struct Image {
    pub kernel: PathBuf,
    pub root: Vec<u8>,
}

impl Release {
    fn suite(self) -> &'static str {
        match self {
            Self::Old => "bookworm",
            Self::New => "sid",
        }
    }

    /// Returns its name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Old => "before 9.1",
            Self::New => "since 9.1",
        }
    }
}

impl Image {
    /// Builds a guest with that agent, hookmux in /usr/bin and QEMU's own hook as /usr/share/qemu/fsfreeze-hook.
    pub fn new(release: Release) -> Self {
        let mut root = Cpio::default();
        for directory in ["/proc", "/sys", "/dev", "/run", "/data", "/var/log", "/tmp", "/bin", "/etc"] {
            root.directory(directory);
        }
        root.link("/var/run", "/run");
        root.file("/init", 0o755, include_bytes!("init.sh"));
        let busybox = Archive::new("bookworm").alone("busybox-static");
        root.file("/bin/busybox", 0o755, &read(&find(&busybox, "bin/busybox")));
        root.link("/bin/sh", "busybox");
        let kernel = add_modules(&mut root);
        add_agent(&mut root, release);
        let built = crate::binary();
        root.file("/usr/bin/hookmux", 0o755, &read(Path::new(&built)));
        Self { kernel, root: root.finish() }
    }
}

fn add_modules(root: &mut Cpio) -> PathBuf {
    let package = Archive::new("bookworm").dependency_of("linux-image-cloud-amd64");
    let built_in = String::from_utf8(read(&find(&package, "modules.builtin"))).unwrap();
    let is_built_in = |module: &str| built_in.lines().any(|line| line.ends_with(&format!("/{module}.ko")));
    let modules: Vec<&str> = MODULES.into_iter().filter(|module| !is_built_in(module)).collect();
    for module in &modules {
        let file = format!("{module}.ko");
        root.file(&format!("/modules/{file}"), 0o644, &read(&find(&package, &file)));
    }
    root.file("/modules/order", 0o644, modules.join("\n").as_bytes());
    let boot = fs::read_dir(package.join("boot")).unwrap().map(|found| found.unwrap().path());
    let is_kernel =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"vmlinuz"));
    boot.into_iter().find(is_kernel).expect("a kernel in its package")
}

fn add_agent(root: &mut Cpio, release: Release) {
    let package = Archive::new(release.suite()).with_libraries("qemu-guest-agent");
    let agent = package.join("usr/sbin/qemu-ga");
    let loader = find(&package, "ld-linux-x86-64.so.2");
    let paths = ["lib", "usr/lib"].map(|lib| package.join(lib).join("x86_64-linux-gnu").display().to_string());
    // The loader of that release lists which libraries of that release it uses.
    let listed = archive::run(Command::new(&loader).args(["--library-path", &paths.join(":"), "--list"]).arg(&agent));
    for library in listed.lines().filter_map(|line| line.split_once(" => ")?.1.split(' ').next()) {
        assert!(library.starts_with(paths[0].as_str()) || library.starts_with(paths[1].as_str()), "{listed}");
        let name = Path::new(library).file_name().and_then(|name| name.to_str()).unwrap();
        root.file(&format!("{LIBRARIES}/{name}"), 0o755, &read(Path::new(library)));
    }
    root.file("/lib64/ld-linux-x86-64.so.2", 0o755, &read(&loader));
    root.file("/usr/sbin/qemu-ga", 0o755, &read(&agent));
    root.file("/usr/share/qemu/fsfreeze-hook", 0o755, &read(&package.join("etc/qemu/fsfreeze-hook")));
}

/// Returns the file of an unpacked package whose path ends with `end`. Links are ignored, because they may lead out of it.
fn find(package: &Path, end: &str) -> PathBuf {
    fn search(directory: &Path, end: &str) -> Option<PathBuf> {
        fs::read_dir(directory).unwrap().map(|found| found.unwrap()).find_map(|found| {
            let (kind, path) = (found.file_type().unwrap(), found.path());
            if kind.is_dir() {
                search(&path, end)
            } else {
                Some(path).filter(|path| kind.is_file() && path.ends_with(end))
            }
        })
    }
    search(package, end).unwrap_or_else(|| panic!("no {end} in {}", package.display()))
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
