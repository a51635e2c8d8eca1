//! A rule of each kind, and the whole history that it is asked of.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::rules::HolderKind;
use wsaudit_wire::Direction;

use super::By;
use super::excuses::Excuses;
use crate::lives::{Event, Fields, History, What};
use crate::random::{Names, histories};
use crate::shared::{NAMING, naming};
use crate::told::Told;
use crate::{
    addressed, correlated, count, duration, handshake, members, owned, protocol, response,
    sequence, window,
};

/// A pack of one rule, all but its head, and what it is asked about.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) text: String,
    pub(super) whole: Told,
    pub(super) facts: Facts,
    /// Whom breaches are compared by.
    pub(super) by: By,
    /// Whether it takes the clocks of two recordings as they are (decision 0019). Of `addressed` and `correlated`, that is
    /// so of whose the breach is besides: who was connected by then, and which request was open elsewhere.
    pub(super) trusts_clocks: bool,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{:?}", self.text, self.whole)
    }
}

impl Asked {
    pub(super) fn new(text: String, whole: Told, by: impl Into<By>) -> Self {
        Self {
            text,
            whole,
            facts: Facts::default(),
            by: by.into(),
            trusts_clocks: false,
        }
    }
}

/// Messages as most rules read them.
pub(super) fn told(history: &History) -> Told {
    Told::new(history, &|event: &Event<'_>| {
        let fields = event.fields.map(Fields::json).unwrap_or_default();
        format!(r#"{{"type":"{}"{fields}}}"#, event.name)
    })
}

/// With nothing wrong with it: all is there, and can be read.
fn complete(mut history: History) -> History {
    history.gaps.clear();
    history.unclean = false;
    for one in &mut history.happened {
        if let What::Garbled(..) = one.what {
            one.what = What::Ping;
        }
    }
    history
}

pub(super) fn whole(names: Names) -> impl Strategy<Value = History> {
    histories(names).prop_map(complete)
}

/// Whoever receives what is of another one; `shares` is whom shares name, where that is of another kind.
fn receiver(kind: HolderKind, shares: Option<HolderKind>) -> By {
    By::Receiver(kind, Excuses { kind, shares })
}

pub(super) fn addressed() -> impl Strategy<Value = Asked> {
    let history = whole(addressed::NAMES);
    (addressed::rules(), history).prop_map(|(rule, history)| Asked {
        trusts_clocks: true,
        ..Asked::new(rule.text(""), told(&history), rule.to)
    })
}

pub(super) fn addressed_where_shared() -> impl Strategy<Value = Asked> {
    let history = naming(whole(addressed::NAMES));
    (addressed::rules(), history).prop_map(|(rule, history)| Asked {
        trusts_clocks: true,
        ..Asked::new(rule.text(NAMING), told(&history), rule.to)
    })
}

pub(super) fn owned() -> impl Strategy<Value = Asked> {
    let history = whole(owned::NAMES).prop_map(owned::blank);
    (owned::rules(), history).prop_map(|(rule, history)| {
        let by = receiver(rule.owner, None);
        Asked::new(rule.text(""), told(&history), by)
    })
}

pub(super) fn owned_where_shared() -> impl Strategy<Value = Asked> {
    let history = naming(whole(owned::NAMES_OF_SHARED).prop_map(owned::blank));
    (owned::rules(), history).prop_map(|(rule, history)| {
        let by = receiver(rule.owner, None);
        Asked::new(rule.text(NAMING), told(&history), by)
    })
}

fn of_members(rule: &members::Rule, session: &str, history: &History) -> Asked {
    let by = receiver(rule.owner, rule.shares);
    Asked {
        facts: rule.told(),
        ..Asked::new(rule.text(session), told(history), by)
    }
}

pub(super) fn members() -> impl Strategy<Value = Asked> {
    let history = whole(members::NAMES).prop_map(members::crowded);
    (members::rules(), history).prop_map(|(rule, history)| of_members(&rule, "", &history))
}

pub(super) fn members_where_shared() -> impl Strategy<Value = Asked> {
    let history = naming(whole(members::NAMES_OF_SHARED).prop_map(members::crowded));
    (members::rules(), history).prop_map(|(rule, history)| of_members(&rule, NAMING, &history))
}

pub(super) fn sequence() -> impl Strategy<Value = Asked> {
    (sequence::rules(), whole(sequence::NAMES))
        .prop_map(|(rule, history)| Asked::new(rule.text(), told(&history), rule.on))
}

pub(super) fn response() -> impl Strategy<Value = Asked> {
    (response::rules(), whole(response::NAMES))
        .prop_map(|(rule, history)| Asked::new(rule.text(), told(&history), rule.on))
}

pub(super) fn window() -> impl Strategy<Value = Asked> {
    (window::rules(), whole(window::NAMES))
        .prop_map(|(rule, history)| Asked::new(rule.text(), told(&history), rule.per))
}

pub(super) fn count() -> impl Strategy<Value = Asked> {
    (count::rules(), whole(count::NAMES)).prop_map(|(rule, history)| {
        let by = rule.about().map_or(By::Id, By::Holder);
        Asked::new(rule.text(), told(&history), by)
    })
}

pub(super) fn duration() -> impl Strategy<Value = Asked> {
    let rules = duration::rules(prop_oneof![duration::one_by_one(), duration::together()]);
    (rules, whole(duration::NAMES)).prop_map(|(rule, history)| Asked {
        trusts_clocks: rule.looks_at_cohorts(),
        ..Asked::new(rule.text(), told(&history), rule.per)
    })
}

pub(super) fn json_rpc() -> impl Strategy<Value = Asked> {
    let side = select(vec!["", "from = \"client\"", "from = \"server\""]);
    (whole(correlated::JSON_RPC), side).prop_map(|(history, side)| {
        let text = format!("{}framing = \"json-rpc\"\n{side}\n", correlated::PACK);
        let whole = Told::new(&history, &correlated::json_rpc);
        Asked {
            trusts_clocks: true,
            ..Asked::new(text, whole, HolderKind::Connection)
        }
    })
}

pub(super) fn graphql() -> impl Strategy<Value = Asked> {
    whole(correlated::GRAPHQL).prop_map(|history| {
        let text = format!("{}framing = \"graphql-transport-ws\"\n", correlated::PACK);
        let whole = Told::new(&history, &correlated::graphql);
        Asked {
            trusts_clocks: true,
            ..Asked::new(text, whole, HolderKind::Connection)
        }
    })
}

pub(super) fn handshake() -> impl Strategy<Value = Asked> {
    (handshake::rules(), handshake::lives::lives()).prop_map(|(rule, lives)| Asked {
        trusts_clocks: true,
        ..Asked::new(rule.text(), Told::from(&lives.source()), By::Handshake)
    })
}

pub(super) fn protocol() -> impl Strategy<Value = Asked> {
    let (up, down) = (Direction::ClientToServer, Direction::ServerToClient);
    let from = select(vec![None, Some(up), Some(down)]);
    (whole(protocol::NAMES), protocol::seen(), from).prop_map(|(history, mut seen, from)| {
        protocol::order(&mut seen, &history);
        let whole = protocol::told(&history, &seen);
        Asked::new(protocol::text(None, from), whole, HolderKind::Connection)
    })
}
