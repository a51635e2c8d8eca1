//! What a query of somebody else's can ask of a recording, and what it cannot.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::path::PathBuf;

use wsaudit_recording::{
    Answer, AskError, Checked, MessageContent, MessageRecord, Named, Question, QuestionLimits,
    Reader, Record, Seq, Writer, WriterOptions,
};
use wsaudit_wire::Opcode;

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/golden/chat-leaky.db")
}

fn question(sql: &str) -> Question {
    Question::new(
        Checked::rows(sql, &["message"]).unwrap_or_else(|error| panic!("{error}")),
        None,
    )
}

fn ask(sql: &str, limits: QuestionLimits) -> Result<Answer, AskError> {
    Reader::open(golden()).unwrap().ask(&question(sql), limits)
}

/// Why a query is refused before there is a recording, and at which byte.
fn refused(sql: &str) -> (String, Option<usize>) {
    let error = Checked::rows(sql, &["message"]).expect_err(sql);
    (error.message, error.offset)
}

#[test]
fn rows_name_frames_and_their_connections() {
    let sql = "SELECT seq, direction AS message FROM session_message WHERE opcode = 'text'
                ORDER BY seq LIMIT 2";
    let answer = ask(sql, QuestionLimits::default()).unwrap();
    let reader = Reader::open(golden()).unwrap();
    assert_eq!(answer.rows.len(), 2);
    for row in &answer.rows {
        let Named::Place(seq, connection) = row.named else {
            panic!("it names a frame: {row:?}");
        };
        let frame = reader.frame(seq).unwrap().unwrap();
        assert_eq!(frame.connection, connection);
        assert!(row.texts["message"].contains("-to-"), "{row:?}");
    }
    assert!(!answer.more);
}

#[test]
fn what_is_no_frame_is_said() {
    let sql = "SELECT 999999 AS seq UNION ALL SELECT NULL UNION ALL SELECT 'x'";
    let rows = ask(sql, QuestionLimits::default()).unwrap().rows;
    let named: Vec<_> = rows.into_iter().map(|row| row.named).collect();
    let nothing = |found: &str| Named::Nothing(found.to_owned());
    assert_eq!(named, [nothing("999999"), nothing("NULL"), nothing("x")]);
}

#[test]
fn an_opening_is_a_place_too() {
    let sql = "SELECT opened_seq AS seq FROM connection WHERE id = 1";
    let rows = ask(sql, QuestionLimits::default()).unwrap().rows;
    assert!(
        matches!(rows[0].named, Named::Place(_, connection) if connection.0 == 1),
        "{rows:?}"
    );
}

