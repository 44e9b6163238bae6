//! Places in a document, such as `/domain/devices/disk[2]/source/@file`, and patterns for them. Pure.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::guard::xml::name::is_name;
use crate::guard::xml::tree::{Document, Id, ROOT};
use crate::printable::shortened;

/// The longest value or path that is kept of a change, in characters.
pub(crate) const MAX_SHOWN: usize = 200;

/// The longest name in a path that is shown, in characters.
const MAX_NAME: usize = 60;

/// One step to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathStep<'a> {
    /// An element by its name as written, or a piece of text, which has the empty name.
    Node {
        name: &'a str,
        /// 1-based among the siblings of the same name, as in `XPath`.
        number: u32,
        /// No sibling has its name, before or after. Of a text: it is all that the element contains, so the element's own
        /// path is enough.
        only: bool,
    },
    /// An attribute by its name as written.
    Attribute(&'a str),
}

/// Formats the steps as a path, without the number of an element that is the only one of its name. Names and the path are
/// shortened: a filter chooses them.
pub(crate) fn render(steps: &[PathStep<'_>]) -> String {
    let step = |step: &PathStep<'_>| match *step {
        PathStep::Node { name: "", only: true, .. } => String::new(),
        PathStep::Node { name: "", number, only: false } => format!("/text()[{number}]"),
        PathStep::Node { name, only: true, .. } => format!("/{}", shortened(name, MAX_NAME)),
        PathStep::Node { name, number, only: false } => format!("/{}[{number}]", shortened(name, MAX_NAME)),
        PathStep::Attribute(name) => format!("/@{}", shortened(name, MAX_NAME)),
    };
    let path: String = steps.iter().map(step).collect();
    // The first and the last steps name the place best.
    match path.char_indices().nth_back(MAX_SHOWN / 2) {
        Some((last, _)) if path.chars().nth(MAX_SHOWN).is_some() => {
            shortened(&path, MAX_SHOWN / 2).into_owned() + path.get(last..).unwrap_or_default()
        }
        _ => path,
    }
}

/// A path of a setting or an argument: it means each place that it leads to, and everything below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(Vec<StepPattern>);

/// One step of a pattern. Its name is kept as written: `name`, `*:name` (with any prefix, or without one) or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum StepPattern {
    /// An element, or with `text()` a text. Without a number: each of them.
    Node(String, Option<u32>),
    Attribute(String),
}

const TEXT: &str = "text()";

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| match step {
            StepPattern::Node(name, None) => write!(f, "/{name}"),
            StepPattern::Node(name, Some(number)) => write!(f, "/{name}[{number}]"),
            StepPattern::Attribute(name) => write!(f, "/@{name}"),
        })
    }
}

impl FromStr for PathPattern {
    type Err = String;

    /// Parses `/domain/devices/disk[2]/source/@file`, also with `*`, `*:name`, `@*` and `text()`, without predicates.
    fn from_str(text: &str) -> Result<Self, String> {
        let pattern = if text.starts_with("/domain") { Self::of_any_document(text)? } else { Self(Vec::new()) };
        match pattern.0.first() {
            Some(StepPattern::Node(root, None | Some(1))) if root == "domain" => Ok(pattern),
            _ => Err("a path starts with /domain".to_owned()),
        }
    }
}

impl FromStr for StepPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a name is missing between two slashes or at the end".to_owned());
        }
        if let Some(attribute) = text.strip_prefix('@') {
            return name(attribute).map(Self::Attribute);
        }
        let Some((node, brackets)) = text.split_once('[') else { return Ok(Self::Node(node_name(text)?, None)) };
        let digits = brackets.strip_suffix(']').filter(|digits| !digits.starts_with('+'));
        let number = digits.and_then(|digits| digits.parse().ok()).filter(|&number| number > 0);
        let invalid = || format!("expected a number from 1 in brackets, got '[{}'", brackets.escape_debug());
        let number = number.ok_or_else(invalid)?;
        Ok(Self::Node(node_name(node)?, Some(number)))
    }
}

fn node_name(text: &str) -> Result<String, String> {
    if text == TEXT { Ok(text.to_owned()) } else { name(text) }
}

fn name(text: &str) -> Result<String, String> {
    match text.strip_prefix("*:") {
        Some(local) if is_name(local) && !local.contains(':') => Ok(text.to_owned()),
        None if text == "*" || is_name(text) => Ok(text.to_owned()),
        _ => Err(format!("'{}' is not the name of an element or attribute", text.escape_debug())),
    }
}

