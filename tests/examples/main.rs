//! The example hooks, each called directly with the arguments that hookmux would give it, in a directory of its own. Does.

mod backup;
mod demo;
mod disks;
mod flush;
mod forward;
mod forward_settings;
mod gpu;
mod hugepages;
mod inventory;
mod notify;
mod protection;
mod rules;
mod starts;
mod title;

use std::ffi::OsStr;
use std::fs;
use std::io::{Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The directory of the examples.
pub(crate) const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
/// A user who owns no file here.
const ORDINARY_USER: u32 = 65534;

/// Everything that a caller sees of a hook, so that one comparison shows every difference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns the answer of a hook that allows the operation and prints nothing.
pub(crate) fn passes() -> Answer {
    prints("")
}

/// Returns the answer of a hook that prints this, such as a filter.
pub(crate) fn prints(stdout: &str) -> Answer {
    Answer { code: 0, stdout: stdout.to_owned(), stderr: String::new() }
}

/// Returns the answer of a hook that refuses the operation with this line.
pub(crate) fn refuses(line: &str) -> Answer {
    Answer { code: 1, stdout: String::new(), stderr: format!("{line}\n") }
}

/// Copies a program in another process: if a test started a process while the file is open for writing, the file would be
/// "text file busy" for a moment.
fn install(from: impl AsRef<OsStr>, stdin: Stdio, to: &Path) {
    let mut install = Command::new("install");
    install.args(["-D", "-m", "755"]).arg(from).arg(to).stdin(stdin);
    assert!(install.status().unwrap().success(), "{install:?}");
}

/// Opens a file without a name that contains this, at its beginning.
fn open_file(content: impl AsRef<[u8]>) -> fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content.as_ref()).unwrap();
    file.rewind().unwrap();
    file
}

/// A copy of one example below a root of its own (`HOOKMUX_ROOT`), which is deleted with it.
pub(crate) struct Example {
    root: tempfile::TempDir,
    script: PathBuf,
    command: fn(&Path) -> Command,
}

impl Example {
    /// Copies an example; `name` is its path below examples/, as in "qemu.d/10-vm-protection".
    pub(crate) fn new(name: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let script = root.path().join("etc/hookmux").join(name);
        install(Path::new(EXAMPLES).join(name), Stdio::null(), &script);
        for directory in ["", "etc", "etc/hookmux"] {
            fs::set_permissions(root.path().join(directory), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::set_permissions(script.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { root, script, command: |script| Command::new(script) }
    }

    /// Returns a path below the root, which is `ROOT` in answers.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file beside hookmux's settings.
    pub(crate) fn setting(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path("etc/hookmux").join(name), content).unwrap();
        self
    }

    /// Writes a program below the root.
    pub(crate) fn program(&self, name: &str, text: &str) {
        install("/dev/stdin", open_file(text).into(), &self.path(name));
    }

    /// Starts the script by another program.
    pub(crate) fn through(self, command: fn(&Path) -> Command) -> Self {
        Self { command, ..self }
    }

    /// Starts the script as an ordinary user; a test that does not run as root does not change its user.
    pub(crate) fn called_by_ordinary_user(self) -> Self {
        self.through(|script| {
            let mut command = Command::new(script);
            if nix::unistd::geteuid().is_root() {
                command.uid(ORDINARY_USER).gid(ORDINARY_USER);
            }
            command
        })
    }

    /// Prepares a call of the script with these arguments.
    pub(crate) fn command<W: AsRef<OsStr>>(&self, args: &[W]) -> Command {
        let mut command = (self.command)(&self.script);
        command.args(args).env("HOOKMUX_ROOT", self.root.path()).env("LC_ALL", "C").current_dir("/");
        command
    }

    /// Calls the script with these arguments, and this on stdin.
    pub(crate) fn call<W: AsRef<OsStr>>(&self, args: &[W], stdin: impl AsRef<[u8]>) -> Answer {
        self.answer(self.command(args), stdin)
    }

    /// Runs a prepared command to its end.
    pub(crate) fn answer(&self, mut command: Command, stdin: impl AsRef<[u8]>) -> Answer {
        let output = command.stdin(open_file(stdin)).output().unwrap();
        let root = self.root.path().to_str().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(root, "ROOT");
        Answer { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
