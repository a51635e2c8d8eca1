//! What the engine reads: recordings as they were observed, wherever they come from.
//!
//! A [`Source`] is one recording: a SQLite file, or a text case. Its connections, tags, gaps and
//! anomalies are small and are given whole; its messages are streamed.

mod asking;
mod gaps;
mod memory;
mod parts;
mod recording;

pub use asking::Answered;
pub use gaps::Gaps;
pub use memory::{MemoryMessage, MemorySource};
pub use parts::{SamePart, join};
pub use recording::{RecordingError, RecordingSource};

use std::rc::Rc;

use wsaudit_recording::{Question, Unread};
use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_wire::{Direction, Opcode, PathPattern};

/// One recording.
pub trait Source {
    /// All but its messages.
    fn outline(&self) -> &Outline;

    /// Prepares to read its messages.
    fn reading(&self) -> Result<Box<dyn Reading + '_>, SourceError>;

    /// The message (joined and inflated) or control frame whose last frame is at `seq`, for evidence.
    fn payload(&self, seq: u64) -> Result<Option<Vec<u8>>, SourceError>;

    /// Asks it a question as a whole. A source that cannot be asked says so.
    fn ask(&self, _question: &Question) -> Result<Answered, SourceError> {
        Err(SourceError {
            recording: self.outline().name.clone(),
            why: "it has no tables".to_owned(),
        })
    }

    /// The file in which the frame at `seq` is: of a recording in parts, one of them.
    fn file_of(&self, _seq: u64) -> &str {
        &self.outline().name
    }
}

impl Source for Rc<dyn Source> {
    fn outline(&self) -> &Outline {
        (**self).outline()
    }

    fn reading(&self) -> Result<Box<dyn Reading + '_>, SourceError> {
        (**self).reading()
    }

    fn payload(&self, seq: u64) -> Result<Option<Vec<u8>>, SourceError> {
        (**self).payload(seq)
    }

    fn ask(&self, question: &Question) -> Result<Answered, SourceError> {
        (**self).ask(question)
    }

    fn file_of(&self, seq: u64) -> &str {
        (**self).file_of(seq)
    }
}

/// A prepared reading of a recording's messages.
pub trait Reading {
    /// Begins before the first message; they come in the order of `seq`.
    fn begin(&mut self) -> Result<Box<dyn Cursor + '_>, SourceError>;
}

/// Messages, one after the other. A new cursor stands before the first one.
pub trait Cursor {
    /// Goes on to the next message, and says where it stands; `None` at the end.
    fn advance(&mut self) -> Result<Option<Moment>, SourceError>;

    /// The message that the cursor stands on.
    ///
    /// # Panics
    ///
    /// Where the last [`Self::advance`] did not find one.
    fn current(&self) -> Result<SourceMessage<'_>, SourceError>;
}

/// Why a recording could not be read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read {recording}: {why}")]
pub struct SourceError {
    /// The recording's name.
    pub recording: String,
    /// What the reader says.
    pub why: String,
}

/// All of a recording but its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// The file, as the user named it.
    pub name: String,
    /// When the recording began, in nanoseconds since the Unix epoch.
    pub started_at: i64,
    /// When the last thing in it was observed, likewise.
    pub ended_at: i64,
    /// Why its end is missing; `None`: it was closed cleanly.
    pub unclean: Option<Unclean>,
    /// Its connections, in the order of their opening.
    pub connections: Vec<Connection>,
    /// Its gaps.
    pub gaps: Vec<Gap>,
    /// Its anomalies, in order.
    pub anomalies: Vec<Anomaly>,
    /// The runs of the recorder that it holds, each whole or in part; empty where that is not known.
    pub parts: Vec<Part>,
    /// The run goes on in a part that is not here: which one, and who says so.
    pub goes_on: Option<String>,
    /// Where the clock of the recorder's machine was set, in order.
    pub clock_steps: Vec<ClockStep>,
    /// The paths of which plain HTTP was recorded, in any of its runs; `None`: not known.
    pub record_http: Option<Vec<PathPattern>>,
}

