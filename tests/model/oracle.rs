//! The oracle: the behaviour that the design states for a case. Written from the design alone, and simple, not fast. Pure.

use std::collections::BTreeSet;

use crate::calls::{After, Call};
use crate::case::{At, Case, Directory, Mode, Rule, What};
use crate::disk::{Behaviour, document, place};
use crate::patterns::fits;

/// A file, and the guests that it is for: 0 all, 1 by exact name, 2 by a pattern.
struct Found<'a> {
    place: usize,
    scope: (u8, &'a str),
    /// The path within the driver's directory; `path` is the one that is called.
    key: String,
    path: String,
    what: What,
}

/// The kind of a step.
#[derive(Clone)]
enum Step {
    /// It runs; its name contains what it does.
    Runs,
    /// It cannot run, for this reason.
    Fault(String),
}

/// Predicts the behaviour of hookmux.
pub fn predict(case: &Case) -> Behaviour {
    let nothing = Behaviour { ran: vec![], code: 0, out: String::new(), message: String::new() };
    if case.settings.broken.is_some() && case.call.after == After::Abort {
        let message = format!("{} failed: /etc/hookmux/hookmux.toml{}", opening(case), complaint(case));
        return Behaviour { code: 1, message, ..nothing };
    }
    let steps = steps(case);
    let mut ran = Vec::new();
    let mut written = document(case);
    let mut failure: Option<(i32, String)> = None;
    let mut started = Vec::new();
    for (path, step, rule) in &steps {
        let (code, sentence, is_fault) = match step {
            Step::Fault(why) => (1, format!("{path} {why}"), true),
            Step::Runs => {
                ran.push(format!("{path} {}", args(case)));
                started.push(path);
                let (code, sentence) = run(path, &mut written);
                (code, format!("{path} {sentence}"), false)
            }
        };
        if code == 0 {
            continue;
        }
        let (counts, continues) = weigh(case.call.after, is_fault, rule);
        if counts && failure.is_none() {
            let word = if !is_fault && case.call.after == After::Abort { "refused" } else { "failed" };
            failure = Some((code, format!("{} {word}: {sentence}", opening(case))));
        }
        if !continues {
            break;
        }
    }
    let undoing = match (case.call.driver, case.call.operation) {
        ("fsfreeze-hook", "freeze") => Some(Call { operation: "thaw", ..case.call }),
        ("libxl" | "bhyve", "prepare") => Some(Call { operation: "release", sub: "end", ..case.call }),
        _ => None,
    };
    if let Some(call) = undoing.filter(|_| failure.is_some()) {
        // Rules apply to that call, too.
        let undoing = Case { call, ..case.clone() };
        let directory = format!("{}.d", call.driver);
        let is_guests = |path: &str| !path.rsplit_once('/').is_some_and(|(parent, _)| parent.ends_with(&directory));
        let undone = started.iter().rev().filter(|path| !is_guests(path) && given(&undoing, path).run);
        ran.extend(undone.map(|path| format!("{path} {}", args(&undoing))));
    }
    let is_filter =
        matches!((case.call.driver, case.call.operation), ("qemu", "migrate" | "restore") | ("libxl", "migrate"));
    match failure {
        Some((code, message)) => Behaviour { ran, code, message, ..nothing },
        None if is_filter && written != document(case) => Behaviour { ran, out: written, ..nothing },
        None => Behaviour { ran, ..nothing },
    }
}

/// Applies section 4's table and a rule: does a failure count, and does the next step run?
fn weigh(after: After, is_fault: bool, rule: &Setting) -> (bool, bool) {
    let continues = after == After::GoOn || rule.on_failure == "continue";
    match (is_fault, after) {
        (false, _) if rule.on_failure == "ignore" => (false, true),
        (true, _) if rule.on_fault == "ignore" => (false, true),
        (true, After::KillGuest) => (false, true),
        _ => (true, continues),
    }
}

/// Returns the beginning of every line: the driver, the operation and the object.
fn opening(case: &Case) -> String {
    let object = if case.object == "-" { String::new() } else { format!(" '{}'", case.object) };
    format!("hookmux: {} {}{object}", case.call.driver, case.call.operation)
}

fn complaint(case: &Case) -> String {
    use crate::case::Broken::{BadPattern, UnknownKey, WritableByAll};
    let before = usize::from(case.settings.strict.is_some()) + usize::from(case.settings.libvirt_runs_dot_d.is_some());
    match case.settings.broken.unwrap() {
        WritableByAll => ": not read: /etc/hookmux/hookmux.toml is writable by every user".into(),
        UnknownKey => format!(":{}:1: unknown key 'colour'", before + 1),
        BadPattern => format!(":{}:9: 'guest': '[' is not a pattern: invalid range pattern", before + 2),
    }
}

fn args(case: &Case) -> String {
    let call = &case.call;
    if call.is_agents() {
        return call.operation.into();
    }
    format!("{} {} {} {}", case.object, call.operation, call.sub, call.extra)
}

