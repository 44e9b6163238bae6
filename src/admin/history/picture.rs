//! A waterfall for a terminal. In: an episode. Out: lines. Pure.

use std::time::Duration;

use crate::admin::history::episode::{Bar, Episode};
use crate::admin::support::clock::Clock;
use crate::admin::support::console::Paint;
use crate::admin::support::table;
use crate::printable::duration;
use crate::verdict::outcome::OutcomeKind;

/// The time that a row took, right-aligned, in columns.
const TIME: usize = 8;

pub(crate) fn draw(episode: &Episode, clock: &Clock, width: usize, paint: Paint) -> String {
    // Of the first 80 columns, bars get 34; of those beyond, names get one third.
    let label = width.saturating_sub(80).div_euclid(3).saturating_add(36);
    let indent = label.saturating_add(TIME).saturating_add(2);
    let bars = width.saturating_sub(indent).max(1);
    let moment = clock.moment(episode.begin);
    let who = paint.heading(&fit(&episode.who, width.saturating_sub(moment.len()).saturating_sub(2), true));
    let end = duration(episode.span);
    let dots = "·".repeat(bars.saturating_sub(end.chars().count()).saturating_sub(3));
    let axis = paint.faint(&format!("0 {dots} {end}"));
    let mut text = format!("{who}  {moment}\n{:indent$}{axis}\n", "");
    for row in &episode.rows {
        text = text + line(row, episode.span, label, bars, paint).trim_end() + "\n";
        let details = row.details.iter().flat_map(|detail| detail.lines());
        for line in details.flat_map(|detail| table::fold(detail, width.saturating_sub(6))) {
            text = text + "      " + &line + "\n";
        }
    }
    text
}

/// Writes an episode of one call with one line for each script: time, object, call, script and outcome.
pub(crate) fn lines(episode: &Episode, clock: &Clock, paint: Paint) -> Vec<String> {
    let Some((call, steps)) = episode.rows.split_first() else { return Vec::new() };
    let about = format!("{} {} {}", clock.time_of_day(episode.begin), episode.who, call.label);
    // The call itself needs a line if it failed and none of its scripts did.
    let is_needed = !call.details.is_empty() || (!call.note.is_empty() && steps.is_empty());
    let rows = Some(call).filter(|_| is_needed).into_iter().chain(steps);
    let line = |row: &Bar| {
        let script = if row.is_step { format!(": {}", row.label) } else { String::new() };
        let note = if row.note.is_empty() { String::new() } else { format!(" {}", coloured(row, &row.note, paint)) };
        let time = row.time.map(|(_, took)| format!(", {}", duration(took))).unwrap_or_default();
        let result = format!("{about}{script}{note}{time}");
        let details = row.details.iter().flat_map(|detail| detail.lines());
        std::iter::once(result.as_str()).chain(details).collect::<Vec<_>>().join("; ")
    };
    rows.map(line).collect()
}

fn coloured(row: &Bar, text: &str, paint: Paint) -> String {
    match row.kind {
        OutcomeKind::Success if row.is_step => paint.good(text),
        OutcomeKind::Success | OutcomeKind::NotRun => paint.faint(text),
        OutcomeKind::Verdict | OutcomeKind::Fault => paint.bad(text),
    }
}

/// Draws a row: the label and the note in `label` columns, the time, and the bar in `bars` columns.
fn line(row: &Bar, span: Duration, label: usize, bars: usize, paint: Paint) -> String {
    let indent = if row.is_step { 4 } else { 2 };
    let note = if row.note.is_empty() { String::new() } else { format!("  {}", row.note) };
    let room = label.saturating_sub(indent).saturating_sub(note.chars().count());
    let label = fit(&row.label, room, row.is_step);
    let note = if note.is_empty() { note } else { coloured(row, &note, paint) };
    let rest = room.saturating_sub(label.chars().count());
    let line = format!("{:indent$}{label}{note}{:rest$}", "", "");
    let Some((offset, took)) = row.time else { return line };
    let (from, width) = columns(offset, took, span, bars);
    let bar = if row.is_step { "█" } else { "─" }.repeat(width);
    format!("{line} {:>TIME$} {:from$}{}", duration(took), "", coloured(row, &bar, paint))
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

/// Shortens a text to the given number of characters. Keeps the end, which matters most in a path, or else the start, which
/// matters most in a call.
fn fit(text: &str, room: usize, keeps_end: bool) -> String {
    match text.chars().count().saturating_sub(room) {
        0 => text.to_owned(),
        cut if keeps_end => std::iter::once('…').chain(text.chars().skip(cut.saturating_add(1))).collect(),
        _ => text.chars().take(room.saturating_sub(1)).chain(['…']).collect(),
    }
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
        assert_eq!([fit("10-a", 4, true), fit("10-abc", 4, true)], ["10-a", "…abc"]);
        assert_eq!([fit("qemu", 4, false), fit("qemu start", 7, false)], ["qemu", "qemu s…"]);
    }
}
