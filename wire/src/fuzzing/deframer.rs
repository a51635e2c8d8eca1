//! Any bytes are frames: they come back from them, however they were cut.

use super::{Control, chunks};
use crate::{Deframer, FrameBuffer, FrameHeader, Piece, apply_mask};

/// A frame, or the front of one, as its pieces tell it.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    header: FrameHeader,
    payload: Vec<u8>,
    ended: bool,
}

/// The pieces of a stream are the same in any chunking, and encode to the bytes of the stream.
pub fn deframer(data: &[u8]) {
    let mut control = Control::new(data);
    let plan = control.part();
    let stream = control.rest();

    let (whole, rest) = read(&[stream]);
    let cut = chunks(plan, stream);
    assert_eq!(read(&cut), (whole, rest), "another chunking, other pieces");

    let mut buffer = FrameBuffer::new();
    let mut encoded = Vec::new();
    for chunk in cut {
        for frame in buffer.push(chunk) {
            frame.encode(&mut encoded);
        }
    }
    encoded.extend(buffer.tail());
    assert_eq!(encoded, stream, "the frames encode to other bytes");
}

/// The frames of a stream, unmasked, and what was read of a header at its end.
fn read(chunks: &[&[u8]]) -> (Vec<Read>, String) {
    let mut deframer = Deframer::new();
    let mut frames: Vec<Read> = Vec::new();
    for chunk in chunks {
        for piece in deframer.pieces(chunk) {
            match (piece, frames.last_mut()) {
                (Piece::Header(header), last) => {
                    assert!(last.is_none_or(|last| last.ended), "a header in a frame");
                    frames.push(Read {
                        header,
                        payload: Vec::new(),
                        ended: false,
                    });
                }
                (Piece::Payload(bytes), Some(last)) if !last.ended => {
                    assert!(!bytes.is_empty(), "an empty piece");
                    let mut bytes = bytes.to_vec();
                    if let Some(key) = last.header.masking_key {
                        apply_mask(key, last.payload.len() as u64, &mut bytes);
                    }
                    last.payload.extend(bytes);
                }
                (Piece::End, Some(last)) if !last.ended => {
                    assert_eq!(last.payload.len() as u64, last.header.declared_length);
                    last.ended = true;
                }
                (piece, _) => panic!("{piece:?} outside of a frame"),
            }
        }
    }
    (frames, format!("{:?}", deframer.rest()))
}
