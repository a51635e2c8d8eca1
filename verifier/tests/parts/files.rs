//! Files that the writer cut.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use wsaudit_recording::{Filter, MessageRecord, Reader, Record, Rotation, Writer, WriterOptions};
use wsaudit_verifier::engine::{Input, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{RecordingSource, Source, join};
use wsaudit_verifier::report::report;
use wsaudit_verifier::rules::Pack;

/// All that a recording holds, as it was handed to its writer; each frame is followed by its message.
fn records(reader: &Reader) -> Vec<Vec<Record>> {
    let mut records: Vec<(u64, u8, Vec<Record>)> = Vec::new();
    for connection in reader.connections().unwrap() {
        let opened = connection.opened;
        records.push((opened.seq.0, 0, vec![Record::Opened(opened)]));
        if let Some(answered) = connection.answered {
            records.push((answered.seq.0, 2, vec![Record::Answered(answered)]));
        }
        if let Some(closed) = connection.closed {
            records.push((closed.seq.0, 5, vec![Record::Closed(closed)]));
        }
    }
    for span in reader.tags().unwrap() {
        records.push((span.tag.from.0, 1, vec![Record::Tag(span.tag)]));
    }
    for anomaly in reader.anomalies().unwrap() {
        records.push((anomaly.seq.0, 4, vec![Record::Anomaly(anomaly)]));
    }
    let mut query = reader.frames(Filter::ALL).unwrap();
    let mut rows = query.rows().unwrap();
    while let Some(row) = rows.next().unwrap() {
        let frame = row.to_record();
        let (seq, header) = (frame.seq, frame.header);
        let mut one = vec![Record::Frame(frame)];
        let message = reader.message(seq).unwrap();
        let changed = header.first_byte & 0x40 != 0;
        if let Some(message) = message.filter(|message| changed || message.first_seq != seq) {
            one.push(Record::Message(MessageRecord {
                seq,
                first_seq: message.first_seq,
                opcode: message.opcode,
                content: message.content,
            }));
        }
        records.push((seq.0, 3, one));
    }
    records.sort_by_key(|(seq, rank, _)| (*seq, *rank));
    records.into_iter().map(|(.., records)| records).collect()
}

/// Writes records, and commits them so many at a time.
fn write(writer: Writer, records: &[Vec<Record>], at_once: usize) -> Vec<PathBuf> {
    for some in records.chunks(at_once) {
        let (tell, told) = std::sync::mpsc::channel();
        let before = writer.path();
        writer
            .sender()
            .send_and_notify(some.concat(), None, move |outcome| {
                tell.send(outcome).unwrap();
            });
        told.recv().unwrap().unwrap();
        let started = std::time::Instant::now();
        while at_once < records.len() && writer.path() == before {
            assert!(started.elapsed().as_secs() < 60, "waited in vain for a cut");
            std::thread::yield_now();
        }
    }
    writer.close().unwrap().files
}

#[test]
fn files_that_the_writer_cut_are_verified_as_the_whole() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pack = Pack::load(house.join("fixtures/peers/chat/rules.toml")).unwrap();
    for golden in ["chat-leaky.db", "chat-sound.db"] {
        let reader = Reader::open(house.join("fixtures/golden").join(golden)).unwrap();
        let records = records(&reader);
        let directory = tempfile::tempdir().unwrap();
        let out = |name: &str| directory.path().join(name);
        let whole = Writer::create(out("whole.db"), WriterOptions::default()).unwrap();
        let whole = write(whole, &records, records.len());
        let expected = told(&pack, &whole);
        assert_eq!(expected.starts_with("violated"), golden == "chat-leaky.db");
        for at_once in [records.len() / 3, records.len() / 20, 1] {
            let rotation = Rotation {
                every: Some(Duration::ZERO),
                patience: Duration::ZERO,
                ..Rotation::default()
            };
            let options = WriterOptions {
                rotation: Some(rotation),
                ..WriterOptions::default()
            };
            let name = format!("cut-{at_once}.db");
            let mut files = write(
                Writer::create(out(&name), options).unwrap(),
                &records,
                at_once,
            );
            assert!(files.len() >= records.len() / at_once, "{files:?}");
            files.reverse();
            assert_eq!(told(&pack, &files), expected, "{golden}, {at_once} at once");
        }
    }
}

/// What is said of recordings, without their names.
fn told(pack: &Pack, files: &[PathBuf]) -> String {
    let open = |file: &PathBuf| -> Rc<dyn Source> {
        Rc::new(RecordingSource::open(file, "file").unwrap())
    };
    let sources = join(&files.iter().map(open).collect::<Vec<_>>()).unwrap();
    assert_eq!(sources.len(), 1);
    let input = Input {
        packs: std::slice::from_ref(pack),
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    let verification = verify(&input, &mut |_| {}).unwrap();
    let report = report(std::slice::from_ref(pack), &verification, &sources).unwrap();
    let said = format!(
        "{}{:#?}{:#?}{:#?}{:#?}{:#?}",
        report.verdict,
        report.reasons,
        report.violations,
        report.rules,
        report.sessions,
        report.users
    );
    let name = format!("{:?}", sources[0].outline().name);
    // Times are to the nanosecond, and the wall clock is noted at each cut.
    let at = regex::Regex::new(r"(\d+\.\d{3})\d+").unwrap();
    at.replace_all(&said.replace(&name, "\"file\""), "$1")
        .into_owned()
}
