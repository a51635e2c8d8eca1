//! What a recording holds, in short.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;
use wsaudit_recording::{
    Connection, ConnectionId, Filter, GapRecord, Payloads, Provenance, Reader, RunId, TagKind,
};
use wsaudit_tagging::{Candidate, Candidates, Tag};
use wsaudit_wire::{RequestHead, ResponseHead};

use super::exchanges::{self, ExchangeLine};
use super::frames::Clock;
use super::identity::Identities;

/// What a recording holds, in short.
pub(super) struct Overview {
    pub(super) name: String,
    /// Why its end may be missing.
    pub(super) unclean: Option<String>,
    pub(super) runs: Vec<RunLine>,
    /// In the order of their first frames; the last one may be of no session.
    pub(super) sessions: Vec<SessionLine>,
    pub(super) connections: Vec<ConnectionLine>,
    pub(super) exchanges: Vec<ExchangeLine>,
    pub(super) gaps: Vec<GapLine>,
    /// By code.
    pub(super) anomalies: Vec<AnomalyLine>,
    pub(super) candidates: Vec<CandidateLine>,
    /// Accepted connections without a session.
    pub(super) unidentified: usize,
}

/// A run of the recorder.
#[derive(Debug, Serialize)]
pub(super) struct RunLine {
    pub(super) id: u64,
    pub(super) uuid: String,
    /// Which part of the run is in this file; the first one is 1.
    pub(super) part: u32,
    /// Whether the run goes on in a further part.
    pub(super) continued: bool,
    pub(super) started: String,
    /// Its length; null: not closed cleanly.
    pub(super) seconds: Option<f64>,
    pub(super) closed_cleanly: bool,
    pub(super) tool_version: String,
    pub(super) key_id: Option<String>,
    /// What `--redact` named, by the run's settings.
    pub(super) redact: Vec<String>,
    /// What the upstream was sent instead of what clients sent, by the run's settings:
    /// `Host: staging.example`.
    pub(super) edits: Vec<String>,
}

/// A session: its frames, over all connections.
#[derive(Debug, Serialize)]
pub(super) struct SessionLine {
    /// Null: the frames of which it is not known whose they are.
    pub(super) session: Option<String>,
    pub(super) users: Vec<String>,
    pub(super) devices: Vec<String>,
    pub(super) connections: Vec<u64>,
    /// Plain HTTP exchanges.
    pub(super) exchanges: u64,
    pub(super) frames: u64,
    /// Of payload, as it was sent.
    pub(super) bytes: u64,
    /// Seconds since the recording began.
    pub(super) first_at: Option<f64>,
    pub(super) last_at: Option<f64>,
}

/// A connection.
#[derive(Debug, Serialize)]
pub(super) struct ConnectionLine {
    pub(super) id: u64,
    pub(super) sessions: Vec<String>,
    /// Redacted.
    pub(super) target: String,
    pub(super) status: Option<u16>,
    pub(super) opened_at: f64,
    pub(super) frames: u64,
    /// Whether its payloads are those that were sent.
    pub(super) wire_exact: bool,
    pub(super) how_ended: Option<&'static str>,
    pub(super) close_code: Option<u16>,
}

/// Frames known to be missing.
#[derive(Debug, Serialize)]
pub(super) struct GapLine {
    pub(super) connection: Option<u64>,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) frames: Option<u64>,
    pub(super) why: String,
}

/// Anomalies of one code.
#[derive(Debug, Serialize)]
pub(super) struct AnomalyLine {
    pub(super) code: String,
    pub(super) count: u64,
    /// The first one: its place, connection and values.
    pub(super) seq: u64,
    pub(super) connection: u64,
    pub(super) detail: String,
}

/// Where ids may be found.
#[derive(Debug, Serialize)]
pub(super) struct CandidateLine {
    pub(super) flag: String,
    pub(super) connections: u64,
    pub(super) of: u64,
    pub(super) values: usize,
    /// How often answers set another value for whoever presented one.
    pub(super) renewed: u64,
    /// The same in words.
    #[serde(skip)]
    pub(super) renewals: Option<String>,
}

