//! One settings file. In: its text and path. Out: what it sets, or what is wrong with it, with line, column and key.
//! Pure.

use std::ffi::OsStr;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapDeserializer;
use toml::Spanned;

use crate::printable;
use crate::settings::values::{self, LibvirtRunsDotD, MAX_PARALLEL, Origin, Rule, Settings};

/// The settings of one file; absent means "as it was".
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SettingsFile {
    strict: Option<bool>,
    libvirt_runs_dot_d: Option<LibvirtRunsDotD>,
    exit_with_parent: Option<bool>,
    #[serde(deserialize_with = "values::parallel")]
    parallel: Option<usize>,
    #[serde(deserialize_with = "values::limit")]
    kill_after: Option<Duration>,
    keep_document: Option<bool>,
    #[serde(rename = "rule")]
    rules: Vec<Spanned<Rule>>,
}

impl SettingsFile {
    /// Applies this file on top of the settings of earlier files.
    pub fn apply(self, settings: &mut Settings) {
        let set = |to: &mut bool, from: Option<bool>| *to = from.unwrap_or(*to);
        set(&mut settings.strict, self.strict);
        set(&mut settings.exit_with_parent, self.exit_with_parent);
        set(&mut settings.keep_document, self.keep_document);
        settings.libvirt_runs_dot_d = self.libvirt_runs_dot_d.unwrap_or(settings.libvirt_runs_dot_d);
        settings.parallel = self.parallel.unwrap_or(settings.parallel);
        settings.kill_after = self.kill_after.unwrap_or(settings.kill_after);
        settings.rules.extend(self.rules.into_iter().map(Spanned::into_inner));
    }
}

/// An error in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    pub(crate) file: PathBuf,
    /// Line and column, from 1, the column in characters; `None` where it is the file as a whole.
    pub at: Option<(usize, usize)>,
    /// A text that names the error, and what is allowed.
    pub what: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{}", printable::printable(&self.file))?;
        if let Some((line, column)) = self.at {
            write!(out, ":{line}:{column}")?;
        }
        // It may quote a key, and a key may be anything.
        write!(out, ": {}", printable::printable(OsStr::new(&self.what)))
    }
}

impl std::error::Error for SettingsError {}

/// Reads a file's text.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(file: &Path, text: &str) -> Result<SettingsFile, SettingsError> {
    let mut parsed: SettingsFile = toml::from_str(text).map_err(|error| fault(file, text, &error))?;
    let shared: Rc<Path> = file.into();
    for rule in &mut parsed.rules {
        let (line, _) = position(text, rule.span().start);
        rule.get_mut().origin = Origin { file: Rc::clone(&shared), line };
    }
    Ok(parsed)
}

fn fault(file: &Path, text: &str, error: &toml::de::Error) -> SettingsError {
    let span = error.span();
    let at = span.as_ref().map(|span| position(text, span.start));
    SettingsError { file: file.to_owned(), at, what: in_words(error.message(), text, span) }
}

/// Returns the line and column of a byte, both from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count().saturating_add(1);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
    (line, column)
}

/// Returns Serde's message with the manual's terms: "key", the key itself where only its value was named, and what to write
/// instead.
fn in_words(message: &str, text: &str, span: Option<Range<usize>>) -> String {
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return unknown_key(rest);
    }
    if message.ends_with("expected a sequence") || message.ends_with("expected struct Rule") {
        return "a rule begins with two brackets: [[rule]]".into();
    }
    let at = span.map_or(0, |span| span.start);
    let before = text.get(..at).and_then(|before| before.rsplit('\n').next()).unwrap_or_default();
    let Some((key, _)) = before.split_once('=') else { return message.replace('`', "'") };
    let value = text.get(at..).and_then(|after| after.split(['\n', '#']).next()).unwrap_or_default().trim();
    format!("'{}': {}", key.trim(), value_in_words(key.trim(), value, message))
}

