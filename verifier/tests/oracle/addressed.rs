//! `addressed`, event by event.

use proptest::prelude::*;
use proptest::sample::select;
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::rules::HolderKind;
use wsaudit_wire::Direction;

use super::lives::{History, Reads, Who, user};
use super::random::{Names, cases, histories, word};
use super::shared::{NAMING, Whose, naming};
use super::told::{Expected, Repeats, check, pack, session_name, user_name};

const PACK: &str = r#"
[fields]
party      = "/party"
party_user = "/party_user"
[events]
note   = { from = "server", name = "note" }
opened = { from = "server", name = "opened" }
[[rule]]
id    = "it"
title = "a message goes to whom it names"
kind  = "addressed"
"#;

pub(crate) const NAMES: Names = Names {
    asks: &["ask"],
    says: &["note", "note", "other", "opened"],
};

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) to: HolderKind,
    /// Of the events that it is about (`None`: of all messages): what it means that they name nobody.
    missing: Option<&'static str>,
}

impl Rule {
    pub(crate) fn text(&self, session: &str) -> String {
        let field = match self.to {
            HolderKind::User => "party_user",
            HolderKind::Session | HolderKind::Connection => "party",
        };
        let event = self.missing.map_or(String::new(), |missing| {
            format!("event = \"note\"\nmissing = \"{missing}\"\n")
        });
        let to = word(self.to);
        format!("{session}{PACK}field = \"{field}\"\nto = \"{to}\"\n{event}")
    }

    fn judge(&self, history: &History, whose: &Whose<'_>) -> Expected {
        let mut expected = Expected {
            doubts: whose.is_doubtful(Reads::Messages, self.to),
            repeats: Repeats::AreOne,
            ..Expected::default()
        };
        for event in history.events() {
            let is_meant = match self.missing {
                None => event.fields.is_some_and(|fields| fields.party.is_some()),
                Some(_) => event.is(&["note"]),
            };
            if event.from != Some(Direction::ServerToClient) || !is_meant {
                continue;
            }
            let party = event.fields.and_then(|fields| fields.party);
            let (named, id) = match self.to {
                HolderKind::User => (
                    party.map(|session| Who::User(user(session))),
                    party.map(|session| user_name(user(session))),
                ),
                HolderKind::Session | HolderKind::Connection => {
                    (party.map(Who::Session), party.map(session_name))
                }
            };
            let receiver = whose.holder(self.to, &event);
            let breaks = match (receiver, party) {
                (None, Some(session)) => {
                    // Whichever of those who share the connection it is, it is not that one.
                    let is_none_of_them = self.to == HolderKind::Session
                        && whose.is_shared_by_these(event.on)
                        && !whose.has(event.on, session);
                    expected.doubts |= !is_none_of_them;
                    expected.exercised |= is_none_of_them;
                    is_none_of_them
                }
                (None, None) => {
                    expected.doubts = true;
                    false
                }
                (Some(receiver), _) => {
                    expected.exercised |= whose.others_are_connected(self.to, &event);
                    expected.doubts |= party.is_none() && self.missing == Some("undecided");
                    match named {
                        Some(named) => named != receiver,
                        None => self.missing == Some("violated"),
                    }
                }
            };
            if breaks {
                expected.violate((whose, self.to), (event.number, receiver, id), named);
            }
        }
        expected
    }
}

pub(crate) fn rules() -> impl Strategy<Value = Rule> {
    let missing = vec![
        None,
        None,
        Some("violated"),
        Some("undecided"),
        Some("ignore"),
    ];
    (
        select(vec![HolderKind::Session, HolderKind::User]),
        select(missing),
    )
        .prop_map(|(to, missing)| Rule { to, missing })
}

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn a_message_for_another_one_is_found(rule in rules(), history in histories(NAMES)) {
        let found = check(&pack(&rule.text("")), &history, &Facts::default());
        let whose = Whose::connection(&history);
        rule.judge(&history, &whose).agree(&found, rule.to)?;
    }

    #[test]
    fn a_message_for_another_one_is_found_where_sessions_share_a_connection(
        rule in rules(),
        history in naming(histories(NAMES)),
    ) {
        let found = check(&pack(&rule.text(NAMING)), &history, &Facts::default());
        let whose = Whose::named(&history);
        rule.judge(&history, &whose).agree(&found, rule.to)?;
    }
}
