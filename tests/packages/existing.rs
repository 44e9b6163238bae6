//! A hook that is older than the package and depends on its path: the one of tests/fixtures/hooks/sidecar. In: a host and
//! its package manager. Out: what that hook and a script of hookmux's did in a guest's calls. Does.

use std::fs;
use std::path::{Path, PathBuf};

use crate::proof::Proof;
use support::host::{Answer, Host};

pub(crate) const HOOK: &str = "/etc/libvirt/hooks/qemu";

/// Makes a guest's calls as libvirt 6.5.0 does: the hook, then the files of its own directory by name. Prints exit codes.
const CALLS: &str = "exec 2>>/run/stderr; rm -f /run/actions /run/ours\n\
    for call in 'vm1 prepare begin -' 'vm1 start begin -' 'vm2 prepare begin -' 'vm3 prepare begin -' 'vm1 release end -'; do\n\
        code=0\n\
        for hook in /etc/libvirt/hooks/qemu /etc/libvirt/hooks/qemu.d/*; do\n\
            [ ! -x \"$hook\" ] || \"$hook\" $call || code=$?\n\
        done\n\
        echo \"$call: $code\"\n\
    done\n";

/// A script of hookmux's, with a veto.
const OURS: &[u8] = b"#!/bin/sh\necho \"$*\" >>/run/ours\n[ \"$1 $2\" != 'vm3 prepare' ] || exit 4\n";

/// A system with that hook.
pub(crate) struct Existing<'a> {
    pub(crate) host: &'a Host,
    /// The root directory of the package manager, in the host.
    pub(crate) root: &'a str,
}

/// The lines that the hooks wrote in the calls.
#[derive(Debug, Clone, PartialEq)]
struct Life {
    codes: Vec<String>,
    actions: String,
    ours: Vec<String>,
}

impl Existing<'_> {
    fn path(&self, inside: &str) -> PathBuf {
        self.host.path(&format!("{}{inside}", self.root))
    }

    /// Runs a command in the root.
    fn run(&self, command: &str) -> Answer {
        self.host.run(&["chroot", &format!("{}/", self.root), "sh", "-c", command])
    }

    /// Installs the hook, with the file that it reads beside it.
    pub(crate) fn install_hook(&self) {
        let folder = support::repository().join("tests/fixtures/hooks/sidecar");
        for (name, mode) in [("qemu", 0o755), ("qemu.conf", 0o644)] {
            let content = fs::read(folder.join(name)).unwrap();
            self.host.file(&format!("{}/etc/libvirt/hooks/{name}", self.root), mode, &content);
        }
    }

    fn life(&self) -> Life {
        let text = |path: &str| fs::read_to_string(self.path(path)).unwrap_or_default();
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        let codes = lines(&self.run(CALLS).succeeded().stdout);
        Life { codes, actions: text("/run/actions"), ours: lines(&text("/run/ours")) }
    }

    /// Lists every path below libvirt's directory, with mode, link and content.
    fn tree(&self) -> String {
        let tree =
            "cd /etc/libvirt/hooks && find . -printf '%P %M %l\\n' | sort && find . -type f | sort | xargs md5sum";
        self.run(tree).succeeded().stdout
    }

    /// Installs, upgrades and erases hookmux around the hook. `from` and `to` are its packages.
    pub(crate) fn keeps_running(
        &self,
        proof: &Proof,
        [from, to]: [&Path; 2],
        install: &dyn Fn(&Path) -> Answer,
        erase: &dyn Fn(),
    ) {
        self.install_hook();
        let lines_with = |answer: Answer, text: &str| {
            let lines = answer.stdout.lines().chain(answer.stderr.lines());
            lines.filter(|line| line.contains(text)).count()
        };
        let ours = format!("{}/etc/hookmux/qemu.d/10-ours", self.root);
        let (before, alone) = (self.tree(), self.life());
        let codes = |of_vm3: i32| {
            [("vm1 prepare begin", 0), ("vm1 start begin", 0), ("vm2 prepare begin", 3), ("vm3 prepare begin", of_vm3)]
                .into_iter()
                .chain([("vm1 release end", 0)])
                .map(|(call, code)| format!("{call} -: {code}"))
                .collect::<Vec<_>>()
        };
        assert_eq!((&alone.codes, alone.actions.lines().count(), alone.ours.len()), (&codes(0), 5, 0), "{alone:?}");
        let calls: Vec<String> = codes(0).iter().map(|code| code.split(':').next().unwrap().to_owned()).collect();
        let beside = Life { codes: codes(4), ours: calls, ..alone.clone() };
        proof.step(
            "install beside a hook that depends on its path: it runs as before, and hookmux once after it",
            || {
                assert_eq!(lines_with(install(from), "by name: hookmux as 00-hookmux"), 1);
                self.host.file(&ours, 0o755, OURS);
                assert_eq!(self.life(), beside);
            },
        );
        proof.step("cp over the hook and upgrade, as CloudStack does: both still run", || {
            self.run("(cat /etc/libvirt/hooks/qemu; echo '# newer') >/run/new && cp /run/new /etc/libvirt/hooks/qemu")
                .succeeded();
            assert_eq!(self.life(), beside);
            assert_eq!(lines_with(install(to), "what was written"), 0);
            assert_eq!(
                (self.life(), fs::read_to_string(self.path(HOOK)).unwrap().ends_with("# newer\n")),
                (beside.clone(), true)
            );
        });
        proof.step("erase: libvirt's directory is as it was before, byte for byte", || {
            self.install_hook();
            erase();
            assert_eq!((self.tree(), self.life()), (before.clone(), alone.clone()));
        });
        proof.step(
            "cp over hookmux's own link: the upgrade keeps it as a separate hook, both run, a line reports it",
            || {
                self.run("mv /etc/libvirt/hooks/qemu /run/new").succeeded();
                install(from);
                self.run("cp /run/new /etc/libvirt/hooks/qemu").succeeded();
                assert!(self.path(HOOK).is_symlink());
                assert_eq!(lines_with(install(to), &format!("what was written over it is now {HOOK}")), 1);
                assert_eq!((self.life(), self.path(HOOK).is_symlink()), (beside.clone(), false));
                erase();
                assert_eq!((self.tree(), self.life()), (before.clone(), alone.clone()));
            },
        );
    }
}
