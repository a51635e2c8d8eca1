//! `owned`: who owns what, who had access when, who was shown or given what; each question is asked of
//! the whole list of events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::prelude::*;
use wsaudit_tagging::TagKind;
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::verdict::State;

use super::history::{
    Fields, Happened, What, called, cases, check, first_session, histories, pack, session_at,
};

/// In ms, as the pack says.
const SLACK: i64 = 1000;
const WITHIN: i64 = 2000;

const PACK: &str = r#"
[pack]
name   = "oracle"
format = 1
[message]
name = "/type"
[fields]
doc     = "/doc"
party   = "/party"
request = "/request"
[events]
make     = { from = "client", name = "make" }
draft    = { from = "client", name = "draft" }
open     = { from = "client", name = "open" }
change   = { from = "client", name = "change" }
made     = { from = "server", name = "made" }
content  = { from = "server", name = "content" }
refused  = { from = "server", name = "refused" }
shared   = { from = "server", name = "shared" }
unshared = { from = "server", name = "unshared" }
motd     = { from = "server", name = "motd" }
[[rule]]
id         = "it"
title      = "a document reaches its owner only"
kind       = "owned"
resource   = "doc"
shared-by  = { event = "shared", with = "party" }
revoked-by = { event = "unshared", with = "party" }
broadcast-by = "motd"
used-by    = "open"
written-by = "change"
reply      = { match = "request", granted-by = "content", denied-by = "refused", within = "2s" }
"#;

const CLAIMS: [&str; 5] = [
    r#"{ event = "made", owner-at = "party" }"#,
    r#"{ event = "made", answers = { event = "make", match = "request" } }"#,
    r#""made""#,
    r#""draft""#,
    r#"[{ event = "made", owner-at = "party", answers = { event = "make", match = "request" } }, "draft"]"#,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Basis {
    Named,
    Answered,
    Minted,
    Delivered,
}

/// Somebody: by name, or a connection of which nothing is known then.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Known(String),
    Unknown(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Yes,
    Perhaps,
    No,
}

struct Oracle<'o> {
    history: &'o [Happened],
    kind: TagKind,
    claims: usize,
    anywhere: bool,
}

/// A use and its answer: `Some(true)`: granted.
struct Use {
    doc: usize,
    who: Who,
    at: i64,
    on: usize,
    key: Option<usize>,
    raced: bool,
    given: bool,
    said: Option<Said>,
    /// What is said is final: an answer with its key, or an answer to a use that has none.
    closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Granted,
    Denied,
    Either,
}

