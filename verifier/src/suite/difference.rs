//! How what was found differs from what was expected.

use std::fmt;

use crate::case::{Problem, RuleName};
use crate::rules::read::one_of;
use crate::verdict::{State, Verdict};

/// Something that was found other than expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {difference}")]
pub struct Mismatch {
    /// The case.
    pub file: String,
    /// The line: of the expectation, or of what was found without one.
    pub line: u32,
    /// What differs.
    pub difference: Difference,
}

/// How what was found differs from what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// The case is written wrongly.
    #[error(transparent)]
    Unread(Problem),
    /// The case could not be run.
    #[error("{0}")]
    NotRun(String),
    /// A rule that none of its packs has.
    #[error("no rule `{name}` in {packs}{}", meant.as_ref().map_or(String::new(), |meant| format!("; did you mean `{meant}`?")))]
    UnknownRule {
        /// The name.
        name: RuleName,
        /// The packs.
        packs: String,
        /// The rule that may have been meant.
        meant: Option<String>,
    },
    /// A violation that is not there.
    #[error("expected `{rule}` {place}, found {found}")]
    Missing {
        /// The rule.
        rule: RuleName,
        /// Where it was expected: `here`, `at frame 12`.
        place: String,
        /// What was found.
        found: Found,
    },
    /// A violation that nobody expected.
    #[error("unexpected violation of `{rule}`{place}: {message}")]
    Unexpected {
        /// The rule.
        rule: String,
        /// Where it is, if not on the line: ` at frame 12`.
        place: String,
        /// What happened.
        message: String,
    },
    /// More or fewer violations than expected.
    #[error("expected {times} violations of `{rule}`, found {found}")]
    Times {
        /// The rule.
        rule: RuleName,
        /// How many were expected.
        times: usize,
        /// How many there are.
        found: usize,
    },
    /// A known gap of the verifier that is closed.
    #[error("`{rule}` is found now: replace the todo by `#! expect {rule}`")]
    TodoDone {
        /// The rule.
        rule: RuleName,
    },
    /// A rule that ends otherwise.
    #[error("expected `{rule}` to be `{expected}`, it is `{found}`{}", why.as_ref().map_or(String::new(), |why| format!(": {why}")))]
    Ends {
        /// The rule.
        rule: String,
        /// How it should end.
        expected: State,
        /// How it ends.
        found: State,
        /// Why.
        why: Option<String>,
    },
    /// A verdict other than clean.
    #[error("expected a clean verdict, it is {found}: {why}")]
    NotClean {
        /// The verdict.
        found: Verdict,
        /// The first reason.
        why: String,
    },
    /// No violation, and no rule that held.
    #[error(
        "expected none, and none of the rules held: a case in which nothing could be violated proves \
         nothing"
    )]
    Empty,
    /// Nothing is told of a rule.
    #[error("expected `{rule}` to note something {place}, it notes nothing there")]
    NotNoted {
        /// The rule.
        rule: RuleName,
        /// Where.
        place: String,
    },
}

/// What was found instead of an expected violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing; how the rule ended, and why.
    Nothing(State, Option<String>),
    /// Violations of these other rules, at the same place.
    Others(Vec<String>),
    /// The rule's violation, elsewhere.
    Elsewhere(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(state, why) => {
                write!(f, "nothing: the rule is `{state}`")?;
                why.as_ref().map_or(Ok(()), |why| write!(f, ", {why}"))
            }
            Self::Others(rules) => {
                write!(
                    f,
                    "{} instead",
                    one_of(rules.iter().map(String::as_str)).replace(" or ", " and ")
                )
            }
            Self::Elsewhere(place) => write!(f, "it {place} instead"),
        }
    }
}
