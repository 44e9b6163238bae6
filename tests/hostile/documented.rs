//! docs/safety.md names tests that exist.

use std::fs;
use std::path::Path;

/// Returns each `file::test` in backticks of a text.
fn named(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2).filter(|quoted| !quoted.contains(' '));
    quoted.filter_map(|quoted| quoted.split_once("::")).filter(|names| *names != ("file", "test")).collect()
}

#[test]
fn each_test_that_the_safety_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/safety.md")).unwrap();
    let named = named(&page);
    let exists = |(file, test): &&(&str, &str)| {
        ["hostile", "hook", "guard", "command_line", "real"].iter().any(|suite| {
            let text = fs::read_to_string(root.join(format!("tests/{suite}/{file}.rs"))).unwrap_or_default();
            text.contains(&format!("#[test]\nfn {test}() {{"))
        })
    };
    let missing: Vec<_> = named.iter().filter(|names| !exists(names)).collect();
    assert!(missing.is_empty() && named.len() > 40, "{} named, missing: {missing:?}", named.len());
}
