//! `may-change`: the changes that a rule allows to a filter.

use hookmux::guard::{Defect, PathPattern, Policy, check};

use crate::{GUEST, domain};

const DISKS: &str = "<devices><disk device='disk'><source file='a'/><target dev='vda'/></disk>\
                     <disk device='cdrom'><source file='b'/><target dev='sda'/></disk><emulator>q</emulator></devices>";

const NOTHING: &str = "nothing";

/// Returns the first change that the paths do not allow.
fn forbidden(paths: &[&str], before: &str, after: &str) -> String {
    let may_change = Some(paths.iter().map(|path| path.parse::<PathPattern>().unwrap()).collect());
    let policy = Policy { may_change, keep_guest_abi: false };
    check(domain(before).as_bytes(), domain(after).as_bytes(), GUEST, &policy).map_or_else(
        |fault| match fault.defect {
            Defect::MayChange { path, kind } => format!("{path} {kind}"),
            defect => panic!("{defect}"),
        },
        |_| NOTHING.to_owned(),
    )
}

#[test]
fn a_path_allows_changes_at_and_below_each_node_that_it_selects() {
    let source = DISKS.replace("'a'", "'x'").replace("'b'", "'y'");
    assert_eq!(forbidden(&["/domain/devices/disk/source"], DISKS, &source), NOTHING);
    assert_eq!(forbidden(&["/domain/devices/disk/source/@file"], DISKS, &source), NOTHING);
    assert_eq!(forbidden(&["/domain/devices"], DISKS, &source), NOTHING);
    assert_eq!(
        forbidden(&["/domain/devices/disk[1]/source"], DISKS, &source),
        "/domain/devices/disk[2]/source/@file changed"
    );
    assert_eq!(
        forbidden(&["/domain/devices/disk/source/@dev"], DISKS, &source),
        "/domain/devices/disk[1]/source/@file changed"
    );
    assert_eq!(forbidden(&["/domain/devices/disk[1]", "/domain/devices/disk[2]"], DISKS, &source), NOTHING);
    assert_eq!(forbidden(&[], DISKS, &source), "/domain/devices/disk[1]/source/@file changed");
    assert_eq!(forbidden(&[], DISKS, DISKS), NOTHING);
}

#[test]
fn an_added_or_removed_element_is_a_change_of_its_own_path() {
    let more = DISKS.replace("<emulator", "<disk><target dev='vdz'/></disk><emulator");
    assert_eq!(forbidden(&["/domain/devices/disk"], DISKS, &more), NOTHING);
    assert_eq!(forbidden(&["/domain/devices/disk[3]"], DISKS, &more), NOTHING);
    assert_eq!(forbidden(&["/domain/devices/disk/source"], DISKS, &more), "/domain/devices/disk[3] added");
    assert_eq!(forbidden(&["/domain/devices/disk/source"], &more, DISKS), "/domain/devices/disk[3] removed");
    let emptied = DISKS.replace("<source file='a'/>", "");
    assert_eq!(forbidden(&["/domain/devices/disk/source"], DISKS, &emptied), NOTHING, "below what is allowed");
    assert_eq!(forbidden(&["/domain/devices/disk"], DISKS, ""), "/domain/devices removed", "above what is allowed");
    assert_eq!(forbidden(&["/domain/devices/disk"], "", DISKS), "/domain/devices added");
}

#[test]
fn a_moved_element_is_a_change_of_its_own_path() {
    let disk = |dev: &str| format!("<disk><source file='{dev}'/><target dev='{dev}'/></disk>");
    let (before, after) = (disk("a") + &disk("b") + &disk("c"), disk("c") + &disk("a") + &disk("b"));
    assert_eq!(forbidden(&["/domain/disk/source"], &before, &after), "/domain/disk[3] moved");
    assert_eq!(forbidden(&["/domain/disk"], &before, &after), NOTHING);
}

#[test]
fn text_and_attributes_can_be_allowed_separately() {
    let vcpu = "<vcpu placement='static'>1</vcpu>";
    assert_eq!(forbidden(&["/domain/vcpu/@placement"], vcpu, &vcpu.replace("static", "auto")), NOTHING);
    assert_eq!(
        forbidden(&["/domain/vcpu/text()"], vcpu, &vcpu.replace("static", "auto")),
        "/domain/vcpu/@placement changed"
    );
    assert_eq!(forbidden(&["/domain/vcpu/text()"], vcpu, &vcpu.replace('1', "2")), NOTHING);
    assert_eq!(forbidden(&["/domain/vcpu/@placement"], vcpu, &vcpu.replace('1', "2")), "/domain/vcpu changed");
}

#[test]
fn the_message_names_the_path_and_the_line() {
    let policy = Policy { may_change: Some(vec!["/domain/title".parse().unwrap()]), keep_guest_abi: false };
    let (before, after) =
        (domain("\n <title>a</title>\n <memory>1</memory>"), domain("\n <title>b</title>\n <memory>2</memory>"));
    assert_eq!(
        check(before.as_bytes(), after.as_bytes(), GUEST, &policy).unwrap_err().to_string(),
        "line 3, column 10: /domain/memory changed, and may-change does not list it"
    );
}

#[test]
fn a_change_beyond_the_end_of_the_list_is_still_checked() {
    let many = |value: u32| {
        (0..1000).fold(String::from("<metadata>"), |all, n| all + &format!("<a{n} v='{value}'/>")) + "</metadata>"
    };
    let (before, after) = (many(1) + "<memory>1</memory>", many(2) + "<memory>2</memory>");
    assert_eq!(forbidden(&["/domain/metadata"], &before, &after), "/domain/memory changed");
}

#[test]
fn a_document_can_be_made_from_nothing_only_if_everything_may_change() {
    let policy = |path: &str| Policy { may_change: Some(vec![path.parse().unwrap()]), keep_guest_abi: false };
    let made = |policy| check(b"", domain("").as_bytes(), GUEST, &policy);
    assert!(made(policy("/domain")).is_ok());
    assert!(made(policy("/domain/devices")).is_err());
    assert!(made(Policy { may_change: None, keep_guest_abi: true }).is_err());
}
