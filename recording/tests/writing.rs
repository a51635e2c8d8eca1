//! The writer: credit, commits, failures, appending, the file that is left.

mod spoken;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use wsaudit_recording::{
    ConnectionId, Filter, Nanos, Payload, Reader, Record, RunId, Seq, StartError, WriteError,
    Writer, WriterOptions, WriterState,
};

use spoken::{frame_of, opened, wait_for};

fn frame(writer: &Writer, connection: ConnectionId) -> Record {
    let payload = Payload::Whole(vec![b'x'; 1_000]);
    frame_of(writer, connection, 0x81, payload, 1_000)
}

/// Commits only when it must.
fn lazy() -> WriterOptions {
    WriterOptions {
        batch_interval: Duration::from_secs(3_600),
        ..WriterOptions::default()
    }
}

fn seqs(reader: &Reader) -> Vec<Seq> {
    let mut query = reader.frames(Filter::ALL).expect("prepared");
    let mut rows = query.rows().expect("begun");
    let mut seqs = Vec::new();
    while let Some(frame) = rows.next().expect("a row") {
        seqs.push(frame.seq);
    }
    seqs
}

#[test]
fn credit_comes_back_with_the_commit_which_waiting_brings_about() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = Writer::create(directory.path().join("a.db"), lazy()).expect("created");
    let sender = writer.sender();
    let credit = sender.credit(1_000);
    let (id, opened) = opened(&writer);
    let guard = credit.try_acquire(1_000).expect("nothing is taken yet");
    sender.send(vec![opened, frame(&writer, id)], Some(guard));

    assert!(credit.try_acquire(1).is_none());
    assert_eq!(writer.stats().commits, 0);
    let next = credit.acquire_blocking(1_000);
    assert_eq!(writer.stats().frames, 1);
    assert_eq!(writer.stats().commits, 1);
    assert!(writer.stats().lag_max > Duration::ZERO);
    drop(next);
    assert_eq!(sender.budget().used(), 0);
}

#[test]
fn who_asks_is_told_of_the_commit() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = Writer::create(directory.path().join("a.db"), lazy()).expect("created");
    let sender = writer.sender();
    let (told, hear) = mpsc::channel();
    let (id, opened) = opened(&writer);
    let (watch, tell) = (writer.sender(), told.clone());
    sender.send_and_notify(vec![opened, frame(&writer, id)], None, move |outcome| {
        let _ = tell.send((outcome, watch.stats().frames));
    });
    assert_eq!(hear.recv(), Ok((Ok(()), 1)));

    writer.close().expect("closed");
    sender.send_and_notify(Vec::new(), None, move |outcome| {
        let _ = told.send((outcome, 0));
    });
    let (outcome, _) = hear.recv().expect("told");
    assert!(matches!(outcome, Err(WriteError::Ended { .. })));
}

#[test]
fn a_full_batch_is_committed_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let options = WriterOptions {
        batch_frames: 10,
        ..lazy()
    };
    let writer = Writer::create(directory.path().join("a.db"), options).expect("created");
    let (id, opened) = opened(&writer);
    writer.sender().send(vec![opened], None);
    for _ in 0..9 {
        writer.sender().send(vec![frame(&writer, id)], None);
    }
    wait_for("the queue to empty", || writer.stats().queued == 0);
    assert_eq!(writer.stats().commits, 0);
    // The writer sleeps over its open transaction; so much wakes it.
    let credit = writer.sender().credit(1 << 20);
    let guard = credit.try_acquire(128 << 10);
    writer.sender().send(vec![frame(&writer, id)], guard);
    wait_for("a commit", || writer.stats().commits == 1);
    assert_eq!(writer.stats().frames, 10);
}

#[test]
fn a_file_that_exists_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.db");
    std::fs::write(&path, b"precious").expect("written");
    let refused = Writer::create(&path, WriterOptions::default()).expect_err("refused");
    assert!(matches!(refused, StartError::Exists { .. }), "{refused}");
    assert_eq!(std::fs::read(&path).expect("read"), b"precious");
}

