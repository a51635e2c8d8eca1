//! Who holds a session id: what is known of the holders of its connections, and whether it agrees.

use std::collections::{BTreeMap, BTreeSet};

use wsaudit_tagging::TagKind;

use super::super::HolderTrait;
use crate::engine::{ConnectionIx, Cx, Holder, SessionIx};
use crate::finding::{Doubt, Evidence, Outcome, Place, Subject, Violation};
use crate::history::{Connection, Tag};
use crate::verdict::Reason;

/// A connection, as far as it speaks for one session.
pub(super) struct Held {
    session: SessionIx,
    how: How,
    connection: ConnectionIx,
    /// Where it says so.
    place: Place,
    /// From when to when it stood, in nanoseconds since the Unix epoch.
    stood: (i64, i64),
    /// What is known of its holder: by trait, by source, the values.
    known: BTreeMap<HolderTrait, BTreeMap<String, BTreeSet<String>>>,
}

/// How a connection speaks for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// As a whole.
    Whole,
    /// In messages that name the session, which shares it with others.
    Shared,
}

/// Checks one demand, and gives the number of opportunities to break it.
pub(super) type Find = fn(&Cx<'_>, &[Held], &[HolderTrait], &mut Outcome) -> u64;

/// The accepted ones of these connections, by the sessions that they speak for.
pub(super) fn gather(cx: &Cx<'_>, connections: &[ConnectionIx]) -> Vec<Held> {
    let mut all = Vec::new();
    for connection in connections {
        let state = cx.connection(*connection);
        let info = state.info;
        if !info.accepted() {
            continue;
        }
        let own = info.tags.iter().filter(|tag| tag.kind == TagKind::Session);
        let own = own.map(|tag| (tag, How::Whole, until(info, tag)));
        let shared = state.lanes.iter().map(|lane| (lane, How::Shared, u64::MAX));
        for (tag, how, until) in own.chain(shared) {
            let Some(session) = cx.session_named(&tag.value) else {
                continue;
            };
            let range = (tag.from, until);
            all.push(Held {
                session,
                how,
                connection: *connection,
                place: Place {
                    recording: state.recording,
                    seq: tag.from,
                },
                stood: (info.opened.at, cx.watched_until(*connection)),
                known: known(info, range),
            });
        }
    }
    all
}

/// What is known of a connection's holder in a range of its places (the end excluded).
fn known(
    info: &Connection,
    (from, to): (u64, u64),
) -> BTreeMap<HolderTrait, BTreeMap<String, BTreeSet<String>>> {
    let mut known: BTreeMap<_, BTreeMap<_, BTreeSet<_>>> = BTreeMap::new();
    for tag in &info.tags {
        let which = match tag.kind {
            TagKind::User => HolderTrait::User,
            TagKind::Device => HolderTrait::Device,
            TagKind::Credential => HolderTrait::Credential,
            TagKind::Claim if tag.source == "jwt:jti" => HolderTrait::TokenId,
            TagKind::Claim | TagKind::Session => continue,
        };
        if tag.from < to && from < until(info, tag) {
            known
                .entry(which)
                .or_default()
                .entry(tag.source.clone())
                .or_default()
                .insert(tag.value.clone());
        }
    }
    known
}

/// Up to where a tag holds, itself excluded: the next one of its kind, and of its source where
/// several sources speak beside each other.
fn until(info: &Connection, tag: &Tag) -> u64 {
    let beside = match tag.kind {
        TagKind::Credential | TagKind::Claim => true,
        TagKind::Session | TagKind::User | TagKind::Device => false,
    };
    info.tags
        .iter()
        .filter(|other| other.kind == tag.kind && other.from > tag.from)
        .filter(|other| !beside || other.source == tag.source)
        .map(|other| other.from)
        .min()
        .unwrap_or(u64::MAX)
}

/// One session id, one of each trait.
///
/// A connection is an opportunity if it is not the only one: it could have presented the session id
/// of another.
pub(super) fn one_holder(
    cx: &Cx<'_>,
    held: &[Held],
    traits: &[HolderTrait],
    outcome: &mut Outcome,
) -> u64 {
    let mut by_session: BTreeMap<_, Vec<&Held>> = BTreeMap::new();
    for one in held {
        by_session.entry(one.session).or_default().push(one);
    }
    let (mut unknown, mut changed) = (Vec::new(), Vec::new());
    for connections in by_session.values() {
        for which in traits {
            for (first, second, source, how) in conflicts(connections, *which) {
                match how {
                    Conflict::Final => {
                        let violation = two_holders(cx, (first, second), *which, source);
                        outcome.violations.push(violation);
                    }
                    Conflict::OneAfterTheOther => changed.push((second, *which)),
                }
            }
        }
        if !is_known(connections, traits) {
            unknown.push(connections[0]);
        }
    }
    outcome.doubts.extend(unknown_holder(cx, &unknown, traits));
    outcome
        .doubts
        .extend(changed.iter().map(|(held, which)| Doubt {
            reason: Reason::Undecided,
            message: format!(
                "{} came back with another {}: renewed, or taken over",
                cx.describe(Holder::Session(held.session)),
                word(*which)
            ),
            settle: format!(
                "take \"{}\" out of `one-holder` if it is renewed",
                word(*which)
            ),
            place: Some(held.place),
            subject: subject(cx, held),
        }));
    match held.len() {
        0 | 1 => 0,
        several => several as u64,
    }
}

/// Whether two values of a trait contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conflict {
    /// They do.
    Final,
    /// A credential that comes after another: it may have been renewed.
    OneAfterTheOther,
}

