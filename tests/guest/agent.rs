//! The guest agent, from outside: JSON lines over a socket. In: commands. Out: answers, and how long they took. Does.
//!
//! The agent must run in a guest: `guest-fsfreeze-freeze` freezes the machine that the agent runs on.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use support::shell::{self, TIMEOUT};

/// A connection to an agent.
pub(crate) struct Agent {
    stream: BufReader<UnixStream>,
    last_sync: u32,
}

/// An answer, if one came, and how long it took.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The returned value, or the error's description.
    pub(crate) result: Option<Result<Value, String>>,
    pub(crate) took: Duration,
}

impl Agent {
    /// Connects, and waits until the agent answers.
    pub(crate) fn connect(socket: &Path) -> Self {
        let mut agent = Self { stream: BufReader::new(shell::connect(socket)), last_sync: 0 };
        agent.synchronise();
        agent
    }

    /// Sends `guest-sync` with a new number, and skips the answers of earlier commands until that number comes. Sends it
    /// more than once, since an agent that is just starting does not read the first one.
    pub(crate) fn synchronise(&mut self) {
        let begin = Instant::now();
        loop {
            self.last_sync += 1;
            self.send("guest-sync", &json!({ "id": self.last_sync }));
            let until = Instant::now() + Duration::from_secs(1);
            while let Some(line) = self.line(until) {
                if line["return"] == self.last_sync {
                    return;
                }
            }
            assert!(begin.elapsed() < TIMEOUT, "the agent does not answer");
        }
    }

    /// Sends a command and waits for its answer.
    pub(crate) fn ask(&mut self, command: &str) -> Answer {
        self.ask_for(command, TIMEOUT)
    }

    /// Sends a command and waits for its answer for at most that time. After a timeout, call `synchronise` next.
    pub(crate) fn ask_for(&mut self, command: &str, timeout: Duration) -> Answer {
        self.start(command);
        self.answer(timeout)
    }

    /// Sends a command without waiting for its answer.
    pub(crate) fn start(&mut self, command: &str) {
        self.send(command, &json!({}));
    }

    /// Waits for an answer for at most that time.
    pub(crate) fn answer(&mut self, timeout: Duration) -> Answer {
        let begin = Instant::now();
        let line = self.line(begin + timeout);
        let result = line.map(|mut line| match line["error"]["desc"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(line["return"].take()),
        });
        Answer { result, took: begin.elapsed() }
    }

    fn send(&mut self, command: &str, arguments: &Value) {
        let line = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.stream.get_mut().write_all(line.as_bytes()).unwrap();
    }

    fn line(&mut self, until: Instant) -> Option<Value> {
        let mut line = Vec::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                assert!(line.is_empty(), "half an answer: {}", String::from_utf8_lossy(&line));
                return None;
            }
            self.stream.get_ref().set_read_timeout(Some(left)).unwrap();
            match self.stream.read_until(b'\n', &mut line) {
                Ok(0) => panic!("QEMU has gone"),
                Ok(_) if line.ends_with(b"\n") => return serde_json::from_slice(&line).ok(),
                Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
                Ok(_) | Err(_) => {}
            }
        }
    }
}