/// Describes what is wrong with a value, as it stands in the file.
fn value_in_words(key: &str, value: &str, message: &str) -> String {
    // Other messages are about a value that TOML can read.
    let is_bare = !value.is_empty()
        && value.chars().all(|letter| letter.is_alphanumeric() || "_-.*".contains(letter))
        && !["invalid type", "expected", "unknown", "'"].iter().any(|start| message.starts_with(start));
    if message.ends_with("expected a boolean")
        || (is_bare && ["strict", "exit-with-parent", "run", "wait"].contains(&key))
    {
        return format!("expected true or false, got {value}");
    }
    if is_bare {
        return format!("write it in quotes: \"{value}\"");
    }
    if message.starts_with("invalid type: integer") && message.ends_with("expected a string") {
        return format!("write a unit, in quotes: \"{value}s\"");
    }
    message.replace('`', "'").replace("expected i64", &format!("expected a whole number from 1 to {MAX_PARALLEL}"))
}

/// Describes an unknown key, where Serde names it and the known ones: it may belong elsewhere in the file.
fn unknown_key(names: &str) -> String {
    let names: Vec<&str> = names.split('`').skip(1).step_by(2).collect();
    let (unknown, known) = names.split_first().map_or(("", &[][..]), |(unknown, known)| (*unknown, known));
    let is_in_rule = known.contains(&"script");
    if is_in_rule && has_key::<SettingsFile>(unknown) {
        return format!("'{unknown}' is not a key of a rule: move it above the first [[rule]]");
    }
    if !is_in_rule && has_key::<Rule>(unknown) {
        return format!("'{unknown}' is a key of a rule: write [[rule]] above it");
    }
    let nearest = known
        .iter()
        .max_by(|one, other| strsim::jaro_winkler(unknown, one).total_cmp(&strsim::jaro_winkler(unknown, other)));
    let hint = nearest.filter(|near| strsim::jaro_winkler(unknown, near) > 0.7);
    let hint = hint.map_or(String::new(), |near| format!(" (did you mean '{near}'?)"));
    format!("unknown key '{unknown}'{hint}; allowed here: {}", known.join(", "))
}

