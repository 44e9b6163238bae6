//! A virtual machine under software emulation. In: an image. Out: its agent's socket and a shell in it. Does: starts
//! QEMU, which ends with the test, however that ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use support::archive;
use support::image::Image;
use support::shell::Shell;

/// Starts QEMU and ends it when no process has our end of the pipe open, even if the test was killed.
const UNTIL_CLOSED: &str = "\"$@\" & read -r _; kill -9 $!; wait";

/// Held while a machine runs: the tests measure time, so machines run one at a time.
static ONE: Mutex<()> = Mutex::new(());

/// A running machine.
pub(crate) struct Machine {
    holder: Child,
    pub(crate) shell: Shell,
    directory: TempDir,
    _lock: MutexGuard<'static, ()>,
}

/// Returns QEMU's arguments: kernel and root, two disks, and the two ports.
fn arguments(kernel: &Path, directory: &Path) -> Vec<String> {
    let at = |name: &str| directory.join(name).display().to_string();
    let mut arguments: Vec<String> =
        "-machine q35,accel=tcg -m 384 -nodefaults -no-user-config -display none -no-reboot"
            .split(' ')
            .map(str::to_owned)
            .collect();
    let mut add = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
    add("-kernel", kernel.display().to_string());
    add("-initrd", at("root"));
    // A busy machine delays the emulated timer, and the kernel panics unless the check is off.
    add("-append", "console=ttyS0 quiet panic=-1 no_timer_check".to_owned());
    add("-serial", format!("file:{}", at("console")));
    add("-device", "virtio-serial-pci".to_owned());
    for (port, name) in [("agent", "org.qemu.guest_agent.0"), ("shell", "shell")] {
        add("-chardev", format!("socket,id={port},path={},server=on,wait=off", at(port)));
        add("-device", format!("virtserialport,chardev={port},name={name}"));
    }
    for disk in ["data", "log"] {
        add("-drive", format!("if=none,id={disk},format=raw,file={}", at(disk)));
        add("-device", format!("virtio-blk-pci,drive={disk}"));
    }
    arguments
}

impl Machine {
    /// Starts a machine and waits for its shell.
    pub(crate) fn start(image: &Image) -> Self {
        let lock = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        // Short: the path of a socket has at most 107 bytes.
        let directory = tempfile::Builder::new().prefix("guest").tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("root"), &image.root).unwrap();
        make_disk(&at("data"), "32M");
        make_disk(&at("log"), "16M");
        let holder = Command::new("sh")
            .args(["-c", UNTIL_CLOSED, "sh", "qemu-system-x86_64"])
            .args(arguments(&image.kernel, directory.path()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(fs::File::create(at("errors")).unwrap())
            .spawn()
            .unwrap();
        let shell = Shell::connect(&at("shell"), vec![at("errors"), at("console")]);
        Self { holder, shell, directory, _lock: lock }
    }

    /// Returns the path of the socket of the agent's port.
    pub(crate) fn agent_socket(&self) -> PathBuf {
        self.directory.path().join("agent")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// Creates an ext4 file system of that size, in a sparse file.
fn make_disk(path: &Path, size: &str) {
    archive::run(Command::new("mkfs.ext4").arg("-q").arg(path).arg(size));
}
