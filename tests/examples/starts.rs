//! lxc.d/30-mount-check and libxl.d/20-maintenance: when they prevent a start. Does.

use crate::{Answer, Example, passes, refuses};
use std::fs;
use std::os::unix::fs::symlink;

fn prepare(example: &Example, container: impl AsRef<[u8]>) -> Answer {
    example.call(&["c1", "prepare", "begin", "-"], container)
}

fn container(filesystems: &str) -> String {
    format!("<domain type='lxc'>\n  <name>c1</name>\n  <devices>\n{filesystems}  </devices>\n</domain>\n")
}

#[test]
fn a_container_starts_when_everything_that_it_mounts_is_there() {
    let example = Example::new("lxc.d/30-mount-check").setting("image", "");
    let (directory, file) = (example.path("etc"), example.path("etc/hookmux/image"));
    let mounts = container(&format!(
        "<filesystem type='mount'><source dir='{}'/><target dir='/'/></filesystem>\n\
         <filesystem type='file'><source file='{}'/><target dir='/data'/></filesystem>\n\
         <filesystem type='ram'><source usage='1024'/><target dir='/tmp'/></filesystem>\n\
         <filesystem type='template'><source name='/not/a/path'/><target dir='/'/></filesystem>\n\
         <filesystem><target dir='/nothing'/></filesystem>\n",
        directory.display(),
        file.display()
    ));
    assert_eq!([prepare(&example, mounts), prepare(&example, container(""))], [passes(), passes()]);
}

#[test]
fn a_container_does_not_start_when_a_source_is_missing_and_all_of_them_are_named() {
    let example = Example::new("lxc.d/30-mount-check").setting("image", "");
    symlink("/nowhere/at/all", example.path("dangling")).unwrap();
    let path = |name: &str| example.path(name).display().to_string();
    let mounts = container(&format!(
        "<filesystem type='mount'><source dir='{}'/><target dir='/'/></filesystem>\n\
         <filesystem type='mount'><source dir='{}'/><target dir='/data &amp; more'/></filesystem>\n\
         <filesystem type='file'><source file='{}'/><target dir='/d'/></filesystem>\n\
         <filesystem type='block'><source dev='{}'/><target dir='/b'/></filesystem>\n\
         <filesystem type='mount'><source dir='{}'/></filesystem>\n",
        path("etc"),
        path("missing/x"),
        path("etc/hookmux"),
        path("etc/hookmux/image"),
        path("dangling"),
    ));
    let wanted = refuses(
        "mount-check: container 'c1' is not started: ROOT/missing/x (for /data & more): No such file or directory; \
         ROOT/etc/hookmux (for /d) is not a file; ROOT/etc/hookmux/image (for /b) is not a block device; \
         ROOT/dangling (for its root): No such file or directory",
    );
    assert_eq!(prepare(&example, mounts), wanted);
}

#[test]
fn mount_check_looks_at_prepare_only_and_names_a_document_that_it_cannot_read() {
    let example = Example::new("lxc.d/30-mount-check");
    let missing = container("<filesystem><source dir='/nowhere/at/all'/></filesystem>");
    let operations = ["start", "started", "stopped", "release", "reconnect", ""];
    let seen = operations.map(|operation| example.call(&["c1", operation, "begin", "-"], &missing));
    assert_eq!(seen, operations.map(|_| passes()));
    let line = "mount-check: the document of container 'c1' is not well-formed: no element found: line 1, column 0";
    assert_eq!(prepare(&example, ""), refuses(line));
}

/// Calls every operation of libxl with its stdin; that of migrate is empty.
fn libxl_calls(example: &Example) -> Vec<(&'static str, Answer)> {
    ["prepare", "start", "started", "stopped", "release", "migrate", "reconnect"]
        .map(|operation| {
            let stdin = if operation == "migrate" { "" } else { "<domain type='xen'/>" };
            (operation, example.call(&["xen 1", operation, "begin", "-"], stdin))
        })
        .into()
}

#[test]
fn while_the_marker_exists_no_guest_starts_or_migrates_in_and_running_ones_are_left_alone() {
    // (content of the marker, what is shown of it)
    let cases = [("new memory, back at 14:00\nmore\n", " (new memory, back at 14:00)"), ("%s", " (%s)"), ("", "")];
    for (content, shown) in cases {
        let example = Example::new("libxl.d/20-maintenance").setting("maintenance", content);
        let veto = || {
            refuses(&format!(
                "maintenance: guest 'xen 1' is kept away from this host: ROOT/etc/hookmux/maintenance is there{shown}"
            ))
        };
        let wanted = [
            ("prepare", veto()),
            ("start", passes()),
            ("started", passes()),
            ("stopped", passes()),
            ("release", passes()),
            ("migrate", veto()),
            ("reconnect", passes()),
        ];
        assert_eq!(libxl_calls(&example), wanted);
    }
}

#[test]
fn a_marker_that_is_not_a_file_counts_too() {
    let directory = Example::new("libxl.d/20-maintenance");
    fs::create_dir(directory.path("etc/hookmux/maintenance")).unwrap();
    let dangling = Example::new("libxl.d/20-maintenance");
    symlink("/nowhere/at/all", dangling.path("etc/hookmux/maintenance")).unwrap();
    let veto = "maintenance: guest 'c1' is kept away from this host: ROOT/etc/hookmux/maintenance is there";
    assert_eq!([directory, dangling].map(|example| prepare(&example, "")), [refuses(veto), refuses(veto)]);
}

#[test]
fn without_the_marker_every_call_passes_and_an_empty_stdin_gives_an_empty_stdout() {
    let answers = libxl_calls(&Example::new("libxl.d/20-maintenance"));
    assert!(answers.iter().all(|(_, answer)| *answer == passes()), "{answers:?}");
}
