//! What is being read: a frame, and the message that it belongs to.

use super::kept::Kept;
use super::{Frames, Undecodable};
use crate::utf8::{InvalidFrom, Utf8Check};
use crate::{FrameHeader, Opcode};

/// The frame that is being read.
#[derive(Debug)]
pub(super) enum Current {
    /// None.
    Between,
    /// A frame of the open message.
    Data { header: FrameHeader, place: Place },
    /// A control frame, and the first bytes of its payload.
    Control { opcode: Opcode, payload: Vec<u8> },
    /// A data frame that is part of no message.
    Stray { opcode: Opcode, why: Undecodable },
}

/// Where a frame stands in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    First,
    Later,
}

/// A message of which not every frame was read.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) opcode: Opcode,
    pub(super) frames: Frames,
    pub(super) text: TextCheck,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    /// One uncompressed frame: the caller has the bytes.
    AsSent,
    Joined(Kept),
    Inflated(Kept),
    Undecodable(Undecodable),
}

/// The check of a message's text, as far as it was read.
#[derive(Debug)]
pub(super) enum TextCheck {
    /// It is no text.
    NoText,
    Valid(Utf8Check),
    /// There is nothing more to check.
    Invalid(InvalidFrom),
}

impl TextCheck {
    pub(super) fn new(opcode: Opcode) -> Self {
        if opcode == Opcode::TEXT {
            Self::Valid(Utf8Check::default())
        } else {
            Self::NoText
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if let Self::Valid(check) = self
            && let Err(from) = check.push(bytes)
        {
            *self = Self::Invalid(from);
        }
    }

    /// Where the text, which is complete, is invalid.
    pub(super) fn finish(&self) -> Option<InvalidFrom> {
        match self {
            Self::NoText => None,
            Self::Valid(check) => check.finish().err(),
            Self::Invalid(from) => Some(*from),
        }
    }
}
