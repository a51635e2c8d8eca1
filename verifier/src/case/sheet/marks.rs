//! What is expected of a line: the marks behind it.

use super::super::Survives;
use super::super::error::Problem;
use super::super::expectation::Expected;
use super::super::line::Statement;
use super::super::word::{self, MARKER, Words};
use super::{Sheet, rule};
use crate::mutation::Operator;

impl Sheet<'_> {
    /// What follows a timed line: `#! expect RULE`, as often as wanted.
    pub(super) fn marks(&mut self, statement: &Statement, words: Words<'_>) -> Result<(), Problem> {
        let rest = words.rest().trim();
        if !rest.is_empty() && !rest.starts_with(MARKER) {
            return Err(Problem::LeftOver(rest.to_owned()));
        }
        for marks in words.into_marks() {
            for mark in marks.split(MARKER).skip(1) {
                self.mark(statement, mark)?;
            }
        }
        Ok(())
    }

    fn mark(&mut self, statement: &Statement, mark: &str) -> Result<(), Problem> {
        let lines = (statement.first, statement.last);
        let mut words = Words::new(mark);
        let expected = match words.expect("`expect RULE` or `todo RULE`")? {
            "survives" => return self.survives(statement.first, Some(lines), words.free()),
            "todo" => Expected::Todo {
                rule: rule(&mut words)?,
                lines: Some(lines),
            },
            "expect" => match words.peek() {
                Some("noted") => {
                    words.next();
                    Expected::Noted {
                        rule: rule(&mut words)?,
                        lines: Some(lines),
                    }
                }
                _ => Expected::Violation {
                    rule: rule(&mut words)?,
                    lines,
                },
            },
            other => return Err(word::unknown(other, &["expect", "todo", "survives"], &[])),
        };
        // Also on the lines below: not all that happens takes more of them.
        if let Some(left) = words.rest().trim().lines().next() {
            return Err(Problem::LeftOver(left.to_owned()));
        }
        self.expected(statement.first, expected);
        Ok(())
    }

    /// `OPERATOR, ...: WHY`
    pub(super) fn survives(
        &mut self,
        line: u32,
        lines: Option<(u32, u32)>,
        text: &str,
    ) -> Result<(), Problem> {
        const WHY: &str = "`OPERATOR: ` and why no rule needs to notice it";
        let (operators, why) = text.split_once(':').ok_or(Problem::Missing(WHY))?;
        if why.trim().is_empty() {
            return Err(Problem::Missing(WHY));
        }
        let known = Operator::ALL.map(Operator::as_str);
        let operators = operators
            .split(',')
            .map(str::trim)
            .map(|word| Operator::from_word(word).ok_or_else(|| word::unknown(word, &known, &[])));
        self.survivors.push(Survives {
            line,
            lines,
            operators: operators.collect::<Result<_, _>>()?,
            why: why.split_whitespace().collect::<Vec<_>>().join(" "),
        });
        Ok(())
    }
}
