//! What a recording holds, one value for each kind of row.
//!
//! The proxy makes these and hands them to the writer; the reader gives them back.

mod exchange;
mod unread;

pub use exchange::{
    ExchangeAnswered, ExchangeEnded, ExchangeOpened, HowExchangeEnded, HttpBody, HttpMessage,
};
pub use unread::Unread;
pub use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_wire::{Direction, Endpoint, FrameHeader, Opcode};

/// A place in the one order of everything that a recording observed.
///
/// Taken when the last byte of a frame is read, before that byte is written to the peer, so that an
/// effect is never numbered before its cause. Opening, answer and end of a connection are numbered
/// from the same counter. The first one is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// Nanoseconds on the run's monotonic clock; 0 is the run's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(pub u64);

/// A connection's number within its recording; the first one is 1. Plain HTTP exchanges are numbered
/// from the same counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// One observation, in the order in which it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A client's opening handshake was read.
    Opened(ConnectionOpened),
    /// The upstream answered it, or could not.
    Answered(ConnectionAnswered),
    /// Both legs of a connection have ended.
    Closed(ConnectionClosed),
    /// On whose behalf a connection speaks.
    Tag(TagRecord),
    /// A whole frame.
    Frame(FrameRecord),
    /// A part of the payload of a frame too large for one row.
    Chunk(FrameChunk),
    /// A message whose bytes are not those of one frame.
    Message(MessageRecord),
    /// A breach of RFC 6455 or RFC 7692.
    Anomaly(AnomalyRecord),
    /// Frames known to be missing.
    Gap(GapRecord),
    /// Bytes that never became a frame.
    Tail(TailRecord),
    /// The head of a plain HTTP request was read.
    ExchangeOpened(ExchangeOpened),
    /// The head of its answer was read.
    ExchangeAnswered(ExchangeAnswered),
    /// A whole request, or an answer as far as it came.
    Http(HttpMessage),
    /// An exchange has ended.
    ExchangeEnded(ExchangeEnded),
}

/// A client's opening handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionOpened {
    /// Its number.
    pub id: ConnectionId,
    /// Where the opening stands in the order.
    pub seq: Seq,
    /// When the request's head was complete.
    pub at: Nanos,
    /// The client's address, as `ip:port`.
    pub client_addr: String,
    /// The upstream's URL, without credentials.
    pub upstream: String,
    /// `HTTP/1.1`, as the request line has it.
    pub http_version: String,
    /// TLS on the client's leg; `None` where it has none.
    pub tls: Option<ClientTls>,
    /// The request's head, up to and with the empty line; secrets are replaced by their tokens.
    pub request_head: Vec<u8>,
    /// What its payloads are.
    pub payloads: Payloads,
}

/// What the payloads of a connection are, as they are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payloads {
    /// Those that were on the wire.
    WireExact,
    /// Redacted: values in them were replaced by their tokens, and what could not be looked at was
    /// withheld. Headers, and the lengths in them, are those that were on the wire.
    Redacted,
}

/// What a client's TLS handshake with the proxy has settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTls {
    /// `TLS 1.2` or `TLS 1.3`.
    pub version: String,
    /// The server that the client named (SNI, RFC 6066, section 3); `None` where it named none.
    pub sni: Option<String>,
    /// The protocol that was agreed on (ALPN, RFC 7301); `None` where the client offered none.
    pub alpn: Option<String>,
}

/// What the proxy's TLS handshake with an upstream has settled. The server that it named (SNI) is the
/// host of the upstream's URL, where that is a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTls {
    /// `TLS 1.2` or `TLS 1.3`.
    pub version: String,
    /// The protocol that was agreed on (ALPN, RFC 7301); `None` where the upstream chose none.
    pub alpn: Option<String>,
}

/// The answer to an opening handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionAnswered {
    /// The connection.
    pub id: ConnectionId,
    /// Where the answer stands in the order.
    pub seq: Seq,
    /// When the response's head was complete.
    pub at: Nanos,
    /// The response's head, redacted; empty where the upstream gave none.
    pub response_head: Vec<u8>,
    /// The status code; `None` where the upstream gave no answer that parses.
    pub status: Option<u16>,
    /// The subprotocol that the server chose, redacted; `None` where it chose none.
    pub subprotocol: Option<String>,
    /// The value of the response's `Sec-WebSocket-Extensions`; `None` where there is no such header.
    pub extensions: Option<String>,
    /// TLS on the upstream's leg; `None` where it has none, was not reached, or in an older recording.
    pub tls: Option<ServerTls>,
}

/// How a connection's bytes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowEnded {
    /// Both sides sent FIN.
    Fin,
    /// A side sent RST.
    Reset,
    /// The handshake was refused: the answer was not 101.
    Refused,
    /// The upstream could not be reached, or gave no answer.
    UpstreamFailed,
    /// The proxy was stopped.
    Stopped,
}

