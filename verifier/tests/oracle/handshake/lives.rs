//! Random lives of connections: their handshakes, and what they say of whose they are.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_verifier::history::{
    Connection, Gap, GapCause, MemoryMessage, MemorySource, Moment, Outline, Tag, Unclean,
};
use wsaudit_wire::{Direction, Opcode};

use crate::told::seq;

/// What a connection can say of whose it is, and the sources that say so.
pub(super) const SAID: [(&str, TagKind, &str); 9] = [
    ("session", TagKind::Session, "header:x-session"),
    ("session", TagKind::Session, "message:/login"),
    ("user", TagKind::User, "header:x-user"),
    ("user", TagKind::User, "jwt:sub"),
    ("device", TagKind::Device, "header:x-device"),
    ("credential", TagKind::Credential, "header:authorization"),
    ("credential", TagKind::Credential, "cookie:sid"),
    ("token-id", TagKind::Claim, "jwt:jti"),
    ("", TagKind::Claim, "jwt:exp"),
];

/// A connection: steps are numbers, which say when they came, and where.
#[derive(Debug, Clone)]
pub(super) struct Hand {
    pub(super) opened: usize,
    pub(super) answered: Option<(usize, u16)>,
    pub(super) closed: Option<usize>,
    pub(super) chosen: Option<&'static str>,
    /// `None`: it cannot be read.
    pub(super) head: Option<Head>,
    /// From where on, which of [`SAID`], and the value.
    pub(super) said: Vec<(usize, usize, usize)>,
    /// Where the server opens a session here, which the connection has beside its own.
    pub(super) joined: Vec<(usize, usize)>,
}

#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) origin: Option<&'static str>,
    pub(super) secret: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Lives {
    pub(super) hands: Vec<Hand>,
    pub(super) gap: bool,
    pub(super) unclean: bool,
    pub(super) end: usize,
}

/// Some steps come at once, so that one connection ends in the instant in which another one begins.
pub(super) fn at(step: usize) -> i64 {
    1_000_000_000 * i64::try_from(step / 6).expect("a small number")
}

fn moment(step: usize) -> Moment {
    Moment {
        seq: seq(step),
        at: at(step),
    }
}

impl Hand {
    pub(super) fn is_accepted(&self) -> bool {
        matches!(self.answered, Some((_, 101)))
    }

    fn tags(&self) -> impl Iterator<Item = Tag> {
        self.said.iter().map(|(from, which, value)| {
            let (_, kind, source) = SAID[*which];
            tag(*from, kind, source, *value)
        })
    }

    fn connection(&self, number: usize) -> Connection {
        let head = self.head.as_ref().map_or(String::new(), |head| {
            let query = if head.secret { "?token=redacted-1" } else { "" };
            let origin = head
                .origin
                .map_or(String::new(), |origin| format!("Origin: {origin}\r\n"));
            format!("GET /ws{query} HTTP/1.1\r\nHost: h\r\n{origin}\r\n")
        });
        Connection {
            answered: self.answered.map(|(step, _)| moment(step)),
            status: self.answered.map(|(_, status)| status),
            closed: self.closed.map(moment),
            request_head: head.into_bytes(),
            subprotocol: self.chosen.map(str::to_owned),
            tags: self.tags().collect(),
            ..Connection::new(number as u64, moment(self.opened))
        }
    }
}

fn tag(from: usize, kind: TagKind, source: &str, value: usize) -> Tag {
    Tag {
        from: seq(from),
        kind,
        value: format!("{}-{value}", kind_word(kind)),
        source: source.to_owned(),
        provenance: Provenance::Issued,
    }
}

fn kind_word(kind: TagKind) -> &'static str {
    match kind {
        TagKind::Session => "session",
        TagKind::User => "user",
        TagKind::Device => "device",
        TagKind::Credential => "credential",
        TagKind::Claim => "claim",
    }
}

