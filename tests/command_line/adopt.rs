//! `adopt`: which scripts it moves, and which it leaves where they run. tests/hook tests that calls miss none meanwhile.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::root::{PROGRAM, YES, hookmux, root};

const HOOK: (&str, &str) = ("usr/bin/hookmux-hook", PROGRAM);

#[test]
fn scripts_are_moved_by_name_or_path_and_keep_their_modes() {
    let root = root(&[HOOK, ("etc/libvirt/hooks/qemu.d/10-a", YES), ("etc/libvirt/hooks/qemu.d/20-b", YES)]);
    fs::set_permissions(root.path().join("etc/libvirt/hooks/qemu.d/20-b"), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(hookmux(root.path(), "install --root ROOT qemu").0, Some(0));
    let adopted = hookmux(root.path(), "adopt --root ROOT qemu 10-a ROOT/etc/libvirt/hooks/qemu.d/20-b");
    let expected = "/etc/libvirt/hooks/qemu.d/10-a is now /etc/hookmux/qemu.d/10-a\n\
        /etc/libvirt/hooks/qemu.d/20-b is now /etc/hookmux/qemu.d/20-b\n";
    assert_eq!(adopted, (Some(0), expected.to_owned(), String::new()));
    let left = fs::read_dir(root.path().join("etc/libvirt/hooks/qemu.d")).unwrap().count();
    let mode = fs::metadata(root.path().join("etc/hookmux/qemu.d/20-b")).unwrap().permissions().mode() & 0o777;
    assert_eq!((left, mode), (0, 0o700));
}

#[test]
fn a_script_that_would_not_run_in_its_new_place_is_not_moved() {
    let root = root(&[
        HOOK,
        ("etc/libvirt/hooks/qemu.d/10-a", YES),
        ("etc/libvirt/hooks/qemu.d/20-b.bak", YES),
        ("etc/libvirt/hooks/qemu.d/30-open", YES),
        ("etc/libvirt/hooks/qemu.d/40-empty", ""),
        ("etc/libvirt/hooks/qemu.d/50-same", YES),
        ("etc/libvirt/hooks/qemu.d/vm1/start/begin/60-guest", YES),
        ("etc/hookmux/qemu.d/50-same", "#!/bin/sh\nexit 5\n"),
    ]);
    fs::set_permissions(root.path().join("etc/libvirt/hooks/qemu.d/30-open"), Permissions::from_mode(0o777)).unwrap();
    let refused = |script: &str| {
        let (code, out, err) = hookmux(root.path(), &format!("adopt --root ROOT qemu 10-a {script}"));
        assert_eq!((code, out.as_str()), (Some(1), ""), "{script}");
        err.strip_prefix("hookmux: ").unwrap().trim_end().to_owned()
    };
    let here = "/etc/libvirt/hooks/qemu.d";
    assert_eq!(
        refused("20-b.bak"),
        format!("{here} is not hookmux").replace(".d is", " is")
            + ", so the scripts would not run in its directory. Try: hookmux install --root  qemu"
    );
    assert_eq!(hookmux(root.path(), "install --root ROOT qemu").0, Some(0));
    let rows = [
        ("20-b.bak", format!("hookmux would not run {here}/20-b.bak: a leftover, by its '.bak'; rename it first")),
        (
            "30-open",
            format!(
                "hookmux would not run it: {here}/30-open is writable by every user. Try: chmod o-w {here}/30-open"
            ),
        ),
        ("40-empty", format!("{here}/40-empty is empty: in hookmux's directory it would mask its name. Try: rm it")),
        (
            "50-same",
            format!(
                "there is another /etc/hookmux/qemu.d/50-same already, which {here}/50-same hides. Try: mv -n {here}/50-same {here}/50-same-libvirts"
            ),
        ),
        ("vm1", format!("{here}/vm1 is not a file: hookmux already runs what is in such a directory")),
        (
            "70-no",
            format!(
                "cannot find {here}/70-no; there is 10-a 20-b.bak 30-open 40-empty 50-same: No such file or directory (os error 2)"
            ),
        ),
        ("/etc/passwd", format!("/etc/passwd is not directly in {here}")),
    ];
    for (script, expected) in rows {
        assert_eq!(refused(script), expected);
        assert!(root.path().join(&here[1..]).join("10-a").exists(), "all or none: {script}");
    }
}
