use std::fmt::Write as _;

use wsaudit_verifier::finding::Measure;
use wsaudit_verifier::verdict::State;

use super::trial::trial;

const AT_LEAST: &str = r#"
kind     = "count"
event    = "completed"
distinct = "run"
at-least = 2
for-each = { having = "started" }
"#;

#[test]
fn too_few_once_the_session_is_gone() {
    let history = r#"
A = session s-1
B = session s-2
0.1 A < {"type":"started","run":"r1"}
0.2 A < {"type":"completed","run":"r1"}
0.3 A < {"type":"completed","run":"r1"}
0.4 B < {"type":"ready"}
0.5 A close"#;
    let too_few = trial(AT_LEAST, history);
    assert_eq!(too_few.story(), ["0.1", "0.2", "0.5"]);
    assert_eq!(too_few.roles(), ["too few of different run in `completed`"]);
    assert_eq!(too_few.measured(), [Measure::Count(1), Measure::Count(0)]);
    let still_there = history.replace("0.5 A close", "0.5 end");
    assert!(trial(AT_LEAST, &still_there).is_undecided());
}

#[test]
fn enough_holds_over_a_reconnect() {
    let trial = trial(
        AT_LEAST,
        r#"
A = session s-1
B = session s-1
0.1 A < {"type":"started","run":"r1"}
0.2 A < {"type":"completed","run":"r1"}
0.3 A close
0.4 B < {"type":"completed","run":"r2"}
0.5 B close"#,
    );
    assert_eq!(trial.state(), State::Holds);
    assert_eq!(trial.opportunities(), 1);
}

#[test]
fn nobody_of_whom_it_speaks_is_not_exercised() {
    let history = "A = session s-1\n0.1 A < {\"type\":\"ready\"}\n0.2 A close";
    assert_eq!(trial(AT_LEAST, history).state(), State::NotExercised);
    let at_most = "kind = \"count\"\nevent = \"note\"\nat-most = 1";
    assert_eq!(trial(at_most, history).state(), State::NotExercised);
}

#[test]
fn at_least_speaks_of_everybody_who_was_connected() {
    let rule = "kind = \"count\"\nevent = \"note\"\nat-least = 1";
    let history = "A = session s-1\nB = session s-2\n0.1 A < {\"type\":\"note\"}\n0.2 B < {\"type\":\"ready\"}\n0.3 A close\n0.4 B close";
    let silent = trial(rule, history);
    assert_eq!(silent.broken_at(), ["0.4"]);
    let refused = "A = session s-1\nB = session s-2\n0.1 A < {\"type\":\"note\"}\n0.2 B refuse 401\n0.3 A close";
    assert_eq!(trial(rule, refused).state(), State::Holds);
}

#[test]
fn one_too_many_breaks_it_where_it_comes() {
    let rule = "kind = \"count\"\nevent = \"note\"\nat-most = 2";
    let trial = trial(
        rule,
        r#"
A = session s-1
B = session s-2
0.1 A < {"type":"note"}
0.2 B < {"type":"note"}
0.3 A < {"type":"note"}
0.4 A < {"type":"note"}
0.5 A < {"type":"note"}"#,
    );
    assert_eq!(trial.story(), ["0.1", "0.3", "0.4"]);
}

#[test]
fn within_is_a_window_that_slides() {
    let rule = "kind = \"count\"\nevent = \"note\"\nat-most = 2\nwithin = \"10s\"";
    let notes = |times: &[&str]| {
        let mut trace = "A = session s-1\n".to_owned();
        for time in times {
            writeln!(trace, "{time} A < {{\"type\":\"note\"}}").expect("text grows");
        }
        trace
    };
    let slow = notes(&["0", "5", "10.1", "15.1", "20.2"]);
    assert_eq!(trial(rule, &slow).state(), State::Holds);
    let fast = notes(&["0", "8", "12", "18"]);
    assert_eq!(trial(rule, &fast).story(), ["8", "12", "18"]);
}

#[test]
fn a_window_over_ids_counts_an_id_once() {
    let rule =
        "kind = \"count\"\nevent = \"note\"\ndistinct = \"run\"\nat-most = 1\nwithin = \"10s\"";
    let history = r#"
A = session s-1
0 A < {"type":"note","run":"r1"}
4 A < {"type":"note","run":"r1"}
12 A < {"type":"note","run":"r1"}
15 A < {"type":"note","run":"r2"}"#;
    assert_eq!(trial(rule, history).story(), ["12", "15"]);
}

#[test]
fn exactly_over_the_recording_and_over_ids() {
    let rule = "kind = \"count\"\nevent = \"note\"\nper = \"recording\"\nexactly = 2";
    let history = |count: usize| {
        let lines =
            (1..=count).map(|n| format!("{n} A < {{\"type\":\"note\",\"run\":\"r{n}\"}}\n"));
        format!("A = session s-1\n{}", lines.collect::<String>())
    };
    assert_eq!(trial(rule, &history(1)).state(), State::Violated);
    assert_eq!(trial(rule, &history(2)).state(), State::Holds);
    assert_eq!(trial(rule, &history(3)).broken_at(), ["3"]);
    let per_run = "kind = \"count\"\nevent = \"note\"\nper = \"run\"\nat-most = 1";
    assert_eq!(trial(per_run, &history(3)).opportunities(), 3);
    let again = history(3) + "9 A < {\"type\":\"note\",\"run\":\"r2\"}";
    assert_eq!(trial(per_run, &again).story(), ["2", "9"]);
}
