//! A recording that is no file: what a text case says, as tables.

use rusqlite::{Connection, params};

use super::file::create_tables;
use super::insert::{Inserted, Inserts};
use crate::column::signed;
use crate::record::Record;
use crate::run::{Numbers, Run};
use crate::schema::PAGE_SIZE;

/// A recording in memory of one run, which began at `started_at` (Unix time in nanoseconds); the times
/// of `records` are on its clock.
///
/// A record that the schema does not take is an error: nothing is left out silently.
pub(crate) fn in_memory(started_at: u64, records: &[Record]) -> Result<Connection, String> {
    let failed = |error: rusqlite::Error| error.to_string();
    let connection = Connection::open_in_memory().map_err(failed)?;
    create_tables(&connection, PAGE_SIZE).map_err(failed)?;
    let run = Run::start(Numbers::FIRST, "memory".to_owned());
    connection
        .execute(
            "INSERT INTO run (id, part, uuid, started_at, first_seq, closed_cleanly, tool_version, config)
             VALUES (1, 1, 'memory', ?, 1, 1, '', '{}')",
            params![signed(started_at)],
        )
        .map_err(failed)?;
    connection
        .execute(
            "INSERT INTO clock_anchor (run_id, at, wall) VALUES (1, 0, ?)",
            params![signed(started_at)],
        )
        .map_err(failed)?;
    {
        let mut inserts = Inserts::prepare(&connection, &run).map_err(failed)?;
        for record in records {
            match inserts.insert(record).map_err(failed)? {
                Inserted::Written => {}
                Inserted::Refused(why) => return Err(format!("{why}: {record:?}")),
            }
        }
    }
    Ok(connection)
}
