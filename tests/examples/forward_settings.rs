//! network.d/50-port-forward: how it reads its settings, and what it prints while it applies nothing. Does.

use crate::forward::{CHAIN, NETWORK, NOTHING, PORT, SETTINGS, THEIRS, scenario};
use crate::{Example, passes, prints, refuses};
use std::path::Path;
use std::process::Command;

/// Prepares the script in a network of its own, so that no call changes the machine's rules.
fn forwarding(settings: &str) -> Example {
    Example::new("network.d/50-port-forward").setting("port-forward.conf", settings).through(alone)
}

fn alone(script: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.arg("--net").arg(script);
    command
}

#[test]
fn without_apply_it_only_prints_what_it_would_run() {
    let steps = "network started; port port-created; rules done";
    assert_eq!(scenario("no", &format!("{THEIRS}{steps}")), prints(&format!("== done\n{NOTHING}")));

    let example = forwarding(&SETTINGS.replace("APPLY", "no"));
    let wanted = "\
port-forward: would run: iptables -w -t nat -N PORT
port-forward: would run: iptables -w -t nat -A PORT -p tcp --dport 2222 -j DNAT --to-destination 10.2.0.10:22
port-forward: would run: iptables -w -t nat -I PREROUTING -m addrtype --dst-type LOCAL -m comment \
--comment 'hookmux: network tnet, guest net vm' -j PORT
port-forward: would run: iptables -w -t filter -N PORT
port-forward: would run: iptables -w -t filter -A PORT -o vbr9 -d 10.2.0.10 -p tcp --dport 22 -j ACCEPT
port-forward: would run: iptables -w -t filter -I FORWARD -m conntrack --ctstate DNAT -m comment \
--comment 'hookmux: network tnet, guest net vm' -j PORT
";
    assert_eq!(example.call(&["tnet", "port-created", "begin", "-"], PORT), prints(&wanted.replace("PORT", CHAIN)));
}

#[test]
fn without_settings_or_for_another_network_or_operation_it_prints_nothing() {
    let unset = Example::new("network.d/50-port-forward").through(alone);
    let set = forwarding(&SETTINGS.replace("APPLY", "yes"));
    let third = NETWORK.replace("tnet", "third");
    let seen = [
        unset.call(&["tnet", "started", "begin", "-"], NETWORK),
        unset.call(&["tnet", "stopped", "end", "-"], NETWORK),
        set.call(&["third", "started", "begin", "-"], &third),
        set.call(&["third", "stopped", "end", "-"], &third),
        set.call(&["tnet", "start", "begin", "-"], NETWORK),
        set.call(&["tnet", "updated", "begin", "-"], NETWORK),
        set.call::<&str>(&[], ""),
    ];
    assert_eq!(seen, [(); 7].map(|()| passes()));
}

#[test]
fn invalid_settings_are_refused_with_file_section_and_key() {
    let web = |line: &str| format!("[web]\nnetwork = tnet\nport = 80\nto = 10.2.0.10:80\n{line}\n");
    let file = "port-forward: ROOT/etc/hookmux/port-forward.conf";
    let cases = [
        (web("colour = red"), format!("{file}: [web]: unknown key colour")),
        (web("protocol = icmp"), format!("{file}: [web]: protocol icmp is neither tcp nor udp")),
        (web("").replace("port = 80", "port = 0"), format!("{file}: [web]: expected a port from 1 to 65535, got 0")),
        (web("").replace("port = 80\n", ""), format!("{file}: [web]: missing key 'port'")),
        (web("").replace("tnet", ""), format!("{file}: [web]: network is empty")),
        (
            web("").replace("10.2.0.10:80", "10.2.0.10"),
            format!("{file}: [web]: '' does not appear to be an IPv4 or IPv6 address"),
        ),
        ("[settings]\napply = perhaps\n".into(), format!("{file} cannot be read: Not a boolean: perhaps")),
    ];
    let (seen, wanted): (Vec<_>, Vec<_>) = cases
        .into_iter()
        .map(|(settings, line)| {
            (forwarding(&settings).call(&["tnet", "started", "begin", "-"], NETWORK), refuses(&line))
        })
        .unzip();
    assert_eq!(seen, wanted);
}