impl Oracle<'_> {
    fn who(&self, on: usize, number: usize) -> Who {
        session_at(self.history, on, number).map_or(Who::Unknown(on), |session| {
            Who::Known(called(self.kind, session))
        })
    }

    /// Whom a connection acts for, also before that is known.
    fn acts_for(&self, on: usize, number: usize) -> Who {
        let session =
            session_at(self.history, on, number).or_else(|| first_session(self.history, on));
        session.map_or(Who::Unknown(on), |session| {
            Who::Known(called(self.kind, session))
        })
    }

    fn named(&self, fields: &Fields) -> Option<Who> {
        fields
            .party
            .map(|session| Who::Known(called(self.kind, session)))
    }

    fn says(&self, name: &'static str) -> impl Iterator<Item = (usize, &Happened, &Fields)> {
        self.history
            .iter()
            .enumerate()
            .filter_map(move |(number, one)| match &one.what {
                What::Asks(is, fields) | What::Says(is, fields) if *is == name => {
                    Some((number, one, fields))
                }
                What::Asks(..) | What::Says(..) | What::Login(_) => None,
            })
    }

    /// All claims to a document, the strongest first.
    fn claims(&self, wanted: usize) -> Vec<(Basis, Who)> {
        let (by_name, by_answer) = (matches!(self.claims, 0 | 4), matches!(self.claims, 1 | 4));
        let mut claims = Vec::new();
        if matches!(self.claims, 3 | 4) {
            for (number, one, _) in self
                .says("draft")
                .filter(|(.., fields)| fields.doc == Some(wanted))
            {
                claims.push((Basis::Minted, self.acts_for(one.on, number)));
            }
        }
        if self.claims != 3 {
            let mut answered = BTreeSet::new();
            for (number, one, fields) in self.says("made") {
                let own = self.acts_for(one.on, number);
                let asked: Vec<_> = self
                    .says("make")
                    .filter(|(before, _, make)| {
                        by_answer
                            && *before < number
                            && !answered.contains(before)
                            && make.request.is_some()
                            && make.request == fields.request
                    })
                    .map(|(before, make, _)| (before, make.on, self.acts_for(make.on, before)))
                    .collect();
                let here = asked.iter().find(|(_, on, _)| *on == one.on);
                answered.extend(here.map(|(before, ..)| *before));
                let from = here
                    .or_else(|| asked.iter().find(|(.., who)| *who == own))
                    .or(match asked.as_slice() {
                        [only] => Some(only),
                        _ => None,
                    });
                if fields.doc != Some(wanted) {
                    continue;
                }
                let named = self.named(fields).filter(|_| by_name);
                if named.is_none() && asked.is_empty() {
                    claims.push((Basis::Delivered, own));
                }
                claims.extend(named.map(|who| (Basis::Named, who)));
                claims.extend(from.map(|(.., who)| (Basis::Answered, who.clone())));
            }
        }
        claims.sort_by_key(|(basis, _)| *basis);
        claims
    }

    fn owner(&self, doc: usize) -> Option<Who> {
        let claims = self.claims(doc);
        let (basis, first) = claims.first()?;
        let sole = claims
            .iter()
            .all(|(basis, who)| *basis != Basis::Delivered || who == first);
        (*basis != Basis::Delivered || sole).then(|| first.clone())
    }

    fn access(&self, doc: usize, number: usize) -> Access {
        let (at, on) = (self.history[number].at, self.history[number].on);
        let who = self.acts_for(on, number);
        let is_it =
            |fields: &Fields| fields.doc == Some(doc) && self.named(fields).as_ref() == Some(&who);
        let share = self
            .says("shared")
            .filter(|(share, _, fields)| *share <= number && is_it(fields))
            .last();
        let Some((share, ..)) = share else {
            return Access::No;
        };
        let end = self
            .says("unshared")
            .find(|(end, _, fields)| *end > share && *end < number && is_it(fields));
        match end {
            None => Access::Yes,
            Some((_, end, _)) if end.on != on && at - end.at <= SLACK => Access::Perhaps,
            Some(_) => Access::No,
        }
    }

    /// Whether a document is shared with somebody after an event, but not more than the slack after `at`.
    fn shared_soon(&self, doc: usize, with: &Who, after: usize) -> bool {
        let at = self.history[after].at;
        self.says("shared").any(|(share, one, fields)| {
            share > after
                && one.at - at <= SLACK
                && fields.doc == Some(doc)
                && self.named(fields).as_ref() == Some(with)
        })
    }

    fn judge(&self) -> (State, BTreeSet<(String, String)>) {
        let mut violated = BTreeSet::new();
        let (mut doubts, mut exercised) = (false, false);
        let name = |who: &Who| match who {
            Who::Known(name) => name.clone(),
            Who::Unknown(on) => format!("connection {on}"),
        };
        let same = |owner: &Who, who: &Who| {
            owner == who
                || matches!(who, Who::Unknown(on) if first_session(self.history, *on).is_some_and(|session| *owner == Who::Known(called(self.kind, session))))
        };
        for doc in 0..3 {
            let Some(owner) = self.owner(doc) else {
                continue;
            };
            let other = self.claims(doc).into_iter().find(|(basis, who)| {
                *basis != Basis::Delivered
                    && *who != owner
                    && matches!((who, &owner), (Who::Known(_), Who::Known(_)))
            });
            violated.extend(other.map(|(_, who)| (format!("document-{doc}"), name(&who))));
        }
        for (number, one) in self.history.iter().enumerate() {
            let What::Says(said, fields) = &one.what else {
                continue;
            };
            doubts |= first_session(self.history, one.on).is_none();
            let mut docs: BTreeSet<_> = fields.doc.into_iter().collect();
            let found = fields
                .see
                .filter(|doc| self.anywhere && !self.claims(*doc).is_empty());
            docs.extend(found);
            for doc in docs {
                let (who, acts_for) = (self.who(one.on, number), self.acts_for(one.on, number));
                let asked = |name| {
                    self.says(name).any(|(before, ask, fields)| {
                        before < number
                            && fields.doc == Some(doc)
                            && self.acts_for(ask.on, before) == acts_for
                    })
                };
                if *said == "motd" || *said == "refused" && (asked("open") || asked("change")) {
                    continue;
                }
                exercised = true;
                let access = self.access(doc, number);
                let owner = self.owner(doc);
                if access == Access::Yes || owner.as_ref().is_some_and(|owner| same(owner, &who)) {
                    continue;
                }
                let certain = access == Access::No && !self.shared_soon(doc, &who, number);
                match (owner, &who) {
                    (Some(Who::Known(_)), Who::Known(receiver)) if certain => {
                        violated.insert((format!("document-{doc}"), receiver.clone()));
                    }
                    _ => doubts = true,
                }
            }
        }
        for one in self.uses() {
            let owner = self.owner(one.doc);
            if owner.as_ref().is_some_and(|owner| same(owner, &one.who)) {
                continue;
            }
            exercised |= owner.is_some();
            match (owner, &one.who, one.said) {
                (_, _, Some(_)) if one.given && one.said != Some(Said::Denied) => {}
                (Some(Who::Known(_)), Who::Known(user), Some(Said::Granted)) if !one.raced => {
                    violated.insert((format!("document-{}", one.doc), user.clone()));
                }
                (None | Some(Who::Known(_)), Who::Known(_), Some(Said::Denied))
                | (None, _, Some(Said::Denied)) => {}
                _ => doubts = true,
            }
        }
        let state = match (violated.is_empty(), exercised, doubts) {
            (false, ..) => State::Violated,
            (true, false, _) => State::NotExercised,
            (true, true, true) => State::Undecided,
            (true, true, false) => State::Holds,
        };
        (state, violated)
    }

    fn uses(&self) -> Vec<Use> {
        let mut uses: Vec<Use> = Vec::new();
        for (number, one) in self.history.iter().enumerate() {
            match &one.what {
                What::Login(_) => {}
                What::Asks(name, fields) => {
                    let Some(doc) = fields.doc.filter(|_| matches!(*name, "open" | "change"))
                    else {
                        continue;
                    };
                    let access = self.access(doc, number);
                    if access != Access::Yes {
                        let who = self.who(one.on, number);
                        uses.push(Use {
                            doc,
                            who,
                            at: one.at,
                            on: one.on,
                            key: fields.request,
                            raced: access == Access::Perhaps,
                            given: false,
                            said: None,
                            closed: false,
                        });
                    }
                }
                What::Says(name, fields) => {
                    if let ("shared", Some(doc), Some(with)) =
                        (*name, fields.doc, self.named(fields))
                    {
                        for one_use in uses
                            .iter_mut()
                            .filter(|one_use| one_use.doc == doc && one_use.who == with)
                        {
                            if !one_use.closed {
                                one_use.given = true;
                            } else if one.at - one_use.at <= SLACK {
                                one_use.raced = true;
                            }
                        }
                    }
                    let said = match *name {
                        "content" => Said::Granted,
                        "refused" => Said::Denied,
                        _ => continue,
                    };
                    let here = uses
                        .iter_mut()
                        .filter(|one_use| one_use.on == one.on && !one_use.closed);
                    if let Some(key) = fields.request {
                        for one_use in here.filter(|one_use| one_use.key == Some(key)) {
                            (one_use.said, one_use.closed) = (Some(said), true);
                        }
                        continue;
                    }
                    let mut meant: Vec<_> = here
                        .filter(|one_use| one_use.said.is_none() && one.at - one_use.at <= WITHIN)
                        .collect();
                    let said = if meant.len() > 1 { Said::Either } else { said };
                    for one_use in &mut meant {
                        (one_use.said, one_use.closed) = (Some(said), one_use.key.is_none());
                    }
                }
            }
        }
        uses
    }
}

