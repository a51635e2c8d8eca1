//! What an assembler gives at the end of a frame.

use std::fmt;

use crate::{ClosePayload, Opcode};

/// What ended with a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The first of several frames of a message.
    FirstFragment,
    /// A later frame of a message, not its last one.
    Fragment,
    /// The last (or only) frame of a message.
    Message(Message),
    /// A control frame other than close.
    Control(Opcode),
    /// A close frame.
    Close(ClosePayload),
}

/// A message: data frames of one direction, joined and inflated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Text or binary: the first frame's opcode.
    pub opcode: Opcode,
    /// Of how many frames it is made.
    pub frames: Frames,
    /// Its bytes.
    pub content: Content,
}

/// Of how many frames a message is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frames {
    /// One.
    One,
    /// Several; the first of them ended with [`Ended::FirstFragment`].
    Several,
}

/// The bytes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The payload of its one frame, which was not compressed. It was not copied.
    AsSent,
    /// Joined, inflated, or both.
    Joined(Vec<u8>),
    /// Likewise, and longer than the output cap.
    Truncated {
        /// The first bytes.
        kept: Vec<u8>,
        /// The message's length in bytes.
        full_length: u64,
    },
    /// They cannot be told.
    Undecodable(Undecodable),
}

/// Why the bytes of a message cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undecodable {
    /// It does not inflate.
    Corrupt {
        /// How many bytes of it were inflated before.
        after: u64,
    },
    /// It may refer to an earlier message of this direction that could not be inflated.
    ContextLost,
    /// It has reserved bits of extensions that are not known; their names.
    UnknownExtension(String),
    /// Its opcode has no meaning.
    ReservedOpcode(Opcode),
    /// It is a continuation of no message.
    StrayContinuation,
    /// Another message began before its last frame came.
    CutOff,
    /// The stream ended before its last frame came.
    StreamEnded,
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt { after } => {
                write!(f, "it cannot be inflated beyond {after} bytes")
            }
            Self::ContextLost => {
                f.write_str("an earlier message of this direction that it may refer to was lost")
            }
            Self::UnknownExtension(names) => {
                write!(f, "it is changed by an unknown extension: {names}")
            }
            Self::ReservedOpcode(opcode) => write!(f, "its opcode has no meaning: {opcode}"),
            Self::StrayContinuation => f.write_str("it continues no message"),
            Self::CutOff => f.write_str("another message began before its last frame"),
            Self::StreamEnded => f.write_str("the stream ended before its last frame"),
        }
    }
}