/// One line of JSON.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'l> {
    Recording {
        name: &'l str,
        unclean: Option<&'l str>,
    },
    Run(&'l RunLine),
    Session(&'l SessionLine),
    Connection(&'l ConnectionLine),
    Exchange(&'l ExchangeLine),
    Gap(&'l GapLine),
    Anomaly(&'l AnomalyLine),
    Candidate(&'l CandidateLine),
}

impl Overview {
    pub(super) fn read(reader: &Reader, identities: &Identities) -> anyhow::Result<Self> {
        let clock = Clock::read(reader)?;
        let rows = reader.connections()?;
        let traffic = Traffic::read(reader, identities, &clock)?;
        let unidentified = rows
            .iter()
            .filter(|row| status(row) == Some(101))
            .filter(|row| identities.ever(row.id, TagKind::Session).is_empty())
            .count();
        Ok(Self {
            name: reader.path().display().to_string(),
            unclean: reader.unclean().map(ToString::to_string),
            runs: runs(reader),
            candidates: candidates(reader, &rows)?,
            connections: rows
                .iter()
                .map(|row| ConnectionLine {
                    id: row.id.0,
                    sessions: owned(identities.ever(row.id, TagKind::Session)),
                    target: target(&row.opened.request_head),
                    status: status(row),
                    opened_at: clock.seconds(reader, row.id, row.opened.at),
                    frames: traffic.frames.get(&row.id).copied().unwrap_or(0),
                    wire_exact: row.opened.payloads == Payloads::WireExact,
                    how_ended: row.closed.as_ref().map(|closed| closed.how.as_str()),
                    close_code: row.closed.as_ref().and_then(|closed| closed.close_code),
                })
                .collect(),
            sessions: traffic.sessions(identities, &rows),
            exchanges: exchanges::read(reader, identities, &clock)?,
            gaps: reader.gaps()?.into_iter().map(gap).collect(),
            anomalies: anomalies(reader)?,
            unidentified,
        })
    }

    /// One JSON object a line; `type` says what it is.
    pub(super) fn write_json(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let recording = Line::Recording {
            name: &self.name,
            unclean: self.unclean.as_deref(),
        };
        let lines = std::iter::once(recording)
            .chain(self.runs.iter().map(Line::Run))
            .chain(self.sessions.iter().map(Line::Session))
            .chain(self.connections.iter().map(Line::Connection))
            .chain(self.exchanges.iter().map(Line::Exchange))
            .chain(self.gaps.iter().map(Line::Gap))
            .chain(self.anomalies.iter().map(Line::Anomaly))
            .chain(self.candidates.iter().map(Line::Candidate));
        for line in lines {
            serde_json::to_writer(&mut *out, &line)?;
            writeln!(out)?;
        }
        Ok(())
    }
}

/// What was counted in one walk over the frames.
#[derive(Default)]
struct Traffic {
    frames: BTreeMap<ConnectionId, u64>,
    /// Sessions in the order of their first frames; the place of each in it.
    order: Vec<SessionLine>,
    places: BTreeMap<Option<String>, usize>,
    /// The connections that stand in each line: one line may have very many.
    listed: BTreeSet<(usize, ConnectionId)>,
}

impl Traffic {
    fn read(reader: &Reader, identities: &Identities, clock: &Clock) -> anyhow::Result<Self> {
        let mut traffic = Self::default();
        let mut query = reader.frames(Filter::ALL)?;
        let mut rows = query.rows()?;
        while let Some(frame) = rows.next()? {
            *traffic.frames.entry(frame.connection).or_default() += 1;
            let session = identities.at(frame.connection, TagKind::Session, frame.seq);
            let at = clock.seconds(reader, frame.connection, frame.last_at);
            let place = traffic.place(session);
            traffic.list(place, frame.connection);
            let line = &mut traffic.order[place];
            line.frames += 1;
            line.bytes = line.bytes.saturating_add(frame.header.declared_length);
            line.first_at = line.first_at.or(Some(at));
            line.last_at = Some(at);
        }
        Ok(traffic)
    }

    /// The place of a session's line, which is made where there is none.
    fn place(&mut self, session: Option<&str>) -> usize {
        let key = session.map(str::to_owned);
        let next = self.order.len();
        let place = *self.places.entry(key.clone()).or_insert(next);
        if place == next {
            self.order.push(SessionLine {
                session: key,
                users: Vec::new(),
                devices: Vec::new(),
                connections: Vec::new(),
                exchanges: 0,
                frames: 0,
                bytes: 0,
                first_at: None,
                last_at: None,
            });
        }
        place
    }

    /// Names a connection in a line, once.
    fn list(&mut self, place: usize, connection: ConnectionId) {
        if self.listed.insert((place, connection)) {
            self.order[place].connections.push(connection.0);
        }
    }

    /// With the sessions that have no frame, and whose they are; what is of no session comes last.
    fn sessions(mut self, identities: &Identities, rows: &[Connection]) -> Vec<SessionLine> {
        let sockets: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
        for session in identities.sessions() {
            let place = self.place(Some(session));
            for connection in identities.connections_of(session) {
                if sockets.contains(&connection) {
                    self.list(place, connection);
                } else {
                    self.order[place].exchanges += 1;
                }
                let line = &mut self.order[place];
                for (kind, values) in [
                    (TagKind::User, &mut line.users),
                    (TagKind::Device, &mut line.devices),
                ] {
                    for value in identities.ever(connection, kind) {
                        if !values.iter().any(|known| known == value) {
                            values.push(value.to_owned());
                        }
                    }
                }
            }
        }
        self.order.sort_by_key(|line| line.session.is_none());
        self.order
    }
}

fn runs(reader: &Reader) -> Vec<RunLine> {
    let runs = reader.runs().iter();
    runs.map(|run| RunLine {
        id: run.id.0,
        uuid: run.uuid.clone(),
        part: run.part,
        continued: run.continued,
        started: time(run.started_at),
        seconds: run
            .ended_at
            .map(|ended| (ended.0 as f64 / 1e3).round() / 1e6),
        closed_cleanly: run.closed_cleanly,
        tool_version: run.tool_version.clone(),
        key_id: run.key_id.clone(),
        redact: redact(&run.config),
        edits: edits(&run.config),
    })
    .collect()
}

/// The patterns in a run's settings; a foreign hand may have written those.
fn redact(config: &str) -> Vec<String> {
    let config: serde_json::Value = serde_json::from_str(config).unwrap_or_default();
    let rules = config["redact"].as_array().map_or(&[][..], Vec::as_slice);
    rules
        .iter()
        .filter_map(|rule| rule.as_str().map(str::to_owned))
        .collect()
}

/// What `--set-host` and `--set-origin` named in a run's settings.
fn edits(config: &str) -> Vec<String> {
    let config: serde_json::Value = serde_json::from_str(config).unwrap_or_default();
    let routes = config["routes"].as_array().map_or(&[][..], Vec::as_slice);
    let of = |route: &serde_json::Value| {
        let fields = [("Host", "set_host"), ("Origin", "set_origin")];
        fields.map(|(name, key)| Some(format!("{name}: {}", route[key].as_str()?)))
    };
    let edits: BTreeSet<_> = routes.iter().flat_map(of).flatten().collect();
    edits.into_iter().collect()
}

/// Unix time in nanoseconds, as `2026-11-23T20:15:02.123Z`.
fn time(unix: u64) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_nanos(unix)).to_string()
}

fn status(row: &Connection) -> Option<u16> {
    row.answered.as_ref().and_then(|answered| answered.status)
}

fn target(head: &[u8]) -> String {
    RequestHead::parse(head).map_or_else(
        |_| "(no HTTP)".to_owned(),
        |request| request.target().to_owned(),
    )
}

fn owned(values: Vec<&str>) -> Vec<String> {
    values.into_iter().map(str::to_owned).collect()
}

fn gap((_, gap): (RunId, GapRecord)) -> GapLine {
    GapLine {
        connection: gap.connection.map(|connection| connection.0),
        from: gap.from.0,
        to: gap.to.0,
        frames: gap.frames,
        why: gap.why,
    }
}

fn anomalies(reader: &Reader) -> anyhow::Result<Vec<AnomalyLine>> {
    let mut lines: BTreeMap<String, AnomalyLine> = BTreeMap::new();
    for anomaly in reader.anomalies()? {
        let line = lines
            .entry(anomaly.code.clone())
            .or_insert_with(|| AnomalyLine {
                code: anomaly.code,
                count: 0,
                seq: anomaly.seq.0,
                connection: anomaly.connection.0,
                detail: anomaly.detail,
            });
        line.count += 1;
    }
    Ok(lines.into_values().collect())
}

/// Sources that yield an id of a kind, by the heads and claims that were stored.
fn candidates(reader: &Reader, rows: &[Connection]) -> anyhow::Result<Vec<CandidateLine>> {
    let mut claims: BTreeMap<ConnectionId, Vec<Tag>> = BTreeMap::new();
    for span in reader.tags()? {
        if span.tag.kind == TagKind::Claim {
            claims.entry(span.tag.connection).or_default().push(Tag {
                kind: span.tag.kind,
                value: span.tag.value,
                source: span.tag.source,
                provenance: Provenance::Issued,
            });
        }
    }
    let mut candidates = Candidates::new();
    for row in rows {
        // A head that does not parse yields nothing, and was refused by the proxy.
        let Ok(request) = RequestHead::parse(&row.opened.request_head) else {
            continue;
        };
        let answered = row.answered.as_ref();
        let response = answered.and_then(|it| ResponseHead::parse(&it.response_head).ok());
        let claims = claims.get(&row.id).map_or(&[][..], Vec::as_slice);
        candidates.add(&request, response.as_ref(), claims);
    }
    for exchange in reader.exchanges()? {
        let request = RequestHead::parse(&exchange.opened.request_head);
        let answered = exchange.answered.as_ref();
        let response = answered.map(|it| ResponseHead::parse(&it.response_head));
        if let (Ok(request), Some(Ok(response))) = (request, response) {
            candidates.answered(&request, &response);
        }
    }
    let list = candidates.list();
    Ok(list.iter().map(candidate).collect())
}

fn candidate(candidate: &Candidate) -> CandidateLine {
    CandidateLine {
        flag: candidate.flag(),
        connections: candidate.connections,
        of: candidate.of,
        values: candidate.distinct,
        renewed: candidate.renewed,
        renewals: candidate.renewals(),
    }
}
