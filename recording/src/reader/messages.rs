//! Messages and control frames in the order of observation: what a verifier reads.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::{Rows, Statement};
use wsaudit_wire::{Direction, Opcode};

use super::cell::Cells;
use super::error::Place;
use super::frames::direction;
use super::joined::Joined;
use super::order::KeyOrder;
use super::{Filter, ReadError, Reader};
use crate::column::unsigned;
use crate::record::{ConnectionId, MessageContent, Nanos, Seq};

/// A data message or a control frame, borrowed from the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageRow<'m> {
    /// The place of its last frame.
    pub seq: Seq,
    /// The place of its first frame.
    pub first_seq: Seq,
    /// The connection.
    pub connection: ConnectionId,
    /// The way it travelled.
    pub direction: Direction,
    /// Text, binary, close, ping, pong, or a reserved one.
    pub opcode: Opcode,
    /// When its last byte was read.
    pub at: Nanos,
    /// Its bytes.
    pub payload: MessagePayload<'m>,
}

/// What is known of a message's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessagePayload<'m> {
    /// All of them.
    Bytes(&'m [u8]),
    /// The first ones; the message is `full_length` bytes long.
    Truncated {
        /// The bytes that are known.
        kept: &'m [u8],
        /// The message's length in bytes.
        full_length: u64,
    },
    /// None; the text says why.
    Undecodable(&'m str),
    /// None that redaction kept; the text says why.
    Withheld(&'m str),
}

/// A [`MessageRow`] with bytes of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The place of its last frame.
    pub seq: Seq,
    /// The place of its first frame.
    pub first_seq: Seq,
    /// The connection.
    pub connection: ConnectionId,
    /// The way it travelled.
    pub direction: Direction,
    /// Text, binary, close, ping, pong, or a reserved one.
    pub opcode: Opcode,
    /// When its last byte was read.
    pub at: Nanos,
    /// Its bytes.
    pub content: MessageContent,
}

impl MessageRow<'_> {
    /// The same, with bytes of its own.
    pub fn to_message(&self) -> Message {
        Message {
            seq: self.seq,
            first_seq: self.first_seq,
            connection: self.connection,
            direction: self.direction,
            opcode: self.opcode,
            at: self.at,
            content: match self.payload {
                MessagePayload::Bytes(bytes) => MessageContent::Whole(bytes.to_vec()),
                MessagePayload::Truncated { kept, full_length } => MessageContent::Truncated {
                    kept: kept.to_vec(),
                    full_length,
                },
                MessagePayload::Undecodable(why) => MessageContent::Undecodable(why.to_owned()),
                MessagePayload::Withheld(why) => MessageContent::Withheld(why.to_owned()),
            },
        }
    }
}

/// A prepared reading of messages; [`rows`](Self::rows) begins it.
pub struct MessageQuery<'r> {
    reader: &'r Reader,
    frames: Statement<'r>,
    messages: Statement<'r>,
    filter: Filter,
    extended: BTreeSet<ConnectionId>,
}

/// Messages and control frames in the order of observation, one at a time.
///
/// Several recordings are read as one history by holding one of these for each, and taking the one
/// whose [`current`](Self::current) message is the earliest by [`Reader::time`].
pub struct MessageRows<'q> {
    reader: &'q Reader,
    frames: Rows<'q>,
    /// Stands at the first row of `message` that no frame has reached.
    messages: Rows<'q>,
    next_message: Option<u64>,
    frame_order: KeyOrder,
    message_order: KeyOrder,
    filter: &'q Filter,
    extended: &'q BTreeSet<ConnectionId>,
    /// Where messages of several frames began.
    begun: BTreeMap<(ConnectionId, Direction), Seq>,
    /// The payload of the current message, where it is in chunks and was asked for.
    joined: OnceCell<Joined>,
    current: Option<Current>,
}

