//! A private copy of a recording that is not settled.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::{Connection as Sqlite, OpenFlags};
use tempfile::TempDir;

use super::open_sqlite;
use crate::header::{Header, OpenError, beside};

/// The files of a recording in a directory of mode 0700; dropping it removes them.
pub(super) struct PrivateCopy {
    directory: TempDir,
}

impl PrivateCopy {
    /// Copies the recording at `path`; `None` where it changed meanwhile in a way that makes the
    /// copy worthless.
    ///
    /// The file is copied first and its log after it. A recorder that moves pages from the log into
    /// the file meanwhile does no harm, because the log still has them, as long as it was not begun
    /// anew: its header has new salts then.
    /// <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>
    pub(super) fn make(path: &Path, scratch: Option<&Path>) -> Result<Option<Self>, OpenError> {
        let failed = |doing| {
            move |source| OpenError::Io {
                path: path.into(),
                doing,
                source,
            }
        };
        let directory = private_directory(scratch)
            .map_err(failed("make a directory for a private copy; set TMPDIR"))?;
        let copy = Self { directory };
        let before = Generation::of(path).map_err(failed("look at the write-ahead log"))?;
        copy_bytes(path, &copy.file()).map_err(failed("make a private copy; set TMPDIR"))?;
        for suffix in ["-wal", "-journal"] {
            match copy_bytes(&beside(path, suffix), &beside(&copy.file(), suffix)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(failed("make a private copy of the log; set TMPDIR")(error));
                }
            }
        }
        let after = Generation::of(path).map_err(failed("look at the write-ahead log"))?;
        Ok((before == after).then_some(copy))
    }

    /// Opens the copy; `SQLite` recovers it. Errors name `path`, the original.
    pub(super) fn open(&self, path: &Path) -> Result<Sqlite, OpenError> {
        let file = self.file();
        recover(&file).map_err(|error| OpenError::from_sqlite(path, "its recovery", &error))?;
        // With the log in it, the file must be whole; this error must name the original.
        if let Err(OpenError::Truncated {
            expected, found, ..
        }) = Header::read(&file)
        {
            return Err(OpenError::Truncated {
                path: path.into(),
                expected,
                found,
            });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        open_sqlite(path, &file, flags)
    }

    pub(super) fn file(&self) -> PathBuf {
        self.directory.path().join("recording.db")
    }
}

/// Copies the bytes only: the copy of a file that nobody may write must be writable.
fn copy_bytes(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    io::copy(&mut from, &mut File::create(to)?).map(drop)
}

/// Moves the log of the copy into it.
fn recover(file: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let sqlite = Sqlite::open_with_flags(file, flags)?;
    // A copy needs no syncing.
    sqlite.execute_batch("PRAGMA synchronous = OFF")?;
    sqlite.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    sqlite.close().map_err(|(_, error)| error)
}

fn private_directory(scratch: Option<&Path>) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("wsaudit-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    match scratch {
        Some(scratch) => builder.tempdir_in(scratch),
        None => builder.tempdir(),
    }
}

/// What changes when a copy that was begun is worthless.
#[derive(PartialEq, Eq)]
enum Generation {
    /// The log's header: a new one begins with new salts.
    Log(Vec<u8>),
    /// No log: any change counts.
    File {
        length: u64,
        modified: Option<SystemTime>,
    },
}

impl Generation {
    fn of(path: &Path) -> io::Result<Self> {
        match File::open(beside(path, "-wal")) {
            Ok(log) => {
                let mut header = Vec::with_capacity(32);
                log.take(32).read_to_end(&mut header)?;
                Ok(Self::Log(header))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let metadata = fs::metadata(path)?;
                Ok(Self::File {
                    length: metadata.len(),
                    modified: metadata.modified().ok(),
                })
            }
            Err(error) => Err(error),
        }
    }
}
