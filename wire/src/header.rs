//! A frame's header with every field as it was on the wire (RFC 6455, section 5.2).

use crate::Opcode;

/// How the payload length was written. A sender must take the shortest form; not all do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LengthForm {
    /// In the seven bits of the second byte: 0 to 125.
    Bits7,
    /// In the two bytes after a 126.
    Bits16,
    /// In the eight bytes after a 127.
    Bits64,
}

impl LengthForm {
    /// The number of bits that held the length: 7, 16 or 64.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Bits7 => 7,
            Self::Bits16 => 16,
            Self::Bits64 => 64,
        }
    }

    /// The form of that many bits; `None` for other numbers than 7, 16 and 64.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            7 => Some(Self::Bits7),
            16 => Some(Self::Bits16),
            64 => Some(Self::Bits64),
            _ => None,
        }
    }

    /// The shortest form that can hold `length`, the one RFC 6455 asks for.
    pub const fn minimal(length: u64) -> Self {
        match length {
            0..=125 => Self::Bits7,
            126..=0xFFFF => Self::Bits16,
            _ => Self::Bits64,
        }
    }
}

/// A frame's header, exactly as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// The first byte: FIN, RSV1, RSV2, RSV3 and the opcode.
    pub first_byte: u8,
    /// The masking key; `None` where the MASK bit was clear.
    pub masking_key: Option<[u8; 4]>,
    /// How `declared_length` was written.
    pub length_form: LengthForm,
    /// The payload length in bytes, as declared.
    pub declared_length: u64,
}

impl FrameHeader {
    /// The last (or only) frame of its message.
    pub const fn fin(&self) -> bool {
        self.first_byte & 0x80 != 0
    }

    /// RSV1: the message is compressed, where permessage-deflate was agreed (RFC 7692, section 6).
    pub const fn rsv1(&self) -> bool {
        self.first_byte & 0x40 != 0
    }

    /// RSV2: reserved.
    pub const fn rsv2(&self) -> bool {
        self.first_byte & 0x20 != 0
    }

    /// RSV3: reserved.
    pub const fn rsv3(&self) -> bool {
        self.first_byte & 0x10 != 0
    }

    /// The opcode.
    pub const fn opcode(&self) -> Opcode {
        Opcode::from_bits(self.first_byte)
    }
}
