//! The description of a change.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use hookmux::guard::{ChangeKind, ChangeValue, MAX_CHANGES, Policy, Which, changes, check, read};

use crate::{GUEST, changed_inside, domain};

const NONE: [&str; 0] = [];

#[test]
fn a_changed_value_is_shown_with_the_old_one() {
    let disk = "<devices><disk type='file'><source file='/a.img'/><target dev='vda'/></disk></devices>";
    assert_eq!(
        changed_inside(disk, &disk.replace("/a.img", "/b.img")),
        ["/domain/devices/disk/source/@file: '/a.img' → '/b.img'"]
    );
    assert_eq!(changed_inside("<memory>1</memory>", "<memory>2</memory>"), ["/domain/memory: '1' → '2'"]);
    assert_eq!(changed_inside("<title>a</title>", "<title/>"), ["/domain/title: 'a' → ''"]);
    assert_eq!(changed_inside("<title/>", "<title>a\nb</title>"), ["/domain/title: '' → 'a\\nb'"]);
    assert_eq!(changed_inside("<a b='1'/>", "<a/>"), ["/domain/a/@b: removed '1'"]);
    assert_eq!(changed_inside("<a/>", "<a b='1'/>"), ["/domain/a/@b: added '1'"]);
}

#[test]
fn a_change_has_path_kind_values_and_offset() {
    let document = domain("<memory unit='KiB'>1</memory>");
    let after = document.replace("KiB'>1<", "MiB'>1<");
    let list = check(document.as_bytes(), after.as_bytes(), GUEST, &Policy::default()).unwrap().list;
    let [change] = list.as_slice() else { panic!("{list:?}") };
    assert_eq!(
        (change.path.as_str(), change.kind, &change.old, &change.new, change.offset),
        (
            "/domain/memory/@unit",
            ChangeKind::Changed,
            &ChangeValue::Shown("KiB".into()),
            &ChangeValue::Shown("MiB".into()),
            document.find("<memory").unwrap()
        )
    );
}

#[test]
fn elements_are_numbered_as_in_xpath_unless_they_are_alone() {
    let disks = "<devices><disk><source file='a'/><target dev='vda'/></disk><disk><source file='b'/><target dev='vdb'/></disk>\
                 <emulator>q</emulator></devices>";
    assert_eq!(
        changed_inside(disks, &disks.replace("'b'", "'c'").replace(">q<", ">r<")),
        ["/domain/devices/disk[2]/source/@file: 'b' → 'c'", "/domain/devices/emulator: 'q' → 'r'"]
    );
}

#[test]
fn an_added_removed_or_moved_element_is_one_change() {
    let disk = |name: &str| {
        format!(
            "<disk><driver name='qemu'/><source file='{name}.img'/><target dev='{name}'/><address slot='{name}'/></disk>"
        )
    };
    let [a, b, c] = ["vda", "vdb", "vdc"].map(disk);
    let all = format!("{a}{b}{c}");
    assert_eq!(changed_inside(&all, &format!("{a}{c}")), ["/domain/disk[2]: removed"]);
    assert_eq!(changed_inside(&format!("{a}{c}"), &all), ["/domain/disk[2]: added"]);
    assert_eq!(changed_inside(&all, &format!("{c}{a}{b}")), ["/domain/disk[3]: moved from place 5 to place 3"]);
    assert_eq!(
        changed_inside(&all, &format!("{a}{}{c}", disk("vdx"))),
        ["/domain/disk[2]: removed", "/domain/disk[2]: added"]
    );
    assert_eq!(changed_inside("", "<title>x</title>"), ["/domain/title: added 'x'"]);
    assert_eq!(changed_inside("<title>x</title>", ""), ["/domain/title: removed 'x'"]);
    assert_eq!(changed_inside("<a/><b/>", "<b/><a/>").len(), 1);
}

#[test]
fn an_element_is_identified_as_libvirt_identifies_it() {
    let nic = |mac: &str, bridge: &str| {
        format!("<interface><mac address='{mac}'/><source bridge='{bridge}'/><model type='virtio'/></interface>")
    };
    let before = format!("{}{}", nic("52:54:00:00:00:01", "br0"), nic("52:54:00:00:00:02", "br0"));
    let after = format!("{}{}", nic("52:54:00:00:00:02", "br9"), nic("52:54:00:00:00:01", "br0"));
    let lines = changed_inside(&before, &after);
    assert!(lines.contains(&"/domain/interface[2]/source/@bridge: 'br0' → 'br9'".to_owned()), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.contains("moved")).count(), 1, "{lines:?}");
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn a_disk_with_another_target_is_still_the_same_disk() {
    let disks = |target: &str| {
        format!(
            "<disk type='file' device='disk'><driver name='qemu'/><source file='a'/><target dev='{target}'/><address bus='1'/></disk>\
             <disk type='file' device='cdrom'><source file='b'/><target dev='sdc'/><address bus='2'/></disk>"
        )
    };
    assert_eq!(changed_inside(&disks("vda"), &disks("sda")), ["/domain/disk[1]/target/@dev: 'vda' → 'sda'"]);
}

