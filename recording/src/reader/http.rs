//! Plain HTTP exchanges, and their messages in the order of observation.

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::{Rows, Statement};
use wsaudit_wire::Direction;

use super::cell::Cells;
use super::error::Place;
use super::frames::direction;
use super::order::KeyOrder;
use super::{ReadError, Reader, rows};
use crate::column::signed;
use crate::record::{
    ConnectionId, ExchangeAnswered, ExchangeEnded, ExchangeOpened, HowExchangeEnded, HttpBody,
    HttpMessage, Nanos, Seq,
};
use crate::run::RunId;
use crate::schema::FormatVersion;

/// A plain HTTP exchange, but for its bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Its number, which no connection of the recording has.
    pub id: ConnectionId,
    /// Unique among all exchanges and connections of all recordings.
    pub uuid: String,
    /// The run in which it was opened; its times are on that run's clock.
    pub run: RunId,
    /// The request's head.
    pub opened: ExchangeOpened,
    /// The answer's head; `None` where none was recorded.
    pub answered: Option<ExchangeAnswered>,
    /// The end; `None` where none was recorded.
    pub ended: Option<ExchangeEnded>,
}

/// A request or an answer, borrowed from the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpMessageRow<'m> {
    /// The place of its last byte.
    pub seq: Seq,
    /// The exchange.
    pub exchange: ConnectionId,
    /// Client-to-server for the request.
    pub direction: Direction,
    /// When its last byte was read.
    pub at: Nanos,
    /// How many bytes the body had as it was sent.
    pub length: u64,
    /// Its body.
    pub body: HttpBodyRow<'m>,
}

/// What is known of a body; see [`HttpBody`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpBodyRow<'m> {
    /// All of it, decoded.
    Whole(&'m [u8]),
    /// Its first bytes, and why there are no more.
    Truncated {
        /// The bytes.
        kept: &'m [u8],
        /// Why there are no more.
        why: &'m str,
    },
    /// As it was sent, and why it could not be decoded.
    Undecodable {
        /// The bytes.
        raw: &'m [u8],
        /// Why.
        why: &'m str,
    },
}

impl HttpMessageRow<'_> {
    /// The same, with bytes of its own.
    pub fn to_message(&self) -> HttpMessage {
        HttpMessage {
            seq: self.seq,
            exchange: self.exchange,
            direction: self.direction,
            at: self.at,
            length: self.length,
            body: match self.body {
                HttpBodyRow::Whole(bytes) => HttpBody::Whole(bytes.into()),
                HttpBodyRow::Truncated { kept, why } => HttpBody::Truncated {
                    kept: kept.into(),
                    why: why.into(),
                },
                HttpBodyRow::Undecodable { raw, why } => HttpBody::Undecodable {
                    raw: raw.into(),
                    why: why.into(),
                },
            },
        }
    }
}

/// A prepared reading of the messages of all exchanges; [`rows`](Self::rows) begins it.
pub struct HttpQuery<'r> {
    reader: &'r Reader,
    /// `None` where the format of the recording knows no exchanges.
    statement: Option<Statement<'r>>,
    bounds: [i64; 2],
}

/// Requests and answers in the order of observation, one at a time.
pub struct HttpRows<'q> {
    reader: &'q Reader,
    rows: Option<Rows<'q>>,
    order: KeyOrder,
    last: Option<u64>,
}

const MESSAGES: &str = "SELECT seq, exchange_id, direction, at, content, body, length, why
     FROM http_message WHERE seq BETWEEN ? AND ? ORDER BY seq";

impl Reader {
    /// Whether the format of the recording knows exchanges.
    pub(super) fn knows_exchanges(&self) -> bool {
        self.version >= FormatVersion::WITH_EXCHANGES
    }

    /// Every exchange, in the order of their numbers; none in a recording of format 1.
    pub fn exchanges(&self) -> Result<Vec<Exchange>, ReadError> {
        if !self.knows_exchanges() {
            return Ok(Vec::new());
        }
        let sql = "SELECT id, uuid, run_id, opened_seq, opened_at, client_addr, upstream,
                   http_version, method, target, request_head, answered_seq, answered_at, status,
                   response_head, ended_seq, ended_at, how_ended FROM exchange ORDER BY id";
        rows::all(&self.path, &self.sqlite, "exchange", sql, |cells| {
            let id = ConnectionId(cells.number(0, "id")?);
            Ok(Exchange {
                id,
                uuid: cells.text(1, "uuid")?.into(),
                run: RunId(cells.number(2, "run_id")?),
                opened: ExchangeOpened {
                    id,
                    seq: Seq(cells.number(3, "opened_seq")?),
                    at: Nanos(cells.number(4, "opened_at")?),
                    client_addr: cells.text(5, "client_addr")?.into(),
                    upstream: cells.text(6, "upstream")?.into(),
                    http_version: cells.text(7, "http_version")?.into(),
                    method: cells.text(8, "method")?.into(),
                    target: cells.text(9, "target")?.into(),
                    request_head: cells.bytes(10, "request_head")?.into(),
                },
                answered: answered(cells, id)?,
                ended: ended(cells, id)?,
            })
        })
    }

