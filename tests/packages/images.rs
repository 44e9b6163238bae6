//! Images with hooks, made in clean roots by the steps of docs/images.md.

use std::fs;

use crate::built::package;
use crate::proof::Proof;
use support::debian::Debian;
use support::repository;

/// Returns mode and content of a file that a build copies into the image, by its name in the page.
fn copied(name: &str) -> (u32, Vec<u8>) {
    match name {
        "hookmux.deb" => (0o644, fs::read(package("hookmux", "deb")).unwrap()),
        "10-mounted" => (0o755, b"#!/bin/sh\nexit 3\n".to_vec()),
        "site.toml" => (0o644, b"[[rule]]\nscript = '10-mounted'\ntimeout = '10s'\n".to_vec()),
        other => panic!("docs/images.md copies {other}"),
    }
}

/// Returns the block of docs/images.md in this language.
fn block(language: &str) -> String {
    let text = fs::read_to_string(repository().join("docs/images.md")).unwrap();
    let (_, block) = text.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// Runs the lines of a Containerfile up to the first that fails, and returns that one.
fn build(debian: &Debian, lines: &str) -> Option<String> {
    let failed = |line: &&str| match line.split_once(' ').unwrap() {
        // Debian 13, as in the root.
        ("FROM", "debian:trixie") => false,
        ("COPY", files) => {
            let (from, to) = files.split_once(' ').unwrap();
            let (mode, content) = copied(from);
            debian.file(to, mode, &content);
            false
        }
        ("RUN", command) => debian.run(&["sh", "-ec", command]).code != Some(0),
        _ => panic!("{line}"),
    };
    lines.lines().find(failed).map(str::to_owned)
}

const CALL: [&str; 5] = ["/etc/libvirt/hooks/qemu", "vm1", "prepare", "begin", "-"];

#[test]
fn the_steps_of_the_containerfile_make_an_image_whose_hook_runs_and_stop_at_a_broken_script() {
    let debian = Debian::new("trixie", "container");
    let proof = Proof::new("image", &debian.name());
    proof.step("image: the steps of the Containerfile: its hook answers with the script's exit code", || {
        assert_eq!(build(&debian, &block("Containerfile")), None);
        assert_eq!(debian.run(&CALL).code, Some(3));
    });
    proof.step("image: a script that cannot be started fails the build", || {
        debian.file("/etc/hookmux/qemu.d/20-broken", 0o755, b"#!/bin/nothing\n");
        assert_eq!(build(&debian, &block("Containerfile")), Some("RUN hookmux check".into()));
    });
}

#[test]
fn install_and_check_work_on_an_image_from_outside() {
    let debian = Debian::new("trixie", "mkosi");
    let proof = Proof::new("image", &debian.name());
    // The image is the clean system itself, mounted at a directory.
    debian.run(&["sh", "-ec", "mkdir /image; mount --rbind / /image"]).succeeded();
    let finalize = || debian.run(&["env", "BUILDROOT=/image", "sh", "-c", &block("sh")]);
    proof.step("image: install and check with --root: its hook answers with the script's exit code", || {
        debian.install(&package("hookmux", "deb"));
        debian.run(&["hookmux", "uninstall"]).succeeded();
        let (mode, script) = copied("10-mounted");
        debian.file("/etc/hookmux/qemu.d/10-mounted", mode, &script);
        let answer = finalize();
        assert_eq!((answer.code, debian.hooks()), (Some(0), ["qemu", "network"].into()), "{answer:?}");
        assert_eq!(debian.run(&CALL).code, Some(3));
    });
    proof.step("image: a script that another user may write to fails the build", || {
        debian.run(&["chmod", "o+w", "/etc/hookmux/qemu.d/10-mounted"]).succeeded();
        assert_eq!(finalize().code, Some(1));
    });
}
