//! Facts out of PostgreSQL: the rows of one query, over the wire as CSV, so that every type has its
//! canonical text. Where the server is and who asks comes from the environment, never from a pack.

mod server;

use postgres::{Client, NoTls};
use wsaudit_verifier::facts::Fact;
use wsaudit_verifier::rules::FactsDef;

use crate::csv;
use crate::error::{FactsError, with_causes};
use server::{Server, Trust};

/// How long the server may think about the query.
const STATEMENT_TIMEOUT: &str = "set statement_timeout = '60s'";

pub(crate) fn read(
    query: &str,
    url_from: Option<&str>,
    table: &FactsDef,
) -> Result<Vec<Fact>, FactsError> {
    let server = Server::from_environment(url_from, |name| std::env::var(name).ok())?;
    let broken = |error: postgres::Error| FactsError::Postgres {
        server: server.name.clone(),
        why: with_causes(&error),
    };
    let mut client = connect(&server).map_err(broken)?;
    client.batch_execute(STATEMENT_TIMEOUT).map_err(broken)?;
    // Whatever the pack's query is: it reads.
    let mut transaction = client
        .build_transaction()
        .read_only(true)
        .start()
        .map_err(broken)?;
    let query = query.trim().trim_end_matches(';');
    // Only what is one whole statement by itself goes into the other one.
    let statement = transaction.prepare(query).map_err(broken)?;
    if !statement.params().is_empty() || statement.columns().is_empty() {
        return Err(FactsError::NotAQuery {
            origin: server.name,
        });
    }
    // The line break ends a comment that the query may end in.
    let copy = format!("copy ({query}\n) to stdout with (format csv, header)");
    let rows = transaction.copy_out(&copy).map_err(broken)?;
    let origin = format!("PostgreSQL at {}", server.name);
    csv::read(rows, &origin, table, |row| {
        // The head is record 0.
        let number = row.position().map_or(0, ::csv::Position::record);
        format!("{origin} row {number}")
    })
}

fn connect(server: &Server) -> Result<Client, postgres::Error> {
    match &server.trust {
        Trust::NoTls => server.config.connect(NoTls),
        Trust::Verified(config) => {
            let tls = tokio_postgres_rustls::MakeRustlsConnect::new((**config).clone());
            server.config.connect(tls)
        }
    }
}
