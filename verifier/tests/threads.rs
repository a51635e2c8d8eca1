//! Same input, same bytes out: with one thread and with many.

#![expect(clippy::unwrap_used, reason = "a test that cannot run is to fail")]

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use wsaudit_recording::{
    ConnectionId, FrameRecord, Nanos, Payload, Record, Seq, Writer, WriterOptions,
};
use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_verifier::engine::{Input, verify_with};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{
    Connection, Cursor, MemoryMessage, MemorySource, Moment, Outline, Reading, RecordingSource,
    Source, SourceError, SourceMessage, Tag,
};
use wsaudit_verifier::report::{json, report};
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::suite::{Directory, Prepared, files};
use wsaudit_wire::{Direction, FrameHeader, LengthForm, Opcode};

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a run comes to, all of it: the report, what the packs met, and how progress was told; or the
/// error.
fn told(packs: &[Pack], facts: &Facts, sources: &[Box<dyn Source>], threads: usize) -> String {
    let input = Input {
        packs,
        facts,
        sources,
        unread: &[],
        skew: std::time::Duration::from_millis(100),
    };
    let mut progress = Vec::new();
    let threads = NonZeroUsize::new(threads).unwrap();
    match verify_with(&input, threads, &mut |read| progress.push(read)) {
        Ok(verification) => {
            // Message by message, from the beginning each time that rules look.
            let looks = progress.chunk_by(|before, read| before < read);
            assert!(looks.clone().count() <= 2, "{progress:?}");
            assert!(
                looks
                    .flat_map(|look| (1..).zip(look))
                    .all(|(number, read)| number == *read)
            );
            let report = report(packs, &verification, sources).unwrap();
            format!("{}{:?}", json(&report), verification.coverage)
        }
        Err(error) => error.to_string(),
    }
}

/// Runs with 1, 2, 3 and 8 threads: the same each time. Hands back what it comes to.
fn with_any(packs: &[Pack], facts: &Facts, sources: &[Box<dyn Source>]) -> String {
    let alone = told(packs, facts, sources, 1);
    for threads in [2, 3, 8] {
        assert_eq!(
            told(packs, facts, sources, threads),
            alone,
            "{threads} threads"
        );
    }
    alone
}

fn shipped() -> Vec<Pack> {
    let names = Pack::shipped_names().into_iter();
    names.map(|name| Pack::shipped(name).unwrap()).collect()
}

/// A pack that reads messages in another way than the shipped ones, and one that reads them twice.
fn others() -> Vec<Pack> {
    let text = |name: &str, text: &str| Pack::from_texts(&[(name, text)]).unwrap();
    vec![
        text(
            "text.toml",
            r#"
[pack]
name = "text"
format = 1
[message]
codec = "text"
[events]
hello = { from = "client", name = "hello" }
[[rule]]
id = "no-hello"
title = "nobody says hello"
kind = "never"
event = "hello"
"#,
        ),
        text(
            "anywhere.toml",
            r#"
[pack]
name = "anywhere"
format = 1
[message]
name = "/type"
[fields]
thread = "/thread_id"
[events]
created = { from = "server", name = "thread_created" }
[[rule]]
id = "anywhere"
title = "a thread is shown to its owner only"
kind = "owned"
resource = "thread"
owner = "session"
claimed-by = "created"
seen = "anywhere"
"#,
        ),
    ]
}

