//! One row for each record.

use rusqlite::{Connection, ErrorCode, Statement, params};

use crate::column::{from_direction, from_endpoint, signed};
use crate::record::{
    AnomalyRecord, ConnectionAnswered, ConnectionClosed, ConnectionOpened, ExchangeAnswered,
    ExchangeEnded, ExchangeOpened, FrameChunk, FrameRecord, GapRecord, HttpBody, HttpMessage,
    MessageContent, MessageRecord, Payload, Payloads, Record, TagRecord, TailRecord,
};
use crate::run::Run;

/// What became of a record.
pub(super) enum Inserted {
    /// It is in the transaction.
    Written,
    /// The schema does not take it, and never will: a place that is taken, an unknown connection, a
    /// blob beyond SQLite's limit. The transaction goes on without it.
    Refused(String),
}

/// The prepared statements of one connection to SQLite.
pub(super) struct Inserts<'c> {
    run_id: i64,
    run_uuid: String,
    opened: Statement<'c>,
    answered: Statement<'c>,
    closed: Statement<'c>,
    end_tag: Statement<'c>,
    tag: Statement<'c>,
    frame: Statement<'c>,
    chunk: Statement<'c>,
    message: Statement<'c>,
    anomaly: Statement<'c>,
    gap: Statement<'c>,
    tail: Statement<'c>,
    exchange: Statement<'c>,
    exchange_answered: Statement<'c>,
    exchange_ended: Statement<'c>,
    http: Statement<'c>,
}

