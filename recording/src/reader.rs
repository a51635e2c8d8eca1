//! Reading a recording; nothing here writes to it.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection as Sqlite, OpenFlags};

use crate::header::{Header, OpenError};
use crate::record::{Nanos, Seq};
use crate::run::RunId;
use crate::schema::{FormatVersion, tables};

mod cell;
mod copy;
mod error;
mod filter;
mod frames;
mod http;
mod joined;
mod messages;
mod order;
mod plain;
mod rows;
mod unclean;

pub use error::{ReadError, ReadPlace};
pub use filter::{Connections, Filter};
pub use frames::{FrameBytes, FrameQuery, FrameRow, FrameRows};
pub use http::{Exchange, HttpBodyRow, HttpMessageRow, HttpQuery, HttpRows};
pub use messages::{Message, MessagePayload, MessageQuery, MessageRow, MessageRows};
pub use rows::{Connection, Counts, RunInfo, TagSpan};
pub use unclean::Unclean;

use copy::PrivateCopy;
use rows::Anchor;

/// How a recording is read.
#[derive(Debug, Clone)]
pub struct ReaderOptions {
    /// Payloads of more chunks than this many bytes are given truncated.
    pub message_cap: usize,
    /// Where the private copy of an unclean recording is made; `None`: the system's directory for
    /// temporary files (`TMPDIR`).
    pub scratch: Option<PathBuf>,
    /// How often a recording that changes while it is copied is copied again.
    pub attempts: u32,
}

impl Default for ReaderOptions {
    fn default() -> Self {
        Self {
            message_cap: 64 << 20,
            scratch: None,
            attempts: 10,
        }
    }
}

/// A recording that is open for reading.
///
/// The file is never changed, and nothing is created beside it. A recording that was not closed
/// cleanly, or is still growing, is read from a private copy, which lives as long as the reader.
/// A settled one is read in place, under SQLite's shared lock: no recorder can append meanwhile.
pub struct Reader {
    path: PathBuf,
    version: FormatVersion,
    // Before `copy`, so that SQLite closes its files before they are removed.
    sqlite: Sqlite,
    runs: Vec<RunInfo>,
    anchors: Vec<Anchor>,
    unclean: Option<Unclean>,
    options: ReaderOptions,
    copy: Option<PrivateCopy>,
}

/// The wall clock of the recorder's machine was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockStep {
    /// While which run.
    pub run: RunId,
    /// When that was noticed, on the run's clock: at most a minute later.
    pub at: Nanos,
    /// By how many nanoseconds; below 0: it was set back.
    pub by: i64,
}

