//! Why facts could not be read.

use std::error::Error;
use std::io;

use thiserror::Error;

/// Why facts could not be read. No message holds a password.
#[derive(Debug, Error)]
pub enum FactsError {
    /// A file cannot be opened or read.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// A CSV file, or what the server sent as one, cannot be read as a table.
    #[error("{origin}: {why}")]
    Csv {
        /// The file, or the query's table.
        origin: String,
        /// What is wrong, and in which line, with its causes.
        why: String,
    },
    /// A column that the pack names is missing.
    #[error("{origin}: there is no column `{wanted}`; the columns are {columns}")]
    NoColumn {
        /// The file, or the query's table.
        origin: String,
        /// What the pack names.
        wanted: String,
        /// What there is.
        columns: String,
    },
    /// A table of facts needs two columns: resource and owner.
    #[error("{origin}: facts need two columns, a resource and its owner; there is only {columns}")]
    TooFewColumns {
        /// The file, or the query's table.
        origin: String,
        /// What there is.
        columns: String,
    },
    /// A row names no resource.
    #[error("{place}: column `{column}` is empty")]
    NoResource {
        /// Where: `threads.csv line 3`.
        place: String,
        /// The column.
        column: String,
    },
    /// A value is bytes, which have no canonical text.
    #[error(
        "{place}: column `{column}` is a blob; ids are text: let the query make text of it, as in lower(hex({column}))"
    )]
    Blob {
        /// Where: `app.db row 3`.
        place: String,
        /// The column.
        column: String,
    },
    /// A pack that reads CSV was given a SQLite file.
    #[error(
        "{file} is a SQLite file, and the pack has no `query` to ask it; write the facts as from = \"sqlite\" with a query"
    )]
    NoQuery {
        /// The file.
        file: String,
    },
    /// A SQLite file cannot be opened or asked.
    #[error("{file}: {source}")]
    Sqlite {
        /// The file.
        file: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The query would do something else than read.
    #[error("{origin}: the query must be one statement that only reads, and takes no parameters")]
    NotAQuery {
        /// Of which database.
        origin: String,
    },
    /// This binary has no client of PostgreSQL.
    #[error(
        "this wsaudit is built without PostgreSQL; build it with `--features postgres`, or export the table as CSV and name it with --facts NAME=FILE.csv"
    )]
    NoPostgres,
    /// Nothing says which server to ask.
    #[error("{0} is not set; it says which database to ask: postgres://user@host/database")]
    NoUrl(String),
    /// The environment says something that cannot be used.
    #[error("{variable} cannot be used: {why}")]
    Environment {
        /// The environment's variable.
        variable: String,
        /// What is wrong with it; never its value, which may hold a password.
        why: String,
    },
    /// The server cannot be reached, or refuses.
    #[error("PostgreSQL at {server}: {why}")]
    Postgres {
        /// Host and database, without credentials.
        server: String,
        /// What it says, with its causes.
        why: String,
    },
}

/// An error with its causes: what happened is often in the last one only.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
