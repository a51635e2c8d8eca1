//! The lines of one connection.

use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_wire::{Direction, Opcode};

use super::{Unwritable, http, payload};
use crate::history::{Connection, MemoryMessage, MemorySource, Tag};

/// A timed line, without its time.
#[derive(Debug)]
pub(super) struct Line {
    /// Where it belongs in the order.
    pub(super) seq: u64,
    /// When, in nanoseconds since the Unix epoch; `None`: with the line before.
    pub(super) at: Option<i64>,
    pub(super) text: String,
    /// Indented lines: headers.
    pub(super) below: Vec<String>,
}

/// What every client sends, and every server answers: the case's reader adds it, or nobody looks at it.
const IMPLIED: [&str; 7] = [
    "connection",
    "date",
    "host",
    "sec-websocket-accept",
    "sec-websocket-key",
    "sec-websocket-version",
    "upgrade",
];

/// `session s-1, user u-1`: the tags that hold from the opening on.
pub(super) fn declared(connection: &Connection) -> Result<String, Unwritable> {
    let own = connection.tags.iter();
    // An exchange speaks for one from its beginning to its end.
    let is_exchange = connection.http.is_some();
    tags(own.filter(|tag| is_exchange || tag.from <= connection.opened.seq))
}

/// All lines of a connection, in the order of its life.
pub(super) fn lines(
    connection: &Connection,
    name: &str,
    source: &MemorySource,
) -> Result<Vec<Line>, Unwritable> {
    if let Some(exchange) = &connection.http {
        return http::lines(connection, exchange, name, source);
    }
    let mut all = vec![open(connection, name)];
    let mut late: Vec<_> = connection.tags.iter().map(|tag| tag.from).collect();
    late.retain(|from| *from > connection.opened.seq);
    late.dedup();
    for from in late {
        let own = connection.tags.iter().filter(|tag| tag.from == from);
        all.push(Line {
            seq: from,
            at: None,
            text: format!("{name}  is  {}", tags(own)?),
            below: Vec::new(),
        });
    }
    all.extend(answer(connection, name));
    let own = source.messages().iter();
    let own: Vec<_> = own
        .filter(|it| it.connection == connection.number)
        .collect();
    for message in own.iter().filter(|it| it.opcode != Opcode::CLOSE) {
        all.push(Line {
            seq: message.moment.seq,
            at: Some(message.moment.at),
            text: format!(
                "{name}  {}  {}",
                arrow(message.direction),
                payload::write(message)?
            ),
            below: Vec::new(),
        });
    }
    let anomalies = source.anomalies().iter();
    for anomaly in anomalies.filter(|it| it.connection == connection.number) {
        let (arrow, code) = (arrow(anomaly.direction), &anomaly.code);
        let detail = anomaly
            .detail
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        all.push(Line {
            seq: anomaly.moment.seq,
            at: Some(anomaly.moment.at),
            text: format!("{name}  {arrow}  anomaly {code} {detail}")
                .trim_end()
                .to_owned(),
            below: Vec::new(),
        });
    }
    all.extend(end(connection, name, &own));
    Ok(all)
}

fn open(connection: &Connection, name: &str) -> Line {
    let head = String::from_utf8_lossy(&connection.request_head);
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let request = first
        .rsplit_once(' ')
        .map_or("", |(request, _version)| request);
    let request = request.strip_prefix("GET ").unwrap_or(request);
    Line {
        seq: connection.opened.seq,
        at: Some(connection.opened.at),
        text: format!("{name}  open  {request}").trim_end().to_owned(),
        below: headers(lines),
    }
}

fn answer(connection: &Connection, name: &str) -> Option<Line> {
    let (answered, status) = connection.answered.zip(connection.status)?;
    let head = String::from_utf8_lossy(&connection.response_head);
    let below = headers(head.split("\r\n").skip(1));
    let text = match (status, &connection.subprotocol) {
        (101, None) => format!("{name}  accept"),
        (101, Some(chosen)) => format!("{name}  accept subprotocol {chosen}"),
        _ => format!("{name}  refuse {status}"),
    };
    let is_own = |line: &String| {
        !line
            .to_ascii_lowercase()
            .starts_with("sec-websocket-protocol:")
    };
    Some(Line {
        seq: answered.seq,
        at: Some(answered.at),
        text,
        below: below.into_iter().filter(is_own).collect(),
    })
}

/// The end of a connection that was not refused: a case has one close frame, with which it ends.
fn end(connection: &Connection, name: &str, messages: &[&MemoryMessage]) -> Option<Line> {
    let unanswered = connection.answered.is_none();
    if connection.refused() || (connection.closed.is_none() && !unanswered) {
        return None;
    }
    let mut closing = messages.iter().filter(|it| it.opcode == Opcode::CLOSE);
    let text = match closing
        .next()
        .and_then(|message| Some((message, payload::close(message)?)))
    {
        Some((message, code)) => format!("{name}  {}  close {code}", arrow(message.direction)),
        None => format!("{name}  drop"),
    };
    let closed = connection.closed;
    Some(Line {
        seq: closed.map_or(u64::MAX, |moment| moment.seq),
        at: closed.map(|moment| moment.at),
        text: text.trim_end().to_owned(),
        below: Vec::new(),
    })
}

const fn arrow(direction: Direction) -> char {
    match direction {
        Direction::ClientToServer => '>',
        Direction::ServerToClient => '<',
    }
}

pub(super) fn headers<'h>(lines: impl Iterator<Item = &'h str>) -> Vec<String> {
    lines
        .filter(|line| {
            let name = line.split(':').next().unwrap_or_default();
            !line.is_empty() && !IMPLIED.contains(&name.to_ascii_lowercase().as_str())
        })
        .map(str::to_owned)
        .collect()
}

fn tags<'t>(tags: impl Iterator<Item = &'t Tag>) -> Result<String, Unwritable> {
    let mut written = Vec::new();
    for tag in tags {
        let is_plain = |text: &str| {
            !text.is_empty() && !text.contains(|it: char| it.is_whitespace() || it == ',')
        };
        let value = match (tag.kind, is_plain(&tag.value)) {
            (TagKind::Claim, plain) => {
                let claim = tag.source.strip_prefix("jwt:").unwrap_or(&tag.source);
                // One that cannot be written proves little; without it the rule is run all the same.
                if !plain || !is_plain(claim) || claim.contains('=') {
                    continue;
                }
                format!("{claim}={}", tag.value)
            }
            (TagKind::Device, false) => {
                let words: Vec<_> = tag.value.split([' ', ',']).collect();
                words.join("-")
            }
            (_, true) => tag.value.clone(),
            (_, false) => {
                return Err(Unwritable::Tag {
                    kind: tag.kind,
                    value: tag.value.clone(),
                });
            }
        };
        let provenance = match tag.provenance {
            Provenance::Issued => "",
            Provenance::Presented => " (presented)",
        };
        written.push(format!("{} {value}{provenance}", tag.kind.as_str()));
    }
    Ok(written.join(", "))
}
