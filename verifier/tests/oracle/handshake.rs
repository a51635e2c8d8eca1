//! `handshake`: each connection by itself, and each two that speak for one session id.

pub(crate) mod lives;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::subsequence;
use wsaudit_verifier::engine::{Input, Verification, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::Source;
use wsaudit_verifier::rules::{HolderKind, Pack};

use self::lives::{Hand, Lives, SAID, at, lives};
use super::lives::Who;
use super::random::cases;
use super::told::{Expected, pack};

const PACK: &str = r#"
[session]
message   = "/session"
joined-by = "joined"
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

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    demands: Vec<&'static str>,
    one_holder: Vec<&'static str>,
    unshared: Vec<&'static str>,
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
            // Of several own ones that messages name, each is there from its login on, or from where it is named
            // before that; its only one, however often it is said, is no other.
            let mut others: Vec<_> = joined
                .into_iter()
                .filter(|(session, _)| own.is_empty() || own.iter().any(|it| it.2 != *session))
                .map(|(session, from)| {
                    let own = own.iter().find(|it| it.2 == session);
                    (own.map_or(from, |it| it.0.min(from)), session)
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
}

impl Rule {
    pub(crate) fn text(&self) -> String {
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

pub(crate) fn rules() -> impl Strategy<Value = Rule> {
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
