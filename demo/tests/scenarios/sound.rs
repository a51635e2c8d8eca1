//! Sound runs: nothing foreign, every decoy present, whatever the seed.

use super::faults::is_visible;
use super::seen::{Seen, held_by_several};
use super::{Played, play};
use std::collections::BTreeSet;
use wsaudit_demo::Fault;

const SEEDS: std::ops::Range<u64> = 0..6;

pub(crate) fn check(report: &Played) {
    let seen = Seen(report);
    assert_eq!(seen.misaddressed(), []);
    assert_eq!(seen.untagged(), []);
    assert_eq!(seen.sightings(seen.thread_owners()), []);
    assert_eq!(seen.sightings(seen.run_owners()), []);
    for run in seen.runs().values() {
        let (first, rest) = run.split_first().expect("a run has events");
        let (last, thinking) = rest.split_last().expect("a run has several events");
        assert_eq!((*first, *last), ("agent_started", "agent_completed"));
        assert!(!thinking.is_empty() && thinking.iter().all(|it| *it == "agent_thinking"));
    }
    // Nine of S2, one of S3, one after the reconnect, one on the second connection.
    assert_eq!((report.runs_completed, seen.runs().len()), (12, 12));
    // Three workers at a foreign and an unknown thread, the second user at one; in three ways each.
    assert_eq!(report.refused, 21);
    assert_eq!((report.missed, report.refused_handshakes), (0, 0));
    for fault in Fault::ALL {
        assert!(!is_visible(*fault, report), "{fault} seen in a sound run");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_runs_show_nothing_foreign() {
    for seed in SEEDS {
        check(&play(None, seed).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_decoy_is_in_a_sound_run() {
    let report = play(None, 77).await;
    let seen = Seen(&report);
    let sessions: BTreeSet<_> = report.logs.iter().map(|log| &log.session).collect();
    // Four of one user, two of the other; a reconnect and a second connection besides.
    assert_eq!((sessions.len(), report.logs.len()), (6, 8));
    let users: BTreeSet<_> = report.logs.iter().map(|log| &log.holder.user).collect();
    assert_eq!(users.len(), 2);
    let told: BTreeSet<_> = seen.named("announcement").map(|(to, _)| to).collect();
    assert_eq!(told.len(), 5, "everybody but the late guest");
    assert!(held_by_several(&seen.given("thread_shared", "thread_id")));
    assert!(
        held_by_several(&seen.given("thread", "thread_id")),
        "the share is used"
    );
    let codes: BTreeSet<_> = seen
        .named("error")
        .filter_map(|(_, it)| it.text("code"))
        .collect();
    assert_eq!(codes, BTreeSet::from(["forbidden", "not_found"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_seed_changes_the_order() {
    let mut orders = BTreeSet::new();
    for seed in SEEDS {
        let report = play(None, seed).await;
        let order: Vec<_> = report.logs.iter().map(|log| log.holder.device).collect();
        orders.insert(order);
    }
    assert!(orders.len() > 1, "{orders:?}");
}
