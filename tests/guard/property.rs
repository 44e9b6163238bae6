//! A random document is changed at k places, and written again in another style: the list of changes has these k places,
//! each once, and nothing else.

use hookmux::guard::{ChangeKind, ChangeValue, Policy, Which, check, read};
use proptest::prelude::*;

use crate::GUEST;

/// Pseudorandom numbers from a seed that proptest can repeat.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// An element of the model. `id` is written as its attribute `id`, and never changes.
#[derive(Clone, Debug)]
struct Element {
    id: usize,
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    text: Option<String>,
    children: Vec<Element>,
    /// A child was added, removed or moved, which happens once per element.
    children_changed: bool,
    /// Added by a change: nothing in it is changed again.
    added: bool,
}

const NAMES: [&str; 4] = ["a", "b", "x:c", "d"];
const ATTRIBUTES: [&str; 3] = ["v", "w", "x:y"];
const WORDS: [&str; 9] = ["1", "a&b", "<x>", "ü→", "'q'", "say \"q\"", "two words", "]]>", "\t\n"];

fn make(dice: &mut Dice, ids: &mut usize, depth: usize) -> Element {
    *ids += 1;
    let mut element = Element {
        id: *ids,
        name: dice.pick::<&'static str>(&NAMES),
        attributes: vec![],
        text: None,
        children: vec![],
        children_changed: false,
        added: false,
    };
    for name in ATTRIBUTES {
        if dice.below(2) == 0 {
            element.attributes.push((name, value(dice)));
        }
    }
    match dice.below(3) {
        0 => element.text = Some(value(dice)),
        _ if depth < 4 => {
            for _ in 0..dice.below(6) {
                element.children.push(make(dice, ids, depth + 1));
            }
        }
        _ => {}
    }
    element
}

fn value(dice: &mut Dice) -> String {
    format!("{} {}", dice.pick(&WORDS), dice.below(1_000_000))
}

fn escaped(value: &str, quote: char) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&#62;".to_owned(),
        '\t' | '\n' => format!("&#x{:X};", u32::from(c)),
        _ if c == quote => format!("&#{};", u32::from(c)),
        _ => c.to_string(),
    };
    value.chars().map(escape).collect()
}

/// Writes the element in one of the many ways in which that can be done.
fn write(element: &Element, dice: &mut Dice) -> String {
    let space = |dice: &mut Dice| *dice.pick(&["", "", "\n  ", " ", "<!-- ' -->", "\r\n", "<?p?>"]);
    let mut attributes = element.attributes.clone();
    attributes.push(("id", element.id.to_string()));
    let first = dice.below(attributes.len());
    attributes.rotate_left(first);
    let mut all = format!("<{}", element.name);
    for (name, value) in attributes {
        let quote = *dice.pick(&['\'', '"']);
        all.extend([format!(
            "{}{name}{}={quote}{}{quote}",
            dice.pick(&[" ", "\n "]),
            dice.pick(&["", " "]),
            escaped(&value, quote)
        )]);
    }
    all += ">";
    if let Some(text) = &element.text {
        let data = dice.below(2) == 0 && !text.contains("]]>");
        all.extend(if data {
            ["<![CDATA[", text, "]]>"].map(str::to_owned)
        } else {
            [escaped(text, '\0'), String::new(), String::new()]
        });
    }
    for child in &element.children {
        all += space(dice);
        all += &write(child, dice);
    }
    if !element.children.is_empty() {
        all += space(dice);
    }
    all + &format!("</{}>", element.name)
}

fn document(root: &Element, dice: &mut Dice) -> String {
    format!(
        "<?xml version='1.0'?>\n<domain type='kvm' xmlns:x='u'><name>vm1</name><metadata>{}</metadata></domain>",
        write(root, dice)
    )
}

/// A change that the list must contain: the element of the path, the rest of the path, and the values.
#[derive(Clone, Debug)]
struct Expected {
    id: usize,
    leaf: String,
    kind: ChangeKind,
    values: Option<(ChangeValue, ChangeValue)>,
}

