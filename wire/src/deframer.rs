//! Cuts the bytes of one direction into pieces of frames.

use crate::FrameHeader;

/// A piece of a frame, in the order in which it was on the wire.
///
/// A masked text frame `Hi` whose last byte comes with a second read:
///
/// ```text
/// 81 82 a1 b2 c3 d4 e9 | db          input
/// Header           Payload(e9)
///                        Payload(db) End
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A frame begins; its header is complete.
    Header(FrameHeader),
    /// Bytes of its payload, masked as they were on the wire; never empty.
    Payload(&'a [u8]),
    /// Its last byte was in this input. A frame without payload gives `Header`, `End`.
    End,
}

/// What was read of a frame that is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest<'a> {
    /// Nothing: the last byte read was the last one of a frame.
    Nothing,
    /// A part of a header: these bytes.
    Header(&'a [u8]),
    /// A header, and the first bytes of a payload.
    Payload {
        /// The header.
        header: FrameHeader,
        /// How many bytes of the payload were read.
        received: u64,
    },
}

impl<'a> Rest<'a> {
    /// The bytes of a header that is not complete; none in the other cases.
    pub const fn header_bytes(self) -> &'a [u8] {
        match self {
            Self::Header(bytes) => bytes,
            Self::Nothing | Self::Payload { .. } => &[],
        }
    }
}

/// Cuts the bytes of one direction into pieces of frames, whatever the chunks in which they come.
///
/// It needs the same memory for every frame, and refuses nothing: every sequence of bytes is a
/// sequence of frames with, at most, an incomplete one at its end.
#[derive(Debug, Clone, Default)]
pub struct Deframer {
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// Within a header: the first `len` bytes of `bytes` were read. `len` is 0 between frames.
    Header {
        bytes: [u8; FrameHeader::MAX_ENCODED_LEN],
        len: usize,
    },
    /// The header is complete, the frame's end was not reported yet.
    Payload { header: FrameHeader, received: u64 },
}

impl Default for State {
    fn default() -> Self {
        Self::Header {
            bytes: [0; FrameHeader::MAX_ENCODED_LEN],
            len: 0,
        }
    }
}

impl Deframer {
    /// A direction of which nothing was read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The pieces of the next bytes of the stream. All of them must be taken: what is left in the
    /// iterator when it is dropped was not read.
    pub fn pieces<'d, 'a>(&'d mut self, input: &'a [u8]) -> Pieces<'d, 'a> {
        Pieces {
            deframer: self,
            input,
        }
    }

    /// Takes one piece off the front of `input`; `None` when `input` is used up.
    #[inline]
    pub fn next_piece<'a>(&mut self, input: &mut &'a [u8]) -> Option<Piece<'a>> {
        match &mut self.state {
            State::Payload { header, received } => {
                let missing = header.declared_length - *received;
                if missing == 0 {
                    self.state = State::default();
                    return Some(Piece::End);
                }
                if input.is_empty() {
                    return None;
                }
                let take = usize::try_from(missing).map_or(input.len(), |m| m.min(input.len()));
                let (piece, after) = input.split_at(take);
                *input = after;
                *received += take as u64;
                Some(Piece::Payload(piece))
            }
            State::Header { bytes, len } => {
                if input.is_empty() {
                    return None;
                }
                let header = if *len == 0
                    && let Some((header, used)) = FrameHeader::parse(input)
                {
                    *input = &input[used..];
                    header
                } else {
                    collect_header(bytes, len, input)?
                };
                self.state = State::Payload {
                    header,
                    received: 0,
                };
                Some(Piece::Header(header))
            }
        }
    }

    /// What was read of a frame that is not complete: at the end of a stream, its incomplete rest.
    pub fn rest(&self) -> Rest<'_> {
        match &self.state {
            State::Header { len: 0, .. } => Rest::Nothing,
            State::Header { bytes, len } => Rest::Header(&bytes[..*len]),
            State::Payload { header, received } => Rest::Payload {
                header: *header,
                received: *received,
            },
        }
    }
}

/// The slow path: a header that came in several inputs is copied together, byte by byte.
#[cold]
fn collect_header(
    bytes: &mut [u8; FrameHeader::MAX_ENCODED_LEN],
    len: &mut usize,
    input: &mut &[u8],
) -> Option<FrameHeader> {
    while let Some((first, after)) = input.split_first() {
        bytes[*len] = *first;
        *len += 1;
        *input = after;
        if let Some((header, _)) = FrameHeader::parse(&bytes[..*len]) {
            return Some(header);
        }
    }
    None
}

/// The pieces of one input; see [`Deframer::pieces`].
#[derive(Debug)]
pub struct Pieces<'d, 'a> {
    deframer: &'d mut Deframer,
    input: &'a [u8],
}

impl<'a> Pieces<'_, 'a> {
    /// The bytes of the input that belong to no piece taken so far.
    pub fn remaining(&self) -> &'a [u8] {
        self.input
    }
}

impl<'a> Iterator for Pieces<'_, 'a> {
    type Item = Piece<'a>;

    #[inline]
    fn next(&mut self) -> Option<Piece<'a>> {
        self.deframer.next_piece(&mut self.input)
    }
}

#[cfg(test)]
mod tests {
    use super::{Deframer, Piece, Rest};

    #[test]
    fn a_frame_without_payload_gives_header_and_end() {
        let mut deframer = Deframer::new();
        let pieces: Vec<_> = deframer.pieces(&[0x89, 0x00, 0x8A, 0x00]).collect();
        assert!(matches!(
            pieces[..],
            [Piece::Header(_), Piece::End, Piece::Header(_), Piece::End]
        ));
        assert_eq!(deframer.rest(), Rest::Nothing);
    }

    #[test]
    fn the_longest_declarable_length_is_kept() {
        let mut deframer = Deframer::new();
        let mut input = vec![0x82, 0x7F];
        input.extend_from_slice(&[0xFF; 8]);
        input.extend_from_slice(b"abc");
        let pieces: Vec<_> = deframer.pieces(&input).collect();
        let [Piece::Header(header), Piece::Payload(b"abc")] = pieces[..] else {
            panic!("unexpected pieces: {pieces:?}");
        };
        assert_eq!(header.declared_length, u64::MAX);
        assert_eq!(
            deframer.rest(),
            Rest::Payload {
                header,
                received: 3
            }
        );
    }

    #[test]
    fn a_header_in_single_bytes_is_complete_with_its_last_one() {
        let bytes = [0x81, 0xFE, 0x00, 0x01, 1, 2, 3, 4, 0x49];
        let mut deframer = Deframer::new();
        for (i, byte) in bytes[..7].iter().enumerate() {
            assert_eq!(deframer.pieces(&[*byte]).count(), 0, "byte {i}");
            assert_eq!(deframer.rest(), Rest::Header(&bytes[..=i]));
        }
        assert!(matches!(
            deframer.pieces(&bytes[7..8]).collect::<Vec<_>>()[..],
            [Piece::Header(_)]
        ));
        assert!(matches!(
            deframer.pieces(&bytes[8..]).collect::<Vec<_>>()[..],
            [Piece::Payload([0x49]), Piece::End]
        ));
    }
}
