//! Decoding and checking: JSON frames of some 300 bytes, 100 sessions, 10,000 threads, on one core.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run is to stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mimalloc::MiMalloc;
use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_verifier::decode::for_each_string;
use wsaudit_verifier::engine::{Input, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{
    Connection, MemoryMessage, MemorySource, Moment, Outline, Source, Tag,
};
use wsaudit_verifier::rules::Pack;
use wsaudit_wire::{Direction, Opcode};

/// As the tool does.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const SESSIONS: u64 = 100;
const THREADS: u64 = 10_000;
const MESSAGES: u64 = 200_000;

fn session(number: u64) -> String {
    format!("s-{number:04}")
}

fn tag(kind: TagKind, value: String, from: u64) -> Tag {
    Tag {
        from,
        kind,
        value,
        source: "header:X-Session-ID".into(),
        provenance: Provenance::Issued,
    }
}

/// Sessions create threads, then agents talk in them; everything goes where it belongs.
fn history() -> MemorySource {
    let moment = |seq| Moment { seq, at: 0 };
    let connections = (1..=SESSIONS)
        .map(|number| Connection {
            answered: Some(moment(number * 2)),
            status: Some(101),
            request_head: b"GET /ws HTTP/1.1\r\n\r\n".to_vec(),
            tags: vec![
                tag(TagKind::Session, session(number), number * 2 - 1),
                tag(
                    TagKind::User,
                    format!("u-{:03}", number / 4),
                    number * 2 - 1,
                ),
            ],
            ..Connection::new(number, moment(number * 2 - 1))
        })
        .collect();
    let first = SESSIONS * 2 + 1;
    let messages = (0..MESSAGES)
        .map(|number| message(first + number, number))
        .collect();
    let outline = Outline {
        name: "bench".into(),
        ended_at: i64::try_from(MESSAGES).unwrap() * 10_000,
        connections,
        ..Outline::default()
    };
    MemorySource::new(outline, messages)
}

fn message(seq: u64, number: u64) -> MemoryMessage {
    let thread = number % THREADS;
    let owner = thread % SESSIONS + 1;
    let id = session(owner);
    let filler = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor \
                  incididunt ut labore et dolore magna aliqua";
    let (direction, payload) = match number / THREADS {
        0 => (
            Direction::ClientToServer,
            format!(r#"{{"type":"create_thread","request_id":"r{thread}","title":"{filler}"}}"#),
        ),
        1 => (
            Direction::ServerToClient,
            format!(
                r#"{{"type":"thread_created","session_id":"{id}","request_id":"r{thread}","thread_id":"thr_{thread:06}","title":"{filler}"}}"#
            ),
        ),
        _ => (
            Direction::ServerToClient,
            format!(
                r#"{{"type":"message_added","session_id":"{id}","thread_id":"thr_{thread:06}","message":{{"id":"m{number}","text":"{filler}","at":{number},"by":{{"name":"agent","kind":"assistant"}},"tokens":[1,2,3,4,5,6,7,8]}}}}"#
            ),
        ),
    };
    MemoryMessage {
        moment: Moment {
            seq,
            at: i64::try_from(number).unwrap() * 10_000,
        },
        connection: owner,
        direction,
        opcode: Opcode::TEXT,
        payload: payload.into_bytes(),
    }
}

fn verifying(criterion: &mut Criterion) {
    let source = history();
    let mut group = criterion.benchmark_group("verify");
    group
        .throughput(Throughput::Elements(MESSAGES))
        .sample_size(10);
    group.bench_function("read every string", |bencher| {
        bencher.iter(|| {
            let mut reading = source.reading().unwrap();
            let mut cursor = reading.begin().unwrap();
            let mut strings = 0_u64;
            while cursor.advance().unwrap().is_some() {
                let message = cursor.current().unwrap();
                let wsaudit_verifier::history::SourcePayload::Whole(bytes) = message.payload else {
                    continue;
                };
                for_each_string(bytes, |_| strings += 1).unwrap();
            }
            black_box(strings)
        });
    });
    for names in [
        &["agent-platform"][..],
        &["agent-platform", "handshake", "protocol"],
    ] {
        let packs: Vec<_> = names
            .iter()
            .map(|name| Pack::shipped(name).unwrap())
            .collect();
        let sources: Vec<Box<dyn Source>> = vec![Box::new(history())];
        group.bench_function(names.join("+"), |bencher| {
            bencher.iter(|| {
                let input = Input {
                    packs: &packs,
                    facts: &Facts::default(),
                    sources: &sources,
                    unread: &[],
                    skew: std::time::Duration::ZERO,
                };
                verify(&input, &mut |_| {}).unwrap().messages
            });
        });
    }
    group.finish();
}

criterion_group!(benches, verifying);
criterion_main!(benches);
