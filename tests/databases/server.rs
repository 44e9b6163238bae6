//! A private server of a database. In: a program that runs in the foreground. Out: a directory with a socket in it. Does:
//! the server ends with the test, however that ends.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The limit for everything that takes a few seconds.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(1);

/// Runs a server until no process has our end of the pipe open, also if the test was killed; then ends it with the signal
/// of the first argument.
const UNTIL_CLOSED: &str = "signal=$1; shift; \"$@\" & read -r _; kill -$signal $!; wait $!";

const INSTALL: &str = "apt-get update && apt-get install -y --no-install-recommends mariadb-server postgresql";

/// A running server; dropping it ends it.
pub(crate) struct Server(Child);

impl Server {
    /// Starts a server. `signal` ends it at once, by a shutdown or as in a crash.
    pub(crate) fn start(program: &mut Command, signal: &str) -> Self {
        let args = [program.get_program()].into_iter().chain(program.get_args());
        let mut holder = Command::new("sh");
        holder.args(["-c", UNTIL_CLOSED, "sh", signal]).args(args).stdin(Stdio::piped());
        Self(holder.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Creates a directory that belongs to a server's user and that every user can traverse.
pub(crate) fn directory(user: &str) -> TempDir {
    let directory = tempfile::Builder::new().prefix("db").tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    run(Command::new("chown").arg(format!("{user}:")).arg(directory.path()));
    directory
}

/// Fails the calling test unless this program exists and we are root.
pub(crate) fn assert_present(program: &Path) {
    let root = nix::unistd::geteuid().is_root();
    assert!(
        root && program.exists(),
        "real databases are needed: root ({root}) and {} are\nAs root:\n    {INSTALL}",
        program.display()
    );
}

/// Runs a program that must succeed, and returns what it writes, without the last line's end.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Waits until `happened` is true, or fails naming `what` did not happen.
pub(crate) fn wait_until(what: &str, happened: impl Fn() -> bool) {
    let begin = Instant::now();
    while !happened() {
        assert!(begin.elapsed() < TIMEOUT, "waited {TIMEOUT:?} for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
