//! What a case expects to be found.

use std::fmt;

use crate::rules::{Pack, Rule};

/// One thing that a case expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// Where it is written; the first line is 1.
    pub line: u32,
    /// What is expected.
    pub expected: Expected,
}

/// What is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// `#! expect RULE`: a violation whose offending frame is on a line.
    Violation {
        /// The rule.
        rule: RuleName,
        /// The lines of the statement that breaks it: the first and the last.
        lines: (u32, u32),
    },
    /// `expect RULE at frame N [of RECORDING]`: a violation in a recording.
    ViolationAt {
        /// The rule.
        rule: RuleName,
        /// Which of the case's recordings, from 0.
        recording: u16,
        /// The frame's `seq`.
        frame: u64,
    },
    /// `expect RULE N times`: so many violations, wherever they are.
    Times {
        /// The rule.
        rule: RuleName,
        /// How many.
        times: usize,
    },
    /// `expect none`: no violation, and at least one rule that holds.
    None,
    /// `expect clean`: the verdict is clean.
    Clean,
    /// `expect holds RULE`: it was exercised, and nothing speaks against it.
    Holds(RuleName),
    /// `expect not-exercised RULE`.
    NotExercised(RuleName),
    /// `expect undecided RULE`.
    Undecided(RuleName),
    /// `expect noted RULE`, `#! expect noted RULE`: something is told though nothing is wrong: an
    /// attempt that was denied.
    Noted {
        /// The rule.
        rule: RuleName,
        /// The lines of the statement; `None`: wherever it is.
        lines: Option<(u32, u32)>,
    },
    /// `todo RULE`, `#! todo RULE`: a violation that the verifier is known not to find yet. The case
    /// fails once it does.
    Todo {
        /// The rule.
        rule: RuleName,
        /// The lines of the statement that breaks it; `None`: wherever it is.
        lines: Option<(u32, u32)>,
    },
}

impl Expected {
    /// The rule that it is about; `None`: all of them.
    pub fn rule(&self) -> Option<&RuleName> {
        match self {
            Self::Violation { rule, .. }
            | Self::ViolationAt { rule, .. }
            | Self::Times { rule, .. }
            | Self::Holds(rule)
            | Self::NotExercised(rule)
            | Self::Undecided(rule)
            | Self::Noted { rule, .. }
            | Self::Todo { rule, .. } => Some(rule),
            Self::None | Self::Clean => None,
        }
    }

    /// Whether it says that a rule is violated.
    pub const fn is_violation(&self) -> bool {
        match self {
            Self::Violation { .. } | Self::ViolationAt { .. } => true,
            Self::Times { times, .. } => *times > 0,
            Self::None
            | Self::Clean
            | Self::Holds(_)
            | Self::NotExercised(_)
            | Self::Undecided(_)
            | Self::Noted { .. }
            | Self::Todo { .. } => false,
        }
    }
}

/// A rule as a case names it: `foreign-thread`, or `agent-platform/foreign-thread` where several
/// packs have one of that name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleName(pub String);

impl RuleName {
    /// Whether it means that rule.
    pub fn means(&self, pack: &Pack, rule: &Rule) -> bool {
        match self.0.split_once('/') {
            Some((pack_name, id)) => pack.name == pack_name && rule.id == id,
            None => rule.id == self.0,
        }
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
