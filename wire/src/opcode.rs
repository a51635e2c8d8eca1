//! Frame opcodes (RFC 6455, section 5.2).

use std::fmt;

/// A frame's opcode: four bits, every value of which survives.
///
/// <https://www.rfc-editor.org/rfc/rfc6455#section-11.8>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opcode(u8);

impl Opcode {
    /// A further fragment of the message begun before.
    pub const CONTINUATION: Self = Self(0x0);
    /// A message of UTF-8 text, or its first fragment.
    pub const TEXT: Self = Self(0x1);
    /// A message of bytes, or its first fragment.
    pub const BINARY: Self = Self(0x2);
    /// The closing handshake.
    pub const CLOSE: Self = Self(0x8);
    /// A ping.
    pub const PING: Self = Self(0x9);
    /// A pong.
    pub const PONG: Self = Self(0xA);

    /// The low four bits of `byte`.
    pub const fn from_bits(byte: u8) -> Self {
        Self(byte & 0x0F)
    }

    /// The value, 0 to 15.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether the most significant bit is set: close, ping, pong and five reserved ones.
    pub const fn is_control(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// Whether the RFC assigns it no meaning: 3 to 7 and 11 to 15.
    pub const fn is_reserved(self) -> bool {
        matches!(self.0, 0x3..=0x7 | 0xB..=0xF)
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::CONTINUATION => f.write_str("continuation"),
            Self::TEXT => f.write_str("text"),
            Self::BINARY => f.write_str("binary"),
            Self::CLOSE => f.write_str("close"),
            Self::PING => f.write_str("ping"),
            Self::PONG => f.write_str("pong"),
            Self(reserved) => write!(f, "reserved 0x{reserved:X}"),
        }
    }
}