/// The message at which the rows stand, but for its bytes.
#[derive(Clone, Copy)]
struct Current {
    seq: Seq,
    first_seq: Seq,
    connection: ConnectionId,
    direction: Direction,
    opcode: Opcode,
    at: Nanos,
    source: Source,
}

/// Where its bytes are.
#[derive(Clone, Copy)]
enum Source {
    /// In the frame's row, or in its chunks.
    Frame,
    /// In the row of `message`.
    Message,
    /// Nowhere.
    Missing(&'static str),
}

/// What a frame, with no row in `message`, means for the messages of its direction.
enum Part {
    /// Itself a message.
    Whole,
    /// The first frame of several.
    Begin,
    /// One of several, not the last.
    Middle,
    /// The last of several.
    End,
}

// As few columns as will do: each costs time, read or not.
const FRAMES: &str = "SELECT seq, connection_id, direction, last_at, first_byte, payload
     FROM frame WHERE seq BETWEEN ? AND ? ORDER BY seq";

const MESSAGES: &str = "SELECT seq, first_seq, opcode, content, payload, full_length, why
     FROM message WHERE seq BETWEEN ? AND ? ORDER BY seq";

const NOT_JOINED: &str = "its fragments are recorded, but not the message that they make";
const NOT_KEPT: &str = "its payload was not kept, and the row that says why is missing";
const NOT_INFLATED: &str = "its frame is recorded as the extension changed it, but not the message";

impl Reader {
    /// Prepares to read the messages and control frames that `filter` lets through. The places in
    /// the filter are those of last frames.
    pub fn messages(&self, filter: Filter) -> Result<MessageQuery<'_>, ReadError> {
        let frame = Place::beginning(&self.path, "frame");
        let message = Place::beginning(&self.path, "message");
        Ok(MessageQuery {
            reader: self,
            frames: frame.of(self.sqlite.prepare(FRAMES))?,
            messages: message.of(self.sqlite.prepare(MESSAGES))?,
            filter,
            extended: self.extended()?,
        })
    }

    /// The message or control frame whose last frame is at `seq`; `None` where no message ends
    /// there.
    pub fn message(&self, seq: Seq) -> Result<Option<Message>, ReadError> {
        let mut query = self.messages(Filter {
            from: seq,
            to: seq,
            ..Filter::ALL
        })?;
        let mut rows = query.rows()?;
        Ok(rows.next()?.map(|message| message.to_message()))
    }

    /// The connections for which an extension was agreed: an RSV bit there means that the frame's
    /// bytes are not the message's.
    fn extended(&self) -> Result<BTreeSet<ConnectionId>, ReadError> {
        let place = Place::beginning(&self.path, "connection");
        let sql = "SELECT id FROM connection WHERE extensions IS NOT NULL ORDER BY id";
        let mut statement = place.of(self.sqlite.prepare(sql))?;
        let mut rows = place.of(statement.query([]))?;
        let mut extended = BTreeSet::new();
        let mut order = KeyOrder::default();
        while let Some(row) = place.of(rows.next())? {
            let cells = Cells { row, place };
            order.next(&place, (cells.integer(0, "id")?, 0))?;
            extended.insert(ConnectionId(cells.number(0, "id")?));
        }
        Ok(extended)
    }
}

impl MessageQuery<'_> {
    /// Begins before the first message.
    pub fn rows(&mut self) -> Result<MessageRows<'_>, ReadError> {
        let path = &self.reader.path;
        let bounds = self.filter.bounds();
        let mut rows = MessageRows {
            reader: self.reader,
            frames: Place::beginning(path, "frame").of(self.frames.query(bounds))?,
            messages: Place::beginning(path, "message").of(self.messages.query(bounds))?,
            next_message: Some(0),
            frame_order: KeyOrder::default(),
            message_order: KeyOrder::default(),
            filter: &self.filter,
            extended: &self.extended,
            begun: BTreeMap::new(),
            joined: OnceCell::new(),
            current: None,
        };
        rows.advance_message()?;
        Ok(rows)
    }
}

