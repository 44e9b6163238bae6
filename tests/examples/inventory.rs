//! Every example has a test, a header, the right mode, a row in the README, and no warning from shellcheck or Python.
//! Reads.

use crate::EXAMPLES;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// The kind of an example, which decides about its checks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Shell,
    Python,
    /// Settings or a document that belongs to a script.
    Data,
}

/// The files below examples/, with the tests that run them.
const EXAMPLES_AND_TESTS: &[(&str, Kind, &str)] = &[
    ("README.md", Kind::Data, include_str!("inventory.rs")),
    ("demo", Kind::Shell, include_str!("demo.rs")),
    ("demo.xml", Kind::Data, include_str!("demo.rs")),
    ("disk-paths", Kind::Data, include_str!("inventory.rs")),
    ("fsfreeze-hook.d/10-flush-database", Kind::Shell, include_str!("flush.rs")),
    ("hookmux.toml.d/20-gpu.toml", Kind::Data, include_str!("inventory.rs")),
    ("hookmux.toml.d/30-cpus.toml", Kind::Data, include_str!("inventory.rs")),
    ("hookmux.toml.d/30-hugepages.toml", Kind::Data, include_str!("inventory.rs")),
    ("hookmux.toml.d/50-port-forward.toml", Kind::Data, include_str!("inventory.rs")),
    ("hookmux.toml.d/90-attach-usb.toml", Kind::Data, include_str!("inventory.rs")),
    ("hookmux.toml.d/90-backup.toml", Kind::Data, include_str!("inventory.rs")),
    ("hookmux.toml.d/95-notify.toml", Kind::Data, include_str!("inventory.rs")),
    ("libxl.d/20-maintenance", Kind::Shell, include_str!("starts.rs")),
    ("lxc.d/30-mount-check", Kind::Python, include_str!("starts.rs")),
    ("network.d/50-port-forward", Kind::Python, include_str!("forward.rs")),
    ("polkit/40-vm-protection.rules", Kind::Data, include_str!("../real/protection.rs")),
    ("protected-domains", Kind::Data, include_str!("inventory.rs")),
    ("qemu.d/10-vm-protection", Kind::Shell, include_str!("protection.rs")),
    ("qemu.d/20-gpu", Kind::Shell, include_str!("../host/recipes.rs")),
    ("qemu.d/30-cpus", Kind::Python, include_str!("../host/recipes.rs")),
    ("qemu.d/30-hugepages", Kind::Python, include_str!("hugepages.rs")),
    ("qemu.d/40-set-title", Kind::Shell, include_str!("title.rs")),
    ("qemu.d/50-move-disks", Kind::Python, include_str!("disks.rs")),
    ("qemu.d/90-attach-usb", Kind::Shell, include_str!("../host/recipes.rs")),
    ("qemu.d/90-backup", Kind::Shell, include_str!("backup.rs")),
    ("qemu.d/95-notify", Kind::Python, include_str!("notify.rs")),
];

fn files_below(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.insert(path.strip_prefix(EXAMPLES).unwrap().to_str().unwrap().to_owned());
        }
    }
    found
}

fn content(name: &str) -> String {
    fs::read_to_string(Path::new(EXAMPLES).join(name)).unwrap()
}

fn of_kind(kind: Kind) -> impl Iterator<Item = &'static str> {
    EXAMPLES_AND_TESTS.iter().filter(move |(_, of, _)| *of == kind).map(|(name, ..)| *name)
}

/// Lists the hook scripts.
fn scripts() -> impl Iterator<Item = &'static str> {
    EXAMPLES_AND_TESTS
        .iter()
        .filter(|(_, kind, _)| *kind != Kind::Data)
        .map(|(name, ..)| *name)
        .filter(|name| *name != "demo")
}

#[test]
fn no_example_is_without_a_test() {
    let known: BTreeSet<_> = EXAMPLES_AND_TESTS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(files_below(Path::new(EXAMPLES)), known);
    // Its tests contain its name.
    let untested: Vec<_> =
        EXAMPLES_AND_TESTS.iter().filter(|(name, _, tests)| !tests.contains(name)).map(|(name, ..)| name).collect();
    assert_eq!(untested, [&""; 0]);
}

#[test]
fn shellcheck_finds_nothing() {
    let mut command = Command::new("shellcheck");
    command
        .args(["-s", "sh", "-o", "all", "-e", "SC2250,SC2310,SC2312"])
        .args(of_kind(Kind::Shell))
        .current_dir(EXAMPLES);
    let output = command.output().expect("shellcheck must be installed");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stdout)), (Some(0), "".into()));
}

