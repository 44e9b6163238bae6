//! Tables in a document that are measured, not written. In: rows of cells. Out: lines of Markdown. Does: compares them
//! with those of the document, and writes the measured ones beside the build.

use std::fs;
use std::path::Path;

/// The directory for the measured tables.
const MEASURED: &str = env!("CARGO_TARGET_TMPDIR");

/// Cells of one row.
pub(crate) type Row = Vec<String>;

/// Formats a table.
pub(crate) fn lines(heading: &[&str], rows: &[Row]) -> String {
    let line = |cells: &mut dyn Iterator<Item = &str>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    let mut lines = line(&mut heading.iter().copied());
    lines += &line(&mut heading.iter().map(|_| "---"));
    for row in rows {
        lines += &line(&mut row.iter().map(String::as_str));
    }
    lines
}

/// Joins rows that differ only in the cell in `column`, which becomes `any`.
pub(crate) fn join(rows: impl Iterator<Item = Row>, column: usize) -> Vec<Row> {
    let mut joined: Vec<Row> = Vec::new();
    for row in rows {
        let same = |other: &Row| (0..row.len()).all(|at| at == column || other[at] == row[at]);
        match joined.iter_mut().find(|other| same(other)) {
            Some(other) => "any".clone_into(&mut other[column]),
            None => joined.push(row),
        }
    }
    joined
}

/// Fails unless `document` has exactly this table under the heading `## title`.
pub(crate) fn assert_documented(document: &str, title: &str, table: &str) {
    println!("## {title}\n\n{table}");
    let left = Path::new(MEASURED).join(format!("{title}.md"));
    fs::write(&left, table).unwrap();
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap_or_default();
    let section = text.split("\n## ").find(|section| section.starts_with(&format!("{title}\n"))).unwrap_or_default();
    let written: Vec<&str> = section.lines().filter(|line| line.starts_with('|')).collect();
    let measured: Vec<&str> = table.lines().collect();
    let only = |these: &[&str], others: &[&str], mark: &str| {
        let lines = these.iter().filter(|line| !others.contains(line));
        lines.map(|line| format!("{mark} {line}")).collect::<Vec<_>>().join("\n")
    };
    assert!(
        written == measured,
        "{document}, {title}: - written, + measured\n{}\n{}\nall of it, to be read and then copied: {}",
        only(&written, &measured, "-"),
        only(&measured, &written, "+"),
        left.display()
    );
}
