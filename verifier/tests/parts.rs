//! A run in parts is the run: verified together they say what the uncut recording says.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use wsaudit_recording::{Filter, MessageRecord, Reader, Record, Rotation, Writer, WriterOptions};
use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_verifier::engine::{Input, Verification, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{
    Anomaly, Connection, Gap, GapCause, MemoryMessage, MemorySource, Moment, Outline, Part,
    RecordingSource, Source, Tag, join,
};
use wsaudit_verifier::report::report;
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::verdict::{Reason, Verdict};
use wsaudit_wire::{Direction, Opcode};

const PACK: &str = r#"
[pack]
name   = "parts"
format = 1
[message]
name = "/type"
[fields]
doc     = "/doc"
request = "/request"
to      = "/to"
[events]
make    = { from = "client", name = "make" }
open    = { from = "client", name = "open" }
made    = { from = "server", name = "made" }
content = { from = "server", name = "content" }
refused = { from = "server", name = "refused" }
joined  = { from = "server", name = "joined" }
left    = { from = "server", name = "left" }
[[rule]]
id         = "owned"
title      = "a document is its owner's"
kind       = "owned"
resource   = "doc"
owner      = "session"
claimed-by = { event = "made", answers = { event = "make", match = "/request" } }
used-by    = "open"
reply      = { match = "/request", granted-by = "content", denied-by = "refused", within = "2s" }
seen       = "anywhere"
[[rule]]
id         = "members"
title      = "a document reaches its members"
kind       = "owned"
resource   = "doc"
owner      = "session"
members-by = "joined"
left-by    = "left"
[[rule]]
id      = "answered"
title   = "what is opened is answered"
kind    = "response"
request = "open"
reply   = ["content", "refused"]
match   = "request"
within  = "2s"
[[rule]]
id    = "order"
title = "made, then shown"
kind  = "sequence"
key   = "doc"
steps = ["made", "content+", "left"]
[[rule]]
id    = "addressed"
title = "a message goes to whom it names"
kind  = "addressed"
field = "to"
to    = "session"
[[rule]]
id      = "count"
title   = "no session gets more than three"
kind    = "count"
event   = "content"
at-most = 3
[[rule]]
id    = "fast"
title = "a handshake is accepted within 1 s"
kind  = "duration"
from  = "@open"
to    = "@accepted"
per   = "connection"
max   = "1s"
[[rule]]
id    = "never"
title = "nothing is made once it was left"
kind  = "never"
event = "made"
after = "left"
[[rule]]
id       = "accepted"
title    = "every handshake is accepted"
kind     = "handshake"
accepted = true
[[rule]]
id         = "one-holder"
title      = "a session is one user's"
kind       = "handshake"
one-holder = ["user"]
[[rule]]
id    = "protocol"
title = "both sides keep to the protocol"
kind  = "protocol"
"#;

static RULES: LazyLock<Pack> = LazyLock::new(|| {
    Pack::from_texts(&[("parts.toml", PACK)]).unwrap_or_else(|errors| panic!("{errors}"))
});

const CONNECTIONS: usize = 4;

/// What happens on a connection. What makes no sense there (a message before the handshake) is left
/// out.
#[derive(Debug, Clone)]
enum What {
    Open,
    Answer(u16),
    Login(usize, usize),
    Asks(&'static str, Option<usize>, usize),
    Says(&'static str, Option<usize>, usize),
    Breach,
    Gap(bool),
    Close,
}

#[derive(Debug, Clone)]
struct Step {
    pause: i64,
    on: usize,
    what: What,
    /// The recorder comes to a message so many parts after the one in which it was read.
    late: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let doc = || proptest::option::weighted(0.9, 0..3_usize);
    let what = prop_oneof![
        3 => Just(What::Open),
        4 => prop_oneof![9 => Just(101), 1 => Just(403)].prop_map(What::Answer),
        4 => (0..3_usize, 0..2_usize).prop_map(|(session, user)| What::Login(session, user)),
        8 => (proptest::sample::select(&["make", "open", "open"][..]), doc(), 0..3_usize)
            .prop_map(|(name, doc, request)| What::Asks(name, doc, request)),
        14 => (
            proptest::sample::select(
                &["made", "made", "content", "content", "refused", "joined", "left", "hint"][..]
            ),
            doc(),
            0..3_usize
        )
            .prop_map(|(name, doc, request)| What::Says(name, doc, request)),
        1 => Just(What::Breach),
        1 => any::<bool>().prop_map(What::Gap),
        1 => Just(What::Close),
    ];
    let pause = proptest::sample::select(&[0, 5, 300, 2_500][..]);
    let late = proptest::sample::select(&[0, 0, 0, 1, 2][..]);
    let step = (pause, 0..CONNECTIONS, what, late).prop_map(|(pause, on, what, late)| Step {
        pause,
        on,
        what,
        late,
    });
    // Connections come first, else little else would make sense.
    let hello = (0..CONNECTIONS).flat_map(|on| {
        [What::Open, What::Answer(101), What::Login(on % 3, on % 2)].map(|what| Step {
            pause: 1,
            on,
            what,
            late: 0,
        })
    });
    let hello: Vec<_> = hello.collect();
    proptest::collection::vec(step, 0..60)
        .prop_map(move |steps| hello.iter().cloned().chain(steps).collect())
}

/// A recording, and in which of its parts everything is.
struct History {
    outline: Outline,
    messages: Vec<(MemoryMessage, usize)>,
    /// By part: the place at which it begins, and the time.
    begins: Vec<Moment>,
    gaps: Vec<usize>,
    anomalies: Vec<usize>,
}

/// `cuts` are the numbers of steps before which the recording is cut.
fn history(steps: &[Step], cuts: &[usize]) -> History {
    let mut history = History {
        outline: Outline {
            name: "run".into(),
            ..Outline::default()
        },
        messages: Vec::new(),
        begins: vec![Moment { seq: 1, at: 0 }],
        gaps: Vec::new(),
        anomalies: Vec::new(),
    };
    // By connection of the steps: the one that it is now.
    let mut now: [Option<usize>; CONNECTIONS] = [None; CONNECTIONS];
    let mut moment = Moment { seq: 0, at: 0 };
    for (number, step) in steps.iter().enumerate() {
        moment.seq += 1;
        moment.at += step.pause * 1_000_000;
        for _ in cuts.iter().filter(|cut| **cut == number) {
            history.begins.push(moment);
        }
        history.take(step, moment, &mut now[step.on]);
    }
    // What came late was read before its connection ended, and recorded before that.
    for (message, part) in &mut history.messages {
        let connections = &history.outline.connections;
        let closed = connections[usize::try_from(message.connection).unwrap() - 1].closed;
        let last = closed.map_or(history.begins.len(), |closed| {
            history
                .begins
                .partition_point(|begin| begin.seq <= closed.seq)
        });
        *part = (*part).min(last - 1);
    }
    history.outline.ended_at = moment.at + 1;
    history
}

impl History {
    fn take(&mut self, step: &Step, moment: Moment, now: &mut Option<usize>) {
        let part = self.begins.len() - 1;
        let connections = &mut self.outline.connections;
        let current = now.map(|index| &mut connections[index]);
        let message = |direction, name, doc: Option<usize>, request| {
            let doc = doc.map_or(String::new(), |doc| format!(r#","doc":"doc-{doc}""#));
            let json =
                format!(r#"{{"type":"{name}","request":{request},"to":"session-{request}"{doc}}}"#);
            (direction, json)
        };
        let (direction, json) = match (&step.what, current) {
            (What::Open, None) => {
                *now = Some(connections.len());
                connections.push(Connection {
                    http: None,
                    number: connections.len() as u64 + 1,
                    opened: moment,
                    answered: None,
                    status: None,
                    closed: None,
                    request_head: b"GET /ws HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
                    response_head: Vec::new(),
                    subprotocol: None,
                    tags: Vec::new(),
                });
                return;
            }
            (What::Answer(status), Some(connection)) if connection.answered.is_none() => {
                connection.answered = Some(moment);
                connection.status = Some(*status);
                connection.response_head = b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec();
                connection.subprotocol = Some("chat".into());
                return;
            }
            (What::Login(session, user), Some(connection)) => {
                for (kind, value) in [
                    (TagKind::Session, format!("session-{session}")),
                    (TagKind::User, format!("user-{user}")),
                ] {
                    connection.tags.push(Tag {
                        from: moment.seq,
                        kind,
                        value,
                        source: "message:/login".into(),
                        provenance: Provenance::Issued,
                    });
                }
                return;
            }
            (What::Close, Some(connection)) => {
                connection.closed = Some(moment);
                *now = None;
                return;
            }
            (What::Breach, Some(connection)) => {
                self.anomalies.push(part);
                self.outline.anomalies.push(Anomaly {
                    connection: connection.number,
                    direction: Direction::ClientToServer,
                    moment,
                    code: "unmasked-client-frame".into(),
                    detail: String::new(),
                });
                return;
            }
            (What::Gap(all), Some(connection)) => {
                self.gaps.push(part);
                self.outline.gaps.push(Gap {
                    connection: (!all).then_some(connection.number),
                    from: moment.seq,
                    to: moment.seq,
                    frames: Some(1),
                    why: "stalled".into(),
                    cause: GapCause::Recorder,
                });
                return;
            }
            (What::Asks(name, doc, request), Some(connection)) if connection.accepted() => {
                message(Direction::ClientToServer, name, *doc, request)
            }
            (What::Says(name, doc, request), Some(connection)) if connection.accepted() => {
                message(Direction::ServerToClient, name, *doc, request)
            }
            _ => return,
        };
        let recorded = MemoryMessage {
            moment,
            connection: now.map_or(0, |index| index as u64 + 1),
            direction,
            opcode: Opcode::TEXT,
            payload: json.into_bytes(),
        };
        self.messages.push((recorded, part + step.late));
    }

    fn whole(&self) -> MemorySource {
        let messages = self.messages.iter().map(|(message, _)| message.clone());
        MemorySource::new(self.outline.clone(), messages.collect())
    }

    /// The parts as a recorder writes them.
    fn parts(&self) -> Vec<Rc<dyn Source>> {
        let count = self.begins.len();
        (0..count)
            .map(|part| Rc::new(self.part(part)) as Rc<dyn Source>)
            .collect()
    }

    fn part(&self, part: usize) -> MemorySource {
        let begin = self.begins[part];
        let end = self.begins.get(part + 1).copied();
        let known = |moment: &Moment| end.is_none_or(|end| moment.seq < end.seq);
        let connections = self.outline.connections.iter().filter_map(|connection| {
            let ended = connection
                .closed
                .is_some_and(|closed| closed.seq < begin.seq);
            let here = known(&connection.opened) && !ended;
            here.then(|| {
                let mut connection = connection.clone();
                connection.closed = connection.closed.filter(known);
                connection.answered = connection.answered.filter(known);
                if connection.answered.is_none() {
                    connection.status = None;
                    connection.subprotocol = None;
                    connection.response_head = Vec::new();
                }
                let tags = std::mem::take(&mut connection.tags);
                let in_force = |tag: &Tag| {
                    let mut before = tags.iter().filter(|other| other.from < begin.seq);
                    let last = before.rfind(|other| other.kind == tag.kind);
                    tag.from >= begin.seq || last == Some(tag)
                };
                let here = tags
                    .iter()
                    .filter(|tag| end.is_none_or(|end| tag.from < end.seq) && in_force(tag));
                connection.tags = here.cloned().collect();
                connection
            })
        });
        let of_part = |parts: &[usize], index: usize| parts[index] == part;
        let gaps = self.outline.gaps.iter().enumerate();
        let anomalies = self.outline.anomalies.iter().enumerate();
        let last = self.begins.len() - 1;
        let messages = self
            .messages
            .iter()
            .filter(|(_, of)| *of == part || *of > last && part == last);
        let outline = Outline {
            name: format!("part-{}", part + 1),
            started_at: 0,
            ended_at: end.map_or(self.outline.ended_at, |end| end.at),
            // As where the recorder was killed before the part could be marked.
            unclean: (part != last && part % 2 == 1).then(|| "killed".to_owned()),
            connections: connections.collect(),
            gaps: gaps
                .filter(|(index, _)| of_part(&self.gaps, *index))
                .map(|(_, gap)| gap.clone())
                .collect(),
            anomalies: anomalies
                .filter(|(index, _)| of_part(&self.anomalies, *index))
                .map(|(_, anomaly)| anomaly.clone())
                .collect(),
            parts: vec![Part {
                run: "run".into(),
                number: u32::try_from(part).unwrap() + 1,
                continued: part != last,
                first_seq: begin.seq,
                last_seq: end.map_or(u64::MAX / 2, |end| end.seq - 1),
                file: format!("part-{}", part + 1),
            }],
            clock_steps: Vec::new(),
            goes_on: None,
        };
        MemorySource::new(
            outline,
            messages.map(|(message, _)| message.clone()).collect(),
        )
    }
}

fn verified(sources: &[Box<dyn Source>]) -> Verification {
    let input = Input {
        packs: std::slice::from_ref(&RULES),
        facts: &Facts::default(),
        sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    verify(&input, &mut |_| {}).unwrap()
}

fn cases() -> ProptestConfig {
    ProptestConfig {
        cases: std::env::var_os("PROPTEST_CASES").map_or(150, |_| ProptestConfig::default().cases),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Where to cut, and in which order the parts are given.
fn cuts() -> impl Strategy<Value = (Vec<usize>, Vec<u32>)> {
    (
        proptest::collection::btree_set(1..70_usize, 0..5),
        proptest::collection::vec(any::<u32>(), 6),
    )
        .prop_map(|(cuts, order)| (cuts.into_iter().collect(), order))
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn parts_are_verified_as_the_whole(steps in steps(), (cuts, order) in cuts()) {
        let history = history(&steps, &cuts);
        let whole: Vec<Box<dyn Source>> = vec![Box::new(history.whole())];
        let mut parts: Vec<_> = history.parts().into_iter().zip(order).collect();
        parts.sort_by_key(|(_, key)| *key);
        let parts: Vec<_> = parts.into_iter().map(|(part, _)| part).collect();
        let joined = join(&parts).unwrap();
        prop_assert_eq!(joined.len(), 1);
        let (one, other) = (verified(&whole), verified(&joined));
        let (left, right) = (format!("{one:#?}"), format!("{other:#?}"));
        let differ = left.lines().zip(right.lines()).find(|(one, other)| one != other);
        prop_assert_eq!(differ, None, "{}", left);
        prop_assert_eq!(left, right);
        let of = |verification: &Verification, sources: &[Box<dyn Source>]| {
            let report = report(std::slice::from_ref(&RULES), verification, sources).unwrap();
            let mut said = format!("{:#?}{:#?}{:#?}", report.violations, report.sessions, report.users);
            let names = sources.iter().map(|source| source.outline().name.clone());
            for name in names.chain((1..=cuts.len() + 1).map(|part| format!("part-{part}"))) {
                said = said.replace(&format!("\"{name}\""), "\"run\"");
            }
            said
        };
        prop_assert_eq!(of(&one, &whole), of(&other, &joined));
    }

    #[test]
    fn a_missing_part_is_named_and_nothing_is_clean(
        steps in steps(),
        (cuts, order) in cuts(),
        missing in any::<prop::sample::Index>(),
    ) {
        let history = history(&steps, &cuts);
        let mut parts = history.parts();
        prop_assume!(parts.len() > 1);
        let missing = missing.index(parts.len());
        parts.remove(missing);
        let mut parts: Vec<_> = parts.into_iter().zip(order).collect();
        parts.sort_by_key(|(_, key)| *key);
        let parts: Vec<_> = parts.into_iter().map(|(part, _)| part).collect();
        let verification = verified(&join(&parts).unwrap());
        prop_assert_ne!(verification.verdict, Verdict::Clean);
        let named = format!("part {} of run run is missing", missing + 1);
        for rule in &verification.rules {
            let mut doubts = rule.outcome.doubts.iter();
            let found = doubts.any(|doubt| {
                doubt.reason == Reason::Gap && doubt.message.contains(&named)
            });
            prop_assert!(found, "{named}: {:#?}", rule.outcome.doubts);
        }
    }
}

fn part_of(run: &str, number: u32, continued: bool) -> Rc<dyn Source> {
    let outline = Outline {
        name: format!("{run}-{number}"),
        parts: vec![Part {
            run: run.into(),
            number,
            continued,
            first_seq: u64::from(number) * 10,
            last_seq: u64::from(number) * 10 + 9,
            file: format!("{run}-{number}"),
        }],
        ..Outline::default()
    };
    Rc::new(MemorySource::new(outline, Vec::new()))
}

fn names(sources: &[Rc<dyn Source>]) -> Vec<String> {
    let joined = join(sources).unwrap();
    let names = joined.iter().map(|source| source.outline().name.clone());
    names.collect()
}

#[test]
fn parts_are_named_together_and_other_recordings_stay_apart() {
    let sources = [
        part_of("b", 2, false),
        part_of("single", 1, false),
        part_of("a", 3, false),
        part_of("b", 1, true),
        part_of("a", 2, true),
        part_of("a", 1, true),
    ];
    assert_eq!(
        names(&sources),
        ["b-1 to b-2 (2 parts)", "single-1", "a-1 to a-3 (3 parts)"]
    );
}

#[test]
fn a_run_that_was_added_to_the_last_part_stays_with_it() {
    let added = Part {
        run: "added".into(),
        number: 1,
        continued: false,
        first_seq: 30,
        last_seq: 40,
        file: "a-2".into(),
    };
    let mut outline = part_of("a", 2, false).outline().clone();
    outline.parts.push(added);
    let two: Rc<dyn Source> = Rc::new(MemorySource::new(outline, Vec::new()));
    let joined = join(&[two, part_of("a", 1, true)]).unwrap();
    assert_eq!(joined.len(), 1);
    let outline = joined[0].outline();
    assert_eq!(outline.name, "a-1 to a-2 (2 parts)");
    assert_eq!((&outline.gaps, &outline.goes_on), (&Vec::new(), &None));
}

#[test]
fn the_same_part_twice_is_an_error() {
    let error = join(&[
        part_of("a", 1, true),
        part_of("a", 2, false),
        part_of("a", 1, true),
    ]);
    let Err(error) = error else {
        panic!("part 1 of a is given twice");
    };
    assert_eq!((error.part, &*error.run), (1, "a"));
    assert!(error.to_string().contains("give each one once"), "{error}");
}

#[test]
fn all_that_is_missing_is_told() {
    let joined = join(&[part_of("a", 4, true), part_of("a", 7, true)]).unwrap();
    let outline = joined[0].outline();
    let whys: Vec<_> = outline.gaps.iter().map(|gap| gap.why.as_str()).collect();
    assert_eq!(
        whys,
        [
            "parts 1 to 3 of run a are missing, and a-4 is part 4",
            "parts 5 to 6 of run a are missing, and a-7 is part 7",
        ]
    );
    assert_eq!(
        outline.goes_on.as_deref(),
        Some("part 8 of run a is missing: a-7 says that it goes on there")
    );
    let places: Vec<_> = outline.gaps.iter().map(|gap| (gap.from, gap.to)).collect();
    assert_eq!(places, [(40, 40), (50, 69)]);
}

/// All that a recording holds, as it was handed to its writer; each frame is followed by its message.
fn records(reader: &Reader) -> Vec<Vec<Record>> {
    let mut records: Vec<(u64, u8, Vec<Record>)> = Vec::new();
    for connection in reader.connections().unwrap() {
        let opened = connection.opened;
        records.push((opened.seq.0, 0, vec![Record::Opened(opened)]));
        if let Some(answered) = connection.answered {
            records.push((answered.seq.0, 2, vec![Record::Answered(answered)]));
        }
        if let Some(closed) = connection.closed {
            records.push((closed.seq.0, 5, vec![Record::Closed(closed)]));
        }
    }
    for span in reader.tags().unwrap() {
        records.push((span.tag.from.0, 1, vec![Record::Tag(span.tag)]));
    }
    for anomaly in reader.anomalies().unwrap() {
        records.push((anomaly.seq.0, 4, vec![Record::Anomaly(anomaly)]));
    }
    let mut query = reader.frames(Filter::ALL).unwrap();
    let mut rows = query.rows().unwrap();
    while let Some(row) = rows.next().unwrap() {
        let frame = row.to_record();
        let (seq, header) = (frame.seq, frame.header);
        let mut one = vec![Record::Frame(frame)];
        let message = reader.message(seq).unwrap();
        let changed = header.first_byte & 0x40 != 0;
        if let Some(message) = message.filter(|message| changed || message.first_seq != seq) {
            one.push(Record::Message(MessageRecord {
                seq,
                first_seq: message.first_seq,
                opcode: message.opcode,
                content: message.content,
            }));
        }
        records.push((seq.0, 3, one));
    }
    records.sort_by_key(|(seq, rank, _)| (*seq, *rank));
    records.into_iter().map(|(.., records)| records).collect()
}

/// Writes records, and commits them so many at a time.
fn write(writer: Writer, records: &[Vec<Record>], at_once: usize) -> Vec<PathBuf> {
    for some in records.chunks(at_once) {
        let (tell, told) = std::sync::mpsc::channel();
        let before = writer.path();
        writer
            .sender()
            .send_and_notify(some.concat(), None, move |outcome| {
                tell.send(outcome).unwrap();
            });
        told.recv().unwrap().unwrap();
        let started = std::time::Instant::now();
        while at_once < records.len() && writer.path() == before {
            assert!(started.elapsed().as_secs() < 60, "waited in vain for a cut");
            std::thread::yield_now();
        }
    }
    writer.close().unwrap().files
}

#[test]
fn files_that_the_writer_cut_are_verified_as_the_whole() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pack = Pack::load(house.join("fixtures/peers/chat/rules.toml")).unwrap();
    for golden in ["chat-leaky.db", "chat-sound.db"] {
        let reader = Reader::open(house.join("fixtures/golden").join(golden)).unwrap();
        let records = records(&reader);
        let directory = tempfile::tempdir().unwrap();
        let out = |name: &str| directory.path().join(name);
        let whole = Writer::create(out("whole.db"), WriterOptions::default()).unwrap();
        let whole = write(whole, &records, records.len());
        let expected = told(&pack, &whole);
        assert_eq!(expected.starts_with("violated"), golden == "chat-leaky.db");
        for at_once in [records.len() / 3, records.len() / 20, 1] {
            let rotation = Rotation {
                every: Some(Duration::ZERO),
                patience: Duration::ZERO,
                ..Rotation::default()
            };
            let options = WriterOptions {
                rotation: Some(rotation),
                ..WriterOptions::default()
            };
            let name = format!("cut-{at_once}.db");
            let mut files = write(
                Writer::create(out(&name), options).unwrap(),
                &records,
                at_once,
            );
            assert!(files.len() >= records.len() / at_once, "{files:?}");
            files.reverse();
            assert_eq!(told(&pack, &files), expected, "{golden}, {at_once} at once");
        }
    }
}

/// What is said of recordings, without their names.
fn told(pack: &Pack, files: &[PathBuf]) -> String {
    let open = |file: &PathBuf| -> Rc<dyn Source> {
        Rc::new(RecordingSource::open(file, "file").unwrap())
    };
    let sources = join(&files.iter().map(open).collect::<Vec<_>>()).unwrap();
    assert_eq!(sources.len(), 1);
    let input = Input {
        packs: std::slice::from_ref(pack),
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    let verification = verify(&input, &mut |_| {}).unwrap();
    let report = report(std::slice::from_ref(pack), &verification, &sources).unwrap();
    let said = format!(
        "{}{:#?}{:#?}{:#?}{:#?}{:#?}",
        report.verdict,
        report.reasons,
        report.violations,
        report.rules,
        report.sessions,
        report.users
    );
    let name = format!("{:?}", sources[0].outline().name);
    // Times are to the nanosecond, and the wall clock is noted at each cut.
    let at = regex::Regex::new(r"(\d+\.\d{3})\d+").unwrap();
    at.replace_all(&said.replace(&name, "\"file\""), "$1")
        .into_owned()
}
