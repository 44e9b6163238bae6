//! Any text as hookmux.toml, for any call: before the first NUL the call and the script, after it the text. Nothing may
//! panic, a complaint is one line about a place in the text, and each setting comes from a rule that matches:
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz rules`.
#![no_main]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use hookmux::call::invocation::Invocation;
use hookmux::plan::calls::Calls;
use hookmux::plan::facts::Facts;
use hookmux::plan::rules::{effective, matches};
use hookmux::settings::{Settings, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let middle = bytes.iter().position(|byte| *byte == 0).unwrap_or(0);
    let (call, text) = (&bytes[..middle], bytes.get(middle + 1..).unwrap_or_default());
    let Ok(text) = std::str::from_utf8(text) else { return };
    let file = match parse(Path::new("/x.toml"), text) {
        Ok(file) => file,
        Err(fault) => {
            assert!(!fault.to_string().chars().any(char::is_control), "{fault}");
            if let Some((line, column)) = fault.at {
                let length = text.split('\n').nth(line - 1).map(|line| line.chars().count());
                assert!(length.is_some_and(|length| (1..=length + 1).contains(&column)), "{fault}");
            }
            return;
        }
    };
    let mut settings = Settings::default();
    file.apply(&mut settings);
    assert!(settings.parallel > 0 && !settings.kill_after.is_zero());

    let mut args = call.split(|byte| *byte == b' ').map(|arg| OsString::from_vec(arg.to_vec()));
    let (driver, script) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
    let call = Invocation::new(&driver, None, args.collect());
    let script = Path::new("/etc/hookmux/qemu.d").join(OsStr::from_bytes(script.as_bytes()));
    let effective = effective(&settings.rules, Calls::One(&call), &Facts::nothing(), &script);
    assert!(effective.timeout.value.is_none_or(|limit| !limit.is_zero()));
    let lines: Vec<usize> =
        settings.rules.iter().filter(|rule| matches(rule, &call, &script)).map(|rule| rule.origin.line).collect();
    let by = [
        &effective.excluded.from,
        &effective.timeout.from,
        &effective.on_failure.from,
        &effective.on_fault.from,
        &effective.background.from,
    ];
    assert!(by.into_iter().flatten().all(|origin| lines.contains(&origin.line)), "{effective:?} {lines:?}");
});