#[cfg(unix)]
#[test]
fn others_may_not_read_it_and_one_file_is_left() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.db");
    let writer = Writer::create(&path, WriterOptions::default()).expect("created");
    for entry in std::fs::read_dir(directory.path()).expect("listed") {
        let mode = entry.expect("an entry").metadata().expect("known");
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    }
    let closed = writer.close().expect("closed");
    assert!(closed.single_file);
    assert_eq!(
        std::fs::read_dir(directory.path()).expect("listed").count(),
        1
    );
}

#[test]
fn a_second_recorder_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.db");
    let writer = Writer::create(&path, WriterOptions::default()).expect("created");
    let refused = Writer::append(&path, WriterOptions::default()).expect_err("refused");
    assert!(matches!(refused, StartError::InUse { .. }), "{refused}");
    writer.close().expect("closed");
}

#[test]
fn appending_goes_on_with_every_number() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.db");
    let first = Writer::create(&path, WriterOptions::default()).expect("created");
    let (id, opening) = opened(&first);
    assert_eq!(id, ConnectionId(1));
    let records = vec![opening, frame(&first, id), frame(&first, id)];
    first.sender().send(records, None);
    // Without `close`: this run is not closed cleanly.
    drop(first);

    let second = Writer::append(&path, WriterOptions::default()).expect("appended");
    assert_eq!(second.run().id(), RunId(2));
    let (id, opening) = opened(&second);
    assert_eq!(id, ConnectionId(2));
    let records = vec![opening, frame(&second, id)];
    second.sender().send(records, None);
    second.close().expect("closed");

    let reader = Reader::open(&path).expect("a recording");
    assert_eq!(seqs(&reader), [Seq(2), Seq(3), Seq(5)]);
    let runs = reader.runs();
    let ends: Vec<_> = runs.iter().map(|run| run.closed_cleanly).collect();
    assert_eq!(ends, [false, true]);
    assert_ne!(runs[0].uuid, runs[1].uuid);
    assert_eq!(runs[1].first_seq, Seq(4));
    assert_eq!(reader.unclean().expect("the first run").runs, [RunId(1)]);
    let connections = reader.connections().expect("read");
    assert_eq!(
        (connections[0].run, connections[1].run),
        (RunId(1), RunId(2))
    );
    let started = runs[1].started_at;
    assert_eq!(reader.time(RunId(2), Nanos(7)), Some(started + 7));
    assert_eq!(reader.time(RunId(3), Nanos(0)), None);
}

#[test]
fn a_lock_that_another_process_holds_leaves_a_gap() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.db");
    let options = WriterOptions {
        lock_timeout: Duration::from_millis(1),
        retry_interval: Duration::from_millis(1),
        batch_interval: Duration::from_millis(1),
        ..WriterOptions::default()
    };
    let writer = Writer::create(&path, options).expect("created");
    let (id, opening) = opened(&writer);
    let before = vec![opening, frame(&writer, id)];
    let (told, hear) = mpsc::channel();
    let tell = told.clone();
    writer
        .sender()
        .send_and_notify(before, None, move |outcome| {
            let _ = tell.send(outcome);
        });
    assert_eq!(hear.recv(), Ok(Ok(())));

    let other = rusqlite::Connection::open(&path).expect("opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let credit = writer.sender().credit(1_000);
    let mut sent = 1;
    while !matches!(
        writer.state(),
        WriterState::Failed(WriteError::Locked { .. })
    ) {
        // Comes back although nothing is written: traffic goes on.
        let guard = credit.acquire_blocking(1_000);
        writer.sender().send(vec![frame(&writer, id)], Some(guard));
        sent += 1;
    }
    // A connection that is opened meanwhile, and speaks on after it.
    let (late, opening) = opened(&writer);
    let meanwhile = vec![opening, frame(&writer, late), frame(&writer, late)];
    sent += 2;
    let guard = credit.acquire_blocking(1_000);
    writer.sender().send(meanwhile, Some(guard));
    let lost = || writer.stats().lost_frames;
    wait_for("lost frames", || lost() >= 2);
    other.execute_batch("ROLLBACK").expect("unlocked");
    wait_for("recovery", || writer.state() == WriterState::Running);
    writer.sender().send(vec![frame(&writer, late)], None);
    sent += 1;
    let lost = lost();
    writer.close().expect("closed");
    drop(other);

    let reader = Reader::open(&path).expect("a recording");
    let gaps = reader.gaps().expect("read");
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0].1.frames, Some(lost));
    assert!(gaps[0].1.why.contains("locked"), "{}", gaps[0].1.why);
    let seqs = seqs(&reader);
    assert_eq!(seqs.len() as u64 + lost, sent);
    let (from, to) = (gaps[0].1.from, gaps[0].1.to);
    assert!(seqs.iter().all(|seq| *seq < from || *seq > to));
    assert_eq!(reader.connections().expect("read").len(), 2);
    reader.check().expect("sound");
}

