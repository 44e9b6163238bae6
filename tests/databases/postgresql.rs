//! PostgreSQL: everything that was committed before freeze is on the disk when freeze is over; no client waits.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::hook::{Hook, success};
use crate::server::{self, Server};
use crate::writer::Writer;

/// A server with a table.
struct PostgreSql {
    // Ended before its directory goes. `None` while it is down.
    server: Option<Server>,
    directory: TempDir,
}

/// Returns the directory with the programs of the newest installed release.
fn programs() -> PathBuf {
    let releases = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = releases.map(|found| found.path().join("bin")).filter(|bin| bin.join("postgres").exists()).max();
    let bin = newest.unwrap_or_else(|| PathBuf::from("/usr/lib/postgresql/15/bin"));
    server::assert_present(&bin.join("postgres"));
    bin
}

/// Prepares a program as the server's user.
fn as_postgres(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program).current_dir("/");
    command
}

fn psql(home: &str, statement: &str) -> Command {
    let mut psql = as_postgres(Path::new("psql"));
    psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--dbname=postgres", "--command", statement]);
    psql.env("PGHOST", home).stdin(Stdio::null());
    psql
}

impl PostgreSql {
    fn new() -> Self {
        let bin = programs();
        let directory = server::directory("postgres");
        let data = directory.path().join("data");
        server::run(as_postgres(&bin.join("initdb")).args(["--auth=peer", "--no-sync", "--pgdata"]).arg(data));
        let mut database = Self { server: None, directory };
        database.start();
        database.sql("CREATE TABLE written (n INT)");
        database
    }

    fn start(&mut self) {
        let mut postgres = as_postgres(&programs().join("postgres"));
        postgres.arg("-D").arg(self.directory.path().join("data")).arg("-k").arg(self.directory.path());
        // SIGQUIT: at once and without writing anything out, as in a power cut.
        self.server = Some(Server::start(postgres.args(["-c", "listen_addresses="]), "QUIT"));
        server::wait_until("PostgreSQL to answer", || {
            psql(&self.home(), "SELECT 1").stderr(Stdio::null()).stdout(Stdio::null()).status().unwrap().success()
        });
    }

    fn home(&self) -> String {
        self.directory.path().display().to_string()
    }

    fn sql(&self, statement: &str) -> String {
        server::run(&mut psql(&self.home(), statement))
    }

    fn hook(&self) -> Hook {
        Hook::new("postgresql", &[("PGHOST", self.home())])
    }

    fn writer(&self) -> Writer {
        let home = self.home();
        Writer::start(move |n| {
            server::run(&mut psql(&home, &format!("INSERT INTO written VALUES ({n})")));
        })
    }
}

#[test]
fn rows_that_were_written_before_freeze_are_in_a_checkpoint_and_survive_a_power_cut() {
    let mut database = PostgreSql::new();
    let (hook, writer) = (database.hook(), database.writer());
    let reached = database.sql("SELECT pg_current_wal_insert_lsn()");
    let is_on_disk = format!("SELECT redo_lsn >= '{reached}' FROM pg_control_checkpoint()");
    assert_eq!(database.sql(&is_on_disk), "f", "a checkpoint now must be freeze's");
    assert_eq!((hook.call("freeze"), database.sql(&is_on_disk)), (success(), "t".to_owned()));
    writer.makes_progress();
    assert_eq!(hook.call("thaw"), success());
    writer.makes_progress();
    let written = writer.end();

    database.server = None;
    database.start();
    assert_eq!(database.sql("SELECT COUNT(*) FROM written"), written.to_string());
}

#[test]
fn a_thaw_alone_and_two_freezes_block_no_client() {
    let database = PostgreSql::new();
    let (hook, writer) = (database.hook(), database.writer());
    assert_eq!(
        ["thaw", "freeze", "freeze", "thaw", "thaw"].map(|operation| hook.call(operation)),
        [(); 5].map(|()| success())
    );
    writer.makes_progress();
    writer.end();
}

#[test]
fn a_server_that_is_down_fails_the_freeze() {
    let mut database = PostgreSql::new();
    database.server = None;
    let (code, errors) = database.hook().call("freeze");
    let line = "hookmux: fsfreeze-hook freeze refused: /etc/hookmux/fsfreeze-hook.d/10-flush-database exited 1\n\
        flush-database: nothing is frozen: psql did not make a checkpoint: psql: error: connection to server on socket ";
    assert!(code == Some(1) && errors.starts_with(line), "{code:?} {errors}");
}