impl<'c> Inserts<'c> {
    pub(super) fn prepare(connection: &'c Connection, run: &Run) -> rusqlite::Result<Self> {
        let prepare = |sql| connection.prepare(sql);
        Ok(Self {
            run_id: signed(run.id().0),
            run_uuid: run.uuid().to_owned(),
            opened: prepare(
                "INSERT INTO connection (id, uuid, run_id, opened_seq, opened_at, client_addr,
                 upstream, http_version, tls_version, tls_sni, tls_alpn, request_head, wire_exact)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            answered: prepare(
                "UPDATE connection SET answered_seq = ?2, answered_at = ?3, response_head = ?4,
                 response_status = ?5, subprotocol = ?6, extensions = ?7,
                 upstream_tls_version = ?8, upstream_tls_alpn = ?9 WHERE id = ?1",
            )?,
            closed: prepare(
                "UPDATE connection SET closed_seq = ?2, closed_at = ?3, how_ended = ?4,
                 closed_by = ?5, close_code = ?6, close_reason = ?7 WHERE id = ?1",
            )?,
            end_tag: prepare(
                "UPDATE tag SET to_seq = max(from_seq, ?4 - 1) WHERE connection_id = ?1
                 AND kind = ?2 AND to_seq IS NULL
                 AND (kind IN ('session', 'user', 'device') OR source = ?3)",
            )?,
            tag: prepare(
                "INSERT INTO tag (connection_id, from_seq, kind, value, source, provenance)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )?,
            frame: prepare(
                "INSERT INTO frame (seq, connection_id, direction, first_at, last_at, first_byte,
                 length_form, declared_length, masking_key, payload, chunks_id)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            chunk: prepare("INSERT INTO frame_chunk (chunks_id, idx, bytes) VALUES (?, ?, ?)")?,
            message: prepare(
                "INSERT INTO message (seq, first_seq, opcode, content, payload, full_length, why)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?,
            anomaly: prepare(
                "INSERT INTO anomaly (connection_id, direction, seq, at, code, detail)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )?,
            gap: prepare(
                "INSERT INTO gap (run_id, connection_id, from_seq, to_seq, at, frames, why)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?,
            tail: prepare(
                "INSERT INTO tail (connection_id, direction, first_at, header, payload, chunks_id)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )?,
            exchange: prepare(
                "INSERT INTO exchange (id, uuid, run_id, opened_seq, opened_at, client_addr,
                 upstream, http_version, method, target, request_head)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            exchange_answered: prepare(
                "UPDATE exchange SET answered_seq = ?2, answered_at = ?3, status = ?4,
                 response_head = ?5 WHERE id = ?1",
            )?,
            exchange_ended: prepare(
                "UPDATE exchange SET ended_seq = ?2, ended_at = ?3, how_ended = ?4 WHERE id = ?1",
            )?,
            http: prepare(
                "INSERT INTO http_message (seq, exchange_id, direction, at, content, body, length,
                 why) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
        })
    }

    /// Writes `record` into the open transaction.
    pub(super) fn insert(&mut self, record: &Record) -> rusqlite::Result<Inserted> {
        let rows = match record {
            Record::Opened(opened) => self.opened(opened),
            Record::Answered(answered) => self.answered(answered),
            Record::Closed(closed) => self.closed(closed),
            Record::Tag(tag) => self.tag(tag),
            Record::Frame(frame) => self.frame(frame),
            Record::Chunk(chunk) => self.chunk(chunk),
            Record::Message(message) => self.message(message),
            Record::Anomaly(anomaly) => self.anomaly(anomaly),
            Record::Gap(gap) => self.gap(gap),
            Record::Tail(tail) => self.tail(tail),
            Record::ExchangeOpened(opened) => self.exchange_opened(opened),
            Record::ExchangeAnswered(answered) => self.exchange_answered(answered),
            Record::ExchangeEnded(ended) => self.exchange_ended(ended),
            Record::Http(message) => self.http(message),
        };
        match rows {
            Ok(0) => Ok(Inserted::Refused("its connection is not known".into())),
            Ok(_) => Ok(Inserted::Written),
            Err(error) => match error.sqlite_error_code() {
                Some(
                    ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch,
                ) => Ok(Inserted::Refused(error.to_string())),
                _ => Err(error),
            },
        }
    }

    fn opened(&mut self, opened: &ConnectionOpened) -> rusqlite::Result<usize> {
        let tls = opened.tls.as_ref();
        self.opened.execute(params![
            signed(opened.id.0),
            format!("{}-{}", self.run_uuid, opened.id.0),
            self.run_id,
            signed(opened.seq.0),
            signed(opened.at.0),
            opened.client_addr,
            opened.upstream,
            opened.http_version,
            tls.map(|tls| tls.version.as_str()),
            tls.and_then(|tls| tls.sni.as_deref()),
            tls.and_then(|tls| tls.alpn.as_deref()),
            opened.request_head,
            opened.payloads == Payloads::WireExact,
        ])
    }

    fn answered(&mut self, answered: &ConnectionAnswered) -> rusqlite::Result<usize> {
        let tls = answered.tls.as_ref();
        self.answered.execute(params![
            signed(answered.id.0),
            signed(answered.seq.0),
            signed(answered.at.0),
            answered.response_head,
            answered.status,
            answered.subprotocol,
            answered.extensions,
            tls.map(|tls| tls.version.as_str()),
            tls.and_then(|tls| tls.alpn.as_deref()),
        ])
    }

    fn closed(&mut self, closed: &ConnectionClosed) -> rusqlite::Result<usize> {
        self.closed.execute(params![
            signed(closed.id.0),
            signed(closed.seq.0),
            signed(closed.at.0),
            closed.how.as_str(),
            closed.closed_by.map(from_endpoint),
            closed.close_code,
            closed.close_reason,
        ])
    }

    fn tag(&mut self, tag: &TagRecord) -> rusqlite::Result<usize> {
        let (connection, from) = (signed(tag.connection.0), signed(tag.from.0));
        let kind = tag.kind.as_str();
        self.end_tag
            .execute(params![connection, kind, tag.source, from])?;
        let provenance = tag.provenance.as_str();
        self.tag.execute(params![
            connection, from, kind, tag.value, tag.source, provenance
        ])
    }

    fn frame(&mut self, frame: &FrameRecord) -> rusqlite::Result<usize> {
        let (payload, chunks) = halves(&frame.payload);
        self.frame.execute(params![
            signed(frame.seq.0),
            signed(frame.connection.0),
            from_direction(frame.direction),
            signed(frame.first_at.0),
            signed(frame.last_at.0),
            frame.header.first_byte,
            frame.header.length_form.bits(),
            signed(frame.header.declared_length),
            frame.header.masking_key.as_ref().map(<[u8; 4]>::as_slice),
            payload,
            chunks,
        ])
    }

    fn chunk(&mut self, chunk: &FrameChunk) -> rusqlite::Result<usize> {
        self.chunk.execute(params![
            signed(chunk.chunks.0),
            signed(chunk.index),
            chunk.bytes
        ])
    }

    fn message(&mut self, message: &MessageRecord) -> rusqlite::Result<usize> {
        let (content, payload, full_length, why) = match &message.content {
            MessageContent::Whole(bytes) => ("whole", Some(bytes), None, None),
            MessageContent::Truncated { kept, full_length } => {
                ("truncated", Some(kept), Some(signed(*full_length)), None)
            }
            MessageContent::Undecodable(why) => ("undecodable", None, None, Some(why)),
            MessageContent::Withheld(why) => ("withheld", None, None, Some(why)),
        };
        self.message.execute(params![
            signed(message.seq.0),
            signed(message.first_seq.0),
            message.opcode.bits(),
            content,
            payload,
            full_length,
            why,
        ])
    }

    fn anomaly(&mut self, anomaly: &AnomalyRecord) -> rusqlite::Result<usize> {
        self.anomaly.execute(params![
            signed(anomaly.connection.0),
            from_direction(anomaly.direction),
            signed(anomaly.seq.0),
            signed(anomaly.at.0),
            anomaly.code,
            anomaly.detail,
        ])
    }

    fn gap(&mut self, gap: &GapRecord) -> rusqlite::Result<usize> {
        self.gap.execute(params![
            self.run_id,
            gap.connection.map(|connection| signed(connection.0)),
            signed(gap.from.0),
            signed(gap.to.0),
            signed(gap.at.0),
            gap.frames.map(signed),
            gap.why,
        ])
    }

    fn tail(&mut self, tail: &TailRecord) -> rusqlite::Result<usize> {
        let (payload, chunks) = halves(&tail.payload);
        self.tail.execute(params![
            signed(tail.connection.0),
            from_direction(tail.direction),
            signed(tail.first_at.0),
            tail.header,
            payload,
            chunks,
        ])
    }

    fn exchange_opened(&mut self, opened: &ExchangeOpened) -> rusqlite::Result<usize> {
        self.exchange.execute(params![
            signed(opened.id.0),
            format!("{}-{}", self.run_uuid, opened.id.0),
            self.run_id,
            signed(opened.seq.0),
            signed(opened.at.0),
            opened.client_addr,
            opened.upstream,
            opened.http_version,
            opened.method,
            opened.target,
            opened.request_head,
        ])
    }

    fn exchange_answered(&mut self, answered: &ExchangeAnswered) -> rusqlite::Result<usize> {
        self.exchange_answered.execute(params![
            signed(answered.id.0),
            signed(answered.seq.0),
            signed(answered.at.0),
            answered.status,
            answered.response_head,
        ])
    }

    fn exchange_ended(&mut self, ended: &ExchangeEnded) -> rusqlite::Result<usize> {
        self.exchange_ended.execute(params![
            signed(ended.id.0),
            signed(ended.seq.0),
            signed(ended.at.0),
            ended.how.as_str(),
        ])
    }

    fn http(&mut self, message: &HttpMessage) -> rusqlite::Result<usize> {
        let why = match &message.body {
            HttpBody::Truncated { why, .. } | HttpBody::Undecodable { why, .. } => Some(why),
            HttpBody::Whole(_) => None,
        };
        self.http.execute(params![
            signed(message.seq.0),
            signed(message.exchange.0),
            from_direction(message.direction),
            signed(message.at.0),
            message.body.word(),
            message.body.bytes(),
            signed(message.length),
            why,
        ])
    }
}

/// The columns `payload` and `chunks_id`.
fn halves(payload: &Payload) -> (Option<&[u8]>, Option<i64>) {
    match payload {
        Payload::Whole(bytes) => (Some(bytes), None),
        Payload::Chunked(chunks) => (None, Some(signed(chunks.0))),
        Payload::Withheld => (None, None),
    }
}
