//! A waterfall for a terminal, 80 columns wide. In: an episode. Out: lines. Pure.

use std::time::{Duration, SystemTime};

use crate::admin::history::episode::{Episode, Row};
use crate::admin::support::console::Paint;
use crate::printable;
use crate::record::Count;

/// Columns: what a terminal has at least.
const WIDTH: usize = 80;
/// Of these, the name and what became of it.
const LABEL: usize = 36;
/// The time it took, right-aligned.
const TIME: usize = 8;
/// The line of time.
const BARS: usize = 34;

/// Draws an episode.
pub(crate) fn draw(episode: &Episode, paint: Paint) -> String {
    let who = paint.heading(&fit(&episode.who, WIDTH.saturating_sub(23)));
    let (indent, axis) = (" ".repeat(LABEL.saturating_add(TIME).saturating_add(2)), paint.faint(&axis(episode.span)));
    let mut text = format!("{who}  {}\n{indent}{axis}\n", moment(episode.begin));
    for row in &episode.rows {
        text += &line(row, episode.span, paint);
        for detail in &row.details {
            wrap(detail, 6, &mut text);
        }
    }
    text
}

/// The line of time, from nothing to the whole.
fn axis(span: Duration) -> String {
    let end = printable::duration(span);
    let dots = BARS.saturating_sub(end.chars().count()).saturating_sub(3);
    format!("0 {} {end}", "·".repeat(dots))
}

/// A time to the second, as `--since` takes it.
pub(crate) fn moment(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

fn line(row: &Row, span: Duration, paint: Paint) -> String {
    let indent = if row.is_step { 4 } else { 2 };
    let note = if row.note.is_empty() { String::new() } else { format!("  {}", row.note) };
    let room = LABEL.saturating_sub(indent).saturating_sub(note.chars().count());
    let label = if row.is_step { fit(&row.label, room) } else { fit_begin(&row.label, room) };
    let rest = room.saturating_sub(label.chars().count());
    let coloured = |text: &str| match row.count {
        Count::Success if row.is_step => paint.good(text),
        Count::Success | Count::NotRun => paint.faint(text),
        Count::Veto | Count::Fault => paint.bad(text),
    };
    let (time, bar) = match row.time {
        Some((offset, took)) => {
            let (from, width) = columns(offset, took, span);
            let bar = if row.is_step { "█" } else { "─" }.repeat(width);
            (printable::duration(took), format!("{}{}", " ".repeat(from), coloured(&bar)))
        }
        None => (String::new(), String::new()),
    };
    let note = if note.is_empty() { note } else { coloured(&note) };
    let line = format!("{}{label}{note}{} {time:>TIME$} {bar}", " ".repeat(indent), " ".repeat(rest));
    format!("{}\n", line.trim_end())
}

/// Where a bar begins, and how long it is: at least one column, and none beyond the end.
fn columns(offset: Duration, took: Duration, span: Duration) -> (usize, usize) {
    let column = |time: Duration| {
        let scaled = time.as_micros().saturating_mul(BARS as u128).checked_div(span.as_micros()).unwrap_or(0);
        usize::try_from(scaled).unwrap_or(BARS)
    };
    let from = column(offset).min(BARS.saturating_sub(1));
    let to = column(offset.saturating_add(took)).clamp(from.saturating_add(1), BARS);
    (from, to.saturating_sub(from))
}

/// At most so many characters; the end of a path says more than its beginning.
fn fit(text: &str, room: usize) -> String {
    let length = text.chars().count();
    if length <= room {
        return text.to_owned();
    }
    let cut = length.saturating_sub(room).saturating_add(1);
    std::iter::once('…').chain(text.chars().skip(cut)).collect()
}

/// At most so many characters; of a call, its beginning says more.
fn fit_begin(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

/// Breaks a line between words; a word that is longer than a line stays whole, to be copied.
fn wrap(line: &str, indent: usize, text: &mut String) {
    let room = WIDTH.saturating_sub(indent);
    let mut length = 0_usize;
    for word in line.split(' ') {
        let more = word.chars().count();
        if length > 0 && length.saturating_add(1).saturating_add(more) <= room {
            text.push(' ');
            length = length.saturating_add(1);
        } else {
            if length > 0 {
                text.push('\n');
            }
            text.push_str(&" ".repeat(indent));
            length = 0;
        }
        text.push_str(word);
        length = length.saturating_add(more);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_keeps_its_place_and_is_never_invisible() {
        let ms = Duration::from_millis;
        let rows = [
            ((0, 0), 0, (0, 1)),
            ((0, 1000), 1000, (0, 34)),
            ((500, 250), 1000, (17, 8)),
            ((1000, 0), 1000, (33, 1)),
            ((2000, 5), 1000, (33, 1)),
            ((10, 1), 100_000, (0, 1)),
        ];
        for ((offset, took), span, expected) in rows {
            assert_eq!(columns(ms(offset), ms(took), ms(span)), expected, "{offset} {took} {span}");
        }
    }

    #[test]
    fn a_long_name_is_cut_where_it_says_less_and_a_long_line_is_broken_between_words() {
        assert_eq!([fit("10-a", 4), fit("10-abc", 4)], ["10-a", "…abc"]);
        assert_eq!([fit_begin("qemu", 4), fit_begin("qemu start", 7)], ["qemu", "qemu s…"]);
        let mut text = String::new();
        wrap(&format!("{} b {} c", "a".repeat(70), "d".repeat(90)), 6, &mut text);
        assert_eq!(text, format!("      {} b\n      {}\n      c\n", "a".repeat(70), "d".repeat(90)));
    }
}
