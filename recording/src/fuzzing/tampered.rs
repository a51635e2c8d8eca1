//! Recordings that somebody has changed.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection as Sqlite;
use rusqlite::types::Value;
use tempfile::TempDir;
use wsaudit_wire::fuzzing::Control;

use super::base::{LOOSE, RECORDED};
use crate::schema::{FormatVersion, tables};

/// A recording that was changed, in a directory of its own; dropping it removes both.
#[derive(Debug)]
pub struct Tampered {
    directory: TempDir,
}

impl Tampered {
    fn new(bytes: &[u8]) -> Self {
        let directory = tempfile::tempdir().expect("there is room for a recording");
        let tampered = Self { directory };
        fs::write(tampered.path(), bytes).expect("there is room for a recording");
        tampered
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("traffic.db")
    }

    /// Where a reader may make its private copy.
    pub fn scratch(&self) -> &Path {
        self.directory.path()
    }
}

/// Single bytes are changed, the end is cut off, a log lies beside it: whatever the input says.
pub fn with_bytes(data: &[u8]) -> Tampered {
    let mut control = Control::new(data);
    let mut bytes = RECORDED.clone();
    let bits = control.byte();
    if bits & 1 != 0 {
        bytes.truncate(place(&mut control) % bytes.len());
    }
    let log = if bits & 6 == 0 {
        &[][..]
    } else {
        control.part()
    };
    while !control.rest().is_empty() && !bytes.is_empty() {
        let at = place(&mut control) % bytes.len();
        bytes[at] = control.byte();
    }
    let tampered = Tampered::new(&bytes);
    for (bit, suffix) in [(2, "-wal"), (4, "-journal")] {
        if bits & bit != 0 {
            let mut beside = tampered.path().into_os_string();
            beside.push(suffix);
            fs::write(beside, log).expect("there is room for a log");
        }
    }
    tampered
}

fn place(control: &mut Control<'_>) -> usize {
    usize::from(control.byte()) << 8 | usize::from(control.byte())
}

/// Columns hold what the input says, of whatever type: another program wrote it.
pub fn with_values(data: &[u8]) -> Tampered {
    let tampered = Tampered::new(&LOOSE);
    let mut control = Control::new(data);
    let sqlite = Sqlite::open(tampered.path()).expect("it is an SQLite file");
    sqlite
        .execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
        .expect("a setting");
    let tables: Vec<_> = tables(FormatVersion::NEWEST).collect();
    while !control.rest().is_empty() {
        let (table, key) = tables[usize::from(control.byte()) % tables.len()];
        let (column, row) = (control.byte(), control.byte());
        let value = value(&mut control);
        // What SQLite refuses, two rows of one key, cannot be in a file.
        let _ = set(&sqlite, table, key, usize::from(column), row, value);
    }
    drop(sqlite);
    tampered
}

fn set(
    sqlite: &Sqlite,
    table: &str,
    key: &str,
    column: usize,
    row: u8,
    value: Value,
) -> rusqlite::Result<()> {
    let statement = sqlite.prepare(&format!("SELECT * FROM {table}"))?;
    let name = statement.column_name(column % statement.column_count())?;
    let sql = format!(
        "UPDATE {table} SET {name} = ?1
          WHERE {key} = (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET ?2 % (SELECT count(*) FROM {table}))"
    );
    sqlite.execute(&sql, (value, row)).map(drop)
}

fn value(control: &mut Control<'_>) -> Value {
    let kind = control.byte();
    let number = i64::from(kind >> 3);
    match kind % 8 {
        0 => Value::Null,
        1 => Value::Real(1.5),
        2 => Value::Integer(number),
        3 => Value::Integer(i64::MIN + number),
        4 => Value::Integer(-1 - number),
        5 => Value::Integer(i64::from(control.byte()) << number),
        6 => Value::Text(String::from_utf8_lossy(control.part()).into_owned()),
        _ => Value::Blob(control.part().to_vec()),
    }
}
