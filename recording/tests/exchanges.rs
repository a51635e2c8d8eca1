//! Plain HTTP exchanges: what is written is read back, also into a recording of format 1.

use std::fs;
use std::path::Path;

use wsaudit_recording::{
    ConnectionId, ExchangeAnswered, ExchangeEnded, ExchangeOpened, FormatVersion, HowExchangeEnded,
    HttpBody, HttpMessage, Nanos, Provenance, Reader, Record, Seq, TagKind, TagRecord, Writer,
    WriterOptions,
};
use wsaudit_wire::Direction;

/// Any number: appending goes on with those that are not taken.
const ID: ConnectionId = ConnectionId(70);

fn opened() -> ExchangeOpened {
    ExchangeOpened {
        id: ID,
        seq: Seq(1_000),
        at: Nanos(1),
        client_addr: "127.0.0.1:50000".into(),
        upstream: "http://127.0.0.1:8000".into(),
        http_version: "HTTP/1.1".into(),
        method: "POST".into(),
        target: "/api/threads?draft=1".into(),
        request_head: b"POST /api/threads?draft=1 HTTP/1.1\r\n\r\n".to_vec(),
    }
}

fn message(seq: u64, direction: Direction, body: HttpBody) -> HttpMessage {
    HttpMessage {
        seq: Seq(seq),
        exchange: ID,
        direction,
        at: Nanos(seq),
        length: 9,
        body,
    }
}

fn messages() -> [HttpMessage; 3] {
    let way = Direction::ServerToClient;
    [
        message(
            1_001,
            Direction::ClientToServer,
            HttpBody::Whole(Vec::new()),
        ),
        message(
            1_003,
            way,
            HttpBody::Truncated {
                kept: b"ab".to_vec(),
                why: "the server reset the connection".into(),
            },
        ),
        message(
            1_004,
            way,
            HttpBody::Undecodable {
                raw: vec![0xFF],
                why: "content coding br".into(),
            },
        ),
    ]
}

fn answered() -> ExchangeAnswered {
    ExchangeAnswered {
        id: ID,
        seq: Seq(1_002),
        at: Nanos(2),
        status: 201,
        response_head: b"HTTP/1.1 201 Created\r\n\r\n".to_vec(),
    }
}

fn ended() -> ExchangeEnded {
    ExchangeEnded {
        id: ID,
        seq: Seq(1_006),
        at: Nanos(3),
        how: HowExchangeEnded::Reset,
    }
}

fn records() -> Vec<Record> {
    let tag = TagRecord {
        connection: ID,
        from: Seq(1_000),
        kind: TagKind::Session,
        value: "s-1".into(),
        source: "header:X-Session-ID".into(),
        provenance: Provenance::Presented,
    };
    let heads = [
        Record::ExchangeOpened(opened()),
        Record::Tag(tag),
        Record::ExchangeAnswered(answered()),
    ];
    let messages = messages().map(Record::Http);
    let end = [Record::ExchangeEnded(ended())];
    heads.into_iter().chain(messages).chain(end).collect()
}

fn write(writer: Writer) {
    writer.sender().send(records(), None);
    let stats = writer.close().expect("written").stats;
    assert_eq!(stats.gaps, 0);
}

fn check(path: &Path) {
    let reader = Reader::open(path).expect("a recording");
    assert_eq!(reader.version(), FormatVersion(2));
    let exchanges = reader.exchanges().expect("read");
    let [exchange] = &exchanges[..] else {
        panic!("{exchanges:?}");
    };
    assert_eq!(exchange.opened, opened());
    assert_eq!(exchange.answered, Some(answered()));
    assert_eq!(exchange.ended, Some(ended()));
    assert!(exchange.uuid.ends_with("-70"), "{}", exchange.uuid);
    let mut query = reader.http_messages().expect("prepared");
    let mut rows = query.rows().expect("begun");
    for expected in messages() {
        assert!(rows.advance().expect("a row"));
        let row = rows.current().expect("read").expect("there");
        assert_eq!(row.to_message(), expected);
        let looked_up = reader.http_message(expected.seq).expect("read");
        assert_eq!(looked_up, Some(expected));
    }
    assert!(!rows.advance().expect("the end"));
    assert!(!rows.advance().expect("the end"));
    assert_eq!(reader.http_message(Seq(1_000)).expect("read"), None);
    assert_eq!(reader.counts().expect("counted").exchanges, 1);
}

#[test]
fn an_exchange_with_everything() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    write(Writer::create(&path, WriterOptions::default()).expect("a new file"));
    check(&path);
    let again = Writer::append(&path, WriterOptions::default()).expect("appended");
    let run = again.sender().run().clone();
    assert_eq!(run.next_connection(), ConnectionId(71));
    assert!(run.peek_seq() > Seq(1_006));
}

#[test]
fn a_recording_of_format_1_has_none_and_takes_some() {
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../fixtures/golden/chat-leaky.db"
    );
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    fs::copy(golden, &path).expect("copied");
    let reader = Reader::open(&path).expect("an old recording");
    assert_eq!(reader.version(), FormatVersion(1));
    assert_eq!(reader.exchanges().expect("read"), []);
    assert_eq!(reader.http_message(Seq(1)).expect("read"), None);
    let mut query = reader.http_messages().expect("prepared");
    assert!(!query.rows().expect("begun").advance().expect("the end"));
    assert_eq!(reader.counts().expect("counted").exchanges, 0);
    let frames = reader.counts().expect("counted").frames;
    let connections = reader.connections().expect("read");
    drop(query);
    drop(reader);

    write(Writer::append(&path, WriterOptions::default()).expect("brought to the new format"));
    check(&path);
    let reader = Reader::open(&path).expect("a new recording");
    assert_eq!(reader.counts().expect("counted").frames, frames);
    // What version 2 says of a connection is not known of those from before.
    let after = reader.connections().expect("read");
    assert!(
        connections
            .iter()
            .zip(&after)
            .all(|(one, other)| one == other)
    );
}
