//! A rule file: its text, and where things are in it.

use std::ops::Range;

use super::Location;

/// A rule file's name and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// As the user named it, or `protocol/protocol.toml` for a shipped one.
    pub name: String,
    /// All of it.
    pub text: String,
}

impl RuleFile {
    /// The line and column of a byte.
    pub fn location(&self, byte: usize) -> Location {
        let before = &self.text[..self.boundary(byte)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
        Location {
            file: self.name.clone(),
            line: number(before.matches('\n').count()),
            column: number(before[line_start..].chars().count()),
        }
    }

    /// The part of a span that lies in its first line: a table is shown by its head.
    pub(super) fn first_line(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.boundary(span.start);
        let end = self.boundary(span.end.max(start));
        let length = self.text[start..end]
            .find(['\n', '\r'])
            .unwrap_or(end - start);
        start..start + length
    }

    /// The nearest character boundary at or before a byte.
    fn boundary(&self, byte: usize) -> usize {
        let byte = byte.min(self.text.len());
        (0..=byte)
            .rev()
            .find(|at| self.text.is_char_boundary(*at))
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, byte: usize) -> (u32, u32) {
        let file = RuleFile {
            name: "a.toml".into(),
            text: text.into(),
        };
        let Location { line, column, .. } = file.location(byte);
        (line, column)
    }

    #[test]
    fn lines_and_columns_begin_at_one_and_count_characters() {
        assert_eq!(place("", 0), (1, 1));
        assert_eq!(place("a\nb", 2), (2, 1));
        assert_eq!(place("ü = 1", 3), (1, 3));
        assert_eq!(place("ü", 1), (1, 1), "within a character");
        assert_eq!(place("a\n", 99), (2, 1), "past the end");
    }

    #[test]
    fn a_table_is_shown_by_its_head() {
        let file = RuleFile {
            name: "a.toml".into(),
            text: "[[rule]]\r\nid = 1".into(),
        };
        assert_eq!(file.first_line(&(0..16)), 0..8);
        assert_eq!(file.first_line(&(90..99)), 16..16, "past the end");
    }
}
