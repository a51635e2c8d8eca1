//! What stands at the places that evidence names: looked up in one more pass, which ends at the last
//! of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use wsaudit_wire::Direction;

use super::excerpt::{Excerpt, excerpt, excerpts};
use crate::engine::{ConnectionStats, NameReader, SessionStats, Verification};
use crate::finding::Place;
use crate::history::{Connection, Outline, Source, SourceError, SourceMessage, SourcePayload};

/// The places that a report speaks of, and the values to point at there.
pub(super) type Wanted = BTreeMap<Place, BTreeSet<Option<String>>>;

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// Nanoseconds since the Unix epoch.
    pub(super) at: i64,
    /// `None` for a step in a connection's life.
    pub(super) direction: Option<Direction>,
    /// The connection's number.
    pub(super) connection: u64,
    /// The connection's session there.
    pub(super) session: Option<String>,
    /// By value.
    pub(super) excerpts: BTreeMap<Option<String>, Excerpt>,
}

/// The places of all violations and notes.
pub(super) fn wanted(verification: &Verification) -> Wanted {
    let mut wanted = Wanted::new();
    for outcome in verification.rules.iter().map(|result| &result.outcome) {
        for evidence in outcome
            .violations
            .iter()
            .flat_map(|violation| &violation.evidence)
        {
            if let Some(place) = evidence.place {
                wanted
                    .entry(place)
                    .or_default()
                    .insert(evidence.value.clone());
            }
        }
        for violation in &outcome.violations {
            wanted.entry(violation.offending).or_default();
        }
        for note in &outcome.notes {
            wanted.entry(note.place).or_default();
        }
    }
    wanted
}

/// Looks them up.
pub(super) fn look_up(
    wanted: &Wanted,
    verification: &Verification,
    sources: &[Box<dyn Source>],
) -> Result<BTreeMap<Place, Frame>, SourceError> {
    let mut found = BTreeMap::new();
    for (recording, source) in (0_u16..).zip(sources) {
        let mut sessions = Sessions::of(verification, recording);
        let own: BTreeMap<u64, _> = wanted
            .iter()
            .filter(|(place, _)| place.recording == recording)
            .map(|(place, values)| (place.seq, values))
            .collect();
        let mut frames = BTreeMap::new();
        steps(source.outline(), &sessions, &own, &mut frames);
        messages(source.as_ref(), &mut sessions, &own, &mut frames)?;
        found.extend(
            frames
                .into_iter()
                .map(|(seq, frame)| (Place { recording, seq }, frame)),
        );
    }
    Ok(found)
}

type Own<'w> = BTreeMap<u64, &'w BTreeSet<Option<String>>>;

/// Steps in connections' lives, and anomalies.
fn steps(
    outline: &Outline,
    sessions: &Sessions<'_>,
    wanted: &Own<'_>,
    found: &mut BTreeMap<u64, Frame>,
) {
    for anomaly in &outline.anomalies {
        let seq = anomaly.moment.seq;
        let Some(values) = wanted.get(&seq) else {
            continue;
        };
        let detail = format!("{} {}", anomaly.code, anomaly.detail);
        let frame = Frame {
            at: anomaly.moment.at,
            direction: Some(anomaly.direction),
            connection: anomaly.connection,
            session: sessions.at(anomaly.connection, seq),
            excerpts: excerpts(detail.trim_end().as_bytes(), values),
        };
        found.insert(seq, frame);
    }
    for connection in &outline.connections {
        let opened = Some((connection.opened, connection.request_head.as_slice()));
        let answered = connection
            .answered
            .map(|moment| (moment, connection.response_head.as_slice()));
        let closed = connection.closed.map(|moment| (moment, &[][..]));
        // Where a case gives one place to several steps, the first one is shown.
        for (moment, head) in [closed, answered, opened].into_iter().flatten() {
            let Some(values) = wanted.get(&moment.seq) else {
                continue;
            };
            let frame = Frame {
                at: moment.at,
                direction: None,
                connection: connection.number,
                session: sessions.at(connection.number, moment.seq),
                excerpts: values
                    .iter()
                    .map(|value| (value.clone(), head_excerpt(head, value.as_deref())))
                    .collect(),
            };
            found.insert(moment.seq, frame);
        }
    }
}

/// Of a handshake's head what lies around the value, else its first line: the rest says little.
fn head_excerpt(head: &[u8], value: Option<&str>) -> Excerpt {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    match value {
        Some(_) => excerpt(head, value),
        None => excerpt(line, None),
    }
}

