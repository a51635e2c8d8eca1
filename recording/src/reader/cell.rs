//! One column of a row, as the value that it must hold.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::ReadError;
use super::error::Place;
use crate::column::unsigned;

/// A row with what is needed to say where a wrong value stands.
pub(super) struct Cells<'r> {
    pub(super) row: &'r Row<'r>,
    pub(super) place: Place<'r>,
}

impl<'r> Cells<'r> {
    #[inline]
    pub(super) fn integer(&self, index: usize, column: &'static str) -> Result<i64, ReadError> {
        match self.row.get_ref(index) {
            Ok(ValueRef::Integer(value)) => Ok(value),
            other => Err(self.wrong(column, &other, "an integer")),
        }
    }

    #[inline]
    pub(super) fn number(&self, index: usize, column: &'static str) -> Result<u64, ReadError> {
        self.integer(index, column).map(unsigned)
    }

    pub(super) fn number_or_null(
        &self,
        index: usize,
        column: &'static str,
    ) -> Result<Option<u64>, ReadError> {
        match self.row.get_ref(index) {
            Ok(ValueRef::Null) => Ok(None),
            _ => self.number(index, column).map(Some),
        }
    }

    /// A number of fewer bits.
    #[inline]
    pub(super) fn small<T: TryFrom<i64>>(
        &self,
        index: usize,
        column: &'static str,
        expected: &'static str,
    ) -> Result<T, ReadError> {
        let value = self.integer(index, column)?;
        T::try_from(value).map_err(|_| self.unknown(column, &value.to_string(), expected))
    }

    pub(super) fn small_or_null<T: TryFrom<i64>>(
        &self,
        index: usize,
        column: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, ReadError> {
        match self.row.get_ref(index) {
            Ok(ValueRef::Null) => Ok(None),
            _ => self.small(index, column, expected).map(Some),
        }
    }

    pub(super) fn text(&self, index: usize, column: &'static str) -> Result<&'r str, ReadError> {
        let value = self.row.get_ref(index);
        if let Ok(ValueRef::Text(text)) = value
            && let Ok(text) = std::str::from_utf8(text)
        {
            return Ok(text);
        }
        Err(self.wrong(column, &value, "UTF-8 text"))
    }

    pub(super) fn text_or_null(
        &self,
        index: usize,
        column: &'static str,
    ) -> Result<Option<&'r str>, ReadError> {
        match self.row.get_ref(index) {
            Ok(ValueRef::Null) => Ok(None),
            _ => self.text(index, column).map(Some),
        }
    }

    #[inline]
    pub(super) fn bytes(&self, index: usize, column: &'static str) -> Result<&'r [u8], ReadError> {
        match self.row.get_ref(index) {
            Ok(ValueRef::Blob(bytes)) => Ok(bytes),
            other => Err(self.wrong(column, &other, "a blob")),
        }
    }

    #[inline]
    pub(super) fn bytes_or_null(
        &self,
        index: usize,
        column: &'static str,
    ) -> Result<Option<&'r [u8]>, ReadError> {
        // Each look at a column is a call or three into SQLite.
        match self.row.get_ref(index) {
            Ok(ValueRef::Blob(bytes)) => Ok(Some(bytes)),
            Ok(ValueRef::Null) => Ok(None),
            other => Err(self.wrong(column, &other, "a blob")),
        }
    }

    /// A value that the format does not know.
    #[cold]
    pub(super) fn unknown(
        &self,
        column: &'static str,
        found: &str,
        expected: &'static str,
    ) -> ReadError {
        self.place.value(column, found.to_owned(), expected)
    }

    #[cold]
    fn wrong(
        &self,
        column: &'static str,
        found: &rusqlite::Result<ValueRef<'_>>,
        expected: &'static str,
    ) -> ReadError {
        let found = match found {
            Ok(value) => value.data_type().to_string(),
            Err(error) => error.to_string(),
        };
        self.place.value(column, found, expected)
    }
}
