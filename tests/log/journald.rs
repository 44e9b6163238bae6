//! The journal, read back from a real journald.

use std::fs;
use std::time::{Duration, Instant};

use hookmux::log::message_id::MESSAGES;
use serde_json::{Map, Value};

use crate::namespaces::{Hooks, needs};

/// Starts a journald that stores everything in memory, reads nothing of the machine's, and drops nothing.
const JOURNALD: &str = "
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir -p /run/systemd/journald.conf.d
echo 0123456789abcdef0123456789abcdef >/run/machine-id
mount --bind /run/machine-id /etc/machine-id
printf '[Journal]\\nStorage=volatile\\nAudit=no\\nReadKMsg=no\\nForwardToWall=no\\nRateLimitBurst=0\\n' \
    >/run/systemd/journald.conf.d/test.conf
/usr/lib/systemd/systemd-journald 2>$R/journald.err &
journald=$!
wait_for test -S /run/systemd/journal/socket
";

/// Ends journald, which then writes its entries, and prints those of hookmux.
const READ: &str = "
kill -TERM $journald; wait $journald || :
journalctl --directory=/run/log/journal --output=json --all --no-pager SYSLOG_IDENTIFIER=hookmux
";

fn entries(hooks: &Hooks, calls: &str) -> Vec<Map<String, Value>> {
    needs("/usr/lib/systemd/systemd-journald", "systemd");
    let text = hooks.shell(&format!("{JOURNALD}{calls}{READ}"));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns some fields of an entry, in this order.
fn fields<'a>(entry: &'a Map<String, Value>, names: &[&str]) -> Vec<&'a str> {
    names.iter().map(|name| entry.get(*name).and_then(Value::as_str).unwrap_or_default()).collect()
}

#[test]
fn a_message_is_an_entry_with_fields() {
    let hooks = Hooks::new()
        .script("10-a", "sleep 0.01; [ \"$2\" = stop ] || exit 0; echo 'not now' >&2; exit 3")
        .script("20-b", "[ \"$2\" = migrate ] || exit 0; sed s/one/two/")
        .script("30-c~", "");
    let calls = "$hook vm1 stop begin - </dev/null 2>/dev/null || [ $? = 3 ]
        echo \"<domain type='qemu'><name>vm1</name><title>one</title></domain>\" | $hook vm1 migrate begin - >/dev/null\n";
    let entries = entries(&hooks, calls);
    let names = ["PRIORITY", "MESSAGE_ID", "HOOKMUX_OPERATION", "HOOKMUX_SCRIPT", "HOOKMUX_OUTCOME", "MESSAGE"];
    let seen: Vec<Vec<&str>> = entries.iter().map(|entry| fields(entry, &names)).collect();
    let [a, b] = ["/etc/hookmux/qemu.d/10-a", "/etc/hookmux/qemu.d/20-b"];
    let skipped = "/etc/hookmux/qemu.d/30-c~ (a leftover, by its '~')";
    let expected: [[&str; 6]; 5] = [
        ["6", "d6b7e99c1cef4dcf9f717dae8348a57f", "stop", "", "", &format!("qemu stop 'vm1': not running {skipped}")],
        [
            "3",
            "2ede801140d74dacac55c43d7c3c2910",
            "stop",
            a,
            "exited 3",
            &format!("hookmux: qemu stop 'vm1' refused: {a} exited 3"),
        ],
        ["6", "acee06ed22ee4d1cbee7ca1c3fb76105", "stop", a, "exited 3", &format!("qemu stop 'vm1': {a}: not now")],
        [
            "6",
            "d6b7e99c1cef4dcf9f717dae8348a57f",
            "migrate",
            "",
            "",
            &format!("qemu migrate 'vm1': not running {skipped}"),
        ],
        [
            "6",
            "a7117d1784ae4e84af8d0f6a49b94222",
            "migrate",
            b,
            "exited 0",
            &format!("qemu migrate 'vm1': {b} changed /domain/title: 'one' → 'two'"),
        ],
    ];
    assert_eq!(seen, expected);
    let same = ["SYSLOG_IDENTIFIER", "SYSLOG_FACILITY", "HOOKMUX_DRIVER", "HOOKMUX_OBJECT", "_TRANSPORT"];
    for entry in &entries {
        assert_eq!(fields(entry, &same), ["hookmux", "3", "qemu", "vm1", "journal"], "{entry:?}");
    }
    let time: u64 = fields(&entries[1], &["HOOKMUX_DURATION_USEC"])[0].parse().unwrap();
    assert!((10_000..5_000_000).contains(&time), "{time}");
}

#[test]
fn a_message_longer_than_a_datagram_arrives_whole() {
    let hooks = Hooks::new().script("10-a", "");
    let long = |at: usize| format!("{}{at}.bak", "x".repeat(200));
    (0..2000).for_each(|at| fs::write(hooks.path("etc/hookmux/qemu.d").join(long(at)), "x").unwrap());
    let entries = entries(&hooks, "$hook vm1 start begin - </dev/null\n");
    let message = fields(&entries[0], &["MESSAGE"])[0];
    // net.core.wmem_max is 212992 bytes almost everywhere.
    assert_eq!((entries.len(), message.matches(".bak (a leftover").count(), message.len() > 400_000), (1, 2000, true));
}

#[test]
fn a_journal_that_accepts_nothing_delays_no_call() {
    let hooks = Hooks::new().script("10-a", "yes a line that is not read | head -5000 | tee /dev/stderr; exit 3");
    let calls = "kill -STOP $journald
        $hook vm1 stop begin - </dev/null 2>$R/err && exit 8 || echo $? >$R/code
        kill -CONT $journald\n";
    let begin = Instant::now();
    entries(&hooks, calls);
    let errors = fs::read_to_string(hooks.path("err")).unwrap();
    assert_eq!((fs::read_to_string(hooks.path("code")).unwrap().as_str(), errors.lines().count() > 100), ("3\n", true));
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn the_catalog_explains_each_kind_of_entry() {
    let hooks = Hooks::new().script("10-a", "exit 3");
    let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/monitoring/hookmux.catalog");
    let directory = hooks.path("usr/lib/systemd/catalog");
    fs::create_dir_all(&directory).unwrap();
    fs::copy(catalog, directory.join("hookmux.catalog")).unwrap();
    let listed = hooks.shell("journalctl --root=$R --update-catalog; journalctl --root=$R --list-catalog");
    let mut expected: Vec<String> =
        MESSAGES.iter().map(|(_, id, subject)| format!("{id} hookmux: {subject}\n")).collect();
    expected.sort();
    assert_eq!(listed, expected.concat());
    // As for an administrator: journalctl has no option for the path of the catalog.
    let read = format!(
        "{JOURNALD}
        $hook vm1 prepare begin - </dev/null 2>/dev/null || [ $? = 3 ]
        kill -TERM $journald; wait $journald || :
        mount -t tmpfs tmpfs /var/lib/systemd
        mount --bind $R/usr/lib/systemd/catalog /usr/lib/systemd/catalog
        journalctl --update-catalog
        journalctl --directory=/run/log/journal --catalog --no-pager MESSAGE_ID=$id"
    );
    let explained = hooks.shell(&format!("id={}{read}", MESSAGES[0].1));
    let sentence = "/etc/hookmux/qemu.d/10-a exited 3 in the call\n-- qemu prepare of 'vm1'.";
    assert!(explained.contains(sentence), "{explained}");
}
