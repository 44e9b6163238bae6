//! A shell in a guest, on a port of its own, so that it works whatever the agent is doing. In: commands. Out: their output.
//! Does.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The time limit of everything that normally takes a few seconds.
pub const TIMEOUT: Duration = Duration::from_secs(90);

/// A connection to the shell.
pub struct Shell {
    stream: UnixStream,
    /// Files to show when a command fails.
    logs: Vec<PathBuf>,
}

impl Shell {
    /// Connects to a guest that is about to start, and waits until its shell is ready. `logs` are shown when a command
    /// fails.
    pub fn connect(socket: &Path, logs: Vec<PathBuf>) -> Self {
        let mut shell = Self { stream: connect(socket), logs };
        shell.until("ready\n");
        shell
    }

    /// Runs commands in the guest, which must succeed, and returns their output.
    pub fn run(&mut self, commands: &str) -> String {
        let (output, code) = self.try_run(commands);
        assert_eq!(code, 0, "{commands}: {output}");
        output
    }

    /// Runs commands in the guest, and returns their output and the exit code of the last.
    pub fn try_run(&mut self, commands: &str) -> (String, i32) {
        self.stream.write_all(format!("{{ :\n{commands}\n}} </dev/null; echo \"[$?]\"\n").as_bytes()).unwrap();
        let output = self.until("]\n");
        let (output, code) = output.rsplit_once('[').unwrap_or_else(|| panic!("{commands}: no exit code in {output}"));
        (
            output.to_owned(),
            code.trim_end_matches("]\n").parse().unwrap_or_else(|_| panic!("{commands}: {output}[{code}")),
        )
    }

    /// Writes a file in the guest.
    pub fn write(&mut self, path: &str, mode: &str, content: &str) {
        let directory = Path::new(path).parent().unwrap().display();
        self.run(&format!(
            "mkdir -p '{directory}'; cat >'{path}' <<'END OF FILE'\n{content}\nEND OF FILE\nchmod {mode} '{path}'"
        ));
    }

    /// Waits until commands in the guest succeed.
    pub fn wait_for(&mut self, commands: &str) {
        let begin = Instant::now();
        while self.try_run(commands).1 != 0 {
            assert!(begin.elapsed() < TIMEOUT, "waited {TIMEOUT:?} for {commands}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Reads the output of the shell until it ends with `end`.
    fn until(&mut self, end: &str) -> String {
        let begin = Instant::now();
        let mut output = Vec::new();
        let mut chunk = [0; 4096];
        self.stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        while !output.ends_with(end.as_bytes()) {
            match self.stream.read(&mut chunk) {
                Ok(0) => self.fail("the guest has gone"),
                Ok(read) => output.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => self.fail(&error.to_string()),
            }
            if begin.elapsed() > TIMEOUT {
                self.fail(&format!("no {end:?} after {TIMEOUT:?}: {}", String::from_utf8_lossy(&output)));
            }
        }
        String::from_utf8_lossy(&output).into_owned()
    }

    /// Links a hook to where the agent looks for it.
    pub fn link_hook(&mut self, hook: &str, link: &str) {
        let directory = link.trim_end_matches("/fsfreeze-hook");
        self.run(&format!("mkdir -p {directory}; ln -s {hook} {link}"));
    }

    /// Starts the agent, configured as an administrator would do it.
    pub fn start_agent(&mut self, link: &str) {
        self.write("/etc/qemu/qemu-ga.conf", "644", &format!("[general]\nfsfreeze-hook={link}"));
        self.run(
            "setsid qemu-ga --method=virtio-serial --path=/dev/org.qemu.guest_agent.0 --statedir=/run \
             --pidfile=/run/qga.pid >/run/agent.log 2>&1 3>&- & echo $! >/run/qga.pid",
        );
    }

    /// Writes a script that records its name and its argument, and then runs `body`.
    pub fn script(&mut self, path: &str, body: &str) {
        self.write(path, "755", &format!("#!/bin/sh\necho \"$1 ${{0##*/}}\" >>/run/calls\n{body}"));
    }

    /// Returns which scripts ran since the last call of this function: `freeze 10-a 20-b, thaw 20-b 10-a`.
    pub fn calls(&mut self) -> String {
        let calls = self.run("cat /run/calls 2>/dev/null; rm -f /run/calls");
        let mut summary = String::new();
        let mut last = "";
        for (operation, script) in calls.lines().filter_map(|line| line.split_once(' ')) {
            if operation != last {
                summary += if summary.is_empty() { "" } else { ", " };
                summary += operation;
            }
            summary += " ";
            summary += script;
            last = operation;
        }
        if summary.is_empty() { "nothing".to_owned() } else { summary }
    }

    fn fail(&self, why: &str) -> ! {
        let log = |path: &PathBuf| format!("{}: {}", path.display(), fs::read_to_string(path).unwrap_or_default());
        panic!("{why}\n{}", self.logs.iter().map(log).collect::<Vec<_>>().join("\n"));
    }
}

/// Connects to a socket that QEMU is about to create.
pub fn connect(path: &Path) -> UnixStream {
    let begin = Instant::now();
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => return stream,
            Err(error) if begin.elapsed() > TIMEOUT => panic!("{}: {error}", path.display()),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}
