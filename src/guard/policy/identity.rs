//! Is it still the same guest? Comes in: the documents before and after a filter; goes out: nothing, or what is wrong.
//! Pure.

use std::borrow::Cow;
use std::ffi::OsStr;

use crate::call::drivers;
use crate::guard::fault::{Defect, Flaw};
use crate::guard::xml::text;
use crate::guard::xml::tree::{Document, Id, ROOT};

/// Checks the filtered document by itself: its root is `<domain>`, with a `type` that fits the driver.
pub(crate) fn check_root(after: &Document<'_>, driver: &str) -> Result<(), Flaw> {
    let at = after.offset(ROOT);
    // libvirt looks for `name` and `uuid` in no namespace: it would find neither below <domain xmlns='…'>.
    if after.name(ROOT) != "domain" {
        return Err(Flaw::new(at, Defect::Root(after.name(ROOT).to_owned())));
    }
    if after.attribute(ROOT, "xmlns").is_some_and(|uri| !uri.is_empty()) {
        return Err(Flaw::form(at, "a default namespace on the root element", "<domain> in no namespace"));
    }
    let found = attribute(after, "type");
    let fits = drivers::driver(OsStr::new(driver)).domain_types;
    if found.as_deref().is_some_and(|found| fits.is_empty() || fits.contains(&found)) {
        return Ok(());
    }
    let fits = if fits.is_empty() { &["any"] } else { fits };
    Err(Flaw::new(at, Defect::Type { found: found.map(Cow::into_owned), fits }))
}

/// Checks that `name`, `uuid` and `id` are as before. A flaw is at the element that says otherwise, or at the root.
pub(crate) fn check_same(before: &Document<'_>, after: &Document<'_>) -> Result<(), Flaw> {
    for what in ["name", "uuid"] {
        let (was, (at, is)) = (element(before, what)?.1, element(after, what)?);
        // libvirt reads 10C0BD7F882E… as 10c0bd7f-882e-… (virUUIDParse), and so do we.
        let same = if what == "uuid" { was.as_deref().map(plain) == is.as_deref().map(plain) } else { was == is };
        if !same {
            return Err(different(at, what, is, was));
        }
    }
    let (was, is) = (attribute(before, "id"), attribute(after, "id"));
    if was == is { Ok(()) } else { Err(different(after.offset(ROOT), "id", is, was)) }
}

/// Checks a document that was made from nothing, as on libxl's `migrate`: its name is the one libvirt calls the guest.
pub(crate) fn check_name(after: &Document<'_>, object: &[u8]) -> Result<(), Flaw> {
    let (at, name) = element(after, "name")?;
    if name.as_deref().map(str::as_bytes) == Some(object) {
        return Ok(());
    }
    Err(different(at, "name", name, Some(String::from_utf8_lossy(object))))
}

fn different(at: usize, what: &'static str, found: Option<Cow<'_, str>>, before: Option<Cow<'_, str>>) -> Flaw {
    let owned = |value: Option<Cow<'_, str>>| value.map(Cow::into_owned);
    Flaw::new(at, Defect::Identity { what, found: owned(found), before: owned(before) })
}

fn attribute<'a>(document: &Document<'a>, name: &str) -> Option<Cow<'a, str>> {
    document.attribute(ROOT, name).map(text::of_attribute)
}

/// Where a child of the root is (the root, where there is none), and its text: the first of that name, as libvirt's
/// `string(./name[1])` has it. One in a namespace of its own is none of libvirt's.
fn element<'a>(document: &Document<'a>, name: &str) -> Result<(usize, Option<Cow<'a, str>>), Flaw> {
    let in_namespace = |id: Id| document.attribute(id, "xmlns").is_some_and(|uri| !uri.is_empty());
    let found = document.children(ROOT).find(|&id| document.name(id) == name && !in_namespace(id));
    let Some(id) = found else { return Ok((document.offset(ROOT), None)) };
    if document.children(id).any(|child| !document.is_text(child)) {
        return Err(Flaw::form(document.offset(id), "elements inside <name> or <uuid>", "text"));
    }
    Ok((document.offset(id), Some(document.string(id))))
}

/// A UUID without what does not matter in it.
fn plain(uuid: &str) -> String {
    uuid.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_lowercase()).collect()
}
