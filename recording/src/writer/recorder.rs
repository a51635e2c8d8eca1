//! The writer's thread: from the queue into synced transactions.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError};
use rusqlite::{Connection, params};

use super::bell::Sleep;
use super::closer::{AllSettled, Closer};
use super::file::{RecordingFile, limit_pages};
use super::insert::{Inserted, Inserts};
use super::lost::Lost;
use super::rota::Rota;
use super::transaction::Transaction;
use super::{Batch, Closed, Command, Shared, WriteError, WriterOptions, WriterState};
use crate::column::signed;
use crate::record::{GapRecord, Record, Seq};
use crate::run::unix_now;

/// While more waits in the queue, a transaction may grow to this many batches: each commit is a disk
/// sync, and a recorder that lags has no time for them.
const BACKLOG: u64 = 4;

struct Recorder<'c> {
    connection: &'c Connection,
    file: &'c RecordingFile,
    inserts: Inserts<'c>,
    shared: &'c Shared,
    options: &'c WriterOptions,
    transaction: Transaction,
    /// `Some` while nothing can be written.
    failure: Option<Failure>,
    anchor_due: Instant,
    /// `None` where the recording is one file.
    rota: Option<&'c mut Rota>,
}

struct Failure {
    error: WriteError,
    lost: Lost,
    retry: Instant,
}

/// Writes until it is told to end.
pub(super) fn run(
    file: RecordingFile,
    commands: &Receiver<Command>,
    shared: &Arc<Shared>,
    options: &WriterOptions,
    rota: Option<Rota>,
) -> Result<Closed, WriteError> {
    let _watch = PanicWatch(shared);
    let outcome = record(file, commands, shared, options, rota);
    shared.set_state(match &outcome {
        Ok(_) => WriterState::Closed,
        Err(error) => WriterState::Failed(error.clone()),
    });
    outcome
}

/// A panic ends the recording, too; those who send must be able to see it.
struct PanicWatch<'s>(&'s Shared);

impl Drop for PanicWatch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.set_state(WriterState::Failed(self.0.ended()));
        }
    }
}

/// How the writing of a part ends.
enum End {
    Close,
    Abandon,
    /// The recording goes on in this file.
    Cut(RecordingFile),
}

/// Writes part after part.
fn record(
    mut file: RecordingFile,
    commands: &Receiver<Command>,
    shared: &Arc<Shared>,
    options: &WriterOptions,
    mut rota: Option<Rota>,
) -> Result<Closed, WriteError> {
    let mut files = vec![file.path.clone()];
    let mut closer = None;
    loop {
        match record_part(&file, commands, shared, options, rota.as_mut())? {
            End::Close => {
                let mut settled = file.settle();
                if let Some(closer) = closer
                    && Closer::finish(closer) == AllSettled::No
                {
                    settled = AllSettled::No;
                }
                return Ok(Closed {
                    path: file.path,
                    files,
                    stats: shared.counters.snapshot(0),
                    duration: Duration::from_nanos(shared.run.now().0),
                    single_file: settled == AllSettled::Yes,
                });
            }
            End::Abandon => return Err(shared.ended()),
            End::Cut(next) => {
                shared.set_path(&next.path);
                files.push(next.path.clone());
                let left = std::mem::replace(&mut file, next);
                let at = shared.run.now();
                if closer.is_none() {
                    closer = Closer::start(Arc::clone(shared), options.clone()).ok();
                }
                match &closer {
                    Some(closer) => closer.close(left, at),
                    // No thread can be had: the part stays unmarked, as after a kill.
                    None => drop(left),
                }
            }
        }
    }
}

