//! The next part of a run: made under another name, and given its own once it is whole.
//!
//! Whoever is killed meanwhile leaves no half part behind, and the old one has everything up to the
//! cut: it was committed before.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, Statement, params};

use super::file::{RecordingFile, connect, lock_new, write_run};
use super::open::Open;
use super::{StartError, WriteError, WriterOptions};
use crate::column::signed;
use crate::header::beside;
use crate::record::ConnectionId;
use crate::run::{Run, unix_now};
use crate::schema::PAGE_SIZE;

/// While a part is made, its name ends in this.
const UNFINISHED: &str = ".new";

/// Of payloads that are half recorded at a cut, so many bytes are repeated in the next part. Beyond
/// that its frame begins with a hole: the payload is in the parts together.
const REPEATED_CHUNKS: u64 = 128 << 20;

impl RecordingFile {
    /// The next part of this one's run, at `path`: tables, the run, its clock, and of what is `open`
    /// the connections, their tags and the payloads so far. This one has no transaction open.
    pub(super) fn next_part(
        &self,
        path: &Path,
        run: &Run,
        open: &Open,
        options: &WriterOptions,
    ) -> Result<Self, StartError> {
        if path.symlink_metadata().is_ok() {
            return Err(StartError::Exists { path: path.into() });
        }
        let unfinished = beside(path, UNFINISHED);
        let lock = claim(&unfinished)?;
        let made = self
            .fill(&unfinished, run, open, options)
            .map_err(|error| WriteError::new(path, "begin the next part", &error).into())
            .and_then(|()| publish(&lock, &unfinished, path));
        // After it was given its name, this one is only in the way.
        let _ = fs::remove_file(&unfinished);
        made?;
        let opened = connect(path, options).and_then(|connection| {
            let next = Self {
                path: path.into(),
                part: self.part + 1,
                numbers: self.numbers,
                uuid: self.uuid.clone(),
                connection,
                lock,
            };
            next.use_wal()?;
            Ok(next)
        });
        opened.map_err(|error| {
            // It holds nothing that the old part does not, and would be in the way of the next try.
            let _ = fs::remove_file(path);
            WriteError::new(path, "open the next part", &error).into()
        })
    }

    /// Writes all that a part begins with. It is synced when it is whole, so not before.
    fn fill(
        &self,
        unfinished: &Path,
        run: &Run,
        open: &Open,
        options: &WriterOptions,
    ) -> rusqlite::Result<()> {
        let next = connect(unfinished, options)?;
        super::file::limit_pages(&next, options)?;
        next.query_row("PRAGMA journal_mode = MEMORY", [], |_| Ok(()))?;
        next.execute_batch("PRAGMA synchronous = OFF;")?;
        super::file::create_tables(&next, PAGE_SIZE)?;
        let transaction = next.unchecked_transaction()?;
        write_run(&next, run, self.part + 1, options)?;
        let id = signed(run.id().0);
        let copy = |sql, table| Copy::prepare(&self.connection, &next, sql, table);
        copy(
            "SELECT * FROM clock_anchor WHERE run_id = ?",
            "clock_anchor",
        )?
        .rows_of(id)?;
        next.execute(
            "INSERT OR REPLACE INTO clock_anchor (run_id, at, wall) VALUES (?, ?, ?)",
            params![id, signed(run.now().0), signed(unix_now())],
        )?;
        let mut connections = copy("SELECT * FROM connection WHERE id = ?", "connection")?;
        // The key is the order in which they were written, and is given anew.
        let mut tags = copy(
            "SELECT NULL AS id, connection_id, from_seq, to_seq, kind, value, source, provenance
             FROM tag WHERE connection_id = ? AND to_seq IS NULL ORDER BY tag.id",
            "tag",
        )?;
        for ConnectionId(connection) in open.connections() {
            connections.rows_of(signed(connection))?;
            tags.rows_of(signed(connection))?;
        }
        let mut exchanges = copy("SELECT * FROM exchange WHERE id = ?", "exchange")?;
        for ConnectionId(exchange) in open.exchanges() {
            exchanges.rows_of(signed(exchange))?;
            tags.rows_of(signed(exchange))?;
        }
        let mut payloads = copy(
            "SELECT * FROM frame_chunk WHERE chunks_id = ?",
            "frame_chunk",
        )?;
        let mut room = REPEATED_CHUNKS;
        for (chunks, bytes) in open.chunks() {
            if let Some(rest) = room.checked_sub(bytes) {
                room = rest;
                payloads.rows_of(signed(chunks.0))?;
            }
        }
        drop((connections, exchanges, tags, payloads));
        transaction.commit()?;
        next.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        next.close().map_err(|(_, error)| error)
    }
}