/// Connections of one session that differ in a trait, the first for each pair of values, with the
/// source that says so.
fn conflicts<'h>(
    held: &[&'h Held],
    which: HolderTrait,
) -> Vec<(&'h Held, &'h Held, &'h str, Conflict)> {
    let renewable = match which {
        HolderTrait::User | HolderTrait::Device => false,
        HolderTrait::Credential | HolderTrait::TokenId => true,
    };
    let mut found: BTreeMap<_, (&Held, &Held, &str, Conflict)> = BTreeMap::new();
    for (number, second) in held.iter().enumerate() {
        for first in &held[..=number] {
            for (source, theirs, ours) in comparable(first, second, which) {
                let differ = if renewable {
                    ours.is_disjoint(theirs)
                } else {
                    ours.union(theirs).count() > 1
                };
                if !differ {
                    continue;
                }
                let how = if renewable && !overlap(first, second) {
                    Conflict::OneAfterTheOther
                } else {
                    Conflict::Final
                };
                let values: BTreeSet<_> = theirs.union(ours).collect();
                let told = (values, how == Conflict::Final);
                found.entry(told).or_insert((first, second, source, how));
            }
        }
    }
    found.into_values().collect()
}

/// What two connections say of a trait, by what can be compared: users and devices are who the
/// operator says they are, whatever the source; two kinds of credential of one holder differ.
fn comparable<'h>(
    first: &'h Held,
    second: &'h Held,
    which: HolderTrait,
) -> Vec<(&'h str, &'h BTreeSet<String>, &'h BTreeSet<String>)> {
    let (Some(theirs), Some(ours)) = (first.known.get(&which), second.known.get(&which)) else {
        return Vec::new();
    };
    let by_source = match which {
        HolderTrait::User | HolderTrait::Device => false,
        HolderTrait::Credential | HolderTrait::TokenId => true,
    };
    let mut pairs = Vec::new();
    for (source, ours) in ours {
        for (other, theirs) in theirs {
            if !by_source || source == other {
                pairs.push((source.as_str(), theirs, ours));
            }
        }
    }
    pairs
}

fn overlap(first: &Held, second: &Held) -> bool {
    first.stood.0 <= second.stood.1 && second.stood.0 <= first.stood.1
}

/// Whether one of the traits is known of all connections of a session.
fn is_known(held: &[&Held], traits: &[HolderTrait]) -> bool {
    traits.iter().any(|which| {
        held.iter()
            .all(|one| !comparable(held[0], one, *which).is_empty())
    })
}

