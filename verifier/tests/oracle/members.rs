//! `owned`, of what nobody asks for: how far an id reaches and when it means something else, facts,
//! memberships that end with their connection or do not, shares with users, over histories with all
//! that can be wrong with a recording, and in which sessions share connections. (`owned.rs` is about
//! requests and their answers.)

mod access;
mod rule;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use wsaudit_verifier::rules::HolderKind;
use wsaudit_wire::Direction;

use self::rule::{Claims, Reach};
pub(crate) use self::rule::{Rule, rules};
use super::lives::{Event, History, Reads, What, Who, user};
use super::parties::Party;
use super::random::{Names, cases, histories, mostly_named};
use super::shared::{NAMING, Whose, naming};
use super::told::{Expected, check, pack};

/// In ms.
const SLACK: i64 = 1000;

pub(crate) const NAMES: Names = Names {
    asks: &["draft", "join", "join", "leave", "other"],
    says: &[
        "made", "made", "joined", "joined", "left", "left", "shared", "unshared", "released",
        "motd", "content", "content", "content", "content", "content",
    ],
};

/// What is about a document, and has to say which.
const NAME_ONE: [&str; 9] = [
    "made", "draft", "join", "joined", "leave", "left", "shared", "unshared", "released",
];

/// The same, where sessions share connections.
pub(crate) const NAMES_OF_SHARED: Names = Names {
    asks: NAMES.asks,
    says: &[
        "made", "made", "joined", "joined", "left", "shared", "unshared", "released", "motd",
        "opened", "content", "content", "content", "content", "content",
    ],
};

/// Within what an id means the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Everywhere,
    Of(Party),
}

/// Where an id means the same, the id, and how often it was given up and taken anew.
type Doc = (Scope, usize, usize);

/// What a claim rests on, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Basis {
    Fact,
    Named,
    Minted,
    Delivered,
}

type Claim = (Basis, Party, Option<usize>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Yes,
    Perhaps,
    No,
}

/// A rule and the history that it is asked about.
struct Asked<'a> {
    rule: &'a Rule,
    whose: Whose<'a>,
    events: Vec<Event<'a>>,
    /// By event (of those that name one): the document.
    docs: BTreeMap<usize, Doc>,
}

impl<'a> Asked<'a> {
    fn new(rule: &'a Rule, history: &'a History, whose: Whose<'a>) -> Self {
        let mut asked = Self {
            rule,
            whose,
            events: history.events(),
            docs: BTreeMap::new(),
        };
        // Who joins or claims what was given up, means another one from there on.
        let mut lives: BTreeMap<(Scope, usize), (usize, bool)> = BTreeMap::new();
        for event in &asked.events {
            let Some(doc) = event.doc() else { continue };
            let scope = asked.scope(event);
            let (life, is_released) = lives.entry((scope, doc)).or_default();
            if *is_released && asked.begins(event) {
                (*life, *is_released) = (*life + 1, false);
            }
            asked.docs.insert(event.number, (scope, doc, *life));
            *is_released |= rule.released && event.is(&["released"]);
        }
        asked
    }

    fn scope(&self, event: &Event<'_>) -> Scope {
        match self.rule.reach {
            Reach::Server => Scope::Everywhere,
            Reach::Within(kind) => Scope::Of(self.whose.on(kind, event)),
        }
    }

    fn claims(&self, event: &Event<'_>) -> bool {
        match self.rule.claims {
            Claims::None => false,
            Claims::Delivered | Claims::Named => event.is(&["made"]),
            Claims::Minted => event.is(&["draft"]),
        }
    }

    fn begins(&self, event: &Event<'_>) -> bool {
        self.claims(event) || self.rule.members && event.is(&["join", "joined"])
    }

    /// Whether the rule has to do with the document of an event: that a client names it is nothing.
    fn speaks_of(&self, event: &Event<'_>) -> bool {
        let said = event.from == Some(Direction::ServerToClient) && !event.is(&["motd"]);
        said || self.begins(event) || self.rule.members && event.is(&["leave"])
    }