impl Outline {
    /// Whether its end is missing.
    pub fn is_cut_off(&self) -> bool {
        self.unclean.is_some() || self.goes_on.is_some()
    }
}

/// A run of the recorder lacks its end, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclean {
    /// What is known of it: `run 2 was not closed cleanly`.
    pub why: String,
    /// The last place that is known of that run; `None`: of which run it is, or any place, is not known.
    pub last: Option<u64>,
}

/// The clock of the recorder's machine was set. Times within a run do not follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockStep {
    /// When that was noticed, in nanoseconds since the Unix epoch.
    pub at: i64,
    /// By how many nanoseconds; below 0: it was set back.
    pub by: i64,
    /// Where.
    pub during: During,
}

/// When a clock was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum During {
    /// While a run went on: only the order against other recordings is in doubt.
    ARun,
    /// Between two runs of one recording: so are the times from the one to the other.
    ThePause,
}

/// A run of the recorder, or the part of one that is in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The run's UUID.
    pub run: String,
    /// Which part; the first one is 1.
    pub number: u32,
    /// Whether another part goes on where this one ends.
    pub continued: bool,
    /// The next place in the order when it was begun.
    pub first_seq: u64,
    /// The last place that it holds.
    pub last_seq: u64,
    /// The file, as the user named it.
    pub file: String,
}

/// A place in a recording's order, and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// The place.
    pub seq: u64,
    /// Nanoseconds since the Unix epoch; never decreasing within a recording.
    pub at: i64,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its number in the recording.
    pub number: u64,
    /// When the client's handshake was read.
    pub opened: Moment,
    /// When it was answered; `None`: not yet, when the recording ended.
    pub answered: Option<Moment>,
    /// The answer's status code; `None` where there was no answer that parses.
    pub status: Option<u16>,
    /// When both legs had ended; `None`: still open when the recording ended.
    pub closed: Option<Moment>,
    /// The request's head, redacted; empty where it is not known.
    pub request_head: Vec<u8>,
    /// The response's head, redacted; empty where there is none.
    pub response_head: Vec<u8>,
    /// The chosen subprotocol.
    pub subprotocol: Option<String>,
    /// On whose behalf it speaks, in the order of `from`.
    pub tags: Vec<Tag>,
    /// What there is besides, where it is no WebSocket but a plain HTTP exchange: its request and its
    /// answer are its messages. `status` and the heads are those of the exchange, `closed` is its end.
    pub http: Option<Exchange>,
}

/// A plain HTTP exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// `POST`.
    pub method: String,
    /// The target, with its query.
    pub target: String,
    /// The method and the path, which are the name of its messages: `POST /api/threads`.
    pub name: String,
}

impl Exchange {
    /// An exchange of that method and target.
    pub fn new(method: &str, target: &str) -> Self {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            name: format!("{method} {path}"),
        }
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        &self.name[self.method.len() + 1..]
    }
}

impl Connection {
    /// A connection whose handshake was read at that place; what else is known of it is added by field.
    pub const fn new(number: u64, opened: Moment) -> Self {
        Self {
            number,
            opened,
            answered: None,
            status: None,
            closed: None,
            request_head: Vec::new(),
            response_head: Vec::new(),
            subprotocol: None,
            tags: Vec::new(),
            http: None,
        }
    }

    /// The media type of a message's body, where the head names one and this is an exchange.
    pub fn media_type(&self, direction: Direction) -> Option<String> {
        let named = |headers: &wsaudit_wire::Headers| {
            let value = String::from_utf8_lossy(headers.get("Content-Type")?).into_owned();
            let essence = value.split(';').next().unwrap_or_default();
            Some(essence.trim().to_ascii_lowercase())
        };
        match direction {
            Direction::ClientToServer => {
                let head = wsaudit_wire::RequestHead::parse(&self.request_head).ok()?;
                named(head.headers())
            }
            Direction::ServerToClient => {
                let head = wsaudit_wire::ResponseHead::parse(&self.response_head).ok()?;
                named(head.headers())
            }
        }
    }

