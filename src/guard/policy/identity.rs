//! Checks that a document is still about the same guest. Pure.

use std::borrow::Cow;
use std::ffi::OsStr;

use crate::call::drivers;
use crate::guard::rejection::{Flaw, quoted};
use crate::guard::xml::tree::{Document, Id, ROOT};

/// Checks that the root is `<domain>`, with a `type` that the driver runs.
pub(crate) fn check_root(after: &Document<'_>, driver: &str) -> Result<(), Flaw> {
    let (at, name) = (after.offset(ROOT), after.name(ROOT));
    if name != "domain" {
        return Err(Flaw::new(at, format!("the root element {}", quoted(name)), "the root element 'domain'"));
    }
    // libvirt looks for `name` and `uuid` in no namespace: it would find neither below <domain xmlns='…'>.
    if has_namespace(after, ROOT) {
        return Err(Flaw::new(at, "a default namespace on the root element", "<domain> in no namespace"));
    }
    let found = after.attribute(ROOT, "type");
    let fits = drivers::driver(OsStr::new(driver)).domain_types;
    if found.as_deref().is_some_and(|found| fits.is_empty() || fits.contains(&found)) {
        return Ok(());
    }
    let fits = if fits.is_empty() { &["any"] } else { fits };
    Err(Flaw::new(at, described("type", found.as_deref()), format!("one of: {}", fits.join(", "))))
}

/// Checks that `name`, `uuid` and `id` are as before. A flaw is at the element that differs, or at the root.
pub(crate) fn check_same(before: &Document<'_>, after: &Document<'_>) -> Result<(), Flaw> {
    for what in ["name", "uuid", "id"] {
        let ((_, was), (at, is)) = (value(before, what)?, value(after, what)?);
        let parsed = |value: &Option<Cow<'_, str>>| value.as_deref().and_then(digits).filter(|_| what == "uuid");
        if was != is && (parsed(&is).is_none() || parsed(&was) != parsed(&is)) {
            return Err(different(at, what, is.as_deref(), was.as_deref()));
        }
    }
    Ok(())
}

/// Checks a document that was made from nothing, as on libxl's `migrate`: its name is the one in libvirt's call.
pub(crate) fn check_name(after: &Document<'_>, object: &[u8]) -> Result<(), Flaw> {
    let (at, name) = value(after, "name")?;
    if name.as_deref().map(str::as_bytes) == Some(object) {
        return Ok(());
    }
    Err(different(at, "name", name.as_deref(), Some(&String::from_utf8_lossy(object))))
}

fn different(at: usize, what: &str, found: Option<&str>, before: Option<&str>) -> Flaw {
    let before = before.map_or_else(|| "none".to_owned(), quoted);
    Flaw::new(at, described(what, found), format!("{before}, as before"))
}

fn described(what: &str, value: Option<&str>) -> String {
    value.map_or_else(|| format!("no {what}"), |value| format!("{what} {}", quoted(value)))
}

/// Returns the root's attribute `id`, or else the text of the first child of that name, as libvirt's `string(./name[1])`
/// does, and the offset of its element, or else of the root. A child in a namespace of its own does not count.
fn value<'a>(document: &Document<'a>, what: &str) -> Result<(usize, Option<Cow<'a, str>>), Flaw> {
    if what == "id" {
        return Ok((document.offset(ROOT), document.attribute(ROOT, what)));
    }
    let found = document.children(ROOT).find(|&id| document.name(id) == what && !has_namespace(document, id));
    let Some(id) = found else { return Ok((document.offset(ROOT), None)) };
    if document.children(id).any(|child| !document.is_text(child)) {
        return Err(Flaw::new(document.offset(id), "elements inside <name> or <uuid>", "text"));
    }
    Ok((document.offset(id), Some(document.string(id))))
}

fn has_namespace(document: &Document<'_>, id: Id) -> bool {
    document.attribute(id, "xmlns").is_some_and(|uri| !uri.is_empty())
}

/// Returns the digits of a UUID that `virUUIDParse` accepts: '-' and ' ' between pairs of digits, white space around all.
fn digits(uuid: &str) -> Option<String> {
    let mut digits = String::new();
    for c in uuid.trim_ascii().chars() {
        match c {
            '-' | ' ' if digits.len().is_multiple_of(2) && digits.len() < 32 => {}
            '0'..='9' | 'a'..='f' | 'A'..='F' => digits.push(c.to_ascii_lowercase()),
            _ => return None,
        }
    }
    (digits.len() == 32).then_some(digits)
}