    /// Whether something that is about a document does not say which.
    fn is_any_nameless(&self) -> bool {
        let rule = self.rule;
        let mut events = self.events.iter().filter(|event| event.doc().is_none());
        events.any(|event| {
            self.begins(event)
                || rule.members && event.is(&["leave", "left"])
                || rule.released && event.is(&["released"])
                || rule.shares.is_some() && event.is(&["shared", "unshared"])
        })
    }

    /// Whether a fact about an id is about what it means in a scope.
    fn reaches(&self, fact: Who, scope: Scope) -> bool {
        let met = self.whose.is_met(fact);
        match (scope, fact) {
            (Scope::Everywhere, _) => true,
            (
                Scope::Of(
                    Party::Unknown(on) | Party::Perhaps(on) | Party::Known(Who::Connection(on)),
                ),
                _,
            ) => self.whose.first_holder(self.rule.owner, on) == Some(fact),
            (Scope::Of(Party::Known(here @ Who::User(_))), Who::Session(session)) => {
                met && self.whose.user_of(session, usize::MAX) == Some(here)
            }
            (Scope::Of(Party::Known(Who::Session(session))), Who::User(_)) => {
                met && self.whose.user_of(session, usize::MAX) == Some(fact)
            }
            (Scope::Of(Party::Known(here)), _) => met && here == fact,
        }
    }

    /// Whether that goes by the user whom a session was first seen with, and another one may have been first.
    fn rests_on_what_is_missing(&self, fact: Who, scope: Scope) -> bool {
        match (scope, fact) {
            (Scope::Of(Party::Known(Who::User(_))), Who::Session(session))
            | (Scope::Of(Party::Known(Who::Session(session))), Who::User(_)) => {
                self.whose.may_have_another_user(session)
            }
            _ => false,
        }
    }

    /// Whether it is not known of facts whether they are about a document.
    fn is_perhaps_listed(&self, doc: Doc) -> bool {
        let facts = self.rule.facts.iter().flatten();
        let mut facts = facts.filter(|(id, _)| *id == doc.1 && doc.2 == 0);
        facts.any(|(_, owner)| self.rests_on_what_is_missing(self.listed(*owner), doc.0))
    }

    fn listed(&self, owner: usize) -> Who {
        match self.rule.owner {
            HolderKind::User => Who::User(owner),
            HolderKind::Session | HolderKind::Connection => Who::Session(owner),
        }
    }

    /// All claims to a document, the strongest first.
    fn claims_to(&self, doc: Doc) -> Vec<Claim> {
        let mut claims: Vec<Claim> = Vec::new();
        if doc.2 == 0 {
            let facts = self.rule.facts.iter().flatten();
            for (_, owner) in facts.filter(|(id, _)| *id == doc.1) {
                let owner = self.listed(*owner);
                if self.reaches(owner, doc.0) && !self.rests_on_what_is_missing(owner, doc.0) {
                    claims.push((Basis::Fact, Party::Known(owner), None));
                }
            }
        }
        for event in &self.events {
            if self.docs.get(&event.number) != Some(&doc) || !self.claims(event) {
                continue;
            }
            let own = self.whose.claims_for(self.rule.owner, event);
            let party = event.fields.and_then(|fields| fields.party);
            let named = party.map(|session| match self.rule.owner {
                HolderKind::User => Party::Known(Who::User(user(session))),
                HolderKind::Session | HolderKind::Connection => Party::Known(Who::Session(session)),
            });
            let (basis, owner) = match (self.rule.claims, named) {
                (Claims::Minted, _) => (Basis::Minted, own),
                (Claims::Named, Some(named)) => (Basis::Named, named),
                (Claims::None | Claims::Delivered | Claims::Named, _) => (Basis::Delivered, own),
            };
            claims.push((basis, owner, Some(event.number)));
        }
        claims.sort_by_key(|(basis, ..)| *basis);
        claims
    }

