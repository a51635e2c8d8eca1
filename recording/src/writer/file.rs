//! Opening the file that is to be written.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use rusqlite::{Connection, OpenFlags, params};

use super::{StartError, WriteError, WriterOptions};
use crate::column::{signed, unsigned};
use crate::header::{Header, OpenError};
use crate::reader::Reader;
use crate::run::{Numbers, Run, RunId};
use crate::schema::{ADDED, APPLICATION_ID, FormatVersion, PAGE_SIZE, SQL};

/// A checkpoint for each 4 MiB of log. All of it goes into the file in one go, in which nothing is
/// inserted and a core is busy: the relay feels that. Less often is no faster, and each one is two
/// disk syncs (docs/performance.md).
const CHECKPOINT_PAGES: u32 = (4 << 20) / PAGE_SIZE;

/// A recording that is open for writing, and locked against a second recorder.
pub(super) struct RecordingFile {
    pub(super) path: PathBuf,
    /// Which part of the run it is.
    pub(super) part: u32,
    pub(super) numbers: Numbers,
    pub(super) uuid: String,
    // Dropped in this order: while the connection is open, closing `lock` would give up the locks
    // that SQLite holds (POSIX gives up all locks of a process with any descriptor).
    pub(super) connection: Connection,
    #[expect(dead_code, reason = "it is held until the file is closed")]
    pub(super) lock: File,
}

impl RecordingFile {
    pub(super) fn create(path: &Path, options: &WriterOptions) -> Result<Self, StartError> {
        let file = Self::open(path, lock_new(path)?, options)?;
        file.set_up()
            .map_err(|error| file.failed("write the schema", &error))?;
        Ok(file)
    }

    /// A file of its own for a run that comes after what is in the file at `before`.
    pub(super) fn create_after(
        path: &Path,
        before: &Path,
        options: &WriterOptions,
    ) -> Result<Self, StartError> {
        // Held for as long as the numbers are looked for: a recorder that still writes is found.
        let lock = OpenOptions::new().read(true).open(before);
        let lock = lock.map_err(|source| StartError::Io {
            path: before.into(),
            doing: "open the last part",
            source,
        })?;
        take(&lock, before)?;
        let reader = Reader::open(before)?;
        let numbers = numbers_after(reader.sqlite())
            .map_err(|error| OpenError::from_sqlite(before, "the last numbers", &error))?;
        drop(reader);
        let mut file = Self::create(path, options)?;
        file.numbers = numbers;
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
        let (numbers, continued) = numbers_after(&file.connection)
            .and_then(|numbers| Ok((numbers, is_continued(&file.connection)?)))
            .map_err(|error| OpenError::from_sqlite(path, "the last numbers", &error))?;
        if continued {
            return Err(StartError::Continued { path: path.into() });
        }
        file.numbers = numbers;
        file.use_wal()
            .map_err(|error| file.failed("turn on the write-ahead log", &error))?;
        Ok(file)
    }

    fn open(path: &Path, lock: File, options: &WriterOptions) -> Result<Self, StartError> {
        take(&lock, path)?;
        let connection = connect(path, options)
            .map_err(|error| WriteError::new(path, "open the file with SQLite", &error))?;
        let uuid = random_uuid(&connection)
            .map_err(|error| WriteError::new(path, "draw random numbers", &error))?;
        Ok(Self {
            path: path.into(),
            part: 1,
            numbers: Numbers::FIRST,
            uuid,
            connection,
            lock,
        })
    }

    fn set_up(&self) -> rusqlite::Result<()> {
        create_tables(&self.connection, PAGE_SIZE)?;
        self.use_wal()
    }