#[test]
fn a_reader_makes_the_log_long_and_its_end_makes_it_short_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.db");
    let writer = Writer::create(&path, WriterOptions::default()).expect("created");
    let (id, opening) = opened(&writer);
    writer.sender().send(vec![opening], None);
    let credit = writer.sender().credit(1 << 20);
    let write = |mib: u64| {
        let frames = writer.stats().frames + mib * 1_024;
        while writer.stats().frames < frames {
            let guard = credit.acquire_blocking(100_000);
            let some = (0..100).map(|_| frame(&writer, id)).collect();
            writer.sender().send(some, Some(guard));
        }
    };
    write(1);
    wait_for("a log", || writer.stats().log_bytes > 0);
    let other = rusqlite::Connection::open(&path).expect("opened");
    other
        .execute_batch("BEGIN; SELECT count(*) FROM frame")
        .expect("read");
    write(80);
    wait_for("a long log", || writer.stats().log_bytes > 80 << 20);
    other.execute_batch("COMMIT").expect("ended");
    drop(other);
    // Moved with the next commit, and cut with the one after it; none holds more than 4,000 frames.
    write(12);
    let short = writer.stats().log_bytes;
    assert!(short <= 64 << 20, "{short} bytes");
    writer.close().expect("closed");
    Reader::open(&path)
        .expect("a recording")
        .check()
        .expect("sound");
}

#[test]
fn a_full_disk_damages_nothing_that_was_recorded() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.db");
    let limit = Arc::new(AtomicU32::new(60));
    let options = WriterOptions {
        retry_interval: Duration::from_millis(1),
        batch_interval: Duration::from_millis(1),
        batch_frames: 20,
        page_limit: Some(Arc::clone(&limit)),
        ..WriterOptions::default()
    };
    let writer = Writer::create(&path, options).expect("created");
    let (id, opening) = opened(&writer);
    writer.sender().send(vec![opening], None);
    let credit = writer.sender().credit(10_000);
    let mut sent = 0;
    while !matches!(
        writer.state(),
        WriterState::Failed(WriteError::DiskFull { .. })
    ) {
        let guard = credit.acquire_blocking(1_000);
        writer.sender().send(vec![frame(&writer, id)], Some(guard));
        sent += 1;
    }
    wait_for("a frame that is lost", || {
        writer.sender().send(vec![frame(&writer, id)], None);
        sent += 1;
        writer.stats().lost_frames > 0
    });
    limit.store(0, Ordering::SeqCst);
    wait_for("recovery", || writer.state() == WriterState::Running);
    let closed = writer.close().expect("closed");
    assert_eq!(closed.stats.frames + closed.stats.lost_frames, sent);

    let reader = Reader::open(&path).expect("a recording");
    assert_eq!(seqs(&reader).len() as u64, closed.stats.frames);
    assert_eq!(reader.gaps().expect("read").len(), 1);
    reader.check().expect("sound");
}

