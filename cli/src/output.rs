//! Standard output, and when it is coloured.

#[cfg(feature = "verify")]
use std::io::IsTerminal as _;
use std::io::{self, BufWriter, Stdout, Write};

use crate::status::AboveStatus;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    // On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    // Also in files and pipes.
    Always,
    // Nowhere.
    Never,
}

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Text alone.
    Plain,
    /// With ANSI escape sequences.
    Ansi,
}

impl ColorChoice {
    /// What it means for a stream that is, or is no, terminal.
    pub(crate) fn paint(self, is_terminal: bool) -> Paint {
        // https://no-color.org: set and not empty.
        let refused = || {
            std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
                || std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb")
        };
        match self {
            Self::Always => Paint::Ansi,
            Self::Auto if is_terminal && !refused() => Paint::Ansi,
            Self::Auto | Self::Never => Paint::Plain,
        }
    }
}

#[cfg(feature = "verify")]
impl Paint {
    /// The same, in the verifier's word.
    pub(crate) const fn style(self) -> wsaudit_verifier::rules::Style {
        match self {
            Self::Plain => wsaudit_verifier::rules::Style::Plain,
            Self::Ansi => wsaudit_verifier::rules::Style::Ansi,
        }
    }
}

/// Standard output. When its reader has gone (`wsaudit show | head`), what is still written is
/// dropped, and the command ends with the exit code that it would have had.
pub(crate) struct Output {
    color: ColorChoice,
    stdout: BufWriter<Stdout>,
    reader: ReaderState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReaderState {
    Listens,
    Gone,
}

impl Output {
    pub(crate) fn new(color: ColorChoice) -> Self {
        Self {
            color,
            stdout: BufWriter::new(io::stdout()),
            reader: ReaderState::Listens,
        }
    }

    /// The choice that `--color` made.
    pub(crate) const fn color(&self) -> ColorChoice {
        self.color
    }

    /// Whether what is written here is coloured.
    #[cfg(feature = "verify")]
    pub(crate) fn paint(&self) -> Paint {
        self.color.paint(io::stdout().is_terminal())
    }

    /// How many columns the terminal has; `None`: this is none, or does not say.
    #[cfg(feature = "verify")]
    pub(crate) fn columns() -> Option<usize> {
        let terminal = console::Term::stdout();
        let size = terminal.is_term().then(|| terminal.size_checked());
        size.flatten().map(|(_, columns)| columns.into())
    }

    /// Whether nobody reads any more, so that long work can end.
    #[cfg(feature = "verify")]
    pub(crate) fn is_deserted(&self) -> bool {
        self.reader == ReaderState::Gone
    }

    /// Writes what waits.
    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        Ok(self.flush()?)
    }

    fn unless_gone<T>(&mut self, result: io::Result<T>, dropped: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader = ReaderState::Gone;
                Ok(dropped)
            }
            // Commands name the files that they cannot write; here, none of them has to.
            Err(error) => Err(io::Error::new(
                error.kind(),
                format!("cannot write to standard output: {error}"),
            )),
            done @ Ok(_) => done,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.reader {
            ReaderState::Gone => Ok(bytes.len()),
            ReaderState::Listens => {
                let written = self.stdout.write(bytes);
                self.unless_gone(written, bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.reader {
            ReaderState::Gone => Ok(()),
            ReaderState::Listens => {
                let flushed = self.stdout.flush();
                self.unless_gone(flushed, ())
            }
        }
    }
}

/// One line on standard error, where nobody has to read it.
pub(crate) fn say(line: &str) {
    let _ = AboveStatus.write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::{ColorChoice, Paint};

    #[test]
    fn colour_is_for_terminals_unless_asked_for() {
        assert_eq!(ColorChoice::Auto.paint(false), Paint::Plain);
        assert_eq!(ColorChoice::Always.paint(false), Paint::Ansi);
        assert_eq!(ColorChoice::Never.paint(true), Paint::Plain);
    }
}
