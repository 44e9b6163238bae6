//! The settings file of the packages: it has only comments, and they are true.

use std::fs;
use std::path::Path;

use hookmux::settings::parse;

use support::repository;

fn packaged() -> String {
    fs::read_to_string(repository().join("packaging/hookmux.toml")).unwrap()
}

/// Uncomments the settings, which have no space after the `#`.
fn uncommented(text: &str) -> String {
    let setting = |line: &str| {
        line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' ')).map(str::to_owned)
    };
    text.lines().filter_map(setting).map(|line| line + "\n").collect()
}

#[test]
fn the_packaged_settings_set_nothing() {
    assert_eq!(parse(Path::new("x"), &packaged()).unwrap(), parse(Path::new("x"), "").unwrap());
    assert!(packaged().lines().all(|line| line.is_empty() || line.starts_with('#')));
}

#[test]
fn the_commented_out_settings_are_valid_and_have_every_key() {
    let settings = uncommented(&packaged());
    parse(Path::new("packaging/hookmux.toml"), &settings).unwrap_or_else(|fault| panic!("{fault}\n{settings}"));
    let key = |line: &str| line.split_once(" = ").map(|(key, _)| key.to_owned());
    let mut shown: Vec<String> = settings.lines().filter_map(key).collect();
    shown.sort();
    shown.dedup();
    // The error about an unknown key lists the existing ones.
    let allowed = |text: &str| {
        let error = parse(Path::new("x"), text).unwrap_err().what;
        let (_, keys) = error.split_once("allowed here: ").unwrap();
        keys.split(", ").map(str::to_owned).collect::<Vec<_>>()
    };
    let mut known: Vec<String> = allowed("zzz = 1").into_iter().filter(|key| key != "rule").collect();
    known.extend(allowed("[[rule]]\nzzz = 1"));
    known.sort();
    assert_eq!(shown, known);
}

#[test]
fn the_defaults_that_the_file_shows_are_the_defaults() {
    let settings = uncommented(&packaged());
    let (global, _) = settings.split_once("[[rule]]").unwrap();
    let read = |text: &str| {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("etc/hookmux")).unwrap();
        fs::write(root.path().join("etc/hookmux/hookmux.toml"), text).unwrap();
        let settings = format!("{:?}", hookmux::settings::read(root.path()).unwrap());
        settings.replace(root.path().to_str().unwrap(), "")
    };
    assert_eq!(read(global), read(""));
    assert_ne!(read("parallel = 2"), read(""));
}