    /// Of an exchange that says only in its answer whom it speaks for (a login), the request is of the
    /// same one.
    pub(crate) fn speak_from_the_beginning(&mut self) {
        if self.http.is_none() {
            return;
        }
        for kind in [TagKind::Session, TagKind::User, TagKind::Device] {
            if let Some(first) = self.tags.iter_mut().find(|tag| tag.kind == kind) {
                first.from = first.from.min(self.opened.seq);
            }
        }
        self.tags.sort_by_key(|tag| tag.from);
    }

    /// Whether the server answered 101.
    pub fn accepted(&self) -> bool {
        self.status == Some(101)
    }

    /// The target of its request; empty where the head is not known.
    pub fn target(&self) -> &[u8] {
        let mut lines = self.request_head.split(|byte| *byte == b'\r');
        let line = lines.next().unwrap_or_default();
        line.split(|byte| *byte == b' ').nth(1).unwrap_or_default()
    }

    /// Whether the server answered otherwise: no frame can have passed. One that was not answered yet
    /// may still be accepted.
    pub fn refused(&self) -> bool {
        self.http.is_none() && self.answered.is_some() && !self.accepted()
    }
}

/// On whose behalf a connection speaks, from a place on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// It holds from here on, until the next one of its kind.
    pub from: u64,
    /// What it says.
    pub kind: TagKind,
    /// The id.
    pub value: String,
    /// Where it came from: `header:X-Session-ID`.
    pub source: String,
    /// Who said it.
    pub provenance: Provenance,
}

/// Frames known to be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The connection's number; `None`: all.
    pub connection: Option<u64>,
    /// From where.
    pub from: u64,
    /// To where.
    pub to: u64,
    /// How many frames; `None`: not known.
    pub frames: Option<u64>,
    /// Why.
    pub why: String,
    /// What kind of reason that is.
    pub cause: GapCause,
}

/// Why frames are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapCause {
    /// The recorder could not write them.
    Recorder,
    /// They may be in what it has not read.
    Unread(Unread),
    /// They are in a part of the run that was not given.
    MissingPart,
}

impl GapCause {
    /// The cause of a gap in a recording, from what it says.
    pub fn of(why: &str) -> Self {
        Unread::of(why).map_or(Self::Recorder, Self::Unread)
    }
}

/// A breach of RFC 6455 or RFC 7692.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// The connection's number.
    pub connection: u64,
    /// The way it travelled.
    pub direction: Direction,
    /// Where it was seen.
    pub moment: Moment,
    /// Its code: `unmasked-client-frame`.
    pub code: String,
    /// The values, for a person.
    pub detail: String,
}

/// A message, or a control frame.
#[derive(Debug, Clone, Copy)]
pub struct SourceMessage<'s> {
    /// The place of its last frame, and when that was read.
    pub moment: Moment,
    /// The connection's number.
    pub connection: u64,
    /// The way it travelled.
    pub direction: Direction,
    /// Text, binary, close, ping, pong.
    pub opcode: Opcode,
    /// Its bytes, joined and inflated.
    pub payload: SourcePayload<'s>,
}

impl SourceMessage<'_> {
    /// Whether it is a message, and no control frame.
    pub fn is_message(&self) -> bool {
        matches!(self.opcode, Opcode::TEXT | Opcode::BINARY)
    }
}

/// What became of the bytes of which only the first ones are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// They never came: whoever was to send them, or to have them, left.
    NeverCame,
    /// They may have passed, and were not kept.
    NotKept,
}

/// What is known of a message's bytes.
#[derive(Debug, Clone, Copy)]
pub enum SourcePayload<'s> {
    /// All of them.
    Whole(&'s [u8]),
    /// The first ones.
    Truncated {
        /// How many were kept.
        kept: u64,
        /// How many were sent.
        full_length: u64,
    },
    /// The first ones of a body over plain HTTP.
    Beginning {
        /// The bytes.
        kept: &'s [u8],
        /// Why there are no more.
        why: &'s str,
        /// What became of the others.
        rest: Rest,
    },
    /// The recorder could not decode them.
    Undecodable(&'s str),
    /// The recorder did not keep them, so that no secret in them is kept.
    Withheld(&'s str),
}
