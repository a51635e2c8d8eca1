//! Random histories: what clocks show is never surer than the truth.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use wsaudit_verifier::verdict::State;

use super::{Happened, NAMES, TOLERANCE, pack, rules};

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