/// Reports whether a table of this type has a key.
fn has_key<'de, T: Deserialize<'de>>(key: &'de str) -> bool {
    let table = MapDeserializer::<_, serde::de::value::Error>::new(std::iter::once((key, true)));
    !T::deserialize(table).is_err_and(|error| error.to_string().starts_with("unknown field"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{GuestAbi, OnFailure, OnFault};

    fn parsed(text: &str) -> SettingsFile {
        parse(Path::new("/x.toml"), text).unwrap()
    }

    #[test]
    fn every_key_of_the_manual_is_read() {
        let file = parsed(
            "strict = false\nlibvirt-runs-dot-d = \"auto\"\nexit-with-parent = true\nparallel = 4\nkill-after = \"10s\"\n\
             keep-document = true\n\
             \n[[rule]]\nscript = \"20-backup*\"\ndriver = \"qemu\"\nguest = [\"db-*\", \"web-1\"]\n\
             operation = [\"stop\", \"release\"]\nextra = \"crashed\"\nuser = \"root\"\n\
             xml = [\"/domain/devices/hostdev\", \"/*/@type = 'k*'\"]\nrun = false\ntimeout = \"1m 30s\"\non-failure = \"continue\"\n\
             on-fault = \"ignore\"\nwait = false\n\
             may-change = [\"/domain/title\"]\nguest-abi = \"keep\"\n\n[[rule]]\ntimeout = \"none\"\n",
        );
        let globs =
            |texts: &[&str]| Some(texts.iter().map(|text| glob::Pattern::new(text).unwrap()).collect::<Vec<_>>());
        let nothing = Rule {
            origin: Origin { file: Path::new("/x.toml").into(), line: 24 },
            timeout: Some(None),
            ..Rule::default()
        };
        let expected = SettingsFile {
            strict: Some(false),
            libvirt_runs_dot_d: Some(LibvirtRunsDotD::ByRelease(values::Auto::Auto)),
            exit_with_parent: Some(true),
            parallel: Some(4),
            kill_after: Some(Duration::from_secs(10)),
            keep_document: Some(true),
            rules: [
                Rule {
                    origin: Origin { file: Path::new("/x.toml").into(), line: 8 },
                    script: globs(&["20-backup*"]),
                    driver: globs(&["qemu"]),
                    guest: globs(&["db-*", "web-1"]),
                    operation: globs(&["stop", "release"]),
                    extra: globs(&["crashed"]),
                    user: globs(&["root"]),
                    xml: Some(vec!["/domain/devices/hostdev".parse().unwrap(), "/*/@type='k*'".parse().unwrap()]),
                    run: Some(false),
                    timeout: Some(Some(Duration::from_secs(90))),
                    on_failure: Some(OnFailure::Continue),
                    on_fault: Some(OnFault::Ignore),
                    wait: Some(false),
                    may_change: Some(vec!["/domain/title".parse().unwrap()]),
                    guest_abi: Some(GuestAbi::Keep),
                },
                nothing,
            ]
            .map(|rule| Spanned::new(0..0, rule))
            .into(),
        };
        assert_eq!(file, expected);
        assert_eq!(parsed(""), SettingsFile::default());
        assert_eq!(parsed("libvirt-runs-dot-d = true").libvirt_runs_dot_d, Some(LibvirtRunsDotD::Known(true)));
    }

    #[test]
    fn an_error_has_the_place_the_key_and_what_is_allowed() {
        let rows = [
            (
                "[[rule]]\ntimeot = \"3s\"",
                "2:1: unknown key 'timeot' (did you mean 'timeout'?); allowed here: script, driver",
            ),
            (
                "strct = true",
                "1:1: unknown key 'strct' (did you mean 'strict'?); allowed here: strict, libvirt-runs-dot-d",
            ),
            ("zzz = 1", "1:1: unknown key 'zzz'; allowed here: strict"),
            ("\"\\u001b[31m\" = 1", "1:1: unknown key '\\u{1b}[31m'; allowed here: strict"),
            (
                "[[rule]]\n  timeout = \"3x\"",
                "2:13: 'timeout': '3x' is not a positive duration; expected one such as \"30s\"",
            ),
            ("kill-after = \"0s\"", "1:14: 'kill-after': '0s' is not a positive duration"),
            ("strict = 1", "1:10: 'strict': expected true or false, got 1"),
            ("strict = no # really", "1:10: 'strict': expected true or false, got no"),
            ("strict = True", "1:10: 'strict': expected true or false, got True"),
            ("strict = \"no\"", "1:10: 'strict': expected true or false, got \"no\""),
            ("[[rule]]\ntimeout = 5", "2:11: 'timeout': write a unit, in quotes: \"5s\""),
            ("kill-after = 5", "1:14: 'kill-after': write a unit, in quotes: \"5s\""),
            ("[[rule]]\ntimeout = 5s", "2:11: 'timeout': write it in quotes: \"5s\""),
            ("[[rule]]\nscript = 10-a*", "2:10: 'script': write it in quotes: \"10-a*\""),
            ("[[rule]]\non-failure = ignore", "2:14: 'on-failure': write it in quotes: \"ignore\""),
            ("parallel = \"4\"", "1:12: 'parallel': invalid type: string \"4\", expected a whole number from 1 to 64"),
            (
                "[[rule]]\nrun = false\nstrict = true",
                "3:1: 'strict' is not a key of a rule: move it above the first [[rule]]",
            ),
            ("timeout = \"5s\"", "1:1: 'timeout' is a key of a rule: write [[rule]] above it"),
            ("rule = [1]", "1:9: a rule begins with two brackets: [[rule]]"),
            ("[[rules]]", "1:3: unknown key 'rules' (did you mean 'rule'?)"),
            ("parallel = 0", "1:12: 'parallel': expected a whole number from 1 to 64, got 0"),
            (
                "[[rule]]\non-failure = \"stop\"",
                "2:14: 'on-failure': unknown variant 'stop', expected one of 'fail', 'ignore'",
            ),
            ("[[rule]]\nguest = [\"a\", \"[\"]", "2:9: 'guest': '[' is not a pattern: "),
            ("[[rule]]\nguest = 3", "2:9: 'guest': expected one text in quotes, or a list of them"),
            ("libvirt-runs-dot-d = \"yes\"", "1:22: 'libvirt-runs-dot-d': expected \"auto\", true or false"),
            ("strict = true\nstrict = true", "2:1: duplicate key"),
            ("strict = tru", "1:10: "),
            ("[rule]\nrun = false", "1:1: a rule begins with two brackets: [[rule]]"),
            ("\u{fc} = [", "1:6: '\u{fc}': unclosed array"),
        ];
        for (text, expected) in rows {
            let error = parse(Path::new("/x.toml"), text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("/x.toml:{expected}")), "{text}\n{error}");
        }
    }
}