impl HowEnded {
    /// Every way.
    pub const ALL: [Self; 5] = [
        Self::Fin,
        Self::Reset,
        Self::Refused,
        Self::UpstreamFailed,
        Self::Stopped,
    ];

    /// The word that recordings and reports use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::Refused => "refused",
            Self::UpstreamFailed => "upstream-failed",
            Self::Stopped => "stopped",
        }
    }
}

/// The end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionClosed {
    /// The connection.
    pub id: ConnectionId,
    /// Where the end stands in the order.
    pub seq: Seq,
    /// When the second leg ended.
    pub at: Nanos,
    /// How it ended.
    pub how: HowEnded,
    /// Who ended it: the sender of the first close frame, else of the first FIN or RST; `None` where
    /// the proxy did.
    pub closed_by: Option<Endpoint>,
    /// The code of the first close frame; `None` where there was none, or an empty one.
    pub close_code: Option<u16>,
    /// The reason in the first close frame, lossily decoded; `None` likewise.
    pub close_reason: Option<String>,
}

/// On whose behalf a connection speaks, for a range of its frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRecord {
    /// The connection.
    pub connection: ConnectionId,
    /// It holds from here on, this place included, until the next tag of the same connection and kind
    /// (of credentials and claims, of which there may be several at once: of the same source, too).
    /// The writer closes the range: `to_seq` in the table.
    pub from: Seq,
    /// What the tag says.
    pub kind: TagKind,
    /// The id.
    pub value: String,
    /// The source that yielded it, as the user wrote it: `header:X-Session-ID`.
    pub source: String,
    /// Who said it.
    pub provenance: Provenance,
}

/// A whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameRecord {
    /// Where its last byte stands in the order.
    pub seq: Seq,
    /// The connection.
    pub connection: ConnectionId,
    /// The way it travelled.
    pub direction: Direction,
    /// When its first byte was read.
    pub first_at: Nanos,
    /// When its last byte was read.
    pub last_at: Nanos,
    /// The header as it was on the wire.
    pub header: FrameHeader,
    /// The payload.
    pub payload: Payload,
}

/// Where a frame's payload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Here, unmasked; what an extension compressed stays as it was sent.
    Whole(Vec<u8>),
    /// In chunks written before, under this number.
    Chunked(ChunksId),
    /// Nowhere: redaction did not keep it. What became of its message, the message's row says.
    Withheld,
}

/// The number under which the chunks of one payload are kept; the first one is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunksId(pub u64);

/// A part of a payload too large for one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameChunk {
    /// Whose part.
    pub chunks: ChunksId,
    /// Its place among the parts; the first one is 0.
    pub index: u64,
    /// The bytes, unmasked.
    pub bytes: Vec<u8>,
}

/// A message whose bytes are not those of one frame: joined of fragments, inflated, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRecord {
    /// The place of its last frame.
    pub seq: Seq,
    /// The place of its first frame.
    pub first_seq: Seq,
    /// Text or binary, or what the first frame said.
    pub opcode: Opcode,
    /// The bytes.
    pub content: MessageContent,
}

/// What is known of a message's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageContent {
    /// All of them.
    Whole(Vec<u8>),
    /// The first ones; the message is `full_length` bytes long.
    Truncated {
        /// The bytes that were kept.
        kept: Vec<u8>,
        /// The message's length in bytes.
        full_length: u64,
    },
    /// They could not be decoded; the text says why.
    Undecodable(String),
    /// Redaction did not keep them; the text says why.
    Withheld(String),
}

/// A breach of RFC 6455 or RFC 7692 that was observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnomalyRecord {
    /// The connection.
    pub connection: ConnectionId,
    /// The way it travelled.
    pub direction: Direction,
    /// The frame in which it was seen; for bytes that never became a frame, the place of the
    /// connection's end.
    pub seq: Seq,
    /// When it was seen.
    pub at: Nanos,
    /// A stable code: `unmasked-client-frame`.
    pub code: String,
    /// The values, for a person: `length 5 written in 16 bits`.
    pub detail: String,
}

/// Frames known to be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapRecord {
    /// The connection; `None` where all are concerned.
    pub connection: Option<ConnectionId>,
    /// The first place that is missing, or after which something is.
    pub from: Seq,
    /// The last one.
    pub to: Seq,
    /// When it was noticed.
    pub at: Nanos,
    /// How many frames are missing; `None` where that is not known.
    pub frames: Option<u64>,
    /// Why: `recorder stalled for 5.0 s`, or what [`Unread`] says.
    pub why: String,
}

/// Bytes that were read, and never became a whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailRecord {
    /// The connection.
    pub connection: ConnectionId,
    /// The way they travelled.
    pub direction: Direction,
    /// When the first of them was read.
    pub first_at: Nanos,
    /// The header's bytes as they were on the wire, or as many of them as came.
    pub header: Vec<u8>,
    /// The payload bytes that came, unmasked where the header was whole.
    pub payload: Payload,
}
