//! What one recording lacks excuses what another one shows, from then on: whose frames they were, nobody knows.

use std::path::Path;
use std::time::Duration;

use wsaudit_verifier::case::Case;
use wsaudit_verifier::engine::{Input, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::Source;
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::suite::{Directory, Prepared};
use wsaudit_verifier::verdict::State;

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

fn recording(trace: &str) -> Box<dyn Source> {
    let text = format!(
        "# A recording\n\n```toml\n{PACK}```\n\n```trace\nA = session s-1\n{trace}\n\n\
         expect undecided it\n```\n"
    );
    let case = Case::parse("case.md", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let directory = Directory::of(Path::new("case.md"));
    let prepared = Prepared::new(&case, &directory).expect("a case with its own rules");
    let mut sources = prepared.sources.into_iter();
    sources.next().expect("a case is a recording")
}

/// How the rule stands over two recordings whose clocks agree.
fn state(first: &str, second: &str) -> State {
    let pack = Pack::from_texts(&[("pack.toml", PACK)]).unwrap_or_else(|errors| panic!("{errors}"));
    let sources = [first, second].map(recording);
    let input = Input {
        packs: std::slice::from_ref(&pack),
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: Duration::ZERO,
    };
    let found = verify(&input, &mut |_| {}).expect("memory can be read");
    found.rules[0].state
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
