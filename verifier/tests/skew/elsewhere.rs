//! What one recording lacks excuses what another one shows, from then on: whose frames they were, nobody knows.

use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::verdict::State;

use super::told;

const PACK: &str = r#"
[pack]
name   = "elsewhere"
format = 1

[message]
name = "/type"

[events]
ask   = { from = "client", name = "ask" }
reply = { from = "server", name = "reply" }

[[rule]]
id          = "it"
title       = "what is asked is answered, and nothing else is"
kind        = "response"
request     = "ask"
reply       = "reply"
match       = "/id"
on          = "session"
within      = "2s"
unsolicited = "violated"
"#;

/// How the rule stands over two recordings of session s-1 whose clocks agree.
fn state(first: &str, second: &str) -> State {
    let traces = [first, second].map(|trace| format!("A = session s-1\n{trace}"));
    told::state(PACK, &Facts::default(), [&traces[0], &traces[1]], 0)
}

const STRAY: &str = "0.2 A > {\"type\":\"ask\",\"id\":2}\n0.3 A < {\"type\":\"reply\",\"id\":2}\n\
                     1.0 A < {\"type\":\"reply\",\"id\":1}\n5.0 end";

#[test]
fn a_question_may_have_been_asked_where_the_recorder_was_killed() {
    assert_eq!(state("0.1 A open\n5.0 end", STRAY), State::Violated);
    assert_eq!(
        state("0.1 A open\n0.5 unclean: killed", STRAY),
        State::Undecided
    );
    // It stood when the answer came.
    assert_eq!(
        state("0.1 A open\n3.0 unclean: killed", STRAY),
        State::Violated
    );
}

#[test]
fn a_question_may_have_been_asked_on_a_connection_that_is_missing() {
    let gap = |at| format!("0.1 A open\n{at} gap: the disk was full\n5.0 end");
    assert_eq!(state(&gap("0.5"), STRAY), State::Undecided);
    // A gap of one connection is of whoever has it, and has its place there alone.
    assert_eq!(
        state("0.1 A open\n0.5 A gap: the disk was full\n5.0 end", STRAY),
        State::Undecided
    );
}

#[test]
fn an_answer_may_have_come_where_the_recorder_was_killed() {
    let asked = "0.2 A > {\"type\":\"ask\",\"id\":1}\n9.0 end";
    assert_eq!(state("0.1 A open\n9.0 end", asked), State::Violated);
    for (killed, expected) in [("1.0", State::Undecided), ("4.0", State::Violated)] {
        let killed = format!("0.1 A open\n{killed} unclean: killed");
        assert_eq!(state(&killed, asked), expected, "{killed}");
    }
}

const COHORTS: &str = r#"
[pack]
name   = "cohorts"
format = 1

[[rule]]
id         = "it"
title      = "who connects at the same time is served within 5 s"
kind       = "duration"
from       = "@open"
to         = "@accepted"
per        = "connection"
cohort-max = "5s"
"#;

#[test]
fn who_connects_when_another_recording_has_broken_off_is_in_nobodys_company_for_that() {
    let later = "0.5 A open\n0.6 A drop\n9.0 B open\n9.1 B accept\n9.5 end";
    let later = format!("A = session s-1\nB = session s-2\n{later}");
    let killed = "C = session s-3\n0.1 C open\n0.2 unclean: killed";
    let state = told::state(COHORTS, &Facts::default(), [killed, &later], 0);
    // Two that never stood at the same time.
    assert_eq!(state, State::NotExercised);
}
