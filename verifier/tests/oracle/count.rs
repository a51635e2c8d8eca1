//! `count`: of each session (user, connection, id), what is counted is gone through anew.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::rules::HolderKind;

use super::lives::{Event, History, Reads, Who};
use super::random::{Names, cases, histories};
use super::told::{Expected, check, pack};

const PACK: &str = r#"
[fields]
request = "/request"
doc     = "/doc"
[events]
begin = { from = "client", name = "begin" }
done  = { from = "server", name = "done" }
[[rule]]
id    = "it"
title = "it"
kind  = "count"
"#;

pub(crate) const NAMES: Names = Names {
    asks: &["begin", "ask"],
    says: &["done", "done", "done", "other"],
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Per {
    Holder(HolderKind),
    Recording,
    Id,
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    event: &'static str,
    distinct: bool,
    per: Per,
    at_least: Option<usize>,
    at_most: Option<usize>,
    /// In ms.
    within: Option<i64>,
    having: bool,
}

/// What is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Of(Who),
    All,
    Id(usize),
}

impl Rule {
    pub(crate) fn text(&self) -> String {
        let per = match self.per {
            Per::Holder(HolderKind::Session) => "session",
            Per::Holder(HolderKind::User) => "user",
            Per::Holder(HolderKind::Connection) => "connection",
            Per::Recording => "recording",
            Per::Id => "doc",
        };
        let mut text = format!("{PACK}event = \"{}\"\nper = \"{per}\"\n", self.event);
        if self.distinct {
            text += "distinct = \"request\"\n";
        }
        match (self.at_least, self.at_most) {
            (Some(least), Some(most)) if least == most => text += &format!("exactly = {least}\n"),
            (least, most) => {
                text += &least.map_or(String::new(), |least| format!("at-least = {least}\n"));
                text += &most.map_or(String::new(), |most| format!("at-most = {most}\n"));
            }
        }
        if let Some(within) = self.within {
            text += &format!("within = \"{within}ms\"\n");
        }
        if self.having {
            text += "for-each = { having = \"begin\" }\n";
        }
        text
    }

    fn kind(&self) -> HolderKind {
        self.about().unwrap_or(HolderKind::Connection)
    }

    /// Whom it counts for; `None`: nobody.
    pub(crate) fn about(&self) -> Option<HolderKind> {
        match self.per {
            Per::Holder(kind) => Some(kind),
            Per::Recording | Per::Id => None,
        }
    }

    fn group(&self, history: &History, event: &Event<'_>) -> Option<Group> {
        match self.per {
            Per::Holder(kind) => history.holder(kind, event).map(Group::Of),
            Per::Recording => Some(Group::All),
            Per::Id => event.doc().map(Group::Id),
        }
    }

    /// Whether what is missing, or cannot be read, may belong to a group.
    fn may_be_more(&self, history: &History, group: Group) -> bool {
        let mut connections = match group {
            Group::Of(who) => history.connections_of(who),
            Group::All | Group::Id(_) => (0..history.connections()).collect(),
        };
        connections.retain(|on| history.step(*on, "@refused").is_none());
        let hides = |on: &usize| history.hides(*on, 0, history.happened.len());
        let open = |on: &usize| history.step(*on, "@closed").is_none();
        let ends = |group| group != Group::All;
        let events = history.events();
        let mut counted = events.iter().filter(|event| {
            event.is(&[self.event, if self.having { "begin" } else { self.event }])
        });
        let unplaced = counted.any(|event| {
            connections.contains(&event.on)
                && match self.group(history, event) {
                    None => true,
                    Some(own) => {
                        own == group
                            && event.name == self.event
                            && self.distinct
                            && event.request().is_none()
                    }
                }
        });
        let open = history.unclean || ends(group) && connections.iter().any(open);
        unplaced || connections.iter().any(hides) || open
    }

    /// From where on nothing more can come; `None`: all connections were refused.
    fn ends(&self, history: &History, group: Group) -> Option<usize> {
        let own = match group {
            Group::Of(who) => history.connections_of(who),
            Group::All | Group::Id(_) => (0..history.connections()).collect(),
        };
        let ends = own
            .into_iter()
            .filter(|on| history.step(*on, "@refused").is_none())
            .filter_map(|on| history.step(on, "@closed"));
        ends.map(|end| end.number).max()
    }

