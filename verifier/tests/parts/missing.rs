//! What a part that is missing leaves in doubt.

use std::rc::Rc;
use std::time::Duration;

use wsaudit_verifier::engine::{Input, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{Connection, MemorySource, Moment, Outline, Part, Source, join};
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::verdict::State;

const STATISTIC: &str = r#"
[pack]
name   = "statistic"
format = 1

[[rule]]
id   = "it"
title = "half of all handshakes are accepted at once"
kind  = "duration"
from  = "@open"
to    = "@accepted"
per   = "connection"
p50   = "0ms"
"#;

const PACK: &str = r#"
[pack]
name   = "accepted"
format = 1

[[rule]]
id       = "it"
title    = "every handshake is accepted"
kind     = "handshake"
accepted = true
"#;

/// A connection that was opened at a place, and answered at another one or never.
fn connection(number: u64, opened: u64, answered: Option<u64>) -> Connection {
    let moment = |seq| Moment { seq, at: 0 };
    Connection {
        number,
        opened: moment(opened),
        answered: answered.map(moment),
        status: answered.map(|_| 101),
        closed: None,
        request_head: Vec::new(),
        response_head: Vec::new(),
        subprotocol: None,
        tags: Vec::new(),
        http: None,
    }
}

/// A part of a run, of the ten places from ten times its number on.
fn part(number: u32, connections: Vec<Connection>) -> Rc<dyn Source> {
    let name = format!("run-{number}");
    let outline = Outline {
        name: name.clone(),
        connections,
        parts: vec![Part {
            run: "run".to_owned(),
            number,
            continued: number < 3,
            first_seq: u64::from(number) * 10,
            last_seq: u64::from(number) * 10 + 9,
            file: name,
        }],
        ..Outline::default()
    };
    Rc::new(MemorySource::new(outline, Vec::new()))
}

fn state(parts: &[Rc<dyn Source>]) -> State {
    state_of(PACK, parts)
}

fn state_of(pack: &str, parts: &[Rc<dyn Source>]) -> State {
    let pack = Pack::from_texts(&[("pack.toml", pack)]).unwrap_or_else(|errors| panic!("{errors}"));
    let sources = join(parts).expect("each part is there once");
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

#[test]
fn a_handshake_that_may_have_been_answered_in_it_is_not_called_unanswered() {
    let goes_on = || connection(1, 11, Some(12));
    let unanswered = || connection(2, 13, None);
    let first = || part(1, vec![goes_on(), unanswered()]);
    let last = || part(3, vec![goes_on()]);
    assert_eq!(state(&[first(), last()]), State::Undecided);
    // Where nothing is missing, and the connection is there no more, it was not.
    let ended = Connection {
        closed: Some(Moment { seq: 21, at: 0 }),
        ..unanswered()
    };
    let second = part(2, vec![goes_on(), ended]);
    assert_eq!(state(&[first(), second, last()]), State::Violated);
}

#[test]
fn what_is_too_slow_on_the_whole_may_have_been_faster_there() {
    let slow = |number, opened| {
        let mut slow = connection(number, opened, Some(opened + 1));
        slow.answered = Some(Moment {
            seq: opened + 1,
            at: 5_000_000,
        });
        slow
    };
    let parts = || [part(1, vec![slow(1, 11)]), part(3, vec![slow(3, 31)])];
    let [first, last] = parts();
    let second = part(2, vec![slow(2, 21)]);
    assert_eq!(state_of(STATISTIC, &[first, second, last]), State::Violated);
    assert_eq!(state_of(STATISTIC, &parts()), State::Undecided);
}
