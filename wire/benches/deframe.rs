//! How many frames a second are cut, unmasked, and inflated.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use flate2::{Compress, Compression, FlushCompress};
use wsaudit_wire::{
    Assembler, Deframer, Direction, Ended, Extensions, FrameHeader, LengthForm, OutputCap, Piece,
    apply_mask, encode_frame,
};

const FRAMES: usize = 1000;

fn stream(first_byte: u8, masking_key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let declared_length = payload.len() as u64;
    let header = FrameHeader {
        first_byte,
        masking_key,
        length_form: LengthForm::minimal(declared_length),
        declared_length,
    };
    let mut frame = Vec::new();
    encode_frame(&header, payload, &mut frame);
    frame.repeat(FRAMES)
}

/// Some JSON of 300 bytes, as chat and agent backends send it.
fn text() -> Vec<u8> {
    let mut text = br#"{"type":"agent_thinking","session_id":"s-7f2","run_id":"run-000017","payload":{"text":""#
        .to_vec();
    text.extend(
        b"the quick brown fox jumps over the lazy dog "
            .iter()
            .cycle()
            .take(300 - 3 - text.len()),
    );
    text.extend_from_slice(b"\"}}");
    text
}

fn ends(bytes: &[u8]) -> usize {
    let mut deframer = Deframer::new();
    let pieces = deframer.pieces(bytes);
    pieces.filter(|piece| matches!(piece, Piece::End)).count()
}

fn messages(bytes: &[u8], direction: Direction, extensions: &Extensions) -> usize {
    let mut deframer = Deframer::new();
    let mut assembler = Assembler::new(direction, extensions, OutputCap::default());
    let (mut key, mut offset, mut whole) = (None, 0, 0);
    let mut unmasked = Vec::new();
    for piece in deframer.pieces(bytes) {
        match piece {
            Piece::Header(header) => {
                (key, offset) = (header.masking_key, 0);
                assembler.header(&header);
            }
            Piece::Payload(piece) => {
                unmasked.clear();
                unmasked.extend_from_slice(piece);
                if let Some(key) = key {
                    apply_mask(key, offset, &mut unmasked);
                }
                offset += piece.len() as u64;
                assembler.payload(&unmasked);
            }
            Piece::End => whole += usize::from(matches!(assembler.end(), Ended::Message(_))),
        }
    }
    whole
}

fn deframe(c: &mut Criterion) {
    let key = Some([0x37, 0xfa, 0x21, 0x3d]);
    let mut group = c.benchmark_group("frames");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for (name, bytes) in [
        ("deframe 16 bytes unmasked", stream(0x81, None, &[b'a'; 16])),
        ("deframe 16 bytes masked", stream(0x81, key, &[b'a'; 16])),
        ("deframe 300 bytes masked", stream(0x81, key, &text())),
    ] {
        assert_eq!(ends(&bytes), FRAMES);
        group.bench_function(name, |b| b.iter(|| ends(black_box(&bytes))));
    }
    let bytes = stream(0x81, key, &text());
    let plain = Extensions::default();
    group.bench_function("assemble 300 bytes masked text", |b| {
        b.iter(|| messages(black_box(&bytes), Direction::ClientToServer, &plain));
    });
    group.finish();
}

fn inflate(c: &mut Criterion) {
    let mut compress = Compress::new(Compression::default(), false);
    let mut bytes = Vec::new();
    for _ in 0..FRAMES {
        let mut payload = Vec::with_capacity(1024);
        compress
            .compress_vec(&text(), &mut payload, FlushCompress::Sync)
            .expect("a message of 300 bytes is compressed to less than 1024");
        payload.truncate(payload.len() - 4);
        let header = FrameHeader {
            first_byte: 0xC1,
            masking_key: None,
            length_form: LengthForm::minimal(payload.len() as u64),
            declared_length: payload.len() as u64,
        };
        encode_frame(&header, &payload, &mut bytes);
    }
    let extensions = Extensions::from_response([&b"permessage-deflate"[..]], &mut Vec::new());
    let mut group = c.benchmark_group("messages");
    group.throughput(Throughput::Elements(FRAMES as u64));
    group.bench_function("inflate 300 bytes of text", |b| {
        b.iter_batched(
            || (),
            |()| messages(black_box(&bytes), Direction::ServerToClient, &extensions),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, deframe, inflate);
criterion_main!(benches);