/// Runs a script by its own name, not that of a link's target: changes the document, and returns exit code and sentence.
fn run(path: &str, written: &mut String) -> (i32, String) {
    let name = path.rsplit('/').next().unwrap();
    let what = name.rsplit_once('=').map_or("0", |(_, what)| what);
    let exited = |code: i32| (code, format!("exited {code}"));
    match what {
        "tag" => {
            let letter = name.split_once('-').unwrap().1.chars().next().unwrap();
            *written = written.replace("</title>", &format!("{letter}</title>"));
            exited(0)
        }
        "cat" | "blank" => exited(0),
        "tagfail" => exited(5),
        "killed" => (137, "was killed by SIGKILL".into()),
        code => exited(code.parse().unwrap()),
    }
}

/// The settings that the rules give one script.
struct Setting {
    run: bool,
    on_failure: &'static str,
    on_fault: &'static str,
}

fn given(case: &Case, path: &str) -> Setting {
    let mut given = Setting { run: true, on_failure: "fail", on_fault: "fail" };
    if case.settings.broken.is_some() {
        return given;
    }
    for file in 0..3 {
        if file == 0 && case.settings.hides_the_packages {
            continue;
        }
        for rule in case.settings.rules.iter().filter(|rule| rule.file == file && applies(rule, case, path)) {
            given.run = rule.run.unwrap_or(given.run);
            given.on_failure = rule.on_failure.unwrap_or(given.on_failure);
            given.on_fault = rule.on_fault.unwrap_or(given.on_fault);
        }
    }
    given
}

fn applies(rule: &Rule, case: &Case, path: &str) -> bool {
    let one = |patterns: &Option<Vec<&'static str>>, names: &[&str]| match patterns {
        None => true,
        Some(patterns) => {
            patterns.iter().any(|pattern| names.iter().any(|name| name == pattern || fits(pattern, name)))
        }
    };
    let script = match &rule.script {
        None => true,
        Some(patterns) => patterns.iter().any(|pattern| {
            let name = if pattern.contains('/') { path } else { path.rsplit('/').next().unwrap() };
            name == *pattern || fits(pattern, name)
        }),
    };
    script
        && one(&rule.driver, &[case.call.driver])
        && one(&rule.guest, &[case.object])
        && one(&rule.operation, &case.call.names())
}

/// Lists the steps in order, as in section 3.
fn steps(case: &Case) -> Vec<(String, Step, Setting)> {
    let mut steps: Vec<(String, String, Step, Setting)> = Vec::new();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for found in found(case) {
        let Found { key, path, .. } = &found;
        if found.what == What::Dangling && may_be_a_directory(&found) {
            continue;
        }
        let name = path.rsplit('/').next().unwrap().to_owned();
        if taken.contains(key) {
            continue;
        }
        let distrust = distrust(case, &found);
        let ours = |distrust: &Option<String>| distrust.is_none();
        if left_to_libvirt(case, &found) {
            taken.insert(key.clone());
            continue;
        }
        if ours(&distrust) {
            taken.insert(key.clone());
        }
        if found.what == What::Dangling && distrust.is_none() {
            continue;
        }
        if found.what != What::Dangling && (name.starts_with('.') || is_leftover(&name)) {
            continue;
        }
        let runs = match found.what {
            What::Script(mode) => mode != Mode::NoX,
            What::Link { .. } | What::NoInterpreter | What::NoFirstLine => true,
            // A mask runs nothing, but one that is not trusted is a fault, like a script.
            What::Empty(_) | What::LinkToNull | What::Dangling => distrust.is_some(),
            What::Fifo | What::Directory => false,
        };
        let rule = given(case, path);
        if !runs || !rule.run {
            continue;
        }
        let step = match (distrust, found.what) {
            (Some(why), _) => Step::Fault(format!("was not run: {why}")),
            (None, What::NoInterpreter) => Step::Fault(
                "could not be started: its interpreter /no/such/sh does not exist (install it, or fix line 1)".into(),
            ),
            (None, What::NoFirstLine) => Step::Fault(
                "could not be started: it has no #! line (add one as its first line, such as #!/bin/sh)".into(),
            ),
            _ => Step::Runs,
        };
        steps.push((name, path.clone(), step, rule));
    }
    // Equal names stay in the order of their directories.
    steps.sort_by(|one, other| one.0.as_bytes().cmp(other.0.as_bytes()));
    // A dangling link in place of a directory: it is not known which scripts should run.
    let mut dangling: Vec<(usize, String)> = found(case)
        .into_iter()
        .filter(|found| found.what == What::Dangling && may_be_a_directory(found))
        .map(|found| (found.place, found.path))
        .collect();
    dangling.sort();
    let unreadable = (0..4).flat_map(|at| {
        let driver = format!("{}/{}.d", place(case, at), case.call.driver);
        let is_file = case.directories[at] == Directory::AFile;
        let here = dangling.iter().filter(move |(place, _)| *place == at);
        let here = here.map(|(_, path)| (path.clone(), "no such file or directory"));
        here.chain(is_file.then_some((driver, "not a directory"))).collect::<Vec<_>>()
    });
    let unreadable = unreadable.map(|(path, why)| {
        let why = format!("was not run: {path} cannot be read: {why}");
        (String::new(), path, Step::Fault(why), Setting { run: true, on_failure: "fail", on_fault: "fail" })
    });
    let mut steps: Vec<_> = unreadable.chain(steps).map(|(_, path, step, rule)| (path, step, rule)).collect();
    if case.call.operation == "thaw" {
        steps.reverse();
    }
    steps
}

