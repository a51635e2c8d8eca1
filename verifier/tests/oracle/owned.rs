//! `owned`, of what is asked for: who owns what, who is shown or given what; each question is asked of
//! the whole list of events. (`members.rs` is about what nobody asks for.)

mod claims;
mod uses;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::rules::HolderKind;
use wsaudit_wire::Direction;

use self::claims::{Basis, Claim};
use self::uses::Answer;
use super::lives::{Event, History, Reads, What, Who, user};
use super::parties::Party;
use super::random::{Names, cases, histories, mostly_named, word};
use super::shared::{NAMING, Whose, naming};
use super::told::{Expected, check, pack};

/// In ms, as the pack says.
const SLACK: i64 = 1000;
const WITHIN: i64 = 2000;

const PACK: &str = r#"
[fields]
doc        = "/doc"
party      = "/party"
party_user = "/party_user"
request    = "/request"
[events]
make     = { from = "client", name = "make" }
draft    = { from = "client", name = "draft" }
open     = { from = "client", name = "open" }
change   = { from = "client", name = "change" }
made     = { from = "server", name = "made" }
content  = { from = "server", name = ["content", "granted"] }
refused  = { from = "server", name = "refused" }
shared   = { from = "server", name = "shared" }
unshared = { from = "server", name = "unshared" }
motd     = { from = "server", name = "motd" }
opened   = { from = "server", name = "opened" }
[[rule]]
id         = "it"
title      = "a document reaches its owner only"
kind       = "owned"
resource   = "doc"
broadcast-by = "motd"
used-by    = "open"
written-by = "change"
reply      = { match = "request", granted-by = "content", denied-by = "refused", within = "2s" }
"#;

/// `PARTY` is the field that names who owns.
const CLAIMS: [&str; 5] = [
    r#"{ event = "made", owner-at = "PARTY" }"#,
    r#"{ event = "made", answers = { event = "make", match = "request" } }"#,
    r#""made""#,
    r#""draft""#,
    r#"[{ event = "made", owner-at = "PARTY", answers = { event = "make", match = "request" } }, "draft"]"#,
];

const ASKS: &[&str] = &["make", "make", "draft", "open", "open", "change"];
pub(crate) const NAMES: Names = Names {
    asks: ASKS,
    says: &[
        "made", "made", "content", "content", "refused", "shared", "unshared", "motd", "hint",
        "granted",
    ],
};

/// What is about a document, and has to say which.
const NAME_ONE: [&str; 6] = ["made", "draft", "open", "change", "shared", "unshared"];

/// The same, where sessions share connections.
pub(crate) const NAMES_OF_SHARED: Names = Names {
    asks: ASKS,
    says: &[
        "made", "made", "content", "content", "refused", "shared", "unshared", "motd", "hint",
        "granted", "opened",
    ],
};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) owner: HolderKind,
    /// Which of [`CLAIMS`].
    claims: usize,
    anywhere: bool,
    shares: bool,
}

impl Rule {
    pub(crate) fn text(&self, session: &str) -> String {
        let party = match self.owner {
            HolderKind::User => "party_user",
            HolderKind::Session | HolderKind::Connection => "party",
        };
        let (owner, seen) = (
            word(self.owner),
            ["fields", "anywhere"][usize::from(self.anywhere)],
        );
        let claims = CLAIMS[self.claims].replace("PARTY", party);
        let shares = format!(
            "shared-by = {{ event = \"shared\", with = \"{party}\" }}\n\
             revoked-by = {{ event = \"unshared\", with = \"{party}\" }}\n"
        );
        let shares = if self.shares { shares } else { String::new() };
        format!(
            "{session}{PACK}owner = \"{owner}\"\nseen = \"{seen}\"\nclaimed-by = {claims}\n{shares}"
        )
    }
}

pub(crate) fn rules() -> impl Strategy<Value = Rule> {
    let flags = any::<[bool; 3]>();
    (0..CLAIMS.len(), flags).prop_map(|(claims, [of_users, anywhere, shares])| Rule {
        owner: if of_users {
            HolderKind::User
        } else {
            HolderKind::Session
        },
        claims,
        anywhere,
        shares,
    })
}

/// By which message, in answer to which request (see [`Asked::answers`]), and whether after access had ended.
type How<'a> = (&'a str, Option<(&'a str, bool)>, bool);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Yes,
    Perhaps,
    No,
}

/// A rule and the history that it is asked about.
struct Asked<'a> {
    rule: Rule,
    history: &'a History,
    whose: Whose<'a>,
    events: Vec<Event<'a>>,
    /// By document: all claims to it, the strongest first.
    claims: BTreeMap<usize, Vec<Claim>>,
}

