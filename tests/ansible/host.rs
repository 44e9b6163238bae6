//! A clean Debian with Python, as Ansible reaches it. In: variables of the role. Out: what ansible-playbook did. Does.

use std::fs;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use support::debian::Debian;
use tempfile::TempDir;

/// The system, the directory with the playbook, and the ansible-playbook that can manage its Python.
pub(crate) struct Host {
    debian: Debian,
    directory: TempDir,
    program: PathBuf,
}

/// The result of a play.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) code: Option<i32>,
    /// The number of tasks that changed something.
    pub(crate) changed: u64,
    /// Everything that Ansible printed.
    pub(crate) printed: String,
}

impl Deref for Host {
    type Target = Debian;

    fn deref(&self) -> &Debian {
        &self.debian
    }
}

impl Host {
    /// Starts a system of that suite: Debian 12 with its own Ansible, or a later one with an Ansible that supports its Python.
    pub(crate) fn new(suite: &str, test: &str) -> Self {
        let program = match suite {
            "bookworm" => "ansible-playbook".into(),
            _ => support::repository().join("target/tools/ansible/bin/ansible-playbook"),
        };
        let debian = Debian::new(suite, test);
        debian.apt_install(&["python3", "python3-apt"]);
        let directory = tempfile::tempdir().unwrap();
        // The connection calls this instead of chroot: the root is /proc/PID/root, and the command enters all its namespaces.
        let enter = "#!/bin/sh\nroot=$1 pid=${1#/proc/}\npid=${pid%%/*}\nshift\n\
            exec nsenter --target=\"$pid\" --mount --uts --ipc --net --pid=\"${root%/root}/ns/pid_for_children\" -- \"$@\"\n";
        fs::write(directory.path().join("enter"), enter).unwrap();
        fs::set_permissions(directory.path().join("enter"), fs::Permissions::from_mode(0o755)).unwrap();
        Self { debian, directory, program }
    }

    /// Runs a play of the role with these variables.
    pub(crate) fn play(&self, variables: &Value) -> Play {
        self.ansible(variables, &[])
    }

    /// Runs it in check mode.
    pub(crate) fn check(&self, variables: &Value) -> Play {
        self.ansible(variables, &["--check"])
    }

    fn ansible(&self, variables: &Value, options: &[&str]) -> Play {
        let directory = self.directory.path();
        let play =
            json!([{ "hosts": "all", "gather_facts": false, "roles": [{ "role": "hookmux", "vars": variables }] }]);
        fs::write(directory.join("play.yml"), play.to_string()).unwrap();
        let host = json!({ "all": { "hosts": { "host": {
            "ansible_connection": "community.general.chroot",
            "ansible_host": self.path("").to_str().unwrap(),
            "ansible_chroot_exe": directory.join("enter"),
            "ansible_python_interpreter": "/usr/bin/python3",
        } } } });
        fs::write(directory.join("hosts.yml"), host.to_string()).unwrap();
        let done = Command::new(&self.program)
            .args(["--inventory", "hosts.yml", "play.yml"])
            .args(options)
            .current_dir(directory)
            .env("ANSIBLE_ROLES_PATH", support::repository().join("deploy/ansible/roles"))
            .env("ANSIBLE_HOME", directory)
            // The connection is a part of Debian's package, and works with each release of Ansible.
            .env("ANSIBLE_COLLECTIONS_PATH", "/usr/lib/python3/dist-packages")
            .env("ANSIBLE_PIPELINING", "true")
            .env("ANSIBLE_NOCOLOR", "true")
            .output()
            .unwrap_or_else(|error| panic!("{}: {error} (tests/needs)", self.program.display()));
        let printed = [done.stdout, done.stderr].concat();
        let printed = String::from_utf8(printed).unwrap();
        let recap = printed.lines().find_map(|line| line.strip_prefix("host ")?.split("changed=").nth(1));
        let changed = recap.and_then(|rest| rest.split(' ').next()?.parse().ok());
        Play { code: done.status.code(), changed: changed.unwrap_or_else(|| panic!("{printed}")), printed }
    }
}

impl Play {
    /// Asserts that the play succeeded, and returns how many tasks changed something.
    pub(crate) fn succeeded(self) -> u64 {
        let failures: Vec<_> = self.printed.lines().filter(|line| line.starts_with("fatal: ")).collect();
        assert_eq!((self.code, failures), (Some(0), Vec::new()), "{}", self.printed);
        self.changed
    }

    /// Asserts that the play failed with these sentences.
    pub(crate) fn failed(self, sentences: &[&str]) {
        let missing: Vec<_> = sentences.iter().filter(|sentence| !self.printed.contains(**sentence)).collect();
        assert_eq!((self.code, missing), (Some(2), Vec::new()), "{}", self.printed);
    }
}