    fn judge(&self, history: &History) -> Expected {
        let mut expected = Expected {
            doubts: history.is_doubtful(Reads::Messages, self.kind()),
            ..Expected::default()
        };
        let events = history.events();
        let counted = |event: &&Event<'_>| event.name == self.event;
        let begins = |event: &&Event<'_>| self.having && event.name == "begin";
        for event in events
            .iter()
            .filter(|event| counted(event) || begins(event))
        {
            let without_id = counted(&event) && self.distinct && event.request().is_none();
            expected.doubts |= without_id || self.group(history, event).is_none();
        }
        let of = |event: &Event<'_>, group| self.group(history, event) == Some(group);
        let met = |name| {
            let events = events.iter().filter(move |event| event.name == name);
            events.filter_map(|event| self.group(history, event))
        };
        let mut groups: BTreeSet<Group> = met(self.event).collect();
        if let Per::Holder(kind) = self.per {
            let accepted = (0..history.connections())
                .filter(|on| history.step(*on, "@accepted").is_some())
                .flat_map(|on| history.speaks_for(kind, on));
            let accepted = accepted.map(|(_, who)| Group::Of(who));
            groups.extend(accepted.filter(|_| self.at_least.is_some()));
        }
        if self.per == Per::Recording && !events.is_empty() {
            groups.insert(Group::All);
        }
        if self.having {
            let having: BTreeSet<_> = met("begin").collect();
            groups.retain(|group| having.contains(group));
            groups.extend(having);
        }
        for group in groups {
            let own: Vec<_> = events
                .iter()
                .filter(|event| counted(event) && of(event, group))
                .filter(|event| !self.distinct || event.request().is_some())
                .collect();
            let number = |events: &[&Event<'_>]| {
                if self.distinct {
                    let ids = events.iter().filter_map(|event| event.request());
                    ids.collect::<BTreeSet<_>>().len()
                } else {
                    events.len()
                }
            };
            if number(&own) == 0 && self.at_least.is_none() && !self.having {
                continue;
            }
            expected.exercised = true;
            let id = match group {
                Group::Id(doc) => Some(format!("document-{doc}")),
                Group::Of(_) | Group::All => None,
            };
            // The first one with which there are too many.
            let too_many = self.at_most.and_then(|most| {
                (0..own.len()).find(|last| {
                    let window: Vec<_> = own[..=*last]
                        .iter()
                        .filter(|event| {
                            self.within
                                .is_none_or(|within| own[*last].at - event.at <= within)
                        })
                        .copied()
                        .collect();
                    number(&window) > most
                })
            });
            if let Some(last) = too_many {
                let who = history.holder(self.kind(), own[last]);
                expected
                    .violated
                    .insert((own[last].number, who, id.clone()));
            }
            if self.at_least.is_some_and(|least| number(&own) < least) {
                if self.may_be_more(history, group) {
                    expected.doubts = true;
                } else {
                    let who = match group {
                        Group::Of(who) => Some(who),
                        Group::All | Group::Id(_) => None,
                    };
                    let mut ids = BTreeSet::new();
                    let news = own
                        .iter()
                        .filter(|event| !self.distinct || ids.insert(event.request()));
                    let last = news.last().map_or(events[0].number, |event| event.number);
                    let place = match group {
                        Group::All => last,
                        Group::Of(_) | Group::Id(_) => self.ends(history, group).unwrap_or(last),
                    };
                    expected.violated.insert((place, who, id));
                }
            }
        }
        expected
    }
}

pub(crate) fn rules() -> impl Strategy<Value = Rule> {
    (
        select(vec!["done", "done", "done", "begin", "@open", "@accepted"]),
        any::<bool>(),
        select(vec![
            Per::Holder(HolderKind::Session),
            Per::Holder(HolderKind::User),
            Per::Holder(HolderKind::Connection),
            Per::Recording,
            Per::Id,
        ]),
        select(vec![
            (Some(2), None),
            (None, Some(1)),
            (None, Some(2)),
            (Some(1), Some(1)),
            (Some(2), Some(2)),
            (Some(1), Some(2)),
        ]),
        select(vec![None, Some(400), Some(1000), Some(2000)]),
        any::<bool>(),
    )
        .prop_map(
            |(event, distinct, per, (at_least, at_most), within, having)| {
                let step = event.starts_with('@');
                Rule {
                    event: if step && per == Per::Id {
                        "done"
                    } else {
                        event
                    },
                    distinct: distinct && !step,
                    per,
                    at_least,
                    at_most,
                    within: within.filter(|_| at_least.is_none()),
                    having: having && matches!(per, Per::Holder(_)),
                }
            },
        )
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn too_many_and_too_few_are_found_and_nothing_else(rule in rules(), history in histories(NAMES)) {
        let found = check(&pack(&rule.text()), &history, &Facts::default());
        rule.judge(&history).agree(&found, rule.kind())?;
    }
}
