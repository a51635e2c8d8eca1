//! What is written is read back.

use proptest::prelude::*;
use tempfile::TempDir;
use wsaudit_recording::{
    AnomalyRecord, ChunksId, ClientTls, Connection, ConnectionAnswered, ConnectionClosed,
    ConnectionId, ConnectionOpened, Filter, FrameChunk, FrameRecord, GapRecord, HowEnded,
    MessageContent, MessageRecord, Nanos, Payload, Payloads, Provenance, Reader, Record, RunId,
    Seq, ServerTls, TagKind, TagRecord, TailRecord, Writer, WriterOptions,
};
use wsaudit_wire::{Direction, Endpoint, FrameHeader, LengthForm, Opcode};

fn record(records: Vec<Record>) -> (TempDir, Reader) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    let writer = Writer::create(&path, WriterOptions::default()).expect("a new file");
    writer.sender().send(records, None);
    let closed = writer.close().expect("written");
    assert!(closed.single_file);
    let reader = Reader::open(&path).expect("a recording");
    (directory, reader)
}

fn frames(reader: &Reader) -> Vec<FrameRecord> {
    let mut query = reader.frames(Filter::ALL).expect("prepared");
    let mut rows = query.rows().expect("begun");
    let mut frames = Vec::new();
    while let Some(frame) = rows.next().expect("a row") {
        frames.push(frame.to_record());
    }
    frames
}

fn header(first_byte: u8, length: u64) -> FrameHeader {
    FrameHeader {
        first_byte,
        masking_key: None,
        length_form: LengthForm::minimal(length),
        declared_length: length,
    }
}

fn frame(seq: u64, first_byte: u8, payload: &[u8]) -> FrameRecord {
    FrameRecord {
        seq: Seq(seq),
        connection: ConnectionId(1),
        direction: Direction::ServerToClient,
        first_at: Nanos(seq * 10),
        last_at: Nanos(seq * 10 + 1),
        header: header(first_byte, payload.len() as u64),
        payload: Payload::Whole(payload.to_vec()),
    }
}

fn withheld(seq: u64, first_byte: u8) -> FrameRecord {
    FrameRecord {
        payload: Payload::Withheld,
        ..frame(seq, first_byte, b"")
    }
}

fn opened(seq: u64, id: u64) -> ConnectionOpened {
    ConnectionOpened {
        id: ConnectionId(id),
        seq: Seq(seq),
        at: Nanos(5),
        client_addr: "127.0.0.1:50000".into(),
        upstream: "http://127.0.0.1:8000".into(),
        http_version: "HTTP/1.1".into(),
        tls: None,
        request_head: b"GET /\xFF HTTP/1.1\r\n\r\n".to_vec(),
        payloads: Payloads::WireExact,
    }
}

fn answered(seq: u64, extensions: Option<&str>) -> ConnectionAnswered {
    ConnectionAnswered {
        id: ConnectionId(1),
        seq: Seq(seq),
        at: Nanos(6),
        response_head: b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec(),
        status: Some(101),
        subprotocol: Some("chat".into()),
        extensions: extensions.map(str::to_owned),
        tls: None,
    }
}

#[test]
fn the_tls_of_a_client_comes_back() {
    let tls = |sni: Option<&str>, alpn: Option<&str>| {
        Some(ClientTls {
            version: "TLS 1.3".into(),
            sni: sni.map(str::to_owned),
            alpn: alpn.map(str::to_owned),
        })
    };
    let each = [
        None,
        tls(None, None),
        tls(Some("staging.example"), Some("http/1.1")),
    ];
    let records = (1..).zip(&each).map(|(id, tls)| {
        Record::Opened(ConnectionOpened {
            tls: tls.clone(),
            ..opened(id, id)
        })
    });
    let (_directory, reader) = record(records.collect());
    let connections = reader.connections().expect("read");
    let read: Vec<_> = connections.into_iter().map(|it| it.opened.tls).collect();
    assert_eq!(read, each);
}

