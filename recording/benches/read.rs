//! How many rows of 300 bytes a second are read, as messages and as frames.

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mimalloc::MiMalloc;
use wsaudit_recording::{
    ConnectionId, Filter, FrameBytes, FrameRecord, MessagePayload, Nanos, Payload, Reader, Record,
    Seq, Writer, WriterOptions,
};
use wsaudit_wire::{Direction, FrameHeader, LengthForm};

/// As the tool does.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const FRAMES: u64 = 1_000_000;

fn frame(seq: u64) -> Record {
    let at = Nanos(seq * 1_000);
    Record::Frame(FrameRecord {
        seq: Seq(seq),
        connection: ConnectionId(seq % 64),
        direction: Direction::ClientToServer,
        first_at: at,
        last_at: at,
        header: FrameHeader {
            first_byte: 0x81,
            masking_key: Some([1, 2, 3, 4]),
            length_form: LengthForm::Bits16,
            declared_length: 300,
        },
        payload: Payload::Whole(vec![b'x'; 300]),
    })
}

fn write(path: &Path) {
    let writer = Writer::create(path, WriterOptions::default()).expect("created");
    for begin in (1..=FRAMES).step_by(1_000) {
        writer
            .sender()
            .send((begin..begin + 1_000).map(frame).collect(), None);
    }
    writer.close().expect("written");
}

fn read(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    write(&path);
    let reader = Reader::open(&path).expect("a recording");
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(FRAMES));
    group.sample_size(10);
    group.bench_function("messages of 300 bytes", |bencher| {
        bencher.iter(|| {
            let mut query = reader.messages(Filter::ALL).expect("prepared");
            let mut rows = query.rows().expect("begun");
            let mut bytes = 0;
            while let Some(row) = rows.next().expect("a row") {
                if let MessagePayload::Bytes(payload) = row.payload {
                    bytes += payload.len() as u64;
                }
            }
            assert_eq!(bytes, FRAMES * 300);
        });
    });
    group.bench_function("frames of 300 bytes", |bencher| {
        bencher.iter(|| {
            let mut query = reader.frames(Filter::ALL).expect("prepared");
            let mut rows = query.rows().expect("begun");
            let mut bytes = 0;
            while let Some(row) = rows.next().expect("a row") {
                if let FrameBytes::Whole(payload) = row.payload {
                    bytes += payload.len() as u64;
                }
            }
            assert_eq!(bytes, FRAMES * 300);
        });
    });
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
