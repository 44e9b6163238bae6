//! A root of its own with hooks in it, and calls of the built binary as libvirt makes them.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::programs::program;
use crate::{binary, hook_program};

/// Much longer than anything here takes on a busy machine.
pub const HANG: Duration = Duration::from_secs(20);

/// Returns a small guest called vm1, in one line.
pub fn domain(kind: &str, title: &str) -> String {
    format!("<domain type='{kind}'><name>vm1</name><title>{title}</title></domain>\n")
}

/// Held while a file is written, and exclusively while a process starts: as long as a child has an inherited descriptor for
/// writing, executing the file fails with "text file busy".
static NO_FORK: RwLock<()> = RwLock::new(());

/// Starts a process while no other test writes a file.
pub fn spawn(command: &mut Command) -> Child {
    let _exclusive = NO_FORK.write().unwrap_or_else(PoisonError::into_inner);
    command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs a process to its end, and starts it while no other test writes a file.
pub fn output(command: &mut Command) -> Output {
    spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped())).wait_with_output().unwrap()
}

/// Writes a file while no process starts.
pub fn write(path: &Path, text: &[u8]) {
    let _shared = NO_FORK.read().unwrap_or_else(PoisonError::into_inner);
    fs::write(path, text).unwrap();
}

/// Copies a program, with its mode, while no process starts.
pub fn copy(from: &Path, to: &Path) {
    let _shared = NO_FORK.read().unwrap_or_else(PoisonError::into_inner);
    fs::copy(from, to).unwrap();
}

/// A root with scripts. A path such as `qemu.d/10-a` is in /etc/hookmux, `base:qemu.d/10-a` beside the hook;
/// `run:` and `lib:` are the other two directories.
pub struct Hooks {
    root: TempDir,
    document: Vec<u8>,
}

/// The result of a call.
#[derive(Debug)]
pub struct Seen {
    pub code: Option<i32>,
    pub out: Vec<u8>,
    pub err: String,
    pub ran: Vec<String>,
    pub took: Duration,
}

