//! Colours. Whoever prints decides whether there are any: only they know where it goes.

use anstyle::{AnsiColor, Style};

/// How the parts of a text look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Palette {
    /// What is violated.
    pub violated: Style,
    /// What holds.
    pub holds: Style,
    /// What is in doubt.
    pub doubt: Style,
    /// What is worth saying.
    pub note: Style,
    /// The value that proves it.
    pub mark: Style,
    /// What matters less.
    pub dim: Style,
}

impl Palette {
    /// No colours: text alone.
    pub const PLAIN: Self = Self {
        violated: Style::new(),
        holds: Style::new(),
        doubt: Style::new(),
        note: Style::new(),
        mark: Style::new(),
        dim: Style::new(),
    };

    /// ANSI escape sequences, for a terminal.
    pub const ANSI: Self = Self {
        violated: AnsiColor::Red.on_default().bold(),
        holds: AnsiColor::Green.on_default(),
        doubt: AnsiColor::Yellow.on_default().bold(),
        note: AnsiColor::Cyan.on_default(),
        mark: AnsiColor::Red.on_default().underline(),
        dim: Style::new().dimmed(),
    };

    /// The style of a state or verdict.
    pub(super) fn verdict(&self, word: &str) -> Style {
        match word {
            "violated" => self.violated,
            "holds" | "clean" => self.holds,
            _ => self.doubt,
        }
    }
}
