//! Where in a document: `/domain/devices/disk[2]/source/@file`. Comes in: the steps to a place, or the words of a
//! setting; goes out: the path in words, a pattern, or what is wrong with it; whether a pattern covers a place. Pure.

use std::fmt;

use crate::guard::xml::chars::is_name;

/// One step to a place. Numbers are 1-based among the siblings of the same name, as `XPath` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// An element.
    Element {
        /// Its name as written, with its prefix.
        name: &'a str,
        /// The first is 1.
        number: u32,
        /// No sibling has its name, before or after.
        only: bool,
    },
    /// An attribute by its name as written.
    Attribute(&'a str),
    /// A piece of text.
    Text {
        /// The first is 1.
        number: u32,
        /// It is all that the element contains, so that the element's own path says enough.
        only: bool,
    },
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Element { name, only: true, .. } => write!(f, "/{name}"),
            Self::Element { name, number, only: false } => write!(f, "/{name}[{number}]"),
            Self::Attribute(name) => write!(f, "/@{name}"),
            Self::Text { only: true, .. } => Ok(()),
            Self::Text { number, only: false } => write!(f, "/text()[{number}]"),
        }
    }
}

/// The steps in words. A number is left out where the element is the only one of its name.
pub(crate) fn render(steps: &[Step<'_>]) -> String {
    steps.iter().map(ToString::to_string).collect()
}

/// A path of a setting: it means each place that it leads to, and everything below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `None`: `*`, any element; without a number: each of them.
    Element(Option<String>, Option<u32>),
    /// `None`: `@*`.
    Attribute(Option<String>),
    Text(Option<u32>),
}

/// What is wrong with the words of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathFault {
    /// It does not start with `/domain`.
    NotFromDomain,
    /// Two slashes, or one at the end.
    EmptyStep,
    /// Something after an attribute or text, which have nothing below them.
    AfterLeaf,
    /// Not a number from 1 in the brackets.
    Number(String),
    /// Not a name.
    Name(String),
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFromDomain => f.write_str("a path starts with /domain"),
            Self::EmptyStep => f.write_str("a name is missing between two slashes or at the end"),
            Self::AfterLeaf => f.write_str("nothing can follow an attribute or text()"),
            Self::Number(number) => write!(f, "'[{}' is no number from 1 in brackets", number.escape_debug()),
            Self::Name(name) => write!(f, "'{}' is no name of an element or attribute", name.escape_debug()),
        }
    }
}

impl std::error::Error for PathFault {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: &Option<u32>| number.map_or(String::new(), |number| format!("[{number}]"));
        self.0.iter().try_for_each(|part| match part {
            Part::Element(name, at) => write!(f, "/{}{}", name.as_deref().unwrap_or("*"), number(at)),
            Part::Attribute(name) => write!(f, "/@{}", name.as_deref().unwrap_or("*")),
            Part::Text(at) => write!(f, "/text(){}", number(at)),
        })
    }
}

impl std::str::FromStr for Pattern {
    type Err = PathFault;

    /// Reads `/domain/devices/disk[2]/source/@file`; `*`, `@*` and `text()` are understood too, predicates are not.
    fn from_str(words: &str) -> Result<Self, PathFault> {
        let mut steps = words.strip_prefix('/').ok_or(PathFault::NotFromDomain)?.split('/').peekable();
        if !steps.peek().is_some_and(|&root| root == "domain" || root == "domain[1]") {
            return Err(PathFault::NotFromDomain);
        }
        let mut parts = Vec::new();
        for step in steps {
            match parts.last() {
                Some(Part::Attribute(_) | Part::Text(_)) => return Err(PathFault::AfterLeaf),
                _ => parts.push(part(step)?),
            }
        }
        Ok(Self(parts))
    }
}

fn part(step: &str) -> Result<Part, PathFault> {
    if step.is_empty() {
        return Err(PathFault::EmptyStep);
    }
    if let Some(attribute) = step.strip_prefix('@') {
        return name(attribute).map(Part::Attribute);
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
            .ok_or_else(|| PathFault::Number(number.to_owned()))
    });
    let number = number.transpose()?;
    if element == "text()" { Ok(Part::Text(number)) } else { Ok(Part::Element(name(element)?, number)) }
}

fn name(words: &str) -> Result<Option<String>, PathFault> {
    match words {
        "*" => Ok(None),
        _ if is_name(words.as_bytes()) => Ok(Some(words.to_owned())),
        _ => Err(PathFault::Name(words.to_owned())),
    }
}

