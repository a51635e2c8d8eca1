//! Why a recording that was opened could not be read to its end.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a recording that was opened could not be read to its end.
#[derive(Debug, Error)]
pub enum ReadError {
    /// SQLite finds it damaged, or could not read it.
    #[error("{at}: the recording is damaged: {source}; copy it again, or restore it from a backup")]
    Sqlite {
        /// Where it was seen.
        at: Box<ReadPlace>,
        /// What SQLite said.
        source: Box<rusqlite::Error>,
    },
    /// A row holds a value that the format does not know.
    #[error(
        "{at}: column {column} holds {found}, expected {expected}; another program has changed the recording"
    )]
    Value {
        /// Where it was seen.
        at: Box<ReadPlace>,
        /// The column.
        column: &'static str,
        /// What it holds.
        found: String,
        /// What the format allows.
        expected: &'static str,
    },
    /// Its rows are not in their order, or the check of the whole file found damage.
    #[error("{}: the recording is damaged: {findings}; copy it again, or restore it from a backup", path.display())]
    Damaged {
        /// The recording.
        path: PathBuf,
        /// What is damaged; from a check, what SQLite's `quick_check` reports.
        findings: String,
    },
}

impl ReadError {
    /// What is wrong, for whoever has named the recording already.
    pub fn finding(&self) -> String {
        let path = match self {
            Self::Sqlite { at, .. } | Self::Value { at, .. } => &at.path,
            Self::Damaged { path, .. } => path,
        };
        let told = self.to_string();
        let finding = told.strip_prefix(&format!("{}: ", path.display()));
        finding.unwrap_or(&told).to_owned()
    }
}

/// Where in a recording an error was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPlace {
    /// The recording.
    pub path: PathBuf,
    /// The table.
    pub table: &'static str,
    /// The key (for frames and messages: `seq`) of the last row that was looked at; `None` where
    /// there was none yet.
    pub key: Option<u64>,
}

impl fmt::Display for ReadPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: table {}", self.path.display(), self.table)?;
        match self.key {
            None => f.write_str(", at its beginning"),
            Some(key) => write!(f, ", at or after {key}"),
        }
    }
}

/// Where in a recording something was read.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    path: &'p Path,
    table: &'static str,
    after: Option<u64>,
}

impl<'p> Place<'p> {
    pub(super) const fn beginning(path: &'p Path, table: &'static str) -> Self {
        Self {
            path,
            table,
            after: None,
        }
    }

    pub(super) const fn after(path: &'p Path, table: &'static str, key: u64) -> Self {
        Self {
            path,
            table,
            after: Some(key),
        }
    }

    /// An SQLite error here.
    pub(super) fn sqlite(&self, source: rusqlite::Error) -> ReadError {
        ReadError::Sqlite {
            at: Box::new(self.read_place()),
            source: Box::new(source),
        }
    }

    /// The value of `result`, or an SQLite error here.
    pub(super) fn of<T>(&self, result: rusqlite::Result<T>) -> Result<T, ReadError> {
        result.map_err(|source| self.sqlite(source))
    }

    /// A value that the format does not allow.
    pub(super) fn value(
        &self,
        column: &'static str,
        found: String,
        expected: &'static str,
    ) -> ReadError {
        ReadError::Value {
            at: Box::new(self.read_place()),
            column,
            found,
            expected,
        }
    }

    /// Damage that SQLite does not notice.
    #[cold]
    pub(super) fn damaged(&self, findings: &str) -> ReadError {
        ReadError::Damaged {
            path: self.path.into(),
            findings: format!("table {}: {findings}", self.table),
        }
    }

    fn read_place(&self) -> ReadPlace {
        ReadPlace {
            path: self.path.into(),
            table: self.table,
            key: self.after,
        }
    }
}
