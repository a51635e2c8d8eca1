//! One line at the bottom of a terminal that tells how things stand; other lines go above it.

#![cfg_attr(
    not(feature = "record"),
    expect(dead_code, reason = "only a recorder has such a line")
)]

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use console::{Term, truncate_str};

/// Columns that stay free, so that the `^C` which a terminal echoes stays on the line, too.
pub(crate) const MARGIN: u16 = 3;

/// What the line says; `None` while there is none.
static LINE: Mutex<Option<String>> = Mutex::new(None);

/// The line on standard error, which is a terminal; gone when it is dropped.
#[derive(Debug)]
pub(crate) struct StatusLine(());

impl StatusLine {
    /// Only one at a time.
    pub(crate) fn begin() -> Self {
        with(|line| *line = Some(String::new()));
        Self(())
    }

    /// Says something else, where there is a line.
    pub(crate) fn set(text: String) {
        with(|line| {
            if line.is_some() {
                *line = Some(text);
                // A terminal that is gone shows nothing, and is no reason to end.
                let _ = draw(line.as_deref());
            }
        });
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        with(|line| {
            *line = None;
            let _ = Term::stderr().clear_line();
        });
    }
}

fn with<T>(use_it: impl FnOnce(&mut Option<String>) -> T) -> T {
    use_it(&mut LINE.lock().unwrap_or_else(PoisonError::into_inner))
}

fn draw(line: Option<&str>) -> io::Result<()> {
    let Some(line) = line else { return Ok(()) };
    let terminal = Term::stderr();
    let (_, columns) = terminal.size();
    let shown = truncate_str(line, columns.saturating_sub(MARGIN).into(), "…");
    terminal.clear_line()?;
    terminal.write_str(&shown)
}

/// Standard error, above the line. Whole lines are to be written at once.
#[derive(Debug)]
pub(crate) struct AboveStatus;

impl Write for AboveStatus {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        with(|line| {
            if line.is_some() {
                Term::stderr().clear_line()?;
            }
            io::stderr().write_all(bytes)?;
            draw(line.as_deref())
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
