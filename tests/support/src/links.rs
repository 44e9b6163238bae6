//! The links of documents in Markdown. In: a document. Out: links whose target does not exist. Reads.

use std::fs;
use std::path::Path;

/// Returns the relative links of a document that do not lead to a file or directory, as `DOCUMENT: TARGET`.
pub fn dead_links(document: &Path) -> Vec<String> {
    let text = fs::read_to_string(document).unwrap_or_else(|error| panic!("{}: {error}", document.display()));
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let files = targets.filter_map(|target| target.split('#').next());
    let files = files.filter(|file| !file.is_empty() && !file.contains("://"));
    let dead = files.filter(|file| !document.with_file_name(file).exists());
    dead.map(|file| format!("{}: {file}", document.display())).collect()
}
