//! The log on standard error, and the status line below it. A thread of its own writes them: whoever reads
//! them slowly, or no more, holds up no traffic.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::announce::{Level, rendered};
use super::flags::LogFormat;
use crate::output::say;
use crate::status::{AboveStatus, StatusLine};

/// How many lines wait to be written at most; further ones are lost.
const ROOM: usize = 10_000;

/// How long the end waits for a log that is not read.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where lines are sent to be written.
#[derive(Debug, Clone)]
pub(super) struct Log {
    format: LogFormat,
    entries: SyncSender<Entry>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Entry {
    /// A whole line.
    Line(Vec<u8>),
    /// What the status line says.
    Status(String),
    /// Everything before it is written: to be told.
    Mark(SyncSender<()>),
}

impl Log {
    /// Starts the thread.
    pub(super) fn start(format: LogFormat) -> io::Result<Self> {
        let (entries, waiting) = sync_channel(ROOM);
        let lost = Arc::<AtomicU64>::default();
        let log = Self {
            format,
            entries,
            lost: Arc::clone(&lost),
        };
        thread::Builder::new()
            .name("wsaudit-log".into())
            .spawn(move || write_all(&waiting, &lost, format))?;
        Ok(log)
    }

    /// One line of ours, whatever `WSAUDIT_LOG` lets through.
    pub(super) fn announce(&self, level: Level, message: &str) {
        let line = rendered(self.format, level, message);
        self.line(format!("{line}\n").into_bytes());
    }

    /// The status line says something else; what it said before matters no more.
    pub(super) fn status(&self, text: String) {
        let _ = self.entries.try_send(Entry::Status(text));
    }

    /// Waits until what was said is written, but not for ever.
    pub(super) fn flush(&self) {
        let (told, written) = sync_channel(1);
        if self.entries.try_send(Entry::Mark(told)).is_ok() {
            let _ = written.recv_timeout(PATIENCE);
        }
    }

    fn line(&self, line: Vec<u8>) {
        if self.entries.try_send(Entry::Line(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whole lines, each in one call.
impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.line(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all(waiting: &Receiver<Entry>, lost: &AtomicU64, format: LogFormat) {
    for entry in waiting {
        match entry {
            // What cannot be written is nobody's to hear of.
            Entry::Line(line) => drop(AboveStatus.write_all(&line)),
            Entry::Status(text) => StatusLine::set(text),
            Entry::Mark(told) => drop(told.send(())),
        }
        match lost.swap(0, Ordering::Relaxed) {
            0 => {}
            lost => {
                let message =
                    format!("{lost} lines of the log are lost: they were not read in time");
                say(&rendered(format, Level::Warning, &message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_nobody_waits() {
        let (entries, waiting) = sync_channel(1);
        let log = Log {
            format: LogFormat::Text,
            entries,
            lost: Arc::default(),
        };
        for line in ["first", "second", "third"] {
            log.announce(Level::Warning, line);
        }
        log.flush();
        assert_eq!(log.lost.load(Ordering::Relaxed), 2);
        let Ok(Entry::Line(line)) = waiting.try_recv() else {
            panic!("the first line has found room");
        };
        assert_eq!(line, b"warning: first\n");
    }
}
