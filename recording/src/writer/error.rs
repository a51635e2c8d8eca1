//! Why a recording could not be begun, or gone on with.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

use crate::header::OpenError;

/// Why a writer could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// The file is there already.
    #[error("{}: the file exists; choose another name, or add to it with --append", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The directory that the file would be in is not there.
    #[error("{}: there is no directory {}; make it first", path.display(), directory.display())]
    NoDirectory {
        /// The file.
        path: PathBuf,
        /// The directory.
        directory: PathBuf,
    },
    /// The file to append to cannot be used.
    #[error(transparent)]
    Unusable(#[from] OpenError),
    /// Another recorder writes to it.
    #[error("{}: another recorder writes to this file; stop it first, or choose another name", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is a part of a run that goes on in the next one.
    #[error("{}: the recording goes on in its next part, and numbers would be given twice; add to it with --append --rotate, which begins a new part", path.display())]
    Continued {
        /// The file.
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
    /// SQLite refused.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Why the recorder cannot write. Recording goes on by itself when the cause is gone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WriteError {
    /// There is no room.
    #[error("{}: the disk is full while it was to {doing} ({detail}); free some space", path.display())]
    DiskFull {
        /// The recording.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What SQLite said.
        detail: String,
    },
    /// Another process holds the write lock.
    #[error("{}: another process has locked the recording while it was to {doing} ({detail}); end that process", path.display())]
    Locked {
        /// The recording.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What SQLite said.
        detail: String,
    },
    /// Something else.
    #[error("{}: could not {doing}: {detail}", path.display())]
    Sqlite {
        /// The recording.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What SQLite said.
        detail: String,
    },
    /// The file is not where it was begun.
    #[error("{}: the recording was removed, moved or replaced while it was written: what is written from now on is not found there; put it back, or end the recorder and begin another recording", path.display())]
    Gone {
        /// Where it was.
        path: PathBuf,
    },
    /// The writer's thread has ended, so nothing more is recorded.
    #[error("{}: the recorder has ended", path.display())]
    Ended {
        /// The recording.
        path: PathBuf,
    },
}

impl WriteError {
    /// What `source`, met while `doing`, means for the recording at `path`.
    pub(super) fn new(path: &Path, doing: &'static str, source: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let detail = source.to_string();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull {
                path,
                doing,
                detail,
            },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked {
                path,
                doing,
                detail,
            },
            _ => Self::Sqlite {
                path,
                doing,
                detail,
            },
        }
    }
}
