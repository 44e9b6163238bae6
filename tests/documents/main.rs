//! Documents are checked against data: the tables of operations against the contract, flags and keys against their
//! manual pages, the manual pages by mandoc.

mod language;
mod structure;

use std::fs;
use std::path::Path;
use std::process::Command;

use hookmux::call::contract::{Input, Output, ROWS, Row};
use hookmux::call::drivers::DRIVERS;

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns the text between two lines of a document.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no line {from:?}"));
    rest.split_once(to).unwrap_or_else(|| panic!("no line {to:?} after {from:?}")).0
}

fn input(row: &Row) -> &'static str {
    match row.input {
        Input::Domain => "domain XML",
        Input::HookData => "hookData",
        Input::Nothing => "nothing",
        Input::Unknown => "anything",
    }
}

fn effect(row: &Row) -> String {
    let filter = if row.output == Output::Filter { "; stdout is the new XML" } else { "" };
    format!("{}{filter}", row.effect)
}

fn operation(row: &Row) -> String {
    row.once_called.map_or_else(|| row.operation.to_owned(), |older| format!("{} ({older})", row.operation))
}

fn rows_of(driver: &str) -> Vec<&'static Row> {
    ROWS.iter().filter(|row| row.driver == driver).collect()
}

/// Returns the manual's tables: one for each driver.
fn manual_tables() -> String {
    let mut text = String::new();
    for driver in DRIVERS {
        let rows = rows_of(driver.name);
        text += &format!(".Pp\n.Sy {} ,\nwith {} on standard input:\n", driver.name, input(rows[0]));
        text += ".Bl -column \"port-created\" \"shutdown\" \"shutdown\" \"0.9.13\"\n";
        text += ".It Em operation Ta Em sub-op Ta Em extra Ta Em since Ta Em if the hook fails\n";
        for row in rows {
            let word = |word: &'static str| if word.is_empty() { "\\&" } else { word };
            let (sub_operation, extra) = (word(row.sub_operation), word(row.extra));
            let row = [row.operation, sub_operation, extra, row.since, &effect(row)].join(" Ta ");
            text += &format!(".It {row}\n");
        }
        text += ".El\n";
    }
    text
}

/// Returns the README's table.
fn readme_table() -> String {
    let mut text =
        "| driver | operation | sub-op, extra | stdin | if the hook fails |\n|---|---|---|---|---|\n".to_owned();
    for row in ROWS {
        let args =
            if row.sub_operation.is_empty() { String::new() } else { format!("{} {}", row.sub_operation, row.extra) };
        text += &format!("| {} | {} | {} | {} | {} |\n", row.driver, operation(row), args, input(row), effect(row));
    }
    text
}

#[test]
fn the_manuals_tables_are_the_contract() {
    let manual = document("man/hookmux-hooks.7");
    let tables = between(&manual, ".\\\" The tables are checked against the contract.\n", ".\\\" End of the tables.\n");
    assert!(tables == manual_tables(), "the tables should be:\n{}", manual_tables());
}

#[test]
fn the_readmes_table_is_the_contract() {
    let readme = document("README.md");
    let table = between(&readme, "<!-- checked against the contract -->\n\n", "\n<!-- end -->");
    assert!(table == readme_table(), "the table should be:\n{}", readme_table());
}

#[test]
fn every_command_and_flag_is_in_the_manual_and_no_other() {
    let manual = document("man/hookmux.8");
    let command = hookmux::admin::command();
    let mut flags: Vec<String> = Vec::new();
    for one in std::iter::once(&command).chain(command.get_subcommands()) {
        flags.extend(one.get_arguments().filter_map(|argument| argument.get_long()).map(str::to_owned));
    }
    flags.extend(["help".to_owned(), "version".to_owned()]);
    flags.sort();
    flags.dedup();
    let mut documented: Vec<String> = manual
        .lines()
        .filter(|line| line.starts_with(".It Fl "))
        .filter_map(|line| line.split("Fl -").nth(1)?.split(' ').next().map(str::to_owned))
        .collect();
    documented.sort();
    assert_eq!(documented, flags);
    let mut commands: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    commands.push("help");
    let documented = manual.lines().filter_map(|line| line.strip_prefix(".It Cm ")?.split(' ').next());
    assert_eq!(documented.collect::<Vec<_>>(), commands);
}