/// Reports whether the element, or one in it, meets the condition.
fn has(element: &Element, condition: &dyn Fn(&Element) -> bool) -> bool {
    condition(element) || element.children.iter().any(|child| has(child, condition))
}

fn count(element: &Element) -> usize {
    1 + element.children.iter().map(count).sum::<usize>()
}

fn nth(element: &mut Element, n: usize) -> &mut Element {
    if n == 0 {
        return element;
    }
    let mut before = 1;
    let child = element.children.iter().position(|child| {
        let here = n < before + count(child);
        before += if here { 0 } else { count(child) };
        here
    });
    nth(&mut element.children[child.unwrap()], n - before)
}

/// Changes one place that has not been changed, and returns the change; `None` if nothing can be changed there.
fn change(root: &mut Element, dice: &mut Dice, ids: &mut usize, done: &mut Vec<(usize, String)>) -> Option<Expected> {
    let n = dice.below(count(root));
    let what = dice.below(6);
    let shown = |value: &str| ChangeValue::Shown(value.to_owned());
    let element = nth(root, n);
    let id = element.id;
    if element.added {
        return None;
    }
    let mut once = |leaf: &str| {
        let place = (id, leaf.to_owned());
        let new = !done.contains(&place);
        done.push(place);
        new
    };
    match what {
        0 | 1 => {
            let name = *dice.pick(&ATTRIBUTES);
            if !once(name) {
                return None;
            }
            let new = value(dice) + "!";
            let leaf = format!("/@{name}");
            let found = element.attributes.iter().position(|(found, _)| *found == name);
            let (kind, values) = match found {
                Some(place) if dice.below(2) == 0 => {
                    let (_, old) = element.attributes.remove(place);
                    (ChangeKind::Removed, (shown(&old), ChangeValue::None))
                }
                Some(place) => {
                    let old = std::mem::replace(&mut element.attributes[place].1, new.clone());
                    (ChangeKind::Changed, (shown(&old), shown(&new)))
                }
                None => {
                    element.attributes.push((name, new.clone()));
                    (ChangeKind::Added, (ChangeValue::None, shown(&new)))
                }
            };
            Some(Expected { id, leaf, kind, values: Some(values) })
        }
        2 if element.children.is_empty() => {
            if !once("text") {
                return None;
            }
            let new = value(dice) + "!";
            let old = element.text.replace(new.clone()).unwrap_or_default();
            Some(Expected {
                id,
                leaf: String::new(),
                kind: ChangeKind::Changed,
                values: Some((shown(&old), shown(&new))),
            })
        }
        _ if element.children_changed || element.text.is_some() => None,
        3 => {
            element.children_changed = true;
            let mut new = make(dice, ids, 3);
            new.added = true;
            new.children.iter_mut().for_each(|child| child.added = true);
            // Text would be the value of the change; without any, and without children, the path is the whole change.
            new.text = None;
            let id = new.id;
            element.children.insert(dice.below(element.children.len() + 1), new);
            Some(Expected { id, leaf: String::new(), kind: ChangeKind::Added, values: None })
        }
        4 if !element.children.is_empty() => {
            let place = dice.below(element.children.len());
            let touched = |element: &Element| {
                done.iter().any(|(id, _)| *id == element.id) || element.children_changed || element.added
            };
            if has(&element.children[place], &touched) {
                return None;
            }
            element.children_changed = true;
            let old = element.children.remove(place);
            Some(Expected { id: old.id, leaf: String::new(), kind: ChangeKind::Removed, values: None })
        }
        5 if element.children.len() > 2 => {
            // A move by one step is also a move of the neighbour; a move by two or more is not.
            let from = dice.below(element.children.len());
            let to = (from + 2 + dice.below(element.children.len() - 2)) % element.children.len();
            if from.abs_diff(to) < 2 {
                return None;
            }
            element.children_changed = true;
            let moved = element.children.remove(from);
            let id = moved.id;
            element.children.insert(to, moved);
            Some(Expected { id, leaf: String::new(), kind: ChangeKind::Moved, values: None })
        }
        _ => None,
    }
}

