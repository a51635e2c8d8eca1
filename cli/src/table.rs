//! Columns of text.

use std::io::Write;

use console::{measure_text_width, truncate_str};

/// Spaces before each cell.
const INDENT: usize = 2;
/// What stands where something was cut off.
const CUT: &str = "…";
/// What stands behind the heads where columns were left out.
const MORE: &str = "  …";
/// Words are cut to no less: ids are to be known again.
const SHORTEST: usize = 12;

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows of equally many cells, written with columns as wide as their widest cell.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these heads.
    pub(crate) fn new(heads: &[(&str, Align)]) -> Self {
        Self {
            columns: heads.iter().map(|(_, align)| *align).collect(),
            rows: vec![heads.iter().map(|(head, _)| (*head).to_owned()).collect()],
        }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Writes it, each line indented by two. No line is wider than `room`, the columns of a terminal: words
    /// are cut, the last ones first, and columns that have no place all the same are left out, the last
    /// ones first. `None`: all is written.
    pub(crate) fn write(&self, out: &mut impl Write, room: Option<usize>) -> anyhow::Result<()> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| measure_text_width(cell))
                .max()
                .unwrap_or(0)
        };
        let mut widths: Vec<_> = (0..self.columns.len()).map(width).collect();
        if let Some(room) = room {
            self.narrow(&mut widths, room);
        }
        // The head says that columns are left out.
        let mut more = if widths.len() < self.columns.len() {
            MORE
        } else {
            ""
        };
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, align), width) in row.iter().zip(&self.columns).zip(&widths) {
                line.extend([" "; INDENT]);
                let cell = truncate_str(cell, *width, CUT);
                let padding = " ".repeat(width.saturating_sub(measure_text_width(&cell)));
                match align {
                    Align::Left => line.extend([&cell, padding.as_str()]),
                    Align::Right => line.extend([padding.as_str(), &cell]),
                }
            }
            line.push_str(std::mem::take(&mut more));
            let line = truncate_str(line.trim_end(), room.unwrap_or(usize::MAX), CUT);
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    /// Takes away what has no place.
    fn narrow(&self, widths: &mut Vec<usize>, room: usize) {
        let all = widths.len();
        let wide = |widths: &[usize]| -> usize {
            let cut = if widths.len() < all {
                MORE.chars().count()
            } else {
                0
            };
            widths.iter().map(|width| INDENT + width).sum::<usize>() + cut
        };
        let least = |(width, align): (&usize, &Align)| match align {
            Align::Left => SHORTEST.min(*width),
            Align::Right => *width,
        };
        let mut shortest: Vec<_> = widths.iter().zip(&self.columns).map(least).collect();
        while shortest.len() > 1 && wide(&shortest) > room {
            shortest.pop();
        }
        widths.truncate(shortest.len());
        for column in (0..widths.len()).rev() {
            let excess = wide(widths).saturating_sub(room);
            widths[column] -= excess.min(widths[column] - shortest[column]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Align, Table};

    fn written(table: &Table, room: Option<usize>) -> String {
        let mut out = Vec::new();
        table.write(&mut out, room).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn on_a_terminal_words_are_cut_and_columns_left_out_from_the_end() {
        let heads = [
            ("id", Align::Right),
            ("session", Align::Left),
            ("target", Align::Left),
            ("frames", Align::Right),
        ];
        let mut table = Table::new(&heads);
        let cells = ["1", "s-1234567890", "/ws?device=LAPTOP_BROWSER", "53"];
        table.row(cells.map(str::to_owned));
        let all = "  id  session       target                     frames\n   \
                   1  s-1234567890  /ws?device=LAPTOP_BROWSER      53\n";
        assert_eq!(written(&table, None), all);
        assert_eq!(written(&table, Some(53)), all);
        let cut = "  id  session       target         frames\n   1  s-1234567890  /ws?device=L…      53\n";
        assert_eq!(written(&table, Some(41)), cut);
        let fewer = "  id  session       target          …\n   1  s-1234567890  /ws?device=LA…\n";
        assert_eq!(written(&table, Some(37)), fewer);
        assert_eq!(written(&table, Some(9)), "  id  …\n   1\n");
        for room in 0..50 {
            let lines = written(&table, Some(room));
            assert!(
                lines
                    .lines()
                    .all(|line| line.chars().count() <= room.max(1)),
                "{lines}"
            );
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&[("name", Align::Left), ("n", Align::Right)]);
        table.row(["a".into(), "10".into()]);
        table.row(["länger".into(), "7".into()]);
        table.row(["表".into(), "1".into()]);
        let text = "  name     n\n  a       10\n  länger   7\n  表       1\n";
        assert_eq!(written(&table, None), text);
    }
}
