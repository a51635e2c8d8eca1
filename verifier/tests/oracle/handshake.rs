//! `handshake`: each connection by itself, and each two that speak for one session id.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_verifier::engine::{Input, Verification, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{
    Connection, Gap, GapCause, MemoryMessage, MemorySource, Moment, Outline, Source, Tag,
};
use wsaudit_verifier::rules::{HolderKind, Pack};
use wsaudit_wire::{Direction, Opcode};

use super::lives::Who;
use super::random::cases;
use super::told::{Expected, pack, seq};

const PACK: &str = r#"
[pack]
name   = "oracle"
format = 1
[session]
message   = "/session"
joined-by = "joined"
[message]
name = "/type"
[events]
joined = { from = "server", name = "joined" }
[[rule]]
id   = "it"
title = "it"
kind = "handshake"
"#;

/// What a rule can ask of each handshake.
const DEMANDS: [&str; 5] = [
    "accepted = true",
    r#"subprotocol = ["chat.v2"]"#,
    r#"origin = ["https://own"]"#,
    r#"credential = "required""#,
    r#"url = "no-secret""#,
];

const TRAITS: [&str; 4] = ["user", "device", "credential", "token-id"];

/// What a connection can say of whose it is, and the sources that say so.
const SAID: [(&str, TagKind, &str); 9] = [
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

#[derive(Debug, Clone)]
struct Rule {
    demands: Vec<&'static str>,
    one_holder: Vec<&'static str>,
    unshared: Vec<&'static str>,
}

/// A connection: steps are numbers, which say when they came, and where.
#[derive(Debug, Clone)]
struct Hand {
    opened: usize,
    answered: Option<(usize, u16)>,
    closed: Option<usize>,
    chosen: Option<&'static str>,
    /// `None`: it cannot be read.
    head: Option<Head>,
    /// From where on, which of [`SAID`], and the value.
    said: Vec<(usize, usize, usize)>,
    /// Where the server opens a session here, which the connection has beside its own.
    joined: Vec<(usize, usize)>,
}

#[derive(Debug, Clone)]
struct Head {
    origin: Option<&'static str>,
    secret: bool,
}

#[derive(Debug, Clone)]
struct Lives {
    hands: Vec<Hand>,
    gap: bool,
    unclean: bool,
    end: usize,
}

/// Some steps come at once, so that one connection ends in the instant in which another one begins.
fn at(step: usize) -> i64 {
    1_000_000_000 * i64::try_from(step / 6).expect("a small number")
}

fn moment(step: usize) -> Moment {
    Moment {
        seq: seq(step),
        at: at(step),
    }
}

impl Hand {
    fn is_accepted(&self) -> bool {
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
            http: None,
            number: number as u64,
            opened: moment(self.opened),
            answered: self.answered.map(|(step, _)| moment(step)),
            status: self.answered.map(|(_, status)| status),
            closed: self.closed.map(moment),
            request_head: head.into_bytes(),
            response_head: Vec::new(),
            subprotocol: self.chosen.map(str::to_owned),
            tags: self.tags().collect(),
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

/// A connection as far as it speaks for one session.
struct Held {
    on: usize,
    session: usize,
    from: usize,
    /// In messages that name the session, which shares the connection with others.
    shared: bool,
    stood: (i64, i64),
    /// By trait, what can be compared: by source, the values that hold while it speaks for the session.
    known: BTreeMap<&'static str, BTreeMap<&'static str, BTreeSet<usize>>>,
}

impl Lives {
    fn held(&self) -> Vec<Held> {
        let mut all = Vec::new();
        for (on, hand) in self.hands.iter().enumerate() {
            if !hand.is_accepted() {
                continue;
            }
            let own: Vec<_> = hand
                .said
                .iter()
                .filter(|it| SAID[it.1].0 == "session")
                .collect();
            let mut spoken: Vec<(usize, usize, bool)> = own
                .iter()
                .map(|(from, _, session)| (*session, *from, false))
                .collect();
            let mut joined: BTreeMap<usize, usize> = BTreeMap::new();
            for (from, session) in &hand.joined {
                joined.entry(*session).or_insert(*from);
            }
            // Of several own ones that messages name, each keeps what it has; its only one is no other.
            let mut others: Vec<_> = joined
                .into_iter()
                .filter(|(session, _)| !matches!(own.as_slice(), [only] if only.2 == *session))
                .map(|(session, from)| {
                    let own = own.iter().find(|it| it.2 == session);
                    (own.map_or(from, |it| it.0), session)
                })
                .collect();
            others.sort_by_key(|(from, _)| *from);
            let alone = own.is_empty() && others.len() == 1;
            spoken.extend(
                others
                    .into_iter()
                    .map(|(from, session)| (session, from, !alone)),
            );
            for (session, from, shared) in spoken {
                let later = own.iter().map(|it| it.0).find(|later| *later > from);
                let until = later.filter(|_| !shared).unwrap_or(usize::MAX);
                let mut known: BTreeMap<_, BTreeMap<_, BTreeSet<_>>> = BTreeMap::new();
                for (since, which, value) in &hand.said {
                    let (what, kind, source) = SAID[*which];
                    if what == "session" || what.is_empty() {
                        continue;
                    }
                    let renewed = hand.said.iter().find(|(again, other, _)| {
                        let (_, other, its_source) = SAID[*other];
                        let beside = matches!(what, "credential" | "token-id");
                        *again > *since && other == kind && (!beside || its_source == source)
                    });
                    let ended = renewed.map_or(usize::MAX, |it| it.0);
                    if *since < until && from < ended {
                        let values: &mut BTreeSet<_> =
                            known.entry(what).or_default().entry(source).or_default();
                        values.insert(*value);
                    }
                }
                all.push(Held {
                    on,
                    session,
                    from,
                    shared,
                    stood: (at(hand.opened), at(hand.closed.unwrap_or(self.end))),
                    known,
                });
            }
        }
        all
    }

    fn source(&self) -> MemorySource {
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
            unclean: self.unclean.then(|| "killed".to_owned()),
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

impl Rule {
    fn text(&self) -> String {
        let mut text = format!("{PACK}{}\n", self.demands.join("\n"));
        for (key, traits) in [
            ("one-holder", &self.one_holder),
            ("unshared", &self.unshared),
        ] {
            if !traits.is_empty() {
                text += &format!("{key} = {traits:?}\n");
            }
        }
        text
    }

    fn asks(&self, demand: usize) -> bool {
        self.demands.contains(&DEMANDS[demand])
    }

    fn judge(&self, lives: &Lives) -> Expected {
        let mut expected = Expected {
            exercised: !lives.hands.is_empty(),
            doubts: lives.gap || lives.unclean,
            ..Expected::default()
        };
        for (on, hand) in lives.hands.iter().enumerate() {
            self.judge_one(on, hand, &mut expected);
        }
        let held = lives.held();
        if !self.one_holder.is_empty() {
            expected.exercised &= held.len() > 1;
            self.judge_holders(&held, &mut expected);
        }
        if !self.unshared.is_empty() {
            self.judge_shared(&held, &mut expected);
        }
        expected
    }

    fn judge_one(&self, on: usize, hand: &Hand, expected: &mut Expected) {
        let mut breach = |step: usize| {
            let who = Some(Who::Connection(on));
            expected.violated.insert((step, who, None));
        };
        let mut doubts = false;
        if self.asks(0) {
            match (hand.answered, hand.closed) {
                (Some((_, 101)), _) => {}
                (Some((answered, _)), _) => breach(answered),
                (None, Some(closed)) => breach(closed),
                (None, None) => doubts = true,
            }
        }
        if self.asks(4) {
            match &hand.head {
                Some(head) if head.secret => breach(hand.opened),
                Some(_) => {}
                None => doubts = true,
            }
        }
        if let (Some((answered, _)), true) = (hand.answered, hand.is_accepted()) {
            if self.asks(1) && hand.chosen != Some("chat.v2") {
                breach(answered);
            }
            if self.asks(2) {
                match &hand.head {
                    Some(head) if head.origin == Some("https://foreign") => breach(answered),
                    Some(_) => {}
                    None => doubts = true,
                }
            }
            let presents = |(from, which, _): &(usize, usize, usize)| {
                *from <= answered && SAID[*which].0 == "credential"
            };
            if self.asks(3) && !hand.said.iter().any(presents) {
                breach(answered);
            }
        }
        expected.doubts |= doubts;
    }

    /// One session id, and each two that speak for it.
    fn judge_holders(&self, held: &[Held], expected: &mut Expected) {
        let sessions: BTreeSet<_> = held.iter().map(|one| one.session).collect();
        for session in sessions {
            let own: Vec<_> = held.iter().filter(|one| one.session == session).collect();
            let known = self
                .one_holder
                .iter()
                .any(|what| own.iter().all(|one| !both(own[0], one, what).is_empty()));
            expected.doubts |= !known;
            for what in &self.one_holder {
                let mut told = BTreeSet::new();
                for (number, second) in own.iter().enumerate() {
                    for first in &own[..=number] {
                        for (theirs, ours) in both(first, second, what) {
                            let all: BTreeSet<_> = theirs.union(ours).copied().collect();
                            let at_once =
                                first.stood.0 <= second.stood.1 && second.stood.0 <= first.stood.1;
                            let differ = match *what {
                                // It is not renewed.
                                "user" | "device" => all.len() > 1,
                                _ => theirs.is_disjoint(ours),
                            };
                            if differ && !at_once && !matches!(*what, "user" | "device") {
                                expected.doubts = true;
                            } else if differ && told.insert(all) {
                                let who = Some(Who::Connection(second.on));
                                let name = Some(format!("session-{session}"));
                                expected.violated.insert((second.from, who, name));
                            }
                        }
                    }
                }
            }
        }
    }

    /// What two session ids have in common, of those that do not share a connection.
    fn judge_shared(&self, held: &[Held], expected: &mut Expected) {
        let whole: Vec<_> = held.iter().filter(|one| !one.shared).collect();
        let is_known = |one: &&&Held| {
            self.unshared
                .iter()
                .any(|what| one.known.contains_key(what))
        };
        let known: BTreeSet<_> = whole
            .iter()
            .filter(is_known)
            .map(|one| one.session)
            .collect();
        expected.exercised &= known.len() > 1;
        expected.doubts |= !whole.iter().all(|one| is_known(&one));
        for what in &self.unshared {
            let mut told = BTreeSet::new();
            for (number, one) in whole.iter().enumerate() {
                let all = |held: &Held| -> BTreeSet<usize> {
                    let sources = held.known.get(what).into_iter().flatten();
                    sources.flat_map(|(_, values)| values.clone()).collect()
                };
                for value in all(one) {
                    let first = whole[..number]
                        .iter()
                        .find(|first| all(first).contains(&value));
                    let foreign = first.is_some_and(|first| first.session != one.session);
                    if foreign && told.insert((value, one.session)) {
                        let kind = match *what {
                            "token-id" => "claim",
                            what => what,
                        };
                        let who = Some(Who::Connection(one.on));
                        let value = Some(format!("{kind}-{value}"));
                        expected.violated.insert((one.from, who, value));
                    }
                }
            }
        }
    }
}

/// What two say of a trait, where it can be compared: users and devices are who they are, whoever says
/// so; two kinds of credential of one holder differ.
fn both<'h>(
    first: &'h Held,
    second: &'h Held,
    what: &str,
) -> Vec<(&'h BTreeSet<usize>, &'h BTreeSet<usize>)> {
    let of = |held: &'h Held| held.known.get(what).into_iter().flatten();
    of(second)
        .flat_map(|(source, ours)| of(first).map(move |theirs| (theirs, (source, ours))))
        .filter(|((one, _), (other, _))| matches!(what, "user" | "device") || one == other)
        .map(|((_, theirs), (_, ours))| (theirs, ours))
        .collect()
}

fn rules() -> impl Strategy<Value = Rule> {
    let some = |all: &'static [&'static str], most| subsequence(all, 0..=most);
    (some(&DEMANDS, 2), some(&TRAITS, 2), some(&TRAITS, 2))
        .prop_filter("it asks for something", |(one, two, three)| {
            !one.is_empty() || !two.is_empty() || !three.is_empty()
        })
        .prop_map(|(demands, one_holder, unshared)| Rule {
            demands,
            one_holder,
            unshared,
        })
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
fn lives() -> impl Strategy<Value = Lives> {
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

fn check(pack: &Pack, lives: &Lives) -> Verification {
    let sources: Vec<Box<dyn Source>> = vec![Box::new(lives.source())];
    let input = Input {
        packs: std::slice::from_ref(pack),
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    verify(&input, &mut |_| {}).expect("memory can be read")
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn each_handshake_and_who_holds_a_session(rule in rules(), lives in lives()) {
        let found = check(&pack(&rule.text()), &lives);
        rule.judge(&lives).agree(&found, HolderKind::Connection)?;
    }
}