fn messages(
    source: &dyn Source,
    sessions: &mut Sessions<'_>,
    wanted: &Own<'_>,
    found: &mut BTreeMap<u64, Frame>,
) -> Result<(), SourceError> {
    let Some(last) = wanted.keys().next_back() else {
        return Ok(());
    };
    let exchanges: BTreeMap<_, _> = source
        .outline()
        .connections
        .iter()
        .filter(|connection| connection.http.is_some())
        .map(|connection| (connection.number, connection))
        .collect();
    let mut reading = source.reading()?;
    let mut cursor = reading.begin()?;
    while let Some(moment) = cursor.advance()? {
        if moment.seq > *last {
            break;
        }
        let Some(values) = wanted.get(&moment.seq) else {
            continue;
        };
        let message = cursor.current()?;
        if let Some(exchange) = exchanges.get(&message.connection) {
            let frame = Frame {
                at: moment.at,
                direction: Some(message.direction),
                connection: message.connection,
                session: sessions.at(message.connection, moment.seq),
                excerpts: excerpts(&http(exchange, &message), values),
            };
            found.insert(moment.seq, frame);
            continue;
        }
        let shown = match message.payload {
            SourcePayload::Whole(bytes) => excerpts(bytes, values),
            SourcePayload::Truncated { kept, full_length } => {
                let why = format!("{kept} of {full_length} bytes were recorded");
                excerpts(why.as_bytes(), values)
            }
            SourcePayload::Beginning { kept, .. } => excerpts(kept, values),
            SourcePayload::Undecodable(why) => excerpts(why.as_bytes(), values),
            SourcePayload::Withheld(why) => {
                let why = format!("withheld by redaction: {why}");
                excerpts(why.as_bytes(), values)
            }
        };
        let frame = Frame {
            at: moment.at,
            direction: Some(message.direction),
            connection: message.connection,
            session: sessions.of_message(&message),
            excerpts: shown,
        };
        found.insert(moment.seq, frame);
    }
    Ok(())
}

/// A message over plain HTTP: `POST /api/threads {"title":"x"}`, or with the answer's status,
/// `POST /api/threads 201 {"id":"t1"}`.
fn http(connection: &Connection, message: &SourceMessage<'_>) -> Vec<u8> {
    let mut line = connection.http.as_ref().map_or_else(String::new, |http| {
        format!("{} {}", http.method, http.target)
    });
    if let (Direction::ServerToClient, Some(status)) = (message.direction, connection.status) {
        let _ = write!(line, " {status}");
    }
    let mut bytes = line.into_bytes();
    let body = match message.payload {
        SourcePayload::Whole(body) | SourcePayload::Beginning { kept: body, .. } => body,
        SourcePayload::Truncated { .. } => b"(recorded in part)",
        SourcePayload::Undecodable(why) | SourcePayload::Withheld(why) => why.as_bytes(),
    };
    if !body.is_empty() {
        bytes.push(b' ');
        bytes.extend_from_slice(body);
    }
    bytes
}

/// The sessions of one recording's connections.
pub(super) struct Sessions<'v> {
    names: &'v [SessionStats],
    connections: BTreeMap<u64, &'v ConnectionStats>,
    /// Where several sessions share a connection, a message says which one it is of.
    reader: NameReader,
}

impl<'v> Sessions<'v> {
    pub(super) fn of(verification: &'v Verification, recording: u16) -> Self {
        let connections = verification.connections.iter();
        Self {
            names: &verification.sessions,
            reader: NameReader::new(&verification.naming),
            connections: connections
                .filter(|connection| connection.recording == recording)
                .map(|connection| (connection.number, connection))
                .collect(),
        }
    }

    /// A connection's session at a place: the last one that holds from there or before.
    pub(super) fn at(&self, number: u64, seq: u64) -> Option<String> {
        let sessions = &self.connections.get(&number)?.sessions;
        let (_, session) = sessions.iter().rfind(|(from, _)| *from <= seq)?;
        Some(self.names[session.0 as usize].id.clone())
    }

    /// The session that a message is of: the one that it names and that shares the connection from
    /// there or before, else the connection's.
    pub(super) fn of_message(&mut self, message: &SourceMessage<'_>) -> Option<String> {
        let (number, seq) = (message.connection, message.moment.seq);
        let lanes = self.connections.get(&number).map(|stats| &stats.lanes);
        let there = lanes.into_iter().flatten();
        let there: Vec<_> = there.filter(|(from, _)| *from <= seq).collect();
        if !there.is_empty()
            && let Some(named) = self.reader.read(message.payload)
            && there
                .iter()
                .any(|(_, lane)| self.names[lane.0 as usize].id == named)
        {
            return Some(named.to_owned());
        }
        self.at(number, seq)
    }
}
