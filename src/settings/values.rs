//! The settings, with the defaults, and how each value is written in TOML. Pure.

use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use crate::guard;
use crate::printable::printable;

/// The most scripts that run at a time: each needs up to 32 KiB for its output and three descriptors here, and a host that
/// cleans up after one guest has others to run.
pub(crate) const MAX_PARALLEL: usize = 64;

/// The setting whether libvirt itself runs the files directly in its own `.d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected \"auto\", true or false")]
pub(crate) enum LibvirtRunsDotD {
    /// It does or does not, whatever its release.
    Known(bool),
    /// It depends on the calling daemon's release.
    ByRelease(Auto),
}

/// The word `"auto"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Auto {
    Auto,
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Do not start scripts that another user may have written.
    pub(crate) strict: bool,
    /// The setting who runs libvirt's own `.d`.
    pub(crate) libvirt_runs_dot_d: LibvirtRunsDotD,
    /// End when the process that called the hook ends.
    pub(crate) exit_with_parent: bool,
    /// The number of scripts that run at a time where nothing is filtered or vetoed.
    pub parallel: usize,
    /// Time between SIGTERM and SIGKILL for a script that exceeds its limit.
    pub kill_after: Duration,
    /// Keep the document of a guest's `started` for its `stopped` and `release`.
    pub keep_document: bool,
    /// The rules, in the order in which they apply.
    pub rules: Vec<Rule>,
    /// The files that all of this was read from, in that order.
    pub(crate) files: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strict: true,
            libvirt_runs_dot_d: LibvirtRunsDotD::ByRelease(Auto::Auto),
            exit_with_parent: false,
            parallel: 1,
            // Long enough to release a lock, short enough for a user who waits for `virsh`.
            kill_after: Duration::from_secs(5),
            keep_document: false,
            rules: Vec::new(),
            files: Vec::new(),
        }
    }
}

/// The place of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file; shared by every rule of the file and all that they decide.
    pub(crate) file: Rc<Path>,
    /// The line, from 1.
    pub line: usize,
}

impl Default for Origin {
    /// Returns that of a rule whose place in its file is not known yet.
    fn default() -> Self {
        Self { file: Path::new("").into(), line: 0 }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{}:{}", printable(&*self.file), self.line)
    }
}

/// One rule: which calls of which scripts it matches, and what it sets for them. An absent key changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// Its place.
    #[serde(skip)]
    pub origin: Origin,
    /// Scripts: by file name, or by whole path for a pattern with a slash.
    #[serde(deserialize_with = "patterns")]
    pub(crate) script: Patterns,
    #[serde(deserialize_with = "patterns")]
    pub(crate) driver: Patterns,
    #[serde(deserialize_with = "patterns")]
    pub(crate) guest: Patterns,
    /// Operations, by newer or older name.
    #[serde(deserialize_with = "patterns")]
    pub(crate) operation: Patterns,
    /// The fifth argument, such as the reason of a release.
    #[serde(deserialize_with = "patterns")]
    pub(crate) extra: Patterns,
    /// Users that the daemon runs as, by name or number.
    #[serde(deserialize_with = "patterns")]
    pub(crate) user: Patterns,
    /// Paths into the document, all of which must select something.
    #[serde(deserialize_with = "conditions")]
    pub(crate) xml: Option<Vec<Condition>>,
    /// False if the script does not run at all.
    pub(crate) run: Option<bool>,
    /// The time that the script may take; `Some(None)` removes an earlier limit.
    #[serde(deserialize_with = "limit_or_none")]
    #[expect(clippy::option_option, reason = "no key, no limit, and a limit differ")]
    pub(crate) timeout: Option<Option<Duration>>,
    /// The consequence when the script exits non-zero.
    pub(crate) on_failure: Option<OnFailure>,
    /// The consequence when the script could not be run to completion.
    pub(crate) on_fault: Option<OnFault>,
    /// False if the answer does not wait for the script.
    pub(crate) wait: Option<bool>,
    /// The parts that a filter may change; everything where no rule sets it.
    #[serde(deserialize_with = "paths")]
    pub(crate) may_change: Option<Vec<guard::PathPattern>>,
    /// The setting whether a filter may change what the guest sees as its hardware.
    pub(crate) guest_abi: Option<GuestAbi>,
}

