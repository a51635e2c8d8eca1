//! A recording that somebody made to harm who reads it is refused, or read to an end.

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection as Sqlite;
use tempfile::TempDir;
use wsaudit_recording::fuzzing::with_bytes;
use wsaudit_recording::{Filter, OpenError, ReadError, Reader};

/// A recording that was changed by SQL.
fn changed(sql: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    fs::copy(with_bytes(&[]).path(), &path).expect("copied");
    let sqlite = Sqlite::open(&path).expect("opened");
    sqlite.execute_batch(sql).expect("changed");
    sqlite.close().expect("closed");
    (directory, path)
}

fn refused(sql: &str) -> String {
    let (_directory, path) = changed(sql);
    let error = Reader::open(&path).expect_err("refused");
    assert!(matches!(error, OpenError::Malformed { .. }), "{error}");
    error.to_string()
}

#[test]
fn a_view_without_end_in_place_of_a_table() {
    let message = refused(
        "DROP TABLE gap;
         CREATE VIEW gap AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n)
         SELECT id, 1 AS run_id, 1 AS connection_id, 1 AS from_seq, 1 AS to_seq, 1 AS at,
                1 AS frames, hex(zeroblob(1000000)) AS why FROM n;",
    );
    assert!(message.contains("table gap: it is a view"), "{message}");
}

#[test]
fn a_column_that_is_computed() {
    let message = refused(
        "DROP TABLE tail;
         CREATE TABLE tail (id INTEGER PRIMARY KEY, connection_id, direction, first_at, header,
                            payload AS (zeroblob(1000000000)), chunks_id);",
    );
    assert!(message.contains("column payload is computed"), "{message}");
}

#[test]
fn a_virtual_table() {
    let message = refused(
        "DROP TABLE tail;
         CREATE VIRTUAL TABLE tail USING fts5(id, connection_id, direction, first_at, header, payload, chunks_id);",
    );
    assert!(message.contains("it is a virtual table"), "{message}");
}

/// The number at `at`, of two bytes.
fn number(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])
}

/// Lets every branch of every table lead to the first page below it.
///
/// <https://www.sqlite.org/fileformat2.html#b_tree_pages>
fn pages_lead_to_one_page() -> (TempDir, PathBuf) {
    let (directory, path) = changed("");
    let mut bytes = fs::read(&path).expect("read");
    let page_size = number(&bytes, 16);
    let mut branches = 0;
    for page in (page_size..bytes.len()).step_by(page_size) {
        if bytes[page] != 5 {
            continue;
        }
        let first = page + number(&bytes, page + 12);
        let child = bytes[first..first + 4].to_vec();
        for cell in 1..number(&bytes, page + 3) {
            let at = page + number(&bytes, page + 12 + 2 * cell);
            bytes[at..at + 4].copy_from_slice(&child);
            branches += 1;
        }
        bytes[page + 8..page + 12].copy_from_slice(&child);
    }
    assert!(branches > 0, "a tree with branches");
    fs::write(&path, bytes).expect("written");
    (directory, path)
}

#[test]
fn pages_that_lead_to_the_same_rows_again_and_again() {
    let (_directory, path) = pages_lead_to_one_page();
    let reader = Reader::open(&path).expect("its first and last rows are there");
    let mut query = reader.frames(Filter::ALL).expect("prepared");
    let mut rows = query.rows().expect("begun");
    let error = loop {
        match rows.next() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("rows came twice, and nobody noticed"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ReadError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("comes after"), "{error}");
    for error in [
        reader.counts().expect_err("counted row by row"),
        reader
            .messages(Filter::ALL)
            .and_then(|mut query| {
                let mut rows = query.rows()?;
                while rows.advance()? {}
                Ok(())
            })
            .expect_err("read row by row"),
    ] {
        assert!(matches!(error, ReadError::Damaged { .. }), "{error}");
    }
}
