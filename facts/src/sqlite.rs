//! Facts out of a SQLite file that the product writes: the rows of one query.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use wsaudit_verifier::facts::Fact;
use wsaudit_verifier::rules::FactsDef;

use crate::error::FactsError;
use crate::rows::Columns;

/// The first bytes of every SQLite database (<https://www.sqlite.org/fileformat2.html>, section 1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How long a product that is writing is waited for.
const BUSY: Duration = Duration::from_secs(5);

/// Whether a file is a SQLite database.
pub(crate) fn is_one(path: &Path) -> Result<bool, FactsError> {
    let mut first = [0; MAGIC.len()];
    match File::open(path).and_then(|mut file| file.read_exact(&mut first)) {
        Ok(()) => Ok(&first == MAGIC),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(source) => Err(FactsError::Io {
            file: path.display().to_string(),
            source,
        }),
    }
}

pub(crate) fn read(path: &Path, query: &str, table: &FactsDef) -> Result<Vec<Fact>, FactsError> {
    let file = path.display().to_string();
    if !is_one(path)? {
        return Err(FactsError::Sqlite {
            file,
            source: rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB),
                Some("it is no SQLite database".to_owned()),
            ),
        });
    }
    let broken = |source| FactsError::Sqlite {
        file: file.clone(),
        source,
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags).map_err(broken)?;
    database.busy_timeout(BUSY).map_err(broken)?;
    let mut statement = database.prepare(query).map_err(broken)?;
    if !statement.readonly() || statement.parameter_count() > 0 || statement.column_count() == 0 {
        return Err(FactsError::NotAQuery { origin: file });
    }
    let names: Vec<_> = statement.column_names().map(str::to_owned).collect();
    let columns = Columns::of(&names, table, &file)?;
    let mut rows = statement.query([]).map_err(broken)?;
    let mut facts = Vec::new();
    let mut number = 0_u64;
    while let Some(row) = rows.next().map_err(broken)? {
        number += 1;
        let place = || format!("{file} row {number}");
        let cell = |column| {
            text(row, column)
                .map_err(broken)?
                .ok_or_else(|| FactsError::Blob {
                    place: place(),
                    column: columns.name(column).to_owned(),
                })
        };
        let (resource, owner) = (cell(columns.resource)?, cell(columns.owner)?);
        facts.extend(columns.fact(&resource, &owner, place)?);
    }
    Ok(facts)
}

/// A value as ids are compared: as text. NULL is empty; a blob has no text.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => Some(String::new()),
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::table;
    use std::path::PathBuf;
    use wsaudit_verifier::rules::FactsSource;

    /// A product's database, still open, with a log beside it.
    fn product() -> (tempfile::TempDir, PathBuf, Connection) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.db");
        let database = Connection::open(&path).unwrap();
        database
            .execute_batch(
                "pragma journal_mode = wal;
                 create table user_threads(id, session_id, key blob);
                 insert into user_threads values
                     (42, 's-1', x'00'), ('thr_9', 's-2', x'01'), ('thr_8', null, x'02');",
            )
            .unwrap();
        (dir, path, database)
    }

    fn facts(path: &Path, query: &str, columns: Option<(&str, &str)>) -> Result<Vec<Fact>, String> {
        let source = FactsSource::Sqlite {
            path: path.to_owned(),
            query: query.to_owned(),
        };
        crate::read(&table(source, columns), None).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_that_is_being_written_is_read() {
        let (_dir, path, database) = product();
        let query = "select session_id, id from user_threads order by rowid";
        let found = facts(&path, query, Some(("id", "session_id"))).unwrap();
        let said: Vec<_> = found
            .iter()
            .map(|fact| (&*fact.resource, &*fact.owner))
            .collect();
        assert_eq!(said, [("42", "s-1"), ("thr_9", "s-2")]);
        assert!(
            found[1].origin.ends_with("app.db row 2"),
            "{}",
            found[1].origin
        );
        let first_two = facts(&path, "select id, session_id from user_threads", None).unwrap();
        assert_eq!(first_two, found);
        drop(database);
    }

    #[test]
    fn what_is_no_query_of_two_columns_is_refused() {
        let (_dir, path, database) = product();
        let error = |query, columns| facts(&path, query, columns).unwrap_err();
        for query in [
            "delete from user_threads",
            "delete from user_threads returning id, session_id",
            "select id, session_id from user_threads where id = ?1",
        ] {
            let error = error(query, None);
            assert!(
                error.contains("one statement that only reads"),
                "{query}: {error}"
            );
        }
        assert!(
            error(
                "select id, session_id from user_threads; drop table user_threads",
                None
            )
            .contains("Multiple")
        );
        assert!(error("select id from user_threads", None).ends_with("there is only `id`"));
        let columns = Some(("id", "owner"));
        let query = "select id, session_id from user_threads";
        assert!(
            error(query, columns)
                .ends_with("there is no column `owner`; the columns are id, session_id")
        );
        assert!(
            error("select key, session_id from user_threads", None).contains("lower(hex(key))")
        );
        assert!(
            error("select session_id, id from user_threads", None)
                .ends_with("row 3: column `session_id` is empty")
        );
        assert!(error("select id from missing", None).contains("no such table: missing"));
        assert!(error("-- nothing", None).contains("empty"));
        let count = "select count(*) from user_threads";
        let rows: i64 = database.query_row(count, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 3);
    }

    #[test]
    fn what_is_no_database_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("threads.db");
        std::fs::write(&path, "id,session_id\na,s-1\n").unwrap();
        let error = facts(&path, "select 1, 2", None).unwrap_err();
        assert!(
            error.contains("threads.db: it is no SQLite database"),
            "{error}"
        );
    }

    #[test]
    fn a_given_file_is_taken_for_what_it_is() {
        let (dir, path, _database) = product();
        let query = "select id, session_id from user_threads".to_owned();
        let url_from = None;
        let pack = table(FactsSource::Postgres { query, url_from }, None);
        assert_eq!(crate::read(&pack, Some(&path)).unwrap().len(), 2);
        let export = dir.path().join("export.csv");
        std::fs::write(&export, "id,session_id\na,s-1\n").unwrap();
        assert_eq!(crate::read(&pack, Some(&export)).unwrap().len(), 1);
        let csv = table(
            FactsSource::Csv { path: export },
            Some(("id", "session_id")),
        );
        let error = crate::read(&csv, Some(&path)).unwrap_err().to_string();
        assert!(error.contains("has no `query` to ask it"), "{error}");
    }
}
