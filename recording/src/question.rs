//! A query that somebody else wrote, over one recording: the narrow door for rule packs.
//!
//! A [`Question`] is checked before there is a recording: against the tables of an empty one. It is
//! asked over a connection of its own, which can read the tables and views of a recording and nothing
//! else ([`fence`]), and stops after so many steps and rows.

mod answer;
mod fence;

use std::collections::BTreeMap;

use rusqlite::Connection as Sqlite;

pub use answer::{Answer, Incomplete, Named, QuestionRow};

use crate::header::OpenError;
use crate::reader::Reader;
use crate::record::Record;
use crate::writer::in_memory;
use fence::Fence;

/// A query over a recording whose rows name frames, and perhaps one that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its rows name frames.
    rows: Checked,
    /// Its first value is a number.
    count: Option<Checked>,
}

/// A query that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    sql: String,
    columns: Vec<String>,
    reads: Reads,
}

/// What a query reads of what a recording may not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reads {
    /// The bytes of messages.
    pub(crate) payloads: bool,
    /// Sessions, users, devices.
    pub(crate) tags: bool,
}

/// Why a query cannot be asked, of any recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QuestionError {
    /// What is wrong.
    pub message: String,
    /// At which byte of the query, where that is known.
    pub offset: Option<usize>,
}

/// How much a question may cost. All are counts, so that a question ends in the same way everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuestionLimits {
    /// Steps of SQLite's machine, for each of its queries.
    pub steps: u64,
    /// Rows.
    pub rows: usize,
    /// Bytes of a value; longer ones are cut.
    pub value: usize,
}

impl Default for QuestionLimits {
    /// Two billion steps are some 15 seconds of one core; a look through `session_message` takes about 60
    /// for each frame.
    fn default() -> Self {
        Self {
            steps: 2_000_000_000,
            rows: 10_000,
            value: 500,
        }
    }
}

/// Why a question has no answer from a recording.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The recording cannot be opened once more.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The query needs more steps than it may.
    #[error("it was stopped after {steps} steps of SQLite's machine")]
    TooLong {
        /// The limit.
        steps: u64,
    },
    /// SQLite stopped it.
    #[error("it failed: {0}")]
    Failed(String),
    /// The counting query has no number.
    #[error("its first value is {found}, expected a number that is not negative")]
    NoCount {
        /// What it has.
        found: String,
    },
}

impl Question {
    /// A question of two checked queries. The first has one column more than `Question` knows of for
    /// each name that a caller of [`Checked::rows`] allowed.
    pub const fn new(rows: Checked, count: Option<Checked>) -> Self {
        Self { rows, count }
    }

    /// Whether it looks into messages: what was not kept of them leaves its answer in doubt.
    pub fn reads_payloads(&self) -> bool {
        self.queries().any(|query| query.reads.payloads)
    }

    /// Whether it asks on whose behalf a connection speaks.
    pub fn reads_tags(&self) -> bool {
        self.queries().any(|query| query.reads.tags)
    }

    fn queries(&self) -> impl Iterator<Item = &Checked> {
        std::iter::once(&self.rows).chain(&self.count)
    }
}

impl Checked {
    /// Checks a query whose rows name frames: it has a column `seq`, and besides only `others`.
    pub fn rows(sql: &str, others: &[&str]) -> Result<Self, QuestionError> {
        let query = Self::check(sql)?;
        let expected = || format!("`seq` (required), `{}`", others.join("`, `"));
        let mut seen = Vec::new();
        for column in &query.columns {
            if column != "seq" && !others.contains(&column.as_str()) {
                return Err(QuestionError {
                    message: format!(
                        "the query has a column `{column}`; expected {}: name it with AS",
                        expected()
                    ),
                    offset: None,
                });
            }
            if seen.contains(&column) {
                return Err(QuestionError {
                    message: format!("the query has two columns `{column}`"),
                    offset: None,
                });
            }
            seen.push(column);
        }
        if !query.columns.iter().any(|column| column == "seq") {
            return Err(QuestionError {
                message: "the query has no column `seq`: each row must name a frame".to_owned(),
                offset: None,
            });
        }
        Ok(query)
    }

    /// Checks a query that counts: it has one column.
    pub fn count(sql: &str) -> Result<Self, QuestionError> {
        let query = Self::check(sql)?;
        match query.columns.len() {
            1 => Ok(query),
            found => Err(QuestionError {
                message: format!("the query has {found} columns, expected one: a count"),
                offset: None,
            }),
        }
    }

    fn check(sql: &str) -> Result<Self, QuestionError> {
        let whole = |message: String| QuestionError {
            message,
            offset: None,
        };
        let mut empty = in_memory(0, &[]).map_err(whole)?;
        let fence =
            Fence::around(&mut empty, u64::MAX).map_err(|error| whole(error.to_string()))?;
        let statement = match empty.prepare(sql) {
            Ok(statement) => statement,
            Err(error) => return Err(fence.why_not(&error)),
        };
        if !statement.readonly() {
            return Err(whole("the query writes".to_owned()));
        }
        if statement.parameter_count() > 0 {
            return Err(whole(
                "the query has a parameter (`?`, `:name`), and nothing fills it in".to_owned(),
            ));
        }
        let columns = statement.column_names();
        Ok(Self {
            sql: sql.to_owned(),
            columns: columns.into_iter().map(str::to_owned).collect(),
            reads: fence.reads(),
        })
    }
}

impl Reader {
    /// Asks the recording, over a connection of its own.
    pub fn ask(&self, question: &Question, limits: QuestionLimits) -> Result<Answer, AskError> {
        answer::ask(&mut self.open_again()?, self.version(), question, limits)
    }
}

/// A recording in memory, to ask the same questions.
#[derive(Debug)]
pub struct Scratch {
    sqlite: Sqlite,
}

impl Scratch {
    /// A recording of one run, which began at `started_at` (Unix time in nanoseconds). A record that
    /// the tables do not take is an error.
    pub fn new(started_at: u64, records: &[Record]) -> Result<Self, AskError> {
        in_memory(started_at, records)
            .map(|sqlite| Self { sqlite })
            .map_err(AskError::Failed)
    }

    /// Asks it.
    pub fn ask(mut self, question: &Question, limits: QuestionLimits) -> Result<Answer, AskError> {
        let version = crate::schema::FormatVersion::NEWEST;
        answer::ask(&mut self.sqlite, version, question, limits)
    }
}

/// The columns of a row by name, but for `seq`; NULL is left out.
pub(crate) type Texts = BTreeMap<String, String>;
