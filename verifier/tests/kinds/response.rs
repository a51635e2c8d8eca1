use wsaudit_verifier::verdict::State;

use super::trial::trial;

const RULE: &str = r#"
kind    = "response"
request = "ask"
reply   = ["reply", "refusal"]
match   = "request"
within  = "5s"
"#;

#[test]
fn a_reply_in_time_holds_and_nothing_asked_is_not_exercised() {
    let held = trial(
        RULE,
        r#"
A = session s-1
0 A > {"type":"ask","request":"q1"}
5 A < {"type":"refusal","request":"q1"}"#,
    );
    assert_eq!(held.state(), State::Holds);
    let nothing = trial(
        RULE,
        "A = session s-1\n0.1 A < {\"type\":\"reply\",\"request\":\"x\"}",
    );
    assert_eq!(nothing.state(), State::NotExercised);
}

#[test]
fn a_late_reply_breaks_it_where_it_comes() {
    let trial = trial(
        RULE,
        r#"
A = session s-1
0.1 A > {"type":"ask","request":"q1"}
5.2 A < {"type":"reply","request":"q1"}"#,
    );
    assert_eq!(trial.story(), ["0.1", "5.2"]);
    assert_eq!(trial.roles(), ["`ask` answered late, with `reply`"]);
}

#[test]
fn a_reply_that_never_comes_is_final_once_its_time_is_over() {
    let trial = trial(
        RULE,
        r#"
A = session s-1
0.1 A > {"type":"ask","request":"q1"}
9.0 end"#,
    );
    assert_eq!(trial.broken_at(), ["0.1"]);
}

#[test]
fn what_ends_before_the_time_is_over_leaves_it_undecided() {
    let ended = "A = session s-1\n0.1 A > {\"type\":\"ask\",\"request\":\"q1\"}\n4 end";
    assert!(trial(RULE, ended).is_undecided());
    let closed = r#"
A = session s-1
0.1 A > {"type":"ask","request":"q1"}
4.0 A close
60 end"#;
    assert!(trial(RULE, closed).is_undecided());
}

#[test]
fn what_may_be_hidden_is_not_held_against_it() {
    let gap = r#"
A = session s-1
0.1 A > {"type":"ask","request":"q1"}
0.2 A gap: recorder stalled
60 end"#;
    assert!(trial(RULE, gap).is_undecided());
    let undecodable = r#"
A = session s-1
0.1 A > {"type":"ask","request":"q1"}
0.2 A < text "not JSON"
60 end"#;
    assert!(trial(RULE, undecodable).is_undecided());
}

#[test]
fn a_session_that_reconnects_gets_its_reply_there_where_the_rule_says_so() {
    let history = r#"
A = session s-1
B = session s-1
0.1 A > {"type":"ask","request":"q1"}
0.2 A close
0.3 B < {"type":"reply","request":"q1"}
60 end"#;
    let by_connection = trial(RULE, history);
    assert!(by_connection.is_undecided());
    let by_session = trial(&format!("{RULE}on = \"session\""), history);
    assert_eq!(by_session.state(), State::Holds);
}

#[test]
fn a_reply_that_went_to_somebody_else_is_told_with_the_missing_one() {
    let trial = trial(
        RULE,
        r#"
A = session s-1
B = session s-2
0.1 A > {"type":"ask","request":"q1"}
0.2 B < {"type":"reply","request":"q1"}
60 end"#,
    );
    assert_eq!(trial.story(), ["0.1", "0.2"]);
}

#[test]
fn an_unsolicited_reply_breaks_it_but_a_second_one_does_not() {
    let rule = format!("{RULE}unsolicited = \"violated\"");
    let trial = trial(
        &rule,
        r#"
A = session s-1
B = session s-2
0.1 A > {"type":"ask","request":"q1"}
0.2 A < {"type":"reply","request":"q1"}
0.3 A < {"type":"reply","request":"q1"}
0.4 A < {"type":"reply"}
0.5 B < {"type":"reply","request":"q1"}
60 end"#,
    );
    assert_eq!(trial.story(), ["0.5", "0.1", "0.5"]);
}

#[test]
fn equal_ids_of_two_connections_do_not_meet() {
    let trial = trial(
        RULE,
        r#"
A = session s-1
B = session s-2
0.1 A > {"type":"ask","request":1}
0.2 B > {"type":"ask","request":1}
0.3 B < {"type":"reply","request":"1"}
0.4 A < {"type":"reply","request":"1"}
60 end"#,
    );
    assert_eq!(trial.state(), State::Holds);
    assert_eq!(trial.opportunities(), 2);
}

