//! A recording as the recorder writes it: 100 sessions that create 10,000 threads, talk in them, and
//! share some for a while. Everything goes where it belongs.

use std::path::Path;

use wsaudit_recording::{
    ConnectionAnswered, ConnectionId, ConnectionOpened, FrameRecord, Nanos, Payload, Payloads,
    Provenance, Record, Seq, TagKind, TagRecord, Writer, WriterOptions,
};
use wsaudit_wire::{Direction, FrameHeader, LengthForm};

const SESSIONS: u64 = 100;
const THREADS: u64 = 10_000;
const BYTES: usize = 300;

/// How many frames a batch of the recorder's holds.
const BATCH: usize = 1_000;

fn session(number: u64) -> String {
    format!("s-{number:04}")
}

/// Writes it, with at least that many frames.
pub(crate) fn write(path: &Path, frames: u64) {
    let writer = Writer::create(path, WriterOptions::default()).unwrap();
    let mut batch = Vec::with_capacity(BATCH);
    let mut seq = 0;
    for session in 1..=SESSIONS {
        batch.extend(connection(session, seq + 1));
        seq += 2;
    }
    for number in 1..=SESSIONS {
        seq += 1;
        let ready = format!(
            r#"{{"type":"session_ready","session_id":"{}","context_id":"context-{number}""#,
            session(number)
        );
        batch.push(frame(seq, number, Direction::ServerToClient, ready));
    }
    let mut written = SESSIONS;
    for number in 0.. {
        if written >= frames {
            break;
        }
        for (direction, connection, text) in exchange(number) {
            seq += 1;
            written += 1;
            batch.push(frame(seq, connection, direction, text));
        }
        if batch.len() >= BATCH {
            writer.sender().send(std::mem::take(&mut batch), None);
        }
    }
    writer.sender().send(batch, None);
    writer.close().unwrap();
}

fn connection(number: u64, seq: u64) -> Vec<Record> {
    let id = ConnectionId(number);
    let tag = |kind, value: String, source: &str| {
        Record::Tag(TagRecord {
            connection: id,
            from: Seq(seq),
            kind,
            value,
            source: source.into(),
            provenance: Provenance::Issued,
        })
    };
    vec![
        Record::Opened(ConnectionOpened {
            id,
            seq: Seq(seq),
            at: Nanos(seq * 10_000),
            client_addr: format!("127.0.0.1:{}", 40_000 + number),
            upstream: "http://127.0.0.1:9000".into(),
            http_version: "HTTP/1.1".into(),
            tls: None,
            request_head: format!(
                "GET /ws HTTP/1.1\r\nX-Session-ID: {}\r\n\r\n",
                session(number)
            )
            .into_bytes(),
            payloads: Payloads::WireExact,
        }),
        tag(TagKind::Session, session(number), "header:X-Session-ID"),
        tag(
            TagKind::Credential,
            format!("hmac:{number:032x}"),
            "header:Authorization",
        ),
        tag(TagKind::User, format!("u-{:03}", number / 4), "jwt:sub"),
        Record::Answered(ConnectionAnswered {
            id,
            seq: Seq(seq + 1),
            at: Nanos((seq + 1) * 10_000),
            response_head: b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec(),
            status: Some(101),
            subprotocol: None,
            extensions: None,
            tls: None,
        }),
    ]
}

/// What is said in one go, each with its direction and connection.
fn exchange(number: u64) -> Vec<(Direction, u64, String)> {
    let thread = number % THREADS;
    let owner = thread % SESSIONS + 1;
    let friend = owner % SESSIONS + 1;
    let (id, to) = (session(owner), session(friend));
    let said = |to: u64, session: &str, kind: &str, more: &str| {
        let text = format!(
            r#"{{"type":"{kind}","session_id":"{session}","thread_id":"thr_{thread:06}"{more}"#
        );
        (Direction::ServerToClient, to, text)
    };
    let asked = |kind: &str, more: &str| {
        let text = format!(r#"{{"type":"{kind}","request_id":"r{number}"{more}"#);
        (Direction::ClientToServer, owner, text)
    };
    let request = format!(r#","request_id":"r{number}""#);
    if number < THREADS {
        return vec![
            asked("create_thread", ""),
            said(owner, &id, "thread_created", &request),
        ];
    }
    let here = format!(r#","thread_id":"thr_{thread:06}""#);
    let content = format!(
        r#","message":{{"id":"m{number}","at":{number},"by":{{"name":"agent","kind":"assistant"}},"tokens":[1,2,3,4,5,6,7,8]}}"#
    );
    match number % 16 {
        0 => vec![
            said(
                owner,
                &id,
                "thread_shared",
                &format!(r#","to_session":"{to}""#),
            ),
            said(friend, &to, "message_added", &content),
            said(
                owner,
                &id,
                "thread_unshared",
                &format!(r#","from_session":"{to}""#),
            ),
        ],
        1..=4 => vec![
            asked("send_message", &here),
            said(owner, &id, "message_added", &format!("{request}{content}")),
        ],
        _ => vec![said(owner, &id, "message_added", &content)],
    }
}

fn frame(seq: u64, connection: u64, direction: Direction, mut text: String) -> Record {
    const FILLER: &str = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod \
        tempor incididunt ut labore et dolore magna aliqua ut enim ad minim veniam quis nostrud \
        exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat duis aute irure dolor";
    text.push_str(r#","text":""#);
    let room = BYTES.saturating_sub(text.len() + 2);
    text.push_str(&FILLER[..room.min(FILLER.len())]);
    text.push_str(r#""}"#);
    let at = Nanos(seq * 10_000);
    Record::Frame(FrameRecord {
        seq: Seq(seq),
        connection: ConnectionId(connection),
        direction,
        first_at: at,
        last_at: at,
        header: FrameHeader {
            first_byte: 0x81,
            masking_key: None,
            length_form: LengthForm::Bits16,
            declared_length: text.len() as u64,
        },
        payload: Payload::Whole(text.into_bytes()),
    })
}
