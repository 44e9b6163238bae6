//! qemu.d/50-move-disks: moves and a document → the document with other paths, or nothing. Does.

use crate::{Answer, Example, passes, prints, refuses};
use std::fs;
use std::process::Command;

const MOVES: &str = "/old -> /new\n";

fn moving(moves: &str) -> Example {
    Example::new("qemu.d/50-move-disks").setting("disk-paths", moves)
}

fn migrate(example: &Example, xml: impl AsRef<[u8]>) -> Answer {
    example.call(&["vm1", "migrate", "begin", "-"], xml)
}

/// Returns a domain whose only disk has this content.
fn disk(content: &str) -> String {
    format!("<domain type='qemu'><name>vm1</name><devices><disk type='file'>{content}</disk></devices></domain>\n")
}

/// Runs the filter on the first content of each pair, and expects the second; if they are equal, an empty output.
#[track_caller]
fn assert_moves(moves: &str, cases: &[(&str, &str)]) {
    let example = moving(moves);
    let seen: Vec<_> = cases.iter().map(|(old, _)| migrate(&example, disk(old))).collect();
    let wanted: Vec<_> =
        cases.iter().map(|(old, new)| if old == new { passes() } else { prints(&disk(new)) }).collect();
    assert_eq!(seen, wanted);
}

#[test]
fn a_path_below_the_prefix_is_changed_and_any_other_is_not() {
    assert_moves(
        MOVES,
        &[
            ("<source file='/old/a.qcow2'/>", "<source file='/new/a.qcow2'/>"),
            ("<source dev='/old/lv'/>", "<source dev='/new/lv'/>"),
            ("<source dir='/old'/>", "<source dir='/new'/>"),
            ("<source file='/older/a'/>", "<source file='/older/a'/>"),
            ("<source file='/very/old/a'/>", "<source file='/very/old/a'/>"),
            ("<source file='old/a'/>", "<source file='old/a'/>"),
            ("<source name='/old/a' protocol='nfs'/>", "<source name='/old/a' protocol='nfs'/>"),
            ("<source pool='/old/a' volume='/old/b'/>", "<source pool='/old/a' volume='/old/b'/>"),
            ("<target dev='/old/a'/>", "<target dev='/old/a'/>"),
            ("<auth><source file='/old/a'/></auth>", "<auth><source file='/old/a'/></auth>"),
        ],
    );
}

#[test]
fn backing_files_move_with_the_disk() {
    assert_moves(
        MOVES,
        &[
            (
                "<source file='/old/c'/><backingStore type='file'><source file='/old/b'/><backingStore type='file'>\
                 <source file='/old/a'/><backingStore/></backingStore></backingStore>",
                "<source file='/new/c'/><backingStore type='file'><source file='/new/b'/><backingStore type='file'>\
                 <source file='/new/a'/><backingStore/></backingStore></backingStore>",
            ),
            (
                "<source file='/x'><dataStore type='file'><source file='/old/d'/></dataStore></source>",
                "<source file='/x'><dataStore type='file'><source file='/new/d'/></dataStore></source>",
            ),
            (
                "<source file='/x'/><mirror type='file'><source file='/old/m'/></mirror>",
                "<source file='/x'/><mirror type='file'><source file='/new/m'/></mirror>",
            ),
        ],
    );
}

#[test]
fn only_the_first_matching_move_is_made() {
    assert_moves(
        "# where disks lie here\r\n\r\n/a/b -> /c\n/a -> /b\n/b -> /never/after/a\n/with space/ -> /other space/\n/dev -> /\n",
        &[
            ("<source file='/a/b/x'/>", "<source file='/c/x'/>"),
            ("<source file='/a/x'/>", "<source file='/b/x'/>"),
            ("<source file='/with space/x'/>", "<source file='/other space/x'/>"),
            ("<source file='/dev/x'/>", "<source file='/x'/>"),
            ("<source file='/dev'/>", "<source file='/'/>"),
        ],
    );
    assert_moves("/ -> /all", &[("<source file='/x'/>", "<source file='/all/x'/>")]);
    assert_moves("/old -> /old", &[("<source file='/old/x'/>", "<source file='/old/x'/>")]);
}

#[test]
fn values_are_read_and_written_as_xml() {
    assert_moves(
        "/a&b -> /<c>'\"&\n/d -> /ö\n",
        &[
            ("<source file='/a&amp;b/x'/>", "<source file='/&lt;c>&apos;\"&amp;/x'/>"),
            ("<source file=\"/a&#38;b/x\"/>", "<source file=\"/&lt;c>'&quot;&amp;/x\"/>"),
            ("<source file='/&#100;/it&apos;s'/>", "<source file='/&#246;/it&apos;s'/>"),
            ("<source file='/d/ü&#9;&#10;'/>", "<source file='/&#246;/&#252;&#9;&#10;'/>"),
            ("<source file='/a&amp;amp;b/x'/>", "<source file='/a&amp;amp;b/x'/>"),
        ],
    );
}

