//! Freezes and thaws in an unusual order. In: sequences. Out: one table, which is the one in the document. Does.

use crate::guest::{DEBIAN, Guest, Hook, RED_HAT};
use crate::table::{self, Row};
use support::image::Release;
use support::shell::TIMEOUT;

/// Commands to a guest's agent, and its answers.
struct Sequence {
    title: &'static str,
    /// The body of 20-b, which runs between 10-a and 30-c, which do nothing.
    body: &'static str,
    play: fn(&mut Guest, link: &str) -> Vec<String>,
}

/// Creates /run/asleep and then sleeps until it is killed, in 20-b.
const WAITS: &str = "[ $1 = thaw ] || { touch /run/asleep; sleep 1000; }";

const SEQUENCES: &[Sequence] = &[
    Sequence { title: "thaw alone", body: "", play: |guest, _| vec![guest.thaw()] },
    Sequence {
        title: "freeze, thaw, thaw",
        body: "",
        play: |guest, _| vec![guest.freeze(), guest.thaw(), guest.thaw()],
    },
    Sequence {
        title: "freeze, freeze, thaw",
        body: "",
        play: |guest, _| vec![guest.freeze(), guest.freeze(), guest.thaw()],
    },
    Sequence {
        title: "freeze, which 20-b fails, then thaw",
        body: "[ $1 = thaw ] || exit 3",
        play: |guest, _| vec![guest.freeze(), guest.thaw()],
    },
    Sequence {
        title: "freeze, which 20-b fails, and 10-a and 20-b fail to thaw",
        body: "exit 3",
        play: |guest, link| {
            let first = format!("{link}.d/10-a");
            guest.shell().script(&first, "[ $1 = freeze ] || { echo no answer from the database; exit 5; }");
            vec![guest.freeze()]
        },
    },
    Sequence {
        title: "freeze, the agent is killed and started again, freeze, thaw",
        body: "",
        play: |guest, link| {
            let first = guest.freeze();
            guest.restart_agent(link);
            vec![first, guest.freeze(), guest.thaw()]
        },
    },
    Sequence {
        title: "the same, and the agent has forgotten the first freeze",
        body: "",
        play: |guest, link| {
            let first = guest.freeze();
            guest.shell().run("rm /run/qga.state.isfrozen");
            guest.restart_agent(link);
            vec![first, guest.freeze(), guest.thaw()]
        },
    },
    Sequence {
        title: "freeze, hookmux is killed while 20-b runs, thaw",
        body: WAITS,
        play: |guest, _| vec![freeze_and_send(guest, "KILL"), guest.thaw()],
    },
    Sequence {
        title: "freeze, hookmux is killed while 20-b runs, freeze, thaw",
        body: "[ $1 = thaw ] || [ -e /run/asleep ] || { touch /run/asleep; sleep 1000; }",
        play: |guest, _| vec![freeze_and_send(guest, "KILL"), guest.freeze(), guest.thaw()],
    },
    Sequence {
        title: "freeze, hookmux gets SIGTERM while 20-b runs",
        body: WAITS,
        play: |guest, _| vec![freeze_and_send(guest, "TERM")],
    },
];

const HEADING: [&str; 4] = ["what happens", "agent", "the agent answers", "scripts called"];

/// The column of the agent.
const AGENT: usize = 1;

#[test]
fn freezes_and_thaws_out_of_turn_do_what_the_document_states() {
    let of_both = [(Release::Old, DEBIAN), (Release::New, RED_HAT)].map(|(release, link)| {
        let mut guest = Guest::new(release, Hook::Hookmux, link);
        SEQUENCES.iter().map(|sequence| play(&mut guest, sequence, release, link)).collect::<Vec<Row>>()
    });
    let of_one = |at: usize| of_both.iter().map(move |rows| rows[at].clone());
    let rows: Vec<Row> = (0..SEQUENCES.len()).flat_map(|at| table::join(of_one(at), AGENT)).collect();
    table::assert_documented("docs/fsfreeze.md", "Out of turn", &table::lines(&HEADING, &rows));
}

fn play(guest: &mut Guest, sequence: &Sequence, release: Release, link: &str) -> Row {
    // One in each of three directories.
    let beside = format!("{link}.d");
    let places = [
        (beside.as_str(), "10-a", ""),
        ("/etc/hookmux/fsfreeze-hook.d", "20-b", sequence.body),
        ("/usr/lib/hookmux/fsfreeze-hook.d", "30-c", ""),
    ];
    for (directory, name, body) in places {
        guest.shell().script(&format!("{directory}/{name}"), body);
    }
    let answers = (sequence.play)(guest, link).join(", ");
    let calls = guest.shell().calls();
    assert_eq!(guest.status(), "thawed", "{}: {answers}, {calls}", sequence.title);
    guest.shell().run("killall sleep 2>/dev/null; rm -f /run/asleep");
    [sequence.title, release.name(), &answers, &calls].map(str::to_owned).to_vec()
}

/// Sends hookmux a signal as soon as 20-b runs.
fn freeze_and_send(guest: &mut Guest, signal: &str) -> String {
    guest.agent.start("guest-fsfreeze-freeze");
    guest.shell().wait_for("[ -e /run/asleep ]");
    guest.shell().run(&format!("kill -{signal} $(pidof fsfreeze-hook)"));
    guest.agent.answer(TIMEOUT).to_string()
}

#[test]
fn freeze_and_thaw_write_no_file_and_change_none() {
    let mut guest = Guest::new(Release::New, Hook::Hookmux, DEBIAN);
    guest.shell().write("/etc/qemu/fsfreeze-hook.d/10-a", "755", "#!/bin/sh\necho a word for the log\nexit 0");
    // find compares whole seconds.
    guest.shell().run("touch /run/before; sleep 1.5");
    let answers = [guest.freeze(), guest.status(), guest.thaw()];
    let changed = guest.shell().run("find / -xdev -newer /run/before -type f; find /data /var/log -newer /run/before");
    let lines = guest.shell().run("grep -c 'hookmux.*a word for the log' /var/log/messages");
    // Only the file of the log daemon has changed: hookmux logs to the daemon.
    assert_eq!(
        (answers, changed, lines),
        (["2", "frozen", "2"].map(str::to_owned), "/var/log/messages\n".to_owned(), "2\n".to_owned())
    );
}

#[test]
fn the_record_of_a_freeze_stays_in_memory_until_thaw() {
    let mut guest = Guest::new(Release::New, Hook::Hookmux, DEBIAN);
    guest.shell().write("/etc/qemu/fsfreeze-hook.d/10-a", "755", "#!/bin/sh\nexit 0");
    // As in a guest with more than an initramfs. /var/log is one of the file systems that are frozen.
    guest.shell().run("mount -t tmpfs tmpfs /run; mkdir /var/log/hookmux");
    let frozen = guest.freeze();
    let kept = guest.shell().run("grep -c freeze /run/hookmux/freeze.jsonl; ls /var/log/hookmux | wc -l");
    let thawed = guest.thaw();
    guest.shell().wait_for("[ \"$(wc -l </var/log/hookmux/calls.jsonl)\" = 2 ]");
    let left = guest.shell().run("grep -c thaw /var/log/hookmux/calls.jsonl; ls /run/hookmux | wc -l");
    assert_eq!([frozen, kept, thawed, left], ["2", "1\n0\n", "2", "1\n0\n"]);
}