#[test]
fn a_redacted_connection_comes_back_as_one() {
    let each = [Payloads::Redacted, Payloads::WireExact];
    let mut records: Vec<_> = (1..)
        .zip(each)
        .map(|(id, payloads)| {
            Record::Opened(ConnectionOpened {
                payloads,
                ..opened(id, id)
            })
        })
        .collect();
    let tail = TailRecord {
        connection: ConnectionId(1),
        direction: Direction::ClientToServer,
        first_at: Nanos(1),
        header: vec![0x81, 5],
        payload: Payload::Withheld,
    };
    records.push(Record::Tail(tail.clone()));
    let (_directory, reader) = record(records);
    let connections = reader.connections().expect("read");
    let read: Vec<_> = connections.iter().map(|it| it.opened.payloads).collect();
    assert_eq!(read, each);
    assert_eq!(reader.tails().expect("read"), [tail]);
}

#[test]
fn the_tls_of_an_upstream_comes_back() {
    let tls = |alpn: Option<&str>| {
        Some(ServerTls {
            version: "TLS 1.2".into(),
            alpn: alpn.map(str::to_owned),
        })
    };
    for tls in [None, tls(None), tls(Some("http/1.1"))] {
        let answered = ConnectionAnswered {
            tls: tls.clone(),
            ..answered(2, None)
        };
        let (_directory, reader) = record(vec![
            Record::Opened(opened(1, 1)),
            Record::Answered(answered.clone()),
        ]);
        let connections = reader.connections().expect("read");
        assert_eq!(connections[0].answered.as_ref(), Some(&answered));
    }
}

#[test]
fn a_connection_with_everything() {
    let closed = ConnectionClosed {
        id: ConnectionId(1),
        seq: Seq(9),
        at: Nanos(700),
        how: HowEnded::Fin,
        closed_by: Some(Endpoint::Server),
        close_code: Some(1000),
        close_reason: Some("bye".into()),
    };
    let anomaly = AnomalyRecord {
        connection: ConnectionId(1),
        direction: Direction::ClientToServer,
        seq: Seq(4),
        at: Nanos(44),
        code: "unmasked-client-frame".into(),
        detail: "opcode text".into(),
    };
    let gap = GapRecord {
        connection: Some(ConnectionId(1)),
        from: Seq(5),
        to: Seq(6),
        at: Nanos(66),
        frames: None,
        why: "recorder stalled for 5.0 s".into(),
    };
    let tail = TailRecord {
        connection: ConnectionId(1),
        direction: Direction::ServerToClient,
        first_at: Nanos(600),
        header: vec![0x81],
        payload: Payload::Whole(Vec::new()),
    };
    let (_directory, reader) = record(vec![
        Record::Opened(opened(1, 1)),
        Record::Answered(answered(2, None)),
        Record::Frame(frame(3, 0x81, b"hello")),
        Record::Anomaly(anomaly.clone()),
        Record::Gap(gap.clone()),
        Record::Tail(tail.clone()),
        Record::Closed(closed.clone()),
    ]);

    let connections = reader.connections().expect("read");
    let uuid = format!("{}-1", reader.runs()[0].uuid);
    assert_eq!(
        connections,
        [Connection {
            id: ConnectionId(1),
            uuid,
            run: RunId(1),
            opened: opened(1, 1),
            answered: Some(answered(2, None)),
            closed: Some(closed),
        }]
    );
    assert_eq!(reader.anomalies().expect("read"), [anomaly]);
    assert_eq!(reader.gaps().expect("read"), [(RunId(1), gap)]);
    assert_eq!(reader.tails().expect("read"), [tail]);
    assert_eq!(frames(&reader), [frame(3, 0x81, b"hello")]);
    assert_eq!(
        reader.frame(Seq(3)).expect("read"),
        Some(frame(3, 0x81, b"hello"))
    );
    assert_eq!(reader.frame(Seq(4)).expect("read"), None);
    assert_eq!(reader.frame_range().expect("read"), Some((Seq(3), Seq(3))));
    let counts = reader.counts().expect("counted");
    assert_eq!((counts.connections, counts.frames, counts.gaps), (1, 1, 1));
    assert!(reader.unclean().is_none());
    assert!(reader.runs()[0].closed_cleanly);
    reader.check().expect("sound");
}

