//! What is recorded, and how it is cut.

use std::path::{Path, PathBuf};
use std::time::Duration;

use wsaudit_recording::{
    ConnectionAnswered, ConnectionClosed, ConnectionId, ExchangeEnded, ExchangeOpened, Filter,
    HowEnded, HowExchangeEnded, PartNames, Payload, Provenance, Reader, Record, Rotation, TagKind,
    TagRecord, Writer, WriterOptions,
};

use super::spoken::{frame_of, wait_for};

pub(super) fn answered(writer: &Writer, id: ConnectionId) -> Record {
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

pub(super) fn closed(writer: &Writer, id: ConnectionId) -> Record {
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

pub(super) fn exchange_opened(writer: &Writer) -> (ConnectionId, Record) {
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

pub(super) fn exchange_ended(writer: &Writer, id: ConnectionId) -> Record {
    let run = writer.run();
    Record::ExchangeEnded(ExchangeEnded {
        id,
        seq: run.next_seq(1),
        at: run.now(),
        how: HowExchangeEnded::Answered,
    })
}

pub(super) fn tag(writer: &Writer, connection: ConnectionId, value: &str) -> Record {
    Record::Tag(TagRecord {
        connection,
        from: writer.run().peek_seq(),
        kind: TagKind::Session,
        value: value.into(),
        source: "message:/session".into(),
        provenance: Provenance::Presented,
    })
}

pub(super) fn frame(writer: &Writer, connection: ConnectionId) -> Record {
    let payload = Payload::Whole(vec![b'x'; 10_000]);
    frame_of(writer, connection, 0x81, payload, 10_000)
}

/// Parts of so many bytes; a cut goes through messages at once.
pub(super) fn parts_of(size: u64) -> WriterOptions {
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
pub(super) fn at_each_commit() -> WriterOptions {
    WriterOptions {
        rotation: Some(Rotation {
            every: Some(Duration::ZERO),
            ..Rotation::default()
        }),
        ..parts_of(1)
    }
}

/// Sends records and waits until they are committed.
pub(super) fn commit(writer: &Writer, records: Vec<Record>) {
    let (tell, told) = std::sync::mpsc::channel();
    writer
        .sender()
        .send_and_notify(records, None, move |outcome| tell.send(outcome).unwrap());
    told.recv().unwrap().expect("committed");
}

/// Commits records in one part, and waits until the next one is begun.
pub(super) fn commit_and_cut(writer: &Writer, records: Vec<Record>) {
    let before = writer.path();
    commit(writer, records);
    wait_for("the next part", || writer.path() != before);
}

pub(super) fn files(out: &Path) -> Vec<PathBuf> {
    let names = PartNames::of(out);
    let newest = names.newest().unwrap().unwrap_or(0);
    (1..=newest).map(|number| names.path(number)).collect()
}

pub(super) fn seqs(reader: &Reader) -> Vec<u64> {
    let mut query = reader.frames(Filter::ALL).unwrap();
    let mut rows = query.rows().unwrap();
    let mut seqs = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        seqs.push(row.seq.0);
    }
    seqs
}

pub(super) fn out() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    (directory, out)
}
