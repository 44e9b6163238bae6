//! The XML declaration. Comes in: `<?xml …?>` as written; goes out: what is wrong with it. Pure.

use crate::guard::fault::{Defect, Flaw};
use crate::guard::xml::tag;

/// Encodings in which our document, being UTF-8, says the same: UTF-8 itself, and ...
const SAME: [&str; 2] = ["utf-8", "utf8"];

/// ... those that agree with it as long as every byte is ASCII. Python's `ElementTree` declares the first by default.
const SAME_IN_ASCII: [&str; 6] = ["us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "latin1", "windows-1252"];

/// Checks the declaration at `start..end`. hookmux passes bytes on, so that a document in an encoding that it does not
/// read (UTF-16, or Latin-1 with umlauts) would be passed on unread: it is refused. libvirt itself writes UTF-8.
pub(crate) fn check(source: &str, start: usize, end: usize) -> Result<(), Flaw> {
    let wrong = Flaw::form(start, "an XML declaration that is none", "<?xml version='1.0' encoding='UTF-8'?>");
    // Between `<?` and `?>`; the name, `xml`, is known to quick-xml.
    let inside = start.saturating_add(2);
    if tag::read(source, inside, end.saturating_sub(2)).is_err() {
        return Err(wrong);
    }
    let after_name = source.get(inside.saturating_add("xml".len())..end).unwrap_or_default();
    let mut pairs = tag::Attributes::after_name(after_name).peekable();
    let version = pairs.next_if(|&(name, _)| name == "version").map(|(_, value)| value);
    let encoding = pairs.next_if(|&(name, _)| name == "encoding").map(|(_, value)| value);
    let standalone = pairs.next_if(|&(name, _)| name == "standalone").map(|(_, value)| value);
    // libxml2 reads any 1.x as 1.0 and refuses the rest.
    let minor = version.and_then(|version| version.strip_prefix("1."));
    let known = minor.is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit()));
    if !known || !matches!(standalone, None | Some("yes" | "no")) || pairs.next().is_some() {
        return Err(wrong);
    }
    let Some(encoding) = encoding else { return Ok(()) };
    let among = |list: &[&str]| list.iter().any(|name| name.eq_ignore_ascii_case(encoding));
    if among(&SAME) || (source.is_ascii() && among(&SAME_IN_ASCII)) {
        return Ok(());
    }
    Err(Flaw::new(start, Defect::Encoding(encoding.to_owned())))
}
