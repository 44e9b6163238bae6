//! The waterfall as a page for a browser: one file that needs no other, and contains no scripts. In: episodes. Out: the page.
//! Pure.

use std::time::{Duration, SystemTime};

use crate::admin::history::episode::{Bar, Episode};
use crate::admin::support::clock::Clock;
use crate::printable::{self, duration};

const STYLE: &str = include_str!("page.css");

pub(crate) fn page(episodes: &[Episode], host: &str, now: SystemTime, clock: &Clock) -> String {
    let calls = episodes.iter().map(|episode| episode.calls).sum();
    let failed = episodes.iter().map(|episode| episode.failed).sum();
    let (host, now, summary) = (escaped(host), time(now, clock), summary(calls, failed));
    let sections: String = episodes.iter().map(|episode| section(episode, clock)).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>hookmux history</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>hookmux history</h1>\n<p>{host}, {now}: {summary}</p>\n\
         {sections}</body>\n</html>\n"
    )
}

fn summary(calls: usize, failed: usize) -> String {
    let calls = printable::count(calls, "call");
    if failed == 0 { calls } else { format!("{calls}, <span class=\"bad\">{failed} with a failure</span>") }
}

/// Formats a time for people and for programs.
fn time(time: SystemTime, clock: &Clock) -> String {
    format!("<time datetime=\"{}\">{}</time>", humantime::format_rfc3339_seconds(time), clock.moment(time))
}

fn section(episode: &Episode, clock: &Clock) -> String {
    let (who, time) = (escaped(&episode.who), time(episode.begin, clock));
    let (summary, span) = (summary(episode.calls, episode.failed), duration(episode.span));
    let tick = |quarter: u32| {
        let time = episode.span.saturating_mul(quarter).checked_div(4).unwrap_or_default();
        let time = if quarter == 0 { "0".to_owned() } else { duration(time) };
        format!("<span class=\"tick\" style=\"left:{}%\">{time}</span>", quarter.saturating_mul(25))
    };
    let ticks: String = (0..=4).map(tick).collect();
    let rows: String = episode.rows.iter().map(|row| self::row(row, episode.span)).collect();
    format!(
        "<section>\n<h2>{who}</h2>\n<p>{time}, {span}: {summary}</p>\n\
         <div class=\"axis\"><span></span><span></span><span class=\"track\">{ticks}</span></div>\n{rows}</section>\n"
    )
}

fn row(row: &Bar, span: Duration) -> String {
    let kind = if row.is_step { "step" } else { "call" };
    let outcome = printable::name_of(&row.kind);
    let (label, path, mut note) = (escaped(&row.label), escaped(&row.path), escaped(&row.note));
    if !note.is_empty() {
        note = format!("<span class=\"note\">{note}</span>");
    }
    let bar = |(offset, took): (Duration, Duration)| {
        let left = percent(offset, span);
        let width = percent(took, span).min(100.0 - left);
        (duration(took), format!("<span class=\"bar\" style=\"left:{left:.3}%;width:{width:.3}%\"></span>"))
    };
    let (time, bar) = row.time.map(bar).unwrap_or_default();
    let detail = |line: &str| format!("<div class=\"detail\">{}</div>\n", escaped(line));
    let details: String = row.details.iter().flat_map(|detail| detail.lines()).map(detail).collect();
    format!(
        "<div class=\"row {kind} {outcome}\"><span class=\"label\" title=\"{path}\">{label}{note}</span>\
         <span class=\"time\">{time}</span><span class=\"track\">{bar}</span></div>\n{details}"
    )
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
