//! A recording that is cut into parts: nothing is lost or doubled, each part is a sound recording.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wsaudit_recording::{
    ChunksId, ConnectionAnswered, ConnectionClosed, ConnectionId, ConnectionOpened, ExchangeEnded,
    ExchangeOpened, Filter, FrameChunk, FrameRecord, HowEnded, HowExchangeEnded, MessageContent,
    MessagePayload, MessageRecord, Nanos, PartNames, Payload, Payloads, Provenance, Reader, Record,
    Rotation, RunId, Seq, StartError, TagKind, TagRecord, Writer, WriterOptions,
};
use wsaudit_wire::{Direction, FrameHeader, LengthForm, Opcode};

fn opened(writer: &Writer) -> (ConnectionId, Record) {
    let run = writer.run();
    let id = run.next_connection();
    let opened = Record::Opened(ConnectionOpened {
        id,
        seq: run.next_seq(1),
        at: run.now(),
        client_addr: "127.0.0.1:50000".into(),
        upstream: "http://127.0.0.1:8000".into(),
        http_version: "HTTP/1.1".into(),
        tls: None,
        request_head: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        payloads: Payloads::WireExact,
    });
    (id, opened)
}

fn answered(writer: &Writer, id: ConnectionId) -> Record {
    let run = writer.run();
    Record::Answered(ConnectionAnswered {
        id,
        seq: run.next_seq(1),
        at: run.now(),
        response_head: b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec(),
        status: Some(101),
        subprotocol: None,
        extensions: None,
        tls: None,
    })
}

fn closed(writer: &Writer, id: ConnectionId) -> Record {
    let run = writer.run();
    Record::Closed(ConnectionClosed {
        id,
        seq: run.next_seq(1),
        at: run.now(),
        how: HowEnded::Fin,
        closed_by: None,
        close_code: None,
        close_reason: None,
    })
}

fn exchange_opened(writer: &Writer) -> (ConnectionId, Record) {
    let run = writer.run();
    let id = run.next_connection();
    let opened = Record::ExchangeOpened(ExchangeOpened {
        id,
        seq: run.next_seq(1),
        at: run.now(),
        client_addr: "127.0.0.1:50000".into(),
        upstream: "http://127.0.0.1:8000".into(),
        http_version: "HTTP/1.1".into(),
        method: "POST".into(),
        target: "/threads".into(),
        request_head: b"POST /threads HTTP/1.1\r\n\r\n".to_vec(),
    });
    (id, opened)
}

fn exchange_ended(writer: &Writer, id: ConnectionId) -> Record {
    let run = writer.run();
    Record::ExchangeEnded(ExchangeEnded {
        id,
        seq: run.next_seq(1),
        at: run.now(),
        how: HowExchangeEnded::Answered,
    })
}

fn tag(writer: &Writer, connection: ConnectionId, value: &str) -> Record {
    Record::Tag(TagRecord {
        connection,
        from: writer.run().peek_seq(),
        kind: TagKind::Session,
        value: value.into(),
        source: "message:/session".into(),
        provenance: Provenance::Presented,
    })
}

fn frame_of(
    writer: &Writer,
    connection: ConnectionId,
    first_byte: u8,
    payload: Payload,
    length: u64,
) -> Record {
    let run = writer.run();
    let at = run.now();
    Record::Frame(FrameRecord {
        seq: run.next_seq(1),
        connection,
        direction: Direction::ClientToServer,
        first_at: at,
        last_at: at,
        header: FrameHeader {
            first_byte,
            masking_key: None,
            length_form: LengthForm::Bits64,
            declared_length: length,
        },
        payload,
    })
}

fn frame(writer: &Writer, connection: ConnectionId) -> Record {
    let payload = Payload::Whole(vec![b'x'; 10_000]);
    frame_of(writer, connection, 0x81, payload, 10_000)
}