impl Part {
    fn fits(&self, step: &Step<'_>) -> bool {
        match (self, step) {
            (Self::Element(wanted, number), Step::Element { name, number: found, .. }) => {
                wanted.as_ref().is_none_or(|wanted| wanted == name) && number.is_none_or(|number| number == *found)
            }
            (Self::Attribute(wanted), Step::Attribute(name)) => wanted.as_ref().is_none_or(|wanted| wanted == name),
            (Self::Text(number), Step::Text { number: found, .. }) => number.is_none_or(|number| number == *found),
            _ => false,
        }
    }
}

impl Pattern {
    /// Is the place one that the pattern leads to, or below one?
    #[must_use]
    pub fn covers(&self, place: &[Step<'_>]) -> bool {
        self.0.len() <= place.len() && self.0.iter().zip(place).all(|(part, step)| part.fits(step))
    }

    /// Does the pattern lead to exactly this place?
    #[must_use]
    pub fn is(&self, place: &[Step<'_>]) -> bool {
        self.0.len() == place.len() && self.covers(place)
    }

    /// Where the place is on the way to what the pattern leads to: the rest of the way.
    pub(crate) fn beyond(&self, place: &[Step<'_>]) -> Option<Rest<'_>> {
        let (way, rest) = self.0.split_at_checked(place.len())?;
        let fits = !rest.is_empty() && way.iter().zip(place).all(|(part, step)| part.fits(step));
        fits.then_some(Rest(rest))
    }
}

/// The steps of a pattern that lie below some element.
pub(crate) struct Rest<'a>(&'a [Part]);

impl Rest<'_> {
    /// Is there something in this element that the steps lead to? Numbers in them are not looked at.
    pub(crate) fn is_in(
        &self,
        document: &crate::guard::xml::tree::Document<'_>,
        id: crate::guard::xml::tree::Id,
    ) -> bool {
        let mut found = vec![id];
        for part in self.0 {
            found = match part {
                Part::Attribute(wanted) => {
                    let fits = |name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
                    return found.iter().any(|&id| document.attributes(id).any(|(name, _)| fits(name)));
                }
                Part::Text(_) => {
                    return found.iter().any(|&id| document.children(id).any(|child| document.is_text(child)));
                }
                Part::Element(wanted, _) => found
                    .iter()
                    .flat_map(|&id| document.children(id))
                    .filter(|&id| !document.is_text(id) && wanted.as_ref().is_none_or(|name| name == document.name(id)))
                    .collect(),
            };
        }
        !found.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(words: &str) -> Pattern {
        words.parse().unwrap()
    }

    const PLACE: [Step<'_>; 5] = [
        Step::Element { name: "domain", number: 1, only: true },
        Step::Element { name: "devices", number: 1, only: true },
        Step::Element { name: "disk", number: 2, only: false },
        Step::Element { name: "source", number: 1, only: true },
        Step::Attribute("file"),
    ];

    #[test]
    fn a_path_numbers_only_what_is_not_alone() {
        assert_eq!(render(&PLACE), "/domain/devices/disk[2]/source/@file");
        let text =
            [PLACE[0], Step::Element { name: "name", number: 1, only: true }, Step::Text { number: 1, only: true }];
        assert_eq!(render(&text), "/domain/name");
        assert_eq!(render(&[PLACE[0], Step::Text { number: 2, only: false }]), "/domain/text()[2]");
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
        assert_eq!(covering.map(|words| pattern(words).covers(&PLACE)), [true; 7]);
        assert_eq!(others.map(|words| pattern(words).covers(&PLACE)), [false; 7]);
        assert!(!pattern("/domain/devices/disk/source").covers(&PLACE[..3]), "a place above is not covered");
    }

    #[test]
    fn a_path_that_is_none_is_refused_by_name() {
        let wrong = [
            ("", PathFault::NotFromDomain),
            ("domain/devices", PathFault::NotFromDomain),
            ("/devices", PathFault::NotFromDomain),
            ("//disk", PathFault::NotFromDomain),
            ("/domain/", PathFault::EmptyStep),
            ("/domain//disk", PathFault::EmptyStep),
            ("/domain/@type/x", PathFault::AfterLeaf),
            ("/domain/text()/x", PathFault::AfterLeaf),
            ("/domain/disk[0]", PathFault::Number("0]".into())),
            ("/domain/disk[1", PathFault::Number("1".into())),
            ("/domain/disk[+1]", PathFault::Number("+1]".into())),
            ("/domain/disk[]", PathFault::Number("]".into())),
            ("/domain/disk[@device='cdrom']", PathFault::Number("@device='cdrom']".into())),
            ("/domain/1disk", PathFault::Name("1disk".into())),
            ("/domain/a b", PathFault::Name("a b".into())),
            ("/domain/@", PathFault::Name(String::new())),
        ];
        assert_eq!(wrong.clone().map(|(words, _)| words.parse::<Pattern>()), wrong.map(|(_, fault)| Err(fault)));
    }
}