#[test]
fn golden_recordings_come_to_the_same() {
    // The pack of the agent platform and this one tag sessions in different ways.
    let general = ["protocol", "handshake", "correlated"];
    let mut packs: Vec<_> = general.map(|name| Pack::shipped(name).unwrap()).into();
    packs.push(Pack::load(house().join("fixtures/peers/chat/rules.toml")).unwrap());
    packs.extend(others());
    let open = |name: &str| -> Box<dyn Source> {
        let path = house().join("fixtures/golden").join(name);
        Box::new(RecordingSource::open(&path, name).unwrap())
    };
    for (names, verdict) in [
        (&["chat-leaky.db"][..], "violated"),
        (&["chat-sound.db"], "inconclusive"),
        (&["chat-leaky.db", "chat-sound.db"], "violated"),
    ] {
        let sources: Vec<_> = names.iter().map(|name| open(name)).collect();
        let told = with_any(&packs, &Facts::default(), &sources);
        assert!(
            told.contains(&format!(r#""verdict": "{verdict}""#)),
            "{told}"
        );
    }
}

/// Every kind of rule, sessions that share a connection, HTTP exchanges, facts, gaps: whatever there
/// is a case of.
#[test]
fn cases_come_to_the_same() {
    let mut compared = 0;
    for file in files(&house().join("fixtures")).unwrap().files {
        let case = file.parse().unwrap();
        // Some are there to show that their rules or recordings cannot be used.
        let Ok(prepared) = Prepared::new(&case, &Directory::of(&file.path)) else {
            continue;
        };
        with_any(&prepared.packs, &prepared.facts, &prepared.sources);
        compared += 1;
    }
    assert!(compared > 100, "{compared} cases");
}

/// A recording that cannot be read from some message on.
struct Broken {
    whole: MemorySource,
    after: usize,
}

impl Source for Broken {
    fn outline(&self) -> &Outline {
        self.whole.outline()
    }

    fn reading(&self) -> Result<Box<dyn Reading + '_>, SourceError> {
        Ok(Box::new(self))
    }

    fn payload(&self, seq: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.whole.payload(seq)
    }
}

impl Reading for &Broken {
    fn begin(&mut self) -> Result<Box<dyn Cursor + '_>, SourceError> {
        Ok(Box::new(BrokenCursor {
            messages: self.whole.messages(),
            next: 0,
            after: self.after,
        }))
    }
}

struct BrokenCursor<'s> {
    messages: &'s [MemoryMessage],
    next: usize,
    after: usize,
}

impl Cursor for BrokenCursor<'_> {
    fn advance(&mut self) -> Result<Option<Moment>, SourceError> {
        self.next += 1;
        if self.next > self.after {
            return Err(SourceError {
                recording: "broken".into(),
                why: format!("damaged after {} messages", self.after),
            });
        }
        Ok(self.messages.get(self.next - 1).map(|it| it.moment))
    }

    fn current(&self) -> Result<SourceMessage<'_>, SourceError> {
        let message = &self.messages[self.next - 1];
        Ok(SourceMessage {
            moment: message.moment,
            connection: message.connection,
            direction: message.direction,
            opcode: message.opcode,
            payload: wsaudit_verifier::history::SourcePayload::Whole(&message.payload),
        })
    }
}

/// One message: on which of four connections, from whom, and what.
#[derive(Debug, Clone)]
struct Said {
    connection: u64,
    direction: Direction,
    opcode: Opcode,
    text: String,
}