/// Waits for `condition`; the deadline is a safety net only.
fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Parts of so many bytes; a cut goes through messages at once.
fn parts_of(size: u64) -> WriterOptions {
    WriterOptions {
        rotation: Some(Rotation {
            size: Some(size),
            patience: Duration::ZERO,
            ..Rotation::default()
        }),
        retry_interval: Duration::from_millis(5),
        batch_interval: Duration::from_millis(1),
        ..WriterOptions::default()
    }
}

/// Parts that are cut at the next commit.
fn at_each_commit() -> WriterOptions {
    WriterOptions {
        rotation: Some(Rotation {
            every: Some(Duration::ZERO),
            ..Rotation::default()
        }),
        ..parts_of(1)
    }
}

/// Sends records and waits until they are committed.
fn commit(writer: &Writer, records: Vec<Record>) {
    let (tell, told) = std::sync::mpsc::channel();
    writer
        .sender()
        .send_and_notify(records, None, move |outcome| tell.send(outcome).unwrap());
    told.recv().unwrap().expect("committed");
}

/// Commits records in one part, and waits until the next one is begun.
fn commit_and_cut(writer: &Writer, records: Vec<Record>) {
    let before = writer.path();
    commit(writer, records);
    wait_for("the next part", || writer.path() != before);
}

fn files(out: &Path) -> Vec<PathBuf> {
    let names = PartNames::of(out);
    let newest = names.newest().unwrap().unwrap_or(0);
    (1..=newest).map(|number| names.path(number)).collect()
}

fn seqs(reader: &Reader) -> Vec<u64> {
    let mut query = reader.frames(Filter::ALL).unwrap();
    let mut rows = query.rows().unwrap();
    let mut seqs = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        seqs.push(row.seq.0);
    }
    seqs
}

fn out() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    (directory, out)
}

