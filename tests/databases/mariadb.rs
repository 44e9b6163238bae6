//! MariaDB: no client writes between freeze and thaw, and what is on the disk by then is complete.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::hook::{Hook, success};
use crate::server::{self, Server};
use crate::writer::Writer;

const DAEMON: &str = "/usr/sbin/mariadbd";

/// A server, with one table that survives a crash by itself and one that does not.
struct MariaDb {
    // Ended before its directory goes.
    _server: Server,
    directory: TempDir,
}

impl MariaDb {
    fn new() -> Self {
        server::assert_present(Path::new(DAEMON));
        let directory = server::directory("mysql");
        let data = format!("--datadir={}", directory.path().join("data").display());
        let flags = ["--no-defaults", "--user=mysql", "--auth-root-authentication-method=socket", "--skip-test-db"];
        // A server that starts deletes what looks like leftovers of another one in the directory for temporary files.
        server::run(Command::new("mariadb-install-db").args(flags).arg(data).env("TMPDIR", directory.path()));
        let database = Self::start(directory);
        database.sql(
            "CREATE DATABASE t; CREATE TABLE t.safe (n INT) ENGINE=InnoDB; CREATE TABLE t.plain (n INT) ENGINE=MyISAM",
        );
        database
    }

    /// Starts a server on a directory with data in it.
    fn start(directory: TempDir) -> Self {
        let at = |name: &str| directory.path().join(name).display().to_string();
        let mut daemon = Command::new(DAEMON);
        daemon.env("TMPDIR", directory.path());
        daemon.args(["--no-defaults", "--user=mysql", "--skip-networking", "--innodb-buffer-pool-size=16M"]);
        daemon.args([format!("--datadir={}", at("data")), format!("--socket={}", at("socket"))]);
        let server = Server::start(daemon.arg(format!("--pid-file={}", at("pid"))), "TERM");
        // On a machine with such a server, the administrator's client would look here first.
        std::fs::write(at(".my.cnf"), format!("[client]\nsocket={}\n", at("socket"))).unwrap();
        let database = Self { _server: server, directory };
        server::wait_until("MariaDB to answer", || {
            database.client("SELECT 1").stderr(Stdio::null()).stdout(Stdio::null()).status().unwrap().success()
        });
        database
    }

    fn home(&self) -> String {
        self.directory.path().display().to_string()
    }

    fn client(&self, statements: &str) -> Command {
        client(&self.home(), statements)
    }

    fn sql(&self, statements: &str) -> String {
        server::run(&mut self.client(statements))
    }

    fn hook(&self) -> Hook {
        Hook::new("mariadb", &[("HOME", self.home())])
    }

    fn writer(&self) -> Writer {
        let home = self.home();
        Writer::start(move |n| {
            server::run(&mut client(
                &home,
                &format!("INSERT INTO t.safe VALUES ({n}); INSERT INTO t.plain VALUES ({n})"),
            ));
        })
    }

    /// Counts the numbers in each table.
    fn counts(&self) -> String {
        self.sql("SELECT COUNT(*) FROM t.safe; SELECT COUNT(*) FROM t.plain").replace('\n', " ")
    }

    /// Starts a server on a copy of what is on the disk now.
    fn snapshot(&self) -> Self {
        let pid = std::fs::read_to_string(self.directory.path().join("pid")).unwrap();
        let copy = server::directory("mysql");
        let signal = |name: &str| server::run(Command::new("kill").args([name, pid.trim()]));
        signal("-STOP");
        let copied = Command::new("cp").arg("-a").arg(self.directory.path().join("data")).arg(copy.path()).status();
        signal("-CONT");
        assert!(copied.unwrap().success());
        Self::start(copy)
    }

    /// Starts a client that locks a table until it is dropped.
    fn client_that_locks_a_table(&self) -> Client {
        let holder = self.client("LOCK TABLES t.plain WRITE; SELECT SLEEP(600)").stdout(Stdio::null()).spawn().unwrap();
        server::wait_until("a client to lock a table", || self.sql("SHOW PROCESSLIST").contains("SLEEP(600)"));
        Client(holder)
    }
}

/// A client of ours, ended by its number.
struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn client(home: &str, statements: &str) -> Command {
    let mut client = Command::new("mariadb");
    client.env("HOME", home).args(["--batch", "--skip-column-names", "--execute", statements]).stdin(Stdio::null());
    client
}