    /// The strongest claim; that something was delivered is one only if it was to nobody else.
    fn owner(&self, doc: Doc) -> Option<Claim> {
        let claims = self.claims_to(doc);
        let first = claims.first()?;
        let delivered: BTreeSet<_> = claims
            .iter()
            .filter(|(basis, ..)| *basis == Basis::Delivered)
            .map(|(_, who, _)| *who)
            .collect();
        (first.0 != Basis::Delivered || delivered.len() == 1).then_some(*first)
    }

    fn judge(&self) -> Expected {
        let (rule, whose) = (self.rule, &self.whose);
        let mut expected = Expected {
            doubts: self.whose.is_doubtful(Reads::Messages, rule.owner) || self.is_any_nameless(),
            ..Expected::default()
        };
        let id = |doc: Doc| Some(format!("document-{}", doc.1));
        let spoken_of = self.events.iter().filter(|event| self.speaks_of(event));
        let all: BTreeSet<Doc> = spoken_of
            .filter_map(|event| self.docs.get(&event.number).copied())
            .collect();
        let given = rule
            .facts
            .iter()
            .flatten()
            .map(|(doc, _)| (Scope::Everywhere, *doc, 0));
        let given = given.filter(|_| rule.reach == Reach::Server);
        for doc in all.iter().copied().chain(given).collect::<BTreeSet<_>>() {
            if self.is_perhaps_listed(doc) {
                expected.doubts = true;
                continue;
            }
            let claims = self.claims_to(doc);
            let made = claims
                .iter()
                .filter(|(basis, ..)| *basis != Basis::Delivered);
            let made: Vec<_> = made.copied().collect();
            // The first two that contradict each other, or of which nothing says whether they do.
            let two = |so: &dyn Fn(Party, Party) -> bool| {
                made.iter().enumerate().find_map(|(number, one)| {
                    let others = || made[number + 1..].iter().filter(|it| so(one.1, it.1));
                    let placed = others().find(|(.., place)| place.is_some());
                    Some((*one, *placed.or_else(|| others().next())?))
                })
            };
            let same = |one, other| self.whose.same(rule.owner, one, other);
            let differ = |one, other| self.whose.differ(one, other);
            let contest = two(&|one, other| differ(one, other) && !same(one, other));
            if let Some((one, other)) = contest {
                match other.2.or(one.2) {
                    Some(_) if self.may_be_released(one, other) => expected.doubts = true,
                    Some(place) => {
                        let [owner, who] = [one, other].map(|it| whose.told_as(rule.owner, it.1));
                        expected.violate((whose, rule.owner), (place, who, id(doc)), owner);
                    }
                    None => expected.doubts = true,
                }
            } else {
                let is_open = |one, other| !differ(one, other) && !same(one, other);
                let placed = |(one, other): (Claim, Claim)| other.2.or(one.2).is_some();
                expected.doubts |= two(&is_open).is_some_and(placed);
            }
            let is_fact = claims.iter().any(|(basis, ..)| *basis == Basis::Fact);
            let first = claims.iter().find(|(.., place)| place.is_some());
            if let (true, false, Some((_, who, Some(place)))) =
                (rule.complete && rule.facts.is_some(), is_fact, first)
            {
                // Whose it is, and so what its id means, frames that are missing may say.
                let within = matches!(
                    rule.reach,
                    Reach::Within(HolderKind::User | HolderKind::Session)
                );
                let nobodys = match doc.0 {
                    Scope::Of(Party::Unknown(on)) => self.whose.loses(on, 0, usize::MAX),
                    Scope::Of(Party::Known(_) | Party::Perhaps(_)) | Scope::Everywhere => false,
                };
                let of_another = within && (nobodys || matches!(who, Party::Perhaps(_)));
                if of_another {
                    expected.doubts = true;
                } else {
                    let who = whose.told_as(rule.owner, *who);
                    expected.violate((whose, rule.owner), (*place, who, id(doc)), None);
                }
            }
        }
        let shown = self.events.iter().filter(|event| {
            event.from == Some(Direction::ServerToClient)
                && event.doc().is_some()
                && !event.is(&["motd"])
        });
        let mut told = BTreeSet::new();
        let (mut any, mut about) = (false, false);
        for event in shown {
            let doc = self.docs[&event.number];
            (any, expected.exercised) = (
                true,
                expected.exercised | self.whose.others_are_connected(rule.owner, event),
            );
            let claims = self.claims_to(doc);
            about |= claims.iter().any(|(basis, ..)| *basis == Basis::Fact);
            if self.is_perhaps_listed(doc) {
                about = true;
                continue;
            }
            let (owner, receiver) = (self.owner(doc), self.whose.on(rule.owner, event));
            let own = owner
                .is_some_and(|(_, owner, _)| self.whose.same(self.rule.owner, owner, receiver));
            let access = self.access(event);
            let several = self.whose.is_one_of_several(self.rule.owner, receiver);
            if own || access == Access::Yes && !several {
                continue;
            }
            let nobody_owns = rule.claims == Claims::None && rule.facts.is_none();
            let foreign = match owner {
                None => nobody_owns && receiver.known().is_some(),
                Some((_, owner, _)) => self.whose.differ(owner, receiver),
            };
            let certain = if several {
                !self.one_was_given(event)
            } else {
                access == Access::No && !self.given_soon(event)
            };
            // What is certain of the same is told, and not the doubt; of messages of each name, and apart
            // from what came before access was given what came after it had ended.
            let how = (event.name, !several && self.had_access(event));
            let place = (foreign && certain).then_some((how, event.number));
            told.insert((doc, receiver, place));
        }
        let pairs: BTreeSet<_> = told
            .iter()
            .map(|(doc, receiver, _)| (*doc, *receiver))
            .collect();
        for (doc, receiver) in pairs {
            let sure = told
                .iter()
                .filter(|(of, who, _)| (*of, *who) == (doc, receiver));
            let unseen = |place| self.may_be_unseen(self.owner(doc), receiver, place);
            let mut by_how = BTreeMap::new();
            for (how, place) in sure.filter_map(|(.., place)| *place) {
                let first = by_how.entry(how).or_insert(place);
                *first = place.min(*first);
            }
            expected.doubts |= by_how.is_empty();
            for place in by_how.into_values() {
                if unseen(place) {
                    expected.doubts = true;
                    continue;
                }
                let who = whose.told_as(rule.owner, receiver);
                let owner = self
                    .owner(doc)
                    .and_then(|owner| whose.told_as(rule.owner, owner.1));
                expected.violate((whose, rule.owner), (place, who, id(doc)), owner);
            }
        }
        let claimed_too = all.iter().any(|doc| {
            let claims = self.claims_to(*doc);
            claims.iter().any(|(basis, ..)| *basis == Basis::Fact)
                && claims.iter().any(|(.., place)| place.is_some())
        });
        // Facts that are about nothing here prove nothing.
        expected.doubts |= rule.facts.is_some() && any && !about && !claimed_too;
        expected
    }
}

/// Most that happens is about one document.
pub(crate) fn crowded(mut history: History) -> History {
    for one in &mut history.happened {
        if let What::Says(_, _, fields) = &mut one.what {
            fields.doc = fields.doc.map(|doc| doc / 2);
        }
    }
    mostly_named(history, &NAME_ONE)
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn whose_it_is_and_who_may_see_it(rule in rules(), history in histories(NAMES).prop_map(crowded)) {
        let found = check(&pack(&rule.text("")), &history, &rule.told());
        let asked = Asked::new(&rule, &history, Whose::connection(&history));
        asked.judge().agree(&found, rule.owner)?;
    }

    #[test]
    fn whose_it_is_of_those_who_share_a_connection(
        rule in rules(),
        history in naming(histories(NAMES_OF_SHARED).prop_map(crowded)),
    ) {
        let found = check(&pack(&rule.text(NAMING)), &history, &rule.told());
        let asked = Asked::new(&rule, &history, Whose::named(&history));
        asked.judge().agree(&found, rule.owner)?;
    }
}
