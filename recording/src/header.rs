//! What a file says of itself before SQLite opens it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::schema::{APPLICATION_ID, FormatVersion};

/// Why a file could not be opened as a recording.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no such file.
    #[error("{}: no such file; {}", path.display(), instead(path))]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// It is a directory.
    #[error("{}: this is a directory; name the recording inside it", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// It is a pipe, a socket or a device.
    #[error("{}: this is no file that can be read twice (a pipe, a socket or a device); save the recording to a file, and name that", path.display())]
    NoFile {
        /// What was named.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: could not {doing}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// It holds no byte.
    #[error("{}: the file is empty (0 bytes); the recorder was stopped before it began, so record again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is something else than SQLite.
    #[error("{}: not an SQLite file (it begins with {found}); {}", path.display(), instead_of_sqlite(found))]
    NotSqlite {
        /// The file.
        path: PathBuf,
        /// Its first bytes, escaped.
        found: String,
    },
    /// It is another application's SQLite file.
    #[error("{}: an SQLite file, but not a wsaudit recording (application_id 0x{found:08X}, a recording has 0x{APPLICATION_ID:08X}); name the file that `wsaudit record --out` wrote", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its `application_id`.
        found: u32,
    },
    /// A newer wsaudit wrote it.
    #[error("{}: the recording has format version {}, and this wsaudit reads up to {}; install a newer wsaudit", path.display(), found.0, FormatVersion::NEWEST.0)]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: FormatVersion,
    },
    /// Its end is missing.
    #[error("{}: the file is truncated: it has {found} bytes of {expected}; copy it again, whole, with its -wal file if there is one", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its length by its own header, in bytes.
        expected: u64,
        /// Its length in bytes.
        found: u64,
    },
    /// SQLite finds it damaged.
    #[error("{}: the recording is damaged, seen at {place}: {detail}; copy it again, or restore it from a backup", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The table or step.
        place: String,
        /// What SQLite said.
        detail: String,
    },
    /// It is not whole, and the log that would make it whole is not beside it.
    #[error("{}: the recording is not whole, seen at {place}: {detail}; its recorder did not end it, and what it wrote last stood in {}, which is missing: copy both files again, or restore both from a backup", path.display(), beside(path, "-wal").display())]
    WithoutLog {
        /// The file.
        path: PathBuf,
        /// The table or step.
        place: String,
        /// What SQLite said.
        detail: String,
    },
    /// It changed each time it was copied.
    #[error("{}: the recording is being written and changed during each of {attempts} attempts to copy it; stop the recorder, or copy the file at a quieter time", path.display())]
    Changing {
        /// The file.
        path: PathBuf,
        /// How often a copy was tried.
        attempts: u32,
    },
    /// Another process holds a lock on it.
    #[error("{}: another process holds a lock on the recording ({detail}); wait until it is done", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
}

/// What to do where there is something else than SQLite.
fn instead_of_sqlite(found: &str) -> &'static str {
    // <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>: how each pointer begins.
    if found.starts_with("\"version https") {
        "a pointer of Git LFS stands there: `git lfs pull` fetches the recording"
    } else {
        "wsaudit reads the files that `wsaudit record` writes"
    }
}

/// What to do where there is no file.
fn instead(path: &Path) -> &'static str {
    if path == Path::new("-") {
        "a recording is not read from standard input: save it to a file, and name that"
    } else {
        "check the path of the recording"
    }
}

impl OpenError {
    /// What `source`, met at `place`, means for the file at `path`.
    pub(crate) fn from_sqlite(path: &Path, place: &str, source: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let detail = in_a_line(&source.to_string());
        match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                Self::Locked { path, detail }
            }
            _ => Self::Malformed {
                path,
                place: place.to_owned(),
                detail,
            },
        }
    }

    /// What is damaged is rather the half of two files, where a recorder left a log that is not there.
    pub(crate) fn or_without_log(self) -> Self {
        match self {
            Self::Malformed {
                path,
                place,
                detail,
            } if Header::read(&path).is_ok_and(|header| header.wal_mode && !header.has_wal) => {
                Self::WithoutLog {
                    path,
                    place,
                    detail,
                }
            }
            error => error,
        }
    }
}