fn record_part(
    file: &RecordingFile,
    commands: &Receiver<Command>,
    shared: &Shared,
    options: &WriterOptions,
    rota: Option<&mut Rota>,
) -> Result<End, WriteError> {
    let inserts = Inserts::prepare(&file.connection, &shared.run)
        .map_err(|error| WriteError::new(&file.path, "prepare its statements", &error))?;
    let mut recorder = Recorder {
        connection: &file.connection,
        file,
        inserts,
        shared,
        options,
        transaction: Transaction::default(),
        failure: None,
        anchor_due: Instant::now() + options.anchor_interval,
        rota,
    };
    let end = loop {
        match recorder.next(commands) {
            Some(Command::Batch(batch)) => recorder.take(batch),
            Some(Command::Hurry) => recorder.transaction.hurry = true,
            Some(Command::Close) => break End::Close,
            Some(Command::Abandon) => break End::Abandon,
            None => {}
        }
        recorder.attend(commands);
        if let Some(next) = recorder.cut() {
            return Ok(End::Cut(next));
        }
    };
    recorder.commit();
    recorder.recover();
    if let Some(failure) = recorder.failure {
        return Err(failure.error);
    }
    if matches!(end, End::Close) {
        recorder.end_run()?;
    }
    Ok(end)
}

