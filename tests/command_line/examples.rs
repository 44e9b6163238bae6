//! `hookmux examples`: the scripts of the package, and the commands that copy them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::root::{hookmux, root, verbatim};

const PLACE: &str = "usr/share/doc/hookmux/examples";

/// Creates a root with the examples as in the package.
fn packaged() -> tempfile::TempDir {
    let root = root(&[("etc/hookmux/qemu.d/README", "")]);
    fs::create_dir_all(root.path().join("usr/share/doc/hookmux")).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut copy = Command::new("cp");
    assert!(copy.arg("-r").arg(from).arg(root.path().join(PLACE)).status().unwrap().success());
    root
}

/// Reads every file below a directory whose name ends with `.d`.
fn files(directory: &Path) -> Vec<(String, String, bool)> {
    let mut found = Vec::new();
    for hook in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if hook.extension().is_some_and(|extension| extension == "d") {
            for file in fs::read_dir(&hook).unwrap().map(|entry| entry.unwrap().path()) {
                let name = file.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                let executable = fs::metadata(&file).unwrap().permissions().mode() & 0o7777 == 0o755;
                found.push((name, fs::read_to_string(&file).unwrap(), executable));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_printed_commands_install_every_example_and_check_finds_no_problem_with_their_rules() {
    let root = packaged();
    let (code, out, err) = verbatim(root.path(), "examples --root ROOT");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    fs::remove_dir_all(root.path().join("etc/hookmux/qemu.d")).unwrap();
    let commands: String = out.split_inclusive('\n').filter_map(|line| line.strip_prefix("  ")).collect();
    assert!(Command::new("sh").args(["-euc", &commands]).status().unwrap().success(), "{commands}");
    assert_eq!(files(&root.path().join("etc/hookmux")), files(&root.path().join(PLACE)));
    let (_, found, _) = hookmux(root.path(), "check --root ROOT --json");
    let found: Value = serde_json::from_str(&found).unwrap();
    let of_rules = |finding: &&Value| finding["about"].as_str().is_some_and(|path| path.contains("hookmux.toml"));
    assert_eq!(found["findings"].as_array().unwrap().iter().filter(of_rules).collect::<Vec<_>>(), [&Value::Null; 0]);
}

#[test]
fn each_script_is_listed_with_the_first_sentence_of_its_header_by_hook_and_name() {
    let root = packaged();
    let (_, out, _) = hookmux(root.path(), "examples --root ROOT --json");
    let examples: Value = serde_json::from_str(&out).unwrap();
    let examples = examples["examples"].as_array().unwrap();
    let gpu = examples.iter().find(|example| example["script"] == "qemu.d/20-gpu").unwrap();
    let about = "Hands the host's graphics card to a guest while it runs: stops the display manager, and binds the guest's \
                 devices to vfio-pci";
    let commands = [
        format!("install -D -m 755 /{PLACE}/qemu.d/20-gpu /etc/hookmux/qemu.d/20-gpu"),
        format!("install -D -m 644 /{PLACE}/hookmux.toml.d/20-gpu.toml /etc/hookmux/hookmux.toml.d/20-gpu.toml"),
    ];
    assert_eq!((&gpu["about"], &gpu["commands"]), (&about.into(), &commands.to_vec().into()));
    let without: Vec<_> = examples.iter().filter(|example| example["about"].as_str().unwrap().len() < 20).collect();
    assert_eq!(without, [&Value::Null; 0]);
    let qemu = examples.iter().filter_map(|example| example["script"].as_str()?.strip_prefix("qemu.d/"));
    assert!(qemu.is_sorted());
}

#[test]
fn names_and_headers_of_scripts_are_escaped_for_the_terminal_and_the_shell() {
    let root = root(&[
        (&format!("{PLACE}/lxc.d/1 $(id)"), "#!/bin/sh\n# Clears\u{1b}[2J the screen\u{202e}. More.\n"),
        (&format!("{PLACE}/lxc.d/2-long"), &format!("#!/bin/sh\n# {}\n", "long ".repeat(900))),
        (&format!("{PLACE}/lxc.d/3-empty"), ""),
    ]);
    let (code, out, err) = hookmux(root.path(), "examples --root ROOT");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((code, err.as_str(), lines.len()), (Some(0), "", 6), "{out}");
    let copied = format!("  install -D -m 755 '/{PLACE}/lxc.d/1 $(id)' '/etc/hookmux/lxc.d/1 $(id)'");
    assert_eq!(lines[..2], ["lxc.d/1 $(id): Clears\\u{1b}[2J the screen\\u{202e}", copied.as_str()]);
    assert_eq!((lines[2].chars().count() < 250, lines[4]), (true, "lxc.d/3-empty: "));
}

#[test]
fn without_examples_the_error_names_the_directory() {
    let root = root(&[]);
    let error = format!("hookmux: no examples in /{PLACE}: documentation is not installed\n");
    assert_eq!(hookmux(root.path(), "examples --root ROOT"), (Some(1), String::new(), error));
}
