//! Two recordings whose clocks disagree: what rests on an order that nobody knows is undecided.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use wsaudit_tagging::{Provenance, TagKind};
use wsaudit_verifier::engine::{Input, RuleResult, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{
    Connection, MemoryMessage, MemorySource, Moment, Outline, Source, Tag,
};
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::verdict::{Reason, State};
use wsaudit_wire::{Direction, Opcode};

const TOLERANCE: i64 = 100;

const PACK: &str = r#"
[pack]
name   = "skewed"
format = 1

[message]
name = "/type"

[fields]
doc   = "/doc"
party = "/party"

[events]
created   = { from = "server", name = "created" }
shared    = { from = "server", name = "shared" }
revoked   = { from = "server", name = "revoked" }
joined    = { from = "server", name = "joined" }
left      = { from = "server", name = "left" }
ask       = { from = "client", name = "ask" }
started   = { from = "server", name = "started" }
thinking  = { from = "server", name = "thinking" }
completed = { from = "server", name = "completed" }

[[rule]]
id         = "shares"
title      = "a document is seen by its owner and whom it is shared with"
kind       = "owned"
resource   = "doc"
owner      = "session"
claimed-by = { event = "created", owner-at = "/party" }
shared-by  = { event = "shared", with = "party" }
revoked-by = { event = "revoked", with = "party" }
grant-slack = "20ms"

[[rule]]
id         = "members"
title      = "a document is seen by its members"
kind       = "owned"
resource   = "doc"
owner      = "session"
claimed-by = { event = "created", owner-at = "/party" }
members-by = "joined"
left-by    = "left"
survives-reconnect = true
grant-slack = "20ms"

[[rule]]
id    = "order"
title = "a run comes in order"
kind  = "sequence"
key   = "doc"
on    = "session"
steps = ["started", "thinking*", "completed"]

[[rule]]
id     = "in-time"
title  = "a run comes in order and in time"
kind   = "sequence"
key    = "doc"
on     = "session"
steps  = ["started", "thinking*", "completed"]
within = "400ms"

[[rule]]
id          = "reply"
title       = "what is asked is answered"
kind        = "response"
request     = "ask"
reply       = "completed"
match       = "doc"
on          = "session"
within      = "400ms"
unsolicited = "violated"

[[rule]]
id    = "after"
title = "nothing is thought after the end"
kind  = "never"
event = "thinking"
after = "completed"
key   = "doc"
per   = "session"

[[rule]]
id    = "before"
title = "nothing is thought before the start"
kind  = "never"
event = "thinking"
before = "started"
key   = "doc"
per   = "session"

[[rule]]
id    = "time"
title = "a run takes no longer"
kind  = "duration"
from  = "started"
to    = "completed"
per   = "session"
match = "doc"
max   = "400ms"

[[rule]]
id      = "time-to-the-last"
title   = "nothing is thought for longer"
kind    = "duration"
from    = "started"
to      = "thinking"
to-last = true
per     = "session"
max     = "300ms"

[[rule]]
id    = "mean"
title = "runs take no longer, mostly"
kind  = "duration"
from  = "started"
to    = "completed"
per   = "session"
match = "doc"
mean  = "300ms"
p50   = "300ms"

[[rule]]
id      = "rate"
title   = "thoughts come one by one"
kind    = "count"
event   = "thinking"
per     = "session"
at-most = 1
within  = "300ms"

[[rule]]
id       = "rate-of-documents"
title    = "two documents are enough at a time"
kind     = "count"
event    = "shared"
per      = "recording"
distinct = "party"
at-most  = 2
within   = "400ms"

[[rule]]
id      = "between"
title   = "nothing is shared while it runs"
kind    = "never"
event   = "shared"
between = ["started", "completed"]
key     = "doc"
per     = "session"

[[rule]]
id         = "asked"
title      = "a document is seen by who asked for it"
kind       = "owned"
resource   = "doc"
owner      = "session"
claimed-by = { event = "created", answers = { event = "ask", match = "party" } }
grant-slack = "20ms"

[[rule]]
id         = "asked-or-named"
title      = "a document is seen by who asked for it, and whom it names"
kind       = "owned"
resource   = "doc"
owner      = "session"
claimed-by = [
    { event = "created", answers = { event = "ask", match = "party" } },
    { event = "joined", owner-at = "/party" },
]
shared-by  = { event = "shared", with = "party" }
grant-slack = "20ms"
"#;

const NAMES: [&str; 9] = [
    "created",
    "shared",
    "revoked",
    "joined",
    "left",
    "ask",
    "started",
    "thinking",
    "completed",
];

/// A message: in ms, on a connection, of that name, about a document and a session.
#[derive(Debug, Clone)]
struct Happened {
    at: i64,
    on: usize,
    name: &'static str,
    doc: usize,
    party: usize,
}

/// Connections 0 and 1 are of the first recording, 2 and 3 of the second; 0 and 2 are of one session.
const SESSIONS: [&str; 4] = ["s-0", "s-1", "s-0", "s-2"];

fn recording(number: usize, shift: i64, history: &[Happened]) -> MemorySource {
    let at = |ms: i64| (ms + 1_000_000) * 1_000_000;
    let own = |on: usize| on / 2 == number;
    let connections = (0..4).filter(|on| own(*on)).map(|on| {
        let moment = |step| Moment {
            seq: on as u64 * 2 + step,
            at: at(-10_000),
        };
        Connection {
            number: on as u64,
            opened: moment(1),
            answered: Some(moment(2)),
            status: Some(101),
            closed: None,
            request_head: Vec::new(),
            response_head: Vec::new(),
            subprotocol: None,
            tags: vec![Tag {
                from: on as u64 * 2 + 1,
                kind: TagKind::Session,
                value: SESSIONS[on].to_owned(),
                source: "header:X".to_owned(),
                provenance: Provenance::Issued,
            }],
            http: None,
        }
    });
    let outline = Outline {
        name: format!("{number}.db"),
        started_at: at(-10_000),
        ended_at: at(60_000),
        connections: connections.collect(),
        ..Outline::default()
    };
    let messages = (100..)
        .zip(history)
        .filter(|(_, one)| own(one.on))
        .map(|(seq, one)| MemoryMessage {
            moment: Moment {
                seq,
                at: at(one.at + shift),
            },
            connection: one.on as u64,
            direction: match one.name {
                "ask" => Direction::ClientToServer,
                _ => Direction::ServerToClient,
            },
            opcode: Opcode::TEXT,
            payload: format!(
                r#"{{"type":"{}","doc":"d-{}","party":"{}"}}"#,
                one.name, one.doc, SESSIONS[one.party]
            )
            .into_bytes(),
        });
    MemorySource::new(outline, messages.collect())
}

fn rules(pack: &Pack, history: &[Happened], shift: i64, skew: i64) -> Vec<RuleResult> {
    let sources: Vec<Box<dyn Source>> = vec![
        Box::new(recording(0, 0, history)),
        Box::new(recording(1, shift, history)),
    ];
    let input = Input {
        packs: std::slice::from_ref(pack),
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: Duration::from_millis(u64::try_from(skew).expect("no negative skew")),
    };
    verify(&input, &mut |_| {})
        .expect("memory can be read")
        .rules
}

fn pack() -> Pack {
    Pack::from_texts(&[("skewed.toml", PACK)]).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Times are even in one recording and odd in the other, so that no two are equal in truth.
fn histories() -> impl Strategy<Value = Vec<Happened>> {
    let one = (
        0..600_i64,
        0..4_usize,
        0..NAMES.len(),
        0..2_usize,
        0..4_usize,
    )
        .prop_map(|(at, on, name, doc, party)| Happened {
            at: at * 2 + i64::from(on >= 2),
            on,
            name: NAMES[name],
            doc,
            party,
        });
    proptest::collection::vec(one, 1..14).prop_map(|mut history| {
        history.sort_by_key(|one| one.at);
        history
    })
}

/// Where somebody asks for a number of cases, other ones each time; else the same ones: a red run is a
/// change's.
fn cases() -> ProptestConfig {
    let default = ProptestConfig::default();
    let (cases, rng_seed) = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => (default.cases, default.rng_seed),
        None => (2_000, RngSeed::Fixed(2_611_261_404)),
    };
    ProptestConfig {
        cases,
        rng_seed,
        failure_persistence: None,
        ..default
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_clocks_show_is_never_surer_than_the_truth(
        history in histories(),
        shift in -TOLERANCE + 1..TOLERANCE,
    ) {
        let pack = pack();
        let truth = rules(&pack, &history, 0, 0);
        let told = rules(&pack, &history, shift, TOLERANCE);
        for (number, (truth, told)) in truth.iter().zip(&told).enumerate() {
            let id = &pack.rules[number].id;
            if told.state == State::Violated {
                prop_assert_eq!(truth.state, State::Violated, "{} shows {:#?}", id, told.outcome);
            }
            if truth.state == State::Violated {
                let clean = told.outcome.violations.is_empty() && told.outcome.doubts.is_empty();
                prop_assert!(!clean, "{} hides {:#?}", id, truth.outcome);
            }
        }
    }
}

fn line(at: i64, on: usize, name: &'static str) -> Happened {
    Happened {
        at,
        on,
        name,
        doc: 0,
        party: 0,
    }
}

#[test]
fn a_doubt_about_an_order_names_both_places_and_what_settles_it() {
    let history = [
        line(0, 0, "started"),
        line(500, 0, "completed"),
        line(550, 2, "thinking"),
    ];
    let pack = pack();
    let order = &rules(&pack, &history, 0, TOLERANCE)[2];
    assert_eq!(order.state, State::Undecided);
    let [doubt] = order.outcome.doubts.as_slice() else {
        panic!("one doubt, not {:#?}", order.outcome.doubts);
    };
    assert_eq!(doubt.reason, Reason::Undecided);
    assert_eq!(
        doubt.message,
        "frame 101 of 0.db and frame 102 of 1.db: the clocks of two recordings may be 100 ms apart, \
         and which of the two came first is not known, of d-0"
    );
    assert!(doubt.settle.contains("lower --skew"), "{}", doubt.settle);
    // Apart by more than the tolerance, it is a violation; and so it is on clocks that agree.
    let apart = [
        history[0].clone(),
        history[1].clone(),
        line(650, 2, "thinking"),
    ];
    for (history, skew) in [(&apart, TOLERANCE), (&history, 0)] {
        assert_eq!(rules(&pack, history, 0, skew)[2].state, State::Violated);
    }
}

#[test]
fn within_one_recording_the_order_is_known_however_close() {
    let history = [
        line(0, 0, "started"),
        line(2, 0, "completed"),
        line(4, 0, "thinking"),
    ];
    assert_eq!(
        rules(&pack(), &history, 0, TOLERANCE)[2].state,
        State::Violated
    );
}

#[test]
fn a_time_between_two_recordings_is_held_against_its_limit_with_the_tolerance() {
    let states = [350, 450, 510].map(|at| {
        let history = [line(0, 0, "started"), line(at, 2, "completed")];
        rules(&pack(), &history, 0, TOLERANCE)[3].state
    });
    assert_eq!(
        states,
        [State::Undecided, State::Undecided, State::Violated]
    );
}

/// The same, about the party at that place in [`SESSIONS`].
fn about(party: usize, line: &Happened) -> Happened {
    Happened {
        party,
        ..line.clone()
    }
}

/// In truth a document reaches somebody 40 ms before access begins, or after it ended, which no slack
/// excuses; clocks show it the other way round.
#[test]
fn access_that_only_seems_to_stand_is_undecided() {
    let created = about(1, &line(0, 1, "created"));
    let shares = [
        vec![line(500, 3, "thinking"), about(3, &line(540, 1, "shared"))],
        vec![
            about(3, &line(10, 1, "shared")),
            about(3, &line(500, 1, "revoked")),
            line(540, 3, "thinking"),
        ],
    ];
    let memberships = [
        vec![line(500, 2, "thinking"), line(540, 0, "joined")],
        vec![
            line(10, 0, "joined"),
            line(500, 0, "left"),
            line(540, 2, "thinking"),
        ],
    ];
    let pack = pack();
    for (rule, histories) in [(0, shares), (1, memberships)] {
        for (mut history, shift) in histories.into_iter().zip([60, -60]) {
            history.insert(0, created.clone());
            let states = [(0, 0), (shift, 0), (0, TOLERANCE), (shift, TOLERANCE)]
                .map(|(shift, skew)| rules(&pack, &history, shift, skew)[rule].state);
            assert_eq!(
                states,
                [
                    State::Violated,
                    State::Holds,
                    State::Undecided,
                    State::Undecided
                ],
                "{history:#?}"
            );
        }
    }
}

/// In truth a document is made before somebody else asks under the same number, or after; clocks show it the other way
/// round.
#[test]
fn whose_it_is_that_only_seems_to_answer_is_undecided() {
    let [asked, made] = [line(0, 1, "ask"), line(0, 3, "created")];
    let at = |at, line: &Happened| Happened { at, ..line.clone() };
    let pack = pack();
    let rule = pack.rules.iter().position(|rule| rule.id == "asked");
    let rule = rule.expect("a rule of the pack");
    let (own, foreign) = (State::Holds, State::Violated);
    for (history, shift, [truth, seen]) in [
        ([at(500, &made), at(540, &asked)], 60, [own, foreign]),
        ([at(500, &asked), at(540, &made)], -60, [foreign, own]),
    ] {
        let states = [(0, 0), (shift, 0), (0, TOLERANCE), (shift, TOLERANCE)]
            .map(|(shift, skew)| rules(&pack, &history, shift, skew)[rule].state);
        let expected = [truth, seen, State::Undecided, State::Undecided];
        assert_eq!(states, expected, "{history:#?}");
    }
    // The one who asked is answered where it asked: that is its own, whenever another one is told of it.
    let answered = [
        at(500, &asked),
        at(
            510,
            &Happened {
                on: 1,
                ..made.clone()
            },
        ),
        at(511, &made),
    ];
    for shift in [-60, 0, 60] {
        assert_eq!(
            rules(&pack, &answered, shift, TOLERANCE)[rule].state,
            State::Violated
        );
    }
}

/// Whether the second of two like steps is one too many depends on which connection saw the first.
#[test]
fn two_like_steps_on_two_clocks_cross_as_well() {
    let history = [
        line(0, 0, "started"),
        line(500, 0, "completed"),
        line(501, 2, "completed"),
    ];
    let states = [(0, 0), (-2, 0), (-2, TOLERANCE)]
        .map(|(shift, skew)| rules(&pack(), &history, shift, skew)[2].state);
    assert_eq!(states, [State::Violated, State::Holds, State::Undecided]);
}

/// Whether somebody left and came back, or came and left.
#[test]
fn access_that_turns_twice_on_two_clocks_is_not_known() {
    let history = [
        about(1, &line(0, 1, "created")),
        line(300, 2, "joined"),
        line(500, 2, "left"),
        line(540, 0, "joined"),
        line(1_000, 2, "thinking"),
    ];
    let states = [(0, 0), (60, 0), (60, TOLERANCE)]
        .map(|(shift, skew)| rules(&pack(), &history, shift, skew)[1].state);
    assert_eq!(states, [State::Holds, State::Violated, State::Undecided]);
}

/// A time, a mean and a rate, each below its limit, too close to it on either side, and above.
#[test]
fn durations_and_rates_between_two_recordings_are_held_against_their_limits_with_the_tolerance() {
    use State::{Holds, Undecided, Violated};
    let pack = pack();
    let states = |id: &str, first: &'static str, second: &'static str, after: [i64; 4]| {
        let number = pack.rules.iter().position(|rule| rule.id == id);
        let number = number.expect("a rule of this pack");
        after.map(|at| {
            let history = [line(0, 0, first), line(at, 2, second)];
            rules(&pack, &history, 0, TOLERANCE)[number].state
        })
    };
    let longer = [Holds, Undecided, Undecided, Violated];
    let time = states("time", "started", "completed", [250, 350, 450, 510]);
    assert_eq!(time, longer);
    let mean = states("mean", "started", "completed", [150, 250, 350, 450]);
    assert_eq!(mean, longer);
    let closer = [Violated, Undecided, Undecided, Holds];
    let rate = states("rate", "thinking", "thinking", [150, 250, 350, 450]);
    assert_eq!(rate, closer);
}

/// How the rule `rate-of-documents` stands, by clocks that are `shift` apart and may be `tolerance`.
fn rate_of_documents(history: &[Happened], shift: i64, tolerance: i64) -> State {
    let pack = pack();
    let mut rules_of_pack = pack.rules.iter();
    let number = rules_of_pack.position(|rule| rule.id == "rate-of-documents");
    rules(&pack, history, shift, tolerance)[number.expect("a rule of the pack")].state
}

#[test]
fn what_is_far_by_one_clock_may_be_near_by_the_other() {
    let histories = [
        // What comes last of one recording is far from the first two, not so that of the other one.
        [
            about(1, &line(274, 0, "shared")),
            about(3, &line(296, 0, "shared")),
            about(0, &line(673, 2, "shared")),
            about(0, &line(756, 0, "shared")),
        ],
        // Both recordings show the same one, and the one that seems to be earlier counts.
        [
            about(1, &line(101, 2, "shared")),
            about(1, &line(150, 0, "shared")),
            about(3, &line(301, 2, "shared")),
            about(0, &line(511, 2, "shared")),
        ],
    ];
    for history in histories {
        assert_eq!(rate_of_documents(&history, 0, 0), State::Violated);
        assert_eq!(rate_of_documents(&history, 83, TOLERANCE), State::Undecided);
    }
}

#[test]
fn what_is_far_by_its_own_clock_is_not_brought_together_by_another_one() {
    let history = [
        about(1, &line(0, 0, "shared")),
        about(3, &line(402, 0, "shared")),
        about(0, &line(450, 2, "shared")),
    ];
    assert_eq!(rate_of_documents(&history, 0, TOLERANCE), State::Holds);
}
