//! The role as ansible-lint and yamllint see it, and the documentation of its variables. Reads.

use std::fs;
use std::process::Command;

use support::packages::stdout;
use support::repository;

#[test]
fn ansible_lint_passes_with_its_production_profile() {
    let mut lint = Command::new("ansible-lint");
    lint.args(["--offline", "--strict", "--profile", "production", "example.yml", "roles/hookmux"]);
    stdout(lint.current_dir(repository().join("deploy/ansible")));
}

#[test]
fn yamllint_finds_nothing_with_the_line_length_of_the_repository() {
    let rules = "{extends: default, rules: {line-length: {max: 128}}}";
    stdout(
        Command::new("yamllint").args(["--strict", "--config-data", rules, "deploy/ansible"]).current_dir(repository()),
    );
}

#[test]
fn each_variable_has_a_type_and_a_row_in_the_readme() {
    let read = |file: &str| fs::read_to_string(repository().join("deploy/ansible/roles/hookmux").join(file)).unwrap();
    let [defaults, types, readme] = ["defaults/main.yml", "meta/argument_specs.yml", "README.md"].map(read);
    let starts = |text: &str, before: &str, after: &str| {
        let names = text.lines().filter_map(|line| line.strip_prefix(before)?.split_once(after)).map(|(name, _)| name);
        names.filter(|name| name.starts_with("hookmux_")).map(str::to_owned).collect::<Vec<_>>()
    };
    let variables = starts(&defaults, "", ":");
    assert_eq!(variables.len(), 8);
    assert_eq!([starts(&types, "      ", ":"), starts(&readme, "| `", "`")], [variables.clone(), variables]);
}
