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

    /// The most bytes that a header takes: two, eight of length, four of masking key.
    pub const MAX_ENCODED_LEN: usize = 14;

    /// The header at the front of `bytes`, and how many bytes it takes; `None` where more are needed.
    ///
    /// Every sequence of bytes that is long enough is a header.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&[first_byte, second], rest) = bytes.split_first_chunk::<2>()?;
        let (length_form, declared_length, rest) = match second & 0x7F {
            126 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                let length = u64::from(u16::from_be_bytes(*length));
                (LengthForm::Bits16, length, rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk::<8>()?;
                (LengthForm::Bits64, u64::from_be_bytes(*length), rest)
            }
            length => (LengthForm::Bits7, u64::from(length), rest),
        };
        let (masking_key, rest) = if second & 0x80 == 0 {
            (None, rest)
        } else {
            let (key, rest) = rest.split_first_chunk::<4>()?;
            (Some(*key), rest)
        };
        let header = Self {
            first_byte,
            masking_key,
            length_form,
            declared_length,
        };
        Some((header, bytes.len() - rest.len()))
    }

    /// Appends the header as it was on the wire.
    ///
    /// A length that its form cannot hold, which no parsed header has, is written in the shortest
    /// form that can.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mask_bit = if self.masking_key.is_some() { 0x80 } else { 0 };
        let form = self
            .length_form
            .max(LengthForm::minimal(self.declared_length));
        out.push(self.first_byte);
        let length = self.declared_length.to_be_bytes();
        match form {
            LengthForm::Bits7 => out.push(mask_bit | length[7]),
            LengthForm::Bits16 => out.extend_from_slice(&[mask_bit | 0x7E, length[6], length[7]]),
            LengthForm::Bits64 => {
                out.push(mask_bit | 0x7F);
                out.extend_from_slice(&length);
            }
        }
        if let Some(key) = self.masking_key {
            out.extend_from_slice(&key);
        }
    }
}
