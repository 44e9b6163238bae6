//! Real domains: what libvirt writes is accepted, a change of any value is found, and no secret is shown.
//! `tests/fixtures/xml/README.md` describes their origin.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hookmux::guard::{Guest, Policy, Which, check, read};

/// Reads each domain of the fixtures, by its path below them.
fn domains() -> BTreeMap<String, String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/xml");
    let mut all = BTreeMap::new();
    for directory in ["", "running", "defined", "written"] {
        for entry in fs::read_dir(top.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "xml") {
                let document = fs::read_to_string(&path).unwrap();
                if document.starts_with("<domain") {
                    all.insert(path.strip_prefix(&top).unwrap().display().to_string(), document);
                }
            }
        }
    }
    all
}

fn fixture(name: &str) -> String {
    domains().remove(name).unwrap()
}

/// Returns the guest's driver, from the document's `type`.
fn guest(document: &str) -> Guest<'static> {
    let kind = document.split('\'').nth(1).unwrap();
    Guest {
        driver: if kind == "xen" {
            "libxl"
        } else if kind == "lxc" {
            "lxc"
        } else {
            "qemu"
        },
        object: b"",
    }
}

fn lines(before: &str, after: &str) -> Vec<String> {
    let changes = check(before.as_bytes(), after.as_bytes(), guest(before), &Policy::default());
    changes.unwrap_or_else(|fault| panic!("{fault}")).list.iter().map(ToString::to_string).collect()
}

#[test]
fn the_fixtures_are_many_and_of_many_kinds() {
    let domains = domains();
    let with = |text: &str| domains.values().filter(|document| document.contains(text)).count();
    assert!(domains.len() >= 50, "{}", domains.len());
    let kinds = [
        "type='lxc'",
        "type='xen'",
        "<numa>",
        "<hostdev",
        "vfio",
        "virtiofs",
        "<tpm",
        "passwd=",
        "<auth",
        "<encryption",
        "<idmap>",
        ">linux<",
        "machine='xenfv'",
        "<backingStore",
        "qemu:commandline",
        "<metadata>",
        "<loader",
        "<launchSecurity",
    ];
    assert_eq!(kinds.iter().filter(|kind| with(kind) == 0).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert!(domains.keys().filter(|name| name.starts_with("running/")).count() >= 25);
}

#[test]
fn what_libvirt_writes_is_accepted_and_a_comment_is_not_a_change() {
    for (name, document) in domains() {
        assert!(read(document.as_bytes(), Which::Before).is_ok(), "{name}");
        let commented = document.replacen("</name>", "</name>\n  <!-- seen by a filter -->", 1);
        assert_eq!(lines(&document, &commented), Vec::<String>::new(), "{name}");
    }
}

/// Returns the offsets of every attribute's value. libvirt writes quotes in text only as `&apos;`.
fn values(document: &str) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    for quote in ['\'', '"'] {
        for (at, _) in document.match_indices(&format!("={quote}")) {
            let start = at + 2;
            let end = start + document[start..].find(quote).unwrap();
            places.push((start, end));
        }
    }
    places
}

#[test]
fn a_change_of_any_value_is_found() {
    let (mut one, mut all) = (0, 0);
    for (name, document) in domains() {
        for (start, end) in values(&document) {
            let mut after = document.clone();
            after.insert(end, '9');
            let policy = Policy::default();
            let Ok(changes) = check(document.as_bytes(), after.as_bytes(), guest(&document), &policy) else {
                // `type` and `id` of the root, and the URI of a prefix.
                assert!(
                    start < document.find('>').unwrap() || document[..start].ends_with("xmlns='"),
                    "{name} {start}"
                );
                continue;
            };
            // A value that identifies an element may make it another element: one removed, one added.
            assert!(matches!(changes.list.len(), 1 | 2), "{name}: {changes}");
            all += 1;
            one += usize::from(changes.list.len() == 1);
        }
    }
    assert!(all > 3000 && one * 100 > all * 85, "{one} of {all}");
}

#[test]
fn an_empty_may_change_allows_no_change() {
    let policy = Policy { may_change: Some(Vec::new()), keep_guest_abi: false };
    for (name, document) in domains() {
        for (_, end) in values(&document) {
            let mut after = document.clone();
            after.insert(end, '9');
            assert!(check(document.as_bytes(), after.as_bytes(), guest(&document), &policy).is_err(), "{name}");
        }
    }
}

#[test]
fn no_secret_of_a_real_guest_is_shown() {
    let secrets = [
        "s3cr3t",
        "hunter2",
        "bGV0bWVpbg",
        "0123456789abcdef",
        "supersecret",
        "2ec115d7-3a88",
        "f52a81b2-424e",
        "6dd3e4a5-1d76",
        "RBBBSDDD",
        "AAACCCDD",
        "libvirtiscsi",
        "myuser",
        "example value",
    ];
    let mut found = BTreeMap::new();
    for (name, document) in domains() {
        for secret in secrets.iter().filter(|secret| document.contains(**secret)) {
            let after = document.replace(secret, &format!("{secret}-and-more"));
            let changes = check(document.as_bytes(), after.as_bytes(), guest(&document), &Policy::default()).unwrap();
            let text = format!("{changes}{changes:?}");
            assert!(!changes.list.is_empty() && !text.contains(secret), "{name}: {text}");
            found.insert(*secret, name.clone());
        }
    }
    assert_eq!(found.len(), secrets.len(), "{found:?}");
}

#[test]
fn two_moments_of_one_guest_differ_in_what_libvirt_did_between_them() {
    assert_eq!(
        lines(&fixture("lxc-started.xml"), &fixture("lxc-stopped.xml")),
        ["/domain/devices/filesystem/@accessmode: added 'passthrough'"]
    );
    let found = lines(&fixture("qemu-prepare.xml"), &fixture("qemu-start.xml"));
    let controllers: Vec<_> =
        (1..=7).map(|number| format!("/domain/devices/controller[{number}]/alias: added")).collect();
    assert_eq!(found.iter().filter(|line| line.contains("controller")).cloned().collect::<Vec<_>>(), controllers);
    assert!(
        found.contains(
            &"/domain/devices/interface/source/@portid: added '4edb9a50-12f5-47d7-b00a-f62b56a0b4a2'".to_owned()
        ),
        "{found:#?}"
    );
    assert!(found.contains(&"/domain/seclabel: added".to_owned()), "{found:#?}");
}
