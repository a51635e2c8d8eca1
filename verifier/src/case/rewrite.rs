//! A case with other expectations, and otherwise as it was written.

use std::fmt::Write as _;

use super::fence::{self, Language};
use super::line::{self, Statement};
use super::word::MARKER;

/// One change of what a case expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A mark goes, from a line or one of those that its statement takes: `expect foreign-thread`.
    RemoveMark {
        /// A line of the statement.
        line: u32,
        /// The mark, without its `#!`.
        mark: String,
    },
    /// A mark comes to the statement that a line belongs to.
    AddMark {
        /// A line of the statement.
        line: u32,
        /// The mark, without its `#!`.
        mark: String,
    },
    /// A statement of its own becomes others; none: it goes. Comments in it stay.
    Replace {
        /// A line of it.
        line: u32,
        /// What stands there instead.
        lines: Vec<String>,
    },
    /// A line comes to the end of the last trace.
    Append(String),
    /// `expect none` and `expect clean` go: something is found.
    RemoveNone,
}

struct Text<'t> {
    /// The lines, each with its ending; `None`: gone.
    lines: Vec<Option<String>>,
    ending: &'static str,
    markdown: fence::Markdown<'t>,
}

/// The case with these changes. Prose, comments, spacing and the ends of lines stay as they are.
pub fn rewrite(text: &str, changes: &[Change]) -> String {
    let mut edited = Text {
        lines: text
            .split_inclusive('\n')
            .map(|line| Some(line.to_owned()))
            .collect(),
        ending: if text.contains("\r\n") { "\r\n" } else { "\n" },
        markdown: fence::read(text),
    };
    // What moves lines comes last.
    let is_append = |change: &&Change| matches!(change, Change::Append(_));
    for change in changes.iter().filter(|it| !is_append(it)) {
        edited.apply(change);
    }
    for change in changes.iter().filter(is_append) {
        edited.apply(change);
    }
    edited.lines.into_iter().flatten().collect()
}

/// The statement that a line of a case belongs to, without its comments; `None`: the line is prose,
/// empty or a comment.
pub fn statement(text: &str, line: u32) -> Option<String> {
    let markdown = fence::read(text);
    statement_at(&markdown, line).map(|statement| statement.text)
}

fn statement_at(markdown: &fence::Markdown<'_>, line: u32) -> Option<Statement> {
    let traces = markdown.blocks.iter();
    traces
        .filter(|block| block.language == Language::Trace)
        .flat_map(|block| line::statements(block).0)
        .find(|statement| (statement.first..=statement.last).contains(&line))
}

impl Text<'_> {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::RemoveMark { line, mark } => {
                let (first, last) = self.statement(*line);
                for line in (first..=last).rev() {
                    if self.remove_mark(line, mark) {
                        return;
                    }
                }
            }
            Change::AddMark { line, mark } => {
                let (_, last) = self.statement(*line);
                let ending = self.ending;
                if let Some(text) = self.line(last) {
                    let kept = text.trim_end().len();
                    text.truncate(kept);
                    let _ = write!(text, "   {MARKER} {mark}{ending}");
                }
            }
            Change::Replace { line, lines } => {
                let ending = self.ending;
                let ended = lines.iter().flat_map(|line| [line.as_str(), ending]);
                let new: String = ended.collect();
                let (first, last) = self.statement(*line);
                for below in first + 1..=last {
                    let is_comment = |line: &mut String| line.trim_start().starts_with('#');
                    if !self.line(below).is_some_and(is_comment) {
                        self.set(below, String::new());
                    }
                }
                self.set(first, new);
            }
            Change::Append(line) => self.append(line),
            Change::RemoveNone => {
                for index in 0..self.lines.len() {
                    let is_none = self.lines[index].as_deref().is_some_and(|line| {
                        let words: Vec<_> = line.split_whitespace().collect();
                        words == ["expect", "none"] || words == ["expect", "clean"]
                    });
                    let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
                    if is_none && self.is_in_trace(number) {
                        self.lines[index] = None;
                    }
                }
            }
        }
    }

    fn line(&mut self, number: u32) -> Option<&mut String> {
        self.lines.get_mut(number as usize - 1)?.as_mut()
    }

    fn set(&mut self, number: u32, text: String) {
        if let Some(line) = self.lines.get_mut(number as usize - 1) {
            *line = (!text.is_empty()).then_some(text);
        }
    }

    fn is_in_trace(&self, number: u32) -> bool {
        self.markdown.blocks.iter().any(|block| {
            let lines = u32::try_from(block.lines.len()).unwrap_or(u32::MAX);
            block.language == Language::Trace
                && (block.line + 1..=block.line + lines).contains(&number)
        })
    }

    /// The lines of the statement that a line belongs to.
    fn statement(&self, number: u32) -> (u32, u32) {
        statement_at(&self.markdown, number).map_or((number, number), |statement| {
            (statement.first, statement.last)
        })
    }

    fn remove_mark(&mut self, number: u32, mark: &str) -> bool {
        let ending = self.ending;
        let Some(line) = self.line(number) else {
            return false;
        };
        let Some(without) = without_mark(line, mark) else {
            return false;
        };
        let text = if without.trim().is_empty() {
            String::new()
        } else {
            format!("{without}{ending}")
        };
        self.set(number, text);
        true
    }

    fn append(&mut self, line: &str) {
        let mut blocks = self.markdown.blocks.iter();
        let last = blocks.rfind(|block| block.language == Language::Trace);
        let Some(block) = last else { return };
        let fence = block.line as usize + block.lines.len();
        let at = fence.min(self.lines.len());
        self.lines
            .insert(at, Some(format!("{line}{}", self.ending)));
    }
}

