//! Somebody who has only the `sqlite3` shell gets an answer in one line.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use wsaudit_recording::{
    ConnectionAnswered, ConnectionId, ConnectionOpened, FrameRecord, MessageContent, MessageRecord,
    Nanos, Payload, Payloads, Provenance, Record, Seq, TagKind, TagRecord, Writer, WriterOptions,
};
use wsaudit_wire::{Direction, FrameHeader, LengthForm, Opcode};

fn frame(seq: u64, connection: u64, first_byte: u8, payload: &[u8]) -> Record {
    Record::Frame(FrameRecord {
        seq: Seq(seq),
        connection: ConnectionId(connection),
        direction: Direction::ServerToClient,
        first_at: Nanos(seq * 1_000_000),
        last_at: Nanos(seq * 1_000_000_000),
        header: FrameHeader {
            first_byte,
            masking_key: None,
            length_form: LengthForm::Bits7,
            declared_length: payload.len() as u64,
        },
        payload: Payload::Whole(payload.to_vec()),
    })
}

fn opened(seq: u64, id: u64) -> Record {
    Record::Opened(ConnectionOpened {
        id: ConnectionId(id),
        seq: Seq(seq),
        at: Nanos(seq),
        client_addr: "127.0.0.1:50000".into(),
        upstream: "http://127.0.0.1:8000".into(),
        http_version: "HTTP/1.1".into(),
        tls: None,
        request_head: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        payloads: Payloads::WireExact,
    })
}

fn tag(seq: u64, connection: u64, kind: TagKind, value: &str, source: &str) -> Record {
    Record::Tag(TagRecord {
        connection: ConnectionId(connection),
        from: Seq(seq),
        kind,
        value: value.into(),
        source: source.into(),
        provenance: Provenance::Presented,
    })
}

fn write(path: &Path) {
    let writer = Writer::create(path, WriterOptions::default()).expect("created");
    let mut huge = frame(10, 1, 0xB3, b"");
    if let Record::Frame(frame) = &mut huge {
        frame.header.declared_length = u64::MAX;
    }
    let records = vec![
        opened(1, 1),
        tag(1, 1, TagKind::Session, "s-1", "query:session_id"),
        tag(1, 1, TagKind::User, "u-1", "jwt:sub"),
        Record::Answered(ConnectionAnswered {
            id: ConnectionId(1),
            seq: Seq(2),
            at: Nanos(2),
            response_head: b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec(),
            status: Some(101),
            subprotocol: None,
            extensions: None,
            tls: None,
        }),
        frame(3, 1, 0x81, b"hello"),
        opened(4, 2),
        frame(5, 2, 0x81, b"nobody's"),
        tag(6, 2, TagKind::Session, "s-2", "message:/session"),
        frame(6, 2, 0x01, b"wor"),
        frame(7, 2, 0x80, b"ld"),
        Record::Message(MessageRecord {
            seq: Seq(7),
            first_seq: Seq(6),
            opcode: Opcode::TEXT,
            content: MessageContent::Whole(b"world".to_vec()),
        }),
        tag(8, 1, TagKind::Session, "s-3", "query:session_id"),
        frame(8, 1, 0x89, b""),
        huge,
    ];
    writer.sender().send(records, None);
    writer.close().expect("closed");
}

/// What the shell prints; `None` where it is not installed.
fn sqlite3(path: &Path, sql: &str) -> Option<String> {
    match Command::new("sqlite3").arg(path).arg(sql).output() {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{errors}");
            Some(String::from_utf8(output.stdout).expect("text"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{error}"),
    }
}

/// The same queries through the library, where there is no shell.
fn query(path: &Path, sql: &str) -> String {
    if let Some(printed) = sqlite3(path, sql) {
        return printed;
    }
    let sqlite = rusqlite::Connection::open(path).expect("opened");
    let mut statement = sqlite.prepare(sql).expect("prepared");
    let columns = statement.column_count();
    let mut rows = statement.query([]).expect("begun");
    let mut printed = String::new();
    while let Some(row) = rows.next().expect("a row") {
        let cells: Vec<_> = (0..columns)
            .map(|index| match row.get_ref(index).expect("a cell") {
                rusqlite::types::ValueRef::Null => String::new(),
                rusqlite::types::ValueRef::Integer(value) => value.to_string(),
                rusqlite::types::ValueRef::Real(value) => format!("{value:?}"),
                rusqlite::types::ValueRef::Text(text) | rusqlite::types::ValueRef::Blob(text) => {
                    String::from_utf8_lossy(text).into_owned()
                }
            })
            .collect();
        printed += &cells.join("|");
        printed.push('\n');
    }
    printed
}

#[test]
fn which_frames_did_a_session_get() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    write(&path);
    let ask = |sql: &str| query(&path, sql);

    assert_eq!(
        ask(
            "select seq, user_id, direction, opcode, seconds, text from session_frame where session_id='s-1'"
        ),
        "3|u-1|server-to-client|text|3.0|hello\n"
    );
    assert_eq!(
        ask("select seq, session_id, opcode, fin, text from session_frame where connection_id=2"),
        "5||text|1|nobody's\n6|s-2|text|0|\n7|s-2|continuation|1|world\n"
    );
    assert_eq!(
        ask(
            "select seq, opcode, fin, rsv1, rsv2, rsv3, masked, declared_length from session_frame where session_id='s-3'"
        ),
        "8|ping|1|0|0|0|0|0\n10|reserved 0x3|1|0|1|1|0|18446744073709551615\n"
    );
    assert_eq!(
        ask("select seq, first_seq, session_id, opcode, content, text from session_message"),
        "3|3|s-1|text|whole|hello\n5|5||text|whole|nobody's\n7|6|s-2|text|whole|world\n\
         8|8|s-3|ping|whole|\n10|10|s-3|reserved 0x3|whole|\n"
    );
    assert_eq!(
        ask("select session_id, users, connections, frames, bytes from session_summary"),
        "||1|1|8\ns-1|u-1|1|1|5\ns-2||1|2|5\ns-3|u-1|1|2|0\n"
    );
    let started = ask("select started_at / 1000000000 + 3 from run");
    assert_eq!(
        ask("select strftime('%s', substr(time, 1, 19)) from frame_view where seq = 3"),
        started
    );
}

#[test]
fn the_queries_of_the_format_page_run() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recording-format.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    write(&path);
    let queries: Vec<_> = page
        .lines()
        .filter_map(|line| {
            line.strip_prefix("$ sqlite3 traffic.db \"")?
                .strip_suffix('"')
        })
        .collect();
    assert!(queries.len() >= 10, "{queries:?}");
    for sql in &queries {
        query(&path, sql);
    }
    // The first one is shown with its answer.
    assert!(page.contains(&format!(
        "{}\"\n{}```",
        queries[0],
        query(&path, queries[0])
    )));
}

#[test]
fn the_format_page_names_every_column() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recording-format.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    write(&path);
    let columns = query(
        &path,
        "select distinct c.name from sqlite_schema as s, pragma_table_info(s.name) as c
         where s.type in ('table', 'view') and s.name not like 'sqlite%'",
    );
    for column in columns.lines() {
        assert!(
            page.contains(&format!("`{column}`")),
            "{column} is not described"
        );
    }
}