impl<'a> Asked<'a> {
    fn new(rule: Rule, history: &'a History, whose: Whose<'a>) -> Self {
        let events = history.events();
        let claims = claims::all(rule, &whose, &events);
        Self {
            rule,
            history,
            whose,
            events,
            claims,
        }
    }

    /// With whom an event shares, or shares no more.
    fn named(&self, event: &Event<'_>) -> Option<Party> {
        let session = event.fields?.party.filter(|_| self.rule.shares)?;
        Some(Party::Known(match self.rule.owner {
            HolderKind::User => Who::User(user(session)),
            HolderKind::Session | HolderKind::Connection => Who::Session(session),
        }))
    }

    /// The strongest claim; that something was delivered is one only if it was to nobody else.
    fn owner(&self, doc: usize) -> Option<Claim> {
        let claims = self.claims.get(&doc)?;
        let first = *claims.first()?;
        let delivered = claims
            .iter()
            .filter(|claim| claim.basis == Basis::Delivered);
        let delivered: BTreeSet<_> = delivered.map(|claim| claim.owner).collect();
        (first.basis != Basis::Delivered || delivered.len() == 1).then_some(first)
    }

    /// How access to a document stands, or stood a moment before, for whose an event is.
    fn access(&self, doc: usize, seen: &Event<'_>) -> Access {
        let who = self.whose.acts_for(self.rule.owner, seen);
        let turn = |name| {
            let all = self.events.iter().filter(move |event| event.is(&[name]));
            all.filter(|event| event.doc() == Some(doc) && self.named(event) == Some(who))
        };
        let share = turn("shared")
            .filter(|share| share.number <= seen.number)
            .last();
        let Some(share) = share else {
            return Access::No;
        };
        let mut ends = turn("unshared");
        match ends.find(|end| end.number > share.number && end.number < seen.number) {
            None => Access::Yes,
            Some(end) if end.on != seen.on && seen.at - end.at <= SLACK => Access::Perhaps,
            Some(_) => Access::No,
        }
    }

    /// Whether whose an event is had access to a document before, which it has no more.
    fn had_access(&self, doc: usize, seen: &Event<'_>) -> bool {
        let who = self.whose.acts_for(self.rule.owner, seen);
        let mut shares = self.events.iter().filter(|event| event.is(&["shared"]));
        shares.any(|share| {
            share.number <= seen.number
                && share.doc() == Some(doc)
                && self.named(share) == Some(who)
        })
    }

    /// The request for a document, by its name, that an event answers, and whether it grants that it is changed.
    fn answers(&self, doc: usize, event: &Event<'_>) -> Option<(&'a str, bool)> {
        let key = event.request()?;
        let grants = event.is(&["content", "granted"]);
        let asks = self.events.iter().filter(|ask| {
            ask.from == Some(Direction::ClientToServer)
                && ask.on == event.on
                && ask.number < event.number
                && ask.request() == Some(key)
        });
        let ask = asks.last().filter(|ask| ask.doc() == Some(doc))?;
        (grants || event.is(&["refused"])).then_some((ask.name, grants && ask.is(&["change"])))
    }

    /// Whether a document is shared with whose an event is just after it.
    fn shared_soon(&self, doc: usize, seen: &Event<'_>) -> bool {
        let who = self.whose.on(self.rule.owner, seen);
        self.events.iter().any(|share| {
            share.is(&["shared"])
                && share.number > seen.number
                && share.at - seen.at <= SLACK
                && share.doc() == Some(doc)
                && self.named(share) == Some(who)
        })
    }

    /// Whether a document was ever shared with one of those who share a connection.
    fn one_was_given(&self, doc: usize, on: usize) -> bool {
        let mut shares = self.events.iter().filter(|event| event.is(&["shared"]));
        shares.any(|share| {
            let with = share.fields.and_then(|fields| fields.party);
            let with = with.filter(|_| self.rule.shares);
            share.doc() == Some(doc) && with.is_some_and(|with| self.whose.has(on, with))
        })
    }

    /// Whether somebody named a document before an event.
    fn asked(&self, doc: usize, who: Party, before: &Event<'_>) -> bool {
        self.events.iter().any(|ask| {
            ask.from == Some(Direction::ClientToServer)
                && ask.number < before.number
                && ask.doc() == Some(doc)
                && self.whose.acts_for(self.rule.owner, ask) == who
        })
    }

    /// Whether whose an event is may have asked for something before it, unseen.
    fn asked_unseen(&self, event: &Event<'_>) -> bool {
        let kind = self.rule.owner;
        let own = self.whose.holder(kind, event);
        (0..self.history.connections()).any(|on| {
            let all = self.whose.all_ever(kind, on, event.number);
            let is_theirs = on == event.on || own.is_some_and(|own| all.contains(&own));
            is_theirs && self.whose.loses(on, 0, event.number)
        })
    }