/// Patterns of which one must match; `None` matches everything.
pub(crate) type Patterns = Option<Vec<glob::Pattern>>;

/// A path into the document that must select something: `/domain/metadata/*/*:flavor/@name = 'gpu*'`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    path: guard::PathPattern,
    /// The pattern that one of the values must match.
    value: Option<glob::Pattern>,
}

impl Condition {
    /// Reports whether the path selects something in the document, with a value that matches.
    pub(crate) fn selects(&self, document: &guard::Document<'_>) -> bool {
        let values = self.path.select(document);
        match &self.value {
            Some(pattern) => values.iter().any(|value| pattern.matches(value)),
            None => !values.is_empty(),
        }
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, value) = text.split_once('=').map_or((text, None), |(path, value)| (path, Some(value)));
        let path = guard::PathPattern::of_any_document(path.trim_end());
        let path = path.map_err(|fault| format!("'{text}' is not a path: {fault}"))?;
        let pattern = |value: &str| {
            let inside = value.trim().strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
            glob(inside.ok_or_else(|| format!("'{text}': expected a pattern in single quotes after '='"))?)
        };
        Ok(Self { path, value: value.map(pattern).transpose()? })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{}", self.path)?;
        self.value.iter().try_for_each(|value| write!(out, " = '{value}'"))
    }
}

/// The consequence when a script exits non-zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// hookmux returns the exit code, if libvirt acts on it.
    #[default]
    Fail,
    /// It is logged, and does not change the answer.
    Ignore,
    /// hookmux returns the exit code, but the later scripts run, as in libvirt itself.
    Continue,
}

/// The consequence when a script could not be run to completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFault {
    /// It is a failure, except at reconnect.
    #[default]
    Fail,
    /// It is logged, and does not change the answer.
    Ignore,
}

/// The setting whether a filter may change what the guest sees as its hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GuestAbi {
    /// It may; libvirt itself still compares it in a live migration.
    #[default]
    Any,
    /// It may not.
    Keep,
}

pub(super) fn parallel<'de, D: Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    let number = i64::deserialize(from)?;
    let scripts = usize::try_from(number).ok().filter(|scripts| (1..=MAX_PARALLEL).contains(scripts));
    let wrong = || D::Error::custom(format!("expected a whole number from 1 to {MAX_PARALLEL}, got {number}"));
    scripts.ok_or_else(wrong).map(Some)
}

pub(super) fn limit<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    positive(&String::deserialize(from)?).map(Some).map_err(D::Error::custom)
}

/// Reads a positive duration, or `"none"`.
#[expect(clippy::option_option, reason = "as the key")]
fn limit_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Duration>>, D::Error> {
    let text = String::deserialize(from)?;
    if text == "none" {
        return Ok(Some(None));
    }
    let limit = positive(&text).map_err(|wrong| D::Error::custom(wrong + ", or \"none\""))?;
    Ok(Some(Some(limit)))
}

fn positive(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).ok().filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| format!("'{text}' is not a positive duration; expected one such as \"30s\" or \"2min\""))
}

fn patterns<'de, D: Deserializer<'de>>(from: D) -> Result<Patterns, D::Error> {
    one_or_many(from, glob)
}

fn paths<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<guard::PathPattern>>, D::Error> {
    one_or_many(from, |text| text.parse().map_err(|fault| format!("'{text}' is not a path: {fault}")))
}

fn conditions<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Condition>>, D::Error> {
    one_or_many(from, str::parse)
}

fn glob(text: &str) -> Result<glob::Pattern, String> {
    glob::Pattern::new(text).map_err(|error| format!("'{text}' is not a pattern: {}", error.msg))
}

/// Reads one text or a list of them, each of which `parse` understands.
fn one_or_many<'de, D: Deserializer<'de>, T>(
    from: D,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Vec<T>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected one text in quotes, or a list of them")]
    enum Written {
        One(String),
        Many(Vec<String>),
    }
    let texts = match Written::deserialize(from)? {
        Written::One(text) => vec![text],
        Written::Many(texts) => texts,
    };
    texts.iter().map(|text| parse(text)).collect::<Result<_, _>>().map(Some).map_err(D::Error::custom)
}
