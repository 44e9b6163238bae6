//! The outputs of a command. In: texts and values. Out: text with or without colours, or one JSON document. Does.

use std::io::{self, Stdin, Write};

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use crate::printable;

/// The form of every JSON document, as docs/json.md describes it. The number changes when a field is removed or changes its
/// meaning; a new field does not affect programs that read the old ones.
pub(crate) const SCHEMA: &str = "hookmux/1";

/// The two outputs of a command.
pub struct Console<'a> {
    /// Standard output: the result.
    pub output: &'a mut dyn Write,
    /// Standard error: progress and errors.
    pub errors: &'a mut dyn Write,
    /// The colours of standard output.
    pub paint: Paint,
    /// The colours of standard error.
    pub errors_paint: Paint,
    /// Standard input, if a question can be asked: standard input and standard error are a terminal.
    pub input: Option<Stdin>,
    /// True if standard output is a terminal, which a document would fill.
    pub on_terminal: bool,
    /// True if standard error is a terminal, on which a line can be overwritten.
    pub live: bool,
    /// True if standard output is one JSON document.
    pub json: bool,
}

/// The width if standard output is not a terminal, and the smallest width of a picture, in columns.
const LEAST_WIDTH: usize = 80;

/// Returns how many columns the terminal at standard output has: at least 80, which is also what a file or a pipe gets.
pub(crate) fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).map(|size| usize::from(size.ws_col));
    columns.map_or(LEAST_WIDTH, |columns| columns.max(LEAST_WIDTH))
}

/// The choice whether to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// No colours: a file, a pipe, or a user who does not want them.
    Plain,
    /// A terminal.
    Coloured,
}

impl Paint {
    /// Returns what <https://no-color.org> prescribes: colours on a terminal that supports them, unless `NO_COLOR` is set
    /// and not empty.
    #[must_use]
    pub fn choose(is_terminal: bool) -> Self {
        let has = |name: &str, what: fn(&str) -> bool| std::env::var(name).is_ok_and(|value| what(&value));
        let unwanted = has("NO_COLOR", |value| !value.is_empty()) || has("TERM", |value| value == "dumb");
        if is_terminal && !unwanted { Self::Coloured } else { Self::Plain }
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.styled(AnsiColor::Green.on_default(), text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.styled(AnsiColor::Red.on_default().bold(), text)
    }

    pub(crate) fn warning(self, text: &str) -> String {
        self.styled(AnsiColor::Yellow.on_default().bold(), text)
    }

    pub(crate) fn command(self, text: &str) -> String {
        self.styled(AnsiColor::Cyan.on_default(), text)
    }

    pub(crate) fn heading(self, text: &str) -> String {
        self.styled(Style::new().bold(), text)
    }

    /// Formats what matters less.
    pub(crate) fn faint(self, text: &str) -> String {
        self.styled(Style::new().dimmed(), text)
    }

    fn styled(self, style: Style, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("{style}{text}{style:#}"),
        }
    }
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    schema: &'static str,
    command: &'a str,
    #[serde(flatten)]
    content: T,
}

impl Console<'_> {
    /// Writes a command's result: as one JSON document if that is wanted, or else as lines.
    pub(crate) fn print(
        &mut self,
        command: &str,
        content: impl Serialize,
        lines: impl FnOnce(Paint) -> Vec<String>,
    ) -> io::Result<()> {
        if self.json { self.json(command, content) } else { self.lines(&lines(self.paint)) }
    }

    pub(crate) fn json(&mut self, command: &str, content: impl Serialize) -> io::Result<()> {
        let json = serde_json::to_string_pretty(&Envelope { schema: SCHEMA, command, content })?;
        writeln!(self.output, "{}", printable::printable_json(&json))
    }

    /// Asks a question, and reports whether the answer is yes; `None` without a terminal.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<Option<bool>> {
        let answer = self.answer(&format!("{question} [y/N]"))?;
        Ok(answer.map(|answer| matches!(answer.trim(), "y" | "Y" | "yes")))
    }

    /// Returns the line that answers a question, empty at the end of the input; `None` without a terminal.
    pub(crate) fn answer(&mut self, question: &str) -> io::Result<Option<String>> {
        let Some(input) = &self.input else { return Ok(None) };
        write!(self.errors, "{question} ")?;
        self.errors.flush()?;
        let mut answer = String::new();
        input.read_line(&mut answer)?;
        Ok(Some(answer))
    }

    pub(crate) fn lines(&mut self, lines: &[String]) -> io::Result<()> {
        lines.iter().try_for_each(|line| writeln!(self.output, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_surround_a_text_and_end_with_it() {
        assert_eq!(Paint::Plain.bad("no"), "no");
        assert_eq!(Paint::Coloured.good("yes"), "\u{1b}[32myes\u{1b}[0m");
        assert_eq!(Paint::choose(false), Paint::Plain);
    }
}
