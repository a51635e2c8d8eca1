//! The lines of a plain HTTP exchange.

use wsaudit_wire::Direction;

use super::connection::{Line, headers};
use super::{Unwritable, payload};
use crate::history::{Connection, Exchange, MemorySource, Moment};

/// The request, and the answer where there is one.
pub(super) fn lines(
    connection: &Connection,
    exchange: &Exchange,
    name: &str,
    source: &MemorySource,
) -> Result<Vec<Line>, Unwritable> {
    let message = |direction| {
        let mut messages = source.messages().iter();
        messages.find(|it| it.connection == connection.number && it.direction == direction)
    };
    let line = |moment: Moment, first: String, head: &[u8], direction| {
        // A message is where its last byte was.
        let moment = message(direction).map_or(moment, |message| message.moment);
        let head = String::from_utf8_lossy(head);
        // The length, and how it was coded, are those of other bytes.
        let of_the_body = |line: &String| {
            let line = line.to_ascii_lowercase();
            line.starts_with("content-length:")
                || line.starts_with("content-encoding:")
                || line.starts_with("transfer-encoding:")
        };
        let mut below = headers(head.split("\r\n").skip(1));
        below.retain(|line| !of_the_body(line));
        let says = |line: &String| line.to_ascii_lowercase().starts_with("content-type:");
        let says = below.iter().any(says);
        let body = message(direction).filter(|message| !message.payload.is_empty());
        let body = body.map(|body| payload::body(body, says)).transpose()?;
        let body = body.unwrap_or_default();
        Ok(Line {
            seq: moment.seq,
            at: Some(moment.at),
            text: format!("{name}  http  {first} {body}")
                .trim_end()
                .to_owned(),
            below,
        })
    };
    let asked = format!("{} {}", exchange.method, exchange.target);
    let request = &connection.request_head;
    let mut lines = vec![line(
        connection.opened,
        asked,
        request,
        Direction::ClientToServer,
    )?];
    if let Some((answered, status)) = connection.answered.zip(connection.status) {
        let response = &connection.response_head;
        lines.push(line(
            answered,
            status.to_string(),
            response,
            Direction::ServerToClient,
        )?);
    }
    Ok(lines)
}