const ASKS: &[&str] = &["make", "make", "draft", "open", "open", "change"];
const SAYS: &[&str] = &[
    "made", "made", "content", "content", "refused", "shared", "unshared", "motd", "hint",
];

/// By the claims, whether users own, and whether ids are looked for anywhere.
static PACKS: LazyLock<BTreeMap<(usize, bool, bool), Pack>> = LazyLock::new(|| {
    let mut packs = BTreeMap::new();
    for (number, claims) in CLAIMS.iter().enumerate() {
        for (of_users, owner) in [(false, "session"), (true, "user")] {
            for (anywhere, seen) in [(false, "fields"), (true, "anywhere")] {
                let text = format!(
                    "{PACK}owner = \"{owner}\"\nseen = \"{seen}\"\nclaimed-by = {claims}\n"
                );
                packs.insert((number, of_users, anywhere), pack(&text));
            }
        }
    }
    packs
});

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn what_reaches_whom_it_must_not_is_found_and_nothing_else(
        history in histories(ASKS, SAYS),
        claims in 0..CLAIMS.len(),
        of_users in any::<bool>(),
        anywhere in any::<bool>(),
    ) {
        let kind = if of_users { TagKind::User } else { TagKind::Session };
        let result = check(&PACKS[&(claims, of_users, anywhere)], &history, kind);
        let rule = &result.rules[0];
        let found: BTreeSet<_> = rule.outcome.violations.iter().map(|violation| {
            let subject = violation.subject;
            let receiver = if of_users {
                subject.user.map(|user| result.users[user.0 as usize].clone())
            } else {
                subject.session.map(|session| result.sessions[session.0 as usize].id.clone())
            };
            (violation.resource.clone().unwrap(), receiver.unwrap_or_default())
        }).collect();
        let (state, violated) = Oracle { history: &history, kind, claims, anywhere }.judge();
        // A contested owner that never connects is nobody's subject.
        let known: BTreeSet<_> = violated.iter().map(|(doc, who)| {
            let connected = history.iter().any(|one| matches!(one.what, What::Login(session) if called(kind, session) == *who));
            (doc.clone(), if connected { who.clone() } else { String::new() })
        }).collect();
        prop_assert_eq!(&found, &known, "{:#?}", rule.outcome);
        prop_assert_eq!(rule.state, state, "{:#?}", rule.outcome);
    }
}
