//! Ownership facts out of CSV files, SQLite files and PostgreSQL: who owns what, as the product's own
//! database has it.
//!
//! A rule pack says where they come from (`[facts.NAME]`); [`read`] brings them.

mod csv;
mod error;
#[cfg(feature = "postgres")]
mod postgres;
mod rows;
mod sqlite;

use std::path::Path;

use wsaudit_verifier::facts::Fact;
use wsaudit_verifier::rules::{FactsDef, FactsSource};

pub use error::FactsError;

/// Reads the facts of a pack's table, in the table's order. A file that is `given` stands in for the
/// source that the pack names: an SQLite file is asked the pack's query, any other is a CSV file with
/// a head line.
pub fn read(table: &FactsDef, given: Option<&Path>) -> Result<Vec<Fact>, FactsError> {
    if let Some(path) = given {
        return match (sqlite::is_one(path)?, &table.source) {
            (false, _) => csv::read_file(path, table),
            (true, FactsSource::Sqlite { query, .. } | FactsSource::Postgres { query, .. }) => {
                sqlite::read(path, query, table)
            }
            (true, FactsSource::Csv { .. }) => Err(FactsError::NoQuery {
                file: path.display().to_string(),
            }),
        };
    }
    match &table.source {
        FactsSource::Csv { path } => csv::read_file(path, table),
        FactsSource::Sqlite { path, query } => sqlite::read(path, query, table),
        FactsSource::Postgres { query, url_from } => {
            from_postgres(query, url_from.as_deref(), table)
        }
    }
}

#[cfg(feature = "postgres")]
fn from_postgres(
    query: &str,
    url_from: Option<&str>,
    table: &FactsDef,
) -> Result<Vec<Fact>, FactsError> {
    postgres::read(query, url_from, table)
}

#[cfg(not(feature = "postgres"))]
fn from_postgres(_: &str, _: Option<&str>, _: &FactsDef) -> Result<Vec<Fact>, FactsError> {
    Err(FactsError::NoPostgres)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wsaudit_verifier::rules::{Listing, Location};

    /// A pack's table of facts.
    pub(crate) fn table(source: FactsSource, columns: Option<(&str, &str)>) -> FactsDef {
        FactsDef {
            source,
            resource: columns.map(|(resource, _)| resource.to_owned()),
            owner: columns.map(|(_, owner)| owner.to_owned()),
            listing: Listing::Partial,
            location: Location {
                file: "rules.toml".into(),
                line: 1,
                column: 1,
            },
        }
    }
}
