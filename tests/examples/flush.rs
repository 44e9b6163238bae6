//! fsfreeze-hook.d/10-flush-database, with a script in place of the database's client on PATH: the statements that it
//! gets, and when the lock is released. Does.

use crate::{Answer, Example, passes, refuses};
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A client that takes the lock, which it holds as long as the file ROOT/locked exists.
const LOCKS: &str = r#"
echo "$0 $*" >>"$HOOKMUX_ROOT/log"
while read -r statement; do
    echo "$statement" >>"$HOOKMUX_ROOT/log"
    [ "$statement" != "SELECT 'locked';" ] || { touch "$HOOKMUX_ROOT/locked"; echo locked; }
done
echo "end" >>"$HOOKMUX_ROOT/log"
rm "$HOOKMUX_ROOT/locked"
"#;
const SESSION: &str = "--batch --skip-column-names --unbuffered --connect-timeout=10
SET SESSION lock_wait_timeout = 20;
FLUSH TABLES WITH READ LOCK;
SELECT 'locked';
";

/// A guest with this script, and only the programs that it may use. It is always thawed at the end.
struct Guest(Example);

impl Guest {
    fn new(database: &str) -> Self {
        let guest = Self(Example::new("fsfreeze-hook.d/10-flush-database").setting("flush-database", database));
        fs::create_dir(guest.0.path("bin")).unwrap();
        for tool in ["sh", "cat", "id", "mkdir", "mkfifo", "rm", "tail", "touch", "tr"] {
            let found = ["/usr/bin", "/bin"].map(|directory| format!("{directory}/{tool}"));
            let found = found.iter().find(|path| fs::metadata(path).is_ok()).unwrap();
            symlink(found, guest.0.path("bin").join(tool)).unwrap();
        }
        guest
    }

    fn program(self, name: &str, body: &str) -> Self {
        self.0.program(&format!("bin/{name}"), &format!("#!/bin/sh\n{body}\n"));
        self
    }

    fn command(&self, operation: &str) -> Command {
        let mut command = self.0.command(&[operation]);
        command.env("PATH", self.0.path("bin"));
        command
    }

    fn call(&self, operation: &str) -> Answer {
        self.0.answer(self.command(operation), "")
    }

    fn thaw_within_10_seconds(&self) -> Answer {
        let thaw = self.command("thaw");
        let mut bounded = Command::new("timeout");
        bounded.arg("10").arg(thaw.get_program()).args(thaw.get_args()).env("HOOKMUX_ROOT", self.0.path(""));
        self.0.answer(bounded, "")
    }

    fn has(&self, name: &str) -> bool {
        fs::symlink_metadata(self.0.path(name)).is_ok()
    }

    /// Reports whether this becomes true within 10 s, far more than another process needs.
    fn eventually(&self, what: impl Fn(&Self) -> bool) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(10) {
            if what(self) {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.0.path("log")).unwrap_or_default();
        log.replace(self.0.path("bin").to_str().unwrap(), "BIN")
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.thaw_within_10_seconds();
    }
}

fn not_frozen(why: &str) -> Answer {
    refuses(&format!("flush-database: nothing is frozen: {why}"))
}

const STATE: &str = "run/hookmux-flush-database";

#[test]
fn mariadb_keeps_its_lock_from_freeze_to_thaw_without_blocking_its_caller() {
    for client in ["mariadb", "mysql"] {
        let guest = Guest::new("mariadb\n").program(client, LOCKS);
        // The call returns only if no background process has stdout or stderr open.
        assert_eq!(guest.call("freeze"), passes());
        assert_eq!((guest.has("locked"), guest.log()), (true, format!("BIN/{client} {SESSION}")));
        assert_eq!(guest.call("thaw"), passes());
        assert!(guest.eventually(|guest| !guest.has("locked")), "the lock stays after thaw");
        assert_eq!((guest.has(STATE), guest.log()), (false, format!("BIN/{client} {SESSION}end\n")));
    }
}

#[test]
fn the_lock_outlives_the_freeze_and_is_released_by_the_thaw() {
    let guest = Guest::new("mariadb\n").program("mariadb", LOCKS);
    fs::create_dir(guest.0.path("etc/qemu")).unwrap();
    symlink(support::binary(), guest.0.path("etc/qemu/fsfreeze-hook")).unwrap();
    let agent = |operation| {
        let mut command = Command::new(guest.0.path("etc/qemu/fsfreeze-hook"));
        command.arg(operation).env("HOOKMUX_ROOT", guest.0.path("")).env("PATH", guest.0.path("bin"));
        guest.0.answer(command, "")
    };
    assert_eq!(agent("freeze"), passes());
    thread::sleep(Duration::from_millis(300));
    assert_eq!((guest.has("locked"), guest.log()), (true, format!("BIN/mariadb {SESSION}")));
    assert_eq!(agent("thaw"), passes());
    assert!(guest.eventually(|guest| !guest.has("locked")), "the lock stays after thaw");
}

