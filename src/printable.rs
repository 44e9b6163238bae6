//! Text that is safe to print. In: names, paths and durations. Out: one line of text. Pure.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

/// A name or path for a message: control characters and bytes that are no text are escaped, so that one message stays
/// one line, and nobody's terminal obeys a guest's name.
#[must_use]
pub fn printable(text: impl AsRef<OsStr>) -> String {
    let text = text.as_ref();
    let mut shown = String::with_capacity(text.len());
    for part in text.as_encoded_bytes().utf8_chunks() {
        for character in part.valid().chars() {
            if character.is_control() {
                shown.extend(character.escape_default());
            } else {
                shown.push(character);
            }
        }
        shown.extend(part.invalid().escape_ascii().map(char::from));
    }
    shown
}

/// A path as a word of a shell's command.
#[must_use]
pub fn quoted(path: &Path) -> String {
    let shown = printable(path);
    shlex::try_quote(&shown).map_or(shown.clone(), Into::into)
}

/// A duration as a person says it: `30 s`, `1.5 s`, `120 ms`, `2.1 ms`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1e3;
    match milliseconds {
        ..10.0 => format!("{milliseconds:.1} ms"),
        ..1000.0 => format!("{milliseconds:.0} ms"),
        _ if duration.subsec_millis() == 0 => format!("{} s", duration.as_secs()),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_name_never_breaks_a_message_into_lines() {
        let shown = printable(OsStr::from_bytes(b"vm\n\x1b[31m\xff\xc3\xbc"));
        assert_eq!(shown, "vm\\n\\u{1b}[31m\\xffü");
    }

    #[test]
    fn durations_are_short() {
        let shown = [2_110, 120_300, 999_900, 1_500_000, 30_000_000].map(|us| duration(Duration::from_micros(us)));
        assert_eq!(shown, ["2.1 ms", "120 ms", "1000 ms", "1.5 s", "30 s"]);
    }
}
