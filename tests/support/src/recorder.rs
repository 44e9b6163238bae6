//! The records of recording scripts. In: the directories that record.sh left in a host. Out: records, in the order of their
//! calls, as values that tests compare. Reads; and notes for tests/real/coverage which calls reached hookmux.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Once;

use crate::host::Host;

/// One script's call.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The script's absolute path, as it was started.
    pub script: String,
    /// Its arguments: object, operation, sub-operation, extra.
    pub args: Vec<String>,
    pub stdin: String,
    /// The type of file that stdin is: `pipe`, `/memfd`, `/dev/null`.
    pub input: String,
    pub environment: BTreeMap<String, String>,
    pub state: State,
    /// True if it leads its own process group.
    pub leads_group: bool,
}

/// The state that a process starts with, besides arguments and environment.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub directory: String,
    pub umask: String,
    pub blocked: String,
    pub ignored: String,
    pub user: String,
    /// The other descriptors, with the type of file; that of stdin is [`Record::input`].
    pub descriptors: BTreeMap<u32, String>,
}

impl Host {
    /// Returns every complete record so far, oldest first.
    pub fn records(&self) -> Vec<Record> {
        let Ok(entries) = fs::read_dir(self.path("/run/records")) else { return Vec::new() };
        let mut complete: Vec<_> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_none_or(|extension| extension != "part"))
            .collect();
        // Named after nanoseconds since 1970, which have had 19 digits since 2001 and will until 2286.
        complete.sort();
        let records: Vec<Record> = complete.iter().map(|path| read(path)).collect();
        records.iter().for_each(count);
        records
    }

    /// Returns every record so far as a line, oldest first: arguments, root element and name of the document, script.
    pub fn calls(&self) -> Vec<String> {
        self.records().iter().map(ToString::to_string).collect()
    }
}

impl Record {
    pub fn operation(&self) -> &str {
        &self.args[1]
    }

    /// Returns the script's name without its directory.
    pub fn name(&self) -> &str {
        self.script.rsplit('/').next().unwrap()
    }
}

impl fmt::Display for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{} {} {}", self.args.join(" "), document(&self.stdin), self.name())
    }
}

/// Summarises an XML document: `<domain>vm1`, `<hookData>net1`, `<hookData>net1+vm1` with a guest's port, or `nothing`.
fn document(xml: &str) -> String {
    if xml.is_empty() {
        return "nothing".to_owned();
    }
    let root: String = xml.trim_start_matches('<').chars().take_while(char::is_ascii_alphanumeric).collect();
    let mut names = xml.split("<name>").skip(1).filter_map(|rest| rest.split_once("</name>")).map(|(name, _)| name);
    let name = names.next().unwrap_or_default();
    assert!(xml.trim_end().ends_with(&format!("</{root}>")), "cut off: {xml}");
    match xml.split_once("<networkport>") {
        Some(_) => format!("<{root}>{name}+{}", names.next().unwrap_or_default()),
        None => format!("<{root}>{name}"),
    }
}

fn read(record: &Path) -> Record {
    let file = |name: &str| fs::read_to_string(record.join(name)).unwrap();
    let strings = |name: &str| file(name).split_terminator('\0').map(str::to_owned).collect::<Vec<_>>();
    let status = file("status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let command_line = strings("cmdline");
    // The first argument is the interpreter, which the kernel adds.
    let script = command_line[1].clone();
    let mut descriptors: BTreeMap<u32, String> = file("descriptors")
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        // The shell itself has the script and the file that it sources open.
        .filter(|(_, target)| *target != script && *target != "/run/record.sh")
        .map(|(number, target)| (number.parse().unwrap(), target.split(':').next().unwrap().to_owned()))
        .collect();
    let stat = file("stat");
    // pid (name) state ppid pgrp …; the name may hold spaces and brackets.
    let (before, after) = stat.rsplit_once(") ").unwrap();
    let group = after.split(' ').nth(2).unwrap();
    Record {
        args: command_line[2..].to_vec(),
        stdin: file("stdin"),
        input: descriptors.remove(&0).unwrap(),
        environment: strings("environ")
            .iter()
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        state: State {
            directory: file("cwd").trim_end().to_owned(),
            umask: field("Umask"),
            blocked: field("SigBlk"),
            ignored: field("SigIgn"),
            user: field("Uid"),
            descriptors,
        },
        leads_group: before.starts_with(&format!("{group} ")),
        script,
    }
}

/// Notes the driver and operation of a call that came through hookmux, which alone sets `HOOKMUX_DRIVER`.
fn count(record: &Record) {
    if let Some(driver) = record.environment.get("HOOKMUX_DRIVER") {
        note(driver, record.operation());
    }
}

/// Notes that hookmux has run a script for this operation.
pub fn note(driver: &str, operation: &str) {
    static FROM_NOTHING: Once = Once::new();
    // One directory for each test program: `real`, `stop`.
    let program = std::env::current_exe().unwrap();
    let (program, _) = program.file_name().and_then(OsStr::to_str).and_then(|name| name.rsplit_once('-')).unwrap();
    let directory = crate::scratch().join("real-coverage").join(program);
    // Notes of an earlier run do not count for this one.
    FROM_NOTHING.call_once(|| drop(fs::remove_dir_all(&directory)));
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join(format!("{driver}.{operation}")), "").unwrap();
}
