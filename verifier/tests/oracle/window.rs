//! `never` and `always`: of each event, whether it is in the part that the rule is about.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::rules::HolderKind;
use wsaudit_wire::Direction;

use super::lives::{Event, History, Reads, Who};
use super::random::{Names, cases, histories, holder_kinds, word};
use super::told::{Expected, check, pack};

const PACK: &str = r#"
[fields]
request = "/request"
[events]
ask   = { from = "client", name = "ask" }
begin = { from = "client", name = "begin" }
end   = { from = "server", name = "end" }
note  = { from = "server", name = "note" }
other = { from = "server", name = "other" }
"#;

pub(crate) const NAMES: Names = Names {
    asks: &["ask", "begin"],
    says: &["note", "note", "other", "end", "unnamed"],
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Never,
    Always,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Span {
    Always,
    Before,
    After,
    Between,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    kind: Kind,
    /// What is forbidden, or must match; and whether only for one party.
    event: &'static str,
    conditions: bool,
    span: Span,
    /// What begins or ends the part.
    from: &'static str,
    to: &'static str,
    pub(crate) per: HolderKind,
    keyed: bool,
}

/// Where a part is counted: over whom, and over which id.
type Scope = (Who, Option<usize>);

impl Rule {
    pub(crate) fn text(&self) -> String {
        let Self {
            event, from, to, ..
        } = self;
        let (kind, values) = match self.kind {
            Kind::Never if self.conditions => ("never", "where = { \"/party\" = \"session-0\" }"),
            Kind::Never => ("never", ""),
            Kind::Always => ("always", "matches = { \"/party\" = \"session-0\" }"),
        };
        let span = match self.span {
            Span::Always => String::new(),
            Span::Before => format!("before = \"{to}\""),
            Span::After => format!("after = \"{from}\""),
            Span::Between => format!("between = [\"{from}\", \"{to}\"]"),
        };
        let per = word(self.per);
        let key = if self.keyed { "key = \"request\"" } else { "" };
        format!(
            "{PACK}[[rule]]\nid = \"it\"\ntitle = \"it\"\nkind = \"{kind}\"\nevent = \"{event}\"\n\
             per = \"{per}\"\n{values}\n{span}\n{key}\n"
        )
    }

    fn scope(&self, history: &History, event: &Event<'_>) -> Option<Scope> {
        let who = history.holder(self.per, event)?;
        if self.keyed {
            Some((who, Some(event.request()?)))
        } else {
            Some((who, None))
        }
    }

    fn begins(&self, event: &Event<'_>) -> bool {
        matches!(self.span, Span::After | Span::Between) && event.name == self.from
    }

    fn ends(&self, event: &Event<'_>) -> bool {
        matches!(self.span, Span::Before | Span::Between) && event.name == self.to
    }

    /// Whether the part is on right before an event.
    fn is_on(&self, history: &History, scope: Scope, before: &Event<'_>) -> bool {
        let events = history.events();
        let mut earlier = events.iter().rev().filter(|event| {
            event.number < before.number && self.scope(history, event) == Some(scope)
        });
        match self.span {
            Span::Always => true,
            Span::Before => !earlier.any(|event| self.ends(event)),
            Span::After => earlier.any(|event| self.begins(event)),
            Span::Between => earlier
                .find(|event| self.begins(event) || self.ends(event))
                .is_some_and(|event| self.begins(event)),
        }
    }

    /// Whether the part may have ended, unseen, before an event in it.
    fn may_have_ended(&self, history: &History, (who, key): Scope, before: &Event<'_>) -> bool {
        let events = history.events();
        let earlier = events.iter().filter(|event| {
            event.number < before.number && self.scope(history, event) == Some((who, key))
        });
        let mut connections = history.connections_of(who).into_iter();
        let mut lost = |after| connections.any(|on| history.hides(on, after, before.number));
        match self.span {
            Span::Always | Span::After => false,
            Span::Before => lost(0),
            Span::Between => {
                // Whatever came before, it has begun with the last beginning.
                let begun = earlier.rev().find(|event| self.begins(event));
                begun.is_some_and(|begun| lost(begun.number))
            }
        }
    }

    fn judge(&self, history: &History) -> Expected {
        let mut expected = Expected {
            doubts: history.is_doubtful(Reads::Messages, self.per),
            ..Expected::default()
        };
        let mut told = BTreeMap::new();
        let events = history.events();
        let its_way = |event: &Event<'_>| match self.event {
            "note" => event.from == Some(Direction::ServerToClient),
            "ask" => event.from == Some(Direction::ClientToServer),
            _ => event.from.is_none(),
        };
        for event in &events {
            let selected = event.name == self.event;
            let party = event.fields.and_then(|fields| fields.party);
            let wrong = match self.kind {
                Kind::Never => !self.conditions || party == Some(0),
                Kind::Always => party != Some(0),
            };
            let scope = self.scope(history, event);
            let on = match scope {
                _ if self.span == Span::Always => true,
                Some(scope) => self.is_on(history, scope, event),
                None => {
                    let matters = selected && (wrong || self.kind == Kind::Always);
                    expected.doubts |= matters || self.begins(event) || self.ends(event);
                    continue;
                }
            };
            let (on, ended) = (on && !self.ends(event), on && self.ends(event));
            expected.exercised |= match self.kind {
                Kind::Never => ended || on && its_way(event),
                Kind::Always => on && selected,
            };
            if !(on && selected && wrong) {
                continue;
            }
            if scope.is_some_and(|scope| self.may_have_ended(history, scope, event)) {
                expected.doubts = true;
            } else {
                let key = event
                    .request()
                    .filter(|_| self.keyed && self.kind == Kind::Never);
                let key = key.map(|key| key.to_string());
                told.entry((history.subject(event), key)).or_insert(event);
            }
        }
        for ((_, key), event) in told {
            let who = history.holder(self.per, event);
            expected.violated.insert((event.number, who, key));
        }
        expected
    }
}

pub(crate) fn rules() -> impl Strategy<Value = Rule> {
    (
        select(&[Kind::Never, Kind::Always][..]),
        select(&["note", "note", "ask", "@closed"][..]),
        any::<bool>(),
        select(vec![Span::Always, Span::Before, Span::After, Span::Between]),
        (
            select(&["begin", "note", "@accepted"][..]),
            select(&["end", "note", "@closed"][..]),
        ),
        holder_kinds(),
        any::<bool>(),
    )
        .prop_map(|(kind, event, conditions, span, (from, to), per, keyed)| {
            let is_step = |name: &str| name.starts_with('@');
            let keyed = keyed && ![event, from, to].into_iter().any(is_step);
            let step = is_step(event);
            Rule {
                kind: if step { Kind::Never } else { kind },
                event,
                conditions: conditions && !step,
                span,
                from,
                to,
                per,
                keyed,
            }
        })
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn what_is_in_the_part_is_judged_and_nothing_else(rule in rules(), history in histories(NAMES)) {
        let found = check(&pack(&rule.text()), &history, &Facts::default());
        rule.judge(&history).agree(&found, rule.per)?;
    }
}