impl MessageRows<'_> {
    /// The next message; `None` after the last one.
    #[expect(
        clippy::should_implement_trait,
        reason = "a row borrows from this, which `Iterator` cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<MessageRow<'_>>, ReadError> {
        self.advance()?;
        self.current()
    }

    /// Goes on to the next message; `false` after the last one.
    pub fn advance(&mut self) -> Result<bool, ReadError> {
        let last = self.current.take().map(|current| current.seq.0);
        if self.joined.get().is_some() {
            self.joined = OnceCell::new();
        }
        loop {
            let reader = self.reader;
            let place = match last {
                None => Place::beginning(&reader.path, "frame"),
                Some(seq) => Place::after(&reader.path, "frame", seq),
            };
            place.of(self.frames.advance())?;
            let Some(row) = self.frames.get() else {
                return Ok(false);
            };
            let cells = Cells { row, place };
            let key = cells.integer(0, "seq")?;
            self.frame_order.next(&place, (key, 0))?;
            let connection = ConnectionId(cells.number(1, "connection_id")?);
            if !self.filter.connections.contains(connection) {
                continue;
            }
            let seq = Seq(unsigned(key));
            let direction = direction(&cells, 2)?;
            let at = Nanos(cells.number(3, "last_at")?);
            let first_byte: u8 = cells.small(4, "first_byte", "0 to 255")?;
            let mut current = Current {
                seq,
                first_seq: seq,
                connection,
                direction,
                opcode: Opcode::from_bits(first_byte),
                at,
                source: Source::Frame,
            };
            if self.find_message(seq)? {
                self.take_message(&mut current)?;
            } else if !self.take_frame(&mut current, first_byte) {
                continue;
            }
            self.current = Some(current);
            return Ok(true);
        }
    }

    /// Where the message stands at which [`advance`](Self::advance) stopped, without a look at its bytes:
    /// its last frame's place, its connection, and when its last byte was read.
    pub fn stands_at(&self) -> Option<(Seq, ConnectionId, Nanos)> {
        let current = self.current.as_ref()?;
        Some((current.seq, current.connection, current.at))
    }

    /// The message at which [`advance`](Self::advance) stopped; `None` before the first and after
    /// the last one.
    pub fn current(&self) -> Result<Option<MessageRow<'_>>, ReadError> {
        let Some(current) = &self.current else {
            return Ok(None);
        };
        Ok(Some(MessageRow {
            seq: current.seq,
            first_seq: current.first_seq,
            connection: current.connection,
            direction: current.direction,
            opcode: current.opcode,
            at: current.at,
            payload: self.payload(current)?,
        }))
    }

    fn payload(&self, current: &Current) -> Result<MessagePayload<'_>, ReadError> {
        let path = &self.reader.path;
        match current.source {
            Source::Frame => {
                let place = Place::after(path, "frame", current.seq.0);
                let cells = cells(&self.frames, place)?;
                match cells.bytes_or_null(5, "payload")? {
                    Some(bytes) => Ok(MessagePayload::Bytes(bytes)),
                    None => self.joined(current.seq),
                }
            }
            Source::Message => {
                let place = Place::after(path, "message", current.seq.0);
                recorded(&cells(&self.messages, place)?)
            }
            Source::Missing(why) => Ok(MessagePayload::Undecodable(why)),
        }
    }

    /// Whether there is a row of `message` at `seq`; passes over those before it, whose frames are
    /// missing or filtered out.
    fn find_message(&mut self, seq: Seq) -> Result<bool, ReadError> {
        while self.next_message.is_some_and(|next| next < seq.0) {
            self.advance_message()?;
        }
        Ok(self.next_message == Some(seq.0))
    }

    fn advance_message(&mut self) -> Result<(), ReadError> {
        let last = self.next_message.unwrap_or(0);
        let place = Place::after(&self.reader.path, "message", last);
        place.of(self.messages.advance())?;
        self.next_message = match self.messages.get() {
            None => None,
            Some(row) => {
                let cells = Cells { row, place };
                self.message_order
                    .next(&place, (cells.integer(0, "seq")?, 0))?;
                Some(cells.number(0, "seq")?)
            }
        };
        Ok(())
    }

    fn take_message(&mut self, current: &mut Current) -> Result<(), ReadError> {
        let place = Place::after(&self.reader.path, "message", current.seq.0);
        let cells = cells(&self.messages, place)?;
        current.first_seq = Seq(cells.number(1, "first_seq")?);
        current.opcode = Opcode::from_bits(cells.small(2, "opcode", "0 to 15")?);
        current.source = Source::Message;
        self.begun.remove(&(current.connection, current.direction));
        Ok(())
    }

    /// Whether the frame, with no row in `message`, is or ends a message.
    fn take_frame(&mut self, current: &mut Current, first_byte: u8) -> bool {
        let way = (current.connection, current.direction);
        match part(current.opcode, first_byte) {
            Part::Whole => {}
            Part::Begin => {
                self.begun.insert(way, current.seq);
                return false;
            }
            Part::Middle => return false,
            Part::End => {
                if let Some(first) = self.begun.remove(&way) {
                    current.first_seq = first;
                }
                current.source = Source::Missing(NOT_JOINED);
                return true;
            }
        }
        let reserved_bits = first_byte & 0x70 != 0;
        if reserved_bits
            && !current.opcode.is_control()
            && self.extended.contains(&current.connection)
        {
            current.source = Source::Missing(NOT_INFLATED);
            return true;
        }
        true
    }

    /// The payload in chunks of the frame at `seq`.
    #[cold]
    fn joined(&self, seq: Seq) -> Result<MessagePayload<'_>, ReadError> {
        let joined = if let Some(joined) = self.joined.get() {
            joined
        } else if let Some(joined) = self.reader.joined_frame(seq)? {
            self.joined.get_or_init(|| joined)
        } else {
            return Ok(MessagePayload::Withheld(NOT_KEPT));
        };
        if joined.bytes.len() as u64 == joined.full_length {
            return Ok(MessagePayload::Bytes(&joined.bytes));
        }
        Ok(MessagePayload::Truncated {
            kept: &joined.bytes,
            full_length: joined.full_length,
        })
    }
}

