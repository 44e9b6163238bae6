//! A host: namespaces that look like this machine with a fresh /etc, /usr, /var, /run and /tmp over it, in which
//! daemons, guests and hooks run. In: a name. Out: its files, and commands that run in it. Does.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Once, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::cgroups::Cgroups;
use crate::prerequisites;

/// The PATH that systemd gives to a system service.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The time limit of everything that normally takes a second.
pub const TIMEOUT: Duration = Duration::from_secs(90);

/// Namespaces with their first process; dropping it ends every process in them, and the kernel then removes the mounts.
pub struct Host {
    first: Child,
    pub name: String,
    /// Dropped after the processes have ended.
    _cgroups: Option<Cgroups>,
}

/// The result of a command in a host.
#[derive(Debug)]
pub struct Answer {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Host {
    /// Creates a host for guests and networks, in which no daemon is running yet.
    pub fn new(name: &str) -> Self {
        Self::open(name, Path::new(""), Path::new(""), None)
    }

    /// Creates a host that sees `wire`, a directory of this machine, as /run/wire, and has cgroups.
    pub fn on_wire(name: &str, wire: &Path) -> Self {
        Self::open(name, wire, Path::new(""), Some(Cgroups::new(name)))
    }

    /// Creates a host with another release of Debian, whose root directory is `root`.
    pub fn of_release(name: &str, root: &Path) -> Self {
        Self::open(name, Path::new(""), root, None)
    }

    /// Creates a host with cgroups, which containers need.
    pub fn with_cgroups(name: &str) -> Self {
        Self::open(name, Path::new(""), Path::new(""), Some(Cgroups::new(name)))
    }

    fn open(name: &str, wire: &Path, root: &Path, cgroups: Option<Cgroups>) -> Self {
        prerequisites::assert_present();
        remember_reasons();
        let first_stage = if cgroups.is_some() { "cgroups" } else { "namespaces" };
        let mut first = Command::new("/bin/sh")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/namespaces.sh"))
            .args([first_stage, name])
            .args([wire, root])
            .args(cgroups.iter().flat_map(|cgroups| &cgroups.directories))
            .env_clear()
            .env("PATH", PATH)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut lines = BufReader::new(first.stdout.take().unwrap());
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = lines.read_line(&mut line);
            // The receiver is gone after the timeout.
            let _ = sender.send(line);
        });
        let mut host = Self { first, name: name.to_owned(), _cgroups: cgroups };
        let first_line = receiver.recv_timeout(TIMEOUT);
        if first_line.as_deref() != Ok("ready\n") {
            let _ = host.first.kill();
            let mut errors = String::new();
            let _ = host.first.stderr.take().unwrap().read_to_string(&mut errors);
            panic!("the namespaces of {name} were not created: {first_line:?} {errors}");
        }
        host.file("/run/record.sh", 0o644, include_bytes!("record.sh"));
        host
    }

    /// Returns the path on this machine of the host's file `inside`, an absolute path.
    pub fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{inside}", self.first.id()))
    }

    /// Writes a file with its mode, and creates its parent directories.
    pub fn file(&self, inside: &str, mode: u32, content: &[u8]) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&path).unwrap();
        file.write_all(content).unwrap();
        // The mode given to open passes through the umask.
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Writes a hook script that records its call in the directory $record and then runs `body`.
    pub fn script(&self, inside: &str, body: &str) {
        self.file(inside, 0o755, format!("#!/bin/sh\n. /run/record.sh\n{body}\n").as_bytes());
    }

    /// Installs hookmux as its package does, and links it as the hook of each driver.
    pub fn link_hookmux(&self, drivers: &[&str]) {
        for (program, built) in [("hookmux", crate::binary()), ("hookmux-hook", crate::hook_program())] {
            let content = fs::read(&built).unwrap_or_else(|error| panic!("{}: {error}", built.display()));
            self.file(&format!("/usr/bin/{program}"), 0o755, &content);
        }
        fs::create_dir_all(self.path("/etc/libvirt/hooks")).unwrap();
        for driver in drivers {
            let link = self.path(&format!("/etc/libvirt/hooks/{driver}"));
            std::os::unix::fs::symlink("/usr/bin/hookmux-hook", link).unwrap();
        }
    }

    /// Runs a command in the host and waits for it.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Answer {
        self.run_within(TIMEOUT, args)
    }

    /// Runs a command that may take longer than others.
    pub fn run_within<S: AsRef<std::ffi::OsStr>>(&self, timeout: Duration, args: &[S]) -> Answer {
        let pid = self.first.id();
        let started = Instant::now();
        let mut child = Command::new("/usr/bin/nsenter")
            .args([&format!("--target={pid}"), "--mount", "--uts", "--ipc", "--net", "--cgroup"])
            // The process whose pid the test has created the pid namespace, and is not in it.
            .arg(format!("--pid=/proc/{pid}/ns/pid_for_children"))
            .arg("--")
            .args(args)
            .env_clear()
            .envs([("PATH", PATH), ("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root"), ("LANG", "C.UTF-8")])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nsenter starts");
        let stdout = read_all(child.stdout.take().unwrap());
        let stderr = read_all(child.stderr.take().unwrap());
        let code = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            if started.elapsed() > timeout {
                let _ = child.kill();
                panic!("{:?} has not ended after {timeout:?}", args.iter().map(AsRef::as_ref).collect::<Vec<_>>());
            }
            thread::sleep(Duration::from_millis(5));
        };
        let took = started.elapsed();
        Answer { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap(), took }
    }

    /// Waits until `happened` is true, or fails and names `what` did not happen.
    pub fn wait_until(&self, what: &str, happened: impl Fn() -> bool) {
        let started = Instant::now();
        while !happened() {
            assert!(started.elapsed() < TIMEOUT, "{}: waited {TIMEOUT:?} for {what}", self.name);
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Answer {
    /// Asserts that the command succeeded, and returns its result.
    pub fn succeeded(self) -> Self {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self
    }

    /// Asserts that the command failed, and returns its result.
    pub fn failed(self) -> Self {
        assert_eq!(self.code, Some(1), "{self:?}");
        self
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if thread::panicking() {
            // The reason comes last, because long logs are cut at their beginning.
            eprintln!("{}\n{}", self.logs(), REASON.take());
        }
        // The first process inside reads its stdin. When it ends, the kernel ends everything in its pid namespace, and only
        // then does `first` see its end.
        drop(self.first.stdin.take());
        let started = Instant::now();
        while matches!(self.first.try_wait(), Ok(None)) {
            if started.elapsed() > TIMEOUT {
                let _ = self.first.kill();
                let _ = self.first.wait();
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

thread_local! {
    /// The end of this thread's panic message, which contains the differences.
    static REASON: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps each panic message in [`REASON`], after the standard library's own panic hook.
fn remember_reasons() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            default(panic);
            let message = panic.to_string();
            REASON.set(message[message.ceil_char_boundary(message.len().saturating_sub(1000))..].to_owned());
        }));
    });
}

fn read_all(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
