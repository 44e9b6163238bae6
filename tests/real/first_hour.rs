//! The first hour with hookmux: the commands that the program prints are enough to fix a protection script with four
//! problems.

use support::guests;
use support::host::{Answer, Host};

const SCRIPT: &str = "/etc/hookmux/qemu.d/10-protect";

/// Its mode, its line ends and its first line are wrong.
const WRONG: &[u8] = b"#!/usr/local/bin/bash -u\r\n\
    [ \"$2\" = prepare ] && [ \"$1\" = db-1 ] || exit 0\r\n\
    echo 'db-1 does not start here' >&2\r\n\
    exit 1\r\n";

fn shell(host: &Host, line: &str) -> Answer {
    host.run(&["sh", "-c", line])
}

/// Returns the first command in the output that fixes something.
fn fix(output: &str) -> Option<String> {
    output.lines().find_map(|line| line.trim_start().strip_prefix("fix: ")).map(str::to_owned)
}

#[test]
fn the_printed_commands_fix_a_broken_script() {
    let host = Host::new("first-hour");
    host.link_hookmux(&[]);
    host.start_libvirtd();
    host.file(SCRIPT, 0o757, WRONG);
    let create = format!("create {}", host.document("db-1", &guests::qemu("db-1", "")));
    host.virsh(&create).succeeded();
    host.virsh("destroy db-1").succeeded();
    let mut commands = Vec::new();
    loop {
        let answer = shell(&host, "hookmux check");
        if answer.stdout.starts_with("no problems found") {
            break;
        }
        let command = fix(&answer.stdout).unwrap_or_else(|| panic!("no fix is printed: {answer:?}"));
        assert!(!commands.contains(&command), "the command fixed nothing: {command}: {answer:?}");
        let fixed = shell(&host, &command);
        assert_eq!(fixed.code, Some(0), "{command}: {fixed:?}");
        commands.push(command);
    }
    let answer = host.virsh(&create).failed();
    let message =
        "hookmux: qemu prepare 'db-1' refused: /etc/hookmux/qemu.d/10-protect exited 1\ndb-1 does not start here";
    assert!(answer.stderr.contains(message), "{answer:?}\n{commands:#?}");
    let expected = [
        "chmod o-w /etc/hookmux/qemu.d/10-protect",
        "sed -i 's/\\r$//' /etc/hookmux/qemu.d/10-protect",
        "sed -i '1s|^#![[:blank:]]*[^[:blank:]]*|#!/usr/bin/bash|' /etc/hookmux/qemu.d/10-protect",
        "hookmux install qemu",
        "hookmux install --reload qemu",
    ];
    assert_eq!(commands, expected);
    let by_hand = shell(&host, "hookmux run qemu db-1 prepare");
    assert!(by_hand.stderr.ends_with("exit code 1: then the start is aborted\n"), "{by_hand:?}");
}
