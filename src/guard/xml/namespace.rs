//! Namespace prefixes: which are declared where. Comes in: tags in document order; goes out: what is wrong with a prefix.
//! Pure. libxml2 goes on after an undeclared prefix, and libvirt then finds no `qemu:commandline` and says nothing:
//! a silent loss, so that it is a fault here.

use crate::guard::fault::{Defect, Flaw};
use crate::guard::xml::chars::is_name;
use crate::guard::xml::limit;
use crate::guard::xml::tree::{Document, Id};

/// The prefixes in force, each with the depth of the element that declares it.
#[derive(Debug, Default)]
pub(crate) struct Prefixes<'a> {
    declared: Vec<(usize, &'a str)>,
}

impl<'a> Prefixes<'a> {
    /// An element with a colon somewhere in its tag starts at this depth.
    pub(crate) fn open(&mut self, depth: usize, document: &Document<'a>, id: Id) -> Result<(), Flaw> {
        let at = document.offset(id);
        for (name, value) in document.attributes(id) {
            let Some(prefix) = name.strip_prefix("xmlns:") else { continue };
            if prefix.contains(':') || prefix.is_empty() || prefix == "xmlns" || value.is_empty() {
                return Err(Flaw::form(at, "a namespace declaration that is none", "xmlns:PREFIX='URI'"));
            }
            if self.declared.len() >= limit::PREFIXES.most {
                return Err(Flaw::new(at, limit::PREFIXES.defect()));
            }
            self.declared.push((depth, prefix));
        }
        self.check(document.name(id), at)?;
        document.attributes(id).try_for_each(|(name, _)| match name.split_once(':') {
            Some(("xmlns", _)) => Ok(()),
            _ => self.check(name, at),
        })
    }

    /// The element at this depth ends.
    pub(crate) fn close(&mut self, depth: usize) {
        while self.declared.pop_if(|&mut (declared_at, _)| declared_at >= depth).is_some() {}
    }

    fn check(&self, name: &str, at: usize) -> Result<(), Flaw> {
        let Some((prefix, local)) = name.split_once(':') else { return Ok(()) };
        if prefix.is_empty() || !is_name(local.as_bytes()) || local.contains(':') {
            return Err(Flaw::form(at, "a name with a stray colon", "PREFIX:NAME"));
        }
        let known = prefix == "xml" || self.declared.iter().any(|&(_, declared)| declared == prefix);
        if known { Ok(()) } else { Err(Flaw::new(at, Defect::Prefix(prefix.to_owned()))) }
    }
}