impl Lives {
    pub(crate) fn source(&self) -> MemorySource {
        let connections = self.hands.iter().enumerate();
        let outline = Outline {
            connections: connections.map(|(on, hand)| hand.connection(on)).collect(),
            gaps: Vec::from_iter(self.gap.then(|| Gap {
                connection: None,
                from: seq(0) + 3,
                to: seq(0) + 5,
                frames: None,
                why: "the recorder stalled".to_owned(),
                cause: GapCause::Recorder,
            })),
            unclean: self.unclean.then(|| Unclean {
                why: "killed".to_owned(),
                last: None,
            }),
            ended_at: at(self.end),
            ..Outline::default()
        };
        let mut messages = Vec::new();
        for (on, hand) in self.hands.iter().enumerate() {
            for (step, session) in &hand.joined {
                messages.push(MemoryMessage {
                    moment: moment(*step),
                    connection: on as u64,
                    direction: Direction::ServerToClient,
                    opcode: Opcode::TEXT,
                    payload: format!(r#"{{"type":"joined","session":"session-{session}"}}"#)
                        .into_bytes(),
                });
            }
        }
        messages.sort_by_key(|message| message.moment.seq);
        MemorySource::new(outline, messages)
    }
}

/// A connection by its steps, the first of which is 0, and how long it begins after the one before.
fn hands() -> impl Strategy<Value = (usize, Hand)> {
    let answer = select(vec![
        Some(101),
        Some(101),
        Some(101),
        Some(101),
        Some(403),
        None,
    ]);
    let chosen = select(vec![Some("chat.v2"), Some("chat.v1"), None]);
    let origin = select(vec![None, Some("https://own"), Some("https://foreign")]);
    let head = (origin, proptest::bool::weighted(0.2))
        .prop_map(|(origin, secret)| Head { origin, secret });
    let head = proptest::option::weighted(0.9, head);
    let said = (0..5_usize, 0..SAID.len(), 0..3_usize);
    let said = proptest::collection::vec(said, 0..8);
    let joined = proptest::collection::vec((2..5_usize, 0..3_usize), 0..2);
    let joined = prop_oneof![3 => Just(Vec::new()), 1 => joined];
    let session = proptest::option::weighted(0.8, 0..3_usize);
    let credential = proptest::option::weighted(0.6, 0..3_usize);
    let stay = proptest::option::weighted(0.7, 3..6_usize);
    (
        0..4_usize,
        answer,
        chosen,
        head,
        said,
        joined,
        (session, credential),
        stay,
    )
        .prop_map(
            |(pause, status, chosen, head, mut said, joined, (session, credential), stay)| {
                said.extend(session.map(|session| (0, 0, session)));
                said.extend(credential.map(|credential| (0, 5, credential)));
                let answered = status.map(|status| (1, status));
                let hand = Hand {
                    opened: 0,
                    answered,
                    closed: match status {
                        Some(101) => stay,
                        Some(_) => Some(2),
                        None => stay.map(|_| 2),
                    },
                    chosen,
                    head,
                    said,
                    joined: joined.into_iter().filter(|_| status == Some(101)).collect(),
                };
                (pause, hand)
            },
        )
}

/// Several of them, beside each other or one after the other.
pub(crate) fn lives() -> impl Strategy<Value = Lives> {
    let hands = proptest::collection::vec(hands(), 0..6);
    let rarely = || proptest::bool::weighted(0.1);
    (hands, rarely(), rarely()).prop_map(|(hands, gap, unclean)| {
        let count = hands.len();
        let mut begun = 0;
        let hands = hands
            .into_iter()
            .enumerate()
            .map(|(number, (pause, mut hand))| {
                begun += pause;
                // No two of different connections have one place.
                let place = |step: usize| (begun + step) * count + number;
                hand.opened = place(0);
                hand.answered = hand.answered.map(|(step, status)| (place(step), status));
                hand.closed = hand.closed.map(place);
                // What one step says twice of a kind and source, it says once.
                let mut said = BTreeMap::new();
                for (step, which, value) in hand.said {
                    let place = if hand.closed.is_none_or(|closed| place(step) < closed) {
                        place(step)
                    } else {
                        place(0)
                    };
                    said.insert((place, which), value);
                }
                hand.said = said
                    .into_iter()
                    .map(|((place, which), value)| (place, which, value))
                    .collect();
                hand.joined = hand
                    .joined
                    .into_iter()
                    .map(|(step, session)| (place(step), session))
                    .filter(|(step, _)| hand.closed.is_none_or(|closed| *step < closed))
                    .collect();
                hand.joined.sort_unstable();
                hand.joined.dedup_by_key(|(step, _)| *step);
                hand
            });
        let hands: Vec<_> = hands.collect();
        let end = (begun + 7) * count.max(1);
        Lives {
            hands,
            gap,
            unclean,
            end,
        }
    })
}