#[test]
fn no_client_writes_during_a_freeze_and_a_snapshot_of_that_time_is_consistent() {
    let database = MariaDb::new();
    let (hook, writer) = (database.hook(), database.writer());
    assert_eq!(hook.call("freeze"), success());
    let before = database.counts();
    assert!(writer.is_blocked());
    assert_eq!(database.counts(), before, "readers are not blocked");
    let snapshot = database.snapshot();
    assert_eq!(hook.call("thaw"), success());
    writer.makes_progress();
    let written = writer.end();
    assert_eq!(database.counts(), format!("{written} {written}"), "nothing was lost in waiting");

    let checked = snapshot.sql("CHECK TABLE t.safe, t.plain");
    assert_eq!(
        (snapshot.counts(), checked),
        (before, "t.safe\tcheck\tstatus\tOK\nt.plain\tcheck\tstatus\tOK".to_owned())
    );
}

#[test]
fn without_a_freeze_a_snapshot_is_not_consistent() {
    // The test above would pass if freeze did nothing; this table is complete only once it is flushed.
    let database = MariaDb::new();
    let writer = database.writer();
    let checked = database.snapshot().sql("CHECK TABLE t.plain");
    assert!(checked.contains("warning"), "{checked}");
    writer.end();
}

#[test]
fn one_thaw_ends_two_freezes_and_a_second_thaw_succeeds() {
    let database = MariaDb::new();
    let (hook, writer) = (database.hook(), database.writer());
    assert_eq!([hook.call("thaw"), hook.call("freeze"), hook.call("freeze")], [success(), success(), success()]);
    assert!(writer.is_blocked());
    assert_eq!(hook.call("thaw"), success());
    writer.makes_progress();
    assert_eq!(hook.call("thaw"), success());
    writer.end();
}

#[test]
fn a_later_script_that_fails_releases_the_lock() {
    let database = MariaDb::new();
    let (hook, writer) = (database.hook(), database.writer());
    hook.script("20-fails", "#!/bin/sh\n[ $1 = thaw ] || exit 3\n");
    let line = "hookmux: fsfreeze-hook freeze refused: /etc/hookmux/fsfreeze-hook.d/20-fails exited 3\n";
    assert_eq!(hook.call("freeze"), (Some(3), line.to_owned()));
    writer.makes_progress();
    writer.end();
}

#[test]
fn a_lock_that_is_not_granted_in_time_fails_the_freeze_and_blocks_no_client() {
    let database = MariaDb::new();
    let hook = database.hook();
    hook.settings("[[rule]]\nscript = '10-flush-database'\noperation = 'freeze'\ntimeout = '2s'\n");
    let client = database.client_that_locks_a_table();
    let line =
        "hookmux: fsfreeze-hook freeze failed: /etc/hookmux/fsfreeze-hook.d/10-flush-database timed out after 2 s\n";
    assert_eq!(hook.call("freeze"), (Some(1), line.to_owned()));
    drop(client);
    let writer = database.writer();
    writer.end();
}

#[test]
fn a_lock_that_is_never_granted_fails_the_freeze_with_the_servers_message() {
    let database = MariaDb::new();
    let hook = database.hook();
    let _client = database.client_that_locks_a_table();
    let line = "hookmux: fsfreeze-hook freeze refused: /etc/hookmux/fsfreeze-hook.d/10-flush-database exited 1\n\
        flush-database: nothing is frozen: /usr/bin/mariadb did not lock the tables: \
        ERROR 1205 (HY000) at line 2: Lock wait timeout exceeded; try restarting transaction\n";
    assert_eq!(hook.call("freeze"), (Some(1), line.to_owned()));
}

#[test]
fn a_server_that_is_down_fails_the_freeze() {
    server::assert_present(Path::new(DAEMON));
    let home = server::directory("mysql");
    let socket: PathBuf = home.path().join("socket");
    std::fs::write(home.path().join(".my.cnf"), format!("[client]\nsocket={}\n", socket.display())).unwrap();
    let hook = Hook::new("mariadb", &[("HOME", home.path().display().to_string())]);
    let (code, errors) = hook.call("freeze");
    let line = "hookmux: fsfreeze-hook freeze refused: /etc/hookmux/fsfreeze-hook.d/10-flush-database exited 1\n\
        flush-database: nothing is frozen: /usr/bin/mariadb did not lock the tables: ERROR 2002 (HY000): ";
    assert!(code == Some(1) && errors.starts_with(line), "{code:?} {errors}");
}