#[test]
fn a_query_can_do_nothing_but_read_the_recording() {
    for sql in [
        "ATTACH 'other.db' AS other",
        "PRAGMA user_version",
        "SELECT 1 AS seq FROM pragma_table_info('frame')",
        "SELECT 1 AS seq FROM sqlite_schema",
        "SELECT rootpage AS seq FROM sqlite_schema",
        "SELECT 1 AS seq FROM pragma_database_list",
        "SELECT 1 AS seq FROM dbstat",
        "SELECT load_extension('x') AS seq",
        "SELECT random() AS seq",
        "SELECT 1 AS seq, current_timestamp AS message",
        "DELETE FROM frame RETURNING seq",
        "INSERT INTO frame_chunk VALUES (1, 1, x'') RETURNING idx AS seq",
        "CREATE TEMP TABLE t AS SELECT 1 AS seq",
        "VACUUM INTO 'copy.db'",
        "BEGIN",
        "SAVEPOINT s",
    ] {
        let (message, _) = refused(sql);
        assert!(
            [
                "not allowed",
                "is no table or view of a recording",
                "may only read",
                "no such table: dbstat",
                "the query writes",
                "no such function",
            ]
            .iter()
            .any(|why| message.contains(why)),
            "{sql}: {message}"
        );
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let sql = "SELECT seq FROM frames";
    assert_eq!(refused(sql).0, "no such table: frames");
    let sql = "SELECT seq, lenght(payload) AS message FROM frame";
    let (message, offset) = refused(sql);
    assert_eq!(message, "no such function: lenght");
    assert!(
        offset.is_none_or(|at| sql[at..].starts_with("lenght")),
        "{offset:?}"
    );
    let sql = "SELECT sq FROM frame";
    assert_eq!(refused(sql), ("no such column: sq".to_owned(), Some(7)));
    let sql = "SELECT seq FRM frame WHERE";
    let (message, offset) = refused(sql);
    assert!(message.contains("syntax error"), "{message}");
    assert!(offset.is_some());
    assert!(
        refused("SELECT seq FROM frame; SELECT 1")
            .0
            .contains("several statements")
    );
    assert!(refused(" -- nothing").0.contains("empty"));
    assert!(
        refused("SELECT seq FROM frame WHERE seq = ?")
            .0
            .contains("parameter")
    );
    assert!(
        refused("SELECT id FROM connection")
            .0
            .contains("a column `id`")
    );
    assert!(
        refused("SELECT 'x' AS message FROM frame")
            .0
            .contains("no column `seq`")
    );
    assert!(
        refused("SELECT seq, seq FROM frame")
            .0
            .contains("two columns `seq`")
    );
    assert!(
        Checked::count("SELECT 1, 2")
            .unwrap_err()
            .message
            .contains("2 columns")
    );
}

#[test]
fn an_endless_query_is_stopped_after_its_steps() {
    let sql = "WITH RECURSIVE n (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n)
               SELECT max(seq) AS seq FROM n";
    let limits = QuestionLimits {
        steps: 100_000,
        ..QuestionLimits::default()
    };
    let error = ask(sql, limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it was stopped after 100000 steps of SQLite's machine"
    );
}

#[test]
fn rows_and_values_have_limits() {
    let sql = "SELECT seq, printf('%.*c', 2000, 'é') AS message FROM frame";
    let limits = QuestionLimits {
        rows: 3,
        value: 11,
        ..QuestionLimits::default()
    };
    let answer = ask(sql, limits).unwrap();
    assert_eq!(answer.rows.len(), 3);
    assert!(answer.more);
    assert_eq!(answer.rows[0].texts["message"], "ééééé...");
    let huge = "SELECT seq, zeroblob(1000000000) AS message FROM frame";
    let error = ask(huge, QuestionLimits::default()).unwrap_err();
    assert!(error.to_string().contains("too big"), "{error}");
}

#[test]
fn a_count_is_a_number() {
    let reader = Reader::open(golden()).unwrap();
    let count = |sql: &str| {
        let rows = Checked::rows("SELECT seq FROM frame WHERE 0", &[]).unwrap();
        let question = Question::new(rows, Some(Checked::count(sql).unwrap()));
        reader.ask(&question, QuestionLimits::default())
    };
    let frames = count("SELECT count(*) FROM frame").unwrap().count.unwrap();
    assert!(frames > 3);
    for (sql, found) in [
        ("SELECT -1", "-1"),
        ("SELECT NULL", "NULL"),
        ("SELECT 'many'", "many"),
        ("SELECT 1 WHERE 0", "nothing"),
    ] {
        let error = count(sql).unwrap_err();
        assert!(
            error.to_string().contains(&format!("is {found},")),
            "{error}"
        );
    }
}

#[test]
fn what_was_not_kept_is_named_where_the_query_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traffic.db");
    std::fs::copy(golden(), &path).unwrap();
    let seq = Reader::open(&path)
        .unwrap()
        .frame_range()
        .unwrap()
        .unwrap()
        .1;
    let writer = Writer::append(&path, WriterOptions::default()).unwrap();
    let message = MessageRecord {
        seq,
        first_seq: seq,
        opcode: Opcode::TEXT,
        content: MessageContent::Withheld("it is no JSON".into()),
    };
    writer.sender().send(vec![Record::Message(message)], None);
    writer.close().unwrap();
    let reader = Reader::open(&path).unwrap();
    let incomplete = |sql: &str| {
        let answer = reader.ask(&question(sql), QuestionLimits::default());
        let lacks = answer.unwrap().incomplete.into_iter();
        lacks.map(|lack| lack.first).collect::<Vec<Seq>>()
    };
    let of_text = "SELECT seq FROM session_frame WHERE text LIKE '%secret%'";
    assert_eq!(incomplete(of_text), [seq]);
    // A view has the text among its columns; the query does not look at it.
    let of_times = "SELECT seq FROM session_frame WHERE seconds > 1e6";
    assert_eq!(incomplete(of_times), []);
}

#[test]
fn whether_it_asks_who_somebody_is_is_known() {
    assert!(question("SELECT seq FROM session_frame WHERE session_id = 'x'").reads_tags());
    assert!(question("SELECT from_seq AS seq FROM tag").reads_tags());
    assert!(!question("SELECT seq FROM session_frame").reads_tags());
}