/// Reports whether its path may be a directory of scripts: the sub-operation of a guest's directory.
fn may_be_a_directory(found: &Found) -> bool {
    found.key.matches('/').count() == 2
}

/// Lists the files for this call by place, scope and path.
fn found(case: &Case) -> Vec<Found<'_>> {
    let mut all = Vec::new();
    for at in (0..4).filter(|at| case.directories[*at] != Directory::AFile) {
        let driver = format!("{}/{}.d", place(case, at), case.call.driver);
        let mut here: Vec<Found> = present(case, at)
            .into_iter()
            .filter_map(|(key, what)| {
                let parts: Vec<&str> = key.split('/').collect();
                let scope = match parts[..] {
                    [_] => (0, ""),
                    [guest, operation, sub] | [guest, operation, sub, _]
                        if case.call.names().contains(&operation) && sub == case.call.sub =>
                    {
                        let guest = GUESTS.iter().find(|known| **known == guest).unwrap();
                        match () {
                            () if *guest == case.object => (1, *guest),
                            () if guest.contains(['*', '?', '[']) && fits(guest, case.object) => (2, *guest),
                            () => return None,
                        }
                    }
                    _ => return None,
                };
                let path = format!("{driver}/{key}");
                (what != What::Directory).then_some(Found { place: at, scope, key, path, what })
            })
            .collect();
        here.sort_by(|one, other| (one.scope, one.path.as_bytes()).cmp(&(other.scope, other.path.as_bytes())));
        all.extend(here);
    }
    all
}

const GUESTS: &[&str] = &["vm1", "web-*", "web-?", "*", "[x]", "[a-w]*", "a b", "-x", "-", "vm2"];

/// Lists the files of one place by their keys: the first with a name wins, and no file is below another.
fn present(case: &Case, at: usize) -> Vec<(String, What)> {
    let mut present: Vec<(String, What)> = Vec::new();
    for file in case.files.iter().filter(|file| file.place == at) {
        let key = match &file.at {
            At::Top(name) => name.clone(),
            At::Sub { guest, operation, sub } => format!("{guest}/{operation}/{sub}"),
            At::InSub { guest, operation, sub, name } => format!("{guest}/{operation}/{sub}/{name}"),
        };
        let in_the_way = present.iter().any(|(other, what)| {
            *other == key
                || other.starts_with(&format!("{key}/"))
                || (key.starts_with(&format!("{other}/")) && *what != What::Directory)
        });
        if !in_the_way {
            present.push((key, file.what));
        }
    }
    present
}

/// Reports whether libvirt itself runs the file: an executable file directly in its own directory, with any name.
fn left_to_libvirt(case: &Case, found: &Found) -> bool {
    let runs = match found.what {
        What::Script(mode) | What::Empty(mode) => mode != Mode::NoX,
        What::Link { .. } | What::NoInterpreter | What::NoFirstLine => true,
        What::LinkToNull | What::Dangling | What::Fifo | What::Directory => false,
    };
    let does = case.settings.broken.is_none() && case.settings.libvirt_runs_dot_d == Some(true);
    runs && does && found.place == 0 && found.scope.0 == 0 && !case.call.is_agents()
}

fn is_leftover(name: &str) -> bool {
    ["~", ".bak", ".rpmsave", ".sample"].iter().any(|end| name.ends_with(end))
        || [".dpkg-", ".ucf-"].iter().any(|part| name.contains(part))
}

/// Names the first of these that another user can change: the directory, the links' directories, the file.
fn distrust(case: &Case, found: &Found) -> Option<String> {
    if case.settings.broken.is_none() && case.settings.strict == Some(false) {
        return None;
    }
    let driver = format!("{}/{}.d", place(case, found.place), case.call.driver);
    match case.directories[found.place] {
        Directory::WritableByAll => return Some(format!("{driver} is writable by every user")),
        Directory::WritableByAGroup => return Some(format!("{driver} is writable by group 54321")),
        Directory::OtherUsers => return Some(format!("{driver} belongs to user 54321")),
        Directory::Safe | Directory::Sticky | Directory::WritableByRootsGroup | Directory::AFile => {}
    }
    let path = &found.path;
    match found.what {
        What::Script(mode) | What::Empty(mode) => match mode {
            Mode::All => Some(format!("{path} is writable by every user")),
            Mode::AGroup => Some(format!("{path} is writable by group 54321")),
            Mode::OtherUsers => Some(format!("{path} belongs to user 54321")),
            Mode::SetUid => Some(format!("{path} is set-uid")),
            Mode::Safe | Mode::OnlyX | Mode::NoX | Mode::RootsGroup => None,
        },
        What::Link { open: true } => Some("/open is writable by every user".into()),
        _ => None,
    }
}