/// Copies rows from one file into the same table of another.
struct Copy<'c> {
    find: Statement<'c>,
    columns: usize,
    insert: Statement<'c>,
}

impl<'c> Copy<'c> {
    /// Of the rows that `sql` finds by a key.
    fn prepare(
        from: &'c Connection,
        to: &'c Connection,
        sql: &str,
        table: &str,
    ) -> rusqlite::Result<Self> {
        let find = from.prepare(sql)?;
        // By name: a recording of an older version that was added to may have another order.
        let names = find.column_names().collect::<Vec<_>>().join(", ");
        let columns = find.column_count();
        let holes = vec!["?"; columns].join(", ");
        let insert = to.prepare(&format!("INSERT INTO {table} ({names}) VALUES ({holes})"))?;
        Ok(Self {
            find,
            columns,
            insert,
        })
    }

    fn rows_of(&mut self, key: i64) -> rusqlite::Result<()> {
        let mut rows = self.find.query([key])?;
        while let Some(row) = rows.next()? {
            for column in 0..self.columns {
                let value: Value = row.get(column)?;
                self.insert.raw_bind_parameter(column + 1, value)?;
            }
            self.insert.raw_execute()?;
        }
        Ok(())
    }
}

/// Creates the file; one that a killed recorder left behind is replaced.
fn claim(unfinished: &Path) -> Result<File, StartError> {
    let created = lock_new(unfinished);
    let Err(StartError::Exists { .. }) = created else {
        return created;
    };
    let io = |doing| {
        move |source| StartError::Io {
            path: unfinished.into(),
            doing,
            source,
        }
    };
    let left = OpenOptions::new()
        .read(true)
        .write(true)
        .open(unfinished)
        .map_err(io("open what another recorder left behind"))?;
    match left.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StartError::InUse {
                path: unfinished.into(),
            });
        }
        Err(TryLockError::Error(source)) => return Err(io("lock the file")(source)),
    }
    fs::remove_file(unfinished).map_err(io("remove what another recorder left behind"))?;
    lock_new(unfinished)
}

/// Syncs the part and gives it its name, which must be free; both survive a loss of power.
fn publish(lock: &File, unfinished: &Path, path: &Path) -> Result<(), StartError> {
    let io = |doing| {
        move |source: io::Error| {
            if source.kind() == io::ErrorKind::AlreadyExists {
                return StartError::Exists { path: path.into() };
            }
            StartError::Io {
                path: path.into(),
                doing,
                source,
            }
        }
    };
    lock.sync_all().map_err(io("sync the next part"))?;
    // A rename would replace a file of that name; a link does not.
    if let Err(error) = fs::hard_link(unfinished, path) {
        let refused = error.kind() == io::ErrorKind::AlreadyExists;
        if refused || path.symlink_metadata().is_ok() {
            return Err(io("name the next part")(error));
        }
        // A file system without links; nobody else makes files of this name.
        fs::rename(unfinished, path).map_err(io("name the next part"))?;
    }
    sync_directory(path).map_err(io("sync the directory of the next part"))
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(not(unix))]
const fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