    /// Whether others may have asked, unseen, for what was told to somebody who had not.
    fn others_may_have_asked(&self, claim: &Claim) -> bool {
        let mut all = 0..self.history.connections();
        claim.astray && all.any(|on| self.whose.loses(on, 0, claim.place))
    }

    /// Whether they may, or what was asked for may have been answered already.
    fn is_unsure(&self, claim: &Claim) -> bool {
        let others = self.others_may_have_asked(claim);
        let kinds = [self.rule.owner];
        let already = |request| {
            self.whose
                .is_lost(&kinds, claim.owner, request, claim.place)
        };
        claim.basis == Basis::Answered && (others || claim.request.is_some_and(already))
    }

    /// Whether something that nobody saw before a place may make right that a party is shown a document.
    fn may_be_unseen(&self, owner: Claim, party: Party, place: usize) -> bool {
        let kind = self.rule.owner;
        let lost = |party, from| self.whose.is_lost(&[kind], party, from, place);
        // A share, if it is not from before the document was asked for; what went astray need not be what was, and what
        // was shown before was there before.
        let made = owner.request.unwrap_or(0);
        let since = if owner.astray || made > place {
            0
        } else {
            made
        };
        let is_answer = owner.basis == Basis::Answered;
        let share = self.rule.shares && (lost(party, since) || lost(owner.owner, since));
        // It may be announced after it was shown, too; or an announcement say whose it is, wherever.
        let by_delivery = owner.basis == Basis::Delivered;
        let anything = || {
            let mut all = 0..self.history.connections();
            all.any(|on| self.whose.loses(on, 0, usize::MAX))
        };
        let named = matches!(self.rule.claims, 0 | 1 | 4) && anything();
        let announced = by_delivery && (named || self.whose.is_lost(&[kind], party, 0, usize::MAX));
        // The request that it answers may be theirs, too, or be answered already.
        let theirs = self.whose.is_lost(&[kind], party, 0, owner.place);
        let already = self.whose.is_lost(&[kind], owner.owner, made, owner.place);
        let their_answer = is_answer
            && (self.others_may_have_asked(&owner)
                || theirs && (owner.place == place || already)
                || already && (owner.astray || owner.contended));
        share || their_answer || announced
    }

    /// Whether something that is about a document does not say which.
    fn is_any_nameless(&self) -> bool {
        let claims: &[&str] = match self.rule.claims {
            0..=2 => &["made"],
            3 => &["draft"],
            _ => &["made", "draft"],
        };
        let shares: &[&str] = if self.rule.shares {
            &["shared", "unshared"]
        } else {
            &[]
        };
        let mut events = self.events.iter().filter(|event| event.doc().is_none());
        events.any(|event| event.is(&["open", "change"]) || event.is(claims) || event.is(shares))
    }

