//! The facts about a call that rules may match beyond its arguments: its document, and who runs the daemon. Reads the
//! document at most once, and only if a rule asks for it.

use std::cell::OnceCell;

use glob::Pattern;

use crate::files::accounts;
use crate::guard::{self, Which};
use crate::settings::Rule;

/// The facts of one call.
pub struct Facts<'a> {
    /// Returns the document; empty if the call has none.
    document: &'a dyn Fn() -> Result<Vec<u8>, String>,
    /// For each rule and each of its paths, whether it selects something.
    selected: OnceCell<Result<Vec<Vec<bool>>, String>>,
    /// The user that this process runs as, which is the daemon's: by number, and by name if it has one.
    user: OnceCell<(String, Option<String>)>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(document: &'a dyn Fn() -> Result<Vec<u8>, String>) -> Self {
        Self { document, selected: OnceCell::new(), user: OnceCell::new() }
    }

    /// Returns the facts of a call without a document.
    #[must_use]
    pub fn nothing() -> Facts<'static> {
        Facts::new(&|| Ok(Vec::new()))
    }

    /// Returns why the document that a rule asked for could not be read. No rule with paths applies then.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.selected.get()?.as_ref().err().map(String::as_str)
    }

    /// Reports for each path of the rule at this index whether it selects something in the document.
    pub(crate) fn paths(&self, rules: &[Rule], at: usize) -> &[bool] {
        let selected = self.selected.get_or_init(|| select(&(self.document)()?, rules));
        selected.as_ref().ok().and_then(|selected| selected.get(at)).map_or(&[], Vec::as_slice)
    }

    /// Reports whether the rule at this index applies, as far as it asks for facts.
    pub(crate) fn fit(&self, rules: &[Rule], at: usize) -> bool {
        let Some(rule) = rules.get(at) else { return false };
        let user = rule.user.as_ref().is_none_or(|patterns| self.is_user(patterns));
        user && rule.xml.as_ref().is_none_or(|conditions| {
            let paths = self.paths(rules, at);
            paths.len() == conditions.len() && paths.iter().all(|selects| *selects)
        })
    }

    /// Reports whether a pattern fits the user, by name or by number.
    fn is_user(&self, patterns: &[Pattern]) -> bool {
        let (number, name) = self.user.get_or_init(|| {
            let user = nix::unistd::geteuid().as_raw();
            (user.to_string(), accounts::user_name(user))
        });
        let fits = |name: &String| patterns.iter().any(|pattern| pattern.matches(name));
        fits(number) || name.as_ref().is_some_and(fits)
    }
}

fn select(source: &[u8], rules: &[Rule]) -> Result<Vec<Vec<bool>>, String> {
    let document = if source.is_empty() {
        None
    } else {
        Some(guard::read(source, Which::After).map_err(|fault| fault.to_string())?)
    };
    let selects = |rule: &Rule| {
        let conditions = rule.xml.iter().flatten();
        conditions.map(|condition| document.as_ref().is_some_and(|document| condition.selects(document))).collect()
    };
    Ok(rules.iter().map(selects).collect())
}