#[test]
fn neither_the_order_of_attributes_nor_space_between_elements_is_a_change() {
    assert_eq!(changed_inside("<a b='1' c='2'><d/></a>", "\n <a c='2' b='1'>\n  <d></d>\n </a>"), NONE);
    assert_eq!(changed_inside("<a/>", "<a> \n </a>"), NONE);
    assert_eq!(changed_inside("<a/>", "<a>&#32;</a>"), ["/domain/a: '' → ' '"]);
    assert_eq!(changed_inside("<a>x</a>", "<a> x</a>"), ["/domain/a: 'x' → ' x'"]);
    assert_eq!(changed_inside("<a b=' '/>", "<a b='\n'/>"), NONE);
}

#[test]
fn text_among_elements_is_numbered() {
    assert_eq!(changed_inside("<m>a<b/>c</m>", "<m>a<b/>d</m>"), ["/domain/m/text()[2]: 'c' → 'd'"]);
    assert_eq!(changed_inside("<m>a<b/></m>", "<m><b/></m>"), ["/domain/m/text()[1]: removed 'a'"]);
    assert_eq!(changed_inside("<m>a<b/></m>", "<m>a</m>"), ["/domain/m/b: removed"]);
}

#[test]
fn a_namespace_is_part_of_the_name_as_written() {
    let before = "<q:c xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><q:arg value='-s'/></q:c>";
    assert_eq!(
        changed_inside(before, &before.replace("<q:arg value='-s'/>", "<q:arg value='-s'/><q:arg value='-S'/>")),
        ["/domain/q:c/q:arg[2]: added"]
    );
    assert_eq!(
        changed_inside(before, &before.replace("/qemu/", "/lxc/")),
        [
            "/domain/q:c/@xmlns:q: 'http://libvirt.org/schemas/domain/qemu/1.0' → 'http://libvirt.org/schemas/domain/lxc/1.0'"
        ]
    );
    assert_eq!(
        changed_inside(before, &before.replace("q:", "p:").replace("xmlns:q", "xmlns:p")),
        ["/domain/q:c: removed", "/domain/p:c: added"]
    );
}

#[test]
fn a_change_is_one_line_of_limited_length() {
    let lines = changed_inside("<a>x</a>", &format!("<a>{}&#13;&#10;\u{85}{}</a>", "ä".repeat(10), "y".repeat(5000)));
    assert_eq!((lines.len(), lines[0].lines().count(), lines[0].chars().count() < 260), (1, 1, true), "{lines:?}");
}

#[test]
fn a_list_of_changes_has_a_limit() {
    let many = |value: usize| (0..MAX_CHANGES + 50).fold(String::new(), |all, n| all + &format!("<a{n} v='{value}'/>"));
    let result = check(domain(&many(1)).as_bytes(), domain(&many(2)).as_bytes(), GUEST, &Policy::default()).unwrap();
    assert_eq!((result.list.len(), result.more), (MAX_CHANGES, true));
}

#[test]
fn any_two_documents_can_be_compared() {
    let lines = |before: &str, after: &str| {
        let (before, after) =
            (read(before.as_bytes(), Which::Before).unwrap(), read(after.as_bytes(), Which::After).unwrap());
        changes(&before, &after).to_string()
    };
    assert_eq!(
        lines("<network><name>a</name></network>", "<network><name>b</name></network>"),
        "/network/name: 'a' → 'b'\n"
    );
    assert_eq!(lines("<network/>", "<domain/>"), "/network: removed\n/domain: added\n");
}

/// Compares documents for which it would take hours to compare each element with every other.
#[test]
fn comparing_hostile_documents_does_not_take_quadratic_time() {
    let list = |range: std::ops::Range<u32>, item: &dyn Fn(u32) -> String| {
        let mut all = String::new();
        range.for_each(|n| write!(all, "{}", item(n)).unwrap());
        domain(&all)
    };
    let many = 50_000;
    let deep = |value: &str| domain(&format!("{}{value}{}", "<a>".repeat(250), "</a>".repeat(250)));
    let pairs = [
        (
            "reversed",
            list(0..many, &|n| format!("<disk><target dev='{n}'/></disk>")),
            list(0..many, &|n| format!("<disk><target dev='{}'/></disk>", many - n)),
        ),
        (
            "all the same key",
            list(0..many, &|n| format!("<a id='1' v='{n}'/>")),
            list(0..many, &|n| format!("<a id='1' v='-{n}'/>")),
        ),
        (
            "all different names",
            list(0..many, &|n| format!("<a{n} v='1'/>")),
            list(0..many, &|n| format!("<b{n} v='1'/>")),
        ),
        (
            "names with new values",
            list(0..many, &|n| format!("<a{n} v='1'/>")),
            list(0..many, &|n| format!("<a{n} v='2'/>")),
        ),
        ("all the same", list(0..many, &|_| "<a/>".into()), list(0..many + 1, &|_| "<a/>".into())),
        ("deep and long", deep(&"<b/>".repeat(many as usize)), deep(&format!("{}<c/>", "<b/>".repeat(many as usize)))),
        (
            "keys in every child",
            list(0..many, &|n| format!("<hostdev><source><x y='{n}'/></source></hostdev>")),
            list(0..many, &|n| format!("<hostdev><source><x y='{}'/></source></hostdev>", n + many)),
        ),
    ];
    let policy = Policy { may_change: Some(vec!["/domain".parse().unwrap()]), keep_guest_abi: false };
    for (what, before, after) in pairs {
        let start = Instant::now();
        let result = check(before.as_bytes(), after.as_bytes(), GUEST, &policy).unwrap();
        assert!(!result.list.is_empty(), "{what}");
        assert!(start.elapsed() < Duration::from_mins(2), "{what}: {:?}", start.elapsed());
    }
}
