//! What was deflated comes back, however it was cut.

use flate2::{Compress, Compression, FlushCompress};

use super::{Control, chunks};
use crate::{
    Assembler, Content, ContextTakeover, DeflateParameters, DeflateSide, Direction, Ended,
    Extensions, FrameHeader, LengthForm, OutputCap, WindowBits,
};

/// Messages that are deflated and cut into frames, with pings between them, come back.
pub fn inflate(data: &[u8]) {
    let mut control = Control::new(data);
    let bits = control.byte();
    let takeover = if bits & 1 == 0 {
        ContextTakeover::Kept
    } else {
        ContextTakeover::Reset
    };
    let (lengths, plan) = (control.part(), control.part());
    let side = DeflateSide {
        takeover,
        window: WindowBits::MAX,
    };
    let extensions = Extensions {
        deflate: Some(DeflateParameters {
            client: side,
            server: side,
        }),
        unknown: Vec::new(),
    };
    let cap = OutputCap(1 << 20);
    let mut assembler = Assembler::new(Direction::ServerToClient, &extensions, cap);
    let mut deflater = Compress::new(Compression::new(u32::from(bits >> 4) % 10), false);
    for message in chunks(lengths, control.rest()) {
        let deflated = deflate(&mut deflater, message);
        if takeover == ContextTakeover::Reset {
            deflater.reset();
        }
        let ended = send(&mut assembler, plan, &deflated);
        let Ended::Message(ended) = ended else {
            panic!("a message's last frame ended as {ended:?}");
        };
        assert_eq!(ended.content, Content::Joined(message.to_vec()));
        assert_eq!(assembler.take_anomalies(), []);
    }
}

/// One message, as RFC 7692, section 7.2.1, has it.
fn deflate(deflater: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() * 2 + 64);
    deflater
        .compress_vec(message, &mut out, FlushCompress::Sync)
        .expect("a deflater takes any bytes");
    assert!(out.len() < out.capacity(), "there is room for all of it");
    match out.len().checked_sub(4) {
        Some(without_tail) => out.truncate(without_tail),
        // A flush with nothing to flush writes nothing; section 7.2.3.6 has what is sent then.
        None => out.push(0),
    }
    out
}

/// The message in frames of the lengths in `plan`; what ended with the last one.
fn send(assembler: &mut Assembler, plan: &[u8], message: &[u8]) -> Ended {
    let parts = chunks(plan, message);
    let mut ended = Ended::Fragment;
    for (at, part) in parts.iter().enumerate() {
        let opcode_and_rsv1 = if at == 0 { 0x42 } else { 0 };
        let fin = if at + 1 == parts.len() { 0x80 } else { 0 };
        frame(assembler, opcode_and_rsv1 | fin, part);
        ended = assembler.end();
        if fin == 0 {
            frame(assembler, 0x89, b"ping");
            assembler.end();
        }
    }
    ended
}

fn frame(assembler: &mut Assembler, first_byte: u8, payload: &[u8]) {
    let declared_length = payload.len() as u64;
    assembler.header(&FrameHeader {
        first_byte,
        masking_key: None,
        length_form: LengthForm::minimal(declared_length),
        declared_length,
    });
    assembler.payload(payload);
}
