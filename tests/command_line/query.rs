//! `hookmux query`: what paths select in the document on standard input.

use std::io::Write;
use std::process::{Command, Stdio};

const GUEST: &str = "<domain type='kvm' xmlns:q='u'><name>vm1</name><metadata><n:instance xmlns:n='v'>\
    <n:flavor name='gpu-1'/><n:tag>a&#10;b</n:tag></n:instance></metadata><devices><disk><source file='/a'/></disk>\
    <disk><source file='/b'/></disk><hostdev/></devices></domain>\n";

/// Runs a query, and returns exit code, standard output and standard error.
fn query(document: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut query = Command::new(support::binary());
    query.arg("query").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut query = query.spawn().unwrap();
    // A query with a wrong argument does not read.
    let _ = query.stdin.take().unwrap().write_all(document.as_bytes());
    let done = query.wait_with_output().unwrap();
    (done.status.code(), String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
}

#[test]
fn each_value_is_a_line_in_the_order_of_the_paths() {
    let rows: [(&[&str], i32, &str); 8] = [
        (&["/domain/devices/disk/source/@file"], 0, "/a\n/b\n"),
        (&["/domain/devices/disk[2]/source/@file", "/domain/name"], 0, "/b\nvm1\n"),
        (&["/domain/metadata/*/*:flavor/@name"], 0, "gpu-1\n"),
        (&["/domain/devices/hostdev"], 0, "\n"),
        (&["/domain/devices/interface", "/network"], 1, ""),
        (&["/domain/devices/interface", "/*/@type"], 0, "kvm\n"),
        (&["//domain"], 2, ""),
        (&["name"], 2, ""),
    ];
    let found = rows.map(|(paths, ..)| query(GUEST, paths)).map(|(code, out, _)| (code.unwrap(), out));
    assert_eq!(found, rows.map(|(_, code, out)| (code, out.to_owned())));
}

#[test]
fn a_value_is_one_line_or_ends_with_a_nul() {
    let tag = "/domain/metadata/*/*:tag";
    assert_eq!(query(GUEST, &[tag]), (Some(0), "a\\nb\n".into(), String::new()));
    assert_eq!(query(GUEST, &["--null", tag, "/domain/name"]), (Some(0), "a\nb\0vm1\0".into(), String::new()));
    let (code, json, _) = query(GUEST, &["--json", tag, "/domain/x"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let paths = serde_json::json!([{ "path": tag, "values": ["a\nb"] }, { "path": "/domain/x", "values": [] }]);
    assert_eq!((code, &json["command"], &json["paths"]), (Some(0), &"query".into(), &paths));
}

#[test]
fn a_document_that_cannot_be_read_is_reported_with_line_and_column() {
    let expected = "hookmux: standard input: line 1, column 10: found the end of the document inside 'domain', expected its end \
                    tag\n";
    assert_eq!(
        query("<domain>\n", &["/domain"]),
        (Some(2), String::new(), expected.replace("line 1, column 10", "line 2, column 1"))
    );
    assert_eq!(query("", &["/domain"]).0, Some(2));
    let (code, _, errors) = query(GUEST, &["/domain/a[0]"]);
    assert_eq!((code, errors.contains("expected a number from 1 in brackets, got '[0]'")), (Some(2), true), "{errors}");
}