fn said() -> impl Strategy<Value = Said> {
    let kind = prop::sample::select(vec![
        "create_thread",
        "thread_created",
        "open_thread",
        "thread",
        "error",
        "message_added",
        "agent_started",
        "agent_thinking",
        "agent_completed",
        "new_thing",
    ]);
    let json = (kind, 1..5_u8, 0..6_u8, 0..9_u8).prop_map(|(kind, session, thread, request)| {
        format!(
            r#"{{"type":"{kind}","session_id":"s-{session}","thread_id":"thread-{thread}","run_id":"run-{thread}","request_id":{request},"x":["thread-{request}"]}}"#
        )
    });
    let text = prop_oneof![
        12 => json,
        1 => Just("hello".to_owned()),
        1 => Just(r#"{"type":"thread","thread_id":"thread-1""#.to_owned()),
        1 => Just(String::new()),
    ];
    let opcode = prop_oneof![
        12 => Just(Opcode::TEXT),
        1 => Just(Opcode::BINARY),
        1 => Just(Opcode::PING),
    ];
    let direction = prop::sample::select(Direction::BOTH.to_vec());
    (1..5_u64, direction, opcode, text).prop_map(|(connection, direction, opcode, text)| Said {
        connection,
        direction,
        opcode,
        text,
    })
}

/// Four connections: three of a session each, one of nobody. They come and go.
fn source(name: &str, said: &[Said]) -> MemorySource {
    let last = 10 + said.len() as u64;
    let moment = |seq: u64| Moment {
        seq,
        at: i64::try_from(seq).unwrap() * 1_000_000,
    };
    let connections = (1..5_u64).map(|number| Connection {
        answered: Some(moment(4 + number)),
        status: Some(101),
        closed: (number == 2).then(|| moment(last + 1)),
        request_head: b"GET /ws HTTP/1.1\r\n\r\n".to_vec(),
        tags: (number < 4)
            .then(|| Tag {
                from: number,
                kind: TagKind::Session,
                value: format!("s-{number}"),
                source: "header:X-Session-ID".into(),
                provenance: Provenance::Issued,
            })
            .into_iter()
            .collect(),
        ..Connection::new(number, moment(number))
    });
    let outline = Outline {
        name: name.into(),
        ended_at: moment(last + 2).at,
        connections: connections.collect(),
        ..Outline::default()
    };
    let messages = (10..).zip(said).map(|(seq, said)| MemoryMessage {
        moment: moment(seq),
        connection: said.connection,
        direction: said.direction,
        opcode: said.opcode,
        payload: said.text.clone().into_bytes(),
    });
    MemorySource::new(outline, messages.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn histories_come_to_the_same(
        first in prop::collection::vec(said(), 0..400),
        second in prop::collection::vec(said(), 0..300),
        whole in any::<prop::sample::Index>(),
    ) {
        let mut packs = shipped();
        packs.extend(others());
        let last: Box<dyn Source> = match whole.index(4) {
            0 => Box::new(Broken {
                after: whole.index(second.len() + 1),
                whole: source("broken", &second),
            }),
            _ => Box::new(source("second", &second)),
        };
        let sources: Vec<Box<dyn Source>> = vec![Box::new(source("first", &first)), last];
        with_any(&packs, &Facts::default(), &sources);
    }
}

#[test]
fn what_lies_before_the_damage_changes_nothing() {
    let said = Said {
        connection: 1,
        direction: Direction::ServerToClient,
        opcode: Opcode::TEXT,
        text: r#"{"type":"thread","session_id":"s-2","thread_id":"t"}"#.into(),
    };
    let said = vec![said; 1_000];
    for after in [0, 1, 127, 128, 129, 500, 999] {
        let broken = Broken {
            whole: source("broken", &said),
            after,
        };
        let sources: Vec<Box<dyn Source>> = vec![Box::new(broken)];
        let expected = format!("failed to read broken: damaged after {after} messages");
        assert_eq!(with_any(&shipped(), &Facts::default(), &sources), expected);
    }
}

/// More than the batches in flight may hold: the reader waits, and goes on.
#[test]
fn messages_larger_than_a_batch_come_through() {
    let said = |number: usize| Said {
        connection: 1,
        direction: Direction::ClientToServer,
        opcode: Opcode::TEXT,
        text: match number % 3 {
            0 => "hello".to_owned(),
            _ => "x".repeat(2 << 20),
        },
    };
    let said: Vec<_> = (0..30).map(said).collect();
    let sources: Vec<Box<dyn Source>> = vec![Box::new(source("large", &said))];
    let told = with_any(&others()[..1], &Facts::default(), &sources);
    assert!(told.contains(r#""verdict": "violated""#), "{told}");
}

#[test]
fn a_damaged_file_is_the_same_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("damaged.db");
    let writer = Writer::create(&path, WriterOptions::default()).unwrap();
    let frames = (1..5_000).map(|seq| {
        Record::Frame(FrameRecord {
            seq: Seq(seq),
            connection: ConnectionId(1),
            direction: Direction::ServerToClient,
            first_at: Nanos(seq),
            last_at: Nanos(seq),
            header: FrameHeader {
                first_byte: 0x81,
                masking_key: None,
                length_form: LengthForm::Bits16,
                declared_length: 300,
            },
            payload: Payload::Whole(vec![b'1'; 300]),
        })
    });
    writer.sender().send(frames.collect(), None);
    writer.close().unwrap();
    // Nothing says what connection 1 is: the first frame is an error already.
    let open = |path: &Path| -> Vec<Box<dyn Source>> {
        vec![Box::new(RecordingSource::open(path, "damaged").unwrap())]
    };
    let told = with_any(&shipped(), &Facts::default(), &open(&path));
    assert!(told.contains("frame 1 belongs to connection 1"), "{told}");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0xEE);
    std::fs::write(&path, bytes).unwrap();
    let damaged = RecordingSource::open(&path, "damaged").unwrap();
    let known = Outline {
        name: "damaged".into(),
        connections: vec![source("", &[]).outline().connections[0].clone()],
        ..Outline::default()
    };
    let sources: Vec<Box<dyn Source>> = vec![Box::new(Retold { known, damaged })];
    let told = with_any(&shipped(), &Facts::default(), &sources);
    assert!(told.contains("malformed"), "{told}");
}

/// A recording of which something else is known than it says.
struct Retold {
    known: Outline,
    damaged: RecordingSource,
}

impl Source for Retold {
    fn outline(&self) -> &Outline {
        &self.known
    }

    fn reading(&self) -> Result<Box<dyn Reading + '_>, SourceError> {
        self.damaged.reading()
    }

    fn payload(&self, seq: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.damaged.payload(seq)
    }
}
