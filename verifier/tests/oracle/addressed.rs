//! `addressed`, event by event.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use wsaudit_tagging::TagKind;
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::verdict::State;

use super::history::{CONNECTIONS, What, cases, check, first_session, histories, pack, session_at};

const PACK: &str = r#"
[pack]
name   = "oracle"
format = 1
[message]
name = "/type"
[fields]
party = "/party"
[events]
note = { from = "server", name = "note" }
[[rule]]
id    = "it"
title = "a message goes to whom it names"
kind  = "addressed"
field = "party"
to    = "session"
"#;

static IT: LazyLock<Pack> = LazyLock::new(|| pack(PACK));

proptest! {
    #![proptest_config(cases())]
    #[test]
    fn a_message_for_another_session_is_found(history in histories(&["ask"], &["note", "other"])) {
        let result = check(&IT, &history, TagKind::Session);
        let (mut violated, mut exercised, mut doubts) = (BTreeSet::new(), false, false);
        for (number, one) in history.iter().enumerate() {
            let What::Says(_, fields) = &one.what else { continue };
            doubts |= first_session(&history, one.on).is_none();
            let Some(party) = fields.party else { continue };
            match session_at(&history, one.on, number) {
                None => doubts = true,
                Some(session) => {
                    exercised = true;
                    if session != party {
                        violated.insert((one.on, format!("session-{party}")));
                    }
                }
            }
        }
        prop_assert!(history.iter().all(|one| one.on < CONNECTIONS));
        let expected = match (violated.is_empty(), exercised, doubts) {
            (false, ..) => State::Violated,
            (true, false, _) => State::NotExercised,
            (true, true, true) => State::Undecided,
            (true, true, false) => State::Holds,
        };
        let found: BTreeSet<_> = result.rules[0].outcome.violations.iter().map(|violation| {
            let connection = violation.subject.connection.unwrap();
            (connection.0 as usize, violation.resource.clone().unwrap())
        }).collect();
        prop_assert_eq!(result.rules[0].state, expected);
        prop_assert_eq!(found, violated);
    }
}
