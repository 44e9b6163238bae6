//! network.d/50-port-forward with the real iptables and nft, in a network namespace for each test: calls → rules, and
//! whether a connection from outside reaches the guest. Does.

use crate::{Answer, Example, prints};
use std::process::Command;

pub(crate) const SETTINGS: &str = "\
[settings]
apply = APPLY
[web]
network = tnet
port = 8080
to = 10.2.0.10:80
[six]
network = tnet
protocol = udp
port = 53
to = [fd00::10]:5353
[ssh]
network = tnet
guest = net vm
port = 2222
to = 10.2.0.10:22
[elsewhere]
network = other
port = 1
to = 10.3.0.1:1
";
pub(crate) const NETWORK: &str = "<hookData><network><name>tnet</name><bridge name='vbr9'/></network></hookData>";
pub(crate) const PORT: &str = "<hookData><network><name>tnet</name><bridge name='vbr9'/></network>\
    <networkport><owner><name>net vm</name></owner><plug type='network' bridge='vbr9'/></networkport></hookData>";

/// The chain of guest "net vm" on network "tnet", as digests of both names.
pub(crate) const CHAIN: &str = "HOOKMUX-c5nldzquzu4ahmokbk2u";

/// Calls the script several times from a shell (`hook OPERATION DOCUMENT`, silent on success) in a namespace without
/// any other network; `rules` lists the rules there.
pub(crate) fn scenario(apply: &str, steps: &str) -> Answer {
    let example =
        Example::new("network.d/50-port-forward").setting("port-forward.conf", SETTINGS.replace("APPLY", apply));
    let mut command = Command::new("unshare");
    // A process namespace, so that nothing started in it outlives it.
    command.args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-euc"]);
    command.arg(format!(
        "hook() {{ printf %s \"$2\" | \"$SCRIPT\" tnet \"$1\" begin - >/dev/null; }}
         rules() {{
            echo \"== $1\"
            iptables -S; iptables -t nat -S; ip6tables -S; ip6tables -t nat -S
            nft --stateless list chain ip libvirt_network guest_input
         }}
         network() {{ hook \"$1\" \"$NETWORK\"; }}
         port() {{ hook \"$1\" \"$PORT\"; }}
         nft add table ip libvirt_network
         nft add chain ip libvirt_network forward '{{ type filter hook forward priority 0; policy accept; }}'
         nft add chain ip libvirt_network guest_input
         nft insert rule ip libvirt_network forward counter jump guest_input
         {steps}"
    ));
    let script = example.path("etc/hookmux/network.d/50-port-forward");
    command.env("SCRIPT", script).env("HOOKMUX_ROOT", example.path("")).env("NETWORK", NETWORK).env("PORT", PORT);
    let Answer { code, stdout, stderr } = example.answer(command, "");
    // The chains' names are digests of the guest's and network's names.
    let named = |text: String| text.replace("HOOKMUX-c5nldzquzu4oymiquy7q", "NET").replace(CHAIN, "PORT");
    // iptables prints a comment about libvirt's table, which iptables did not create.
    let stderr = stderr.lines().filter(|line| !line.starts_with("# Warning: ")).collect();
    Answer { code, stdout: named(stdout), stderr }
}

/// The chains of other programs that `rules` lists, before and after.
pub(crate) const NOTHING: &str = "\
-P INPUT ACCEPT
-P FORWARD DROP
-P OUTPUT ACCEPT
-A FORWARD -i vbr9 -j ACCEPT
-P PREROUTING ACCEPT
-P INPUT ACCEPT
-P OUTPUT ACCEPT
-P POSTROUTING ACCEPT
-P INPUT ACCEPT
-P FORWARD ACCEPT
-P OUTPUT ACCEPT
-P PREROUTING ACCEPT
-P INPUT ACCEPT
-P OUTPUT ACCEPT
-P POSTROUTING ACCEPT
table ip libvirt_network {
\tchain guest_input {
\t\toifname \"vbr9\" reject
\t}
}
";
const WITH_NETWORK: &str = "\
-P INPUT ACCEPT
-P FORWARD DROP
-P OUTPUT ACCEPT
-N NET
-A FORWARD -m conntrack --ctstate DNAT -m comment --comment \"hookmux: network tnet\" -j NET
-A FORWARD -i vbr9 -j ACCEPT
-A NET -d 10.2.0.10/32 -o vbr9 -p tcp -m tcp --dport 80 -j ACCEPT
-P PREROUTING ACCEPT
-P INPUT ACCEPT
-P OUTPUT ACCEPT
-P POSTROUTING ACCEPT
-N NET
-A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment \"hookmux: network tnet\" -j NET
-A NET -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.2.0.10:80
-P INPUT ACCEPT
-P FORWARD ACCEPT
-P OUTPUT ACCEPT
-N NET
-A FORWARD -m conntrack --ctstate DNAT -m comment --comment \"hookmux: network tnet\" -j NET
-A NET -d fd00::10/128 -o vbr9 -p udp -m udp --dport 5353 -j ACCEPT
-P PREROUTING ACCEPT
-P INPUT ACCEPT
-P OUTPUT ACCEPT
-P POSTROUTING ACCEPT
-N NET
-A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment \"hookmux: network tnet\" -j NET
-A NET -p udp -m udp --dport 53 -j DNAT --to-destination [fd00::10]:5353
table ip libvirt_network {
\tchain guest_input {
\t\toifname \"vbr9\" ip daddr 10.2.0.10 tcp dport 80 ct status dnat counter accept comment \"NET\"
\t\toifname \"vbr9\" reject
\t}
}
";

/// Rules of another program, between which ours are added and removed.
pub(crate) const THEIRS: &str = "
    iptables -P FORWARD DROP
    iptables -A FORWARD -i vbr9 -j ACCEPT
    nft add rule ip libvirt_network guest_input oifname vbr9 reject
";

#[test]
fn rules_are_added_once_with_their_network_and_removed_with_it_and_others_stay() {
    let steps = "
        rules before
        network started; rules started
        network started; rules 'started again'
        port port-created; port port-deleted; rules 'a guest came and went'
        network stopped; rules stopped
        network stopped; rules 'stopped again'
    ";
    let wanted = [
        ("before", NOTHING),
        ("started", WITH_NETWORK),
        ("started again", WITH_NETWORK),
        ("a guest came and went", WITH_NETWORK),
        ("stopped", NOTHING),
        ("stopped again", NOTHING),
    ];
    let wanted: String = wanted.map(|(step, rules)| format!("== {step}\n{rules}")).concat();
    assert_eq!(scenario("yes", &format!("{THEIRS}{steps}")), prints(&wanted));
}

#[test]
fn rules_of_a_guest_are_added_and_removed_with_its_port_under_old_names_too() {
    let list = "list() { iptables -t nat -S | grep -e PORT -e HOOKMUX || echo none; }";
    let steps = "
        list
        port port-created; port port-created; list
        port port-deleted; list
        port plugged; list
        port unplugged; list
    ";
    let there = "\
-N PORT
-A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment \"hookmux: network tnet, guest net vm\" -j PORT
-A PORT -p tcp -m tcp --dport 2222 -j DNAT --to-destination 10.2.0.10:22
";
    assert_eq!(scenario("yes", &format!("{list}{steps}")), prints(&format!("none\n{there}none\n{there}none\n")));
}

/// libvirt does not call port-deleted for the ports of a network that is destroyed.
#[test]
fn destroying_a_network_removes_the_rules_of_its_guests() {
    let steps = "
        hook_of() { printf %s \"$PORT\" | \"$SCRIPT\" \"$1\" port-created begin - >/dev/null; }
        printf '[other]\\nnetwork = other\\nguest = net vm\\nport = 23\\nto = 10.3.0.1:23\\n' \\
            >>$HOOKMUX_ROOT/etc/hookmux/port-forward.conf
        network started; hook_of other; iptables -t nat -S >$HOOKMUX_ROOT/others
        port port-created; network stopped
        iptables -t nat -S | grep -e --dport
        \"$SCRIPT\" other stopped end - >/dev/null <<END
$NETWORK
END
        rules stopped
    ";
    let others = "-A HOOKMUX-3euyuegrwb4ahmokbk2u -p tcp -m tcp --dport 23 -j DNAT --to-destination 10.3.0.1:23\n";
    let wanted = prints(&format!("{others}== stopped\n{NOTHING}"));
    assert_eq!(scenario("yes", &format!("{THEIRS}{steps}")), wanted);
}

/// In nft's language a quote ends a name and the rest is rules; in that of iptables, a + matches more than one bridge.
#[test]
fn a_bridge_that_is_not_a_plain_interface_name_reaches_no_command() {
    for bridge in ["x\\\"accept#", "vbr+", "vbr*", "-j", "vbr9 ", "..", "abcdefghijklmnop"] {
        let steps = format!(
            "hook started \"<hookData><network><bridge name='{bridge}'/></network></hookData>\" || echo \"exit $?\"
             rules after
             hook stopped \"<hookData><network><bridge name='{bridge}'/></network></hookData>\""
        );
        let Answer { code, stdout, stderr } = scenario("yes", &format!("{THEIRS}{steps}"));
        let named = bridge.replace('\\', "");
        let line = format!("port-forward: the network's bridge is not a plain interface name: '{named}'");
        assert_eq!((code, stdout, stderr), (0, format!("exit 1\n== after\n{NOTHING}"), line));
    }
}

#[test]
fn added_rules_are_removed_even_after_the_settings_have_changed() {
    let steps = "
        network started
        printf '[settings]\napply = yes\n' >$HOOKMUX_ROOT/etc/hookmux/port-forward.conf
        network stopped; rules stopped
    ";
    assert_eq!(scenario("yes", &format!("{THEIRS}{steps}")), prints(&format!("== stopped\n{NOTHING}")));
}

#[test]
fn a_connection_from_outside_reaches_the_guest_only_while_its_network_is_up() {
    // outside (10.1.0.2) - this host (10.1.0.1, vbr9) - guest (10.2.0.10), which accepts each connection. The host
    // lets nothing through to the guest by itself, in both of the ways that libvirt has.
    let steps = "
        space() { unshare --net sleep 1000 & }
        space; outside=$!; space; guest=$!
        until [ \"$(readlink /proc/$guest/ns/net)\" != \"$(readlink /proc/self/ns/net)\" ]; do sleep 0.05; done
        until [ \"$(readlink /proc/$outside/ns/net)\" != \"$(readlink /proc/self/ns/net)\" ]; do sleep 0.05; done
        inside() { pid=$1; shift; nsenter --net=/proc/$pid/ns/net \"$@\"; }
        ip link add vbr9 type bridge
        ip link add out0 type veth peer name eth0 netns $outside
        ip link add tap0 type veth peer name eth0 netns $guest
        ip link set tap0 master vbr9
        ip address add 10.1.0.1/24 dev out0
        ip address add 10.2.0.1/24 dev vbr9
        for link in out0 tap0 vbr9; do ip link set $link up; done
        inside $outside ip address add 10.1.0.2/24 dev eth0
        inside $guest ip address add 10.2.0.10/24 dev eth0
        for space in $outside $guest; do inside $space ip link set eth0 up; done
        inside $outside ip route add default via 10.1.0.1
        inside $guest ip route add default via 10.2.0.1
        sysctl -qw net.ipv4.ip_forward=1
        cat >$HOOKMUX_ROOT/answers.py <<'END'
import socket
with socket.create_server(('10.2.0.10', 80)) as server:
    print(flush=True)
    while True:
        with server.accept()[0] as asked:
            asked.sendall(b'the guest')
END
        mkfifo $HOOKMUX_ROOT/ready
        inside $guest python3 $HOOKMUX_ROOT/answers.py >$HOOKMUX_ROOT/ready &
        read -r _ <$HOOKMUX_ROOT/ready
        ask() {
            inside $outside python3 -c \"
import socket
try:
    print(socket.create_connection(('$1', $2), timeout=5).recv(99).decode())
except OSError as error:
    print(type(error).__name__)\"
        }
        echo \"before: $(ask 10.1.0.1 8080)\"
        network started
        echo \"started: $(ask 10.1.0.1 8080)\"
        echo \"another port: $(ask 10.1.0.1 8081)\"
        echo \"not by the forward: $(ask 10.2.0.10 80)\"
        network stopped
        echo \"stopped: $(ask 10.1.0.1 8080)\"
    ";
    let theirs = THEIRS.replace("-P FORWARD DROP", "-A FORWARD -o vbr9 -j REJECT");
    let wanted = "before: ConnectionRefusedError\nstarted: the guest\nanother port: ConnectionRefusedError\n\
                  not by the forward: ConnectionRefusedError\nstopped: ConnectionRefusedError\n";
    assert_eq!(scenario("yes", &format!("{theirs}{steps}")), prints(wanted));
}

#[test]
fn a_rule_that_cannot_be_added_fails_the_call_and_removes_the_others() {
    let steps = "
        ip6tables -P FORWARD ACCEPT
        mkdir $HOOKMUX_ROOT/bin
        printf '#!/bin/sh\\ncase \"$*\" in *\"-t filter -N\"*) echo full >&2; exit 4;; esac\\nexec /usr/sbin/ip6tables \"$@\"\\n' \\
            >$HOOKMUX_ROOT/bin/ip6tables
        chmod 755 $HOOKMUX_ROOT/bin/ip6tables
        PATH=$HOOKMUX_ROOT/bin:$PATH
        network started || echo \"exit code $?\"
        rules after
    ";
    let Answer { code, stdout, stderr } = scenario("yes", &format!("{THEIRS}{steps}"));
    assert_eq!((code, stdout), (0, format!("exit code 1\n== after\n{NOTHING}")));
    assert_eq!(stderr, "port-forward: ip6tables -w -t filter -N HOOKMUX-c5nldzquzu4oymiquy7q: full");
}