impl Reader {
    /// Opens the recording at `path`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(path, ReaderOptions::default())
    }

    /// Opens the recording at `path` with other options than the default ones.
    pub fn open_with(path: impl AsRef<Path>, options: ReaderOptions) -> Result<Self, OpenError> {
        Self::open_as_it_is(path.as_ref(), options).map_err(OpenError::or_without_log)
    }

    fn open_as_it_is(path: &Path, options: ReaderOptions) -> Result<Self, OpenError> {
        let mut attempt = 0;
        let (sqlite, copy) = loop {
            let header = Header::read(path)?;
            if header.is_settled() {
                if let Some(sqlite) = open_in_place(path)? {
                    break (sqlite, None);
                }
            } else if let Some(copy) = PrivateCopy::make(path, options.scratch.as_deref())? {
                break (copy.open(path)?, Some(copy));
            }
            attempt += 1;
            if attempt >= options.attempts {
                return Err(OpenError::Changing {
                    path: path.into(),
                    attempts: attempt,
                });
            }
        };
        let version = version(path, &sqlite)?;
        plain::check(path, &sqlite, version)?;
        probe_tables(path, &sqlite, version)?;
        let runs = rows::runs(path, &sqlite, version)?;
        let anchors = rows::anchors(path, &sqlite)?;
        let unclean = Unclean::of(&runs, copy.is_some());
        Ok(Self {
            path: path.into(),
            version,
            sqlite,
            runs,
            anchors,
            unclean,
            options,
            copy,
        })
    }

    /// The same recording over another connection, which can be closed to what this one may do.
    pub(crate) fn open_again(&self) -> Result<Sqlite, OpenError> {
        let file = match &self.copy {
            Some(copy) => copy.file(),
            None => self.path.clone(),
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        open_sqlite(&self.path, &file, flags)
    }

    /// For who looks for the last numbers in it.
    pub(crate) const fn sqlite(&self) -> &Sqlite {
        &self.sqlite
    }

    /// The recording, as it was named when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The version of its format.
    pub const fn version(&self) -> FormatVersion {
        self.version
    }

    /// Why the recording may end too early; `None` where each of its runs was closed cleanly.
    pub const fn unclean(&self) -> Option<&Unclean> {
        self.unclean.as_ref()
    }

    /// The runs, the first one first; never empty.
    pub fn runs(&self) -> &[RunInfo] {
        &self.runs
    }

    /// `at`, on the clock of `run`, as Unix time in nanoseconds, by the last anchor before it;
    /// `None` where there is no such run.
    pub fn time(&self, run: RunId, at: Nanos) -> Option<u64> {
        let after = self
            .anchors
            .partition_point(|anchor| (anchor.run, anchor.at) <= (run, at));
        let anchor = self.anchors.get(after.checked_sub(1)?)?;
        (anchor.run == run).then(|| anchor.wall.saturating_add(at.0 - anchor.at.0))
    }

    /// Likewise by the run's first anchor: on one clock that nobody sets, so that the time between two
    /// moments of a run is what passed.
    pub fn steady_time(&self, run: RunId, at: Nanos) -> Option<u64> {
        let first = self.anchors.partition_point(|anchor| anchor.run < run);
        let anchor = self.anchors.get(first).filter(|anchor| anchor.run == run)?;
        let ahead = at.0.checked_sub(anchor.at.0);
        Some(match ahead {
            Some(ahead) => anchor.wall.saturating_add(ahead),
            None => anchor.wall.saturating_sub(anchor.at.0 - at.0),
        })
    }

    /// Where the wall clock was set while a run went on: it moved by more than `more_than` nanoseconds
    /// against the run's own clock between two anchors.
    pub fn clock_steps(&self, more_than: u64) -> Vec<ClockStep> {
        let pairs = self
            .anchors
            .windows(2)
            .filter(|pair| pair[0].run == pair[1].run);
        let steps = pairs.map(|pair| {
            let wall = i128::from(pair[1].wall) - i128::from(pair[0].wall);
            let passed = i128::from(pair[1].at.0) - i128::from(pair[0].at.0);
            ClockStep {
                run: pair[1].run,
                at: pair[1].at,
                by: i64::try_from(wall - passed).unwrap_or(i64::MAX),
            }
        });
        steps
            .filter(|step| step.by.unsigned_abs() > more_than)
            .collect()
    }

    /// The first and last place at which the recording holds a frame; `None` where it holds none.
    pub fn frame_range(&self) -> Result<Option<(Seq, Seq)>, ReadError> {
        rows::frame_range(self)
    }

    /// Looks at the whole file for damage. Reading reports damage, too, but only where it passes;
    /// this takes about as long as reading all frames.
    pub fn check(&self) -> Result<(), ReadError> {
        let at = error::Place::beginning(&self.path, "all");
        let mut statement = at.of(self.sqlite.prepare("PRAGMA quick_check(5)"))?;
        let mut rows = at.of(statement.query([]))?;
        let mut findings = Vec::new();
        while let Some(row) = at.of(rows.next())? {
            findings.push(at.of(row.get::<_, String>(0))?);
        }
        if findings == ["ok"] {
            return Ok(());
        }
        Err(ReadError::Damaged {
            path: self.path.clone(),
            findings: findings.join("; "),
        })
    }
}

/// `None` where a recorder has begun to append since the header was read.
fn open_in_place(path: &Path) -> Result<Option<Sqlite>, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let sqlite = open_sqlite(path, path, flags)?;
    let mode: String = sqlite
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .map_err(|error| OpenError::from_sqlite(path, "the journal mode", &error))?;
    Ok((mode != "wal").then_some(sqlite))
}

/// Opens `file` and begins to read; errors name `path`.
fn open_sqlite(path: &Path, file: &Path, flags: OpenFlags) -> Result<Sqlite, OpenError> {
    let open = || {
        let sqlite = Sqlite::open_with_flags(file, flags)?;
        // The file may come from anybody: its views and triggers must not reach anything.
        sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        sqlite.execute_batch("PRAGMA query_only = ON;")?;
        // A file that is read once, in order, costs more as page faults than as copies; and a mapped
        // one that is cut short meanwhile would end the process.
        sqlite.query_row("PRAGMA mmap_size = 0", [], |_| Ok(()))?;
        // The transaction holds the shared lock for as long as the reader lives.
        sqlite.execute_batch("BEGIN")?;
        sqlite.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(sqlite)
    };
    open().map_err(|error| OpenError::from_sqlite(path, "the schema", &error))
}

/// The version of the format, as it is where the log counts, too.
fn version(path: &Path, sqlite: &Sqlite) -> Result<FormatVersion, OpenError> {
    let version = sqlite
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|error| OpenError::from_sqlite(path, "the format version", &error))?;
    let found = FormatVersion(version);
    if found > FormatVersion::NEWEST {
        return Err(OpenError::Newer {
            path: path.into(),
            found,
        });
    }
    Ok(found)
}

/// Looks up the first and the last row of each table: it must be there, and both ends readable.
fn probe_tables(path: &Path, sqlite: &Sqlite, version: FormatVersion) -> Result<(), OpenError> {
    for (table, key) in tables(version) {
        for order in ["ASC", "DESC"] {
            let sql = format!("SELECT * FROM {table} ORDER BY {key} {order} LIMIT 1");
            let looked = sqlite.prepare(&sql).and_then(|mut statement| {
                let mut rows = statement.query([])?;
                rows.next().map(drop)
            });
            looked
                .map_err(|error| OpenError::from_sqlite(path, &format!("table {table}"), &error))?;
        }
    }
    Ok(())
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.path)
            .field("runs", &self.runs.len())
            .field("unclean", &self.unclean)
            .finish_non_exhaustive()
    }
}
