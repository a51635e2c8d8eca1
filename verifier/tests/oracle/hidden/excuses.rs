//! What `owned` says of a breach that a part shows and the whole does not, and is right to say (decision
//! 0014): what a third one lost excuses nothing, and two claims that contradict each other, or the facts, are a
//! breach, by whichever of them is left.

use std::collections::BTreeSet;

use wsaudit_verifier::engine::{ConnectionIx, SessionIx};
use wsaudit_verifier::finding::{Subject, Violation};
use wsaudit_verifier::history::Moment;
use wsaudit_verifier::rules::HolderKind;
use wsaudit_verifier::verdict::Reason;
use wsaudit_wire::{Direction, Opcode};

use super::recordings::{Found, Pair};
use crate::told::{Payload, Told};

/// The kinds of holder whose losses excuse.
#[derive(Debug, Clone, Copy)]
pub(super) struct Excuses {
    pub(super) kind: HolderKind,
    pub(super) shares: Option<HolderKind>,
}

impl Excuses {
    /// Whether a violation of the part stands though the whole does not show it.
    pub(super) fn leave(
        self,
        violation: &Violation,
        truth: &Found,
        found: &Found,
        pair: &Pair,
    ) -> bool {
        let Some(id) = &violation.resource else {
            return false;
        };
        let (whole, part) = (&pair.whole.all, &pair.part.all);
        let outcome = &truth.verification.rules[0].outcome;
        let contested = outcome.violations.iter().any(|one| {
            let roles = ["claimed for two", "the facts do not list"];
            one.resource.as_ref() == Some(id) && roles.iter().any(|it| one.roles.contains(it))
        });
        let doubted = |what: &str| {
            let mut doubts = outcome.doubts.iter();
            doubts.any(|doubt| doubt.message.contains(what))
        };
        let lost = lossy(part, found.place(violation.offending));
        let is_theirs = |subject: Subject, kinds: &[Option<HolderKind>]| {
            let mut kinds = kinds.iter().flatten();
            kinds.any(|kind| !lost.is_disjoint(&connections(found, *kind, subject)))
        };
        let (own, other) = (Some(self.kind), self.shares);
        // Whose it is, nobody knows, for it was announced to several; some of that a third one lost.
        let mut doubts = outcome.doubts.iter();
        let unknown = doubts.any(|doubt| {
            doubt.reason == Reason::Unidentified
                || doubt
                    .message
                    .contains("nothing in the recording says whose")
        });
        let announced = unknown && !is_theirs(violation.subject, &[own]);
        // It was somebody's whom nobody knows.
        let nobodys = doubted("and nothing says who that is");
        // A share that only a third one was told of, or that came after the end.
        let theirs: BTreeSet<_> = [violation.subject, violation.owner]
            .into_iter()
            .flat_map(|subject| {
                let kinds = [own, other].into_iter().flatten();
                kinds.flat_map(move |kind| connections(found, kind, subject))
            })
            .collect();
        let mut missing = missing(whole, part, "shared", id).into_iter();
        let ends = part.iter().filter_map(|told| told.end);
        let end = ends.min().unwrap_or(u64::MAX);
        let shared = missing.any(|(on, seq)| !theirs.contains(&on) || seq >= end);
        // A share that came a moment after.
        let raced = doubted("of a change of its access");
        contested
            || announced
            || nobodys
            || shared
            || raced
            || is_shared_otherwise(violation, truth, found)
    }
}

/// Whether frames that are missing said whether a session shares a connection: that it does, or that it is another
/// one's, whatever a client claims (decisions 0014 and 0018).
pub(super) fn is_shared_otherwise(violation: &Violation, truth: &Found, found: &Found) -> bool {
    let sharing = |found: &Found| -> BTreeSet<(u64, String)> {
        let all = &found.verification;
        let name = |session: SessionIx| all.sessions[session.0 as usize].id.clone();
        let each = found.connections().flat_map(|connection| {
            let one = &all.connections[connection.0 as usize];
            let sessions = one.sessions.iter().chain(&one.lanes);
            sessions.map(move |(_, session)| (found.number(connection), name(*session)))
        });
        each.collect()
    };
    let differs: BTreeSet<_> = &sharing(truth) ^ &sharing(found);
    let session = violation.subject.session;
    let session = session.map(|session| &found.verification.sessions[session.0 as usize].id);
    let on = violation.subject.connection;
    let on = on.map(|connection| found.number(connection));
    differs
        .iter()
        .any(|(number, id)| Some(*number) == on || Some(id) == session)
}

/// The connections of which something is missing or cannot be read up to that place.
fn lossy(part: &[Told], until: u64) -> BTreeSet<u64> {
    part.iter().flat_map(|told| lossy_of(told, until)).collect()
}

fn lossy_of(part: &Told, until: u64) -> BTreeSet<u64> {
    let all = || part.outline.connections.iter().map(|one| one.number);
    let gaps = part.outline.gaps.iter().filter(|gap| gap.from <= until);
    let gaps = gaps.flat_map(|gap| match gap.connection {
        Some(number) => vec![number],
        None => all().collect(),
    });
    let messages = part.messages.iter();
    // A control frame is no message: nothing is lost with what it carries.
    let is_unread = |message: &&(Moment, u64, Direction, Opcode, Payload)| {
        message.3 == Opcode::TEXT && matches!(message.4, Payload::Not(_))
    };
    let unread = messages.filter(|message| message.0.seq <= until && is_unread(message));
    gaps.chain(unread.map(|message| message.1)).collect()
}

/// The connections of somebody.
fn connections(found: &Found, kind: HolderKind, subject: Subject) -> BTreeSet<u64> {
    let is_theirs = |connection: &ConnectionIx| {
        let one = &found.verification.connections[connection.0 as usize];
        match kind {
            _ if subject.connection == Some(*connection) => true,
            HolderKind::Session => {
                let mut sessions = one.sessions.iter().chain(&one.lanes);
                sessions.any(|(_, session)| Some(*session) == subject.session)
            }
            HolderKind::User => one.user.is_some() && one.user == subject.user,
            HolderKind::Connection => false,
        }
    };
    let all = found.connections().filter(is_theirs);
    all.map(|connection| found.number(connection)).collect()
}

/// The messages of that name and document that are not in the part, or cannot be read there: on which
/// connection, and where.
fn missing(whole: &[Told], part: &[Told], name: &str, id: &str) -> Vec<(u64, u64)> {
    let left: BTreeSet<_> = part
        .iter()
        .flat_map(|told| &told.messages)
        .filter(|message| matches!(message.4, Payload::Whole(_)))
        .map(|message| message.0.seq)
        .collect();
    let all = whole.iter().flat_map(|told| &told.messages);
    let all = all.filter(|message| match &message.4 {
        Payload::Whole(text) => {
            text.contains(&format!("\"type\":\"{name}\"")) && text.contains(&format!("\"{id}\""))
        }
        Payload::Not(_) => false,
    });
    let lost = all.filter(|message| !left.contains(&message.0.seq));
    lost.map(|message| (message.1, message.0.seq)).collect()
}
