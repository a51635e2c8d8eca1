//! Opening the file that is to be written.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};

use super::{StartError, WriteError, WriterOptions};
use crate::column::{signed, unsigned};
use crate::header::{Header, OpenError};
use crate::run::{Numbers, Run, RunId};
use crate::schema::{APPLICATION_ID, FormatVersion, PAGE_SIZE, SQL};

/// A recording that is open for writing, and locked against a second recorder.
pub(super) struct RecordingFile {
    pub(super) path: PathBuf,
    pub(super) numbers: Numbers,
    pub(super) uuid: String,
    // Dropped in this order: while the connection is open, closing `_lock` would give up the locks
    // that SQLite holds (POSIX gives up all locks of a process with any descriptor).
    pub(super) connection: Connection,
    _lock: File,
}

impl RecordingFile {
    pub(super) fn create(path: &Path, options: &WriterOptions) -> Result<Self, StartError> {
        let mut new = OpenOptions::new();
        new.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
        let lock = new.open(path).map_err(|source| {
            if source.kind() == io::ErrorKind::AlreadyExists {
                return StartError::Exists { path: path.into() };
            }
            StartError::Io {
                path: path.into(),
                doing: "create the file",
                source,
            }
        })?;
        let file = Self::open(path, lock, options)?;
        file.set_up()
            .map_err(|error| file.failed("write the schema", &error))?;
        Ok(file)
    }

    pub(super) fn append(path: &Path, options: &WriterOptions) -> Result<Self, StartError> {
        Header::read(path)?;
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| StartError::Io {
                path: path.into(),
                doing: "open the file for writing",
                source,
            })?;
        let mut file = Self::open(path, lock, options)?;
        file.update()
            .map_err(|error| file.failed("bring it to this version's format", &error))?;
        file.numbers = file
            .numbers_after()
            .map_err(|error| OpenError::from_sqlite(path, "the last numbers", &error))?;
        file.use_wal()
            .map_err(|error| file.failed("turn on the write-ahead log", &error))?;
        Ok(file)
    }

    fn open(path: &Path, lock: File, options: &WriterOptions) -> Result<Self, StartError> {
        lock.try_lock().map_err(|refused| match refused {
            TryLockError::WouldBlock => StartError::InUse { path: path.into() },
            TryLockError::Error(source) => StartError::Io {
                path: path.into(),
                doing: "lock the file",
                source,
            },
        })?;
        let connection = connect(path, options)
            .map_err(|error| WriteError::new(path, "open the file with SQLite", &error))?;
        let uuid = random_uuid(&connection)
            .map_err(|error| WriteError::new(path, "draw random numbers", &error))?;
        Ok(Self {
            path: path.into(),
            numbers: Numbers::FIRST,
            uuid,
            connection,
            _lock: lock,
        })
    }

    fn set_up(&self) -> rusqlite::Result<()> {
        let (application, version) = (APPLICATION_ID, FormatVersion::NEWEST.0);
        self.connection.execute_batch(&format!(
            "PRAGMA page_size = {PAGE_SIZE};
             BEGIN;
             PRAGMA application_id = {application};
             PRAGMA user_version = {version};
             {SQL}
             COMMIT;"
        ))?;
        self.use_wal()
    }

    /// Adds what a recording of an older format lacks.
    fn update(&self) -> rusqlite::Result<()> {
        let newest = FormatVersion::NEWEST.0;
        let version: u32 = self
            .connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version >= newest {
            return Ok(());
        }
        let mut missing = SQL.to_owned();
        for kind in ["TABLE", "INDEX", "VIEW"] {
            let create = format!("CREATE {kind} ");
            missing = missing.replace(&create, &format!("{create}IF NOT EXISTS "));
        }
        self.connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {missing} PRAGMA user_version = {newest}; COMMIT;"
        ))
    }

    /// The log lets others read while we write; `synchronous = FULL` syncs it at each commit.
    fn use_wal(&self) -> rusqlite::Result<()> {
        self.connection
            .query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        // A checkpoint for each 32 MiB of log.
        self.connection
            .query_row("PRAGMA wal_autocheckpoint = 4096", [], |_| Ok(()))?;
        self.connection.execute_batch(
            "PRAGMA synchronous = FULL;
             PRAGMA cache_size = -16384;",
        )
    }

    fn numbers_after(&self) -> rusqlite::Result<Numbers> {
        let largest = |sql: &str| {
            self.connection
                .query_row(sql, [], |row| row.get::<_, Option<i64>>(0))
                .map(|largest| unsigned(largest.unwrap_or(0)) + 1)
        };
        Ok(Numbers {
            run: RunId(largest("SELECT max(id) FROM run")?),
            seq: largest(
                "SELECT max(seq) FROM (
                   SELECT max(seq) AS seq FROM frame UNION ALL SELECT max(seq) FROM message
                   UNION ALL SELECT max(opened_seq) FROM connection
                   UNION ALL SELECT max(answered_seq) FROM connection
                   UNION ALL SELECT max(closed_seq) FROM connection
                   UNION ALL SELECT max(from_seq) FROM tag
                   UNION ALL SELECT max(seq) FROM http_message
                   UNION ALL SELECT max(opened_seq) FROM exchange
                   UNION ALL SELECT max(answered_seq) FROM exchange
                   UNION ALL SELECT max(ended_seq) FROM exchange
                   UNION ALL SELECT max(seq) FROM anomaly
                   UNION ALL SELECT max(to_seq) FROM gap
                   UNION ALL SELECT max(first_seq) - 1 FROM run)",
            )?,
            connection: largest(
                "SELECT max(id) FROM (
                   SELECT max(id) AS id FROM connection UNION ALL SELECT max(id) FROM exchange)",
            )?,
            chunks: largest("SELECT max(chunks_id) FROM frame_chunk")?,
        })
    }

    /// Writes the row of `run` and its first anchor.
    pub(super) fn begin_run(&self, run: &Run, options: &WriterOptions) -> Result<(), StartError> {
        let begin = || {
            let transaction = self.connection.unchecked_transaction()?;
            transaction.execute(
                "INSERT INTO run (id, part, uuid, started_at, first_seq, closed_cleanly,
                 tool_version, config, key_id) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)",
                params![
                    signed(run.id().0),
                    options.part,
                    run.uuid(),
                    signed(run.started_at()),
                    signed(run.first_seq().0),
                    options.tool_version,
                    options.config,
                    options.key_id,
                ],
            )?;
            transaction.execute(
                "INSERT INTO clock_anchor (run_id, at, wall) VALUES (?, 0, ?)",
                params![signed(run.id().0), signed(run.started_at())],
            )?;
            transaction.commit()
        };
        begin().map_err(|error| self.failed("write the run", &error))
    }

    fn failed(&self, doing: &'static str, error: &rusqlite::Error) -> StartError {
        WriteError::new(&self.path, doing, error).into()
    }
}

fn connect(path: &Path, options: &WriterOptions) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(options.lock_timeout)?;
    Ok(connection)
}

/// A version 4 UUID (RFC 9562, section 5.4) of SQLite's random numbers.
fn random_uuid(connection: &Connection) -> rusqlite::Result<String> {
    let mut bytes: [u8; 16] =
        connection.query_row("SELECT randomblob(16)", [], |row| row.get(0))?;
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    Ok(format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    ))
}