/// What SQLite says of a damaged schema goes on with the SQL that stands there.
fn in_a_line(said: &str) -> String {
    const MOST: usize = 120;
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// The first 100 bytes of an SQLite file, and its surroundings.
///
/// <https://www.sqlite.org/fileformat2.html#the_database_header>
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// The write-ahead log is in use: its recorder runs, or did not end cleanly.
    pub(crate) wal_mode: bool,
    /// There is a file with the suffix `-wal`.
    pub(crate) has_wal: bool,
    /// There is a file with the suffix `-journal`.
    pub(crate) has_journal: bool,
    /// The file's length by its header, in bytes; `None` where the header does not know.
    pub(crate) expected_length: Option<u64>,
    /// The file's length in bytes.
    pub(crate) length: u64,
}

/// What every file of SQLite begins with: <https://www.sqlite.org/fileformat.html>, 1.3.
pub const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

impl Header {
    /// Reads the header of the file at `path`, and refuses what is no recording.
    pub(crate) fn read(path: &Path) -> Result<Self, OpenError> {
        let io = |doing| {
            move |source: io::Error| {
                if source.kind() == io::ErrorKind::NotFound {
                    return OpenError::NotFound { path: path.into() };
                }
                OpenError::Io {
                    path: path.into(),
                    doing,
                    source,
                }
            }
        };
        let metadata = fs::metadata(path).map_err(io("look at the file"))?;
        if metadata.is_dir() {
            return Err(OpenError::Directory { path: path.into() });
        }
        // Opening a pipe would wait for a writer, and what it gave could not be read again.
        if !metadata.is_file() {
            return Err(OpenError::NoFile { path: path.into() });
        }
        let mut bytes = Vec::with_capacity(100);
        File::open(path)
            .map_err(io("open the file"))?
            .take(100)
            .read_to_end(&mut bytes)
            .map_err(io("read the file"))?;
        let header = Self {
            wal_mode: bytes.get(18) == Some(&2),
            has_wal: beside(path, "-wal").exists(),
            has_journal: beside(path, "-journal").exists(),
            expected_length: expected_length(&bytes),
            length: metadata.len(),
        };
        check(path, &bytes)?;
        if let Some(expected) = header.expected_length
            && header.is_settled()
            && header.length < expected
        {
            return Err(OpenError::Truncated {
                path: path.into(),
                expected,
                found: header.length,
            });
        }
        Ok(header)
    }

    /// Whether the one file is the whole recording.
    pub(crate) fn is_settled(&self) -> bool {
        !self.wal_mode && !self.has_wal && !self.has_journal
    }
}

/// `path` with `suffix` at its end.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn check(path: &Path, bytes: &[u8]) -> Result<(), OpenError> {
    let path = path.to_owned();
    if bytes.is_empty() {
        return Err(OpenError::Empty { path });
    }
    let magic = bytes.len().min(SQLITE_MAGIC.len());
    if bytes[..magic] != SQLITE_MAGIC[..magic] {
        return Err(OpenError::NotSqlite {
            path,
            found: format!("\"{}\"", bytes[..magic].escape_ascii()),
        });
    }
    let (Some(version), Some(application)) = (big_endian(bytes, 60), big_endian(bytes, 68)) else {
        return Err(OpenError::Truncated {
            path,
            expected: 100,
            found: bytes.len() as u64,
        });
    };
    if application != APPLICATION_ID {
        return Err(OpenError::Foreign {
            path,
            found: application,
        });
    }
    let found = FormatVersion(version);
    if found > FormatVersion::NEWEST {
        return Err(OpenError::Newer { path, found });
    }
    Ok(())
}

/// Page size times page count; the count is valid only where the change counter is the one that it
/// was written for.
fn expected_length(bytes: &[u8]) -> Option<u64> {
    let page_size = match u16::from_be_bytes([*bytes.get(16)?, *bytes.get(17)?]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = big_endian(bytes, 28)?;
    (big_endian(bytes, 24)? == big_endian(bytes, 92)?).then_some(page_size * u64::from(pages))
}

fn big_endian(bytes: &[u8], offset: usize) -> Option<u32> {
    let four = bytes.get(offset..offset + 4)?;
    Some(u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}
