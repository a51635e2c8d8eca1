//! The small tables, read whole.

use std::path::Path;

use rusqlite::Connection as Sqlite;

use super::cell::Cells;
use super::error::Place;
use super::frames::direction;
use super::order::KeyOrder;
use super::{ReadError, Reader};
use crate::column::{to_endpoint, to_how_ended};
use crate::header::OpenError;
use crate::record::{
    AnomalyRecord, ChunksId, ClientTls, ConnectionAnswered, ConnectionClosed, ConnectionId,
    ConnectionOpened, GapRecord, Nanos, Payload, Payloads, Provenance, Seq, ServerTls, TagKind,
    TagRecord, TailRecord,
};
use crate::run::RunId;
use crate::schema::FormatVersion;

/// One run of the recorder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInfo {
    /// Its number.
    pub id: RunId,
    /// Which part of the run, where it is cut into several files; the first one is 1.
    pub part: u32,
    /// Unique among all runs of all recordings.
    pub uuid: String,
    /// When it started: Unix time in nanoseconds.
    pub started_at: u64,
    /// The first place in the order that it handed out.
    pub first_seq: Seq,
    /// When it ended; `None` where it was not closed cleanly.
    pub ended_at: Option<Nanos>,
    /// Whether its end, or that of this part, was written.
    pub closed_cleanly: bool,
    /// Whether the run goes on in a further part.
    pub continued: bool,
    /// The recorder's name and version.
    pub tool_version: String,
    /// The recorder's settings, as JSON.
    pub config: String,
    /// The id of the redaction key; `None` where nothing was redacted.
    pub key_id: Option<String>,
}

/// A connection, from its opening to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its number within the recording.
    pub id: ConnectionId,
    /// Unique among all connections of all recordings.
    pub uuid: String,
    /// The run in which it was opened; its times are on that run's clock.
    pub run: RunId,
    /// The opening handshake.
    pub opened: ConnectionOpened,
    /// The answer; `None` where none was recorded.
    pub answered: Option<ConnectionAnswered>,
    /// The end; `None` where none was recorded.
    pub closed: Option<ConnectionClosed>,
}

/// A tag with the range of places for which it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagSpan {
    /// What was said, of which connection, and from which place on.
    pub tag: TagRecord,
    /// The last place, included; `None`: to the end of the connection.
    pub to: Option<Seq>,
}

impl TagSpan {
    /// Whether it holds at `seq`.
    pub fn holds_at(&self, seq: Seq) -> bool {
        self.tag.from <= seq && self.to.is_none_or(|to| seq <= to)
    }
}

/// How much a recording holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Connections.
    pub connections: u64,
    /// Frames.
    pub frames: u64,
    /// Messages that were joined or inflated.
    pub messages: u64,
    /// Anomalies.
    pub anomalies: u64,
    /// Gaps.
    pub gaps: u64,
    /// Tails.
    pub tails: u64,
    /// Plain HTTP exchanges.
    pub exchanges: u64,
}

/// A moment on a run's clock and on the wall.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor {
    pub(super) run: RunId,
    pub(super) at: Nanos,
    pub(super) wall: u64,
}