/// One of a trait, one session id. Sessions that share a connection share what it has, and may.
pub(super) fn unshared(
    cx: &Cx<'_>,
    held: &[Held],
    traits: &[HolderTrait],
    outcome: &mut Outcome,
) -> u64 {
    let whole = || held.iter().filter(|one| one.how == How::Whole);
    let mut sessions = BTreeSet::new();
    let mut unknown = Vec::new();
    for one in whole() {
        if is_known(&[one], traits) {
            sessions.insert(one.session);
        } else {
            unknown.push(one);
        }
    }
    for which in traits {
        let mut first_with: BTreeMap<&str, &Held> = BTreeMap::new();
        let mut told = BTreeSet::new();
        for one in whole() {
            for (source, value) in values(one, *which) {
                let first = first_with.entry(value).or_insert(one);
                if first.session != one.session && told.insert((value, one.session)) {
                    let violation = shared(cx, (first, one), *which, source, value);
                    outcome.violations.push(violation);
                }
            }
        }
    }
    outcome.doubts.extend(unknown_holder(cx, &unknown, traits));
    match sessions.len() {
        0 | 1 => 0,
        several => several as u64,
    }
}

fn values(held: &Held, which: HolderTrait) -> impl Iterator<Item = (&str, &str)> {
    let by_source = held.known.get(&which).into_iter().flatten();
    by_source.flat_map(|(source, values)| {
        values
            .iter()
            .map(move |value| (source.as_str(), value.as_str()))
    })
}

fn two_holders(
    cx: &Cx<'_>,
    (first, second): (&Held, &Held),
    which: HolderTrait,
    source: &str,
) -> Violation {
    let (session, word) = (cx.session_name(second.session), word(which));
    let when = if overlap(first, second) && first.connection != second.connection {
        ", at the same time"
    } else {
        ""
    };
    Violation {
        roles: format!("one session id, two {word}s"),
        owner: subject(cx, first),
        resource: Some(session.to_owned()),
        evidence: [first, second].map(|held| line(cx, held, which)).to_vec(),
        expected: format!(
            "one {word} for session {session}; both handshakes were accepted, so this is final"
        ),
        ..Violation::new(
            subject(cx, second),
            second.place,
            format!("session {session} is held with two {word}s{when} ({source})"),
        )
    }
}

fn shared(
    cx: &Cx<'_>,
    (first, second): (&Held, &Held),
    which: HolderTrait,
    source: &str,
    value: &str,
) -> Violation {
    let word = word(which);
    let names = [first, second].map(|held| cx.session_name(held.session));
    Violation {
        roles: format!("two session ids, one {word}"),
        owner: subject(cx, first),
        resource: Some(value.to_owned()),
        evidence: [first, second].map(|held| line(cx, held, which)).to_vec(),
        expected: format!(
            "each session has a {word} of its own; both handshakes were accepted, so this is final"
        ),
        ..Violation::new(
            subject(cx, second),
            second.place,
            format!(
                "sessions {} and {} present the same {word} ({source})",
                names[0], names[1]
            ),
        )
    }
}

fn line(cx: &Cx<'_>, held: &Held, which: HolderTrait) -> Evidence {
    let told: Vec<_> = values(held, which)
        .map(|(source, value)| format!("{value} ({source})"))
        .collect();
    Evidence::at(
        held.place,
        format!(
            "{} spoke for session {}, with the {} {}",
            cx.describe_connection(held.connection),
            cx.session_name(held.session),
            word(which),
            told.join(" and ")
        ),
    )
}

/// One doubt for all sessions of whose holder nothing is known.
fn unknown_holder(cx: &Cx<'_>, unknown: &[&Held], traits: &[HolderTrait]) -> Option<Doubt> {
    let first = unknown.first()?;
    let words: Vec<_> = traits.iter().map(|which| word(*which)).collect();
    let more = match unknown.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(Doubt {
        reason: Reason::Undecided,
        message: format!(
            "nothing tells the holders of {}{more} apart: no {} is known of them",
            cx.describe(Holder::Session(first.session)),
            words.join(", no ")
        ),
        settle: "name a source with `wsaudit record --user` or `--device`".to_owned(),
        place: Some(first.place),
        subject: subject(cx, first),
    })
}

fn subject(cx: &Cx<'_>, held: &Held) -> Subject {
    Subject {
        connection: Some(held.connection),
        ..cx.subject(Holder::Session(held.session))
    }
}

const fn word(which: HolderTrait) -> &'static str {
    match which {
        HolderTrait::User => "user",
        HolderTrait::Device => "device",
        HolderTrait::Credential => "credential",
        HolderTrait::TokenId => "token-id",
    }
}
