//! A case that expects what was found.

use super::difference::{Difference, Mismatch};
use super::{Surroundings, run_case};
use crate::case::{Case, Change, Problem, rewrite, statement};
use crate::verdict::{State, Verdict};

/// So often a case is run and changed at most: a line is changed once in a round, and a violation
/// that no todo hides any more is found in the next one.
const MOST_ROUNDS: usize = 20;

/// What became of a case that should expect what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Updated {
    /// It does already.
    Same,
    /// It does as this text.
    Changed(String),
    /// It cannot: it cannot be read or run, or nothing in it would be tested. Nothing is changed.
    Refused(Vec<Mismatch>),
}

/// Makes the case of that text expect what its rules find.
pub fn update(file: &str, text: &str, surroundings: &dyn Surroundings) -> Updated {
    let mut updated = text.to_owned();
    for _ in 0..MOST_ROUNDS {
        let case = match Case::parse(file, &updated) {
            Ok(case) => case,
            Err(errors) => {
                let errors = errors.errors();
                // It expects nothing, or all that it expected is gone: then, that nothing is found.
                if let [error] = errors
                    && error.problem == Problem::NoExpectation
                {
                    let none = Change::Append("expect none".to_owned());
                    updated = rewrite(&updated, &[none]);
                    continue;
                }
                let unread = errors.iter().map(|error| Mismatch {
                    file: error.file.clone(),
                    line: error.line,
                    difference: Difference::Unread(error.problem.clone()),
                });
                return Updated::Refused(unread.collect());
            }
        };
        let mismatches = run_case(&case, surroundings).mismatches;
        if mismatches.is_empty() {
            return if updated == text {
                Updated::Same
            } else {
                Updated::Changed(updated)
            };
        }
        let mut changes = Vec::new();
        let mut refused = Vec::new();
        for mismatch in mismatches {
            match changes_for(&mismatch, &updated) {
                Some(more) => {
                    for change in more {
                        if !is_of_a_changed_line(&change, &changes) {
                            changes.push(change);
                        }
                    }
                }
                None => refused.push(mismatch),
            }
        }
        if !refused.is_empty() {
            return Updated::Refused(refused);
        }
        updated = rewrite(&updated, &changes);
    }
    let case = Case::parse(file, text);
    let mismatches = case.map(|case| run_case(&case, surroundings).mismatches);
    Updated::Refused(mismatches.unwrap_or_default())
}

/// Whether it replaces a line that another change replaces already.
fn is_of_a_changed_line(change: &Change, others: &[Change]) -> bool {
    let line_of = |change: &Change| match change {
        Change::Replace { line, .. } => Some(*line),
        Change::RemoveMark { .. }
        | Change::AddMark { .. }
        | Change::Append(_)
        | Change::RemoveNone => None,
    };
    line_of(change).is_some_and(|line| others.iter().any(|it| line_of(it) == Some(line)))
}

/// What settles a difference; `None`: nothing that may be written without a person.
fn changes_for(mismatch: &Mismatch, text: &str) -> Option<Vec<Change>> {
    let line = mismatch.line;
    let written = statement(text, line).unwrap_or_default();
    let first = written.split_whitespace().next();
    let is_own_line = matches!(first, Some("expect" | "todo"));
    let gone = || Change::Replace {
        line,
        lines: Vec::new(),
    };
    let remove = |mark: String| {
        if is_own_line {
            gone()
        } else {
            Change::RemoveMark { line, mark }
        }
    };
    Some(match &mismatch.difference {
        Difference::Unread(_) | Difference::NotRun(_) | Difference::UnknownRule { .. } => {
            return None;
        }
        Difference::Empty => return None,
        Difference::Missing { rule, .. } => vec![remove(format!("expect {rule}"))],
        Difference::TodoDone { rule } => vec![remove(format!("todo {rule}"))],
        Difference::NotNoted { rule, .. } if is_own_line => {
            let lines = listed(&written, "noted", &rule.0)?.kept;
            vec![Change::Replace { line, lines }]
        }
        Difference::NotNoted { rule, .. } => vec![remove(format!("expect noted {rule}"))],
        Difference::Unexpected { rule, place, .. } => {
            let mark = format!("expect {rule}{place}");
            let add = if place.is_empty() {
                Change::AddMark { line, mark }
            } else {
                Change::Append(mark)
            };
            vec![add, Change::RemoveNone]
        }
        Difference::Times { found: 0, .. } => vec![gone()],
        Difference::Times { rule, found, .. } => {
            let times = if *found == 1 { "time" } else { "times" };
            let lines = vec![format!("expect {rule} {found} {times}")];
            vec![Change::Replace { line, lines }]
        }
        Difference::Ends {
            rule,
            expected,
            found,
            ..
        } => ends(&written, line, rule, *expected, *found)?,
        Difference::NotClean { found, .. } => match found {
            Verdict::Inconclusive => vec![Change::Replace {
                line,
                lines: vec!["expect none".to_owned()],
            }],
            // Each violation is told on its own.
            Verdict::Violated | Verdict::Clean => Vec::new(),
        },
    })
}

/// `expect holds a, b` where `b` is undecided becomes `expect holds a` and `expect undecided b`.
fn ends(
    written: &str,
    line: u32,
    rule: &str,
    expected: State,
    found: State,
) -> Option<Vec<Change>> {
    let Listed { names, kept } = listed(written, word(expected)?, rule)?;
    let mut lines = kept;
    // A violated rule has its marks.
    if let (Some(found), [name, ..]) = (word(found), &names[..]) {
        lines.push(format!("expect {found} {name}"));
    }
    Some(vec![Change::Replace { line, lines }])
}

/// A statement such as `expect holds a, b`, taken apart.
struct Listed {
    /// Its names of a rule.
    names: Vec<String>,
    /// The line that it is without them; none where no name is left.
    kept: Vec<String>,
}

fn listed(written: &str, word: &str, rule: &str) -> Option<Listed> {
    let expect = written.trim().strip_prefix("expect")?.trim_start();
    let list = expect.strip_prefix(word)?.split(',').map(str::trim);
    let means =
        |name: &str| name == rule || name.rsplit_once('/').is_some_and(|(_, id)| id == rule);
    let (names, others): (Vec<_>, Vec<_>) = list.map(str::to_owned).partition(|it| means(it));
    let kept = (!others.is_empty()).then(|| format!("expect {word} {}", others.join(", ")));
    Some(Listed {
        names,
        kept: kept.into_iter().collect(),
    })
}

const fn word(state: State) -> Option<&'static str> {
    match state {
        State::Holds => Some("holds"),
        State::NotExercised => Some("not-exercised"),
        State::Undecided => Some("undecided"),
        State::Violated => None,
    }
}
