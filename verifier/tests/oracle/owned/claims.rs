//! Whose a document is: what each event says of that.

use std::collections::{BTreeMap, BTreeSet};

use super::Rule;
use crate::lives::{Event, Who, user};
use crate::parties::Party;
use crate::shared::Whose;
use wsaudit_verifier::rules::HolderKind;

/// What a claim rests on, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Basis {
    Named,
    Answered,
    Minted,
    Delivered,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) basis: Basis,
    pub(super) owner: Party,
    pub(super) place: usize,
    /// The request that it answers.
    pub(super) request: Option<usize>,
    /// Whether it was delivered where that did not come from, or where another one has the connection by then.
    pub(super) astray: bool,
    /// Whether somebody else waits for an answer of that id.
    pub(super) contended: bool,
}

/// Whom an announcement answers.
enum Answered<'a, 'h> {
    Nobody,
    One(&'a Event<'h>),
    OneOfSeveral,
}

/// All claims to each document, the strongest first.
pub(super) fn all(
    rule: Rule,
    whose: &Whose<'_>,
    events: &[Event<'_>],
) -> BTreeMap<usize, Vec<Claim>> {
    let (by_name, by_answer) = (matches!(rule.claims, 0 | 4), matches!(rule.claims, 1 | 4));
    let mut all: BTreeMap<usize, Vec<Claim>> = BTreeMap::new();
    let mut answered = BTreeSet::new();
    for event in events {
        let own = whose.claims_for(rule.owner, event);
        let mut claims = Vec::new();
        if event.is(&["draft"]) && matches!(rule.claims, 3 | 4) {
            claims.push((Basis::Minted, own, None));
        }
        if event.is(&["made"]) && rule.claims != 3 {
            let request = if by_answer {
                answers(rule, whose, events, event, &mut answered)
            } else {
                Answered::Nobody
            };
            let party = event.fields.and_then(|fields| fields.party);
            let named = party.filter(|_| by_name).map(|session| match rule.owner {
                HolderKind::User => Party::Known(Who::User(user(session))),
                HolderKind::Session | HolderKind::Connection => Party::Known(Who::Session(session)),
            });
            let asked = match request {
                Answered::One(ask) => Some(ask.number),
                Answered::Nobody | Answered::OneOfSeveral => None,
            };
            claims.extend(named.map(|named| (Basis::Named, named, asked)));
            match request {
                Answered::One(ask) => {
                    claims.push((Basis::Answered, whose.claims_for(rule.owner, ask), asked));
                }
                Answered::Nobody if named.is_none() => claims.push((Basis::Delivered, own, None)),
                Answered::Nobody | Answered::OneOfSeveral => {}
            }
        }
        let Some(doc) = event.doc() else { continue };
        // Those who wait when this has been answered.
        let waits = |ask: &&Event<'_>| {
            ask.is(&["make"])
                && ask.number < event.number
                && ask.request().is_some()
                && ask.request() == event.request()
                && !answered.contains(&ask.number)
        };
        let waiting = events.iter().filter(waits);
        let waiting = waiting.map(|ask| whose.claims_for(rule.owner, ask));
        let waiting: BTreeSet<_> = waiting.collect();
        if !claims.is_empty() {
            let claims = claims.into_iter().map(|(basis, owner, request)| Claim {
                basis,
                owner,
                place: event.number,
                request,
                astray: request.is_some_and(|request| {
                    let mut asked = events.iter().filter(|ask| ask.number == request);
                    !asked.any(|ask| {
                        may_answer(whose, event, ask) && whose.claims_for(rule.owner, ask) == own
                    })
                }),
                contended: waiting.iter().any(|other| *other != owner),
            });
            all.entry(doc).or_default().extend(claims);
        }
    }
    for claims in all.values_mut() {
        claims.sort_by_key(|claim| claim.basis);
    }
    all
}

/// Whom an announcement answers: who asked first on its connection, else its receiver on another one, else
/// the only one who asked. What was answered on its connection is answered no more.
fn answers<'a, 'h>(
    rule: Rule,
    whose: &Whose<'_>,
    events: &'a [Event<'h>],
    made: &Event<'_>,
    answered: &mut BTreeSet<usize>,
) -> Answered<'a, 'h> {
    let asked = events.iter().filter(|ask| {
        ask.is(&["make"])
            && ask.number < made.number
            && ask.request().is_some()
            && ask.request() == made.request()
            && !answered.contains(&ask.number)
    });
    let asked: Vec<_> = asked.collect();
    let here = asked.iter().filter(|ask| may_answer(whose, made, ask));
    let here: Vec<_> = here.collect();
    if let Some(first) = here.first() {
        let several = here
            .iter()
            .any(|ask| whose.which(ask) != whose.which(first));
        let [asks, gets] = [first, made].map(|event| whose.claims_for(rule.owner, event));
        if several || whose.may_be_of_another(made) && asks != gets {
            return Answered::OneOfSeveral;
        }
        answered.insert(first.number);
        return Answered::One(first);
    }
    let own = whose.claims_for(rule.owner, made);
    let own = asked
        .iter()
        .find(|ask| whose.claims_for(rule.owner, ask) == own);
    match (own, asked.as_slice()) {
        (_, []) => Answered::Nobody,
        (Some(one), _) | (None, [one]) => Answered::One(one),
        (None, _) => Answered::OneOfSeveral,
    }
}

/// Whether what the server says answers what a client said: on the same connection, and, where sessions
/// share it, of the same one; what names nobody may be for any of them.
pub(super) fn may_answer(whose: &Whose<'_>, says: &Event<'_>, asks: &Event<'_>) -> bool {
    let names = |event: &Event<'_>| event.fields.and_then(|fields| fields.session);
    says.on == asks.on
        && (!whose.is_shared(says.on)
            || names(says).is_none()
            || whose.may_be_of_another(says)
            || whose.may_be_of_another(asks)
            || whose.other(says) == whose.other(asks))
}
