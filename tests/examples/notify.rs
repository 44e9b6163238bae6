//! qemu.d/95-notify: events → messages to a web server, a mail server and a command, which the test runs. Does.

use crate::{Answer, Example, passes};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

fn notify(settings: impl AsRef<str>) -> Example {
    Example::new("qemu.d/95-notify").setting("notify.conf", settings.as_ref())
}

fn release(example: &Example, guest: &str) -> Answer {
    example.call(&[guest, "release", "end", "destroyed"], "<domain/>")
}

/// Starts a server for one connection, whose lines `serve` answers; returns its address, and a thread that returns the lines.
fn server(serve: fn(&str) -> &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let received = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let (mut reader, mut writer) = (BufReader::new(stream.try_clone().unwrap()), stream);
        writer.write_all(serve("").as_bytes()).unwrap();
        let (mut all, mut line, mut length) = (String::new(), String::new(), 0);
        while reader.read_line(&mut line).unwrap() > 0 {
            if let Some(bytes) = line.strip_prefix("Content-Length: ") {
                length = bytes.trim().parse().unwrap();
            }
            all.push_str(&line);
            if line == "\r\n" && length > 0 {
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                all.push_str(&String::from_utf8(body).unwrap());
            }
            writer.write_all(serve(&line).as_bytes()).unwrap();
            line.clear();
        }
        all
    });
    (address, received)
}

fn http(line: &str) -> &'static str {
    if line == "\r\n" { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" } else { "" }
}

fn smtp(line: &str) -> &'static str {
    match line.split([' ', '\r']).next().unwrap() {
        "" if line.is_empty() => "220 here\r\n",
        "ehlo" | "mail" | "rcpt" | "MAIL" | "RCPT" | "EHLO" | "." => "250 well\r\n",
        "data" | "DATA" => "354 go on\r\n",
        "quit" | "QUIT" => "221 bye\r\n",
        _ => "",
    }
}

#[test]
fn a_web_server_a_mail_server_and_a_command_each_get_the_event_once() {
    let ((web, posted), (mail, mailed)) = (server(http), server(smtp));
    let example = Example::new("qemu.d/95-notify");
    let out = example.path("out");
    let example = example.setting(
        "notify.conf",
        format!(
            "[chat]\nevents = qemu.release\nwebhook = http://{web}/hook\n\
             [night]\nevents = *.release\nmail = ops@example.org\nserver = {mail}\n\
             [pager]\nevents = qemu.rel*\nguests = web-* db-*\n\
             command = sh -c 'cat >\"$0\"; echo \"$NOTIFY_EVENT\" >>\"$0\"' {}\n",
            out.display()
        ),
    );
    assert_eq!(release(&example, "db-1"), passes());
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
    let text = format!("{host}: qemu db-1: release (destroyed)");
    let (posted, mailed, out) = (posted.join().unwrap(), mailed.join().unwrap(), fs::read_to_string(out).unwrap());
    let fields = [
        "object\": \"db-1",
        "operation\": \"release",
        "extra\": \"destroyed",
        "driver\": \"qemu",
        &format!("text\": \"{text}"),
    ];
    assert!(
        posted.starts_with("POST /hook HTTP/1.1\r\n") && fields.iter().all(|field| posted.contains(field)),
        "{posted}"
    );
    let (subject, to) = (format!("Subject: {text}\r\n"), "To: ops@example.org\r\n");
    assert!(mailed.contains(&subject) && mailed.contains(to) && mailed.contains("operation: release\r\n"), "{mailed}");
    assert!(out.starts_with(&format!("{text}\n{{")) && fields.iter().all(|field| out.contains(field)), "{out}");
}

#[test]
fn other_events_and_guests_are_not_sent_and_without_settings_nothing_is_sent() {
    // A receiver that would leave a line in the log.
    let settings =
        |events: &str, guests: &str| notify(format!("[a]\nevents = {events}\nguests = {guests}\ncommand = false\n"));
    let seen = [
        release(&Example::new("qemu.d/95-notify"), "db-1"),
        release(&settings("qemu.started lxc.*", "*"), "db-1"),
        release(&settings("*", "db db-?? [!d]*"), "db-1"),
        settings("*", "*").call::<&str>(&[], ""),
    ];
    assert_eq!(seen, [(); 4].map(|()| passes()));
}

#[test]
fn an_error_never_fails_a_call_and_is_reported_without_the_address() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cases = [
        (format!("webhook = http://{closed}/secret"), "[a]: [Errno 111] Connection refused"),
        (format!("mail = ops@example.org\nserver = {closed}"), "[a]: Connection refused"),
        ("command = false".into(), "[a]: CalledProcessError"),
        ("command = /nonexistent".into(), "[a]: No such file or directory"),
        ("webhook = x\nmail = y".into(), "[a]: expected one of webhook, mail, command"),
        ("command = true\ntimeout = soon".into(), "[a]: could not convert string to float: 'soon'"),
    ];
    for (receiver, reason) in cases {
        let answer = release(&notify(format!("[a]\nevents = *\n{receiver}\n")), "db-1");
        assert_eq!(answer, Answer { stderr: format!("notify: {reason}\n"), ..passes() }, "{receiver}");
    }
    let answer = release(&notify("[a]\ncommand = true\n"), "db-1");
    assert_eq!(answer.stderr, "notify: [a]: missing key 'events'\n");
    let answer = release(&notify("events = *\n"), "db-1");
    assert_eq!(
        (answer.code, answer.stderr.lines().next().unwrap().starts_with("notify: ROOT/etc/hookmux/notify.conf: ")),
        (0, true)
    );
}

#[test]
fn receivers_that_do_not_answer_delay_a_call_by_one_timeout_at_most() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let receivers = (0..8).map(|name| format!("[{name}]\nevents = *\nwebhook = http://{address}/\ntimeout = 1\n"));
    let example = notify(receivers.collect::<String>() + "[command]\nevents = *\ncommand = sleep 60\ntimeout = 1\n");
    let started = Instant::now();
    let answer = release(&example, "db-1");
    let took = started.elapsed();
    assert_eq!((answer.code, answer.stderr.lines().count()), (0, 9), "{answer:?}");
    // One after the other would take nine.
    assert!(took < Duration::from_secs(7), "{took:?}");
}

#[test]
fn a_name_cannot_add_lines_to_a_mail() {
    let (mail, mailed) = server(smtp);
    let example = notify(format!("[night]\nevents = *\nmail = ops@example.org\nserver = {mail}\n"));
    assert_eq!(release(&example, "x\r\nBcc: all@example.org\r\n\r\n\u{1b}[2J"), passes());
    let mailed = mailed.join().unwrap();
    assert!(mailed.contains("qemu x??Bcc: all@example.org?????[2J") && !mailed.contains("\nBcc"), "{mailed}");
}
