//! What a piece of XML text means: references, CDATA, comments and line ends resolved. Comes in: text as written in a
//! document that has been read; goes out: its meaning, borrowed where nothing had to be resolved. Pure.

use std::borrow::Cow;

use crate::guard::xml::chars::referenced;

/// The meaning of an attribute's value: references resolved, each white space character a blank (XML 1.0, 3.3.3).
pub(crate) fn of_attribute(raw: &str) -> Cow<'_, str> {
    if !raw.bytes().any(|byte| matches!(byte, b'&' | b'\t' | b'\n' | b'\r')) {
        return Cow::Borrowed(raw);
    }
    let mut meaning = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
        let (plain, special) = rest.split_at(at);
        meaning.push_str(plain);
        rest = if let Some(reference) = special.strip_prefix('&') {
            resolve(reference, &mut meaning)
        } else {
            meaning.push(' ');
            // A line end of two characters is one character (2.11), and so one blank.
            special.strip_prefix("\r\n").or_else(|| special.get(1..)).unwrap_or_default()
        };
    }
    meaning.push_str(rest);
    Cow::Owned(meaning)
}

/// The meaning of what stands between two tags: references and CDATA resolved, comments and processing instructions
/// left out, line ends as line feeds.
pub(crate) fn of_element(raw: &str) -> Cow<'_, str> {
    if !raw.bytes().any(|byte| matches!(byte, b'&' | b'<' | b'\r')) {
        return Cow::Borrowed(raw);
    }
    let mut meaning = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '<', '\r']) {
        let (plain, special) = rest.split_at(at);
        meaning.push_str(plain);
        rest = if let Some(reference) = special.strip_prefix('&') {
            resolve(reference, &mut meaning)
        } else if let Some(data) = special.strip_prefix("<![CDATA[") {
            let (data, after) = data.split_once("]]>").unwrap_or((data, ""));
            push_lines(data, &mut meaning);
            after
        } else if let Some(comment) = special.strip_prefix("<!--") {
            comment.split_once("-->").map_or("", |(_, after)| after)
        } else if let Some(instruction) = special.strip_prefix("<?") {
            instruction.split_once("?>").map_or("", |(_, after)| after)
        } else {
            meaning.push('\n');
            special.strip_prefix("\r\n").or_else(|| special.get(1..)).unwrap_or_default()
        };
    }
    meaning.push_str(rest);
    Cow::Owned(meaning)
}

/// Resolves the reference that starts after `&`, and gives what follows its `;`.
fn resolve<'a>(reference: &'a str, meaning: &mut String) -> &'a str {
    let (name, after) = reference.split_once(';').unwrap_or((reference, ""));
    meaning.extend(referenced(name.as_bytes()));
    after
}

fn push_lines(data: &str, meaning: &mut String) {
    let mut rest = data;
    while let Some((line, after)) = rest.split_once('\r') {
        meaning.push_str(line);
        meaning.push('\n');
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
    meaning.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_means_its_references_and_blanks() {
        let meanings = ["a b", "&lt;&#65;&#x42;", "a\r\nb\tc\nd\re", "&#10;&#9;", "'&quot;"].map(of_attribute);
        assert_eq!(meanings, ["a b", "<AB", "a b c d e", "\n\t", "'\""]);
    }

    #[test]
    fn a_text_means_its_references_and_data_without_comments() {
        let meanings = [
            "a b",
            "a&amp;b",
            "<![CDATA[<a>&amp;]]>x",
            "a<!-- no -->b<?pi no?>c",
            "a\r\nb\rc<![CDATA[d\r\ne\r]]>",
            "&#13;x",
        ]
        .map(of_element);
        assert_eq!(meanings, ["a b", "a&b", "<a>&amp;x", "abc", "a\nb\ncd\ne\n", "\rx"]);
    }
}
