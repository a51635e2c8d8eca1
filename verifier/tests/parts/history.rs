//! Histories made up, whole and in the parts that a recorder would write.

use std::rc::Rc;

use proptest::prelude::*;
use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_verifier::history::{
    Anomaly, Connection, Gap, GapCause, MemoryMessage, MemorySource, Moment, Outline, Part, Source,
    Tag, Unclean,
};
use wsaudit_wire::{Direction, Opcode};

const CONNECTIONS: usize = 4;

/// With how many steps every history begins: each connection opens, is answered and logs in.
const FIRST_STEPS: usize = 3 * CONNECTIONS;

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
pub(super) struct Step {
    pause: i64,
    on: usize,
    what: What,
    /// The recorder comes to a message so many parts after the one in which it was read.
    late: usize,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
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
    assert_eq!(hello.len(), FIRST_STEPS);
    proptest::collection::vec(step, 0..60)
        .prop_map(move |steps| hello.iter().cloned().chain(steps).collect())
}

/// A recording, and in which of its parts everything is.
pub(super) struct History {
    outline: Outline,
    messages: Vec<(MemoryMessage, usize)>,
    /// By part: the place at which it begins, and the time.
    begins: Vec<Moment>,
    gaps: Vec<usize>,
    anomalies: Vec<usize>,
}

/// `cuts` are the numbers of steps before which the recording is cut.
pub(super) fn history(steps: &[Step], cuts: &[usize]) -> History {
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
                let number = connections.len() as u64 + 1;
                connections.push(Connection {
                    request_head: b"GET /ws HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
                    ..Connection::new(number, moment)
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

    pub(super) fn whole(&self) -> MemorySource {
        let messages = self.messages.iter().map(|(message, _)| message.clone());
        MemorySource::new(self.outline.clone(), messages.collect())
    }

    /// The parts as a recorder writes them.
    pub(super) fn parts(&self) -> Vec<Rc<dyn Source>> {
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
            unclean: (part != last && part % 2 == 1).then(|| Unclean {
                why: "killed".to_owned(),
                last: None,
            }),
            connections: connections.collect(),
            record_http: None,
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

/// Where to cut, and in which order the parts are given.
pub(super) fn cuts() -> impl Strategy<Value = (Vec<usize>, Vec<u32>)> {
    (
        proptest::collection::btree_set(1..70_usize, 0..5),
        proptest::collection::vec(any::<u32>(), 7),
    )
        .prop_map(|(cuts, order)| (cuts.into_iter().collect(), order))
}

/// Likewise; one cut is where every history goes on, so that there are two parts or more.
pub(super) fn cuts_that_part() -> impl Strategy<Value = (Vec<usize>, Vec<u32>)> {
    (1..FIRST_STEPS, cuts()).prop_map(|(one, (mut cuts, order))| {
        cuts.push(one);
        cuts.sort_unstable();
        cuts.dedup();
        (cuts, order)
    })
}