#[test]
fn request_and_reply_agree_where_both_speak() {
    let rule = format!("{RULE}same = [\"thread\"]");
    let trial = trial(
        &rule,
        r#"
A = session s-1
0.1 A > {"type":"ask","request":"q1","thread":"t1"}
0.2 A < {"type":"reply","request":"q1","threads":["t0","t1"]}
0.3 A > {"type":"ask","request":"q2","thread":"t1"}
0.4 A < {"type":"reply","request":"q2"}
0.5 A > {"type":"ask","request":"q3","thread":"t1"}
0.6 A < {"type":"reply","request":"q3","thread":"t2"}"#,
    );
    assert_eq!(trial.story(), ["0.5", "0.6"]);
}

#[test]
fn what_must_stay_unanswered() {
    let rule = format!("{RULE}expect = \"no reply\"");
    let answered = r#"
A = session s-1
0.1 A > {"type":"ask","request":"q1"}
0.2 A < {"type":"reply","request":"q1"}"#;
    assert_eq!(trial(&rule, answered).broken_at(), ["0.2"]);
    let unanswered = "A = session s-1\n0.1 A > {\"type\":\"ask\",\"request\":\"q1\"}";
    assert_eq!(
        trial(&rule, &format!("{unanswered}\n9.0 end")).state(),
        State::Holds
    );
    assert!(trial(&rule, &format!("{unanswered}\n1.0 end")).is_undecided());
}

#[test]
fn without_a_time_the_end_of_the_recording_decides_nothing() {
    let rule = RULE.replace("within  = \"5s\"", "unsolicited = \"violated\"");
    let history = "A = session s-1\n0.1 A > {\"type\":\"ask\",\"request\":\"q1\"}\n60 end";
    assert!(trial(&rule, history).is_undecided());
}

#[test]
fn a_request_without_an_id_is_not_passed_over() {
    let history = "A = session s-1\n0.1 A > {\"type\":\"ask\"}\n0.2 A > {\"type\":\"ask\",\"request\":\"q\"}\n0.3 A < {\"type\":\"reply\",\"request\":\"q\"}";
    assert!(trial(RULE, history).is_undecided());
}

/// What is kept of who asked does not grow with each request; it is told all the same.
#[test]
fn a_reply_that_comes_after_many_requests_is_judged_by_who_asked() {
    use std::fmt::Write as _;

    let rule = format!("{RULE}unsolicited = \"violated\"\n");
    let told = |requests: u64| {
        let mut trace = String::from(
            r#"
A = session s-1
B = session s-2
0.1 B < {"type":"reply","request":"early"}
0.2 A > {"type":"ask","request":"first"}
0.3 A < {"type":"reply","request":"first"}
0.4 B > {"type":"ask","request":"both"}
0.5 A > {"type":"ask","request":"both"}
0.6 A < {"type":"reply","request":"both"}
0.7 B < {"type":"reply","request":"both"}
"#,
        );
        for number in 0..requests {
            writeln!(
                trace,
                "0.8 A > {{\"type\":\"ask\",\"request\":\"{number}\"}}"
            )
            .unwrap();
            writeln!(
                trace,
                "0.8 A < {{\"type\":\"reply\",\"request\":\"{number}\"}}"
            )
            .unwrap();
        }
        trace.push_str(
            r#"
0.91 A < {"type":"reply","request":"first"}
0.92 B < {"type":"reply","request":"first"}
0.93 A < {"type":"reply","request":"both"}
0.94 B < {"type":"reply","request":"both"}
0.95 B < {"type":"reply","request":"never"}
0.96 A > {"type":"ask","request":"early"}
0.97 A < {"type":"reply","request":"early"}"#,
        );
        let trial = trial(&rule, &trace);
        assert_eq!(trial.opportunities(), requests + 4);
        (trial.broken_at().join(" "), trial.roles().join("; "))
    };
    let expected = (
        "0.1 0.92 0.95",
        "`reply` replied with the id of no request; \
         `reply` replied with the id of a request of somebody else; \
         `reply` replied with the id of no request",
    );
    for requests in [1, 40_000] {
        let (broken_at, roles) = told(requests);
        assert_eq!(
            (&broken_at[..], &roles[..]),
            expected,
            "{requests} requests"
        );
    }
}
