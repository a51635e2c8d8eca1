//! Statements: a line of a trace, with the indented lines that go on with it.

use super::error::Problem;
use super::fence::Block;
use super::word::MARKER;

/// A statement, and the lines that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) first: u32,
    pub(super) last: u32,
    /// Its lines, as they are.
    pub(super) text: String,
}

/// Joins a block's lines to statements: an indented line, or one that begins with an expectation,
/// goes on with the line above. `#` begins a comment.
pub(super) fn statements(block: &Block<'_>) -> (Vec<Statement>, Vec<(u32, Problem)>) {
    let (mut statements, mut problems) = (Vec::<Statement>::new(), Vec::new());
    let mut open = false;
    for (line, text) in (block.line + 1..).zip(&block.lines) {
        let trimmed = text.trim();
        let is_marker = trimmed.starts_with(MARKER);
        if trimmed.is_empty() {
            open = false;
        } else if trimmed.starts_with('#') && !is_marker {
            // A comment, also between the lines of a statement.
        } else if !is_marker && !text.starts_with(char::is_whitespace) {
            statements.push(Statement {
                first: line,
                last: line,
                text: (*text).to_owned(),
            });
            open = true;
        } else {
            match statements.last_mut().filter(|_| open || is_marker) {
                Some(above) => {
                    above.text.push('\n');
                    above.text.push_str(text);
                    above.last = line;
                }
                None if is_marker => {
                    let what = trimmed.trim_start_matches(MARKER).trim();
                    problems.push((line, Problem::NothingAbove(what.to_owned())));
                }
                None => problems.push((line, Problem::NothingToContinue)),
            }
        }
    }
    (statements, problems)
}

#[cfg(test)]
mod tests {
    use super::super::fence;
    use super::*;

    #[test]
    fn indented_lines_and_expectations_go_on_with_the_line_above() {
        let text = "```trace\n  lost\n0 A open\n  X: 1\n# why\n\n#! expect a\n1 end\n\n  lost\n```";
        let markdown = fence::read(text);
        let (statements, problems) = super::statements(&markdown.blocks[0]);
        let statement = |first, last, text: &str| Statement {
            first,
            last,
            text: text.into(),
        };
        assert_eq!(
            statements,
            [
                statement(3, 7, "0 A open\n  X: 1\n#! expect a"),
                statement(8, 8, "1 end")
            ]
        );
        assert_eq!(
            problems,
            [
                (2, Problem::NothingToContinue),
                (10, Problem::NothingToContinue)
            ]
        );
    }
}
