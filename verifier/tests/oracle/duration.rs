//! `duration`: each start, its end, and all times together.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::rules::HolderKind;

use super::lives::{Event, History, Reads, Who};
use super::random::{Names, cases, histories, holder_kinds, word};
use super::told::{Expected, check, pack};

const PACK: &str = r#"
[fields]
request = "/request"
[events]
begin = { from = "client", name = "begin" }
done  = { from = "server", name = "done" }
[[rule]]
id    = "it"
title = "it"
kind  = "duration"
"#;

const NAMES: Names = Names {
    asks: &["begin", "begin", "other"],
    says: &["done", "done", "news"],
};

#[derive(Debug, Clone)]
struct Rule {
    from: &'static str,
    to: &'static str,
    last: bool,
    keyed: bool,
    per: HolderKind,
    /// In ms.
    max: i64,
}

impl Rule {
    fn text(&self) -> String {
        let key = if self.keyed {
            "match = \"request\"\n"
        } else {
            ""
        };
        format!(
            "{PACK}from = \"{}\"\nto = \"{}\"\nto-last = {}\nper = \"{}\"\nmax = \"{}ms\"\n{key}",
            self.from,
            self.to,
            self.last,
            word(self.per),
            self.max,
        )
    }

    fn judge(&self, history: &History) -> Expected {
        let mut expected = Expected {
            doubts: history.is_doubtful(Reads::Messages, self.per),
            ..Expected::default()
        };
        let events = history.events();
        let mut own: BTreeMap<(Who, Option<usize>), Vec<&Event<'_>>> = BTreeMap::new();
        for event in &events {
            if !event.is(&[self.from, self.to]) {
                continue;
            }
            let Some(who) = history.holder(self.per, event) else {
                expected.doubts = true;
                continue;
            };
            if event.from.is_none() && history.step(event.on, "@refused").is_some() {
                continue;
            }
            let key = event.request();
            if self.keyed && key.is_none() {
                expected.doubts = true;
                continue;
            }
            own.entry((who, key.filter(|_| self.keyed)))
                .or_default()
                .push(event);
        }
        for ((who, key), events) in own {
            let mut rest = events.iter().skip_while(|event| event.name != self.from);
            let Some(start) = rest.next() else { continue };
            expected.exercised = true;
            let mut ends = rest.filter(|event| event.name == self.to);
            let end = if self.last { ends.last() } else { ends.next() };
            let key = key.map(|key| key.to_string());
            let connections: Vec<_> = history
                .connections_of(who)
                .into_iter()
                .filter(|on| history.step(*on, "@refused").is_none())
                .collect();
            let hides = |before| {
                connections
                    .iter()
                    .any(|on| history.hides(*on, start.number, before))
            };
            let breach = |at: &Event<'_>| (at.number, Some(who), key.clone());
            match end {
                Some(end) if end.at - start.at > self.max => {
                    if !self.last && hides(end.number) {
                        expected.doubts = true;
                    } else {
                        expected.violated.insert(breach(end));
                    }
                }
                Some(_) => {}
                None => {
                    let due = start.at + self.max;
                    let stood = connections.iter().any(|on| {
                        let open = history.step(*on, "@open");
                        open.is_some_and(|open| open.at <= due) && due <= history.watched_until(*on)
                    });
                    if stood && !hides(history.happened.len()) {
                        expected.violated.insert(breach(start));
                    } else {
                        expected.doubts = true;
                    }
                }
            }
        }
        expected
    }
}

fn rules() -> impl Strategy<Value = Rule> {
    (
        select(vec!["begin", "begin", "@open", "@accepted"]),
        select(vec!["done", "done", "@accepted", "@closed"]),
        any::<bool>(),
        any::<bool>(),
        holder_kinds(),
        select(vec![10, 400, 2000]),
    )
        .prop_map(|(from, to, last, keyed, per, max)| Rule {
            from,
            to: if from == to { "done" } else { to },
            last,
            keyed: keyed && !from.starts_with('@') && !to.starts_with('@'),
            per,
            max,
        })
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn what_takes_too_long_is_found(rule in rules(), history in histories(NAMES)) {
        let found = check(&pack(&rule.text()), &history, &Facts::default());
        rule.judge(&history).agree(&found, rule.per)?;
    }
}
