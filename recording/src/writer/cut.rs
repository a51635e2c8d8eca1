//! A recording cut down to some of its connections and messages: a new file, with rows as they were.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};
use thiserror::Error;

use super::StartError;
use super::file::{create_tables, lock_new};
use crate::column::signed;
use crate::reader::Reader;
use crate::record::{ConnectionId, Seq};

/// What of a recording is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Connections and HTTP exchanges, with their heads and tags.
    pub connections: BTreeSet<ConnectionId>,
    /// The places of messages, control frames and HTTP messages.
    pub messages: BTreeSet<Seq>,
}

/// Why nothing was cut.
#[derive(Debug, Error)]
pub enum CutError {
    /// The new file cannot be made.
    #[error(transparent)]
    Create(#[from] StartError),
    /// A row could not be read or written.
    #[error("cannot cut {}: {detail}", path.display())]
    Copy {
        /// The new file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
}

/// Bytes in a page. A fixture is small, and kept with the code: each table takes a page at least.
const PAGE_SIZE: u32 = 1024;

/// Writes what is `kept` of a recording into a new file, which must not be there yet. Runs and their
/// clocks are all there, so that times stay what they were; of everything else only what belongs to
/// what is kept. The file never held anything else.
pub fn cut(reader: &Reader, out: &Path, kept: &Kept) -> Result<(), CutError> {
    let lock = lock_new(out)?;
    let copied = Connection::open(out).and_then(|new| {
        create_tables(&new, PAGE_SIZE)?;
        let copy = Copy {
            old: reader.sqlite(),
            new: &new,
        };
        let transaction = new.unchecked_transaction()?;
        copy.all(kept)?;
        transaction.commit()
    });
    drop(lock);
    copied.map_err(|error| {
        // Half of it proves nothing.
        let _ = std::fs::remove_file(out);
        CutError::Copy {
            path: out.to_owned(),
            detail: error.to_string(),
        }
    })
}

/// From one file to another.
struct Copy<'c> {
    old: &'c Connection,
    new: &'c Connection,
}

impl Copy<'_> {
    fn all(&self, kept: &Kept) -> rusqlite::Result<()> {
        self.rows("run", "", &[])?;
        self.rows("clock_anchor", "", &[])?;
        for connection in &kept.connections {
            let id = [signed(connection.0)];
            self.rows("connection", "WHERE id = ?", &id)?;
            self.rows("tag", "WHERE connection_id = ?", &id)?;
            self.rows("exchange", "WHERE id = ?", &id)?;
        }
        for message in &kept.messages {
            self.rows("message", "WHERE seq = ?", &[signed(message.0)])?;
            self.rows("http_message", "WHERE seq = ?", &[signed(message.0)])?;
            for frame in self.frames(*message)? {
                self.rows("frame", "WHERE seq = ?", &[frame])?;
                self.rows("anomaly", "WHERE seq = ?", &[frame])?;
                self.rows(
                    "frame_chunk",
                    "WHERE chunks_id = (SELECT chunks_id FROM frame WHERE seq = ?)",
                    &[frame],
                )?;
            }
        }
        Ok(())
    }

    /// The frames of a message: its fragments too, and not the control frames between them.
    fn frames(&self, message: Seq) -> rusqlite::Result<Vec<i64>> {
        let seq = signed(message.0);
        let first = "SELECT first_seq FROM message WHERE seq = ?";
        let first: Option<i64> = self
            .old
            .query_row(first, [seq], |row| row.get(0))
            .optional()?;
        let mut frames = self.old.prepare(
            "SELECT f.seq FROM frame AS f, frame AS last
              WHERE last.seq = ?2 AND f.seq BETWEEN ?1 AND ?2
                AND f.connection_id = last.connection_id AND f.direction = last.direction
                AND (f.seq = ?2 OR f.first_byte & 15 < 8)
              ORDER BY f.seq",
        )?;
        let rows = frames.query_map(params![first.unwrap_or(seq), seq], |row| row.get(0))?;
        rows.collect()
    }

    /// The rows of a table that `which` selects; those that are there already stay.
    fn rows(&self, table: &str, which: &str, parameters: &[i64]) -> rusqlite::Result<()> {
        let old = columns(self.old, table)?;
        let both: Vec<_> = columns(self.new, table)?
            .into_iter()
            .filter(|column| old.contains(column))
            .collect();
        if both.is_empty() {
            // A table that the older format does not have.
            return Ok(());
        }
        let (names, marks) = (both.join(", "), vec!["?"; both.len()].join(", "));
        let mut select = self
            .old
            .prepare(&format!("SELECT {names} FROM {table} {which}"))?;
        let mut insert = self.new.prepare(&format!(
            "INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"
        ))?;
        let mut rows = select.query(params_from_iter(parameters))?;
        while let Some(row) = rows.next()? {
            let values: Vec<Value> = (0..both.len())
                .map(|column| row.get(column))
                .collect::<rusqlite::Result<_>>()?;
            insert.execute(params_from_iter(values))?;
        }
        Ok(())
    }
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?)")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    names.collect()
}
