//! The waterfall as a page for a browser: one file that needs no other, and contains no scripts. In: episodes. Out: the page.
//! Pure.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use crate::admin::history::episode::{Bar, Episode};
use crate::admin::support::clock::Clock;
use crate::printable;
use crate::verdict::outcome::OutcomeKind;

/// The style sheet.
const STYLE: &str = include_str!("page.css");

/// Writes the page.
pub(crate) fn page(episodes: &[Episode], host: &str, now: SystemTime, clock: &Clock) -> String {
    let sum = |count: fn(&Episode) -> usize| episodes.iter().map(count).fold(0, usize::saturating_add);
    let summary = summary(sum(|episode| episode.calls), sum(|episode| episode.failed));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>hookmux history</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>hookmux history</h1>\n<p>{}, {}: {summary}</p>\n",
        escaped(host),
        time(now, clock)
    );
    for episode in episodes {
        section(episode, clock, &mut page);
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn summary(calls: usize, failed: usize) -> String {
    let calls = printable::count(calls, "call");
    if failed == 0 { calls } else { format!("{calls}, <span class=\"bad\">{failed} with a failure</span>") }
}

/// Formats a time for people and for programs.
fn time(time: SystemTime, clock: &Clock) -> String {
    format!("<time datetime=\"{}\">{}</time>", humantime::format_rfc3339_seconds(time), clock.moment(time))
}

fn section(episode: &Episode, clock: &Clock, page: &mut String) {
    let (who, time) = (escaped(&episode.who), time(episode.begin, clock));
    let (summary, span) = (summary(episode.calls, episode.failed), printable::duration(episode.span));
    // Writing to a string cannot fail.
    let _ = write!(
        page,
        "<section>\n<h2>{who}</h2>\n<p>{time}, {span}: {summary}</p>\n\
         <div class=\"axis\"><span></span><span></span><span class=\"track\">"
    );
    for quarter in 0..=4_u32 {
        let time = episode.span.saturating_mul(quarter).checked_div(4).unwrap_or_default();
        let time = if quarter == 0 { "0".to_owned() } else { printable::duration(time) };
        let _ = write!(page, "<span class=\"tick\" style=\"left:{}%\">{time}</span>", quarter.saturating_mul(25));
    }
    page.push_str("</span></div>\n");
    for row in &episode.rows {
        self::row(row, episode.span, page);
    }
    page.push_str("</section>\n");
}

fn row(row: &Bar, span: Duration, page: &mut String) {
    let kind = if row.is_step { "step" } else { "call" };
    let count = match row.kind {
        OutcomeKind::Success => "success",
        OutcomeKind::Verdict => "veto",
        OutcomeKind::Fault => "fault",
        OutcomeKind::NotRun => "idle",
    };
    let (label, path) = (escaped(&row.label), escaped(&row.path));
    let _ = write!(page, "<div class=\"row {kind} {count}\"><span class=\"label\" title=\"{path}\">{label}");
    if !row.note.is_empty() {
        let _ = write!(page, "<span class=\"note\">{}</span>", escaped(&row.note));
    }
    let time = row.time.map(|(_, took)| printable::duration(took)).unwrap_or_default();
    let _ = write!(page, "</span><span class=\"time\">{time}</span><span class=\"track\">");
    if let Some((offset, took)) = row.time {
        let left = percent(offset, span);
        let width = percent(took, span).min(100.0 - left);
        let _ = write!(page, "<span class=\"bar\" style=\"left:{left:.3}%;width:{width:.3}%\"></span>");
    }
    page.push_str("</span></div>\n");
    for detail in row.details.iter().flat_map(|detail| detail.lines()) {
        let _ = writeln!(page, "<div class=\"detail\">{}</div>", escaped(detail));
    }
}

fn percent(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { (part.as_secs_f64() / whole.as_secs_f64() * 100.0).clamp(0.0, 100.0) }
}

/// Escapes a text for an element or a quoted attribute.
fn escaped(text: &str) -> String {
    printable::printable(&*quick_xml::escape::escape(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(escaped("<b a='1' c=\"2\">&ü\u{202e}"), "&lt;b a=&apos;1&apos; c=&quot;2&quot;&gt;&amp;ü\\u{202e}");
    }

    #[test]
    fn a_bar_stays_within_its_track() {
        let ms = Duration::from_millis;
        let rows = [(0, 100, 0.0), (25, 100, 25.0), (500, 100, 100.0), (5, 0, 0.0)];
        for (part, whole, expected) in rows {
            assert!((percent(ms(part), ms(whole)) - expected).abs() < 1e-9, "{part} {whole}");
        }
    }
}
