//! The one writer of a recording: a thread of its own, batched and synced transactions.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel as channel;

use crate::credit::{Budget, Credit, CreditGuard};
use crate::parts::PartNames;
use crate::record::Record;
use crate::run::Run;

mod bell;
mod closer;
mod cut;
mod error;
mod file;
mod insert;
mod lost;
mod memory;
mod open;
mod options;
mod part;
mod recorder;
mod rota;
mod rotation;
mod stats;
mod transaction;

pub(crate) use memory::in_memory;

pub use cut::{CutError, Kept, cut};
pub use error::{StartError, WriteError};
pub use options::WriterOptions;
pub use rotation::Rotation;
pub use stats::{WriterState, WriterStats};

use bell::{Bell, Urgency};
use file::RecordingFile;
use rota::Rota;
use stats::Counters;

/// Owns a recording and the thread that writes it.
///
/// Dropped without [`close`](Self::close), it writes what waits, and leaves the recording marked as
/// not closed cleanly.
///
/// A recording must not be opened for reading in the process that writes it: closing any descriptor
/// of a file gives up the process's locks on it (POSIX), SQLite's among them.
#[derive(Debug)]
pub struct Writer {
    sender: Sender,
    thread: Option<JoinHandle<Result<Closed, WriteError>>>,
}

/// Hands records to the writer. It never blocks; clones share the queue.
#[derive(Clone)]
pub struct Sender {
    queue: channel::Sender<Command>,
    shared: Arc<Shared>,
}

/// What a recording holds after its clean end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The file; of several parts, the last one.
    pub path: PathBuf,
    /// The files of this run, in the order of its parts.
    pub files: Vec<PathBuf>,
    /// The figures of this run.
    pub stats: WriterStats,
    /// How long the run took.
    pub duration: Duration,
    /// Whether the recording, or each part, is one file. Else another process had it open, and a
    /// `-wal` file beside it belongs to it.
    pub single_file: bool,
}

/// What the threads share.
struct Shared {
    /// The file that is written.
    path: Mutex<PathBuf>,
    run: Arc<Run>,
    budget: Budget,
    counters: Counters,
    state: Mutex<WriterState>,
    /// Why the next part cannot be begun; `None` where it can, or is not due.
    rotation_failure: Mutex<Option<String>>,
    bell: Bell,
}

/// What a record without credit counts for, in bytes.
const ROW: u64 = 512;

enum Command {
    Batch(Batch),
    /// A connection waits for credit: commit as soon as the queue is empty.
    Hurry,
    /// Write the end of the run, and end.
    Close,
    /// Write what waits, and end without the mark of a clean close.
    Abandon,
}

struct Batch {
    records: Vec<Record>,
    credit: Option<CreditGuard>,
    notice: Option<Notice>,
}

impl Batch {
    fn urgency(&self) -> Urgency {
        match (&self.notice, &self.credit) {
            (Some(_), _) => Urgency::Now,
            (None, Some(credit)) => Urgency::Bytes(credit.bytes()),
            (None, None) => Urgency::Bytes(self.records.len() as u64 * ROW),
        }
    }
}

type OnCommit = Box<dyn FnOnce(Result<(), WriteError>) + Send>;

/// Calls back exactly once, also when it is dropped on the way.
struct Notice {
    on_commit: Option<OnCommit>,
    shared: Arc<Shared>,
}

impl Notice {
    fn tell(mut self, outcome: Result<(), WriteError>) {
        if let Some(on_commit) = self.on_commit.take() {
            on_commit(outcome);
        }
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        if let Some(on_commit) = self.on_commit.take() {
            on_commit(Err(self.shared.ended()));
        }
    }
}

