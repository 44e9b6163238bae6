//! The source files import in one direction. In: src, and the map of its rooms in lib.rs. Reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use support::repository;

/// Reads each file without its tests and comments, by the path of its module: `guard::xml::reader`.
fn sources() -> BTreeMap<String, String> {
    fn collect(directory: &Path, modules: &str, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.file_stem().unwrap().to_str().unwrap();
            let module = if modules.is_empty() { name.to_owned() } else { format!("{modules}::{name}") };
            if entry.is_dir() {
                collect(&entry, &module, found);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&entry).unwrap();
                let code = text.split("\n#[cfg(test)]").next().unwrap();
                let code = code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
                found.insert(if name == "mod" { modules.to_owned() } else { module }, code);
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(&repository().join("src"), "", &mut found);
    found
}

/// Lists the rooms in the order of the map in lib.rs, whose rows start with a link to the room.
fn map() -> Vec<String> {
    let text = fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | [`")?.split_once("`]"));
    rows.map(|(room, _)| room.to_owned()).collect()
}

/// Lists the paths that follow `prefix` (`crate::` or `super::`) in a file, with those in braces written out.
fn paths<'a>(code: &'a str, prefix: &str) -> Vec<String> {
    let is_path = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    let after = |rest: &'a str| {
        let end = rest.find(|letter| !is_path(letter)).unwrap_or(rest.len());
        let (path, rest) = rest.split_at(end);
        match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((names, _)) if path.ends_with("::") => {
                names.split(',').map(|name| format!("{path}{}", name.trim())).collect()
            }
            _ => vec![path.to_owned()],
        }
    };
    code.split(prefix).skip(1).flat_map(after).collect()
}

/// Lists the modules that each module names, by `crate::`, `super::`, or as its own child.
fn imports(sources: &BTreeMap<String, String>) -> BTreeMap<&str, BTreeSet<&str>> {
    let module_of = |path: &str| {
        let ends = path.match_indices("::").map(|(end, _)| end).chain([path.len()]);
        let known = ends.filter_map(|end| sources.get_key_value(&path[..end])).last();
        known.map(|(module, _)| module.as_str())
    };
    let mut found = BTreeMap::new();
    for (module, code) in sources {
        let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
        let mut named: BTreeSet<&str> = paths(code, "crate::").iter().filter_map(|path| module_of(path)).collect();
        named.extend(paths(code, "super::").iter().filter_map(|path| module_of(&format!("{parent}::{path}"))));
        let children = code.lines().filter_map(|line| line.split("mod ").nth(1)?.strip_suffix(';'));
        let is_used = |child: &&str| {
            let path = format!("{child}::");
            code.match_indices(&path)
                .any(|(at, _)| !code[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == ':'))
        };
        named.extend(children.filter(is_used).filter_map(|child| module_of(&format!("{module}::{child}"))));
        named.remove(module.as_str());
        found.insert(module.as_str(), named);
    }
    found
}

/// Lists the modules that can be reached from one.
fn reached<'a>(imports: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(module) = next.pop() {
        next.extend(imports[module].iter().filter(|module| seen.insert(**module)));
    }
    seen
}

#[test]
fn the_map_in_lib_rs_names_every_room() {
    let rooms: BTreeSet<String> = map().into_iter().collect();
    let top: BTreeSet<String> = sources().keys().map(|path| path.split("::").next().unwrap().to_owned()).collect();
    let doors = ["lib", "main", "bin"].map(str::to_owned);
    assert_eq!(rooms, top.into_iter().filter(|name| !doors.contains(name)).collect());
}

#[test]
fn each_room_imports_only_from_rooms_above_it_in_the_map() {
    let (sources, order) = (sources(), map());
    let place = |module: &str| order.iter().position(|room| module.split("::").next() == Some(room));
    let mut backward = Vec::new();
    for (module, named) in imports(&sources) {
        let later = named.into_iter().filter(|other| place(other) > place(module) && place(module).is_some());
        backward.extend(later.map(|other| format!("{module} -> {other}")));
    }
    assert_eq!(backward, [""; 0]);
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources = sources();
    let imports = imports(&sources);
    let in_circle = |module: &&str| reached(&imports, module).contains(*module);
    let mut circles: Vec<String> = Vec::new();
    for module in imports.keys().filter(|module| in_circle(module)) {
        let others = reached(&imports, module).into_iter().filter(|other| reached(&imports, other).contains(*module));
        let circle = others.collect::<Vec<_>>().join(" ");
        if !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    assert_eq!(circles, [""; 0]);
}

#[test]
fn every_file_that_the_map_names_exists() {
    let text = fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let named = text.lines().filter(|line| line.starts_with("//!")).flat_map(|line| line.split('`').skip(1).step_by(2));
    let named: Vec<&str> = named.filter(|word| word.contains('/')).collect();
    let missing: Vec<_> = named.iter().filter(|path| !repository().join("src").join(path).exists()).collect();
    assert!(named.len() >= 10 && missing.is_empty(), "{named:?} {missing:?}");
}

#[test]
fn a_type_name_has_one_meaning() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (module, code) in sources() {
        // Those inside a function or an implementation are indented.
        for line in code.lines().map(|line| line.trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ")) {
            let mut words = line.trim_start_matches("pub ").split(|letter: char| !letter.is_alphanumeric());
            if matches!(words.next(), Some("struct" | "enum" | "type" | "trait")) {
                places.entry(words.next().unwrap().to_owned()).or_default().push(module.clone());
            }
        }
    }
    let shared: Vec<_> = places.iter().filter(|(_, modules)| modules.len() > 1).collect();
    assert!(places.len() > 100 && shared.is_empty(), "{shared:?}");
}
