//! What a verification comes to, and why it may come to no answer.

use std::fmt;
use std::str::FromStr;

/// The outcome of a verification: the fold of its rules' states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Every rule holds, and nothing speaks against believing it.
    Clean,
    /// No rule is violated, but something keeps the recording from proving it.
    Inconclusive,
    /// A rule is violated.
    Violated,
}

/// How one rule ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// There was an opportunity to break it, and it was not broken.
    Holds,
    /// There was no opportunity.
    NotExercised,
    /// The recording cannot tell.
    Undecided,
    /// It was broken.
    Violated,
}

/// A kind of doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Frames are missing from the recording.
    Gap,
    /// The recording was not closed cleanly: its end is missing.
    Unclean,
    /// A recording could not be read at all.
    Unread,
    /// A message could not be decoded.
    Undecodable,
    /// Nothing says on whose behalf a connection speaks.
    Unidentified,
    /// A rule had no opportunity to be broken.
    NotExercised,
    /// A deadline, an answer or an owner lies beyond what was recorded.
    Undecided,
}

impl Verdict {
    /// `clean`, `inconclusive` or `violated`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Inconclusive => "inconclusive",
            Self::Violated => "violated",
        }
    }

    /// The verdict that a rule's state asks for, once its accepted doubts are taken out.
    pub const fn of(state: State) -> Self {
        match state {
            State::Holds => Self::Clean,
            State::NotExercised | State::Undecided => Self::Inconclusive,
            State::Violated => Self::Violated,
        }
    }
}

impl State {
    /// `holds`, `not exercised`, `undecided` or `violated`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::NotExercised => "not exercised",
            Self::Undecided => "undecided",
            Self::Violated => "violated",
        }
    }
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Gap,
        Self::Unclean,
        Self::Unread,
        Self::Undecodable,
        Self::Unidentified,
        Self::NotExercised,
        Self::Undecided,
    ];

    /// The word for it in rule files and reports: `not-exercised`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Unclean => "unclean",
            Self::Unread => "unread",
            Self::Undecodable => "undecodable",
            Self::Unidentified => "unidentified",
            Self::NotExercised => "not-exercised",
            Self::Undecided => "undecided",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no reason for doubt: expected gap, unclean, unread, undecodable, unidentified, not-exercised or undecided"
)]
pub struct UnknownReason(String);

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(word: &str) -> Result<Self, UnknownReason> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == word)
            .ok_or_else(|| UnknownReason(word.to_owned()))
    }
}