impl StepPattern {
    fn fits(&self, step: &PathStep<'_>) -> bool {
        match (self, *step) {
            (Self::Node(wanted, number), PathStep::Node { name, number: found, .. }) => {
                fits_name(wanted, name) && number.is_none_or(|number| number == found)
            }
            (Self::Attribute(wanted), PathStep::Attribute(name)) => fits_name(wanted, name),
            _ => false,
        }
    }
}

fn fits_name(wanted: &str, name: &str) -> bool {
    match wanted {
        "*" => !name.is_empty(),
        TEXT => name.is_empty(),
        _ => wanted.strip_prefix("*:").map_or(wanted == name, |wanted| wanted == local(name)),
    }
}

/// Returns a name without its prefix.
pub(crate) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

impl PathPattern {
    /// Parses a path into a document that may have another root than `<domain>`.
    pub(crate) fn of_any_document(text: &str) -> Result<Self, String> {
        let is_leaf = |step: &StepPattern| match step {
            StepPattern::Node(name, _) => name == TEXT,
            StepPattern::Attribute(_) => true,
        };
        let mut steps: Vec<StepPattern> = Vec::new();
        for step in text.strip_prefix('/').ok_or("a path starts with a slash")?.split('/') {
            if steps.last().is_some_and(is_leaf) {
                return Err("nothing can follow an attribute or text()".to_owned());
            }
            steps.push(step.parse()?);
        }
        Ok(Self(steps))
    }

    /// Reports whether the pattern leads to the place, or to one above it.
    pub(crate) fn covers(&self, place: &[PathStep<'_>]) -> bool {
        self.0.len() <= place.len() && self.fits(place)
    }

    /// Reports whether the pattern leads to the place, or to something in the element there, if that is given.
    pub(crate) fn leads_to(&self, place: &[PathStep<'_>], element: Option<(&Document<'_>, Id)>) -> bool {
        let Some(below) = self.0.get(place.len()..) else { return false };
        let leads_into = |(document, id)| !find(below, document, id).is_empty();
        self.fits(place) && (below.is_empty() || element.is_some_and(leads_into))
    }

    /// Reports whether the steps that pattern and place both have fit each other.
    fn fits(&self, place: &[PathStep<'_>]) -> bool {
        self.0.iter().zip(place).all(|(pattern, step)| pattern.fits(step))
    }

    /// Returns the values of all places in the document that the pattern leads to: of attributes and texts, and all the
    /// text in elements.
    pub(crate) fn select<'a>(&self, document: &Document<'a>) -> Vec<Cow<'a, str>> {
        let root = PathStep::Node { name: document.name(ROOT), number: 1, only: true };
        let Some((_, below)) = self.0.split_first().filter(|(first, _)| first.fits(&root)) else { return Vec::new() };
        let found = find(below, document, ROOT).into_iter();
        found.map(|(id, attribute)| attribute.unwrap_or_else(|| document.string(id))).collect()
    }
}

