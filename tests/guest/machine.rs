//! A virtual machine under software emulation. In: an image. Out: its agent's socket, and a shell in it that works
//! whatever the agent is doing. Does: starts QEMU, which ends with the test, however that ends.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::archive;
use crate::image::Image;

/// How long anything may take that is over in a few seconds when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Starts QEMU and ends it when nobody holds our end of the pipe any more, be it that the test was killed.
const UNTIL_LET_GO: &str = "\"$@\" & read -r _; kill -9 $!; wait";

/// One at a time: they measure time, and share the machine with others.
static ONE: Mutex<()> = Mutex::new(());

/// A running machine.
pub(crate) struct Machine {
    holder: Child,
    shell: UnixStream,
    directory: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// Words for QEMU that make a small machine of any size: kernel and root, an agent's port is the caller's.
fn words(kernel: &Path, directory: &Path) -> Vec<String> {
    let at = |name: &str| directory.join(name).display().to_string();
    let mut words: Vec<String> = "-machine q35,accel=tcg -m 384 -nodefaults -no-user-config -display none -no-reboot"
        .split(' ')
        .map(str::to_owned)
        .collect();
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    add("-kernel", kernel.display().to_string());
    add("-initrd", at("root"));
    add("-append", "console=ttyS0 quiet panic=-1".to_owned());
    add("-serial", format!("file:{}", at("console")));
    add("-device", "virtio-serial-pci".to_owned());
    for port in ["agent", "shell"] {
        add("-chardev", format!("socket,id={port},path={},server=on,wait=off", at(port)));
        add("-device", format!("virtserialport,chardev={port},name={port}"));
    }
    for disk in ["data", "log"] {
        add("-drive", format!("if=none,id={disk},format=raw,file={}", at(disk)));
        add("-device", format!("virtio-blk-pci,drive={disk}"));
    }
    words
}

impl Machine {
    /// Starts a machine and waits for its shell.
    pub(crate) fn start(image: &Image) -> Self {
        let turn = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        // Short: a socket's path has room for 107 bytes.
        let directory = tempfile::Builder::new().prefix("guest").tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("root"), &image.root).unwrap();
        make_disk(&at("data"), "32M");
        make_disk(&at("log"), "16M");
        let holder = Command::new("sh")
            .args(["-c", UNTIL_LET_GO, "sh", "qemu-system-x86_64"])
            .args(words(&image.kernel, directory.path()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(fs::File::create(at("errors")).unwrap())
            .spawn()
            .unwrap();
        let mut machine = Self { holder, shell: connect(&at("shell")), directory, _turn: turn };
        machine.until("ready\n");
        machine
    }

    /// Where the agent's port ends on this side.
    pub(crate) fn agent_socket(&self) -> PathBuf {
        self.directory.path().join("agent")
    }

    /// Runs commands in the guest and returns what they write, if they succeed.
    pub(crate) fn shell(&mut self, commands: &str) -> String {
        let (said, code) = self.try_shell(commands);
        assert_eq!(code, 0, "{commands}: {said}");
        said
    }

    /// Runs commands in the guest: what they write, and the exit code of the last.
    pub(crate) fn try_shell(&mut self, commands: &str) -> (String, i32) {
        self.shell.write_all(format!("{{ :\n{commands}\n}} </dev/null; echo \"[$?]\"\n").as_bytes()).unwrap();
        let said = self.until("]\n");
        let (said, code) = said.rsplit_once('[').unwrap_or_else(|| panic!("{commands}: no exit code in {said}"));
        (said.to_owned(), code.trim_end_matches("]\n").parse().unwrap_or_else(|_| panic!("{commands}: {said}[{code}")))
    }

    /// Writes a file in the guest.
    pub(crate) fn write(&mut self, path: &str, mode: &str, content: &str) {
        let directory = Path::new(path).parent().unwrap().display();
        self.shell(&format!(
            "mkdir -p '{directory}'; cat >'{path}' <<'END OF FILE'\n{content}\nEND OF FILE\nchmod {mode} '{path}'"
        ));
    }

    /// Waits until commands in the guest succeed.
    pub(crate) fn wait_for(&mut self, commands: &str) {
        let begin = Instant::now();
        while self.try_shell(commands).1 != 0 {
            assert!(begin.elapsed() < PATIENCE, "waited {PATIENCE:?} for {commands}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the shell writes until it ends with `end`.
    fn until(&mut self, end: &str) -> String {
        let begin = Instant::now();
        let mut said = Vec::new();
        let mut chunk = [0; 4096];
        self.shell.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        while !said.ends_with(end.as_bytes()) {
            match self.shell.read(&mut chunk) {
                Ok(0) => self.fail("the guest has gone"),
                Ok(read) => said.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => self.fail(&error.to_string()),
            }
            if begin.elapsed() > PATIENCE {
                self.fail(&format!("no {end:?} after {PATIENCE:?}: {}", String::from_utf8_lossy(&said)));
            }
        }
        String::from_utf8_lossy(&said).into_owned()
    }

    fn fail(&self, why: &str) -> ! {
        let read = |name: &str| fs::read(self.directory.path().join(name)).unwrap_or_default();
        let [console, errors] = ["console", "errors"].map(|name| String::from_utf8_lossy(&read(name)).into_owned());
        panic!("{why}\nQEMU: {errors}\nconsole: {console}");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// An ext4 file system of that size, almost all of it holes.
fn make_disk(path: &Path, size: &str) {
    archive::run(Command::new("mkfs.ext4").arg("-q").arg(path).arg(size));
}

/// Connects to a socket that QEMU is about to make.
pub(crate) fn connect(path: &Path) -> UnixStream {
    let begin = Instant::now();
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => return stream,
            Err(error) if begin.elapsed() > PATIENCE => panic!("{}: {error}", path.display()),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}