    /// Adds what a recording of an older format lacks.
    fn update(&self) -> rusqlite::Result<()> {
        let newest = FormatVersion::NEWEST.0;
        let version: u32 = self
            .connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let added: String = ADDED
            .into_iter()
            .filter(|(since, _)| FormatVersion(version) < *since)
            .map(|(_, sql)| sql)
            .collect();
        if version >= newest {
            return Ok(());
        }
        let mut missing = SQL.to_owned();
        for kind in ["TABLE", "INDEX", "VIEW"] {
            let create = format!("CREATE {kind} ");
            missing = missing.replace(&create, &format!("{create}IF NOT EXISTS "));
        }
        self.connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {added} {missing} PRAGMA user_version = {newest}; COMMIT;"
        ))
    }

    /// The log lets others read while we write; `synchronous = FULL` syncs it at each commit.
    pub(super) fn use_wal(&self) -> rusqlite::Result<()> {
        self.connection
            .query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        let checkpoint = format!("PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}");
        self.connection.query_row(&checkpoint, [], |_| Ok(()))?;
        self.connection.execute_batch(
            // A log that a reader has made long gives its room back once it has been moved.
            "PRAGMA journal_size_limit = 67108864;
             PRAGMA synchronous = FULL;
             PRAGMA cache_size = -16384;",
        )
    }

    /// Writes the row of `run` and its first anchor.
    pub(super) fn begin_run(&self, run: &Run, options: &WriterOptions) -> Result<(), StartError> {
        let begin = || {
            let transaction = self.connection.unchecked_transaction()?;
            write_run(&self.connection, run, self.part, options)?;
            transaction.execute(
                "INSERT INTO clock_anchor (run_id, at, wall) VALUES (?, 0, ?)",
                params![signed(run.id().0), signed(run.started_at())],
            )?;
            transaction.commit()
        };
        begin().map_err(|error| self.failed("write the run", &error))
    }

    /// Its length in bytes, what is in its log included.
    pub(super) fn size(&self) -> rusqlite::Result<u64> {
        self.connection
            .query_row("PRAGMA page_count", [], |row| row.get::<_, u32>(0))
            .map(|pages| u64::from(pages) * u64::from(PAGE_SIZE))
    }

    /// The length of its log in bytes.
    pub(super) fn log_size(&self) -> u64 {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        fs::metadata(log).map_or(0, |metadata| metadata.len())
    }

    fn failed(&self, doing: &'static str, error: &rusqlite::Error) -> StartError {
        WriteError::new(&self.path, doing, error).into()
    }
}

/// Creates a file that its owner alone can read, and locks it. One that exists is refused.
pub(super) fn lock_new(path: &Path) -> Result<File, StartError> {
    let mut new = OpenOptions::new();
    new.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    let lock = new.open(path).map_err(|source| {
        if path.is_dir() {
            return OpenError::Directory { path: path.into() }.into();
        }
        if source.kind() == io::ErrorKind::AlreadyExists {
            return StartError::Exists { path: path.into() };
        }
        if let Some(directory) = missing_directory(path) {
            return StartError::NoDirectory {
                path: path.into(),
                directory: directory.into(),
            };
        }
        StartError::Io {
            path: path.into(),
            doing: "create the file",
            source,
        }
    })?;
    take(&lock, path)?;
    Ok(lock)
}

/// The directory that a file would be in, where it is not there.
fn missing_directory(path: &Path) -> Option<&Path> {
    let directory = path.parent()?;
    let named = !directory.as_os_str().is_empty();
    (named && !directory.exists()).then_some(directory)
}

/// Locks against a second recorder. To lock twice through one handle is no error.
fn take(lock: &File, path: &Path) -> Result<(), StartError> {
    lock.try_lock().map_err(|refused| match refused {
        TryLockError::WouldBlock => StartError::InUse { path: path.into() },
        TryLockError::Error(source) => StartError::Io {
            path: path.into(),
            doing: "lock the file",
            source,
        },
    })
}

