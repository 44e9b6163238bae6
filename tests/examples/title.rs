//! qemu.d/40-set-title: a document → the document with the host in its title. Does.

use crate::{Answer, Example, passes, prints};

fn filter(operation: &str, xml: &str) -> Answer {
    Example::new("qemu.d/40-set-title").call(&["vm1", operation, "begin", "-"], xml)
}

/// Returns a domain as libvirt writes it, with these lines after its <uuid>.
fn domain(lines: &str) -> String {
    format!("<domain type='qemu'>\n  <name>vm1</name>\n  <uuid>10c0bd7f</uuid>\n{lines}  <vcpu>1</vcpu>\n</domain>\n")
}

#[test]
fn the_title_names_the_host_once() {
    let host = nix::sys::utsname::uname().unwrap().nodename().to_str().unwrap().to_owned();
    let here = format!("[on {host}]");
    let foreign = "  <metadata>\n  <title>theirs</title>\n  <uuid>x</uuid>\n  </metadata>\n";
    // (lines before, lines after)
    let cases: &[(&str, &str)] = &[
        ("  <title>Web shop</title>\n", "  <title>Web shop HERE</title>\n"),
        ("  <title>Web shop [on host1]</title>\n", "  <title>Web shop HERE</title>\n"),
        ("  <title>Web shop HERE</title>\n", "  <title>Web shop HERE</title>\n"),
        ("  <title>[on host1]</title>\n", "  <title>HERE</title>\n"),
        ("  <title>HERE</title>\n", "  <title>HERE</title>\n"),
        ("  <title>[on call] R&amp;D | 1/2 \\</title>\n", "  <title>[on call] R&amp;D | 1/2 \\ HERE</title>\n"),
        ("  <title>Bücher</title>\n", "  <title>Bücher HERE</title>\n"),
        ("", "  <title>HERE</title>\n"),
        (
            "  <description>x\n  &lt;title>y</description>\n",
            "  <title>HERE</title>\n  <description>x\n  &lt;title>y</description>\n",
        ),
        ("  <title>Web shop</title>\nFOREIGN", "  <title>Web shop HERE</title>\nFOREIGN"),
        ("FOREIGN", "  <title>HERE</title>\nFOREIGN"),
    ];
    let document = |lines: &str| domain(&lines.replace("HERE", &here).replace("FOREIGN", foreign));
    for operation in ["migrate", "restore"] {
        let seen: Vec<_> = cases.iter().map(|(old, _)| filter(operation, &document(old))).collect();
        let wanted: Vec<_> = cases
            .iter()
            .map(|(old, new)| if document(old) == document(new) { passes() } else { prints(&document(new)) })
            .collect();
        assert_eq!(seen, wanted);
    }
}

#[test]
fn line_breaks_at_the_end_are_kept() {
    let titled = domain("  <title>[on host1]</title>\n");
    let ends = ["", "\n", "\n\n\n"];
    let seen = ends.map(|end| filter("migrate", &format!("{}{end}", titled.trim_end())).stdout);
    let kept = ends.map(|end| format!("</domain>{end}"));
    assert!(seen.iter().zip(&kept).all(|(seen, kept)| seen.ends_with(kept)), "{seen:?}");
}

#[test]
fn a_document_that_libvirt_did_not_write_passes_unchanged() {
    let documents = ["", "not XML\n", "<domain><name>vm1</name><uuid>1</uuid><title>one line</title></domain>"];
    assert_eq!(documents.map(|xml| filter("migrate", xml)), documents.map(|_| passes()));
}

#[test]
fn other_operations_pass() {
    let titled = domain("  <title>Web shop</title>\n");
    let operations = ["prepare", "start", "started", "stop", "stopped", "release", "reconnect", ""];
    assert_eq!(operations.map(|operation| filter(operation, &titled)), operations.map(|_| passes()));
}
