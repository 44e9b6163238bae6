//! The daemon of a host. In: a host. Out: libvirtd running in it, stopped, restarted, reloaded; answers of virsh; guests
//! defined. Does.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::host::{Answer, Host};

const PID_FILE: &str = "/run/libvirtd.pid";

impl Host {
    /// Starts libvirtd (and virtlogd, unless it runs) and waits until it answers.
    pub fn start_libvirtd(&self) {
        if !self.path("/run/virtlogd.pid").exists() {
            self.run(&["virtlogd", "--daemon", "--pid-file", "/run/virtlogd.pid"]).succeeded();
        }
        self.run(&["libvirtd", "--daemon", "--pid-file", PID_FILE]).succeeded();
        // Before it answers, libvirtd drops a SIGHUP. The network driver is there in every release and on every host.
        self.wait_until("libvirtd to answer", || self.virsh_at("network:///system", "uri").code == Some(0));
    }

    /// Replaces the machine's libvirt in this host with one that was built for the same directories.
    pub fn replace_libvirt(&self, built: &Path) {
        assert!(built.exists(), "{} is missing", built.display());
        // Drivers of two releases do not load beside each other.
        self.run(&["sh", "-c", "rm -r /usr/lib/*-linux-gnu/libvirt"]).succeeded();
        for directory in ["usr", "etc/libvirt"] {
            let mut copying = Command::new("cp");
            copying.arg("--archive").arg(built.join(directory).join(".")).arg(self.path(&format!("/{directory}")));
            assert!(copying.status().unwrap().success(), "{copying:?}");
        }
        // It does not know Debian's users and this machine's cgroups.
        let settings =
            "user = 'root'\ngroup = 'root'\nsecurity_driver = 'none'\nnamespaces = []\ncgroup_controllers = []\n";
        self.file("/etc/libvirt/qemu.conf", 0o644, settings.replace('\'', "\"").as_bytes());
    }

    /// Starts the QEMU daemon of the modular ones, instead of libvirtd, and waits until it answers.
    pub fn start_virtqemud(&self) {
        self.run(&["virtlogd", "--daemon", "--pid-file", "/run/virtlogd.pid"]).succeeded();
        self.run(&["virtqemud", "--daemon", "--pid-file", PID_FILE]).succeeded();
        self.wait_until("virtqemud to answer", || self.virsh("uri").code == Some(0));
    }

    /// Ends libvirtd as systemd does, with SIGTERM; guests keep running.
    pub fn stop_libvirtd(&self) {
        let pid = self.signal_libvirtd("TERM");
        self.wait_until("libvirtd to end", || !self.path(&format!("/proc/{pid}")).exists());
    }

    /// Makes libvirtd read its configuration again, as `systemctl reload` does; it sends no answer.
    pub fn reload_libvirtd(&self) {
        self.signal_libvirtd("HUP");
    }

    fn signal_libvirtd(&self, signal: &str) -> String {
        let pid = fs::read_to_string(self.path(PID_FILE)).unwrap().trim().to_owned();
        // The kill of the shell, because a small system has no other.
        self.run(&["sh", "-c", &format!("kill -{signal} {pid}")]).succeeded();
        pid
    }

    /// Asks the host's libvirtd; `command` is split at spaces.
    pub fn virsh(&self, command: &str) -> Answer {
        let mode = if self.path("/run/libvirt/virtqemud-sock").exists() { "?mode=direct" } else { "" };
        self.virsh_at(&format!("qemu:///system{mode}"), command)
    }

    /// Asks the daemon at `uri`; `command` is split at spaces.
    pub fn virsh_at(&self, uri: &str, command: &str) -> Answer {
        let mut args = vec!["virsh", "--quiet", "--connect", uri];
        args.extend(command.split(' '));
        self.run(&args)
    }

    /// Puts an XML document where `virsh` can read it, and returns that path.
    pub fn document(&self, name: &str, xml: &str) -> String {
        let inside = format!("/run/documents/{name}.xml");
        self.file(&inside, 0o644, xml.as_bytes());
        inside
    }

    /// Returns the end of the daemon's log and the recorded calls, for a test that failed.
    pub fn logs(&self) -> String {
        let log = fs::read_to_string(self.path("/var/log/libvirt/libvirtd.log")).unwrap_or_default();
        let calls: Vec<String> = self.records().iter().map(|record| format!("{} {record}", record.script)).collect();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        format!("--- {} ---\ncalls:\n{}\nlibvirtd.log:\n{}", self.name, calls.join("\n"), tail.join("\n"))
    }
}
