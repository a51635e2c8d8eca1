//! A recording of format 1 that is added to takes what format 2 knows of redaction.

use std::fs;
use std::path::Path;

use wsaudit_recording::{
    MessageContent, MessageRecord, Payloads, Reader, Record, Writer, WriterOptions,
};
use wsaudit_wire::Opcode;

fn all_wire_exact(reader: &Reader) -> bool {
    let connections = reader.connections().expect("read");
    assert!(!connections.is_empty());
    connections
        .iter()
        .all(|it| it.opened.payloads == Payloads::WireExact)
}

fn views(path: &Path) -> Vec<(String, String)> {
    let sqlite = rusqlite::Connection::open(path).expect("opened");
    let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'view' ORDER BY name";
    let mut statement = sqlite.prepare(sql).expect("prepared");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let rows: Result<_, _> = rows.expect("begun").collect();
    rows.expect("read")
}

#[test]
fn a_recording_of_format_1_takes_withheld_messages() {
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../fixtures/golden/chat-leaky.db"
    );
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    fs::copy(golden, &path).expect("copied");
    assert!(all_wire_exact(&Reader::open(&path).expect("an old one")));

    let writer = Writer::append(&path, WriterOptions::default()).expect("brought to format 2");
    let seq = writer.run().next_seq(1);
    let message = MessageRecord {
        seq,
        first_seq: seq,
        opcode: Opcode::TEXT,
        content: MessageContent::Withheld("it is no JSON".into()),
    };
    writer.sender().send(vec![Record::Message(message)], None);
    writer.close().expect("closed");

    let reader = Reader::open(&path).expect("a new one");
    reader.check().expect("undamaged");
    assert!(all_wire_exact(&reader));
    assert_eq!(reader.gaps().expect("read"), [], "the schema takes it");
    let sqlite = rusqlite::Connection::open(&path).expect("opened");
    let sql = "SELECT content FROM message WHERE seq = ?";
    let content: String = sqlite
        .query_row(sql, [seq.0.cast_signed()], |row| row.get(0))
        .expect("there");
    assert_eq!(content, "withheld");

    let fresh = directory.path().join("fresh.db");
    let writer = Writer::create(&fresh, WriterOptions::default()).expect("a new file");
    writer.close().expect("closed");
    assert_eq!(views(&path), views(&fresh));
}
