//! The bill of materials and the copyright of the packages, compared with the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::built::package;
use support::packages::stdout;

/// Extracts the package for Debian.
fn extracted() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("made-of");
    let _ = fs::remove_dir_all(&root);
    stdout(Command::new("dpkg-deb").arg("--extract").arg(package("hookmux", "deb")).arg(&root));
    root
}

/// Lists the crates whose sources the program names in messages of panics: `name-version`.
fn named_in(program: &[u8]) -> BTreeSet<String> {
    let program = String::from_utf8_lossy(program);
    let after = program.split("registry/src/").skip(1);
    after.filter_map(|path| Some(path.split('/').nth(1)?.to_owned())).collect()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}

#[test]
fn the_bill_of_materials_and_the_copyright_name_what_is_in_the_program() {
    let root = extracted();
    let bill = fs::read_to_string(root.join("usr/share/doc/hookmux/hookmux.cdx.json")).unwrap();
    let bill: Value = serde_json::from_str(&bill).unwrap();
    let own = &bill["metadata"]["component"];
    assert_eq!((text(&bill, "bomFormat"), text(own, "name")), ("CycloneDX", "hookmux"));
    assert_eq!((text(own, "version"), bill.get("serialNumber")), (env!("CARGO_PKG_VERSION"), None));
    let target = &bill["metadata"]["properties"][0];
    let version = stdout(Command::new(root.join("usr/bin/hookmux")).arg("--version"));
    assert!(version.ends_with(&format!(", {})\n", text(target, "value"))), "{target} {version}");

    let components = bill["components"].as_array().unwrap();
    let linked = components.iter().filter(|one| text(one, "scope") == "required");
    let linked: BTreeSet<String> =
        linked.map(|one| format!("{}-{}", text(one, "name"), text(one, "version"))).collect();
    let named = named_in(&fs::read(root.join("usr/bin/hookmux")).unwrap());
    assert!(named.len() > 3, "{named:?}");
    assert_eq!(named.difference(&linked).collect::<Vec<_>>(), [""; 0], "in the program, and not in the bill");
    // No binary contains what deny.toml bans.
    assert!(components.iter().all(|one| text(one, "name") != "regex"));
    let references: BTreeSet<&str> = components.iter().chain([own]).map(|one| text(one, "bom-ref")).collect();
    for dependency in bill["dependencies"].as_array().unwrap() {
        let needed = dependency["dependsOn"].as_array().unwrap().iter().map(|one| one.as_str().unwrap());
        let unknown: Vec<_> = needed.chain([text(dependency, "ref")]).filter(|one| !references.contains(one)).collect();
        assert_eq!(unknown, [""; 0]);
    }

    let copyright = fs::read_to_string(root.join("usr/share/doc/hookmux/copyright")).unwrap();
    let files = copyright.lines().filter_map(|line| line.strip_prefix("Files: crates/")?.strip_suffix("/*"));
    let files: BTreeSet<String> = files.map(str::to_owned).collect();
    let crates: BTreeSet<String> = linked.into_iter().filter(|one| !one.starts_with("rust-std-")).collect();
    assert_eq!(files, crates);
    // The text of each licence that is named follows.
    let paragraphs: Vec<&str> = copyright.split("\n\n").collect();
    let of = |paragraph: &&str| {
        paragraph.lines().find_map(|line| line.strip_prefix("License: ")).unwrap_or_default().to_owned()
    };
    let (named, texts): (Vec<&str>, Vec<&str>) = paragraphs.iter().skip(1).partition(|one| one.starts_with("Files: "));
    let [named, texts] = [named, texts].map(|all| all.iter().map(of).collect::<BTreeSet<String>>());
    assert_eq!((named, texts.len()), (texts.clone(), 2), "{texts:?}");
}
