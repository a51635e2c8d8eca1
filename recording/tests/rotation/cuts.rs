//! What a cut goes through, and what the next part repeats.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use wsaudit_recording::{
    ChunksId, Filter, FrameChunk, MessageContent, MessagePayload, MessageRecord, Nanos, Payload,
    Reader, Record, Rotation, RunId, Writer, WriterOptions,
};
use wsaudit_wire::Opcode;

use super::records::{
    answered, at_each_commit, closed, commit, commit_and_cut, exchange_ended, exchange_opened,
    files, frame, out, parts_of, seqs, tag,
};
use super::spoken::{frame_of, opened};

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
    assert!((4..13).contains(&count), "{count} parts of about 1 MiB");

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