    /// Prepares to read the requests and answers of all exchanges.
    pub fn http_messages(&self) -> Result<HttpQuery<'_>, ReadError> {
        self.http_between([0, i64::MAX])
    }

    /// The request or answer whose last byte is at `seq`; `None` where none ends there.
    pub fn http_message(&self, seq: Seq) -> Result<Option<HttpMessage>, ReadError> {
        let place = signed(seq.0.min(i64::MAX as u64));
        let mut query = self.http_between([place, place])?;
        let mut rows = query.rows()?;
        if !rows.advance()? {
            return Ok(None);
        }
        Ok(rows.current()?.map(|message| message.to_message()))
    }

    fn http_between(&self, bounds: [i64; 2]) -> Result<HttpQuery<'_>, ReadError> {
        let place = Place::beginning(&self.path, "http_message");
        let statement = if self.knows_exchanges() {
            Some(place.of(self.sqlite.prepare(MESSAGES))?)
        } else {
            None
        };
        Ok(HttpQuery {
            reader: self,
            statement,
            bounds,
        })
    }
}

impl HttpQuery<'_> {
    /// Begins before the first message.
    pub fn rows(&mut self) -> Result<HttpRows<'_>, ReadError> {
        let place = Place::beginning(&self.reader.path, "http_message");
        let rows = match &mut self.statement {
            None => None,
            Some(statement) => Some(place.of(statement.query(self.bounds))?),
        };
        Ok(HttpRows {
            reader: self.reader,
            rows,
            order: KeyOrder::default(),
            last: None,
        })
    }
}

impl HttpRows<'_> {
    /// Goes on to the next message; `false` after the last one.
    pub fn advance(&mut self) -> Result<bool, ReadError> {
        let reader = self.reader;
        let place = place(reader, self.last);
        let Some(rows) = &mut self.rows else {
            return Ok(false);
        };
        place.of(rows.advance())?;
        let Some(row) = rows.get() else {
            self.rows = None;
            return Ok(false);
        };
        let cells = Cells { row, place };
        self.order.next(&place, (cells.integer(0, "seq")?, 0))?;
        self.last = Some(cells.number(0, "seq")?);
        Ok(true)
    }

    /// The message at which [`advance`](Self::advance) stopped; `None` before the first and after
    /// the last one.
    pub fn current(&self) -> Result<Option<HttpMessageRow<'_>>, ReadError> {
        let Some(row) = self.rows.as_ref().and_then(Rows::get) else {
            return Ok(None);
        };
        let place = place(self.reader, self.last);
        let cells = Cells { row, place };
        Ok(Some(HttpMessageRow {
            seq: Seq(cells.number(0, "seq")?),
            exchange: ConnectionId(cells.number(1, "exchange_id")?),
            direction: direction(&cells, 2)?,
            at: Nanos(cells.number(3, "at")?),
            length: cells.number(6, "length")?,
            body: body(&cells)?,
        }))
    }
}

fn place(reader: &Reader, last: Option<u64>) -> Place<'_> {
    match last {
        None => Place::beginning(&reader.path, "http_message"),
        Some(seq) => Place::after(&reader.path, "http_message", seq),
    }
}

fn body<'m>(cells: &Cells<'m>) -> Result<HttpBodyRow<'m>, ReadError> {
    let bytes = || cells.bytes(5, "body");
    let why = || cells.text(7, "why");
    Ok(match cells.text(4, "content")? {
        "whole" => HttpBodyRow::Whole(bytes()?),
        "truncated" => HttpBodyRow::Truncated {
            kept: bytes()?,
            why: why()?,
        },
        "undecodable" => HttpBodyRow::Undecodable {
            raw: bytes()?,
            why: why()?,
        },
        other => {
            return Err(cells.unknown("content", other, "whole, truncated or undecodable"));
        }
    })
}

fn answered(cells: &Cells<'_>, id: ConnectionId) -> Result<Option<ExchangeAnswered>, ReadError> {
    let Some(seq) = cells.number_or_null(11, "answered_seq")? else {
        return Ok(None);
    };
    Ok(Some(ExchangeAnswered {
        id,
        seq: Seq(seq),
        at: Nanos(cells.number(12, "answered_at")?),
        status: cells.small(13, "status", "0 to 65535")?,
        response_head: cells.bytes(14, "response_head")?.into(),
    }))
}

fn ended(cells: &Cells<'_>, id: ConnectionId) -> Result<Option<ExchangeEnded>, ReadError> {
    let Some(seq) = cells.number_or_null(15, "ended_seq")? else {
        return Ok(None);
    };
    let how = cells.text(17, "how_ended")?;
    Ok(Some(ExchangeEnded {
        id,
        seq: Seq(seq),
        at: Nanos(cells.number(16, "ended_at")?),
        how: HowExchangeEnded::from_word(how)
            .ok_or_else(|| cells.unknown("how_ended", how, "a way in which exchanges end"))?,
    }))
}