/// The line without one mark, the last of its kind, and without what stood at its end; `None`: it has
/// no such mark.
fn without_mark(line: &str, mark: &str) -> Option<String> {
    let words: Vec<_> = mark.split_whitespace().collect();
    let mut end = line.len();
    for (at, _) in line.rmatch_indices(MARKER) {
        let segment = &line[at + MARKER.len()..end];
        if segment.split_whitespace().eq(words.iter().copied()) {
            let before = line[..at].trim_end();
            let after = line[end..].trim_end();
            return Some(if after.is_empty() {
                before.to_owned()
            } else {
                let space = &line[before.len()..at];
                format!("{before}{space}{after}")
            });
        }
        end = at;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = "# T\n\nProse  with spaces.\n\n```trace\nrules: x\nA = session s-1\n# why\n\
        0.1  A  <  {\"a\":\n      \"#! expect a\"}   #! expect a  #! todo b\n#! expect c\nexpect none\n```\n";

    #[test]
    fn marks_come_and_go_and_everything_else_stays() {
        let remove = |line, mark: &str| Change::RemoveMark {
            line,
            mark: mark.to_owned(),
        };
        let changed = rewrite(CASE, &[remove(9, "expect a"), remove(9, "expect c")]);
        let expected = CASE
            .replace("   #! expect a  #! todo b", "   #! todo b")
            .replace("#! expect c\n", "");
        assert_eq!(changed, expected);
        let add = Change::AddMark {
            line: 10,
            mark: "expect d".to_owned(),
        };
        let changed = rewrite(CASE, &[add, Change::RemoveNone]);
        let expected = CASE
            .replace("#! expect c\n", "#! expect c   #! expect d\n")
            .replace("expect none\n", "");
        assert_eq!(changed, expected);
    }

    #[test]
    fn what_a_string_holds_is_no_mark() {
        let line = "0.1 A < {\"a\":\"#! expect a\"}\n";
        assert_eq!(without_mark(line, "expect a"), None);
    }

    #[test]
    fn a_statement_is_replaced_whole_and_its_comments_stay() {
        let text = "# T\n```trace\nexpect holds a,\n  # why\n  b,\n  c\n\nexpect none\n```\n";
        let replace = |lines: &[&str]| Change::Replace {
            line: 3,
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
        };
        assert_eq!(
            rewrite(text, &[replace(&["expect holds a"])]),
            "# T\n```trace\nexpect holds a\n  # why\n\nexpect none\n```\n"
        );
        assert_eq!(
            rewrite(text, &[replace(&[])]),
            "# T\n```trace\n  # why\n\nexpect none\n```\n"
        );
        assert_eq!(
            statement(text, 5).as_deref(),
            Some("expect holds a,\n  b,\n  c")
        );
        assert_eq!(statement(text, 7), None);
    }

    #[test]
    fn the_ends_of_lines_are_kept() {
        let text = "# T\r\n```trace\r\nexpect none\r\n```\r\n";
        let changed = rewrite(text, &[Change::Append("expect x 2 times".to_owned())]);
        assert_eq!(
            changed,
            "# T\r\n```trace\r\nexpect none\r\nexpect x 2 times\r\n```\r\n"
        );
    }
}
