//! The plain HTTP exchanges of a recording.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;
use wsaudit_recording::{Exchange, Reader, TagKind};
use wsaudit_verifier::report::escaped;
use wsaudit_wire::Direction;

use super::frames::Clock;
use super::identity::Identities;
use super::overview_text::list;
use crate::numbers::{bytes, counted, grouped};
use crate::table::{Align, Table};

/// How many are listed for people.
const LISTED: usize = 50;

/// An exchange.
#[derive(Debug, Serialize)]
pub(super) struct ExchangeLine {
    pub(super) id: u64,
    pub(super) sessions: Vec<String>,
    pub(super) method: String,
    /// Redacted.
    pub(super) target: String,
    pub(super) status: Option<u16>,
    pub(super) opened_at: f64,
    /// Of its bodies, as they were sent; null where they were not recorded.
    pub(super) request_bytes: Option<u64>,
    pub(super) response_bytes: Option<u64>,
    pub(super) how_ended: Option<&'static str>,
}

/// All exchanges of a recording.
pub(super) fn read(
    reader: &Reader,
    identities: &Identities,
    clock: &Clock,
) -> anyhow::Result<Vec<ExchangeLine>> {
    let mut lengths = BTreeMap::new();
    let mut query = reader.http_messages()?;
    let mut rows = query.rows()?;
    while rows.advance()? {
        if let Some(row) = rows.current()? {
            lengths.insert((row.exchange, row.direction), row.length);
        }
    }
    let exchanges = reader.exchanges()?.into_iter();
    let line = |exchange: Exchange| ExchangeLine {
        id: exchange.id.0,
        sessions: identities
            .ever(exchange.id, TagKind::Session)
            .into_iter()
            .map(str::to_owned)
            .collect(),
        status: exchange.answered.map(|answered| answered.status),
        opened_at: clock.seconds(reader, exchange.id, exchange.opened.at),
        method: exchange.opened.method,
        target: exchange.opened.target,
        request_bytes: lengths
            .get(&(exchange.id, Direction::ClientToServer))
            .copied(),
        response_bytes: lengths
            .get(&(exchange.id, Direction::ServerToClient))
            .copied(),
        how_ended: exchange.ended.map(|ended| ended.how.as_str()),
    };
    Ok(exchanges.map(line).collect())
}

/// The first of them as a table, and how many there are.
pub(super) fn write_text(
    lines: &[ExchangeLine],
    out: &mut impl Write,
    columns: Option<usize>,
) -> anyhow::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", counted(lines.len() as u64, "HTTP exchange"))?;
    let mut table = Table::new(&[
        ("id", Align::Right),
        ("opened", Align::Right),
        ("session", Align::Left),
        ("method", Align::Left),
        ("target", Align::Left),
        ("status", Align::Right),
        ("sent", Align::Right),
        ("received", Align::Right),
        ("ended", Align::Left),
    ]);
    for line in lines.iter().take(LISTED) {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.row([
            line.id.to_string(),
            format!("{:+.3} s", line.opened_at),
            list(&line.sessions),
            escaped(&line.method),
            escaped(&line.target),
            or_dash(line.status.map(|status| status.to_string())),
            or_dash(line.request_bytes.map(bytes)),
            or_dash(line.response_bytes.map(bytes)),
            line.how_ended.unwrap_or("still open at the end").to_owned(),
        ]);
    }
    table.write(out, columns)?;
    if let Some(more @ 1..) = lines.len().checked_sub(LISTED) {
        writeln!(
            out,
            "  and {} more: --json lists them all, or ask the view session_http",
            grouped(more as u64)
        )?;
    }
    Ok(())
}
