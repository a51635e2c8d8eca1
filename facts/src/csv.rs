//! Facts out of CSV: a file with a head line (RFC 4180).

mod quotes;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord};
use wsaudit_verifier::facts::Fact;
use wsaudit_verifier::rules::FactsDef;

use crate::error::{FactsError, with_causes};
use crate::rows::Columns;
use quotes::Quotes;

pub(crate) fn read_file(path: &Path, table: &FactsDef) -> Result<Vec<Fact>, FactsError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|source| FactsError::Io {
        file: name.clone(),
        source,
    })?;
    read(file, &name, table, |row| {
        let line = row.position().map_or(0, Position::line);
        format!("{name} line {line}")
    })
}

/// The rows of a table with a head line; `place` says where a row stands.
pub(crate) fn read(
    text: impl Read,
    origin: &str,
    table: &FactsDef,
    place: impl Fn(&StringRecord) -> String,
) -> Result<Vec<Fact>, FactsError> {
    let broken = |error: csv::Error| FactsError::Csv {
        origin: origin.to_owned(),
        // `csv` does not pass on the causes of what it could not read.
        why: match error.kind() {
            ErrorKind::Io(error) => with_causes(error),
            _ => error.to_string(),
        },
    };
    let mut reader = ReaderBuilder::new().from_reader(Quotes::of(text));
    let names: Vec<_> = reader
        .headers()
        .map_err(broken)?
        .iter()
        .map(clean)
        .collect();
    let columns = Columns::of(&names, table, origin)?;
    let mut facts = Vec::new();
    let mut row = StringRecord::new();
    while reader.read_record(&mut row).map_err(broken)? {
        let cell = |column: usize| row.get(column).unwrap_or_default();
        let (resource, owner) = (cell(columns.resource), cell(columns.owner));
        facts.extend(columns.fact(resource, owner, || place(&row))?);
    }
    Ok(facts)
}

/// Spreadsheets begin their files with a byte order mark.
fn clean(cell: &str) -> String {
    cell.trim_start_matches('\u{FEFF}').trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::table;
    use wsaudit_verifier::rules::FactsSource;

    fn facts(text: &str) -> Result<Vec<Fact>, String> {
        let path = "threads.csv".into();
        let table = table(FactsSource::Csv { path }, Some(("id", "session_id")));
        let read = read(text.as_bytes(), "threads.csv", &table, |row| {
            format!("threads.csv line {}", row.position().unwrap().line())
        });
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_found_by_name() {
        let found =
            facts("\u{FEFF}id,title,session_id\n42,\"a\nb\",s-1\n43,c,\n44,d,s-2\n").unwrap();
        let said = |fact: &Fact| {
            (
                fact.resource.clone(),
                fact.owner.clone(),
                fact.origin.clone(),
            )
        };
        let said: Vec<_> = found.iter().map(said).collect();
        let expected = [
            ("42", "s-1", "threads.csv line 2"),
            ("44", "s-2", "threads.csv line 5"),
        ];
        assert_eq!(
            said,
            expected.map(|(a, b, c)| (a.into(), b.into(), c.into()))
        );
    }

    #[test]
    fn errors_name_the_line() {
        let error = |text: &str| facts(text).unwrap_err();
        assert_eq!(
            error("id,owner\n"),
            "threads.csv: there is no column `session_id`; the columns are id, owner"
        );
        assert_eq!(
            error("id\n"),
            "threads.csv: facts need two columns, a resource and its owner; there is only `id`"
        );
        assert_eq!(
            error("id,session_id\na,s-1\n,s-2\n"),
            "threads.csv line 3: column `id` is empty"
        );
        assert!(error("id,session_id\na,s-1,x\n").contains("line: 2"));
    }

    #[test]
    fn a_quote_that_is_not_closed_swallows_no_rows() {
        let error = |text: &str| facts(text).unwrap_err();
        assert_eq!(
            error("id,session_id\na,s-1\nb,\"s-2\nc,s-3\n"),
            "threads.csv: a quote that is opened in line 3 is not closed"
        );
        assert_eq!(
            error("id,session_id\na,s-1\nb,\"s-2\nc,\"s-3\"\n"),
            "threads.csv: a quote that is opened in line 3 is closed in line 4 before `s`, \
             where a comma or the end of the line should follow"
        );
    }
}
