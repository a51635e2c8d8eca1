//! Cases: recordings that people write and review, with what must be found in them.
//!
//! A case is a Markdown file. Its first heading is the title, its prose says why it is there, and its
//! fenced blocks are what is run: `trace` blocks hold settings, a history and expectations, `toml`
//! blocks hold rules of the case's own. `docs/cases.md` has the whole format.
//!
//! ````text
//! # A foreign thread is opened and answered
//!
//! ```trace
//! rules: agent-platform
//!
//! A = session s-1, user u-1, device LAPTOP_BROWSER
//! B = session s-2, user u-1
//!
//! 0.1  A  >  {"type":"create_thread","request_id":"r1"}
//! 0.2  A  <  {"type":"thread_created","thread_id":"t1","request_id":"r1","session_id":"s-1"}
//! 0.4  B  <  {"type":"thread","thread_id":"t1"}     #! expect foreign-thread
//! ```
//! ````
//!
//! The place (`seq`) of everything in a case is the number of its line, so that evidence of "frame 12"
//! speaks of line 12.

mod error;
mod expectation;
mod fence;
mod line;
mod rewrite;
mod sheet;
mod trace;
mod word;
mod write;

pub use error::{CaseError, CaseErrors, Problem};
pub use expectation::{Expectation, Expected, RuleName};
pub use rewrite::{Change, rewrite, statement};
pub(crate) use trace::TAG_SOURCE;
pub use write::{Draft, Unwritable, Writing};

use crate::facts::Facts;
use crate::history::MemorySource;
use crate::mutation::Operator;

/// A case, read and checked.
#[derive(Debug, Clone)]
pub struct Case {
    /// The file, as the user named it.
    pub file: String,
    /// Its first heading.
    pub title: String,
    /// The rule packs that are run over it, in order.
    pub packs: Vec<PackChoice>,
    /// The rules that it is about, with their lines; empty: all of its packs.
    pub only: Vec<(RuleName, u32)>,
    /// What must be found, and what must not; never empty.
    pub expectations: Vec<Expectation>,
    /// What is verified.
    pub history: CaseHistory,
    /// Ownership facts.
    pub facts: Facts,
    /// Mutants that no rule notices, and why that is as it should be.
    pub survivors: Vec<Survives>,
}

/// `survives OPERATOR, ...: WHY`: mutants of the case that no rule notices (`wsaudit test --mutate`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survives {
    /// Where it is written.
    pub line: u32,
    /// The lines of the statement that it is about; `None`: all.
    pub lines: Option<(u32, u32)>,
    /// The operators.
    pub operators: Vec<Operator>,
    /// Why that is as it should be.
    pub why: String,
}

/// A rule pack that a case asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackChoice {
    /// A shipped pack's name, or a path from the case's directory.
    Named {
        /// As it is written.
        name: String,
        /// Where; the first line is 1.
        line: u32,
    },
    /// A `toml` block of the case itself.
    Inline {
        /// Its text. Empty lines stand for the lines before it, so that the places in errors are
        /// those of the case.
        text: String,
        /// The first line of its text.
        line: u32,
    },
}

/// What a case verifies.
#[derive(Debug, Clone)]
pub enum CaseHistory {
    /// A history written in the case.
    Trace(Box<MemorySource>),
    /// Recordings, as paths from the case's directory.
    Recordings(Vec<String>),
}

impl Case {
    /// Reads a case. `file` is how it is called in messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, CaseErrors> {
        sheet::read(file, text)
    }

    /// Whether a Markdown text has a `trace` block: whether it is a case at all.
    pub fn is_in(text: &str) -> bool {
        fence::read(text)
            .blocks
            .iter()
            .any(|block| block.language == fence::Language::Trace)
    }
}
