//! Places in a document, such as `/domain/devices/disk[2]/source/@file`, and patterns for them. Pure.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use crate::guard::xml::name::is_name;
use crate::guard::xml::tree::{Document, Id, ROOT};
use crate::printable::shortened;

/// The longest value or path that is kept of a change, in characters.
pub(crate) const MAX_SHOWN: usize = 200;

/// The longest name in a path that is shown, in characters.
const MAX_NAME: usize = 60;

/// One step to a place. Numbers are 1-based among the siblings of the same name, as in `XPath`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathStep<'a> {
    Element {
        /// Its name as written, with its prefix.
        name: &'a str,
        number: u32,
        /// No sibling has its name, before or after.
        only: bool,
    },
    /// An attribute by its name as written.
    Attribute(&'a str),
    Text {
        number: u32,
        /// It is all that the element contains, so the element's own path is enough.
        only: bool,
    },
}

/// Formats the steps as a path, without the number of an element that is the only one of its name. Names and the path are
/// shortened: a filter chooses them.
pub(crate) fn render(steps: &[PathStep<'_>]) -> String {
    let step = |step: &PathStep<'_>| match *step {
        PathStep::Element { name, only: true, .. } => format!("/{}", shortened(name, MAX_NAME)),
        PathStep::Element { name, number, only: false } => format!("/{}[{number}]", shortened(name, MAX_NAME)),
        PathStep::Attribute(name) => format!("/@{}", shortened(name, MAX_NAME)),
        PathStep::Text { only: true, .. } => String::new(),
        PathStep::Text { number, only: false } => format!("/text()[{number}]"),
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

#[derive(Debug, Clone, PartialEq, Eq)]
enum StepPattern {
    /// Without a number: each of them.
    Element(NamePattern, Option<u32>),
    Attribute(NamePattern),
    Text(Option<u32>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum NamePattern {
    /// `*`.
    Any,
    /// `*:name`: this name with any prefix, or without one.
    Local(String),
    /// As written.
    Exact(String),
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: &Option<u32>| number.map_or(String::new(), |number| format!("[{number}]"));
        self.0.iter().try_for_each(|part| match part {
            StepPattern::Element(name, at) => write!(f, "/{name}{}", number(at)),
            StepPattern::Attribute(name) => write!(f, "/@{name}"),
            StepPattern::Text(at) => write!(f, "/text(){}", number(at)),
        })
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Local(name) => write!(f, "*:{name}"),
            Self::Exact(name) => f.write_str(name),
        }
    }
}

impl std::str::FromStr for PathPattern {
    type Err = String;

    /// Parses `/domain/devices/disk[2]/source/@file`, also with `*`, `*:name`, `@*` and `text()`, without predicates.
    fn from_str(text: &str) -> Result<Self, String> {
        let not_from_domain = || "a path starts with /domain".to_owned();
        if !text.starts_with("/domain") {
            return Err(not_from_domain());
        }
        let pattern = Self::of_any_document(text)?;
        match pattern.0.first() {
            Some(StepPattern::Element(NamePattern::Exact(root), None | Some(1))) if root == "domain" => Ok(pattern),
            _ => Err(not_from_domain()),
        }
    }
}

fn part(step: &str) -> Result<StepPattern, String> {
    if step.is_empty() {
        return Err("a name is missing between two slashes or at the end".into());
    }
    if let Some(attribute) = step.strip_prefix('@') {
        return name(attribute).map(StepPattern::Attribute);
    }
    let (element, number) = match step.split_once('[') {
        None => (step, None),
        Some((element, number)) => (element, Some(number)),
    };
    let number = number.map(|number| {
        let digits = number.strip_suffix(']').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits
            .and_then(|digits| digits.parse().ok())
            .filter(|&number| number > 0)
            .ok_or_else(|| format!("expected a number from 1 in brackets, got '[{}'", number.escape_debug()))
    });
    let number = number.transpose()?;
    if element == "text()" { Ok(StepPattern::Text(number)) } else { Ok(StepPattern::Element(name(element)?, number)) }
}

fn name(text: &str) -> Result<NamePattern, String> {
    match text.strip_prefix("*:") {
        _ if text == "*" => Ok(NamePattern::Any),
        Some(local) if is_name(local) && !local.contains(':') => Ok(NamePattern::Local(local.to_owned())),
        None if is_name(text) => Ok(NamePattern::Exact(text.to_owned())),
        _ => Err(format!("'{}' is not the name of an element or attribute", text.escape_debug())),
    }
}

impl NamePattern {
    fn fits(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Local(wanted) => local(name) == wanted,
            Self::Exact(wanted) => name == wanted,
        }
    }
}

/// Returns a name without its prefix.
pub(crate) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

impl StepPattern {
    fn fits(&self, step: &PathStep<'_>) -> bool {
        match (self, step) {
            (Self::Element(wanted, number), PathStep::Element { name, number: found, .. }) => {
                wanted.fits(name) && number.is_none_or(|number| number == *found)
            }
            (Self::Attribute(wanted), PathStep::Attribute(name)) => wanted.fits(name),
            (Self::Text(number), PathStep::Text { number: found, .. }) => number.is_none_or(|number| number == *found),
            _ => false,
        }
    }
}

/// Something that a pattern leads to.
enum Selected<'a> {
    Node(Id),
    Attribute(Cow<'a, str>),
}

impl PathPattern {
    /// Parses a path into a document that may have another root than `<domain>`.
    ///
    /// # Errors
    /// The first step that is not one.
    pub(crate) fn of_any_document(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        for step in text.strip_prefix('/').ok_or("a path starts with a slash")?.split('/') {
            match parts.last() {
                Some(StepPattern::Attribute(_) | StepPattern::Text(_)) => {
                    return Err("nothing can follow an attribute or text()".into());
                }
                _ => parts.push(part(step)?),
            }
        }
        Ok(Self(parts))
    }

    /// Reports whether the pattern leads to the place, or to one above it.
    pub(crate) fn covers(&self, place: &[PathStep<'_>]) -> bool {
        self.0.len() <= place.len() && self.0.iter().zip(place).all(|(part, step)| part.fits(step))
    }

    /// Reports whether the pattern leads to exactly this place.
    pub(crate) fn is(&self, place: &[PathStep<'_>]) -> bool {
        self.0.len() == place.len() && self.covers(place)
    }

    /// Reports whether the pattern leads to something in the element at this place.
    pub(crate) fn leads_into(&self, place: &[PathStep<'_>], document: &Document<'_>, id: Id) -> bool {
        let Some((above, below)) = self.0.split_at_checked(place.len()) else { return false };
        let fits = !below.is_empty() && above.iter().zip(place).all(|(part, step)| part.fits(step));
        fits && !find(below, document, id).is_empty()
    }

    /// Returns the values of all places in the document that the pattern leads to: of attributes and texts, and all the
    /// text in elements.
    pub(crate) fn select<'a>(&self, document: &Document<'a>) -> Vec<Cow<'a, str>> {
        let root = PathStep::Element { name: document.name(ROOT), number: 1, only: true };
        let below = match self.0.split_first() {
            Some((first, below)) if first.fits(&root) => below,
            _ => return Vec::new(),
        };
        let value = |found| match found {
            Selected::Node(id) => document.string(id),
            Selected::Attribute(value) => value,
        };
        find(below, document, ROOT).into_iter().map(value).collect()
    }
}

/// Finds what the steps lead to from this element.
fn find<'a>(parts: &[StepPattern], document: &Document<'a>, top: Id) -> Vec<Selected<'a>> {
    let mut nodes = vec![top];
    for part in parts {
        if let StepPattern::Attribute(name) = part {
            let attributes = nodes.iter().flat_map(|&id| document.attributes(id)).filter(|(found, _)| name.fits(found));
            return attributes.map(|(_, value)| Selected::Attribute(value)).collect();
        }
        nodes = nodes.iter().flat_map(|&id| children(part, document, id)).collect();
    }
    nodes.into_iter().map(Selected::Node).collect()
}