#[test]
fn only_the_tables_among_the_sources_name_drivers() {
    let sources = Command::new("find").args(["src", "-name", "*.rs"]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let sources = String::from_utf8(sources.unwrap().stdout).unwrap();
    let tables = ["src/call/contract.rs", "src/call/drivers.rs"];
    // qemu's `stop` is judged by `check` alone.
    let names: Vec<String> = DRIVERS.iter().map(|driver| format!("\"{}\"", driver.name)).collect();
    let names = || names.iter().filter(|name| *name != "\"qemu\"");
    let mut found = Vec::new();
    for path in sources.lines().filter(|path| !tables.contains(path)) {
        let source = document(path);
        let code = source.split("#[cfg(test)]").next().unwrap();
        found.extend(names().filter(|name| code.contains(*name)).map(|name| format!("{path}: {name}")));
    }
    assert!(sources.lines().count() > 80 && names().count() > 5);
    assert_eq!(found, [""; 0]);
}

#[test]
fn every_kind_of_message_is_in_the_manual_with_its_number() {
    let manual = document("man/hookmux.8");
    let from = ".\\\" The table is checked against the program.\n.Bl -tag -width Ds -compact\n";
    let table = between(&manual, from, ".El\n");
    let row = |(_, id, text): &(hookmux::log::message_id::Message, &str, &str)| format!(".It Li {id}\n{text}\n");
    assert_eq!(table, hookmux::log::message_id::MESSAGES.iter().map(row).collect::<String>());
}

#[test]
fn every_kind_of_message_is_in_the_catalog_with_its_number() {
    let catalog = document("packaging/monitoring/hookmux.catalog");
    let heads = catalog.lines().filter(|line| line.starts_with("-- ") || line.starts_with("Subject: "));
    let messages = hookmux::log::message_id::MESSAGES.iter();
    let expected = messages.flat_map(|(_, id, subject)| [format!("-- {id}"), format!("Subject: {subject}")]);
    assert_eq!(heads.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn every_field_of_a_record_is_in_the_manual() {
    let manual = document("man/hookmux.8");
    let records = between(&manual, ".Ss Records\n", ".Sh ENVIRONMENT\n");
    let words: Vec<&str> = records.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').collect();
    let missing = |name: &&&str| !words.contains(*name);
    let sources = ["src/record/mod.rs", "src/record/step.rs"].map(document);
    let fields: Vec<&str> = sources.iter().flat_map(|source| fields_of(source)).collect();
    assert!(fields.len() > 20, "{fields:?}");
    assert_eq!(fields.iter().filter(missing).collect::<Vec<_>>(), [&""; 0]);
}

/// Returns the fields of a source's structures.
fn fields_of(source: &str) -> Vec<&str> {
    let fields = source.lines().filter_map(|line| line.strip_prefix("    pub(crate) ")?.split_once(": "));
    fields.map(|(name, _)| name).filter(|name| !name.contains('(')).collect()
}

/// Returns the keys that exist, from the error about an unknown one.
fn keys(text: &str) -> Vec<String> {
    let error = hookmux::settings::parse(Path::new("x"), text).unwrap_err().what;
    let (_, keys) = error.split_once("allowed here: ").unwrap();
    keys.split(", ").map(str::to_owned).collect()
}

#[test]
fn every_key_of_the_settings_is_in_the_manual_and_no_other() {
    let manual = document("man/hookmux.toml.5");
    let documented: Vec<&str> =
        manual.lines().filter_map(|line| line.strip_prefix(".It Ic ")?.split(' ').next()).collect();
    let mut known: Vec<String> = keys("zzz = 1").into_iter().filter(|key| key != "rule").collect();
    known.extend(keys("[[rule]]\nzzz = 1"));
    assert_eq!(documented, known);
}

#[test]
fn the_manuals_examples_of_settings_are_valid() {
    let manual = document("man/hookmux.toml.5");
    let examples: Vec<&str> =
        manual.split(".Bd -literal -offset indent\n").skip(1).map(|rest| rest.split(".Ed").next().unwrap()).collect();
    assert_eq!(examples.len(), 4);
    for example in examples {
        hookmux::settings::parse(Path::new("manual"), example).unwrap();
    }
}

#[test]
fn the_manual_lists_the_leftovers_that_are_skipped() {
    let manual = document("man/hookmux-hooks.7");
    let list = between(&manual, "leftovers of editors and package managers\n.Po\n", ".Pc");
    let endings: Vec<&str> = list.split_whitespace().filter(|word| *word != ".Li").collect();
    assert_eq!(endings.len(), 15);
    for ending in endings {
        let name = format!("10-a{}", ending.replace('*', "x"));
        assert!(hookmux::files::ignored::ignored(name.as_ref()).is_some(), "{name}");
    }
}

/// References to pages that this machine's manual does not index are not errors.
#[test]
fn mandoc_finds_nothing_wrong_with_the_manuals() {
    for page in ["hookmux.8", "hookmux-guest.8", "hookmux-hooks.7", "hookmux.toml.5"] {
        let lint = Command::new("mandoc")
            .args(["-T", "lint", &format!("man/{page}")])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap_or_else(|error| panic!("mandoc is needed (tests/needs): {error}"));
        let output = String::from_utf8(lint.stdout).unwrap();
        let wrong: Vec<&str> = output.lines().filter(|line| !line.contains("referenced manual not found")).collect();
        assert_eq!(wrong, [""; 0], "{page}");
    }
}

/// An invalid command exits 2. Comments belong to the shell.
#[test]
fn every_hookmux_command_in_the_readme_is_valid() {
    let readme = document("README.md");
    let lines = readme.lines().map(|line| line.trim_start_matches("$ "));
    let commands: Vec<&str> = lines
        .chain(readme.split('`').skip(1).step_by(2))
        .filter(|line| line.starts_with("hookmux ") && !line.contains('\n'))
        .map(|line| line.split('#').next().unwrap().trim())
        .collect();
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands {
        let args = command.split_whitespace();
        if let Err(error) = hookmux::admin::command().try_get_matches_from(args) {
            panic!("{command}: {error}");
        }
    }
}

#[test]
fn every_link_of_a_document_leads_to_a_file() {
    let root = support::repository();
    let listed = support::packages::stdout(Command::new("git").args(["ls-files", "*.md"]).current_dir(root));
    assert_eq!(
        listed.lines().flat_map(|name| support::links::dead_links(&root.join(name))).collect::<Vec<_>>(),
        [""; 0]
    );
}