/// Reads each row of `sql` with `read`.
pub(super) fn all<T>(
    path: &Path,
    sqlite: &Sqlite,
    table: &'static str,
    sql: &str,
    read: impl Fn(&Cells<'_>) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    let mut place = Place::beginning(path, table);
    let mut statement = place.of(sqlite.prepare(sql))?;
    let mut rows = place.of(statement.query([]))?;
    let mut found = Vec::new();
    let mut order = KeyOrder::default();
    while let Some(row) = place.of(rows.next())? {
        let cells = Cells { row, place };
        // Every query of this file has the key first; that of the anchors has two parts.
        let second = match table {
            "clock_anchor" => cells.integer(1, "at")?,
            _ => 0,
        };
        order.next(&place, (cells.integer(0, "id")?, second))?;
        let key = cells.number(0, "id")?;
        found.push(read(&Cells {
            row,
            place: Place::after(path, table, key),
        })?);
        place = Place::after(path, table, key);
    }
    Ok(found)
}

/// An error while a recording is opened.
fn opening(path: &Path, error: ReadError) -> OpenError {
    match error {
        ReadError::Sqlite { at, source } => {
            OpenError::from_sqlite(path, &format!("table {}", at.table), &source)
        }
        error @ (ReadError::Value { .. } | ReadError::Damaged { .. }) => OpenError::Malformed {
            path: path.into(),
            place: "its runs".into(),
            detail: error.finding(),
        },
    }
}

pub(super) fn runs(
    path: &Path,
    sqlite: &Sqlite,
    version: FormatVersion,
) -> Result<Vec<RunInfo>, OpenError> {
    let continued = if version < FormatVersion::WITH_PARTS {
        "0"
    } else {
        "continued"
    };
    let sql = format!(
        "SELECT id, part, uuid, started_at, first_seq, ended_at, closed_cleanly,
         tool_version, config, key_id, {continued} FROM run ORDER BY id"
    );
    let runs = all(path, sqlite, "run", &sql, |cells| {
        Ok(RunInfo {
            id: RunId(cells.number(0, "id")?),
            part: cells.small(1, "part", "0 to 4294967295")?,
            uuid: cells.text(2, "uuid")?.into(),
            started_at: cells.number(3, "started_at")?,
            first_seq: Seq(cells.number(4, "first_seq")?),
            ended_at: cells.number_or_null(5, "ended_at")?.map(Nanos),
            closed_cleanly: cells.integer(6, "closed_cleanly")? == 1,
            continued: cells.integer(10, "continued")? == 1,
            tool_version: cells.text(7, "tool_version")?.into(),
            config: cells.text(8, "config")?.into(),
            key_id: cells.text_or_null(9, "key_id")?.map(str::to_owned),
        })
    });
    let runs = runs.map_err(|error| opening(path, error))?;
    if runs.is_empty() {
        return Err(OpenError::Malformed {
            path: path.into(),
            place: "table run".into(),
            detail: "it has no row".into(),
        });
    }
    Ok(runs)
}

pub(super) fn anchors(path: &Path, sqlite: &Sqlite) -> Result<Vec<Anchor>, OpenError> {
    let sql = "SELECT run_id, at, wall FROM clock_anchor ORDER BY run_id, at";
    let anchors = all(path, sqlite, "clock_anchor", sql, |cells| {
        Ok(Anchor {
            run: RunId(cells.number(0, "run_id")?),
            at: Nanos(cells.number(1, "at")?),
            wall: cells.number(2, "wall")?,
        })
    });
    let mut anchors = anchors.map_err(|error| opening(path, error))?;
    // SQLite orders signed numbers; a foreign hand may have written what we read as large ones.
    anchors.sort_by_key(|anchor| (anchor.run, anchor.at));
    Ok(anchors)
}

pub(super) fn frame_range(reader: &Reader) -> Result<Option<(Seq, Seq)>, ReadError> {
    let place = Place::beginning(&reader.path, "frame");
    let sql = "SELECT (SELECT min(seq) FROM frame), (SELECT max(seq) FROM frame)";
    let mut statement = place.of(reader.sqlite.prepare(sql))?;
    let mut rows = place.of(statement.query([]))?;
    let Some(row) = place.of(rows.next())? else {
        return Ok(None);
    };
    let cells = Cells { row, place };
    let first = cells.number_or_null(0, "seq")?;
    let last = cells.number_or_null(1, "seq")?;
    Ok(first.zip(last).map(|(first, last)| (Seq(first), Seq(last))))
}

impl Reader {
    /// Every connection, in the order of their numbers.
    pub fn connections(&self) -> Result<Vec<Connection>, ReadError> {
        let sql = "SELECT id, uuid, run_id, opened_seq, opened_at, client_addr, upstream,
                   http_version, request_head, answered_seq, answered_at, response_head,
                   response_status, subprotocol, extensions, closed_seq, closed_at, how_ended,
                   closed_by, close_code, close_reason, tls_version, tls_sni, tls_alpn, wire_exact,
                   upstream_tls_version, upstream_tls_alpn
                   FROM connection ORDER BY id";
        let mut sql = sql.to_owned();
        if self.version < FormatVersion::WITH_REDACTION {
            sql = sql.replace("wire_exact", "1");
        }
        if self.version < FormatVersion::WITH_UPSTREAM_TLS {
            sql = sql.replace("upstream_tls_version, upstream_tls_alpn", "NULL, NULL");
        }
        all(&self.path, &self.sqlite, "connection", &sql, |cells| {
            let id = ConnectionId(cells.number(0, "id")?);
            Ok(Connection {
                id,
                uuid: cells.text(1, "uuid")?.into(),
                run: RunId(cells.number(2, "run_id")?),
                opened: ConnectionOpened {
                    id,
                    seq: Seq(cells.number(3, "opened_seq")?),
                    at: Nanos(cells.number(4, "opened_at")?),
                    client_addr: cells.text(5, "client_addr")?.into(),
                    upstream: cells.text(6, "upstream")?.into(),
                    http_version: cells.text(7, "http_version")?.into(),
                    tls: client_tls(cells)?,
                    request_head: cells.bytes(8, "request_head")?.into(),
                    payloads: match cells.integer(24, "wire_exact")? {
                        0 => Payloads::Redacted,
                        _ => Payloads::WireExact,
                    },
                },
                answered: answered(cells, id)?,
                closed: closed(cells, id)?,
            })
        })
    }

    /// Every tag, in the order in which they were written.
    pub fn tags(&self) -> Result<Vec<TagSpan>, ReadError> {
        let sql = "SELECT id, connection_id, from_seq, to_seq, kind, value, source, provenance
                   FROM tag ORDER BY id";
        all(&self.path, &self.sqlite, "tag", sql, |cells| {
            let (kind, provenance) = (cells.text(4, "kind")?, cells.text(7, "provenance")?);
            Ok(TagSpan {
                tag: TagRecord {
                    connection: ConnectionId(cells.number(1, "connection_id")?),
                    from: Seq(cells.number(2, "from_seq")?),
                    kind: TagKind::from_word(kind)
                        .ok_or_else(|| cells.unknown("kind", kind, "a kind of tag"))?,
                    value: cells.text(5, "value")?.into(),
                    source: cells.text(6, "source")?.into(),
                    provenance: Provenance::from_word(provenance).ok_or_else(|| {
                        cells.unknown("provenance", provenance, "presented or issued")
                    })?,
                },
                to: cells.number_or_null(3, "to_seq")?.map(Seq),
            })
        })
    }

    /// Every gap, in the order in which they were written, with its run.
    pub fn gaps(&self) -> Result<Vec<(RunId, GapRecord)>, ReadError> {
        let sql = "SELECT id, run_id, connection_id, from_seq, to_seq, at, frames, why
                   FROM gap ORDER BY id";
        all(&self.path, &self.sqlite, "gap", sql, |cells| {
            let gap = GapRecord {
                connection: cells.number_or_null(2, "connection_id")?.map(ConnectionId),
                from: Seq(cells.number(3, "from_seq")?),
                to: Seq(cells.number(4, "to_seq")?),
                at: Nanos(cells.number(5, "at")?),
                frames: cells.number_or_null(6, "frames")?,
                why: cells.text(7, "why")?.into(),
            };
            Ok((RunId(cells.number(1, "run_id")?), gap))
        })
    }

    /// Every anomaly, in the order in which they were written.
    pub fn anomalies(&self) -> Result<Vec<AnomalyRecord>, ReadError> {
        let sql = "SELECT id, connection_id, direction, seq, at, code, detail
                   FROM anomaly ORDER BY id";
        all(&self.path, &self.sqlite, "anomaly", sql, |cells| {
            Ok(AnomalyRecord {
                connection: ConnectionId(cells.number(1, "connection_id")?),
                direction: direction(cells, 2)?,
                seq: Seq(cells.number(3, "seq")?),
                at: Nanos(cells.number(4, "at")?),
                code: cells.text(5, "code")?.into(),
                detail: cells.text(6, "detail")?.into(),
            })
        })
    }

    /// Every tail, in the order in which they were written.
    pub fn tails(&self) -> Result<Vec<TailRecord>, ReadError> {
        let sql = "SELECT id, connection_id, direction, first_at, header, payload, chunks_id
                   FROM tail ORDER BY id";
        all(&self.path, &self.sqlite, "tail", sql, |cells| {
            Ok(TailRecord {
                connection: ConnectionId(cells.number(1, "connection_id")?),
                direction: direction(cells, 2)?,
                first_at: Nanos(cells.number(3, "first_at")?),
                header: cells.bytes(4, "header")?.into(),
                payload: match cells.bytes_or_null(5, "payload")? {
                    Some(bytes) => Payload::Whole(bytes.into()),
                    None => match cells.number_or_null(6, "chunks_id")? {
                        Some(chunks) => Payload::Chunked(ChunksId(chunks)),
                        None => Payload::Withheld,
                    },
                },
            })
        })
    }

    /// How much the recording holds. Counts the rows, so it takes a while on a large one.
    pub fn counts(&self) -> Result<Counts, ReadError> {
        Ok(Counts {
            connections: self.count("connection", "id")?,
            frames: self.count("frame", "seq")?,
            messages: self.count("message", "seq")?,
            anomalies: self.count("anomaly", "id")?,
            gaps: self.count("gap", "id")?,
            tails: self.count("tail", "id")?,
            exchanges: if self.knows_exchanges() {
                self.count("exchange", "id")?
            } else {
                0
            },
        })
    }

    fn count(&self, table: &'static str, key: &'static str) -> Result<u64, ReadError> {
        // `count(*)` would be ten times as fast, and without end where pages lead to each other.
        let sql = format!("SELECT {key} FROM {table} ORDER BY {key}");
        let place = Place::beginning(&self.path, table);
        let mut statement = place.of(self.sqlite.prepare(&sql))?;
        let mut rows = place.of(statement.query([]))?;
        let (mut count, mut order) = (0, KeyOrder::default());
        while let Some(row) = place.of(rows.next())? {
            let cells = Cells { row, place };
            order.next(&place, (cells.integer(0, key)?, 0))?;
            count += 1;
        }
        Ok(count)
    }
}

fn client_tls(cells: &Cells<'_>) -> Result<Option<ClientTls>, ReadError> {
    let Some(version) = cells.text_or_null(21, "tls_version")? else {
        return Ok(None);
    };
    Ok(Some(ClientTls {
        version: version.into(),
        sni: cells.text_or_null(22, "tls_sni")?.map(str::to_owned),
        alpn: cells.text_or_null(23, "tls_alpn")?.map(str::to_owned),
    }))
}

fn server_tls(cells: &Cells<'_>) -> Result<Option<ServerTls>, ReadError> {
    let Some(version) = cells.text_or_null(25, "upstream_tls_version")? else {
        return Ok(None);
    };
    Ok(Some(ServerTls {
        version: version.into(),
        alpn: cells
            .text_or_null(26, "upstream_tls_alpn")?
            .map(str::to_owned),
    }))
}

fn answered(cells: &Cells<'_>, id: ConnectionId) -> Result<Option<ConnectionAnswered>, ReadError> {
    let Some(seq) = cells.number_or_null(9, "answered_seq")? else {
        return Ok(None);
    };
    Ok(Some(ConnectionAnswered {
        id,
        seq: Seq(seq),
        at: Nanos(cells.number(10, "answered_at")?),
        response_head: cells.bytes(11, "response_head")?.into(),
        status: cells.small_or_null(12, "response_status", "0 to 65535")?,
        subprotocol: cells.text_or_null(13, "subprotocol")?.map(str::to_owned),
        extensions: cells.text_or_null(14, "extensions")?.map(str::to_owned),
        tls: server_tls(cells)?,
    }))
}

fn closed(cells: &Cells<'_>, id: ConnectionId) -> Result<Option<ConnectionClosed>, ReadError> {
    let Some(seq) = cells.number_or_null(15, "closed_seq")? else {
        return Ok(None);
    };
    let how = cells.text(17, "how_ended")?;
    let closed_by = match cells.text_or_null(18, "closed_by")? {
        None => None,
        Some(word) => Some(
            to_endpoint(word)
                .ok_or_else(|| cells.unknown("closed_by", word, "client or server"))?,
        ),
    };
    Ok(Some(ConnectionClosed {
        id,
        seq: Seq(seq),
        at: Nanos(cells.number(16, "closed_at")?),
        how: to_how_ended(how)
            .ok_or_else(|| cells.unknown("how_ended", how, "a way in which connections end"))?,
        closed_by,
        close_code: cells.small_or_null(19, "close_code", "0 to 65535")?,
        close_reason: cells.text_or_null(20, "close_reason")?.map(str::to_owned),
    }))
}
