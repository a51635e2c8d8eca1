//! What is wrong in a case, and on which line.

use std::fmt;

use crate::rules::read::one_of;

/// One thing that is wrong in a case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct CaseError {
    /// The file, as the user named it.
    pub file: String,
    /// The line; the first one is 1.
    pub line: u32,
    /// What is wrong there.
    pub problem: Problem,
}

/// Everything that is wrong in a case, in the order of its lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseErrors(pub(super) Vec<CaseError>);

impl CaseErrors {
    /// Each of them.
    pub fn errors(&self) -> &[CaseError] {
        &self.0
    }
}

impl fmt::Display for CaseErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for CaseErrors {}

/// What is wrong on a line of a case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No heading.
    #[error("a case begins with a heading that says what it shows: expected `# ...`")]
    NoTitle,
    /// No `trace` block.
    #[error("no ```trace block: expected one with a history and its expectations")]
    NoTrace,
    /// A fence that is never closed.
    #[error("this block is never closed: expected a line of {0}")]
    Unclosed(String),
    /// Nothing is expected of the case.
    #[error(
        "this case expects nothing, so it cannot fail: add `#! expect RULE` to the offending line, or \
         `expect none`"
    )]
    NoExpectation,
    /// No rules.
    #[error(
        "this case names no rules: add `rules: NAME` to its trace, or a ```toml block with rules"
    )]
    NoRules,
    /// Two things that exclude each other.
    #[error(
        "`expect {none}` contradicts the violation expected on line {other}: remove one of them"
    )]
    Contradiction {
        /// `none` or `clean`.
        none: &'static str,
        /// The line of the other expectation.
        other: u32,
    },
    /// A word that means nothing here.
    #[error("`{word}` means nothing here: expected {}{}", .expected, hint(.meant.as_deref()))]
    UnknownWord {
        /// The word.
        word: String,
        /// What could stand there.
        expected: String,
        /// The word that may have been meant.
        meant: Option<String>,
    },
    /// The line ends too early.
    #[error("the line ends where {0} was expected")]
    Missing(&'static str),
    /// Something stands where the line should end.
    #[error("`{0}` is left over: expected the end of the line, or `#! expect RULE`")]
    LeftOver(String),
    /// A connection that was not declared.
    #[error("no connection `{name}` is declared: expected {}; declare it with `{name} = session ...`{}",
        connections(.known), hint(.meant.as_deref()))]
    UnknownConnection {
        /// The name.
        name: String,
        /// Those that are.
        known: Vec<String>,
        /// The one that may have been meant.
        meant: Option<String>,
    },
    /// A connection that was declared before.
    #[error("connection `{name}` is declared already, on line {first}")]
    DeclaredTwice {
        /// The name.
        name: String,
        /// Where it was declared first.
        first: u32,
    },
    /// A name that cannot be told from other words.
    #[error(
        "`{0}` cannot name a connection: expected a letter, then letters, digits, `-` or `_`, and none \
         of the words that begin a line"
    )]
    BadName(String),
    /// A time that cannot be read.
    #[error(
        "`{0}` is no time: expected seconds from the start, such as 0.250, with at most 9 decimals"
    )]
    BadTime(String),
    /// A time before that of the line above.
    #[error("the time goes back: {now} s after {before} s; times must not decrease")]
    TimeGoesBack {
        /// The time.
        now: String,
        /// The time before.
        before: String,
    },
    /// A number that cannot be read.
    #[error("`{word}` is no {what}")]
    BadNumber {
        /// As written.
        word: String,
        /// What it should be, with its limits.
        what: &'static str,
    },
    /// JSON that does not parse.
    #[error(
        "the payload is not JSON: {0}; write `text \"...\"` for a text that is none, `hex:...` for bytes"
    )]
    NotJson(String),
    /// Hexadecimal digits that do not parse.
    #[error("`{0}` are no bytes: expected `hex:` and an even number of hexadecimal digits")]
    NotHex(String),
    /// Something that cannot happen in this state of the connection.
    #[error("connection `{name}` {state}: {hint}")]
    WrongState {
        /// The connection.
        name: String,
        /// What it is.
        state: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A line after the end.
    #[error("the recording ended on line {0}: nothing can follow")]
    AfterEnd(u32),
    /// A violation that is expected nowhere in particular.
    #[error(
        "`{0}` is expected nowhere: put `#! expect {0}` on the offending line; for a recording, \
         write `expect {0} at frame N` or `expect {0} N times`"
    )]
    NoPlace(String),
    /// An expectation that belongs to no line.
    #[error("nothing stands above to expect `{0}` of: put it on the offending line, or below it")]
    NothingAbove(String),
    /// A line that is indented, with nothing to continue.
    #[error("an indented line goes on with the line above, and that one takes no more lines")]
    NothingToContinue,
    /// A header without a colon.
    #[error("`{0}` is no header: expected `Name: value`")]
    BadHeader(String),
    /// A setting that is there twice.
    #[error("`{setting}` is set already, on line {first}")]
    SetTwice {
        /// The setting.
        setting: &'static str,
        /// Where it was set first.
        first: u32,
    },
    /// A history of two kinds.
    #[error(
        "this case names recordings, so it can have no history of its own: remove the one or the other"
    )]
    TwoHistories,
    /// A frame number without a recording.
    #[error("`at frame` is for recordings: in a trace, put `#! expect {0}` on the offending line")]
    FrameInTrace(String),
    /// A place in a recording that is not named.
    #[error("`{name}` is none of this case's recordings: expected {}", one_of(.known.iter().map(String::as_str)))]
    UnknownRecording {
        /// The name.
        name: String,
        /// Those that are.
        known: Vec<String>,
    },
}

fn hint(meant: Option<&str>) -> String {
    meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"))
}

fn connections(known: &[String]) -> String {
    if known.is_empty() {
        return "a declaration first".to_owned();
    }
    one_of(known.iter().map(String::as_str))
}
