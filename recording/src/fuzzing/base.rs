//! A small recording with a row of every kind, the same bytes each time.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use rusqlite::Connection as Sqlite;
use wsaudit_wire::{Direction, FrameHeader, LengthForm, Opcode};

use crate::record::{
    AnomalyRecord, ChunksId, ConnectionClosed, ConnectionId, ConnectionOpened, ExchangeAnswered,
    ExchangeEnded, ExchangeOpened, FrameChunk, FrameRecord, GapRecord, HowEnded, HowExchangeEnded,
    HttpBody, HttpMessage, MessageContent, MessageRecord, Nanos, Payload, Payloads, Provenance,
    Record, Seq, TagKind, TagRecord, TailRecord,
};
use crate::writer::{Writer, WriterOptions};

/// As a recorder writes it, but for its small pages: a change hits something more often.
pub(super) static RECORDED: LazyLock<Vec<u8>> = LazyLock::new(|| made(""));

/// The same without what keeps foreign values out of its columns.
pub(super) static LOOSE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    made(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(replace(replace(replace(sql,
             'NOT NULL', ''), 'STRICT, ', ''), ') STRICT', ')'), 'CHECK (', 'CHECK (1 OR ')
          WHERE type = 'table';
         PRAGMA writable_schema = OFF;",
    )
});

/// What differs from run to run: ids, times.
const SETTLE: &str = "
    UPDATE run SET uuid = 'uuid', started_at = 1, ended_at = 1000;
    UPDATE clock_anchor SET wall = 1000000 + at WHERE at = 0;
    DELETE FROM clock_anchor WHERE at > 0;
    UPDATE connection SET uuid = 'uuid-' || id;
    UPDATE exchange SET uuid = 'uuid-' || id;
    PRAGMA page_size = 512;
    VACUUM;";

fn made(loosen: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("there is room for a recording");
    let path = directory.path().join("base.db");
    let writer = Writer::create(&path, WriterOptions::default()).expect("a new recording");
    writer.sender().send(records(), None);
    writer.close().expect("all is written");
    settle(&path, loosen).expect("a recording is an SQLite file");
    fs::read(&path).expect("it was just written")
}

fn settle(path: &Path, loosen: &str) -> rusqlite::Result<()> {
    let sqlite = Sqlite::open(path)?;
    sqlite.execute_batch(SETTLE)?;
    sqlite.execute_batch(loosen)?;
    sqlite.close().map_err(|(_, error)| error)
}

