//! A host without journald: a real syslog daemon.

use std::fs;

use crate::namespaces::{Hooks, needs};

/// A /dev of its own, since the daemon's socket lies there, and a /run without a journal.
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
fn with_neither_the_answer_is_the_same() {
    let hooks = Hooks::new().script("10-a", "echo 'not now' >&2; exit 3");
    let call = "$hook vm1 stop begin - </dev/null 2>&1 || echo $?";
    let expected = "hookmux: qemu stop 'vm1' refused: /etc/hookmux/qemu.d/10-a exited 3\nnot now\n3\n";
    assert_eq!(hooks.shell(&format!("{ALONE}{call}")), expected);
}
