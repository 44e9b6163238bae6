//! One case: files, settings and a call. Random, from few names, so that rules often match scripts.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::calls::{CALLS, Call, Kind};

#[derive(Debug, Clone)]
pub struct Case {
    pub call: Call,
    pub object: &'static str,
    /// The driver's directory in each of the four places.
    pub directories: [Directory; 4],
    pub files: Vec<File>,
    pub settings: Settings,
}

/// A driver's directory in one place; it exists if a file is in it, or if it is not a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directory {
    Safe,
    Sticky,
    WritableByAll,
    WritableByRootsGroup,
    WritableByAGroup,
    OtherUsers,
    AFile,
}

#[derive(Debug, Clone)]
pub struct File {
    /// 0 to 3: beside the hook, /etc, /run, /usr/lib.
    pub place: usize,
    pub at: At,
    pub what: What,
}

/// A path in a driver's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// `name`
    Top(String),
    /// `guest/operation/sub`: a file of that name
    Sub { guest: &'static str, operation: &'static str, sub: &'static str },
    /// `guest/operation/sub/name`
    InSub { guest: &'static str, operation: &'static str, sub: &'static str, name: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Script(Mode),
    Empty(Mode),
    LinkToNull,
    Dangling,
    /// A link to a script in a directory that only root, or everybody, can write to.
    Link {
        open: bool,
    },
    NoInterpreter,
    NoFirstLine,
    Fifo,
    Directory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// 0755
    Safe,
    /// 0711
    OnlyX,
    /// 0644
    NoX,
    /// 0757
    All,
    /// 0775 of root's group
    RootsGroup,
    /// 0775 of another group
    AGroup,
    /// 0755 of another user
    OtherUsers,
    /// 4755
    SetUid,
}

#[derive(Debug, Clone)]
pub struct Settings {
    pub strict: Option<bool>,
    pub libvirt_runs_dot_d: Option<bool>,
    pub rules: Vec<Rule>,
    /// The administrator's drop-in has the name of the package's.
    pub hides_the_packages: bool,
    pub broken: Option<Broken>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    UnknownKey,
    BadPattern,
    WritableByAll,
}

#[derive(Debug, Clone)]
pub struct Rule {
    /// 0 to 2: the package's drop-in, hookmux.toml, the administrator's drop-in.
    pub file: usize,
    pub script: Option<Vec<&'static str>>,
    pub driver: Option<Vec<&'static str>>,
    pub guest: Option<Vec<&'static str>>,
    pub operation: Option<Vec<&'static str>>,
    pub run: Option<bool>,
    pub on_failure: Option<&'static str>,
    pub on_fault: Option<&'static str>,
}

const OBJECTS: &[&str] = &["vm1", "web-1", "web-22", "[x]", "a b", "-x", ".."];
const GUESTS: &[&str] = &["vm1", "web-*", "web-?", "*", "[x]", "[a-w]*", "a b", "-x", "-", "vm2"];

/// Makes cases of that kind of call.
pub fn any(kind: Kind) -> impl Strategy<Value = Case> {
    let calls: Vec<Call> = CALLS.iter().filter(|call| call.kind == kind).copied().collect();
    (select(calls), select(OBJECTS)).prop_flat_map(|(call, object)| {
        let object = if matches!(call.driver, "daemon" | "fsfreeze-hook") { "-" } else { object };
        let directories = [directory(), directory(), directory(), directory()];
        (directories, vec(file(call), 0..10), settings(call)).prop_map(move |(directories, files, settings)| Case {
            call,
            object,
            directories,
            files,
            settings,
        })
    })
}

fn directory() -> impl Strategy<Value = Directory> {
    prop_oneof![
        90 => Just(Directory::Safe),
        2 => Just(Directory::Sticky),
        2 => Just(Directory::WritableByRootsGroup),
        1 => Just(Directory::WritableByAll),
        1 => Just(Directory::WritableByAGroup),
        1 => Just(Directory::OtherUsers),
        1 => Just(Directory::AFile),
    ]
}

fn name() -> impl Strategy<Value = String> {
    let start = select(&["05-z", "10-a", "10-b", "20-b", "30-c", "9-d", "A-e"][..]);
    let does = prop_oneof![
        16 => select(&["=0", "=tag", "=cat"][..]),
        2 => select(&["=3", "=7", "=tagfail", "=killed", "=blank", "=255"][..]),
    ];
    let end = prop_oneof![
        20 => Just(""),
        1 => select(&["~", ".bak", ".rpmsave", ".dpkg-old", ".sample", ".ucf-dist"][..]),
    ];
    let dot = prop_oneof![20 => Just(""), 1 => Just(".")];
    (dot, start, does, end).prop_map(|(dot, start, does, end)| format!("{dot}{start}{does}{end}"))
}

fn file(call: Call) -> impl Strategy<Value = File> {
    let operations: Vec<&'static str> = call.names().into_iter().chain(["other"]).collect();
    let subs: Vec<&'static str> = vec![call.sub, call.sub, call.sub, "other"];
    let below = (select(GUESTS), select(operations), select(subs));
    let at = prop_oneof![
        4 => name().prop_map(At::Top),
        1 => below.clone().prop_map(|(guest, operation, sub)| At::Sub { guest, operation, sub }),
        2 => (below, name()).prop_map(|((guest, operation, sub), name)| At::InSub { guest, operation, sub, name }),
    ];
    (0..4_usize, at, what()).prop_map(|(place, at, what)| File { place, at, what })
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        48 => mode().prop_map(What::Script),
        2 => mode().prop_map(What::Empty),
        1 => Just(What::LinkToNull),
        1 => Just(What::Dangling),
        2 => proptest::bool::weighted(0.3).prop_map(|open| What::Link { open }),
        1 => Just(What::NoInterpreter),
        1 => Just(What::NoFirstLine),
        1 => Just(What::Fifo),
        1 => Just(What::Directory),
    ]
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![
        90 => Just(Mode::Safe),
        2 => Just(Mode::OnlyX),
        3 => Just(Mode::NoX),
        2 => Just(Mode::RootsGroup),
        1 => Just(Mode::All),
        1 => Just(Mode::AGroup),
        1 => Just(Mode::OtherUsers),
        1 => Just(Mode::SetUid),
    ]
}