/// What a frame that has no row in `message` means (RFC 6455, section 5.4).
fn part(opcode: Opcode, first_byte: u8) -> Part {
    let fin = first_byte & 0x80 != 0;
    match (opcode, fin) {
        (opcode, _) if opcode.is_control() => Part::Whole,
        (Opcode::CONTINUATION, true) => Part::End,
        (Opcode::CONTINUATION, false) => Part::Middle,
        (_, true) => Part::Whole,
        (_, false) => Part::Begin,
    }
}

fn cells<'c>(rows: &'c Rows<'_>, place: Place<'c>) -> Result<Cells<'c>, ReadError> {
    // Only called while the rows stand at one.
    let row = rows
        .get()
        .ok_or_else(|| place.sqlite(rusqlite::Error::QueryReturnedNoRows))?;
    Ok(Cells { row, place })
}

fn recorded<'m>(cells: &Cells<'m>) -> Result<MessagePayload<'m>, ReadError> {
    match cells.text(3, "content")? {
        "whole" => Ok(MessagePayload::Bytes(cells.bytes(4, "payload")?)),
        "truncated" => Ok(MessagePayload::Truncated {
            kept: cells.bytes(4, "payload")?,
            full_length: cells.number(5, "full_length")?,
        }),
        "undecodable" => Ok(MessagePayload::Undecodable(cells.text(6, "why")?)),
        "withheld" => Ok(MessagePayload::Withheld(cells.text(6, "why")?)),
        other => Err(cells.unknown(
            "content",
            other,
            "whole, truncated, undecodable or withheld",
        )),
    }
}
