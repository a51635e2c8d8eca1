//! What is said of a stream does not depend on how it was cut.

use super::{Control, chunks};
use crate::{
    Anomaly, Assembler, Content, ContextTakeover, DeflateParameters, DeflateSide, Deframer,
    Direction, Ended, Extensions, Frame, FrameBuffer, Message, OutputCap, Piece, WindowBits,
    append_unmasked,
};

/// What an assembler said, in order.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    CutOff(Message),
    Ended(Ended),
    Unfinished(Message),
    Anomaly(Anomaly),
}

/// Messages and anomalies are the same in any chunking, no content is larger than the cap, and what
/// no extension changed is what its frames carry.
pub fn assembler(data: &[u8]) {
    let mut control = Control::new(data);
    let (direction, extensions, cap) = settings(&mut control);
    let plan = control.part();
    let stream = control.rest();

    let new = || Assembler::new(direction, &extensions, cap);
    let whole = run(new(), &[stream]);
    let cut = run(new(), &chunks(plan, stream));
    assert_eq!(cut, whole, "another chunking, another verdict");
    for said in &whole {
        match said {
            Said::Ended(Ended::Message(message)) => assert_bounded(message, cap),
            Said::CutOff(message) | Said::Unfinished(message) => {
                let undecodable = matches!(message.content, Content::Undecodable(_));
                assert!(undecodable, "an incomplete message has no content");
            }
            Said::Ended(_) | Said::Anomaly(_) => {}
        }
    }
    if extensions == Extensions::default() {
        let mut told = whole.iter().filter_map(|said| match said {
            Said::Ended(Ended::Message(message)) => Some(&message.content),
            _ => None,
        });
        for (bytes, frames) in joined(&FrameBuffer::new().push(stream)) {
            // Strays are told as messages that cannot be decoded.
            let content = told.find(|content| !matches!(content, Content::Undecodable(_)));
            match content {
                Some(Content::AsSent) => assert_eq!(frames, 1, "only one frame is as it was sent"),
                Some(Content::Joined(kept)) => assert_eq!(*kept, bytes),
                Some(Content::Truncated { kept, full_length }) => {
                    assert_eq!(kept[..], bytes[..cap.0]);
                    assert_eq!(*full_length, bytes.len() as u64);
                }
                other => panic!("{other:?} instead of {bytes:?}"),
            }
        }
    }
}

fn settings(control: &mut Control<'_>) -> (Direction, Extensions, OutputCap) {
    let bits = control.byte();
    let is_set = |bit: u8| bits & (1 << bit) != 0;
    let direction = if is_set(0) {
        Direction::ClientToServer
    } else {
        Direction::ServerToClient
    };
    let side = DeflateSide {
        takeover: if is_set(1) {
            ContextTakeover::Kept
        } else {
            ContextTakeover::Reset
        },
        window: WindowBits::MAX,
    };
    let deflate = DeflateParameters {
        client: side,
        server: side,
    };
    let extensions = Extensions {
        deflate: is_set(2).then_some(deflate),
        unknown: is_set(3)
            .then(|| "x-unknown".to_owned())
            .into_iter()
            .collect(),
    };
    let cap = [0, 5, 300, 1 << 16][usize::from(bits >> 6)];
    (direction, extensions, OutputCap(cap))
}

fn run(mut assembler: Assembler, chunks: &[&[u8]]) -> Vec<Said> {
    let mut deframer = Deframer::new();
    let mut said = Vec::new();
    let mut current = None;
    for chunk in chunks {
        for piece in deframer.pieces(chunk) {
            match piece {
                Piece::Header(header) => {
                    current = Some((header, 0));
                    said.extend(assembler.header(&header).map(Said::CutOff));
                }
                Piece::Payload(bytes) => {
                    let (header, offset) = current.as_mut().expect("a header comes first");
                    let mut unmasked = Vec::new();
                    append_unmasked(header.masking_key, *offset, bytes, &mut unmasked);
                    *offset += bytes.len() as u64;
                    assembler.payload(&unmasked);
                    // Not after each piece: there are as many as there are chunks.
                    continue;
                }
                Piece::End => said.push(Said::Ended(assembler.end())),
            }
            said.extend(assembler.take_anomalies().into_iter().map(Said::Anomaly));
        }
    }
    said.extend(assembler.finish(deframer.rest()).map(Said::Unfinished));
    said.extend(assembler.take_anomalies().into_iter().map(Said::Anomaly));
    said
}

fn assert_bounded(message: &Message, cap: OutputCap) {
    match &message.content {
        Content::Joined(bytes) => assert!(bytes.len() <= cap.0, "beyond the cap"),
        Content::Truncated { kept, full_length } => {
            assert_eq!(kept.len(), cap.0, "the cap is used");
            assert!(*full_length > cap.0 as u64, "nothing was left out");
        }
        Content::AsSent | Content::Undecodable(_) => {}
    }
}

/// The messages of frames to which no extension applies, and of how many frames each is.
fn joined(frames: &[Frame]) -> Vec<(Vec<u8>, usize)> {
    let mut messages = Vec::new();
    let mut open: Option<(Vec<u8>, usize)> = None;
    for frame in frames {
        match frame.header.first_byte & 0x0F {
            1 | 2 => open = Some((frame.payload.clone(), 1)),
            0 => {
                if let Some((bytes, count)) = &mut open {
                    bytes.extend_from_slice(&frame.payload);
                    *count += 1;
                }
            }
            _ => continue,
        }
        if frame.header.fin() {
            messages.extend(open.take());
        }
    }
    messages
}
