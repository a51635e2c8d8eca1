//! How far a command is, on a terminal.

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};

use crate::interrupt;

/// The widest that a bar is.
const WIDEST: u16 = 40;
/// What stands around it: `verifying history 12 of 34  1,234,567 messages, 12m`, and the `^C` that a
/// terminal echoes. A line that is wider than the terminal could not be taken away again.
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

/// None where it would be too short to tell anything.
fn width(columns: u16) -> Option<u16> {
    let room = columns.saturating_sub(AROUND).min(WIDEST);
    (room >= 8).then_some(room)
}

#[cfg(test)]
mod tests {
    use super::{AROUND, width};

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
        assert!(line.len() + "^C".len() <= usize::from(AROUND));
    }
}