#[test]
fn a_little_room_on_a_full_disk_is_used_and_the_rest_waits_for_more() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.db");
    let limit = Arc::new(AtomicU32::new(45));
    let options = WriterOptions {
        retry_interval: Duration::from_millis(1),
        batch_frames: 1_000,
        page_limit: Some(Arc::clone(&limit)),
        ..lazy()
    };
    let writer = Writer::create(&path, options).expect("created");
    let (id, opening) = opened(&writer);
    // One transaction, of which a hundredth part fits.
    let mut records = vec![opening];
    records.extend((0..2_000).map(|_| frame(&writer, id)));
    writer.sender().send(records, None);
    let full = || {
        matches!(
            writer.state(),
            WriterState::Failed(WriteError::DiskFull { .. })
        )
    };
    wait_for("a full disk", full);
    let before = writer.stats().frames;
    assert!(before < 500, "{before} frames are too many for the disk");
    limit.store(160, Ordering::SeqCst);
    wait_for("frames in the room that there is", || {
        writer.stats().frames >= before + 500
    });
    assert!(full(), "the rest does not fit");
    limit.store(0, Ordering::SeqCst);
    wait_for("recovery", || writer.state() == WriterState::Running);
    writer.close().expect("closed");
    let reader = Reader::open(&path).expect("a recording");
    assert_eq!(seqs(&reader).len(), 2_000);
    assert_eq!(reader.gaps().expect("read"), []);
    reader.check().expect("sound");
}

#[test]
fn a_disk_that_stays_full_is_an_error_of_close_and_leaves_an_unclean_recording() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.db");
    let options = WriterOptions {
        page_limit: Some(Arc::new(AtomicU32::new(60))),
        ..WriterOptions::default()
    };
    let writer = Writer::create(&path, options).expect("created");
    let (id, opening) = opened(&writer);
    writer.sender().send(vec![opening], None);
    for _ in 0..1_000 {
        writer.sender().send(vec![frame(&writer, id)], None);
    }
    let error = writer.close().expect_err("full");
    assert!(matches!(error, WriteError::DiskFull { .. }), "{error}");
    let reader = Reader::open(&path).expect("a recording");
    assert_eq!(reader.unclean().expect("unclean").runs, [RunId(1)]);
    reader.check().expect("sound");
}

/// The run's own clock says how long something took, and the anchors say what time it was: also where
/// somebody has set the wall clock meanwhile.
#[test]
fn the_wall_clock_is_noted_again_and_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.db");
    let options = WriterOptions {
        anchor_interval: Duration::ZERO,
        ..WriterOptions::default()
    };
    let writer = Writer::create(&path, options).expect("created");
    let sender = writer.sender();
    let (id, opened) = opened(&writer);
    sender.send(vec![opened], None);
    for commits in 1..4 {
        sender.send(vec![frame(&writer, id)], None);
        wait_for("a commit", || writer.stats().commits >= commits);
    }
    writer.close().expect("closed");

    let sqlite = rusqlite::Connection::open(&path).expect("a recording");
    let anchors = || -> Vec<(u64, u64)> {
        let mut all = sqlite
            .prepare("SELECT at, wall FROM clock_anchor ORDER BY at")
            .expect("prepared");
        let rows = all.query_map([], |row| {
            let (at, wall): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok((at.cast_unsigned(), wall.cast_unsigned()))
        });
        rows.expect("asked")
            .map(|row| row.expect("a row"))
            .collect()
    };
    let noted = anchors();
    assert!(noted.len() >= 3, "{noted:?}");
    let reader = Reader::open(&path).expect("a recording");
    for (at, wall) in &noted {
        assert_eq!(reader.time(RunId(1), Nanos(*at)), Some(*wall));
    }
    drop(reader);

    // As if somebody had set it ahead by an hour before the last one.
    let (last, wall) = noted[noted.len() - 1];
    let hour = 3_600_000_000_000;
    let ahead = "UPDATE clock_anchor SET wall = wall + ?1 WHERE at = ?2";
    sqlite
        .execute(ahead, [hour, last.cast_signed()])
        .expect("set");
    let reader = Reader::open(&path).expect("a recording");
    let time = |at: u64| reader.time(RunId(1), Nanos(at)).expect("a time");
    assert_eq!(time(last + 5), wall + hour.cast_unsigned() + 5);
    assert!(time(last - 1) < wall + hour.cast_unsigned());
    let steady = |at: u64| reader.steady_time(RunId(1), Nanos(at)).expect("a time");
    assert_eq!(steady(last) - steady(0), last);
    let steps = reader.clock_steps(hour.cast_unsigned() / 2);
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].at, Nanos(last));
}