/// Returns the path of the element. Each number is as in `tree`, and is left out if the element is alone in both.
fn path(id: usize, tree: &Element, other: &Element) -> Option<String> {
    fn find_path<'a>(id: usize, element: &'a Element, before: &mut Vec<(&'a Element, Option<&'a Element>)>) -> bool {
        if element.id == id {
            return true;
        }
        element.children.iter().any(|child| {
            before.push((child, Some(element)));
            find_path(id, child, before) || before.pop().is_none()
        })
    }
    fn find(id: usize, element: &Element) -> Option<&Element> {
        if element.id == id { Some(element) } else { element.children.iter().find_map(|child| find(id, child)) }
    }
    let mut steps = vec![(tree, None)];
    if !find_path(id, tree, &mut steps) {
        return None;
    }
    let mut path = "/domain/metadata".to_owned();
    for (element, parent) in steps {
        let same = |parent: &Element| parent.children.iter().filter(|child| child.name == element.name).count();
        let alone = parent
            .is_none_or(|parent| same(parent) < 2 && find(parent.id, other).is_none_or(|parent| same(parent) < 2));
        path += &format!("/{}", element.name);
        if let (false, Some(parent)) = (alone, parent) {
            let number = parent
                .children
                .iter()
                .filter(|child| child.name == element.name)
                .position(|child| child.id == element.id);
            path += &format!("[{}]", number.unwrap() + 1);
        }
    }
    Some(path)
}

/// Returns the id of the element that this one is in.
fn parent(id: usize, tree: &Element) -> Option<usize> {
    let own = tree.children.iter().any(|child| child.id == id).then_some(tree.id);
    own.or_else(|| tree.children.iter().find_map(|child| parent(id, child)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_list_contains_exactly_the_changes_that_were_made(seed in any::<u64>(), changes in 0..12_usize) {
        let (mut dice, mut ids) = (Dice(seed), 0);
        let old = make(&mut dice, &mut ids, 0);
        let (mut new, mut done) = (old.clone(), Vec::new());
        let expected: Vec<_> = (0..changes).filter_map(|_| change(&mut new, &mut dice, &mut ids, &mut done)).collect();
        let (before, after) = (document(&old, &mut dice), document(&new, &mut dice));
        let found = check(before.as_bytes(), after.as_bytes(), GUEST, &Policy::default());
        let found = found.map_err(|fault| TestCaseError::fail(format!("{fault}\n{after}")))?;

        let mut expected: Vec<_> = expected.into_iter().map(|change| {
            let place = path(change.id, &old, &new).or_else(|| {
                // Added: its own number is from the new document, the path of its parent from the old one.
                let own = path(change.id, &new, &old)?;
                let base = path(parent(change.id, &new)?, &old, &new)?;
                Some(base + &own[own.rfind('/')?..])
            });
            (place.unwrap() + &change.leaf, change.kind.word(), change.values)
        }).collect();
        let mut found: Vec<_> = found.list.into_iter().map(|change| {
            let values = change.path.contains('@') || change.kind == ChangeKind::Changed;
            (change.path, change.kind.word(), values.then_some((change.old, change.new)))
        }).collect();
        expected.sort_by_key(|(path, kind, _)| (path.clone(), *kind));
        found.sort_by_key(|(path, kind, _)| (path.clone(), *kind));
        prop_assert_eq!(found, expected, "\n{}\n{}", before, after);
    }

    #[test]
    fn another_style_is_not_a_change(seed in any::<u64>()) {
        let (mut dice, mut ids) = (Dice(seed), 0);
        let root = make(&mut dice, &mut ids, 0);
        let (before, after) = (document(&root, &mut dice), document(&root, &mut dice));
        let found = check(before.as_bytes(), after.as_bytes(), GUEST, &Policy::default()).unwrap();
        prop_assert_eq!(found.list, vec![], "\n{}\n{}", before, after);
    }

    #[test]
    fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), words in "[<>/a&;'\"= !?\\[\\]-]{0,60}") {
        let _ = read(&bytes, Which::After);
        let _ = read(words.as_bytes(), Which::After);
    }
}