    fn judge(&self) -> Expected {
        let (kind, whose) = (self.rule.owner, &self.whose);
        let mut expected = Expected {
            doubts: whose.is_doubtful(Reads::Messages, kind) || self.is_any_nameless(),
            ..Expected::default()
        };
        let id = |doc: usize| Some(format!("document-{doc}"));
        for (doc, claims) in &self.claims {
            let claims = claims
                .iter()
                .filter(|claim| claim.basis != Basis::Delivered);
            let claims: Vec<_> = claims.collect();
            // The first two that contradict each other, or of which nothing says whether they do.
            let two = |so: &dyn Fn(Party, Party) -> bool| {
                claims.iter().enumerate().find_map(|(number, one)| {
                    let mut others = claims[number + 1..].iter();
                    Some((*one, *others.find(|other| so(one.owner, other.owner))?))
                })
            };
            let same = |one, other| whose.same(kind, one, other);
            match two(&|one, other| whose.differ(one, other) && !same(one, other)) {
                // Somebody else may have asked, too.
                Some((one, other)) if [one, other].into_iter().any(|it| self.is_unsure(it)) => {
                    expected.doubts = true;
                }
                Some((one, other)) => {
                    let [owner, who] = [one, other].map(|it| whose.told_as(kind, it.owner));
                    expected.violate((whose, kind), (other.place, who, id(*doc)), owner);
                }
                None => {
                    let is_open = |one, other| !whose.differ(one, other) && !same(one, other);
                    expected.doubts |= two(&is_open).is_some();
                }
            }
        }
        // By document and receiver: by how it is shown, the first time that it is surely wrong.
        let mut told: BTreeMap<(usize, Party), BTreeMap<How<'_>, usize>> = BTreeMap::new();
        for event in &self.events {
            if event.from != Some(Direction::ServerToClient) || event.is(&["motd"]) {
                continue;
            }
            let found = event.fields.and_then(|fields| fields.see);
            let found = found.filter(|doc| self.rule.anywhere && self.claims.contains_key(doc));
            let docs: BTreeSet<_> = event.doc().into_iter().chain(found).collect();
            let (receiver, claimant) = (whose.on(kind, event), whose.acts_for(kind, event));
            for doc in docs {
                let refuses = event.is(&["refused"]);
                if refuses && self.asked(doc, claimant, event) {
                    continue;
                }
                expected.exercised |= whose.others_are_connected(kind, event);
                let owner = self.owner(doc);
                let own = owner.is_some_and(|owner| whose.same(kind, owner.owner, receiver));
                let several = whose.is_one_of_several(kind, receiver);
                let access = self.access(doc, event);
                if own || access == Access::Yes && !several {
                    continue;
                }
                let certain = if several {
                    !self.one_was_given(doc, event.on)
                } else {
                    access == Access::No && !self.shared_soon(doc, event)
                };
                let foreign = owner.is_some_and(|owner| whose.differ(owner.owner, receiver));
                let sure = foreign && certain && !(refuses && self.asked_unseen(event));
                let by_how = told.entry((doc, receiver)).or_default();
                if sure {
                    let had_access = !several && self.had_access(doc, event);
                    let how = (event.name, self.answers(doc, event), had_access);
                    by_how.entry(how).or_insert(event.number);
                }
            }
        }
        let mut shown: BTreeMap<_, BTreeSet<usize>> = BTreeMap::new();
        for ((doc, receiver), by_how) in told {
            let owner = self.owner(doc);
            let unseen = |place| owner.is_some_and(|it| self.may_be_unseen(it, receiver, place));
            expected.doubts |= by_how.is_empty();
            for place in by_how.into_values() {
                if unseen(place) {
                    expected.doubts = true;
                    continue;
                }
                let who = whose.told_as(kind, receiver);
                let owner = owner.and_then(|owner| whose.told_as(kind, owner.owner));
                expected.violate((whose, kind), (place, who, id(doc)), owner);
                shown.entry((doc, receiver)).or_default().insert(place);
            }
        }
        for ((doc, user), answer) in self.uses() {
            let Some(owner) = self.owner(doc) else {
                // Whose it is, nobody knows.
                expected.doubts |= answer != Answer::Denied;
                continue;
            };
            let is_told = shown.get(&(doc, user)).is_some_and(|places| match answer {
                Answer::Granted(place) => places.contains(&place),
                _ => true,
            });
            if is_told || whose.same(kind, owner.owner, user) {
                continue;
            }
            expected.exercised = true;
            let given = match user {
                Party::Unknown(on) if whose.is_one_of_several(kind, user) => {
                    self.one_was_given(doc, on)
                }
                Party::Unknown(_) | Party::Perhaps(_) | Party::Known(_) => false,
            };
            match answer {
                _ if given || !whose.differ(owner.owner, user) => expected.doubts = true,
                Answer::Granted(place) if !self.may_be_unseen(owner, user, place) => {
                    let [owner, who] = [owner.owner, user].map(|it| whose.told_as(kind, it));
                    expected.violate((whose, kind), (place, who, id(doc)), owner);
                }
                Answer::Denied => {}
                _ => expected.doubts = true,
            }
        }
        expected
    }
}

/// A grant names no document: what it grants is known by what was asked for alone.
pub(crate) fn blank(mut history: History) -> History {
    for one in &mut history.happened {
        if let What::Says(_, "granted", fields) = &mut one.what {
            (fields.doc, fields.see) = (None, None);
            fields.request = fields.request.filter(|key| *key == 0);
        }
    }
    mostly_named(history, &NAME_ONE)
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn what_reaches_whom_it_must_not_is_found_and_nothing_else(
        rule in rules(),
        history in histories(NAMES).prop_map(blank),
    ) {
        let found = check(&pack(&rule.text("")), &history, &Facts::default());
        let asked = Asked::new(rule, &history, Whose::connection(&history));
        asked.judge().agree(&found, rule.owner)?;
    }

    #[test]
    fn what_those_who_share_a_connection_ask_for_is_theirs(
        rule in rules(),
        history in naming(histories(NAMES_OF_SHARED).prop_map(blank)),
    ) {
        let found = check(&pack(&rule.text(NAMING)), &history, &Facts::default());
        let asked = Asked::new(rule, &history, Whose::named(&history));
        asked.judge().agree(&found, rule.owner)?;
    }
}