impl Shared {
    fn state(&self) -> WriterState {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_state(&self, state: WriterState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    fn path(&self) -> PathBuf {
        self.path
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_path(&self, path: &Path) {
        path.clone_into(&mut self.path.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn set_rotation_failure(&self, why: Option<String>) {
        let failure = &self.rotation_failure;
        *failure.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    fn ended(&self) -> WriteError {
        WriteError::Ended { path: self.path() }
    }
}

impl Writer {
    /// Begins a new recording at `path`, with mode 0600. A file that exists is refused.
    ///
    /// With [`WriterOptions::rotation`] it begins the first of the parts of `path`, and refuses to
    /// where there is any part already.
    pub fn create(path: impl AsRef<Path>, options: WriterOptions) -> Result<Self, StartError> {
        let path = path.as_ref();
        if options.rotation.is_none() {
            return Self::start(RecordingFile::create(path, &options)?, None, options);
        }
        let names = PartNames::of(path);
        match newest(&names, path)? {
            Some(newest) => Err(StartError::Exists {
                path: names.path(newest),
            }),
            None => Self::start_part(
                path,
                1,
                RecordingFile::create(&names.path(1), &options)?,
                options,
            ),
        }
    }

    /// Adds a new run to the recording at `path`; places in the order and connection numbers go on.
    ///
    /// A recording that was not closed cleanly is repaired by `SQLite`; its last run stays marked.
    /// One of an older format version gets the newest one.
    ///
    /// With [`WriterOptions::rotation`] the run begins in a file of its own, after the last part of
    /// `path`; no file that exists is changed.
    pub fn append(path: impl AsRef<Path>, options: WriterOptions) -> Result<Self, StartError> {
        let path = path.as_ref();
        if options.rotation.is_none() {
            return Self::start(RecordingFile::append(path, &options)?, None, options);
        }
        let names = PartNames::of(path);
        let Some(newest) = newest(&names, path)? else {
            return Self::create(path, options);
        };
        let number = newest.saturating_add(1);
        let file = RecordingFile::create_after(&names.path(number), &names.path(newest), &options)?;
        Self::start_part(path, number, file, options)
    }

    fn start_part(
        out: &Path,
        number: u32,
        file: RecordingFile,
        options: WriterOptions,
    ) -> Result<Self, StartError> {
        let rota = options
            .rotation
            .map(|rotation| Rota::new(rotation, out, number, &file))
            .transpose()
            .map_err(|error| WriteError::new(&file.path, "read its size", &error))?;
        Self::start(file, rota, options)
    }

    fn start(
        file: RecordingFile,
        rota: Option<Rota>,
        options: WriterOptions,
    ) -> Result<Self, StartError> {
        let (queue, commands) = channel::unbounded();
        let budget = Budget::new(options.budget);
        let path = file.path.clone();
        let shared = Arc::new(Shared {
            path: Mutex::new(path.clone()),
            run: Arc::new(Run::start(file.numbers, file.uuid.clone())),
            budget,
            counters: Counters::default(),
            state: Mutex::new(WriterState::Running),
            rotation_failure: Mutex::new(None),
            bell: Bell::default(),
        });
        let hurry = queue.clone();
        // The budget is in there, too.
        let weak = Arc::downgrade(&shared);
        shared.budget.on_wanted(move || {
            // Where the thread has ended, credits were given back and nobody waits.
            let _ = hurry.send(Command::Hurry);
            if let Some(shared) = weak.upgrade() {
                shared.bell.ring(Urgency::Now);
            }
        });
        file.begin_run(&shared.run, &options)?;
        let body = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("wsaudit-recorder".into())
            .spawn(move || recorder::run(file, &commands, &body, &options, rota))
            .map_err(|source| StartError::Io {
                path,
                doing: "start the writer's thread",
                source,
            })?;
        Ok(Self {
            sender: Sender { queue, shared },
            thread: Some(thread),
        })
    }

    /// The file that is written now.
    pub fn path(&self) -> PathBuf {
        self.sender.path()
    }

    /// A handle for those who observe.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// The run's counters and clock.
    pub fn run(&self) -> &Arc<Run> {
        self.sender.run()
    }

    /// What has been written so far.
    pub fn stats(&self) -> WriterStats {
        self.sender.stats()
    }

    /// Whether the recorder records.
    pub fn state(&self) -> WriterState {
        self.sender.state()
    }

    /// Waits until everything that was sent before is written, marks the run as closed cleanly, and
    /// leaves one file.
    pub fn close(mut self) -> Result<Closed, WriteError> {
        self.end(Command::Close)
            .unwrap_or_else(|| Err(self.sender.shared.ended()))
    }

    fn end(&mut self, command: Command) -> Option<Result<Closed, WriteError>> {
        let thread = self.thread.take()?;
        // Where the thread has ended, `join` tells.
        let _ = self.sender.queue.send(command);
        self.sender.shared.bell.ring(Urgency::Now);
        thread.join().ok()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The outcome has nowhere to go; the recording says that it was not closed cleanly.
        let _ = self.end(Command::Abandon);
    }
}

impl Sender {
    /// Hands over `records`, in the order of observation. `credit` goes back when they are committed
    /// and synced, or the recorder has failed.
    pub fn send(&self, records: Vec<Record>, credit: Option<CreditGuard>) {
        self.push(Batch {
            records,
            credit,
            notice: None,
        });
    }

    /// Like [`send`](Self::send), and calls `on_commit` from the writer's thread once the records
    /// are committed and synced, or will not be. The writer commits as soon as its queue is empty:
    /// one disk sync for all who wait.
    pub fn send_and_notify(
        &self,
        records: Vec<Record>,
        credit: Option<CreditGuard>,
        on_commit: impl FnOnce(Result<(), WriteError>) + Send + 'static,
    ) {
        self.push(Batch {
            records,
            credit,
            notice: Some(Notice {
                on_commit: Some(Box::new(on_commit)),
                shared: Arc::clone(&self.shared),
            }),
        });
    }

    fn push(&self, batch: Batch) {
        let urgency = batch.urgency();
        // Where the thread has ended, dropping the batch gives back its credit and tells its notice.
        drop(self.queue.send(Command::Batch(batch)));
        self.shared.bell.ring(urgency);
    }

    /// A credit of `limit` bytes for a new connection.
    pub fn credit(&self, limit: u64) -> Credit {
        self.shared.budget.credit(limit)
    }

    /// The bytes that wait for the recorder, over all connections.
    pub fn budget(&self) -> &Budget {
        &self.shared.budget
    }

    /// The run's counters and clock.
    pub fn run(&self) -> &Arc<Run> {
        &self.shared.run
    }

    /// What has been written so far.
    pub fn stats(&self) -> WriterStats {
        self.shared.counters.snapshot(self.queue.len())
    }

    /// Whether the recorder records.
    pub fn state(&self) -> WriterState {
        self.shared.state()
    }

    /// The file that is written now.
    pub fn path(&self) -> PathBuf {
        self.shared.path()
    }

    /// Why the next part, which is due, cannot be begun: recording goes on in the one that there is,
    /// and it is tried again after a while. `None` where there is no such trouble.
    pub fn rotation_failure(&self) -> Option<String> {
        let failure = &self.shared.rotation_failure;
        failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The newest part that there is.
fn newest(names: &PartNames, path: &Path) -> Result<Option<u32>, StartError> {
    names.newest().map_err(|source| StartError::Io {
        path: path.into(),
        doing: "look for its parts",
        source,
    })
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("path", &self.path())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
