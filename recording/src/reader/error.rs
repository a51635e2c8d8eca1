//! Why a recording that was opened could not be read to its end.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a recording that was opened could not be read to its end.
#[derive(Debug, Error)]
pub enum ReadError {
    /// SQLite finds it damaged, or could not read it.
    #[error("{}: the recording is damaged, seen in table {table} {place}: {source}; copy it again, or restore it from a backup", path.display())]
    Sqlite {
        /// The recording.
        path: PathBuf,
        /// The table that was read.
        table: &'static str,
        /// `after seq 17`, or `at its beginning`.
        place: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A row holds a value that the format does not know.
    #[error("{}: table {table} {place}: column {column} holds {found}, expected {expected}; the file was changed by another program", path.display())]
    Value {
        /// The recording.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// `seq 17`.
        place: String,
        /// The column.
        column: &'static str,
        /// What it holds.
        found: String,
        /// What the format allows.
        expected: &'static str,
    },
    /// The whole check found damage.
    #[error("{}: the recording is damaged: {findings}; copy it again, or restore it from a backup", path.display())]
    Damaged {
        /// The recording.
        path: PathBuf,
        /// What SQLite's `quick_check` reports.
        findings: String,
    },
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
            path: self.path.into(),
            table: self.table,
            place: self.words(),
            source,
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
            path: self.path.into(),
            table: self.table,
            place: self.words(),
            column,
            found,
            expected,
        }
    }

    fn words(&self) -> String {
        match self.after {
            None => "at its beginning".into(),
            Some(key) => format!("after {key}"),
        }
    }
}
