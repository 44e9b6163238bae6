//! Tables that fit a terminal. In: fields. Out: lines of at most 80 columns, unless a single word is longer. Pure.

/// The width of the smallest usual terminal, in columns.
const WIDTH: usize = 80;

/// The space between two fields, and before the first, in columns.
const GAP: usize = 2;

/// Formats each row as a line; the last field contains sentences and continues below itself.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|field| columns(field)).max();
    let widths: Vec<usize> = (0..N.saturating_sub(1)).map(|column| width(column).unwrap_or(0)).collect();
    let indent = widths.iter().fold(GAP, |sum, width| sum.saturating_add(*width).saturating_add(GAP));
    rows.iter().flat_map(|row| line(row, &widths, indent)).collect()
}

fn line(row: &[String], widths: &[usize], indent: usize) -> Vec<String> {
    let fields = row.iter().zip(widths).map(|(field, width)| format!("{:GAP$}{field:width$}", ""));
    let first = fields.chain([" ".repeat(GAP)]).collect();
    let parts = fold(row.last().map_or("", String::as_str), WIDTH.saturating_sub(indent));
    let begins = std::iter::once(first).chain(std::iter::repeat(" ".repeat(indent)));
    parts.iter().zip(begins).map(|(part, begin)| format!("{begin}{part}").trim_end().to_owned()).collect()
}

/// Breaks a text between words into lines of at most `width` columns; returns at least one line.
pub(crate) fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { continue };
        if line.is_empty() {
            line.push_str(word);
        } else if columns(line).saturating_add(1).saturating_add(columns(word)) <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Returns the width of a text: its number of characters, which are all narrow in these texts.
fn columns(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_field_continues_below_itself() {
        let row = |first: &str, last: &str| [first.to_owned(), last.to_owned()];
        let long = "word ".repeat(20);
        let lines = table(&[row("a", "short"), row("longer", long.trim_end())]);
        let expected = [
            "  a       short".to_owned(),
            format!("  longer  {}", "word ".repeat(14).trim_end()),
            format!("          {}", "word ".repeat(6).trim_end()),
        ];
        assert_eq!(lines, expected);
        assert!(lines.iter().all(|line| line.len() <= WIDTH));
    }
}
