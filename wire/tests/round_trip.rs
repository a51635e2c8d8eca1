//! What is decoded encodes to the bytes that were read, whatever they are and however they come.

use proptest::prelude::*;
use wsaudit_wire::{
    Deframer, Frame, FrameBuffer, FrameHeader, LengthForm, Piece, Rest, encode_frame,
};

/// Cuts `bytes` at the given places, in any order and number.
fn chunks<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|w| &bytes[w[0]..w[1]]).collect()
}

fn decode(chunks: &[&[u8]]) -> (Vec<Frame>, Vec<u8>) {
    let mut buffer = FrameBuffer::new();
    let frames = chunks.iter().flat_map(|chunk| buffer.push(chunk)).collect();
    (frames, buffer.tail())
}

fn encode(frames: &[Frame], tail: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        frame.encode(&mut out);
    }
    out.extend_from_slice(tail);
    out
}

/// Bytes that look like frames often enough: short lengths, all bits, non-minimal forms.
fn frame_like() -> impl Strategy<Value = Vec<u8>> {
    let form = prop_oneof![
        Just(LengthForm::Bits7),
        Just(LengthForm::Bits16),
        Just(LengthForm::Bits64)
    ];
    let frame = (
        any::<u8>(),
        any::<Option<[u8; 4]>>(),
        form,
        prop::collection::vec(any::<u8>(), 0..300),
    )
        .prop_map(|(first_byte, masking_key, form, payload)| {
            let declared_length = payload.len() as u64;
            let header = FrameHeader {
                first_byte,
                masking_key,
                length_form: form.max(LengthForm::minimal(declared_length)),
                declared_length,
            };
            let mut out = Vec::new();
            encode_frame(&header, &payload, &mut out);
            out
        });
    (
        prop::collection::vec(frame, 0..6),
        prop::collection::vec(any::<u8>(), 0..40),
    )
        .prop_map(|(frames, noise)| [frames.concat(), noise].concat())
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..12)
}

proptest! {
    #[test]
    fn random_bytes_survive_any_chunking(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        cuts in cuts(),
    ) {
        let (frames, tail) = decode(&chunks(&bytes, &cuts));
        prop_assert_eq!(encode(&frames, &tail), bytes);
    }

    #[test]
    fn frames_survive_any_chunking_and_do_not_depend_on_it(
        bytes in frame_like(),
        cuts in cuts(),
    ) {
        let (frames, tail) = decode(&chunks(&bytes, &cuts));
        prop_assert_eq!(encode(&frames, &tail), bytes.clone());
        prop_assert_eq!(&(frames, tail), &decode(&[&bytes]));
        let single_bytes: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(decode(&single_bytes), decode(&[&bytes]));
    }

    #[test]
    fn pieces_tell_headers_payloads_and_ends_in_order(
        bytes in frame_like(),
        cuts in cuts(),
    ) {
        let mut deframer = Deframer::new();
        let mut open: Option<(FrameHeader, u64)> = None;
        for chunk in chunks(&bytes, &cuts) {
            for piece in deframer.pieces(chunk) {
                match piece {
                    Piece::Header(header) => {
                        prop_assert!(open.is_none());
                        open = Some((header, 0));
                    }
                    Piece::Payload(payload) => {
                        prop_assert!(!payload.is_empty());
                        let (_, received) = open.as_mut().unwrap();
                        *received += payload.len() as u64;
                    }
                    Piece::End => {
                        let (header, received) = open.take().unwrap();
                        prop_assert_eq!(received, header.declared_length);
                    }
                }
            }
            match (deframer.rest(), open) {
                (Rest::Payload { header, received }, Some(open)) => {
                    prop_assert_eq!((header, received), open);
                    prop_assert!(received < header.declared_length);
                }
                (Rest::Nothing | Rest::Header(_), None) => {}
                (rest, open) => prop_assert!(false, "{rest:?} with {open:?}"),
            }
        }
    }
}

#[test]
fn every_pair_of_first_bytes_survives() {
    for first in 0..=u8::MAX {
        for second in 0..=u8::MAX {
            let mut bytes = vec![first, second];
            bytes.extend_from_slice(&[0; 12]);
            bytes.extend_from_slice(b"payload");
            let (frames, tail) = decode(&[&bytes]);
            assert_eq!(encode(&frames, &tail), bytes, "{first:02x} {second:02x}");
        }
    }
}