/// Finds what the steps lead to from this element: nodes, or attributes by their element and value.
fn find<'a>(steps: &[StepPattern], document: &Document<'a>, top: Id) -> Vec<(Id, Option<Cow<'a, str>>)> {
    let mut nodes = vec![top];
    for step in steps {
        if let StepPattern::Attribute(wanted) = step {
            let attributes = |id| document.attributes(id).map(move |(name, value)| (name, (id, Some(value))));
            let all = nodes.into_iter().flat_map(attributes);
            return all.filter(|(name, _)| fits_name(wanted, name)).map(|(_, found)| found).collect();
        }
        let fits = |&(_, name, number): &_| step.fits(&PathStep::Node { name, number, only: false });
        let all = nodes.into_iter().flat_map(|id| document.numbered_children(id));
        nodes = all.filter(fits).map(|(id, ..)| id).collect();
    }
    nodes.into_iter().map(|id| (id, None)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> PathPattern {
        text.parse().unwrap()
    }

    const PLACE: [PathStep<'_>; 5] = [
        PathStep::Node { name: "domain", number: 1, only: true },
        PathStep::Node { name: "devices", number: 1, only: true },
        PathStep::Node { name: "disk", number: 2, only: false },
        PathStep::Node { name: "source", number: 1, only: true },
        PathStep::Attribute("file"),
    ];

    #[test]
    fn a_path_numbers_only_what_is_not_alone() {
        assert_eq!(render(&PLACE), "/domain/devices/disk[2]/source/@file");
        let text = [
            PLACE[0],
            PathStep::Node { name: "name", number: 1, only: true },
            PathStep::Node { name: "", number: 1, only: true },
        ];
        assert_eq!(render(&text), "/domain/name");
        assert_eq!(render(&[PLACE[0], PathStep::Node { name: "", number: 2, only: false }]), "/domain/text()[2]");
    }

    #[test]
    fn a_pattern_covers_each_element_of_the_name_and_everything_below() {
        let covering = [
            "/domain",
            "/domain/devices/disk",
            "/domain/devices/disk/source",
            "/domain/devices/disk[2]/source",
            "/domain/devices/disk[2]/source/@file",
            "/domain/devices/*/source/@*",
            "/domain[1]/devices[1]",
            "/domain/*:devices/disk/*:source/@*:file",
        ];
        let others = [
            "/domain/devices/disk[1]",
            "/domain/devices/disk/target",
            "/domain/devices/disk/source/@dev",
            "/domain/devices/disk/source/text()",
            "/domain/devices/disk/source/file",
            "/domain/dev",
            "/domain/memory",
        ];
        assert_eq!(covering.map(|words| pattern(words).covers(&PLACE)), [true; 8]);
        assert_eq!(others.map(|words| pattern(words).covers(&PLACE)), [false; 7]);
        assert!(!pattern("/domain/devices/disk/source").covers(&PLACE[..3]), "a place above is not covered");
    }

    #[test]
    fn an_invalid_path_is_rejected_by_its_step() {
        let (start, missing) = ("a path starts with /domain", "a name is missing between two slashes or at the end");
        let leaf = "nothing can follow an attribute or text()";
        let number = |got: &str| format!("expected a number from 1 in brackets, got '[{got}'");
        let name = |got: &str| format!("'{got}' is not the name of an element or attribute");
        let wrong = [
            ("", start.into()),
            ("domain/devices", start.into()),
            ("/devices", start.into()),
            ("//disk", start.into()),
            ("/domain/", missing.into()),
            ("/domain//disk", missing.into()),
            ("/domain/@type/x", leaf.into()),
            ("/domain/text()/x", leaf.into()),
            ("/domain/disk[0]", number("0]")),
            ("/domain/disk[1", number("1")),
            ("/domain/disk[+1]", number("+1]")),
            ("/domain/disk[]", number("]")),
            ("/domain/disk[@device='cdrom']", number("@device=\\'cdrom\\']")),
            ("/domain/1disk", name("1disk")),
            ("/domain/a b", name("a b")),
            ("/domain/@", name("")),
            ("/domain/*:", name("*:")),
            ("/domain/*:*", name("*:*")),
            ("/domain/*:a:b", name("*:a:b")),
            ("/*", start.into()),
        ];
        assert_eq!(wrong.clone().map(|(words, _)| words.parse::<PathPattern>()), wrong.map(|(_, fault)| Err(fault)));
    }

    #[test]
    fn long_names_and_long_paths_are_shortened() {
        let long = "é".repeat(48_000);
        let element = |name| PathStep::Node { name, number: 2, only: false };
        let short = render(&[element("domain"), element(&long), PathStep::Attribute(&long)]);
        let letters = "é".repeat(60);
        assert_eq!(short, format!("/domain[2]/{letters}…[2]/@{letters}…"));
        let steps: Vec<_> = (0..256).map(|_| element(&long)).chain([PathStep::Attribute("file")]).collect();
        let path = render(&steps);
        assert_eq!(
            (path.chars().count() <= 202, path.ends_with("/@file"), path.matches('…').count() > 2),
            (true, true, true)
        );
    }

    #[test]
    fn a_pattern_selects_values() {
        let source = b"<d t='1'><n:a xmlns:n='u' v='x'>1<b>2</b></n:a><a v='y'/><a v='&lt;'>3</a></d>";
        let document = crate::guard::xml::reader::read(source).unwrap();
        let select = |path| PathPattern::of_any_document(path).unwrap().select(&document);
        let selected =
            ["/d/@t", "/*/*:a/@v", "/d/a[2]", "/d/n:a", "/d/*/text()", "/d/a[2]/@v", "/e", "/d/c", "/d/@*"].map(select);
        let expected: [&[&str]; 9] = [&["1"], &["x", "y", "<"], &["3"], &["12"], &["1", "3"], &["<"], &[], &[], &["1"]];
        assert_eq!(selected.map(|values| values.join("|")), expected.map(|values| values.join("|")));
    }
}