#[test]
fn a_client_that_does_not_get_the_lock_fails_the_freeze_with_its_message_and_leaves_nothing() {
    let lost = "ERROR 1205 (HY000) at line 2: Lock wait timeout exceeded; try restarting transaction";
    // (the client's commands, its message)
    let cases = [
        (format!("read -r _; echo 'FLUSH TABLES\n--------\n{lost}' >&2; exit 1"), lost),
        ("echo 'cannot connect' >&2; exit 1".into(), "cannot connect"),
        ("exit 0".into(), ""),
        ("echo something else; cat >/dev/null".into(), ""),
        ("kill -9 $$".into(), ""),
    ];
    for (body, message) in cases {
        let guest = Guest::new("mariadb\n").program("mariadb", &body);
        let wanted = not_frozen(&format!("ROOT/bin/mariadb did not lock the tables: {message}"));
        assert_eq!((guest.call("freeze"), guest.has(STATE)), (wanted, false), "{body}");
    }
}

#[test]
fn a_freeze_without_a_client_or_a_choice_fails_and_names_what_is_missing() {
    let choice = || not_frozen("ROOT/etc/hookmux/flush-database contains neither mariadb nor postgresql");
    let unset = Guest::new("");
    fs::remove_file(unset.0.path("etc/hookmux/flush-database")).unwrap();
    let cases = [
        (unset, choice()),
        (Guest::new(""), choice()),
        (Guest::new("oracle\n"), choice()),
        (Guest::new("mariadb\r\n").program("mariadb", LOCKS), choice()),
        (Guest::new("mariadb"), not_frozen("neither mariadb nor mysql is on PATH")),
    ];
    let (seen, wanted): (Vec<_>, Vec<_>) =
        cases.into_iter().map(|(guest, wanted)| (guest.call("freeze"), wanted)).unzip();
    assert_eq!(seen, wanted);
}

#[test]
fn thaw_is_safe_without_a_freeze_and_twice() {
    let guest = Guest::new("mariadb\n").program("mariadb", LOCKS);
    assert_eq!([guest.call("thaw"), guest.call("thaw")], [passes(), passes()]);
    assert_eq!([guest.call("freeze"), guest.call("thaw"), guest.call("thaw")], [passes(), passes(), passes()]);
    assert_eq!((guest.has(STATE), guest.call("status")), (false, passes()));
}

#[test]
fn a_second_freeze_releases_the_lock_of_the_first() {
    let guest = Guest::new("mariadb").program("mariadb", LOCKS);
    assert_eq!(guest.call("freeze"), passes());
    assert_eq!(guest.call("freeze"), passes());
    assert!(
        guest.eventually(|guest| guest.log().contains("end\n")),
        "the first session is still open: {}",
        guest.log()
    );
    assert_eq!(guest.log().matches("SELECT 'locked';\n").count(), 2);
}

#[test]
fn thaw_cleans_up_after_a_freeze_that_was_killed_while_it_waited() {
    let guest = Guest::new("mariadb").program("mariadb", "cat >/dev/null; touch \"$HOOKMUX_ROOT/gone\"");
    let mut freeze = guest.command("freeze").process_group(0).stdin(Stdio::null()).spawn().unwrap();
    assert!(guest.eventually(|guest| guest.has(&format!("{STATE}/error"))), "the client was not started");
    freeze.kill().unwrap();
    freeze.wait().unwrap();
    assert_eq!(guest.call("thaw"), passes());
    assert!(guest.eventually(|guest| guest.has("gone")), "the client is still there after thaw");
    assert!(!guest.has(STATE));
}

#[test]
fn thaw_does_not_wait_for_a_killed_lock_holder() {
    let guest = Guest::new("mariadb").program("mariadb", LOCKS);
    let mut freeze = guest.command("freeze").process_group(0).stdin(Stdio::null()).spawn().unwrap();
    let group = nix::unistd::Pid::from_raw(i32::try_from(freeze.id()).unwrap());
    assert!(freeze.wait().unwrap().success());
    nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL).unwrap();

    assert_eq!((guest.thaw_within_10_seconds(), guest.has(STATE)), (passes(), false));
}

#[test]
fn postgresql_makes_a_checkpoint_as_its_own_user_and_fails_with_psqls_message() {
    let psql = "echo \"psql $*\" >>\"$HOOKMUX_ROOT/log\"";
    let runuser = "echo \"runuser $1 $2 $3\" >>\"$HOOKMUX_ROOT/log\"; shift 3; exec \"$@\"";
    let guest = Guest::new("postgresql\n").program("psql", psql).program("runuser", runuser);
    assert_eq!([guest.call("freeze"), guest.call("thaw")], [passes(), passes()]);
    let user = if nix::unistd::geteuid().is_root() { "runuser -u postgres --\n" } else { "" };
    let wanted = format!("{user}psql --no-psqlrc --quiet --dbname=postgres --command=CHECKPOINT\n");
    assert_eq!(guest.log(), wanted);

    let down = "psql: error: connection to server failed: No such file or directory";
    let guest = guest.program("psql", &format!("echo '{down}\nIs the server running?' >&2; exit 2"));
    let wanted = not_frozen(&format!("psql did not make a checkpoint: {down} Is the server running?"));
    assert_eq!(guest.call("freeze"), wanted);
}
