//! The calls that the libvirt on this host never makes. In: a row, the release, the records. Out: a sentence. Reads, apart
//! from the judgement.

use std::ffi::OsStr;
use std::path::Path;

use crate::admin::support::daemons;
use crate::call::caller::Version;
use crate::call::contract::Row;
use crate::call::drivers::{self, ArgLayout};
use crate::record::Record;
use crate::record::read::{self, Files};

/// The newest release whose calls are known.
const NEWEST: Version = Version { major: 12, minor: 8 };

/// Returns why libvirt never makes a call, unless it has been recorded; `None` if it does, or may.
pub(crate) fn never(root: &Path, row: &Row) -> Option<String> {
    let why = never_made(row, daemons::version(root, OsStr::new(row.driver)))?;
    let is_it = |record: &Record| record.driver.0 == row.driver && row.is_called(&record.operation.0);
    // Records that cannot be read may have it.
    let recorded = read::read(root, Files::Both, is_it).map_or(true, |found| !found.records.is_empty());
    (!recorded).then_some(why)
}

/// Returns why a release of libvirt, or every one, never makes a call.
pub(crate) fn never_made(row: &Row, version: Option<Version>) -> Option<String> {
    if row.driver.is_empty()
        || drivers::driver(OsStr::new(row.driver)).args != ArgLayout::Libvirt
        || version.is_some_and(|version| version > NEWEST)
    {
        return None;
    }
    let operation = row.operation;
    let (any, rest) = match (row.since, row.until) {
        ("-", _) => (
            format!("no release of libvirt up to {NEWEST} calls {operation}"),
            format!("; no release up to {NEWEST} does"),
        ),
        (_, Some(until)) if release(until).is_none_or(|until| version.is_none_or(|version| version >= until)) => {
            (format!("libvirt has not called {operation} since {until}"), format!("; no release since {until} does"))
        }
        (since, _) if version.is_some_and(|version| release(since).is_some_and(|since| version < since)) => {
            (String::new(), format!(", which came with {since}"))
        }
        _ => return None,
    };
    Some(version.map_or(any, |version| format!("libvirt {version} never calls {operation}{rest}")))
}

/// Parses a release, such as `1.2.9`.
fn release(text: &str) -> Option<Version> {
    let mut numbers = text.split('.').map(str::parse);
    Some(Version { major: numbers.next()?.ok()?, minor: numbers.next()?.ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::contract;

    #[test]
    fn a_call_is_never_made_before_and_after_the_releases_that_make_it() {
        let why = |driver: &str, operation: &str, version: Option<(u32, u32)>| {
            let row = contract::look_up(driver.as_ref(), operation.as_ref());
            never_made(&row, version.map(|(major, minor)| Version { major, minor }))
        };
        let rows = [
            (why("qemu", "stop", Some((9, 0))), Some("libvirt 9.0 never calls stop; no release up to 12.8 does")),
            (why("qemu", "stop", None), Some("no release of libvirt up to 12.8 calls stop")),
            (why("qemu", "stop", Some((13, 0))), None),
            (why("qemu", "attach", Some((9, 0))), Some("libvirt 9.0 never calls attach; no release since 5.5.0 does")),
            (why("qemu", "attach", Some((5, 4))), None),
            (why("bhyve", "start", Some((6, 0))), Some("libvirt 6.0 never calls start, which came with 6.1.0")),
            (why("qemu", "start", Some((9, 0))), None),
            (why("qemu", "start", None), None),
            (why("fsfreeze-hook", "freeze", Some((9, 0))), None),
            (why("qemu", "unheard-of", Some((9, 0))), None),
        ];
        for (why, expected) in rows {
            assert_eq!(why.as_deref(), expected);
        }
    }
}