#[test]
fn python_compiles_without_a_warning() {
    // compile() and no import: nothing is left beside the script.
    let check = "import pathlib, sys\nfor name in sys.argv[1:]: compile(pathlib.Path(name).read_bytes(), name, 'exec')";
    let mut command = Command::new("python3");
    command.args(["-W", "error", "-c", check]).args(of_kind(Kind::Python)).current_dir(EXAMPLES);
    let output = command.output().expect("python3 must be installed");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr)), (Some(0), "".into()));
}

#[test]
fn modes_and_first_lines_fit_the_kind_of_the_file() {
    let seen: Vec<_> = EXAMPLES_AND_TESTS
        .iter()
        .map(|(name, ..)| {
            let mode = fs::metadata(Path::new(EXAMPLES).join(name)).unwrap().permissions().mode();
            let first = content(name).lines().next().unwrap().to_owned();
            (*name, mode & 0o111 == 0o111, first.strip_prefix("#!").map(str::to_owned))
        })
        .collect();
    let wanted: Vec<_> = EXAMPLES_AND_TESTS
        .iter()
        .map(|(name, kind, _)| match kind {
            Kind::Shell => (*name, true, Some("/bin/sh".to_owned())),
            Kind::Python => (*name, true, Some("/usr/bin/python3 -I".to_owned())),
            Kind::Data => (*name, false, None),
        })
        .collect();
    assert_eq!(seen, wanted);
}

#[test]
fn every_header_states_where_to_put_the_script_when_it_acts_and_how_to_configure_it() {
    let missing: Vec<_> = scripts()
        .flat_map(|name| {
            let directory = name.split('/').next().unwrap();
            let place = format!("Put it in:  /etc/hookmux/{directory}/ ");
            [place, "Acts on:    ".into(), "Configure:  ".into()].map(|label| (name, label))
        })
        .filter(|(name, label)| !content(name).contains(label.as_str()))
        .collect();
    assert_eq!(missing, []);
}

#[test]
fn every_script_has_one_row_in_the_readme() {
    let readme = content("README.md");
    let rows: Vec<_> = readme.lines().filter_map(|line| line.strip_prefix("| [")?.split(']').next()).collect();
    assert_eq!(rows.into_iter().collect::<BTreeSet<_>>(), scripts().collect());
    let unmentioned: Vec<_> =
        EXAMPLES_AND_TESTS.iter().map(|(name, ..)| *name).filter(|name| !readme.contains(name)).collect();
    let (rules, others): (Vec<_>, Vec<_>) =
        unmentioned.into_iter().partition(|name| name.starts_with("hookmux.toml.d/"));
    assert_eq!((others, readme.contains("hookmux.toml.d")), (vec!["README.md"], true));
    // A file of rules has the name of its script.
    let names: Vec<_> = scripts().filter_map(|name| name.rsplit('/').next()).collect();
    let unused = rules.iter().filter_map(|rule| rule.split(['/', '.']).nth(3)).filter(|name| !names.contains(name));
    assert_eq!(unused.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn settings_as_shipped_change_nothing() {
    for name in ["protected-domains", "disk-paths"] {
        let content = content(name);
        assert!(content.lines().all(|line| line.is_empty() || line.starts_with('#')), "{name}: {content}");
    }
}

#[test]
fn every_recipe_explains_set_up_trial_and_removal_and_quotes_its_rule() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(repository.join("README.md")).unwrap();
    let first_screens = readme.split("## Install").next().unwrap();
    let mut shown = BTreeSet::new();
    for entry in fs::read_dir(repository.join("docs/recipes")).unwrap() {
        let path = entry.unwrap().path();
        let page = fs::read_to_string(&path).unwrap();
        let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let usual = |heading: &&str| *heading != "If the screen stays black";
        let headings: Vec<_> = headings.into_iter().filter(usual).collect();
        assert_eq!(headings, ["Set it up", "Try it", "Take it back", "What it does not do"], "{}", path.display());
        let rules: Vec<_> = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        let script = page.split_once("install -D -m 755 examples/").unwrap().1.split(' ').next().unwrap();
        let rule = format!("hookmux.toml.d/{}.toml", script.split('/').nth(1).unwrap());
        assert_eq!(rules, [content(&rule)], "{}", path.display());
        assert!(
            page.contains(&format!("install -D -m 644 examples/{rule} /etc/hookmux/{rule}\n")),
            "{}",
            path.display()
        );
        hookmux::settings::parse(&path, rules[0]).unwrap();
        let link = format!("docs/recipes/{})", path.file_name().unwrap().to_str().unwrap());
        assert!(first_screens.contains(&link), "{link}");
        shown.insert(rule);
    }
    let rules = of_kind(Kind::Data).filter(|name| name.starts_with("hookmux.toml.d/")).map(str::to_owned);
    assert_eq!(rules.collect::<BTreeSet<_>>(), shown);
}