#[test]
fn every_frame_is_in_one_part_and_the_parts_say_that_they_go_on() {
    let (_directory, out) = out();
    let writer = Writer::create(&out, parts_of(1 << 20)).unwrap();
    let (id, opening) = opened(&writer);
    let mut records = vec![opening, answered(&writer, id)];
    let mut sent = Vec::new();
    for _ in 0..500 {
        sent.push(writer.run().peek_seq().0);
        records.push(frame(&writer, id));
        commit(&writer, std::mem::take(&mut records));
    }
    commit(&writer, vec![closed(&writer, id)]);
    let uuid = writer.run().uuid().to_owned();
    let done = writer.close().unwrap();
    assert!(done.single_file);
    assert_eq!(done.files, files(&out));
    let count = done.files.len();
    assert!((4..10).contains(&count), "{count} parts of about 1 MiB");

    let mut found = Vec::new();
    for (number, path) in (1..).zip(&done.files) {
        let reader = Reader::open(path).unwrap();
        assert_eq!(reader.unclean(), None, "{}", path.display());
        let [run] = reader.runs() else {
            panic!("one run");
        };
        assert_eq!((run.id, run.part, &run.uuid), (RunId(1), number, &uuid));
        assert_eq!(run.continued, path != &done.path);
        assert!(fs::metadata(path).unwrap().len() < 3 << 19, "about 1 MiB");
        let [connection] = &reader.connections().unwrap()[..] else {
            panic!("the connection is in each part");
        };
        assert_eq!(connection.uuid, format!("{uuid}-1"));
        assert_eq!(connection.answered.as_ref().unwrap().status, Some(101));
        assert_eq!(connection.closed.is_some(), path == &done.path);
        found.extend(seqs(&reader));
        reader.check().unwrap();
    }
    assert_eq!(found, sent);
    let left: BTreeSet<_> = fs::read_dir(out.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(left, done.files.into_iter().collect(), "and nothing else");
}

#[test]
fn a_part_repeats_what_is_open_and_nothing_else() {
    let (_directory, out) = out();
    let writer = Writer::create(&out, at_each_commit()).unwrap();
    let (one, opening) = opened(&writer);
    let (two, other) = opened(&writer);
    let (three, unanswered) = opened(&writer);
    let (four, asked) = exchange_opened(&writer);
    let records = vec![
        opening,
        answered(&writer, one),
        tag(&writer, one, "s-old"),
        frame(&writer, one),
        tag(&writer, one, "s-new"),
        other,
        closed(&writer, two),
        unanswered,
        asked,
        tag(&writer, four, "s-http"),
    ];
    commit_and_cut(&writer, records);
    let records = vec![
        answered(&writer, three),
        frame(&writer, one),
        exchange_ended(&writer, four),
    ];
    commit_and_cut(&writer, records);
    commit(&writer, vec![closed(&writer, one), closed(&writer, three)]);
    writer.close().unwrap();

    let parts: Vec<_> = files(&out)
        .iter()
        .map(|it| Reader::open(it).unwrap())
        .collect();
    let second = parts[1].connections().unwrap();
    let ids: Vec<_> = second.iter().map(|it| it.id).collect();
    assert_eq!(ids, [one, three]);
    assert_eq!(second[0].opened, parts[0].connections().unwrap()[0].opened);
    assert!(second[1].answered.is_some(), "answered in this part");
    assert!(parts[0].connections().unwrap()[2].answered.is_none());
    let tags = parts[1].tags().unwrap();
    let values: Vec<_> = tags.iter().map(|it| (&*it.tag.value, it.to)).collect();
    assert_eq!(values, [("s-new", None), ("s-http", None)]);
    let exchanges = |part: &Reader| -> Vec<_> {
        let all = part.exchanges().unwrap();
        all.iter().map(|it| (it.id, it.ended.is_some())).collect()
    };
    assert_eq!(exchanges(&parts[0]), [(four, false)]);
    assert_eq!(exchanges(&parts[1]), [(four, true)]);
    assert_eq!(exchanges(&parts[2]), []);
    assert_eq!(parts[0].tags().unwrap().len(), 3);
    // The clock is the same: a time means the same moment in each part.
    for at in [0, 5, 1_000_000] {
        let time = |part: &Reader| part.time(RunId(1), Nanos(at));
        assert_eq!(time(&parts[1]), time(&parts[0]));
    }
    let third = parts[2].connections().unwrap();
    assert!(third.iter().all(|it| it.closed.is_some()));
}

#[test]
fn payloads_and_messages_that_a_cut_goes_through_are_whole() {
    let (_directory, out) = out();
    let writer = Writer::create(&out, at_each_commit()).unwrap();
    let (id, opening) = opened(&writer);
    let chunk = |index, byte| {
        Record::Chunk(FrameChunk {
            chunks: ChunksId(1),
            index,
            bytes: vec![byte; 1_000],
        })
    };
    let first = writer.run().peek_seq();
    let begin = frame_of(&writer, id, 0x01, Payload::Whole(b"Hel".to_vec()), 3);
    commit_and_cut(&writer, vec![opening, begin, chunk(0, b'a')]);
    commit_and_cut(&writer, vec![chunk(1, b'b')]);
    let last = writer.run().peek_seq();
    let end = frame_of(&writer, id, 0x80, Payload::Whole(b"lo".to_vec()), 2);
    let message = Record::Message(MessageRecord {
        seq: last,
        first_seq: first,
        opcode: Opcode::TEXT,
        content: MessageContent::Whole(b"Hello".to_vec()),
    });
    let large = writer.run().peek_seq();
    let frame = frame_of(&writer, id, 0x82, Payload::Chunked(ChunksId(1)), 3_000);
    commit(&writer, vec![end, message, chunk(2, b'c'), frame]);
    let done = writer.close().unwrap();

    let reader = Reader::open(&done.files[2]).unwrap();
    let mut query = reader.messages(Filter::ALL).unwrap();
    let mut rows = query.rows().unwrap();
    let hello = rows.next().unwrap().unwrap();
    assert_eq!(hello.payload, MessagePayload::Bytes(b"Hello"));
    assert_eq!((hello.seq, hello.first_seq), (last, first));
    let found = rows.next().unwrap().unwrap();
    assert_eq!(found.seq, large);
    let payload = [vec![b'a'; 1_000], vec![b'b'; 1_000], vec![b'c'; 1_000]].concat();
    assert_eq!(found.payload, MessagePayload::Bytes(&payload));
}

#[test]
fn a_cut_waits_until_no_message_is_half_recorded() {
    let (_directory, out) = out();
    let options = WriterOptions {
        rotation: Some(Rotation {
            every: Some(Duration::ZERO),
            patience: Duration::from_secs(3_600),
            ..Rotation::default()
        }),
        ..parts_of(1)
    };
    let writer = Writer::create(&out, options).unwrap();
    let (id, opening) = opened(&writer);
    let fragment = |first_byte| frame_of(&writer, id, first_byte, Payload::Whole(vec![b'x']), 1);
    commit(&writer, vec![opening, fragment(0x01)]);
    commit(&writer, vec![fragment(0x00)]);
    commit_and_cut(&writer, vec![fragment(0x80)]);
    writer.close().unwrap();
    let parts: Vec<_> = files(&out)
        .iter()
        .map(|it| Reader::open(it).unwrap())
        .collect();
    assert_eq!(parts.len(), 2);
    assert_eq!(seqs(&parts[0]).len(), 3, "the whole message");
}

#[test]
fn names_that_are_taken_are_refused() {
    let (_directory, out) = out();
    let taken = PartNames::of(&out).path(3);
    fs::write(&taken, "mine").unwrap();
    let error = Writer::create(&out, parts_of(1 << 20)).unwrap_err();
    assert!(
        matches!(&error, StartError::Exists { path } if *path == taken),
        "{error}"
    );
    assert_eq!(fs::read(&taken).unwrap(), b"mine");
}

#[test]
fn where_the_next_part_cannot_be_begun_the_old_one_goes_on() {
    let (_directory, out) = out();
    let names = PartNames::of(&out);
    let writer = Writer::create(&out, at_each_commit()).unwrap();
    let sender = writer.sender();
    fs::create_dir(names.path(2)).unwrap();
    let (id, opening) = opened(&writer);
    commit(&writer, vec![opening, frame(&writer, id)]);
    wait_for("the trouble", || sender.rotation_failure().is_some());
    let why = sender.rotation_failure().unwrap();
    assert!(
        why.contains("traffic-000002.db") && why.contains("exists"),
        "{why}"
    );
    commit(&writer, vec![frame(&writer, id)]);
    assert_eq!(writer.path(), names.path(1));
    fs::remove_dir(names.path(2)).unwrap();
    wait_for("the next part", || writer.path() == names.path(2));
    assert_eq!(sender.rotation_failure(), None);
    commit(&writer, vec![frame(&writer, id)]);
    let done = writer.close().unwrap();
    let found: Vec<_> = files(&out)
        .iter()
        .map(|it| seqs(&Reader::open(it).unwrap()).len())
        .collect();
    assert_eq!(found.iter().sum::<usize>(), 3, "{found:?}");
    assert_eq!(found[0], 2);
    assert_eq!((done.stats.gaps, done.stats.lost_frames), (0, 0));
}

#[test]
fn a_disk_that_is_full_at_a_cut_loses_nothing() {
    let (_directory, out) = out();
    let limit = Arc::new(AtomicU32::new(0));
    let options = WriterOptions {
        page_limit: Some(Arc::clone(&limit)),
        ..at_each_commit()
    };
    let writer = Writer::create(&out, options).unwrap();
    let sender = writer.sender();
    let (id, opening) = opened(&writer);
    // Room for what is written, and for no further file.
    limit.store(8, Ordering::SeqCst);
    let names = PartNames::of(&out);
    commit(&writer, vec![opening]);
    wait_for("the trouble", || sender.rotation_failure().is_some());
    let why = sender.rotation_failure().unwrap();
    assert!(why.contains("disk is full"), "{why}");
    assert!(!names.path(2).exists());
    limit.store(0, Ordering::SeqCst);
    wait_for("the next part", || writer.path() == names.path(2));
    commit(&writer, vec![frame(&writer, id)]);
    let done = writer.close().unwrap();
    assert_eq!(done.stats.gaps, 0);
    let first = Reader::open(names.path(1)).unwrap();
    first.check().unwrap();
    assert_eq!(first.connections().unwrap().len(), 1);
    assert!(seqs(&Reader::open(names.path(2)).unwrap()).len() == 1);
}

#[test]
fn what_a_killed_recorder_left_half_made_is_replaced() {
    let (_directory, out) = out();
    let names = PartNames::of(&out);
    let writer = Writer::create(&out, at_each_commit()).unwrap();
    let mut left = names.path(2).into_os_string();
    left.push(".new");
    fs::write(&left, "half a part").unwrap();
    let (_, opening) = opened(&writer);
    commit_and_cut(&writer, vec![opening]);
    writer.close().unwrap();
    assert!(!Path::new(&left).exists());
    Reader::open(names.path(2)).unwrap();
}

#[test]
fn a_run_that_is_added_begins_its_own_part_and_numbers_go_on() {
    let (_directory, out) = out();
    let names = PartNames::of(&out);
    let writer = Writer::create(&out, at_each_commit()).unwrap();
    let (id, opening) = opened(&writer);
    let end = closed(&writer, id);
    commit_and_cut(&writer, vec![opening, end]);
    writer.close().unwrap();
    let before = fs::read(names.path(2)).unwrap();

    let added = Writer::append(&out, at_each_commit()).unwrap();
    assert_eq!(added.path(), names.path(3));
    assert_eq!(added.run().id(), RunId(2));
    assert_eq!(added.run().first_seq(), Seq(3));
    let (id, opening) = opened(&added);
    assert_eq!(id, ConnectionId(2), "the newest part holds no connection");
    // A recorder that still writes is not joined by a second one.
    let error = Writer::append(&out, at_each_commit()).unwrap_err();
    assert!(matches!(error, StartError::InUse { .. }), "{error}");
    commit(&added, vec![opening]);
    added.close().unwrap();
    assert_eq!(fs::read(names.path(2)).unwrap(), before);
    let reader = Reader::open(names.path(3)).unwrap();
    assert_eq!(reader.runs()[0].part, 1);
}

#[test]
fn a_part_that_goes_on_elsewhere_is_not_added_to() {
    let (_directory, out) = out();
    let names = PartNames::of(&out);
    let writer = Writer::create(&out, at_each_commit()).unwrap();
    let (id, opening) = opened(&writer);
    let end = closed(&writer, id);
    commit_and_cut(&writer, vec![opening, end]);
    writer.close().unwrap();
    let error = Writer::append(names.path(1), WriterOptions::default()).unwrap_err();
    assert!(matches!(error, StartError::Continued { .. }), "{error}");
    // The last part is like any recording; its numbers are behind those of the parts before it.
    let last = Writer::append(names.path(2), WriterOptions::default()).unwrap();
    assert_eq!(last.run().next_connection(), ConnectionId(2));
    assert_eq!(last.run().first_seq(), Seq(3));
    last.close().unwrap();
    let reader = Reader::open(names.path(2)).unwrap();
    let parts: Vec<_> = reader
        .runs()
        .iter()
        .map(|run| (run.part, run.continued))
        .collect();
    assert_eq!(parts, [(2, false), (1, false)]);
}

#[test]
fn a_recording_of_format_version_1_is_read_and_added_to() {
    let (_directory, out) = out();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/golden/chat-sound.db");
    fs::copy(golden, &out).unwrap();
    let before = Reader::open(&out).unwrap();
    let runs = before.runs().to_vec();
    assert!(!runs[0].continued);
    let frames = seqs(&before).len();
    drop(before);
    let writer = Writer::append(&out, WriterOptions::default()).unwrap();
    let (id, opening) = opened(&writer);
    commit(&writer, vec![opening, frame(&writer, id)]);
    writer.close().unwrap();
    let after = Reader::open(&out).unwrap();
    assert_eq!(after.runs()[..runs.len()], runs);
    assert_eq!(after.runs().len(), runs.len() + 1);
    assert_eq!(seqs(&after).len(), frames + 1);
}