#[test]
fn a_payload_of_no_bytes_is_a_blob_of_no_bytes() {
    let (_directory, reader) = record(vec![
        Record::Opened(opened(1, 1)),
        Record::Frame(frame(2, 0x89, b"")),
        Record::Message(MessageRecord {
            seq: Seq(2),
            first_seq: Seq(2),
            opcode: Opcode::TEXT,
            content: MessageContent::Whole(Vec::new()),
        }),
    ]);
    assert_eq!(frames(&reader), [frame(2, 0x89, b"")]);
    let message = reader.message(Seq(2)).expect("read").expect("there");
    assert_eq!(message.content, MessageContent::Whole(Vec::new()));
    assert!(reader.gaps().expect("read").is_empty());
}

#[test]
fn a_tag_holds_until_the_next_one_of_its_kind() {
    let tag = |from, kind, value: &str, source: &str| TagRecord {
        connection: ConnectionId(1),
        from: Seq(from),
        kind,
        value: value.into(),
        source: source.into(),
        provenance: Provenance::Issued,
    };
    let first = tag(2, TagKind::Session, "s-1", "set-cookie:sid");
    let user = tag(2, TagKind::User, "u-1", "jwt:sub");
    let second = tag(7, TagKind::Session, "s-2", "message:/session");
    let basic = tag(2, TagKind::Credential, "k-1", "header:authorization");
    let cookie = tag(3, TagKind::Credential, "k-2", "cookie:auth");
    let (_directory, reader) = record(vec![
        Record::Opened(opened(1, 1)),
        Record::Tag(first.clone()),
        Record::Tag(user.clone()),
        Record::Tag(basic.clone()),
        Record::Tag(cookie.clone()),
        Record::Tag(second.clone()),
    ]);
    let tags = reader.tags().expect("read");
    let spans: Vec<_> = tags.iter().map(|span| (&span.tag, span.to)).collect();
    assert_eq!(
        spans,
        [
            (&first, Some(Seq(6))),
            (&user, None),
            (&basic, None),
            (&cookie, None),
            (&second, None)
        ]
    );
    assert!(tags[0].holds_at(Seq(6)) && !tags[0].holds_at(Seq(7)));
}

