//! A host without journald: a real syslog daemon.

use std::fs;

use serde_json::Value;

use crate::namespaces::{Hooks, needs};

/// A /dev of its own for the daemon's socket, and a /run without a journal.
const ALONE: &str = "
mkdir $R/dev
mount -t tmpfs tmpfs $R/dev
for node in null zero random urandom; do : >$R/dev/$node; mount --bind /dev/$node $R/dev/$node; done
mount --move $R/dev /dev
mount -t tmpfs tmpfs /run
";

/// An rsyslogd that writes each message with its facility and severity.
const RSYSLOG: &str = "
cat >$R/rsyslog.conf <<EOF
module(load=\"imuxsock\" SysSock.Name=\"/dev/log\")
template(name=\"line\" type=\"string\" string=\"%syslogfacility-text%.%syslogseverity-text% %syslogtag%%msg%\\n\")
*.* action(type=\"omfile\" file=\"$R/messages\" template=\"line\")
EOF
rsyslogd -n -f $R/rsyslog.conf -i /run/rsyslogd.pid &
daemon=$!
wait_for test -S /dev/log
";

#[test]
fn without_a_journal_a_syslog_daemon_gets_the_lines() {
    needs("/usr/sbin/rsyslogd", "rsyslog");
    let hooks = Hooks::new().script("10-a", "echo 'not now' >&2; exit 3").script("20-b~", "");
    hooks.shell(&format!(
        "{ALONE}{RSYSLOG}
        $hook vm1 stop begin - </dev/null 2>/dev/null || [ $? = 3 ]
        wait_for grep -q 'not now' $R/messages
        kill -TERM $daemon; wait $daemon || :"
    ));
    let text = fs::read_to_string(hooks.path("messages")).unwrap().replace(hooks.path("").to_str().unwrap(), "/");
    let ours: Vec<String> = text.lines().filter(|line| line.contains("hookmux[")).map(without_pid).collect();
    let expected = [
        "daemon.info hookmux: qemu stop 'vm1': not running /etc/hookmux/qemu.d/20-b~ (a leftover, by its '~')",
        "daemon.err hookmux: hookmux: qemu stop 'vm1' refused: /etc/hookmux/qemu.d/10-a exited 3",
        "daemon.info hookmux: qemu stop 'vm1': /etc/hookmux/qemu.d/10-a: not now",
    ];
    assert_eq!(ours, expected, "{text}");
}

fn without_pid(line: &str) -> String {
    let (before, rest) = line.split_once('[').unwrap();
    format!("{before}{}", rest.split_once(']').unwrap().1)
}

#[test]
fn without_journal_and_syslog_the_result_is_the_same() {
    let hooks = Hooks::new().script("10-a", "echo 'not now' >&2; exit 3");
    let call = "$hook vm1 stop begin - </dev/null 2>&1 || echo $?";
    let expected = "hookmux: qemu stop 'vm1' refused: /etc/hookmux/qemu.d/10-a exited 3\nnot now\n3\n";
    assert_eq!(hooks.shell(&format!("{ALONE}{call}")), expected);
}

/// A collector, and a host whose configuration includes that of the packages.
const SHIPPING: &str = "
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir $R/spool
cat >$R/collector.conf <<EOF
global(maxMessageSize=\"256k\")
module(load=\"imtcp\")
template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")
ruleset(name=\"all\") { action(type=\"omfile\" file=\"$R/received\" template=\"raw\") }
input(type=\"imtcp\" port=\"5140\" address=\"127.0.0.1\" ruleset=\"all\")
EOF
sed \"s|collector.example.org|127.0.0.1|; s|/var/log|$R/var/log|\" $shipped >$R/hookmux.conf
cat >$R/host.conf <<EOF
global(workDirectory=\"$R/spool\")
include(file=\"$R/hookmux.conf\")
EOF
rsyslogd -n -f $R/collector.conf -i /run/collector.pid 2>$R/collector.err &
collector=$!
# Port 5140: rsyslog waits 30 seconds after a connection that was refused.
wait_for grep -q :1414 /proc/net/tcp
rsyslogd -n -f $R/host.conf -i /run/host.pid 2>$R/host.err &
host=$!
calls=$R/var/log/hookmux/calls.jsonl
received() { [ -e $R/received ] && [ $(wc -l <$R/received) = $1 ]; }
";

#[test]
fn the_shipped_configuration_sends_each_record_whole_also_after_a_rotation() {
    needs("/usr/sbin/rsyslogd", "rsyslog");
    let hooks = Hooks::new().script("10-a", "exit 3");
    fs::create_dir_all(hooks.path("var/log/hookmux")).unwrap();
    // As long as a record may be.
    let long = format!("{{\"long\":\"{}\"}}\n", "x".repeat(65_000));
    fs::write(hooks.path("long"), &long).unwrap();
    hooks.shell(&format!(
        "shipped={}/packaging/monitoring/rsyslog.conf
        {SHIPPING}
        call() {{ $hook vm1 $1 begin - </dev/null 2>/dev/null || [ $? = 3 ]; }}
        call prepare
        wait_for received 1
        cat $R/long >>$calls
        wait_for received 2
        mv $calls $calls.1
        call start
        wait_for received 3
        call release
        wait_for received 4
        kill -TERM $host $collector; wait || :",
        env!("CARGO_MANIFEST_DIR")
    ));
    let [rotated, newer] = ["calls.jsonl.1", "calls.jsonl"]
        .map(|name| fs::read_to_string(hooks.path("var/log/hookmux").join(name)).unwrap());
    let sent: Vec<Value> = (rotated + &newer).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let received = fs::read_to_string(hooks.path("received")).unwrap();
    let received: Vec<Value> = received.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(received.iter().map(|line| line["record"].clone()).collect::<Vec<_>>(), sent);
    assert!(received.iter().all(|line| line["host"].as_str().is_some_and(|host| !host.is_empty())), "{received:?}");
}