/// The tables of a new file, in pages of that many bytes.
pub(super) fn create_tables(connection: &Connection, page_size: u32) -> rusqlite::Result<()> {
    let (application, version) = (APPLICATION_ID, FormatVersion::NEWEST.0);
    connection.execute_batch(&format!(
        "PRAGMA page_size = {page_size};
         BEGIN;
         PRAGMA application_id = {application};
         PRAGMA user_version = {version};
         {SQL}
         COMMIT;"
    ))
}

/// Writes the row of a part of `run`.
pub(super) fn write_run(
    connection: &Connection,
    run: &Run,
    part: u32,
    options: &WriterOptions,
) -> rusqlite::Result<()> {
    let first = run.peek();
    connection
        .execute(
            "INSERT INTO run (id, part, uuid, started_at, first_seq, closed_cleanly, tool_version,
             config, key_id, first_connection, first_chunks)
             VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)",
            params![
                signed(run.id().0),
                part,
                run.uuid(),
                signed(run.started_at()),
                signed(first.seq),
                options.tool_version,
                options.config,
                options.key_id,
                signed(first.connection),
                signed(first.chunks),
            ],
        )
        .map(drop)
}

/// Whether the last run goes on in another file.
fn is_continued(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT coalesce(max(continued), 0) FROM run WHERE id = (SELECT max(id) FROM run)",
        [],
        |row| row.get(0),
    )
}

/// For tests of a full disk.
pub(super) fn limit_pages(
    connection: &Connection,
    options: &WriterOptions,
) -> rusqlite::Result<()> {
    let Some(limit) = &options.page_limit else {
        return Ok(());
    };
    let pages = match limit.load(Ordering::SeqCst) {
        0 => u32::MAX - 1,
        pages => pages,
    };
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
}

/// Where the numbers go on after all that a recording holds. In one of format version 1 there are
/// no parts, and so no numbers that others have used.
fn numbers_after(connection: &Connection) -> rusqlite::Result<Numbers> {
    let version = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map(FormatVersion)?;
    // What an older one does not have.
    let since = |first: FormatVersion, sql: &'static str| if version >= first { sql } else { "" };
    let largest = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, Option<i64>>(0))
            .map(|largest| unsigned(largest.unwrap_or(0)) + 1)
    };
    Ok(Numbers {
        run: RunId(largest("SELECT max(id) FROM run")?),
        seq: largest(&format!(
            "SELECT max(seq) FROM (
               SELECT max(seq) AS seq FROM frame UNION ALL SELECT max(seq) FROM message
               UNION ALL SELECT max(opened_seq) FROM connection
               UNION ALL SELECT max(answered_seq) FROM connection
               UNION ALL SELECT max(closed_seq) FROM connection
               UNION ALL SELECT max(from_seq) FROM tag
               UNION ALL SELECT max(seq) FROM anomaly
               UNION ALL SELECT max(to_seq) FROM gap
               UNION ALL SELECT max(first_seq) - 1 FROM run {})",
            since(
                FormatVersion::WITH_EXCHANGES,
                "UNION ALL SELECT max(seq) FROM http_message
                 UNION ALL SELECT max(opened_seq) FROM exchange
                 UNION ALL SELECT max(answered_seq) FROM exchange
                 UNION ALL SELECT max(ended_seq) FROM exchange"
            )
        ))?,
        connection: largest(&format!(
            "SELECT max(id) FROM (SELECT max(id) AS id FROM connection {} {})",
            since(
                FormatVersion::WITH_EXCHANGES,
                "UNION ALL SELECT max(id) FROM exchange"
            ),
            since(
                FormatVersion::WITH_PARTS,
                "UNION ALL SELECT max(first_connection) - 1 FROM run"
            )
        ))?,
        chunks: largest(&format!(
            "SELECT max(id) FROM (SELECT max(chunks_id) AS id FROM frame_chunk {})",
            since(
                FormatVersion::WITH_PARTS,
                "UNION ALL SELECT max(first_chunks) - 1 FROM run"
            )
        ))?,
    })
}

pub(super) fn connect(path: &Path, options: &WriterOptions) -> rusqlite::Result<Connection> {
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
