use wsaudit_verifier::verdict::State;

use super::trial::trial;

#[test]
fn what_must_never_come_breaks_it() {
    let rule = "kind = \"never\"\nevent = \"note\"\nwhere = { \"/draft\" = true }";
    let trial = trial(
        rule,
        r#"
A = session s-1
0.1 A < {"type":"note","draft":false}
0.2 A < {"type":"note","draft":true}"#,
    );
    assert_eq!(trial.broken_at(), ["0.2"]);
    assert_eq!(trial.roles(), ["`note` came"]);
}

#[test]
fn only_what_travels_its_way_could_have_been_it() {
    let rule = "kind = \"never\"\nevent = \"note\"";
    let silent = trial(rule, "A = session s-1\n0.1 A > {\"type\":\"ask\"}");
    assert_eq!(silent.state(), State::NotExercised);
    let answered = trial(rule, "A = session s-1\n0.1 A < {\"type\":\"reply\"}");
    assert_eq!(answered.state(), State::Holds);
}

#[test]
fn before_is_counted_for_each_connection() {
    let rule = "kind = \"never\"\nevent = \"note\"\nbefore = \"ready\"";
    let history = r#"
A = session s-1
B = session s-1
0.1 A < {"type":"ready"}
0.2 A < {"type":"note"}
0.3 B < {"type":"note"}
0.4 B < {"type":"ready"}"#;
    let trial = trial(rule, history);
    assert_eq!(trial.broken_at(), ["0.3"]);
    let rule = format!("{rule}\nper = \"session\"");
    assert_eq!(super::trial::trial(&rule, history).state(), State::Holds);
}

#[test]
fn a_window_that_ends_with_its_first_event_was_watched() {
    let rule = "kind = \"never\"\nevent = \"note\"\nbefore = \"ready\"";
    let trial = trial(rule, "A = session s-1\n0.1 A < {\"type\":\"ready\"}");
    assert_eq!(trial.state(), State::Holds);
    assert_eq!(trial.opportunities(), 1);
}

#[test]
fn after_begins_with_its_event_and_is_counted_by_key() {
    let rule = "kind = \"never\"\nevent = \"thinking\"\nafter = \"completed\"\nkey = \"run\"";
    let trial = trial(
        rule,
        r#"
A = session s-1
0.1 A < {"type":"thinking","run":"r1"}
0.2 A < {"type":"completed","run":"r1"}
0.3 A < {"type":"thinking","run":"r2"}
0.4 A < {"type":"thinking","run":"r1"}"#,
    );
    assert_eq!(trial.broken_at(), ["0.4"]);
    assert_eq!(trial.story(), ["0.2", "0.4"]);
}

#[test]
fn between_ends_and_begins_anew() {
    let rule = "kind = \"never\"\nevent = \"note\"\nbetween = [\"started\", \"completed\"]";
    let trial = trial(
        rule,
        r#"
A = session s-1
0.1 A < {"type":"note"}
0.2 A < {"type":"started"}
0.3 A < {"type":"completed"}
0.4 A < {"type":"note"}
0.5 A < {"type":"started"}
0.6 A < {"type":"note"}"#,
    );
    assert_eq!(trial.story(), ["0.5", "0.6"]);
}

#[test]
fn a_selected_event_without_its_key_leaves_it_undecided() {
    let rule = "kind = \"never\"\nevent = \"thinking\"\nafter = \"completed\"\nkey = \"run\"";
    let trial = trial(
        rule,
        r#"
A = session s-1
0.1 A < {"type":"completed","run":"r1"}
0.2 A < {"type":"note","run":"r1"}
0.3 A < {"type":"thinking"}"#,
    );
    assert!(trial.is_undecided());
}

const ALWAYS: &str = r#"
kind    = "always"
event   = "note"
matches = { "/session" = { exists = true }, "/n" = { at-least = 1 } }
"#;

#[test]
fn always_names_the_place_that_does_not_match() {
    let trial = trial(
        ALWAYS,
        r#"
A = session s-1
0.1 A < {"type":"note","session":"s-1","n":1}
0.2 A < {"type":"note","session":"s-1","n":0}
0.3 A < {"type":"note","n":2}
0.4 A < {"type":"ready"}"#,
    );
    assert_eq!(trial.broken_at(), ["0.2", "0.3"]);
    assert_eq!(
        trial.roles(),
        [
            "`note` does not match at `/n`",
            "`note` does not match at `/session`"
        ]
    );
    assert_eq!(trial.opportunities(), 3);
}

#[test]
fn always_without_a_selected_event_is_not_exercised() {
    let other = "A = session s-1\n0.1 A < {\"type\":\"ready\"}";
    assert_eq!(trial(ALWAYS, other).state(), State::NotExercised);
    let outside = "A = session s-1\n0.1 A < {\"type\":\"note\"}\n0.2 A < {\"type\":\"ready\"}";
    let rule = format!("{ALWAYS}after = \"ready\"");
    assert_eq!(trial(&rule, outside).state(), State::NotExercised);
    let good = "A = session s-1\n0.1 A < {\"type\":\"note\",\"session\":\"s\",\"n\":4}";
    assert_eq!(trial(ALWAYS, good).state(), State::Holds);
}
