//! A root with hooks, and a shell in namespaces of its own that runs a daemon beside them. In: scripts and a command. Out:
//! its output. Does.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use support::{binary, hook_program};
use tempfile::TempDir;

/// The limit of everything here, which takes much less.
pub const HANG: Duration = Duration::from_mins(2);

/// A root whose /etc/libvirt/hooks/qemu is the built binary.
pub struct Hooks {
    root: TempDir,
}

impl Hooks {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let hooks = Self { root };
        fs::create_dir_all(hooks.path("etc/libvirt/hooks")).unwrap();
        fs::create_dir_all(hooks.path("etc/hookmux/qemu.d")).unwrap();
        symlink(hook_program(), hooks.path("etc/libvirt/hooks/qemu")).unwrap();
        hooks
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes a shell script into /etc/hookmux/qemu.d.
    pub fn script(self, name: &str, body: &str) -> Self {
        let path = self.path("etc/hookmux/qemu.d").join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Runs hookmux with these arguments; returns exit code, standard output and standard error without the root.
    pub fn hookmux(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let Output { status, stdout, stderr } =
            Command::new(binary()).args(args).arg("--root").arg(self.root.path()).env("TZ", "UTC0").output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(self.root.path().to_str().unwrap(), "");
        (status.code(), text(stdout), text(stderr))
    }

    /// Runs a shell script as root of new namespaces, which end with it. `$R` is the root, `$hook` the hook; `wait_for`
    /// waits for a command to succeed.
    pub fn shell(&self, script: &str) -> String {
        let helpers = "wait_for() { n=0; until \"$@\"; do n=$((n + 1)); [ $n -lt 2000 ] || { echo \"no $*\" >&2; exit 9; }; \
                       sleep 0.02; done; }\n";
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", &HANG.as_secs().to_string(), "unshare", "--mount", "--propagation", "private"]);
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--net", "/bin/sh", "-ec"]);
        command.arg(format!("{helpers}{script}")).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
        command.env("R", self.root.path()).env("HOOKMUX_ROOT", self.root.path());
        command.env("hook", self.path("etc/libvirt/hooks/qemu")).env("hookmux", binary());
        let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
        let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert!(status.success(), "{status}\n{stdout}\n{stderr}");
        stdout.replace(self.root.path().to_str().unwrap(), "")
    }
}

/// Fails the test with the name of the package if its program is missing.
pub fn needs(program: &str, package: &str) {
    assert!(Path::new(program).exists(), "{program} is needed: Debian's package {package} (tests/needs)");
}
