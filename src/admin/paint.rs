//! Colours. In: text. Out: the text, coloured or not. Pure, but for what the environment says.

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// None: a file, a pipe, or somebody who wants none.
    Plain,
    /// A terminal.
    Coloured,
}

impl Paint {
    /// As <https://no-color.org> has it: colours on a terminal that knows them, unless `NO_COLOR` says something.
    #[must_use]
    pub fn choose(is_terminal: bool) -> Self {
        let says = |name: &str, what: fn(&str) -> bool| std::env::var(name).is_ok_and(|value| what(&value));
        let unwanted = says("NO_COLOR", |value| !value.is_empty()) || says("TERM", |value| value == "dumb");
        if is_terminal && !unwanted { Self::Coloured } else { Self::Plain }
    }

    /// What all is well with.
    pub(super) fn good(self, text: &str) -> String {
        self.styled("32", text)
    }

    /// What somebody has to look at.
    pub(super) fn bad(self, text: &str) -> String {
        self.styled("1;31", text)
    }

    /// A heading.
    pub(super) fn heading(self, text: &str) -> String {
        self.styled("1", text)
    }

    /// What matters less.
    pub(super) fn faint(self, text: &str) -> String {
        self.styled("2", text)
    }

    fn styled(self, style: &str, text: &str) -> String {
        match self {
            Self::Coloured if !text.is_empty() => format!("\x1b[{style}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}
