use std::fmt::Write as _;

use wsaudit_verifier::finding::Measure;
use wsaudit_verifier::verdict::State;

use super::trial::trial;

const ESTABLISHED: &str = r#"
kind = "duration"
from = "@open"
to   = "ready"
per  = "session"
max  = "10s"
"#;

#[test]
fn a_session_is_measured_from_its_opening() {
    let trial = trial(
        ESTABLISHED,
        r#"
A = session s-1
B = session s-2
0 A open
1 B open
4 A < {"type":"ready"}
12 B < {"type":"ready"}"#,
    );
    assert_eq!(trial.story(), ["1", "12"]);
    assert_eq!(
        trial.measured(),
        [
            Measure::Nanoseconds(4_000_000_000),
            Measure::Nanoseconds(11_000_000_000)
        ]
    );
    assert_eq!(trial.opportunities(), 2);
}

#[test]
fn a_login_that_comes_later_is_the_session_that_was_opened() {
    let trial = trial(
        ESTABLISHED,
        r#"
A = device TABLET_BROWSER
0 A open
1 A is session s-1
2 A < {"type":"ready"}"#,
    );
    assert_eq!(trial.state(), State::Holds);
}

#[test]
fn a_start_without_an_end_breaks_it_once_its_time_is_over() {
    let open = "A = session s-1\n0 A open\n1 A < {\"type\":\"note\"}";
    assert_eq!(
        trial(ESTABLISHED, &format!("{open}\n11 end")).broken_at(),
        ["0"]
    );
    assert!(trial(ESTABLISHED, &format!("{open}\n9 end")).is_undecided());
    assert!(trial(ESTABLISHED, &format!("{open}\n5 A close\n60 end")).is_undecided());
}

#[test]
fn a_refused_handshake_establishes_nothing() {
    let refused = "A = session s-1\n0 A open\n1 A refuse 401\n60 end";
    let rule = ESTABLISHED.replace("\"session\"", "\"connection\"");
    assert_eq!(trial(&rule, refused).state(), State::NotExercised);
}

#[test]
fn runs_are_told_apart_by_their_ids() {
    let rule = r#"
kind  = "duration"
from  = "started"
to    = "completed"
match = "run"
max   = "15s"
"#;
    let trial = trial(
        rule,
        r#"
A = session s-1
0 A < {"type":"started","run":"r1"}
5 A < {"type":"started","run":"r2"}
14 A < {"type":"completed","run":"r1"}
19 A < {"type":"completed","run":"r1"}
21 A < {"type":"completed","run":"r2"}"#,
    );
    assert_eq!(trial.story(), ["5", "21"]);
    assert_eq!(trial.measured(), [Measure::Nanoseconds(16_000_000_000)]);
}

#[test]
fn the_last_end_counts_where_the_rule_says_so() {
    let rule = |last: &str| {
        format!("kind = \"duration\"\nfrom = \"started\"\nto = \"completed\"\nmax = \"5s\"\n{last}")
    };
    let history = r#"
A = session s-1
0 A < {"type":"started"}
4 A < {"type":"completed"}
6 A < {"type":"completed"}"#;
    assert_eq!(trial(&rule(""), history).state(), State::Holds);
    assert_eq!(trial(&rule("to-last = true"), history).story(), ["0", "6"]);
}

/// Runs that begin together and take so many seconds.
fn runs(seconds: &[u32]) -> String {
    let mut trace = "A = session s-1\n".to_owned();
    for number in 0..seconds.len() {
        writeln!(trace, "0 A < {{\"type\":\"started\",\"run\":{number}}}").expect("text grows");
    }
    let mut ends: Vec<_> = seconds.iter().enumerate().collect();
    ends.sort_by_key(|(_, seconds)| **seconds);
    for (number, seconds) in ends {
        writeln!(
            trace,
            "{seconds} A < {{\"type\":\"completed\",\"run\":{number}}}"
        )
        .expect("text grows");
    }
    trace
}

#[test]
fn means_and_percentiles() {
    let rule = |limit: &str| {
        format!(
            "kind = \"duration\"\nfrom = \"started\"\nto = \"completed\"\nmatch = \"run\"\n{limit}"
        )
    };
    let ten = runs(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 20]);
    for (limit, state) in [
        ("mean = \"6500ms\"", State::Holds),
        ("mean = \"6400ms\"", State::Violated),
        ("p50 = \"5s\"", State::Holds),
        ("p50 = \"4900ms\"", State::Violated),
        ("p90 = \"9s\"", State::Holds),
        ("p91 = \"19s\"", State::Violated),
        ("p1 = \"1s\"", State::Holds),
    ] {
        assert_eq!(trial(&rule(limit), &ten).state(), state, "{limit}");
    }
}

#[test]
fn a_mean_that_can_only_grow_is_broken_before_all_is_measured() {
    let rule = "kind = \"duration\"\nfrom = \"started\"\nto = \"completed\"\nmean = \"5s\"";
    let started = "A = session s-1\n0 A < {\"type\":\"started\"}";
    assert_eq!(
        trial(rule, &format!("{started}\n6 end")).state(),
        State::Violated
    );
    assert!(trial(rule, &format!("{started}\n4 end")).is_undecided());
}

const COHORT: &str = r#"
kind       = "duration"
from       = "started"
to         = "completed"
cohort-max = "20s"
"#;

/// One run for each session: its beginning and its end.
fn sessions(spans: &[(u32, u32)]) -> String {
    let mut trace = String::new();
    let mut events = Vec::new();
    for (number, (start, end)) in (1..).zip(spans) {
        writeln!(trace, "S{number} = session s-{number}").expect("text grows");
        events.push((*start, number, "started"));
        events.push((*end, number, "completed"));
    }
    events.sort_unstable();
    for (at, number, name) in events {
        writeln!(trace, "{at} S{number} < {{\"type\":\"{name}\"}}").expect("text grows");
    }
    trace
}

#[test]
fn spans_that_share_an_instant_are_a_cohort() {
    let together = sessions(&[(0, 9), (8, 16), (9, 21)]);
    assert_eq!(trial(COHORT, &together).story(), ["0", "21"]);
    let apart = sessions(&[(0, 9), (8, 16), (17, 30)]);
    assert_eq!(trial(COHORT, &apart).state(), State::Holds);
    assert_eq!(trial(COHORT, &apart).opportunities(), 2);
}

#[test]
fn overlapping_does_not_go_on_through_others() {
    let never_idle: Vec<_> = (0..10).map(|number| (8 * number, 8 * number + 9)).collect();
    let trial_of = trial(COHORT, &sessions(&never_idle));
    assert_eq!(
        (trial_of.state(), trial_of.opportunities()),
        (State::Holds, 10)
    );
}

#[test]
fn of_slow_cohorts_at_one_time_the_slowest_is_told() {
    // From 0 to 24, from 5 to 30 (the slowest), and long after, from 100 to 130.
    let slow = sessions(&[(0, 10), (5, 24), (20, 30), (100, 110), (105, 130)]);
    assert_eq!(trial(COHORT, &slow).broken_at(), ["30", "130"]);
}

#[test]
fn without_concurrent_sessions_a_cohort_is_not_exercised() {
    let one_by_one = sessions(&[(0, 4), (5, 9)]);
    assert_eq!(trial(COHORT, &one_by_one).state(), State::NotExercised);
}
