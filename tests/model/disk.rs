//! Writes a case to disk, and makes its call. In: a case. Out: the behaviour of hookmux. Does.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::stat::Mode as Bits;
use nix::sys::statvfs::{FsFlags, statvfs};
use tempfile::TempDir;

use crate::case::{At, Broken, Case, Directory, File, Mode, Rule, What};
use support::builder::{spawn, write};
use support::hook_program;
use support::programs::program;

/// The behaviour of hookmux, or the one that the oracle expects.
#[derive(Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// Path and arguments of each script that ran, in order.
    pub ran: Vec<String>,
    pub code: i32,
    pub out: String,
    /// The first line, without the root's path and without the advice at its end.
    pub message: String,
}

/// The four places, below the root.
pub const PLACES: [&str; 4] = ["/etc/libvirt/hooks", "/etc/hookmux", "/run/hookmux", "/usr/lib/hookmux"];

/// Returns the path of one of the four places.
pub fn place(case: &Case, place: usize) -> &'static str {
    if place == 0 && case.call.is_agents() { "/etc/qemu" } else { PLACES[place] }
}

/// Returns the document of the call.
pub fn document(case: &Case) -> String {
    let kind = if case.call.driver == "libxl" { "xen" } else { "qemu" };
    let uuid = "<uuid>00000000-0000-4000-8000-000000000001</uuid>";
    format!("<domain type='{kind}'><name>{}</name>{uuid}<title></title></domain>\n", case.object)
}

/// A user and a group without an account.
const OTHER_USER: u32 = 54_321;

pub struct Disk {
    scratch: TempDir,
    /// One file for each mode and owner: a script is a link to it.
    scripts: RefCell<HashMap<Mode, PathBuf>>,
}

impl Disk {
    pub fn new() -> Self {
        // In memory if possible: a hundred thousand files are created and removed.
        let shared = statvfs("/dev/shm").is_ok_and(|memory| !memory.flags().contains(FsFlags::ST_NOEXEC));
        let scratch = if shared { tempfile::tempdir_in("/dev/shm") } else { tempfile::tempdir() }.unwrap();
        fs::set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
        Self { scratch, scripts: RefCell::default() }
    }