impl Recorder<'_> {
    /// The next command, or `None` when something else is due.
    fn next(&self, commands: &Receiver<Command>) -> Option<Command> {
        match commands.try_recv() {
            Ok(command) => return Some(command),
            Err(TryRecvError::Disconnected) => return Some(Command::Abandon),
            Err(TryRecvError::Empty) => {}
        }
        // Without a transaction there is none that would be committed in time.
        let sleep = match self.transaction.since {
            Some(_) => Sleep::Dozing,
            None => Sleep::Asleep,
        };
        let bell = &self.shared.bell;
        bell.sleep(sleep, self.due(), || commands.is_empty());
        commands.try_recv().ok()
    }

    fn due(&self) -> Instant {
        let commit = self
            .transaction
            .since
            .map(|since| since + self.options.batch_interval);
        let retry = self.failure.as_ref().map(|failure| failure.retry);
        let cut = match (&self.rota, commit, retry) {
            (Some(rota), None, None) => rota.schedule.look_at(),
            // It comes after a commit, and not while nothing can be written.
            _ => None,
        };
        [commit, retry, cut]
            .into_iter()
            .flatten()
            .fold(self.anchor_due, Instant::min)
    }

    fn take(&mut self, mut batch: Batch) {
        if let Some(failure) = &mut self.failure {
            let before = failure.lost.frames();
            failure.lost.take(std::mem::take(&mut batch.records));
            let lost = failure.lost.frames() - before;
            let error = failure.error.clone();
            self.count_lost(lost);
            give_back(batch, &Err(error));
            return;
        }
        if let Err(error) = self.write(&batch) {
            self.transaction.batches.push(batch);
            self.fail(&error, "write a row");
            return;
        }
        self.transaction.hurry |= batch.notice.is_some();
        self.transaction.batches.push(batch);
    }

    fn write(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        self.begin()?;
        for record in &batch.records {
            match self.inserts.insert(record)? {
                Inserted::Written => self.note(record),
                Inserted::Refused(why) => self.write_refusal(record, &why)?,
            }
        }
        Ok(())
    }

    /// A record is in the transaction.
    fn note(&mut self, record: &Record) {
        self.transaction.count(record);
        if let Some(rota) = &mut self.rota {
            rota.open.note(record);
        }
    }

    fn begin(&mut self) -> rusqlite::Result<()> {
        if self.transaction.since.is_some() {
            return Ok(());
        }
        limit_pages(self.connection, self.options)?;
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        self.transaction.since = Some(Instant::now());
        Ok(())
    }

    /// A record that the schema does not take is a gap of its own.
    fn write_refusal(&mut self, record: &Record, why: &str) -> rusqlite::Result<()> {
        let (what, seq) = name_of(record);
        let frames = u64::from(matches!(record, Record::Frame(_) | Record::Http(_)));
        let seq = seq.unwrap_or(Seq(self.shared.run.peek_seq().0.saturating_sub(1)));
        self.inserts.insert(&Record::Gap(GapRecord {
            connection: None,
            from: seq,
            to: seq,
            at: self.shared.run.now(),
            frames: Some(frames),
            why: format!("the recording does not take this {what}: {why}"),
        }))?;
        self.transaction.refused += frames;
        self.shared.counters.gaps.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Does what is due.
    fn attend(&mut self, commands: &Receiver<Command>) {
        if let Some(failure) = &self.failure {
            if Instant::now() >= failure.retry {
                self.recover();
            }
            return;
        }
        let transaction = &self.transaction;
        let batch = self.options.batch_frames;
        let full = transaction.frames >= batch.saturating_mul(BACKLOG)
            || transaction.bytes >= self.options.batch_bytes;
        let enough = transaction.hurry || transaction.frames >= batch;
        if full || (enough && commands.is_empty()) {
            self.commit();
            return;
        }
        let now = Instant::now();
        if now >= self.anchor_due {
            self.anchor_due = now + self.options.anchor_interval;
            if let Err(error) = self.begin().and_then(|()| self.write_anchor()) {
                self.fail(&error, "note the wall clock");
                return;
            }
        }
        if self
            .transaction
            .since
            .is_some_and(|since| now >= since + self.options.batch_interval)
        {
            self.commit();
        }
    }

    fn write_anchor(&self) -> rusqlite::Result<()> {
        let (at, wall) = (self.shared.run.now(), unix_now());
        let run = signed(self.shared.run.id().0);
        self.connection
            .prepare("INSERT OR REPLACE INTO clock_anchor (run_id, at, wall) VALUES (?, ?, ?)")?
            .execute(params![run, signed(at.0), signed(wall)])
            .map(drop)
    }

    fn commit(&mut self) {
        if self.transaction.since.is_none() {
            self.transaction.hurry = false;
            return;
        }
        if let Err(error) = self.connection.execute_batch("COMMIT") {
            self.fail(&error, "commit");
            return;
        }
        let transaction = std::mem::take(&mut self.transaction);
        transaction.add_to(self.shared);
        // Before the credits go back: whoever finds none after that asks again.
        self.shared.budget.heard();
        for batch in transaction.batches {
            give_back(batch, &Ok(()));
        }
        self.look_at_size();
    }

    fn look_at_size(&mut self) {
        let log = self.file.log_size();
        let counters = &self.shared.counters;
        counters.log_bytes.store(log, Ordering::Relaxed);
        if let Some(rota) = &mut self.rota {
            // Where the size cannot be read, the next commit tells of the trouble.
            let size = self.file.size().unwrap_or(0);
            rota.schedule.committed(size, Instant::now());
        }
    }

    /// Begins the next part, where that is due: everything that was taken is committed in this one.
    fn cut(&mut self) -> Option<RecordingFile> {
        let rota = self.rota.as_mut()?;
        if self.failure.is_some() || self.transaction.since.is_some() {
            return None;
        }
        let now = Instant::now();
        if !rota.schedule.is_due(now, rota.open.message()) {
            return None;
        }
        match rota.next(self.file, self.shared, self.options) {
            Ok(next) => {
                self.shared.set_rotation_failure(None);
                Some(next)
            }
            Err(error) => {
                self.shared.set_rotation_failure(Some(error.to_string()));
                rota.schedule.retry_at(now + self.options.retry_interval);
                None
            }
        }
    }

    /// Undoes the transaction, keeps its records for later, and gives its credits back.
    fn fail(&mut self, error: &rusqlite::Error, doing: &'static str) {
        let error = WriteError::new(&self.file.path, doing, error);
        self.roll_back();
        self.shared.set_state(WriterState::Failed(error.clone()));
        self.shared.budget.heard();
        let transaction = std::mem::take(&mut self.transaction);
        let mut records = Vec::new();
        for mut batch in transaction.batches {
            records.append(&mut batch.records);
            give_back(batch, &Err(error.clone()));
        }
        self.failure = Some(Failure {
            error,
            lost: Lost::new(records),
            retry: Instant::now() + self.options.retry_interval,
        });
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            // SQLite has rolled back by itself where this fails.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// Tries to write what was kept, and the gap; goes on failing where that fails.
    fn recover(&mut self) {
        let Some(mut failure) = self.failure.take() else {
            return;
        };
        match self.write_kept(&mut failure) {
            Ok(()) => self.shared.set_state(WriterState::Running),
            Err(error) => {
                self.roll_back();
                self.transaction = Transaction::default();
                failure.error = WriteError::new(&self.file.path, "try again", &error);
                self.shared
                    .set_state(WriterState::Failed(failure.error.clone()));
                failure.retry = Instant::now() + self.options.retry_interval;
                self.failure = Some(failure);
            }
        }
        self.shared.budget.heard();
    }

    /// Writes what was kept, part by part, and with the last one the gap. What was written is
    /// forgotten, also where a later part fails.
    fn write_kept(&mut self, failure: &mut Failure) -> rusqlite::Result<()> {
        loop {
            self.begin()?;
            for record in failure.lost.part() {
                match self.inserts.insert(record)? {
                    Inserted::Written => self.note(record),
                    Inserted::Refused(why) => self.write_refusal(record, &why)?,
                }
            }
            let last = failure.lost.is_last_part();
            let mut gaps = 0;
            if last {
                let why = format!("the recorder failed: {}", failure.error);
                if let Some(gap) = failure.lost.gap(self.shared.run.now(), &why) {
                    self.inserts.insert(&Record::Gap(gap))?;
                    gaps = 1;
                }
            }
            self.connection.execute_batch("COMMIT")?;
            failure.lost.written();
            std::mem::take(&mut self.transaction).add_to(self.shared);
            self.look_at_size();
            self.shared.counters.gaps.fetch_add(gaps, Ordering::Relaxed);
            if last {
                return Ok(());
            }
        }
    }

    fn count_lost(&self, frames: u64) {
        let lost = &self.shared.counters.lost_frames;
        lost.fetch_add(frames, Ordering::Relaxed);
    }

    /// Marks the run as closed cleanly.
    fn end_run(&mut self) -> Result<(), WriteError> {
        let mut end = || {
            self.begin()?;
            self.write_anchor()?;
            self.connection.execute(
                "UPDATE run SET ended_at = ?2, closed_cleanly = 1 WHERE id = ?1",
                params![
                    signed(self.shared.run.id().0),
                    signed(self.shared.run.now().0)
                ],
            )?;
            self.connection.execute_batch("COMMIT")
        };
        end().map_err(|error| WriteError::new(&self.file.path, "write the run's end", &error))
    }
}

/// Gives a batch's credit back and tells its sender.
fn give_back(mut batch: Batch, outcome: &Result<(), WriteError>) {
    drop(batch.credit.take());
    if let Some(notice) = batch.notice.take() {
        notice.tell(outcome.clone());
    }
}

/// What a record is called, and its place.
fn name_of(record: &Record) -> (&'static str, Option<Seq>) {
    match record {
        Record::Opened(opened) => ("opening", Some(opened.seq)),
        Record::Answered(answered) => ("answer", Some(answered.seq)),
        Record::Closed(closed) => ("end of a connection", Some(closed.seq)),
        Record::Tag(tag) => ("tag", Some(tag.from)),
        Record::Frame(frame) => ("frame", Some(frame.seq)),
        Record::Chunk(_) => ("chunk", None),
        Record::Message(message) => ("message", Some(message.seq)),
        Record::Anomaly(anomaly) => ("anomaly", Some(anomaly.seq)),
        Record::Gap(gap) => ("gap", Some(gap.from)),
        Record::Tail(_) => ("tail", None),
        Record::ExchangeOpened(opened) => ("HTTP request's head", Some(opened.seq)),
        Record::ExchangeAnswered(answered) => ("HTTP answer's head", Some(answered.seq)),
        Record::ExchangeEnded(ended) => ("end of an HTTP exchange", Some(ended.seq)),
        Record::Http(message) => ("HTTP message", Some(message.seq)),
    }
}
