//! How far a command is, on a terminal.

use std::io;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::interrupt;
use crate::status::MARGIN;

/// The widest that a bar is.
const WIDEST: u16 = 40;
/// What stands around it: `verifying history 12 of 34  1,234,567 messages, 12m`. Of a line that is wider
/// than the terminal, not all could be taken away again.
const AROUND: u16 = 58;

/// What is told in the line of a bar, which an interrupted process takes away.
pub(crate) struct Told {
    /// `verifying{msg}`
    pub(crate) before: &'static str,
    /// `{human_pos} messages`
    pub(crate) after: &'static str,
}

impl Told {
    /// Has `bar` tell it.
    pub(crate) fn by(&self, bar: &ProgressBar) {
        let Self { before, after } = self;
        let (_, columns) = Term::stderr().size();
        let template = match width(columns) {
            Some(width) => format!("{before} {{bar:{width}}} {after}"),
            None => format!("{before} {after}"),
        };
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        interrupt::takes_away(bar);
    }
}

/// Standard error, where that is a terminal.
pub(crate) fn target() -> ProgressDrawTarget {
    let terminal = Term::stderr();
    if terminal.is_term() {
        ProgressDrawTarget::term_like(Box::new(Narrower(terminal)))
    } else {
        ProgressDrawTarget::hidden()
    }
}

/// A terminal without its last columns. Bars fill their line with spaces; the `^C` that is echoed behind
/// them would go to the next one, and the bar would stay.
#[derive(Debug)]
struct Narrower(Term);

impl TermLike for Narrower {
    fn width(&self) -> u16 {
        let (_, columns) = self.0.size();
        columns.saturating_sub(MARGIN)
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_left(columns)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}

/// None where it would be too short to tell anything.
fn width(columns: u16) -> Option<u16> {
    let room = columns.saturating_sub(AROUND).min(WIDEST);
    (room >= 8).then_some(room)
}

#[cfg(test)]
mod tests {
    use super::{AROUND, MARGIN, width};

    #[test]
    fn a_bar_leaves_room_for_what_stands_around_it() {
        for columns in 0..300 {
            let width = width(columns);
            assert!(
                width.is_none_or(|width| width <= columns - AROUND),
                "{columns}"
            );
        }
        assert_eq!(width(200), Some(40));
        assert_eq!(width(80), Some(22));
        assert_eq!(width(60), None);
    }

    #[test]
    fn the_longest_line_has_room() {
        let line = "verifying history 12 of 34  1,234,567,890 messages, 12m";
        assert!(line.len() + usize::from(MARGIN) <= usize::from(AROUND));
    }
}
