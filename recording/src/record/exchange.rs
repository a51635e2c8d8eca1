//! A plain HTTP exchange: a request that opens no WebSocket, and its answer.

use wsaudit_wire::Direction;

use super::{ConnectionId, Nanos, Seq};

/// The head of a request that opens no WebSocket was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeOpened {
    /// Its number, of the counter that numbers connections: tags of exchanges name it likewise.
    pub id: ConnectionId,
    /// Where the request's head stands in the order.
    pub seq: Seq,
    /// When it was complete.
    pub at: Nanos,
    /// The client's address, as `ip:port`.
    pub client_addr: String,
    /// The upstream's URL, without credentials.
    pub upstream: String,
    /// `HTTP/1.1`, as the request line has it.
    pub http_version: String,
    /// `POST`.
    pub method: String,
    /// The request's target, out of the redacted head.
    pub target: String,
    /// The request's head, up to and with the empty line; secrets are replaced by their tokens.
    pub request_head: Vec<u8>,
}

/// The head of its answer was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeAnswered {
    /// The exchange.
    pub id: ConnectionId,
    /// Where the answer's head stands in the order.
    pub seq: Seq,
    /// When it was complete.
    pub at: Nanos,
    /// The status code.
    pub status: u16,
    /// The answer's head, redacted.
    pub response_head: Vec<u8>,
}

/// A whole request, or an answer as far as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpMessage {
    /// Where its last byte stands in the order.
    pub seq: Seq,
    /// The exchange.
    pub exchange: ConnectionId,
    /// Client-to-server for the request.
    pub direction: Direction,
    /// When its last byte was read.
    pub at: Nanos,
    /// Its body.
    pub body: HttpBody,
    /// How many bytes the body had as it was sent, without its chunking.
    pub length: u64,
}

/// What is known of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpBody {
    /// All of it, without its content coding.
    Whole(Vec<u8>),
    /// Its first bytes, likewise.
    Truncated {
        /// The bytes that were kept.
        kept: Vec<u8>,
        /// Why there are no more.
        why: String,
    },
    /// It could not be decoded.
    Undecodable {
        /// As it was sent.
        raw: Vec<u8>,
        /// Why.
        why: String,
    },
}

/// The end of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeEnded {
    /// The exchange.
    pub id: ConnectionId,
    /// Where the end stands in the order.
    pub seq: Seq,
    /// When it came.
    pub at: Nanos,
    /// How.
    pub how: HowExchangeEnded,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowExchangeEnded {
    /// With a whole answer.
    Answered,
    /// A side sent FIN too early.
    Fin,
    /// A side sent RST.
    Reset,
    /// The upstream could not be reached, or gave no answer.
    UpstreamFailed,
    /// The proxy was stopped.
    Stopped,
}

impl HowExchangeEnded {
    /// Every way.
    pub const ALL: [Self; 5] = [
        Self::Answered,
        Self::Fin,
        Self::Reset,
        Self::UpstreamFailed,
        Self::Stopped,
    ];

    /// The word that recordings use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::UpstreamFailed => "upstream-failed",
            Self::Stopped => "stopped",
        }
    }

    /// The way of that word; `None` for any other word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|how| how.as_str() == word)
    }
}

impl HttpBody {
    /// The word that recordings use.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Whole(_) => "whole",
            Self::Truncated { .. } => "truncated",
            Self::Undecodable { .. } => "undecodable",
        }
    }

    /// The bytes that are recorded.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes)
            | Self::Truncated { kept: bytes, .. }
            | Self::Undecodable { raw: bytes, .. } => bytes,
        }
    }
}
