//! Whole frames, where holding a payload in memory is no concern.

use crate::{Deframer, FrameHeader, Piece, append_unmasked, encode_frame};

/// A frame with its whole payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The header as it was on the wire.
    pub header: FrameHeader,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Appends the frame as it was on the wire.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_frame(&self.header, &self.payload, out);
    }
}

/// Collects the bytes of one direction into whole frames.
///
/// It buffers a frame's payload until it is complete; where that may be too much, drive a
/// [`Deframer`] instead.
#[derive(Debug, Clone, Default)]
pub struct FrameBuffer {
    deframer: Deframer,
    open: Option<Frame>,
}

impl FrameBuffer {
    /// A direction of which nothing was read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream, and gives the frames that are complete with them.
    pub fn push(&mut self, input: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for piece in self.deframer.pieces(input) {
            match piece {
                Piece::Header(header) => {
                    self.open = Some(Frame {
                        header,
                        payload: Vec::new(),
                    });
                }
                Piece::Payload(bytes) => {
                    if let Some(Frame { header, payload }) = &mut self.open {
                        let offset = payload.len() as u64;
                        append_unmasked(header.masking_key, offset, bytes, payload);
                    }
                }
                Piece::End => frames.extend(self.open.take()),
            }
        }
        frames
    }

    /// The bytes, as they were on the wire, that are no whole frame yet.
    pub fn tail(&self) -> Vec<u8> {
        let mut tail = Vec::new();
        if let Some(frame) = &self.open {
            frame.encode(&mut tail);
        } else {
            tail.extend_from_slice(self.deframer.rest().header_bytes());
        }
        tail
    }
}
