//! `response`: of each request, the first reply that comes where it must; of each reply, the request.

use std::collections::BTreeSet;
use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::rules::HolderKind;

use super::lives::{Event, History, Reads, Who};
use super::random::{Names, cases, histories, holder_kinds, word};
use super::told::{Expected, Repeats, check, pack};

const PACK: &str = r#"
[fields]
request = "/request"
[events]
ask     = { from = "client", name = "ask" }
reply   = { from = "server", name = "reply" }
refused = { from = "server", name = "refused" }
[[rule]]
id      = "it"
title   = "it"
kind    = "response"
request = "ask"
reply   = ["reply", "refused"]
match   = "request"
"#;

pub(crate) const NAMES: Names = Names {
    asks: &["ask", "ask", "other"],
    says: &["reply", "refused", "news"],
};

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// In ms.
    within: Option<i64>,
    no_reply: bool,
    pub(crate) on: HolderKind,
    unsolicited: bool,
    same: bool,
}

impl Rule {
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{PACK}on = \"{}\"\n", word(self.on));
        if let Some(within) = self.within {
            text += &format!("within = \"{within}ms\"\n");
        }
        if self.no_reply {
            text += "expect = \"no reply\"\n";
        }
        if self.unsolicited {
            text += "unsolicited = \"violated\"\n";
        }
        if self.same {
            text += "same = [\"/doc\"]\n";
        }
        text
    }

    /// Whether such an event, with an id, came between two places to somebody who is not known.
    fn is_nobodys(
        &self,
        history: &History,
        names: &[&str],
        key: usize,
        between: Range<usize>,
    ) -> bool {
        history.events().iter().any(|event| {
            between.contains(&event.number)
                && event.is(names)
                && event.request() == Some(key)
                && history.holder(self.on, event).is_none()
        })
    }

    fn judge(&self, history: &History) -> Expected {
        let mut expected = Expected {
            doubts: history.is_doubtful(Reads::Messages, self.on),
            repeats: Repeats::AreOne,
            ..Expected::default()
        };
        let events = history.events();
        // Each request with an id, of somebody known; each reply answers the first that waits.
        let mut requests: Vec<(&Event<'_>, Who, Option<&Event<'_>>)> = Vec::new();
        let mut told = Vec::new();
        for event in &events {
            let (asks, replies) = (event.is(&["ask"]), event.is(&["reply", "refused"]));
            if !asks && !replies {
                continue;
            }
            let Some(who) = history.holder(self.on, event) else {
                expected.doubts = true;
                continue;
            };
            let Some(key) = event.request() else {
                expected.doubts |= asks;
                continue;
            };
            if asks {
                requests.push((event, who, None));
                continue;
            }
            let here = |(ask, asker, _): &&mut (&Event<'_>, Who, Option<&Event<'_>>)| {
                ask.request() == Some(key) && *asker == who
            };
            if let Some((.., reply)) = requests
                .iter_mut()
                .filter(here)
                .find(|(.., reply)| reply.is_none())
            {
                *reply = Some(event);
            } else if self.unsolicited && !requests.iter_mut().any(|mut it| here(&mut it)) {
                let lost = history.connections_of(who).into_iter();
                let mut lost = lost.map(|on| history.hides(on, 0, event.number));
                let lost = lost.any(|lost| lost) || history.hides_nobodys(self.on, 0, event.number);
                if lost || self.is_nobodys(history, &["ask"], key, 0..event.number) {
                    expected.doubts = true;
                } else {
                    told.push(("unasked", event, Some(key)));
                }
            }
        }
        // Those that may have got a reply that was taken for an earlier one's.
        let mut perhaps: BTreeSet<usize> = BTreeSet::new();
        for (ask, who, reply) in &requests {
            let Some(reply) = reply else { continue };
            let (key, since, until) = (ask.request(), ask.number, reply.number);
            let mut own = history.connections_of(*who).into_iter();
            let nobodys = |key| {
                !self.no_reply && self.is_nobodys(history, &["reply", "refused"], key, since..until)
            };
            let lost = perhaps.contains(&since)
                || own.any(|on| history.hides(on, since, until))
                || history.hides_nobodys(self.on, since, until)
                || key.is_some_and(nobodys);
            let waiting = requests.iter().filter(|(other, asker, _)| {
                lost && other.request() == key
                    && asker == who
                    && (since + 1..until).contains(&other.number)
            });
            perhaps.extend(waiting.map(|(other, ..)| other.number));
        }
        for (ask, who, reply) in requests {
            expected.exercised = true;
            let late =
                |reply: &Event<'_>| self.within.is_some_and(|within| reply.at - ask.at > within);
            let end = history.happened.len();
            let key = ask.request().expect("those without are left out");
            let own = history.connections_of(who);
            let unseen = |since, until| {
                own.iter().any(|on| history.hides(*on, since, until))
                    || history.hides_nobodys(self.on, since, until)
                    || self.is_nobodys(history, &["reply", "refused"], key, ask.number..until)
                    || perhaps.contains(&ask.number)
            };
            match reply {
                Some(reply) if self.no_reply => {
                    // It may answer an earlier request.
                    let lost = perhaps.contains(&ask.number)
                        || own.iter().any(|on| history.hides(*on, 0, reply.number))
                        || history.hides_nobodys(self.on, 0, reply.number);
                    match (late(reply), lost) {
                        (false, false) => told.push(("came", reply, ask.request())),
                        (false, true) => expected.doubts = true,
                        (true, _) => {}
                    }
                }
                Some(reply) => {
                    let differ = match (ask.doc(), reply.doc()) {
                        (Some(asked), Some(replied)) => asked != replied,
                        _ => false,
                    };
                    // What answers an earlier request may well differ.
                    let since = if self.same && differ { 0 } else { ask.number };
                    let doubtful = unseen(since, reply.number);
                    if doubtful {
                        expected.doubts |= late(reply) || self.same && differ;
                        continue;
                    }
                    if late(reply) {
                        told.push(("late", reply, ask.request()));
                    }
                    if self.same && differ {
                        told.push(("differs", reply, reply.doc()));
                    }
                }
                None => {
                    let own: Vec<_> = own
                        .iter()
                        .copied()
                        .filter(|on| history.step(*on, "@refused").is_none())
                        .collect();
                    let hidden = own.iter().any(|on| history.hides(*on, ask.number, end));
                    let over = self.within.is_some_and(|within| {
                        own.iter().any(|on| {
                            let due = ask.at + within;
                            history.stood_at(*on, due)
                        })
                    });
                    let nobodys =
                        self.is_nobodys(history, &["reply", "refused"], key, ask.number..end)
                            || history.hides_nobodys(self.on, ask.number, end)
                            || perhaps.contains(&ask.number);
                    match (self.no_reply, hidden || over && nobodys, over) {
                        (_, true, _) => expected.doubts = true,
                        (false, false, true) => {
                            told.push(("none", ask, ask.request()));
                        }
                        (false, false, false) => expected.doubts = true,
                        // Nothing came, to the end of its time or of everything.
                        (true, false, over) => expected.doubts |= !over && self.within.is_some(),
                    }
                }
            }
        }
        for (how, event, key) in told {
            let who = history.holder(self.on, event);
            let key = key.map(|key| match how {
                "differs" => format!("document-{key}"),
                _ => key.to_string(),
            });
            expected.violated.insert((event.number, who, key));
        }
        expected
    }
}

pub(crate) fn rules() -> impl Strategy<Value = Rule> {
    (
        select(vec![None, Some(400), Some(2000)]),
        any::<bool>(),
        holder_kinds(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(within, no_reply, on, unsolicited, same)| Rule {
            same: (same && !no_reply) || (within.is_none() && !no_reply && !unsolicited),
            within,
            no_reply,
            on,
            unsolicited,
        })
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn requests_and_replies_meet(rule in rules(), history in histories(NAMES)) {
        let found = check(&pack(&rule.text()), &history, &Facts::default());
        rule.judge(&history).agree(&found, rule.on)?;
    }
}
