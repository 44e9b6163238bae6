//! packaging/files as data, and the expected contents of an archive of each format. In: the list. Out: lines as the tools of
//! the archives print them.

use support::repository;

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) package: String,
    pub(crate) formats: String,
    pub(crate) kind: String,
    pub(crate) mode: String,
    pub(crate) path: String,
    pub(crate) source: Option<String>,
}

impl Entry {
    fn read(line: &str) -> Self {
        let fields: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let [package, formats, kind, mode, path, ..] = &fields[..] else { panic!("{line}: fields are missing") };
        assert!(fields.len() <= 6, "{line}: too many fields");
        let (package, formats, kind) = (package.clone(), formats.clone(), kind.clone());
        Self { package, formats, kind, mode: mode.clone(), path: path.clone(), source: fields.get(5).cloned() }
    }

    fn is_in(&self, format: &str) -> bool {
        self.formats == "all" || self.formats.split(',').any(|one| one == format)
    }

    /// Formats type and permissions like `ls -l`.
    pub(crate) fn permissions(&self) -> String {
        if self.kind == "link" {
            return "lrwxrwxrwx".into();
        }
        let digit = |digit: char| {
            let bits = digit.to_digit(8).unwrap();
            [(4, 'r'), (2, 'w'), (1, 'x')].map(|(bit, letter)| if bits & bit == 0 { '-' } else { letter })
        };
        let kind = if self.kind == "dir" { 'd' } else { '-' };
        std::iter::once(kind).chain(self.mode.chars().flat_map(digit)).collect()
    }
}

/// Reads all lines.
pub(crate) fn all() -> Vec<Entry> {
    let text = std::fs::read_to_string(repository().join("packaging/files")).unwrap();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(Entry::read).collect()
}

/// Reads the entries of one package in one format, by path.
pub(crate) fn entries(package: &str, format: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> =
        all().into_iter().filter(|entry| entry.package == package && entry.is_in(format)).collect();
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    entries
}

#[test]
fn no_list_contains_a_file_that_libvirt_or_the_agent_calls() {
    // dpkg and rpm would overwrite an administrator's file, or delete it at the end.
    let calls =
        |path: &str| ["/etc/libvirt", "/etc/qemu", "/etc/sysconfig"].iter().any(|start| path.starts_with(start));
    let found: Vec<String> = all().into_iter().map(|entry| entry.path).filter(|path| calls(path)).collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn every_manual_every_example_and_every_completion_is_in_a_list() {
    let sources: Vec<String> = all().into_iter().filter_map(|entry| entry.source).collect();
    // The demonstration is not packaged: it builds the sources.
    let of_the_sources = ["examples/demo", "examples/demo.xml"];
    let missing = |file: &String| !sources.contains(file) && !of_the_sources.contains(&file.as_str());
    let files = ["man", "examples", "packaging/completions"].into_iter().flat_map(crate::built::files_below);
    let found: Vec<String> = files.collect();
    assert!(found.len() > 10, "{found:?}");
    assert_eq!(found.into_iter().filter(missing).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn the_configuration_files_are_exactly_the_files_below_etc() {
    let is_config = |entry: &&Entry| entry.kind == "config";
    let odd = |entry: &Entry| (entry.kind == "config") != (entry.path.starts_with("/etc/") && entry.kind != "dir");
    assert!(all().iter().filter(is_config).count() > 2);
    assert_eq!(all().into_iter().filter(odd).map(|entry| entry.path).collect::<Vec<_>>(), [""; 0]);
}
