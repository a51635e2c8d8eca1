//! Hundreds of random schedules: `cargo test -p wsaudit-demo -- --ignored`.

use super::faults::is_visible;
use super::{play, sound};
use wsaudit_demo::Fault;

/// Played at once, so that they disturb each other.
const AT_ONCE: u64 = 8;
const SOUND_RUNS: u64 = 400;
const RUNS_PER_FAULT: u64 = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes two minutes"]
async fn hundreds_of_sound_schedules_show_nothing_foreign() {
    for first in (0..SOUND_RUNS).step_by(usize::try_from(AT_ONCE).expect("a small number")) {
        let runs = (first..first + AT_ONCE).map(|seed| tokio::spawn(play(None, seed)));
        for run in runs.collect::<Vec<_>>() {
            sound::check(&run.await.expect("a run that ends"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn every_fault_is_visible_whatever_the_schedule() {
    for fault in Fault::ALL {
        for first in (0..RUNS_PER_FAULT).step_by(usize::try_from(AT_ONCE).expect("a small number"))
        {
            let runs =
                (first..first + AT_ONCE).map(|seed| (seed, tokio::spawn(play(Some(*fault), seed))));
            for (seed, run) in runs.collect::<Vec<_>>() {
                let report = run.await.expect("a run that ends");
                assert!(
                    is_visible(*fault, &report),
                    "{fault}, seed {seed}: {report:#?}"
                );
            }
        }
    }
}
