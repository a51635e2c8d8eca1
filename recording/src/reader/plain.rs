//! Whether the tables are tables.
//!
//! A recording may come from anybody. A view in place of a table, a virtual table or a computed column
//! is code that would run while it is read: one of three lines gives rows without end.

use std::path::Path;

use rusqlite::{Connection as Sqlite, OptionalExtension as _};

use crate::header::OpenError;
use crate::schema::{FormatVersion, tables};

/// Refuses a recording of which a table is something else than stored rows.
pub(super) fn check(path: &Path, sqlite: &Sqlite, version: FormatVersion) -> Result<(), OpenError> {
    for (table, _) in tables(version) {
        let found = what_is(sqlite, table)
            .map_err(|error| OpenError::from_sqlite(path, &format!("table {table}"), &error))?;
        if let Some(detail) = found {
            return Err(OpenError::Malformed {
                path: path.into(),
                place: format!("table {table}"),
                detail,
            });
        }
    }
    Ok(())
}

/// What is wrong with it; `None` where it is a table with stored columns.
fn what_is(sqlite: &Sqlite, table: &str) -> rusqlite::Result<Option<String>> {
    // A virtual table has no page of its own.
    let sql = "SELECT type, rootpage FROM sqlite_schema
                WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view')";
    let entry = sqlite
        .query_row(sql, [table], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        })
        .optional()?;
    match entry {
        None => return Ok(Some("it is missing".into())),
        Some((kind, _)) if kind != "table" => return Ok(Some(format!("it is a {kind}"))),
        Some((_, 0)) => return Ok(Some("it is a virtual table".into())),
        Some(_) => {}
    }
    let sql = "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden <> 0";
    let computed: Option<String> = sqlite
        .query_row(sql, [table], |row| row.get(0))
        .optional()?;
    Ok(computed.map(|column| format!("its column {column} is computed")))
}
