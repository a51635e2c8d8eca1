//! How many frames of 300 bytes a second go through the writer to a file, its clean end included.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mimalloc::MiMalloc;
use wsaudit_recording::{
    ConnectionId, ConnectionOpened, FrameRecord, Nanos, Payload, Payloads, Record, Seq, Writer,
    WriterOptions,
};
use wsaudit_wire::{Direction, FrameHeader, LengthForm};

/// As the tool does.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const FRAMES: u64 = 400_000;
/// Frames that one read of a busy connection yields.
const FRAMES_A_BATCH: u64 = 16;

fn opened() -> Record {
    Record::Opened(ConnectionOpened {
        id: ConnectionId(1),
        seq: Seq(1),
        at: Nanos(0),
        client_addr: "127.0.0.1:50000".into(),
        upstream: "http://127.0.0.1:8000".into(),
        http_version: "HTTP/1.1".into(),
        tls: None,
        request_head: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        payloads: Payloads::WireExact,
    })
}

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

fn batches() -> Vec<Vec<Record>> {
    let first = std::iter::once(vec![opened()]);
    let frames = (0..FRAMES / FRAMES_A_BATCH).map(|batch| {
        let begin = 2 + batch * FRAMES_A_BATCH;
        (begin..begin + FRAMES_A_BATCH).map(frame).collect()
    });
    first.chain(frames).collect()
}

fn append(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Elements(FRAMES));
    group.sample_size(10);
    group.bench_function("300-byte frames", |bencher| {
        bencher.iter_batched(
            || {
                // The file of the iteration before.
                if path.exists() {
                    std::fs::remove_file(&path).expect("removed");
                }
                batches()
            },
            |batches| {
                let writer = Writer::create(&path, WriterOptions::default()).expect("created");
                let sender = writer.sender();
                for batch in batches {
                    sender.send(batch, None);
                }
                let closed = writer.close().expect("written");
                assert_eq!(closed.stats.frames, FRAMES);
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, append);
criterion_main!(benches);