fn records() -> Vec<Record> {
    let mut records = Vec::new();
    for id in 1..=2 {
        records.push(Record::Opened(opened(id)));
        records.push(Record::Tag(tag(id)));
    }
    // Enough for a tree of several pages.
    records.extend((10..60).map(|seq| frame(seq, 0x81, br#"{"type":"ping","id":"t-1"}"#)));
    records.push(frame(60, 0x01, b"Hel"));
    records.push(frame(61, 0x80, b"lo"));
    records.push(Record::Message(MessageRecord {
        seq: Seq(61),
        first_seq: Seq(60),
        opcode: Opcode::TEXT,
        content: MessageContent::Whole(b"Hello".to_vec()),
    }));
    records.extend((0..3).map(|index| {
        Record::Chunk(FrameChunk {
            chunks: ChunksId(1),
            index,
            bytes: vec![b'x'; 700],
        })
    }));
    records.push(Record::Frame(FrameRecord {
        payload: Payload::Chunked(ChunksId(1)),
        ..frame_record(62, 0x82, 2_100)
    }));
    records.extend(around());
    records.extend(exchange());
    records
}

/// A plain HTTP exchange.
fn exchange() -> [Record; 5] {
    let id = ConnectionId(3);
    let message = |seq: u64, direction, body| {
        Record::Http(HttpMessage {
            seq: Seq(seq),
            exchange: id,
            direction,
            at: Nanos(seq * 10),
            body,
            length: 9,
        })
    };
    [
        Record::ExchangeOpened(ExchangeOpened {
            id,
            seq: Seq(80),
            at: Nanos(800),
            client_addr: "127.0.0.1:50000".into(),
            upstream: "http://127.0.0.1:8000".into(),
            http_version: "HTTP/1.1".into(),
            method: "POST".into(),
            target: "/api/threads".into(),
            request_head: b"POST /api/threads HTTP/1.1\r\n\r\n".to_vec(),
        }),
        message(
            81,
            Direction::ClientToServer,
            HttpBody::Whole(b"{\"id\":1}\n".to_vec()),
        ),
        Record::ExchangeAnswered(ExchangeAnswered {
            id,
            seq: Seq(82),
            at: Nanos(820),
            status: 201,
            response_head: b"HTTP/1.1 201 Created\r\n\r\n".to_vec(),
        }),
        message(
            83,
            Direction::ServerToClient,
            HttpBody::Truncated {
                kept: b"{\"id".to_vec(),
                why: "stopped".into(),
            },
        ),
        Record::ExchangeEnded(ExchangeEnded {
            id,
            seq: Seq(84),
            at: Nanos(840),
            how: HowExchangeEnded::Stopped,
        }),
    ]
}

/// What is no frame.
fn around() -> [Record; 4] {
    let (connection, direction) = (ConnectionId(1), Direction::ServerToClient);
    [
        Record::Anomaly(AnomalyRecord {
            connection,
            direction,
            seq: Seq(60),
            at: Nanos(600),
            code: "non-minimal-length".into(),
            detail: "length 5 written in 16 bits".into(),
        }),
        Record::Gap(GapRecord {
            connection: None,
            from: Seq(63),
            to: Seq(64),
            at: Nanos(640),
            frames: Some(2),
            why: "stalled".into(),
        }),
        Record::Tail(TailRecord {
            connection,
            direction,
            first_at: Nanos(650),
            header: vec![0x81],
            payload: Payload::Whole(Vec::new()),
        }),
        Record::Closed(ConnectionClosed {
            id: connection,
            seq: Seq(70),
            at: Nanos(700),
            how: HowEnded::Fin,
            closed_by: None,
            close_code: Some(1000),
            close_reason: Some("bye".into()),
        }),
    ]
}

fn opened(id: u64) -> ConnectionOpened {
    ConnectionOpened {
        id: ConnectionId(id),
        seq: Seq(id),
        at: Nanos(id),
        client_addr: "127.0.0.1:50000".into(),
        upstream: "http://127.0.0.1:8000".into(),
        http_version: "HTTP/1.1".into(),
        tls: None,
        request_head: b"GET /ws?session_id=s-1 HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(),
        payloads: Payloads::WireExact,
    }
}

fn tag(id: u64) -> TagRecord {
    TagRecord {
        connection: ConnectionId(id),
        from: Seq(id),
        kind: TagKind::Session,
        value: format!("s-{id}"),
        source: "query:session_id".into(),
        provenance: Provenance::Presented,
    }
}

fn frame(seq: u64, first_byte: u8, payload: &[u8]) -> Record {
    Record::Frame(FrameRecord {
        payload: Payload::Whole(payload.to_vec()),
        ..frame_record(seq, first_byte, payload.len() as u64)
    })
}

fn frame_record(seq: u64, first_byte: u8, declared_length: u64) -> FrameRecord {
    FrameRecord {
        seq: Seq(seq),
        connection: ConnectionId(1 + seq % 2),
        direction: Direction::ServerToClient,
        first_at: Nanos(seq * 10),
        last_at: Nanos(seq * 10 + 1),
        header: FrameHeader {
            first_byte,
            masking_key: None,
            length_form: LengthForm::minimal(declared_length),
            declared_length,
        },
        payload: Payload::Whole(Vec::new()),
    }
}