#[test]
fn messages_come_joined_and_in_order() {
    let chunk = |index, bytes: &[u8]| {
        Record::Chunk(FrameChunk {
            chunks: ChunksId(1),
            index,
            bytes: bytes.to_vec(),
        })
    };
    let chunked = FrameRecord {
        payload: Payload::Chunked(ChunksId(1)),
        header: header(0x82, 6),
        ..frame(12, 0x82, b"")
    };
    let (_directory, reader) = record(vec![
        Record::Opened(opened(1, 1)),
        Record::Answered(answered(2, Some("permessage-deflate"))),
        // One frame, one message.
        Record::Frame(frame(3, 0x81, b"one")),
        // Two fragments with a ping in between, joined by the recorder.
        Record::Frame(frame(4, 0x01, b"he")),
        Record::Frame(frame(5, 0x89, b"ping")),
        Record::Frame(frame(6, 0x80, b"llo")),
        Record::Message(MessageRecord {
            seq: Seq(6),
            first_seq: Seq(4),
            opcode: Opcode::TEXT,
            content: MessageContent::Whole(b"hello".to_vec()),
        }),
        // Compressed, and inflated by the recorder.
        Record::Frame(frame(7, 0xC1, b"\x01\x02")),
        Record::Message(MessageRecord {
            seq: Seq(7),
            first_seq: Seq(7),
            opcode: Opcode::TEXT,
            content: MessageContent::Truncated {
                kept: b"{".to_vec(),
                full_length: 1 << 40,
            },
        }),
        // Compressed, and the recorder was killed before it wrote the message.
        Record::Frame(frame(8, 0xC1, b"\x03")),
        // Fragments without their message.
        Record::Frame(frame(9, 0x02, b"a")),
        Record::Frame(frame(10, 0x00, b"b")),
        Record::Frame(frame(11, 0x80, b"c")),
        // In chunks.
        chunk(0, b"abc"),
        chunk(1, b"def"),
        Record::Frame(chunked),
        Record::Frame(frame(13, 0x88, b"\x03\xE8")),
        // Withheld, and once without the row that says why.
        Record::Frame(withheld(14, 0x81)),
        Record::Message(MessageRecord {
            seq: Seq(14),
            first_seq: Seq(14),
            opcode: Opcode::TEXT,
            content: MessageContent::Withheld("it is no JSON".into()),
        }),
        Record::Frame(withheld(15, 0x81)),
    ]);
    let mut query = reader.messages(Filter::ALL).expect("prepared");
    let mut rows = query.rows().expect("begun");
    let mut seen = Vec::new();
    while let Some(row) = rows.next().expect("a row") {
        assert_eq!(row.at, Nanos(row.seq.0 * 10 + 1));
        let message = row.to_message();
        let content = match message.content {
            MessageContent::Whole(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            MessageContent::Truncated { full_length, .. } => format!("of {full_length}"),
            MessageContent::Undecodable(_) => "undecodable".into(),
            MessageContent::Withheld(why) => why,
        };
        let opcode = message.opcode.to_string();
        seen.push((message.seq.0, message.first_seq.0, opcode, content));
    }
    let expect = |seq, first, opcode: &str, content: &str| {
        (seq, first, opcode.to_owned(), content.to_owned())
    };
    assert_eq!(
        seen,
        [
            expect(3, 3, "text", "one"),
            expect(5, 5, "ping", "ping"),
            expect(6, 4, "text", "hello"),
            expect(7, 7, "text", "of 1099511627776"),
            expect(8, 8, "text", "undecodable"),
            expect(11, 9, "continuation", "undecodable"),
            expect(12, 12, "binary", "abcdef"),
            expect(13, 13, "close", "\u{3}\u{FFFD}"),
            expect(14, 14, "text", "it is no JSON"),
            expect(
                15,
                15,
                "text",
                "its payload was not kept, and the row that says why is missing"
            ),
        ]
    );
    let single = reader.message(Seq(6)).expect("read").expect("there");
    assert_eq!(single.content, MessageContent::Whole(b"hello".to_vec()));
    assert_eq!(reader.message(Seq(4)).expect("read"), None);
    assert_eq!(reader.joined(ChunksId(1), 4).expect("read"), b"abcd");
}

#[test]
fn what_the_schema_does_not_take_is_a_gap_and_the_rest_is_kept() {
    let (_directory, reader) = record(vec![
        Record::Opened(opened(1, 1)),
        Record::Frame(frame(2, 0x81, b"first")),
        Record::Frame(frame(2, 0x81, b"same place")),
        Record::Frame(frame(3, 0x81, b"third")),
        Record::Answered(ConnectionAnswered {
            id: ConnectionId(77),
            ..answered(4, None)
        }),
    ]);
    assert_eq!(
        frames(&reader),
        [frame(2, 0x81, b"first"), frame(3, 0x81, b"third")]
    );
    let gaps = reader.gaps().expect("read");
    assert_eq!(gaps.len(), 2);
    assert_eq!((gaps[0].1.from, gaps[0].1.frames), (Seq(2), Some(1)));
    assert_eq!((gaps[1].1.from, gaps[1].1.frames), (Seq(4), Some(0)));
}

fn any_frame() -> impl Strategy<Value = FrameRecord> {
    let form = prop_oneof![
        Just(LengthForm::Bits7),
        Just(LengthForm::Bits16),
        Just(LengthForm::Bits64)
    ];
    let direction = prop_oneof![
        Just(Direction::ClientToServer),
        Just(Direction::ServerToClient)
    ];
    let payload = prop_oneof![
        9 => prop::collection::vec(any::<u8>(), 0..2_000).prop_map(Payload::Whole),
        1 => any::<u64>().prop_map(|id| Payload::Chunked(ChunksId(id))),
        1 => Just(Payload::Withheld),
    ];
    let times = (any::<u64>(), any::<u64>());
    let head = (any::<u8>(), form, any::<u64>(), any::<Option<[u8; 4]>>());
    (1..50_u64, direction, times, head, payload).prop_map(
        |(connection, direction, (first_at, last_at), head, payload)| FrameRecord {
            seq: Seq(0),
            connection: ConnectionId(connection),
            direction,
            first_at: Nanos(first_at),
            last_at: Nanos(last_at),
            header: FrameHeader {
                first_byte: head.0,
                length_form: head.1,
                declared_length: head.2,
                masking_key: head.3,
            },
            payload,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_frames_come_back(mut sent in prop::collection::vec(any_frame(), 0..60)) {
        for (seq, frame) in (1..).zip(&mut sent) {
            frame.seq = Seq(seq);
        }
        let (_directory, reader) = record(sent.iter().cloned().map(Record::Frame).collect());
        prop_assert_eq!(frames(&reader), sent);
    }
}
