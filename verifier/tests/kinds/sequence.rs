use std::fmt::Write as _;

use wsaudit_verifier::verdict::State;

use super::trial::trial;

const RULE: &str = r#"
kind   = "sequence"
key    = "run"
steps  = ["started", "thinking+", "completed"]
within = "15s"
"#;

/// Events of one run on one session: the names, a second apart.
fn run(names: &[&str], end: &str) -> String {
    let mut trace = "A = session s-1\n".to_owned();
    for (second, name) in (1..).zip(names) {
        writeln!(trace, "{second} A < {{\"type\":\"{name}\",\"run\":\"r1\"}}").expect("text grows");
    }
    trace + end
}

#[test]
fn a_whole_run_holds_and_none_is_not_exercised() {
    let whole = run(&["started", "thinking", "thinking", "completed"], "");
    assert_eq!(trial(RULE, &whole).state(), State::Holds);
    assert_eq!(trial(RULE, &whole).opportunities(), 1);
    assert_eq!(
        trial(RULE, &run(&["note"], "")).state(),
        State::NotExercised
    );
}

#[test]
fn what_is_out_of_order_breaks_it_once() {
    for (names, broken_at, role) in [
        (
            &["started", "completed", "thinking"][..],
            "2",
            "`completed` after `started`",
        ),
        (
            &["thinking", "completed"],
            "1",
            "`thinking` without `started`",
        ),
        (
            &["started", "started", "thinking"],
            "2",
            "`started` after `started`",
        ),
        (
            &["started", "thinking", "completed", "completed"],
            "4",
            "`completed` after `completed`",
        ),
        (
            &["started", "thinking", "completed", "thinking"],
            "4",
            "`thinking` after `completed`",
        ),
    ] {
        let trial = trial(RULE, &run(names, "60 end"));
        assert_eq!(trial.broken_at(), [broken_at], "{names:?}");
        assert_eq!(trial.roles(), [role], "{names:?}");
    }
}

#[test]
fn a_key_may_be_used_anew_once_it_is_completed() {
    let twice = ["started", "thinking", "completed"].repeat(2);
    let trial = trial(RULE, &run(&twice, ""));
    assert_eq!(trial.state(), State::Holds);
    assert_eq!(trial.opportunities(), 2);
}

#[test]
fn an_unfinished_run_breaks_it_once_its_time_is_over() {
    let history = run(&["started", "thinking"], "17 end");
    let trial = trial(RULE, &history);
    assert_eq!(trial.story(), ["1", "2"]);
    assert_eq!(
        trial.roles(),
        ["no `thinking` or `completed` after `thinking`"]
    );
}

#[test]
fn a_run_that_the_recording_or_its_connection_cuts_off_is_undecided() {
    assert!(trial(RULE, &run(&["started", "thinking"], "10 end")).is_undecided());
    let closed = run(&["started", "thinking"], "3 A close\n60 end");
    assert!(trial(RULE, &closed).is_undecided());
    let timeless = RULE.replace("within = \"15s\"", "");
    assert!(trial(&timeless, &run(&["started"], "60 end")).is_undecided());
    let gap = run(&["started", "thinking"], "3 A gap: stalled\n60 end");
    assert!(trial(RULE, &gap).is_undecided());
}

#[test]
fn a_run_that_completes_late_breaks_it() {
    let late = run(
        &["started", "thinking"],
        "17 A < {\"type\":\"completed\",\"run\":\"r1\"}",
    );
    let trial = trial(RULE, &late);
    assert_eq!(trial.story(), ["1", "17"]);
}

#[test]
fn a_run_goes_on_over_a_reconnect_of_its_session() {
    let history = r#"
A = session s-1
B = session s-1
0.1 A < {"type":"started","run":"r1"}
0.2 A close
0.3 B < {"type":"thinking","run":"r1"}
0.4 B < {"type":"completed","run":"r1"}"#;
    assert_eq!(trial(RULE, history).state(), State::Holds);
    let by_connection = format!("{RULE}on = \"connection\"");
    assert_eq!(trial(&by_connection, history).broken_at(), ["0.3"]);
}

#[test]
fn a_run_that_another_session_sees_is_told_from_its_beginning() {
    let trial = trial(
        RULE,
        r#"
A = session s-1
B = session s-2
0.1 A < {"type":"started","run":"r1"}
0.2 A < {"type":"thinking","run":"r1"}
0.3 B < {"type":"ready"}
0.4 B < {"type":"thinking","run":"r1"}
0.5 A < {"type":"completed","run":"r1"}"#,
    );
    assert_eq!(trial.story(), ["0.3", "0.1", "0.4"]);
    assert_eq!(
        trial.roles(),
        ["`thinking` without `started`, begun elsewhere"]
    );
}

#[test]
fn steps_that_need_not_come_are_passed_over() {
    let rule = r#"
kind  = "sequence"
key   = "run"
steps = ["started", "thinking*", "note?", "completed"]
"#;
    for (names, state) in [
        (&["started", "completed"][..], State::Holds),
        (&["started", "note", "completed"], State::Holds),
        (
            &["started", "thinking", "thinking", "completed"],
            State::Holds,
        ),
        (
            &["started", "note", "thinking", "completed"],
            State::Violated,
        ),
        (&["started", "note", "note", "completed"], State::Violated),
    ] {
        assert_eq!(trial(rule, &run(names, "")).state(), state, "{names:?}");
    }
}

#[test]
fn an_event_without_its_key_leaves_it_undecided() {
    let history = run(
        &["started", "thinking", "completed"],
        "9 A < {\"type\":\"thinking\"}",
    );
    assert!(trial(RULE, &history).is_undecided());
}

#[test]
fn a_first_step_that_a_gap_may_hide_is_not_held_against_it() {
    let history = r#"
A = session s-1
0.1 A < {"type":"ready"}
0.2 A gap: stalled
0.3 A < {"type":"completed","run":"r1"}"#;
    assert!(trial(RULE, history).is_undecided());
}
