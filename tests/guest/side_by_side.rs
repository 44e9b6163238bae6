//! The same scripts under QEMU's own hook and under hookmux, with both agents. In: scenarios. Out: one table, which is
//! the one in the document. Does.

use std::time::Duration;

use crate::guest::{DEBIAN, Guest, Hook};
use crate::table::{self, Row};
use support::image::Release;

/// A script, and how the machine is prepared for it.
struct Scenario {
    title: &'static str,
    /// The body of 20-b; 10-a and 30-c do nothing.
    body: &'static str,
    prepare: &'static str,
    clear: &'static str,
}

const fn scenario(title: &'static str, body: &'static str) -> Scenario {
    Scenario { title, body, prepare: "", clear: "" }
}

const SCENARIOS: &[Scenario] = &[
    scenario("all three succeed", ""),
    scenario("20-b fails to freeze", "[ $1 = thaw ] || { echo no space left >&2; exit 3; }"),
    scenario("20-b explains its failure on stdout", "[ $1 = thaw ] || { echo no space left; exit 3; }"),
    scenario("20-b fails to thaw", "[ $1 = freeze ] || { echo cannot unlock >&2; exit 4; }"),
    Scenario {
        prepare: "fsfreeze --freeze /var/log",
        clear: "fsfreeze --unfreeze /var/log 2>/dev/null; true",
        ..scenario("/var/log is frozen before, and 20-b writes 2000 lines", "[ $1 = thaw ] || seq 2000")
    },
    scenario("20-b hangs", "[ $1 = thaw ] || sleep 1000"),
    scenario("20-b leaves a child behind, which holds its stdout for 10 s", "[ $1 = thaw ] || sleep 10 &"),
    Scenario {
        prepare: "touch /run/log /var/log/qga-fsfreeze-hook.log
            mount -o bind /run/log /var/log/qga-fsfreeze-hook.log
            mount -o remount,bind,ro /var/log/qga-fsfreeze-hook.log",
        clear: "umount /var/log/qga-fsfreeze-hook.log",
        ..scenario("the same, and QEMU's log file is read-only", "[ $1 = thaw ] || sleep 10 &")
    },
    scenario("20-b writes 400 kB", "[ $1 = thaw ] || head -c 400000 /dev/zero | tr '\\0' x | tee /dev/stderr"),
    scenario("20-b writes 400 kB and fails", "[ $1 = thaw ] || { head -c 400000 /dev/zero | tr '\\0' x >&2; exit 3; }"),
    Scenario { prepare: "chmod o+w /etc/qemu/fsfreeze-hook.d/20-b", ..scenario("20-b is writable by every user", "") },
    Scenario {
        prepare: "mv /etc/qemu/fsfreeze-hook.d/20-b /etc/qemu/fsfreeze-hook.d/20-b.rpmsave",
        ..scenario("20-b.rpmsave is left over from an upgrade", "")
    },
];

const HEADING: [&str; 7] =
    ["what happens", "agent", "hook", "freeze answers", "then it is", "thaw answers", "scripts called"];

/// The column of the agent.
const AGENT: usize = 1;

/// Longer than hookmux's limit for a script.
const LONG: Duration = Duration::from_secs(45);

/// Longer than the child of 10 s runs.
const LONG_ENOUGH: Duration = Duration::from_secs(12);

#[test]
fn qemus_own_hook_and_hookmux_do_what_the_document_states() {
    let guests = [Release::Old, Release::New].into_iter();
    let columns: Vec<Vec<Row>> = guests
        .flat_map(|release| [Hook::Qemus, Hook::Hookmux].map(|hook| (release, hook)))
        .map(|(release, hook)| {
            let mut guest = Guest::new(release, hook, DEBIAN);
            SCENARIOS.iter().map(|scenario| play(&mut guest, scenario, release, hook)).collect()
        })
        .collect();
    // Each guest has run all scenarios; the table has the guests of one scenario beside each other.
    let of_one = |at: usize| columns.iter().map(move |column| column[at].clone());
    let rows: Vec<Row> = (0..SCENARIOS.len()).flat_map(|at| table::join(of_one(at), AGENT)).collect();
    table::assert_documented("docs/fsfreeze.md", "Side by side", &table::lines(&HEADING, &rows));
}

fn play(guest: &mut Guest, scenario: &Scenario, release: Release, hook: Hook) -> Row {
    guest.shell().run("rm -rf /etc/qemu/fsfreeze-hook.d");
    for (name, body) in [("10-a", ""), ("20-b", scenario.body), ("30-c", "")] {
        guest.shell().script(&format!("/etc/qemu/fsfreeze-hook.d/{name}"), body);
    }
    guest.shell().run(scenario.prepare);
    let timeout = if hook == Hook::Qemus { LONG_ENOUGH } else { LONG };
    let freeze = guest.agent.ask_for("guest-fsfreeze-freeze", timeout);
    let answered = freeze.result.is_some();
    let (status, thaw) = if answered {
        let status = guest.status();
        let thaw = if status == "frozen" { guest.thaw() } else { "not asked".to_owned() };
        (status, thaw)
    } else {
        let ping = guest.agent.ask_for("guest-ping", Duration::from_secs(2));
        assert!(ping.result.is_none(), "{ping:?}");
        ("unresponsive".to_owned(), "not asked".to_owned())
    };
    let calls = guest.shell().calls();
    tidy(guest, scenario);
    let row = [scenario.title, release.name(), hook.name(), &freeze.to_string(), &status, &thaw, &calls];
    row.map(str::to_owned).to_vec()
}

/// Restores the guest.
fn tidy(guest: &mut Guest, scenario: &Scenario) {
    guest.shell().run("killall sleep 2>/dev/null; true");
    guest.shell().run(scenario.clear);
    guest.agent.synchronise();
    if guest.status() == "frozen" {
        guest.thaw();
    }
    guest.shell().calls();
}
