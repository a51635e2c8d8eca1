//! Ends the parts that a recording has left, beside the thread that writes the next one: to move the
//! log into its file takes as long as the disk does.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{self as channel, RecvTimeoutError};
use rusqlite::params;

use super::file::RecordingFile;
use super::{Shared, WriterOptions};
use crate::column::signed;
use crate::record::Nanos;

/// A thread that ends parts. Dropped, it waits until it is done.
pub(super) struct Closer {
    parts: Option<channel::Sender<Left>>,
    thread: Option<JoinHandle<AllSettled>>,
}

/// Whether each part has become one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AllSettled {
    Yes,
    No,
}

/// A part that the recording has left.
struct Left {
    file: RecordingFile,
    at: Nanos,
    ended: Ended,
}

/// How far its end has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    NotYet,
    Marked,
}

impl Closer {
    pub(super) fn start(shared: Arc<Shared>, options: WriterOptions) -> std::io::Result<Self> {
        let (parts, left) = channel::unbounded();
        let thread = thread::Builder::new()
            .name("wsaudit-closer".into())
            .spawn(move || close_all(&left, &shared, &options))?;
        Ok(Self {
            parts: Some(parts),
            thread: Some(thread),
        })
    }

    /// Ends a part that was left at `at`; the next one goes on.
    pub(super) fn close(&self, file: RecordingFile, at: Nanos) {
        let left = Left {
            file,
            at,
            ended: Ended::NotYet,
        };
        if let Some(parts) = &self.parts {
            // Where the thread is gone, the part stays unmarked: the next one says that it goes on.
            let _ = parts.send(left);
        }
    }

    /// Waits for all of them.
    pub(super) fn finish(mut self) -> AllSettled {
        self.join()
    }

    fn join(&mut self) -> AllSettled {
        self.parts = None;
        let thread = self.thread.take();
        thread.map_or(AllSettled::Yes, |thread| {
            thread.join().unwrap_or(AllSettled::No)
        })
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.join();
    }
}

/// A part that cannot be ended now (the disk is full, somebody reads it) is tried again.
fn close_all(
    parts: &channel::Receiver<Left>,
    shared: &Shared,
    options: &WriterOptions,
) -> AllSettled {
    let mut waiting: Vec<Left> = Vec::new();
    loop {
        match parts.recv_timeout(options.retry_interval) {
            Ok(left) => waiting.push(left),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                waiting.retain_mut(|left| left.end(shared) == AllSettled::No);
                return match waiting.as_slice() {
                    [] => AllSettled::Yes,
                    [..] => AllSettled::No,
                };
            }
        }
        waiting.retain_mut(|left| left.end(shared) == AllSettled::No);
    }
}

impl Left {
    fn end(&mut self, shared: &Shared) -> AllSettled {
        let connection = &self.file.connection;
        if self.ended == Ended::NotYet {
            let run = signed(shared.run.id().0);
            let marked = connection.execute(
                "UPDATE run SET ended_at = ?2, closed_cleanly = 1, continued = 1 WHERE id = ?1",
                params![run, signed(self.at.0)],
            );
            if marked.is_err() {
                return AllSettled::No;
            }
            self.ended = Ended::Marked;
        }
        self.file.settle()
    }
}

impl RecordingFile {
    /// Leaves one file: what is in the log goes into it, and the log is removed. Another process that
    /// reads keeps the log in use; everything is committed, so that is no error.
    pub(super) fn settle(&self) -> AllSettled {
        let mode = self
            .connection
            .query_row("PRAGMA journal_mode = DELETE", [], |row| {
                row.get::<_, String>(0)
            });
        match mode.as_deref() {
            Ok("delete") => AllSettled::Yes,
            Ok(_) | Err(_) => AllSettled::No,
        }
    }
}