fn settings(call: Call) -> impl Strategy<Value = Settings> {
    let broken = prop_oneof![
        80 => Just(None),
        1 => Just(Some(Broken::UnknownKey)),
        1 => Just(Some(Broken::BadPattern)),
        1 => Just(Some(Broken::WritableByAll)),
    ];
    let rarely = |value: f64| option::weighted(value, proptest::bool::ANY);
    (rarely(0.2), rarely(0.3), vec(rule(call), 0..5), proptest::bool::weighted(0.2), broken).prop_map(
        |(strict, libvirt_runs_dot_d, rules, hides_the_packages, broken)| Settings {
            strict,
            libvirt_runs_dot_d,
            rules,
            hides_the_packages,
            broken,
        },
    )
}

fn rule(call: Call) -> impl Strategy<Value = Rule> {
    const SCRIPTS: &[&str] = &["10-*", "*=3", "20-b=*", "*", "*/etc/hookmux/*", "[12]0-?=*", "*/lib/*/*", "begin"];
    let names: Vec<&'static str> = call.names().into_iter().chain(["st*", "other", call.operation]).collect();
    let some = |from: Vec<&'static str>| option::weighted(0.4, vec(select(from), 0..3));
    (
        0..3_usize,
        some(SCRIPTS.to_vec()),
        some(vec![call.driver, "*", "qemu"]),
        some(GUESTS.to_vec()),
        some(names),
        option::weighted(0.4, proptest::bool::weighted(0.4)),
        option::weighted(0.5, select(&["fail", "ignore", "continue"][..])),
        option::weighted(0.4, select(&["fail", "ignore"][..])),
    )
        .prop_map(|(file, script, driver, guest, operation, run, on_failure, on_fault)| Rule {
            file,
            script,
            driver,
            guest,
            operation,
            run,
            on_failure,
            on_fault,
        })
}
