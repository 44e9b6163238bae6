//! The packages of a distribution in packaging/rpm/hookmux.spec: names, build dependencies, and the licences of everything that
//! is linked in. `make test-source-rpm` builds them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::built::packages;
use support::packages::stdout;
use support::repository;

/// Runs rpmspec with Fedora's macros.
fn spec(query: &[&str]) -> String {
    let [macros, spec] = ["tests/source_rpm/macros", "packaging/rpm/hookmux.spec"].map(|path| repository().join(path));
    stdout(Command::new("rpmspec").args(query).arg("--load").arg(macros).arg(spec))
}

/// Splits an SPDX expression into the terms that `AND` joins, each with its alternatives.
fn terms(expression: &str) -> BTreeSet<BTreeSet<String>> {
    let choices = |term: &str| term.trim_matches(['(', ')']).split(" OR ").map(str::to_owned).collect();
    expression.split(" AND ").map(choices).collect()
}

#[test]
fn the_licence_tag_names_the_licences_of_everything_that_is_linked_in() {
    let mut files = fs::read_dir(packages()).unwrap().map(|entry| entry.unwrap().path());
    let bill: PathBuf = files.find(|path| path.to_string_lossy().ends_with(".cdx.json")).unwrap();
    let bill: Value = serde_json::from_str(&fs::read_to_string(bill).unwrap()).unwrap();
    let components = bill["components"].as_array().unwrap().iter().chain([&bill["metadata"]["component"]]);
    let linked = components.filter(|one| one["scope"] != "excluded");
    let linked: BTreeSet<_> =
        linked.flat_map(|one| terms(one["licenses"][0]["expression"].as_str().unwrap())).collect();
    let tags = spec(&["--query", "--qf", "%{NAME}: %{LICENSE}\n"]);
    let tag = |name: &str| tags.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(terms);
    assert_eq!([tag("hookmux"), tag("hookmux-guest")], [Some(linked.clone()), Some(linked)]);
}

#[test]
fn a_distribution_builds_five_packages_of_this_version_with_this_rust() {
    let names = ["hookmux", "hookmux-guest", "hookmux-selinux", "hookmux-debuginfo", "hookmux-debugsource"];
    let expected = names.map(|name| format!("{name}-{}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(spec(&["--query", "--qf", "%{NAME}-%{VERSION}\n"]), expected.concat());
    let needs = spec(&["--query", "--buildrequires"]);
    for tool in ["cargo", "rust"] {
        let need = format!("{tool} >= {}", env!("CARGO_PKG_RUST_VERSION"));
        assert!(needs.lines().any(|line| line == need), "{needs}\n{need} is missing");
    }
}
