//! A recording cut down: fragments and chunks of what is kept, and of nothing else.

use std::path::Path;

use wsaudit_recording::{
    ConnectionId, ConnectionOpened, CutError, Filter, FrameRecord, Kept, MessagePayload, Payload,
    Payloads, Reader, Record, Seq, Writer, WriterOptions, cut,
};
use wsaudit_wire::{Direction, FrameHeader, LengthForm};

fn frame(seq: Seq, at: wsaudit_recording::Nanos, first_byte: u8, payload: &[u8]) -> Record {
    Record::Frame(FrameRecord {
        seq,
        connection: ConnectionId(1),
        direction: Direction::ClientToServer,
        first_at: at,
        last_at: at,
        header: FrameHeader {
            first_byte,
            masking_key: None,
            length_form: LengthForm::Bits7,
            declared_length: payload.len() as u64,
        },
        payload: Payload::Whole(payload.to_vec()),
    })
}

/// One connection: a message, a ping, a second message.
fn recorded(path: &Path) -> [Seq; 3] {
    let writer = Writer::create(path, WriterOptions::default()).expect("created");
    let run = writer.run();
    let opened = Record::Opened(ConnectionOpened {
        id: run.next_connection(),
        seq: run.next_seq(1),
        at: run.now(),
        client_addr: "127.0.0.1:50000".into(),
        upstream: "http://127.0.0.1:8000".into(),
        http_version: "HTTP/1.1".into(),
        tls: None,
        request_head: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        payloads: Payloads::WireExact,
    });
    let seqs = [(); 3].map(|()| run.next_seq(1));
    let at = run.now();
    let records = vec![
        opened,
        frame(seqs[0], at, 0x81, b"kept"),
        frame(seqs[1], at, 0x89, b"ping"),
        frame(seqs[2], at, 0x81, b"left out"),
    ];
    writer.sender().send(records, None);
    writer.close().expect("closed");
    seqs
}

#[test]
fn what_is_kept_is_there_and_the_rest_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let (whole, small) = (directory.path().join("a.db"), directory.path().join("b.db"));
    let [kept, ..] = recorded(&whole);
    let reader = Reader::open(&whole).expect("opened");
    let choice = Kept {
        connections: [ConnectionId(1)].into(),
        messages: [kept].into(),
    };
    cut(&reader, &small, &choice).expect("cut");
    let reader = Reader::open(&small).expect("a recording");
    assert_eq!(reader.runs().len(), 1);
    let mut query = reader.messages(Filter::ALL).expect("prepared");
    let mut rows = query.rows().expect("begun");
    let row = rows.next().expect("read").expect("one message");
    assert_eq!(row.seq, kept);
    assert!(matches!(row.payload, MessagePayload::Bytes(b"kept")));
    assert!(rows.next().expect("read").is_none());
}

#[test]
fn nothing_is_written_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let (whole, other) = (directory.path().join("a.db"), directory.path().join("b.db"));
    recorded(&whole);
    std::fs::write(&other, "precious").expect("written");
    let reader = Reader::open(&whole).expect("opened");
    let refused = cut(&reader, &other, &Kept::default()).expect_err("refused");
    assert!(matches!(refused, CutError::Create(_)), "{refused}");
    assert_eq!(std::fs::read(&other).expect("read"), b"precious");
}