#[test]
fn no_byte_outside_the_changed_values_is_changed() {
    let before = "<?xml version='1.0' encoding='UTF-8'?>\r\n<!-- <disk><source file='/old/comment'/></disk> -->\n\
        <domain\ttype = \"qemu\"  xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' >\n\
        \x20 <name>a &lt; b &#x263A; ☺</name><description><![CDATA[<source file='/old/cdata'>]]></description>\n\
        \x20 <metadata><x:devices xmlns:x='u'><x:disk><x:source file='/old/meta'/></x:disk></x:devices>\n\
        \x20 <devices><disk><source file='/old/meta'/></disk></devices></metadata>\n\
        \x20 <?pi <source file='/old/pi'/>?>\n\
        \x20 <os><nvram>/old/nvram</nvram></os><devices >\n\
        \x20   <disk device = 'disk'\n type=\"file\" ><!-- <source file='/old/inner'/> -->\n\
        \x20     <source\n\tindex='1'  file\t=\n'MOVED/a b&apos;c>.qcow2' startupPolicy=\"optional\"   >\
        <seclabel model='dac' relabel='no'/></source  >\n\
        \x20     <x:source xmlns:x='u' file='/old/foreign'/><target dev='vda'/></disk>\n\
        \x20   <filesystem><source dir='/old/share'/></filesystem>\n\
        \x20   <disk><source file='/elsewhere/'/></disk>\r\n\
        \x20   <disk><source dev=\"MOVED/lv\"></source></disk></devices>\n\
        \x20 <qemu:commandline><qemu:arg value='/old/arg'/></qemu:commandline>\n</domain>\n<!-- end -->\n\n";
    let answer = migrate(&moving(MOVES), before.replace("MOVED", "/old"));
    assert_eq!(answer, prints(&before.replace("MOVED", "/new")));
}

#[test]
fn the_encoding_of_the_document_is_kept() {
    let xml = |path: &str| {
        let text = format!(
            "<?xml version='1.0' encoding='ISO-8859-1'?>{}",
            disk(&format!("<!-- É --><source file='{path}'/>"))
        );
        text.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect::<Vec<_>>()
    };
    let example = moving("/é -> /☺\n");
    let mut command = example.command(&["vm1", "migrate", "begin", "-"]);
    fs::write(example.path("in"), xml("/é/x")).unwrap();
    let output = command.stdin(fs::File::open(example.path("in")).unwrap()).output().unwrap();
    assert_eq!(output.stdout, xml("/&#9786;/x"));
}

#[test]
fn nothing_is_printed_where_nothing_changes() {
    let moved = disk("<source file='/old/a'/>");
    let without_settings = Example::new("qemu.d/50-move-disks");
    let example = moving(MOVES);
    let seen = [
        migrate(&without_settings, &moved),
        migrate(&moving("# nothing\n\n"), &moved),
        migrate(&example, ""),
        migrate(&example, disk("")),
        example.call(&["vm1", "start", "begin", "-"], &moved),
        example.call(&["vm1", "prepare", "begin", "-"], "not XML"),
        example.call::<&str>(&[], &moved),
    ];
    assert_eq!(seen, [(); 7].map(|()| passes()));
}

#[test]
fn restore_is_filtered_like_migrate() {
    let answer = moving(MOVES).call(&["vm1", "restore", "begin", "-"], disk("<source file='/old/a'/>"));
    assert_eq!(answer, prints(&disk("<source file='/new/a'/>")));
}

#[test]
fn invalid_settings_and_documents_are_refused_with_the_reason() {
    let moved = disk("<source file='/old/a'/>");
    let line = |number| {
        format!("move-disks: ROOT/etc/hookmux/disk-paths:{number}: not of the form /old/prefix -> /new/prefix")
    };
    let closed = moving(MOVES);
    fs::remove_file(closed.path("etc/hookmux/disk-paths")).unwrap();
    fs::create_dir(closed.path("etc/hookmux/disk-paths")).unwrap();
    let utf16: Vec<u8> = format!("\u{feff}{moved}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let doctype = format!("<!DOCTYPE domain [<!ENTITY d \"<source file='/old/a'/>\">]>{}", disk("&d;"));

    let cases = [
        (migrate(&moving("/old /new\n"), &moved), line(1)),
        (migrate(&moving("\n/a -> /b -> /c\n"), &moved), line(2)),
        (migrate(&moving("/old -> new\n"), &moved), line(1)),
        (migrate(&moving("/old ->\n"), &moved), line(1)),
        (
            migrate(&closed, &moved),
            "move-disks: ROOT/etc/hookmux/disk-paths cannot be read: [Errno 21] Is a directory: \
             'ROOT/etc/hookmux/disk-paths'"
                .into(),
        ),
        (
            migrate(&moving(MOVES), "<domain><devices></domain>"),
            "move-disks: the document is not well-formed: mismatched tag: line 1, column 19".into(),
        ),
        (
            migrate(&moving(MOVES), utf16),
            "move-disks: the document is in an encoding that does not contain ASCII".into(),
        ),
        (
            migrate(&moving(MOVES), doctype),
            "move-disks: the document declares a document type: its entities could hide a disk".into(),
        ),
    ];
    let (seen, wanted): (Vec<_>, Vec<_>) = cases.into_iter().map(|(seen, line)| (seen, refuses(&line))).unzip();
    assert_eq!(seen, wanted);
}

#[test]
fn ten_thousand_disks_move_in_one_pass() {
    let xml = |path: &str| disk(&format!("<source file='{path}/x'/>").repeat(10_000));
    let answer = migrate(&moving(MOVES), xml("/old"));
    assert!(answer == prints(&xml("/new")), "{} bytes came out, {}", answer.stdout.len(), answer.stderr);
}

#[test]
fn a_module_on_pythonpath_is_not_loaded() {
    let example = moving(MOVES).setting("re.py", "raise SystemExit('loaded')\n").through(|script| {
        let mut command = Command::new(script);
        command.env("PYTHONPATH", script.parent().unwrap().parent().unwrap());
        command
    });
    let answer = migrate(&example, disk("<source file='/old/a'/>"));
    assert_eq!(answer, prints(&disk("<source file='/new/a'/>")));
}
