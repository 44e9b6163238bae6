//! A waterfall for a terminal. In: an episode. Out: lines. Pure.

use std::time::Duration;

use crate::admin::history::episode::{Bar, Episode};
use crate::admin::support::clock::Clock;
use crate::admin::support::console::Paint;
use crate::admin::support::table;
use crate::printable;
use crate::verdict::outcome::OutcomeKind;

/// The time that a row took, right-aligned, in columns.
const TIME: usize = 8;

/// How the columns are divided.
#[derive(Debug, Clone, Copy)]
struct Layout {
    /// For the name and the outcome.
    label: usize,
    /// For the time line.
    bars: usize,
}

impl Layout {
    /// Divides the columns: of the first 80, bars get 34; of those beyond, names get one third.
    fn new(width: usize) -> Self {
        let label = width.saturating_sub(80).div_euclid(3).saturating_add(36);
        let bars = width.saturating_sub(label).saturating_sub(TIME).saturating_sub(2).max(1);
        Self { label, bars }
    }
}

/// Draws an episode.
pub(crate) fn draw(episode: &Episode, clock: &Clock, width: usize, paint: Paint) -> String {
    let layout = Layout::new(width);
    let moment = clock.moment(episode.begin);
    let room = width.saturating_sub(moment.len()).saturating_sub(2);
    let who = paint.heading(&fit(&episode.who, room));
    let indent = " ".repeat(layout.label.saturating_add(TIME).saturating_add(2));
    let axis = paint.faint(&axis(episode.span, layout.bars));
    let mut text = format!("{who}  {moment}\n{indent}{axis}\n");
    for row in &episode.rows {
        text += &line(row, episode.span, layout, paint);
        let details = row.details.iter().flat_map(|detail| detail.lines());
        for line in details.flat_map(|detail| table::fold(detail, width.saturating_sub(6))) {
            text = text + "      " + &line + "\n";
        }
    }
    text
}

/// Writes a record with one line for each script: time, object, call, script and outcome.
pub(crate) fn lines(episode: &Episode, clock: &Clock, paint: Paint) -> Vec<String> {
    let mut call = String::new();
    let mut lines = Vec::new();
    for row in &episode.rows {
        if !row.is_step {
            call = format!("{} {} {}", clock.time_of_day(episode.begin), episode.who, row.label);
        }
        // The call itself needs a line if it failed and none of its scripts did.
        if !row.is_step && (row.note.is_empty() || episode.rows.iter().any(|row| row.is_step)) && row.details.is_empty()
        {
            continue;
        }
        let script = if row.is_step { format!(": {}", row.label) } else { String::new() };
        let note = if row.note.is_empty() { String::new() } else { format!(" {}", coloured(row, &row.note, paint)) };
        let time = row.time.map(|(_, took)| format!(", {}", printable::duration(took))).unwrap_or_default();
        let result = format!("{call}{script}{note}{time}");
        let details = row.details.iter().flat_map(|detail| detail.lines());
        lines.push(std::iter::once(result.as_str()).chain(details).collect::<Vec<_>>().join("; "));
    }
    lines
}

/// Returns the time line, from zero to the whole time.
fn axis(span: Duration, bars: usize) -> String {
    let end = printable::duration(span);
    let dots = bars.saturating_sub(end.chars().count()).saturating_sub(3);
    format!("0 {} {end}", "·".repeat(dots))
}

fn coloured(row: &Bar, text: &str, paint: Paint) -> String {
    match row.kind {
        OutcomeKind::Success if row.is_step => paint.good(text),
        OutcomeKind::Success | OutcomeKind::NotRun => paint.faint(text),
        OutcomeKind::Verdict | OutcomeKind::Fault => paint.bad(text),
    }
}

fn line(row: &Bar, span: Duration, layout: Layout, paint: Paint) -> String {
    let indent = if row.is_step { 4 } else { 2 };
    let note = if row.note.is_empty() { String::new() } else { format!("  {}", row.note) };
    let room = layout.label.saturating_sub(indent).saturating_sub(note.chars().count());
    let label = if row.is_step { fit(&row.label, room) } else { fit_begin(&row.label, room) };
    let rest = room.saturating_sub(label.chars().count());
    let (time, bar) = match row.time {
        Some((offset, took)) => {
            let (from, width) = columns(offset, took, span, layout.bars);
            let bar = if row.is_step { "█" } else { "─" }.repeat(width);
            (printable::duration(took), format!("{}{}", " ".repeat(from), coloured(row, &bar, paint)))
        }
        None => (String::new(), String::new()),
    };
    let note = if note.is_empty() { note } else { coloured(row, &note, paint) };
    let line = format!("{}{label}{note}{} {time:>TIME$} {bar}", " ".repeat(indent), " ".repeat(rest));
    format!("{}\n", line.trim_end())
}

/// Returns where a bar begins and its length: at least one column, and not beyond the end.
fn columns(offset: Duration, took: Duration, span: Duration, bars: usize) -> (usize, usize) {
    let column = |time: Duration| {
        let scaled = time.as_micros().saturating_mul(bars as u128).checked_div(span.as_micros()).unwrap_or(0);
        usize::try_from(scaled).unwrap_or(bars)
    };
    let from = column(offset).min(bars.saturating_sub(1));
    let to = column(offset.saturating_add(took)).clamp(from.saturating_add(1), bars);
    (from, to.saturating_sub(from))
}

/// Shortens a text to the given number of characters, keeping the end, which matters most in a path.
fn fit(text: &str, room: usize) -> String {
    let length = text.chars().count();
    if length <= room {
        return text.to_owned();
    }
    let cut = length.saturating_sub(room).saturating_add(1);
    std::iter::once('…').chain(text.chars().skip(cut)).collect()
}

/// Shortens a text to the given number of characters, keeping the start, which matters most in a call.
fn fit_begin(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
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
            assert_eq!(columns(ms(offset), ms(took), ms(span), 34), expected, "{offset} {took} {span}");
        }
    }

    #[test]
    fn a_long_name_is_cut_where_it_matters_less() {
        assert_eq!([fit("10-a", 4), fit("10-abc", 4)], ["10-a", "…abc"]);
        assert_eq!([fit_begin("qemu", 4), fit_begin("qemu start", 7)], ["qemu", "qemu s…"]);
    }
}