fn children(part: &StepPattern, document: &Document<'_>, id: Id) -> Vec<Id> {
    let mut counts: HashMap<&str, u32> = HashMap::new();
    let fits = |&child: &Id| {
        let name = document.name(child);
        let number = counts.entry(name).or_default();
        *number = number.saturating_add(1);
        let (number, only) = (*number, false);
        let text = document.is_text(child);
        part.fits(&if text { PathStep::Text { number, only } } else { PathStep::Element { name, number, only } })
    };
    document.children(id).filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> PathPattern {
        text.parse().unwrap()
    }

    const PLACE: [PathStep<'_>; 5] = [
        PathStep::Element { name: "domain", number: 1, only: true },
        PathStep::Element { name: "devices", number: 1, only: true },
        PathStep::Element { name: "disk", number: 2, only: false },
        PathStep::Element { name: "source", number: 1, only: true },
        PathStep::Attribute("file"),
    ];

    #[test]
    fn a_path_numbers_only_what_is_not_alone() {
        assert_eq!(render(&PLACE), "/domain/devices/disk[2]/source/@file");
        let text = [
            PLACE[0],
            PathStep::Element { name: "name", number: 1, only: true },
            PathStep::Text { number: 1, only: true },
        ];
        assert_eq!(render(&text), "/domain/name");
        assert_eq!(render(&[PLACE[0], PathStep::Text { number: 2, only: false }]), "/domain/text()[2]");
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
        let element = |name| PathStep::Element { name, number: 2, only: false };
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