    /// Writes a case to disk, makes its call and returns the result.
    pub fn call(&self, case: &Case) -> Behaviour {
        let root = self.root();
        let _ = fs::remove_dir_all(&root);
        self.put(case, &root);
        let hook = root.join(&place(case, 0)[1..]).join(case.call.driver);
        fs::create_dir_all(hook.parent().unwrap()).unwrap();
        symlink(hook_program(), &hook).unwrap();
        let mut command = Command::new(&hook);
        let Case { call, object, .. } = case;
        if call.is_agents() {
            command.arg(call.operation);
        } else {
            command.args([object, call.operation, call.sub, call.extra]);
        }
        command.env_clear().env("HOOKMUX_ROOT", &root).env("PATH", "/usr/bin:/bin").current_dir("/");
        fs::write(root.join("document"), document(case)).unwrap();
        command.stdin(fs::File::open(root.join("document")).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = spawn(&mut command).wait_with_output().unwrap();
        let message = self.shown(&output.stderr);
        Behaviour {
            ran: self.ran(),
            code: output.status.code().unwrap_or(-1),
            out: self.shown(&output.stdout),
            message: without_advice(message.lines().next().unwrap_or_default()),
        }
    }

    /// Returns the root of the case on disk.
    pub fn root(&self) -> PathBuf {
        self.scratch.path().join("root")
    }

    /// Returns a text without the root's path.
    pub fn shown(&self, bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap().replace(self.root().to_str().unwrap(), "")
    }

    /// Returns path and arguments of each script that ran since [`Disk::forget`] or the last call.
    pub fn ran(&self) -> Vec<String> {
        self.shown(&fs::read(self.root().join("log")).unwrap()).lines().map(str::to_owned).collect()
    }

    /// Forgets what has run.
    pub fn forget(&self) {
        fs::write(self.root().join("log"), "").unwrap();
    }

    fn put(&self, case: &Case, root: &Path) {
        fs::create_dir_all(root).unwrap();
        fs::write(root.join("log"), "").unwrap();
        for (at, directory) in case.directories.iter().enumerate() {
            let path = root.join(&place(case, at)[1..]).join(format!("{}.d", case.call.driver));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if *directory == Directory::AFile {
                write(&path, b"text\n");
                continue;
            }
            for file in case.files.iter().filter(|file| file.place == at) {
                self.file(file, &path, root);
            }
            if !path.exists() {
                continue;
            }
            let (mode, owner) = match directory {
                Directory::Safe | Directory::AFile => (0o755, (0, 0)),
                Directory::Sticky => (0o1777, (0, 0)),
                Directory::WritableByAll => (0o777, (0, 0)),
                Directory::WritableByRootsGroup => (0o775, (0, 0)),
                Directory::WritableByAGroup => (0o775, (0, OTHER_USER)),
                Directory::OtherUsers => (0o755, (OTHER_USER, 0)),
            };
            chown(&path, Some(owner.0), Some(owner.1)).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
        settings(case, root);
    }

    /// Writes a file, unless an earlier one of the case is there or in the way.
    fn file(&self, file: &File, driver: &Path, root: &Path) {
        let path = match &file.at {
            At::Top(name) => driver.join(name),
            At::Sub { guest, operation, sub } => driver.join(guest).join(operation).join(sub),
            At::InSub { guest, operation, sub, name } => driver.join(guest).join(operation).join(sub).join(name),
        };
        if fs::create_dir_all(path.parent().unwrap()).is_err() || path.symlink_metadata().is_ok() {
            return;
        }
        match file.what {
            What::Script(mode) => fs::hard_link(self.script(mode), &path).unwrap(),
            What::Empty(mode) => {
                write(&path, b"");
                set(&path, mode);
            }
            What::LinkToNull => symlink("/dev/null", &path).unwrap(),
            What::Dangling => symlink("nowhere", &path).unwrap(),
            What::Link { open } => {
                let store = root.join(if open { "open" } else { "store" });
                fs::create_dir_all(&store).unwrap();
                fs::set_permissions(&store, Permissions::from_mode(if open { 0o777 } else { 0o755 })).unwrap();
                let _ = fs::hard_link(self.script(Mode::Safe), store.join("script"));
                // Relative: below `--root`, an absolute link leads to the root's own files.
                let directory = path.parent().and_then(|parent| parent.strip_prefix(root).ok()).unwrap();
                let up: PathBuf = directory.components().map(|_| "..").collect();
                symlink(up.join(store.strip_prefix(root).unwrap()).join("script"), &path).unwrap();
            }
            What::NoInterpreter => text(&path, "#!/no/such/sh\n"),
            What::NoFirstLine => text(&path, "exit 0\n"),
            What::Fifo => nix::unistd::mkfifo(&path, Bits::from_bits_truncate(0o755)).unwrap(),
            What::Directory => fs::create_dir(&path).unwrap(),
        }
    }

    fn script(&self, mode: Mode) -> PathBuf {
        let mut scripts = self.scripts.borrow_mut();
        let path = scripts.entry(mode).or_insert_with(|| {
            let path = self.scratch.path().join(format!("{mode:?}"));
            write(&path, &fs::read(program("script")).unwrap());
            set(&path, mode);
            path
        });
        path.clone()
    }
}

fn set(path: &Path, mode: Mode) {
    let (bits, user, group) = match mode {
        Mode::Safe => (0o755, 0, 0),
        Mode::OnlyX => (0o711, 0, 0),
        Mode::NoX => (0o644, 0, 0),
        Mode::All => (0o757, 0, 0),
        Mode::RootsGroup => (0o775, 0, 0),
        Mode::AGroup => (0o775, 0, OTHER_USER),
        Mode::OtherUsers => (0o755, OTHER_USER, 0),
        Mode::SetUid => (0o4755, 0, 0),
    };
    chown(path, Some(user), Some(group)).unwrap();
    fs::set_permissions(path, Permissions::from_mode(bits)).unwrap();
}

fn text(path: &Path, text: &str) {
    write(path, text.as_bytes());
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// Writes the settings files of the case's rules, up to three.
fn settings(case: &Case, root: &Path) {
    let settings = &case.settings;
    let mut texts = [String::new(), String::new(), String::new()];
    if let Some(strict) = settings.strict {
        writeln!(texts[1], "strict = {strict}").unwrap();
    }
    if let Some(runs) = settings.libvirt_runs_dot_d {
        writeln!(texts[1], "libvirt-runs-dot-d = {runs}").unwrap();
    }
    match settings.broken {
        Some(Broken::UnknownKey) => texts[1] += "colour = 'blue'\n",
        Some(Broken::BadPattern) => texts[1] += "[[rule]]\nguest = '['\n",
        Some(Broken::WritableByAll) | None => {}
    }
    for rule in &settings.rules {
        texts[rule.file] += &toml(rule);
    }
    let last = if settings.hides_the_packages { "50-p.toml" } else { "60-a.toml" };
    let own = format!("etc/hookmux/hookmux.toml.d/{last}");
    for (path, text) in ["usr/lib/hookmux/hookmux.toml.d/50-p.toml", "etc/hookmux/hookmux.toml", &own].iter().zip(texts)
    {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    if settings.broken == Some(Broken::WritableByAll) {
        fs::set_permissions(root.join("etc/hookmux/hookmux.toml"), Permissions::from_mode(0o666)).unwrap();
    }
}

fn toml(rule: &Rule) -> String {
    let mut text = String::from("[[rule]]\n");
    let lists =
        [("script", &rule.script), ("driver", &rule.driver), ("guest", &rule.guest), ("operation", &rule.operation)];
    for (key, patterns) in lists {
        if let Some(patterns) = patterns {
            writeln!(text, "{key} = {patterns:?}").unwrap();
        }
    }
    if let Some(run) = rule.run {
        writeln!(text, "run = {run}").unwrap();
    }
    for (key, value) in [("on-failure", rule.on_failure), ("on-fault", rule.on_fault)] {
        if let Some(value) = value {
            writeln!(text, "{key} = {value:?}").unwrap();
        }
    }
    text
}

/// Removes the advice: a command that fixes the problem, or a list of valid values.
fn without_advice(line: &str) -> String {
    let advice = [" (chmod ", " (chown ", "; allowed here: ", "; until it is fixed, "];
    let end = advice.iter().filter_map(|advice| line.find(advice)).min();
    line[..end.unwrap_or(line.len())].to_owned()
}
