//! Text that is safe to print. In: names, paths and durations. Out: one line of text. Pure.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

/// Escapes control characters and bytes that are not text in a name or path, so that a message stays one line and a
/// guest's name cannot control a terminal.
pub(crate) fn printable(text: impl AsRef<OsStr>) -> String {
    let text = text.as_ref();
    let mut shown = String::with_capacity(text.len());
    for part in text.as_encoded_bytes().utf8_chunks() {
        for character in part.valid().chars() {
            if commands_terminal(character) {
                shown.extend(character.escape_default());
            } else {
                shown.push(character);
            }
        }
        shown.extend(part.invalid().escape_ascii().map(char::from));
    }
    shown
}

/// Reports whether a character changes how a terminal or a page shows what follows it: control characters, line and
/// paragraph separators, and those that set the direction of writing (Unicode's `Bidi_Control`).
fn commands_terminal(character: char) -> bool {
    let directs =
        matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    directs || character.is_control()
}

/// Escapes in a JSON text what JSON leaves as it is and a terminal obeys; the values stay the same.
pub(crate) fn printable_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        // JSON escapes those before; each of these has one UTF-16 unit.
        if character >= '\u{7f}' && commands_terminal(character) {
            let _ = write!(shown, "\\u{:04x}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Shortens a text to this many characters, and marks it as shortened.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(text.get(..end).unwrap_or_default().to_owned() + "…"),
        None => Cow::Borrowed(text),
    }
}

/// Quotes a name or path as one argument of a shell command.
pub(crate) fn quoted(text: &(impl AsRef<OsStr> + ?Sized)) -> String {
    let shown = printable(text);
    shlex::try_quote(&shown).map_or(shown.clone(), Into::into)
}

/// Formats a number of things: `1 script`, `2 scripts`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Returns the name that JSON and settings have for a value: `left-to-libvirt`.
pub(crate) fn name_of(value: &impl Serialize) -> String {
    let value = value.serialize(serde_json::value::Serializer).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// Formats a duration for people: `30 s`, `1.5 s`, `120 ms`, `2.1 ms`.
pub(crate) fn duration(duration: Duration) -> String {
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
        let shown = printable(OsStr::from_bytes(b"vm\n\x1b[31m\xff\xc3\xbc\xc2\x9b\xe2\x80\xae"));
        assert_eq!(shown, "vm\\n\\u{1b}[31m\\xffü\\u{9b}\\u{202e}");
    }

    #[test]
    fn a_json_text_commands_no_terminal_and_keeps_its_values() {
        let value = serde_json::json!({ "a\u{9b}": "\u{1b}\u{7f}\u{202e}ü\n" });
        let shown = printable_json(&serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(shown, "{\n  \"a\\u009b\": \"\\u001b\\u007f\\u202eü\\n\"\n}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn durations_are_short() {
        let shown = [2_110, 120_300, 999_900, 1_500_000, 30_000_000].map(|us| duration(Duration::from_micros(us)));
        assert_eq!(shown, ["2.1 ms", "120 ms", "1000 ms", "1.5 s", "30 s"]);
    }
}
