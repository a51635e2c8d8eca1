//! Histories that were chosen, most of them because random ones found a mistake.

use wsaudit_verifier::verdict::{Reason, State};

use super::{Happened, TOLERANCE, pack, rules};

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

/// An id is given up, and then another one's; clocks show it the other way round.
#[test]
fn an_id_that_only_seems_to_be_released_later_is_undecided() {
    let history = [
        line(0, 0, "created"),
        line(500, 0, "left"),
        about(3, &line(540, 3, "created")),
    ];
    let pack = pack();
    let number = pack.rules.iter().position(|rule| rule.id == "released");
    let number = number.expect("a rule of the pack");
    let states = [(0, 0), (-60, 0), (0, TOLERANCE), (-60, TOLERANCE)]
        .map(|(shift, skew)| rules(&pack, &history, shift, skew)[number].state);
    let expected = [
        State::Holds,
        State::Violated,
        State::Undecided,
        State::Undecided,
    ];
    assert_eq!(states, expected);
}