impl Hooks {
    pub fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// Creates a root in a directory of another file system.
    pub fn within(directory: &Path) -> Self {
        let root = tempfile::tempdir_in(directory).unwrap();
        let hooks = Self { root, document: domain("qemu", "one").into_bytes() };
        hooks.directory(&hooks.path("base:"));
        for name in ["qemu", "lxc", "libxl", "bhyve", "network", "daemon", "nbd"] {
            symlink(hook_program(), hooks.path("base:").join(name)).unwrap();
        }
        hooks.directory(&hooks.root().join("etc/qemu"));
        // The package for guests has only one program.
        symlink(binary(), hooks.root().join("etc/qemu/fsfreeze-hook")).unwrap();
        hooks
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Returns the path of a script.
    pub fn path(&self, script: &str) -> PathBuf {
        let (place, name) = script.split_once(':').unwrap_or(("etc", script));
        let place = match place {
            "base" => "etc/libvirt/hooks",
            "run" => "run/hookmux",
            "lib" => "usr/lib/hookmux",
            "agent" => "etc/qemu",
            _ => "etc/hookmux",
        };
        self.root().join(place).join(name)
    }

    /// Creates a directory and its parents with mode 0755.
    pub fn directory(&self, path: &Path) {
        fs::create_dir_all(path).unwrap();
        for path in path.ancestors().take_while(|path| path.starts_with(self.root())) {
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// Writes a file with this mode and content.
    pub fn file(self, script: &str, mode: u32, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(script);
        self.directory(path.parent().unwrap());
        write(&path, text.as_ref());
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        self
    }

    /// Writes a shell script that records that it ran and then runs `body`.
    pub fn script(self, script: &str, body: &str) -> Self {
        let name = script.rsplit('/').next().unwrap_or(script);
        let turns = self.root().join("ran");
        let text = format!("#!/bin/sh\necho '{name}' >>{}\n{body}\n", turns.display());
        self.file(script, 0o755, text)
    }

    /// Installs a program whose action is in its name after the last `=`: see `script.c`. Its calls are in `log`.
    pub fn program(self, script: &str) -> Self {
        let log = self.root().join("log");
        if !log.exists() {
            write(&log, b"");
            fs::set_permissions(log, Permissions::from_mode(0o666)).unwrap();
        }
        self.file(script, 0o755, fs::read(program("script")).unwrap())
    }

    /// Writes hookmux.toml.
    pub fn settings(self, text: &str) -> Self {
        self.file("hookmux.toml", 0o644, text)
    }

    pub fn link(self, script: &str, target: impl AsRef<Path>) -> Self {
        let path = self.path(script);
        self.directory(path.parent().unwrap());
        symlink(target, path).unwrap();
        self
    }

    pub fn mode(self, script: &str, mode: u32) -> Self {
        fs::set_permissions(self.path(script), Permissions::from_mode(mode)).unwrap();
        self
    }

    /// Sets the standard input of later calls.
    pub fn document(mut self, document: impl Into<Vec<u8>>) -> Self {
        self.document = document.into();
        self
    }

    /// Calls a hook; `args`, of which the first is its name, are split at spaces.
    pub fn call(&self, args: &str) -> Seen {
        self.call_args(&args.split(' ').map(OsStr::new).collect::<Vec<_>>())
    }

    pub fn call_args(&self, args: &[&OsStr]) -> Seen {
        self.see(self.command(args))
    }

    /// Returns the command of a call, with the environment and directory that libvirt sets.
    pub fn command(&self, args: &[&OsStr]) -> Command {
        let (hook, args) = args.split_first().unwrap();
        let base = if hook.as_bytes() == b"fsfreeze-hook" { "etc/qemu" } else { "etc/libvirt/hooks" };
        let mut command = Command::new(self.root().join(base).join(hook));
        command.args(args);
        self.as_libvirt(&mut command);
        command
    }

    pub fn as_libvirt(&self, command: &mut Command) {
        command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir("/");
        command.env("HOOKMUX_ROOT", self.root());
    }

    /// Returns a call through another program that executes its last arguments: `prlimit`, `unshare`, `sh -c '…"$@"'`.
    pub fn through(&self, program: &[&str], call: &str) -> Command {
        let (name, args) = program.split_first().unwrap();
        let mut command = Command::new(name);
        command.args(args).args(hook(self, call));
        self.as_libvirt(&mut command);
        command
    }

    /// Runs a command as libvirt does: with three pipes, and both outputs read until end of file.
    pub fn see(&self, mut command: Command) -> Seen {
        let _ = fs::remove_file(self.root().join("ran"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = spawn(&mut command);
        let (mut stdin, document) = (child.stdin.take().unwrap(), self.document.clone());
        // The hook need not read it: libvirt accepts EPIPE.
        let writer = std::thread::spawn(move || stdin.write_all(&document));
        let output = child.wait_with_output().unwrap();
        let took = started.elapsed();
        let _ = writer.join().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).replace(self.root().to_str().unwrap(), "");
        Seen { code: output.status.code(), out: output.stdout, err, ran: self.ran(), took }
    }

    /// Returns the scripts that ran since the last call began.
    pub fn ran(&self) -> Vec<String> {
        let turns = fs::read_to_string(self.root().join("ran")).unwrap_or_default();
        turns.lines().map(str::to_owned).collect()
    }

    /// Returns the content of a file that a script has written below the root.
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

impl Drop for Hooks {
    /// Kills background processes of scripts, whose numbers are in the file `background`.
    fn drop(&mut self) {
        let left = fs::read_to_string(self.root().join("background")).unwrap_or_default();
        for pid in left.lines().filter_map(|pid| pid.trim().parse().ok()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

impl Seen {
    /// Asserts exit code, scripts and standard error, all at once, so that one run shows every difference.
    #[track_caller]
    pub fn is<const N: usize>(&self, code: i32, ran: [&str; N], err: &str) -> &Self {
        let seen = (self.code, self.ran.iter().map(String::as_str).collect::<Vec<_>>(), self.err.as_str());
        assert_eq!(seen, (Some(code), ran.to_vec(), err), "{self:?}");
        self
    }

    /// Asserts exit code and scripts, and that standard error contains each of these texts.
    #[track_caller]
    pub fn is_like<const N: usize>(&self, code: i32, ran: [&str; N], err: &[&str]) -> &Self {
        let missing: Vec<&&str> = err.iter().filter(|part| !self.err.contains(**part)).collect();
        let seen = (self.code, self.ran.iter().map(String::as_str).collect::<Vec<_>>(), missing);
        assert_eq!(seen, (Some(code), ran.to_vec(), vec![]), "{self:?}");
        self
    }

    #[track_caller]
    pub fn prints(&self, out: impl AsRef<[u8]>) -> &Self {
        assert!(self.out == out.as_ref(), "{}\n{:?}", String::from_utf8_lossy(&self.out), self.err);
        self
    }

    #[track_caller]
    pub fn within(&self, bound: Duration) -> &Self {
        assert!(self.took < bound, "{self:?}");
        self
    }
}

/// Returns arguments that need not be UTF-8.
pub fn args<'a>(args: &'a [&'a [u8]]) -> Vec<&'a OsStr> {
    args.iter().map(|arg| OsStr::from_bytes(arg)).collect()
}

/// Returns a shell that its children take for a libvirt daemon, by its executable's name and the library that it has mapped.
pub fn stand_in(hooks: &Hooks, daemon: &str, release: Option<&str>) -> Command {
    let shell = hooks.root().join(daemon);
    write(&shell, &fs::read("/bin/dash").unwrap());
    fs::set_permissions(&shell, Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(shell);
    hooks.as_libvirt(&mut command);
    if let Some(release) = release {
        let library = hooks.root().join(format!("libvirt.so.0.{release}.0"));
        let any = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6"];
        let any = any.into_iter().find(|path| Path::new(path).exists()).expect("a library to copy");
        fs::copy(any, &library).unwrap();
        command.env("LD_PRELOAD", library);
    }
    // More than one command, because a shell replaces itself with a single one.
    command.args(["-c", "unset LD_PRELOAD; \"$@\"; exit $?", daemon]);
    command
}

/// Returns the arguments of a call with the hook's full path, for [`stand_in`].
pub fn hook(hooks: &Hooks, call: &str) -> Vec<OsString> {
    let (name, rest) = call.split_once(' ').unwrap();
    let path = hooks.path("base:").join(name).into_os_string();
    [path].into_iter().chain(rest.split(' ').map(OsString::from)).collect()
}
