//! The guest agent's hook with the example in it. In: which database, and the environment of a client. Out: answers.
//! Does.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::server;

/// A root with hookmux, linked as the hook, and the example.
pub(crate) struct Hook {
    root: TempDir,
    environment: Vec<(String, String)>,
}

/// Exit code, and standard error without the root.
pub(crate) type Answer = (Option<i32>, String);

/// Returns the answer of a hook that succeeds.
pub(crate) fn success() -> Answer {
    (Some(0), String::new())
}

impl Hook {
    /// Installs the example with the setting `database`; clients find the server by `environment`.
    pub(crate) fn new(database: &str, environment: &[(&str, String)]) -> Self {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let hook = Self { root: tempfile::tempdir().unwrap(), environment };
        fs::create_dir_all(hook.path("etc/qemu")).unwrap();
        let built = support::binary();
        symlink(built, hook.path("etc/qemu/fsfreeze-hook")).unwrap();
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/fsfreeze-hook.d/10-flush-database");
        hook.file("etc/hookmux/flush-database", 0o644, database);
        hook.script("10-flush-database", &fs::read_to_string(example).unwrap());
        hook
    }

    /// Writes another script.
    pub(crate) fn script(&self, name: &str, text: &str) {
        self.file(&format!("etc/hookmux/fsfreeze-hook.d/{name}"), 0o755, text);
    }

    /// Writes hookmux.toml.
    pub(crate) fn settings(&self, text: &str) {
        self.file("etc/hookmux/hookmux.toml", 0o644, text);
    }

    fn file(&self, name: &str, mode: u32, text: &str) {
        let (source, path) = (self.path("source"), self.path(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&source, text).unwrap();
        // By a copy of its own: a descriptor for writing that another test's child inherits makes a script "busy".
        server::run(Command::new("install").arg(format!("--mode={mode:o}")).args([source, path]));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Calls the hook like an agent since 9.1, which waits until no process has the outputs open.
    pub(crate) fn call(&self, operation: &str) -> Answer {
        let mut command = Command::new(self.path("etc/qemu/fsfreeze-hook"));
        command
            .arg(operation)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOOKMUX_ROOT", self.root.path());
        let environment = self.environment.iter().map(|(name, value)| (OsStr::new(name), OsStr::new(value)));
        let output = command.envs(environment).current_dir("/").stdin(Stdio::null()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).replace(self.root.path().to_str().unwrap(), "");
        (output.status.code(), errors)
    }
}

impl Drop for Hook {
    /// Thaws at the end of each test, so that no client of the example keeps running.
    fn drop(&mut self) {
        self.call("thaw");
    }
}
