use wsaudit_verifier::verdict::{Reason, State};

use super::trial::trial;

const RULE: &str = r#"
kind  = "addressed"
field = "session"
"#;

#[test]
fn what_names_another_session_breaks_it() {
    let trial = trial(
        RULE,
        r#"
A = session s-1, user u-1
B = session s-2, user u-1
0.1 A < {"type":"note","session":"s-1"}
0.2 B < {"type":"note","session":"s-2"}
0.3 B < {"type":"note","session":"s-1"}
0.4 B < {"type":"note","session":"s-1"}
0.5 B < {"type":"note","session":"s-9"}"#,
    );
    assert_eq!(trial.state(), State::Violated);
    // The same fault again is one finding.
    assert_eq!(trial.broken_at(), ["0.3", "0.5"]);
    assert_eq!(
        trial.roles(),
        [
            "session received `note` of another session, of the same user",
            "session received `note` of another session, which nobody had connected as",
        ]
    );
}

#[test]
fn the_evidence_goes_from_who_the_receiver_is_to_what_it_received() {
    let trial = trial(
        RULE,
        r#"
A = session s-1, user u-1
B = session s-2, user u-2
0.1 A < {"type":"ready"}
0.2 B < {"type":"ready"}
0.3 B < {"type":"note","session":"s-1"}
0.4 B < {"type":"note","session":"s-1"}"#,
    );
    assert_eq!(trial.story(), ["0.2", "0.1", "0.3", "0.4"]);
}

#[test]
fn with_nobody_else_connected_it_is_not_exercised() {
    let alone = r#"
A = session s-1
B = session s-2
0.1 B < {"type":"note","session":"s-2"}
0.2 B close
0.3 A < {"type":"note","session":"s-1"}"#;
    let trial = trial(RULE, alone);
    assert_eq!(trial.state(), State::NotExercised);
    assert_eq!(trial.opportunities(), 0);
}

#[test]
fn with_somebody_else_connected_it_holds() {
    let trial = trial(
        RULE,
        r#"
A = session s-1
B = session s-2
0.1 B < {"type":"ready"}
0.2 A < {"type":"note","session":"s-1"}
0.3 A < {"type":"note"}
0.4 A > {"type":"ask","session":"s-2"}"#,
    );
    assert_eq!(trial.state(), State::Holds);
    assert_eq!(trial.opportunities(), 1);
}

#[test]
fn two_sessions_of_one_user_are_one_recipient_where_users_are_addressed() {
    let rule = "kind = \"addressed\"\nfield = \"user\"\nto = \"user\"";
    let trial = trial(
        rule,
        r#"
A = session s-1, user u-1
B = session s-2, user u-1
C = session s-3, user u-2
0.1 A < {"type":"ready"}
0.2 C < {"type":"ready"}
0.3 B < {"type":"note","user":"u-1"}
0.4 C < {"type":"note","user":"u-1"}"#,
    );
    assert_eq!(trial.broken_at(), ["0.4"]);
}

#[test]
fn a_message_before_the_session_is_known_leaves_it_undecided() {
    let trial = trial(
        RULE,
        r#"
A = session s-1
B = device TABLET_BROWSER
0.1 A < {"type":"note","session":"s-1"}
0.2 B < {"type":"note","session":"s-2"}
0.3 B is session s-2
0.4 B < {"type":"note","session":"s-2"}"#,
    );
    assert!(trial.is_undecided());
    assert_eq!(trial.doubts(), [Reason::Unidentified]);
    assert_eq!(
        trial.told(),
        "`note` came before anything says which session it belongs to, on connection 2\n"
    );
}

/// In a rule about users, users are missing, and not sessions.
#[test]
fn what_no_user_is_known_of_says_so() {
    let rule = "kind = \"addressed\"\nfield = \"user\"\nto = \"user\"";
    let source = "name a source with `wsaudit record --user`, or as `user` in the pack's [session]; \
                  `wsaudit show` lists candidates";
    let in_a_session = trial(
        rule,
        r#"
A = session s-1, user u-1
B = session s-2
C = session s-3, user u-3
0.0 C < {"type":"ready"}
0.1 A < {"type":"note","user":"u-1"}
0.2 B < {"type":"note","user":"u-2"}
0.3 B < {"type":"note","user":"u-2"}"#,
    );
    assert_eq!(
        in_a_session.told(),
        "2 events came where nothing says which user they belong to; the first is `note` on connection 3\n"
    );
    assert_eq!(in_a_session.advice(), [source]);
    let without = trial(
        rule,
        r#"
A = session s-1, user u-1
B = device TABLET_BROWSER
C = user u-3
D = session s-4, user u-4
0.0 D < {"type":"ready"}
0.1 A < {"type":"note","user":"u-1"}
0.2 B < {"type":"ready"}
0.3 C < {"type":"ready"}"#,
    );
    assert_eq!(
        without.told(),
        "nothing says which user connection 3 belongs to\n\
         nothing says which session connection 4 belongs to\n"
    );
    assert_eq!(without.advice()[0], source);
}

#[test]
fn an_id_that_was_hashed_cannot_be_compared() {
    let undecided = trial(
        RULE,
        r#"
A = session s-1
B = session redacted-00ff
0.1 A < {"type":"note","session":"s-1"}
0.2 B < {"type":"note","session":"s-2"}"#,
    );
    assert!(undecided.is_undecided());
    // The other way round: it was redacted in the message.
    let readable = r#"
A = session s-1
B = session s-2
0.1 A < {"type":"note","session":"s-1"}
0.2 B < {"type":"note","session":"redacted-00ff"}
0.3 B < {"type":"note","session":"s-redacted-00ff"}"#;
    assert!(trial(RULE, readable).is_undecided());
}

#[test]
fn ids_that_were_all_hashed_are_compared() {
    let history = |second: &str| {
        format!(
            r#"
A = session redacted-00ff
B = session redacted-11ee
0.1 A < {{"type":"note","session":"redacted-00ff"}}
0.2 B < {{"type":"note","session":"{second}"}}"#
        )
    };
    assert_eq!(trial(RULE, &history("redacted-11ee")).state(), State::Holds);
    assert_eq!(
        trial(RULE, &history("redacted-00ff")).state(),
        State::Violated
    );
}

#[test]
fn a_missing_id_is_what_the_rule_says_that_it_is() {
    let history = r#"
A = session s-1
B = session s-2
0.1 B < {"type":"ready"}
0.2 A < {"type":"note"}"#;
    for (missing, state) in [
        ("violated", State::Violated),
        ("undecided", State::Undecided),
        ("ignore", State::Holds),
    ] {
        let rule = format!("{RULE}event = \"note\"\nmissing = \"{missing}\"");
        assert_eq!(trial(&rule, history).state(), state, "{missing}");
    }
}
