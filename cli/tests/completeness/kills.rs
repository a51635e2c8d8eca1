//! SIGKILL at random points under load.

use std::hash::{BuildHasher as _, RandomState};

use tempfile::tempdir;
use wsaudit_recording::Reader;

use super::peers::{Ledger, Peers};
use crate::harness::{Recorder, runtime};

const CLIENTS: u32 = 6;

/// What was found after some kills.
#[derive(Debug, Default)]
struct Found {
    received: u64,
    recorded: u64,
    /// Received, and not recorded.
    lost: u64,
    /// The most of them after one kill.
    most: u64,
}

/// Kills a recorder `kills` times, each time before `frames` frames have arrived, and compares what the peers received with what it recorded.
fn kill(kills: u32, frames: u64, more: &[&str]) -> Found {
    let runtime = runtime();
    let peers = Peers::default();
    let upstream = runtime.block_on(peers.serve());
    let mut found = Found::default();
    for round in 0..kills {
        let directory = tempdir().unwrap();
        let out = directory.path().join("traffic.db");
        let recorder = Recorder::start(&upstream, &out, more);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let address = recorder.address().to_owned();
                runtime.spawn(peers.clone().speak(client, address, u64::MAX))
            })
            .collect();
        runtime.block_on(peers.wait_for(random_below(frames)));
        recorder.kill();
        let received = runtime.block_on(async {
            for client in clients {
                client.await.unwrap();
            }
            peers.wait_for_the_end().await;
            peers.received()
        });
        peers.forget();

        let reader = Reader::open(&out).unwrap();
        reader.check().unwrap();
        assert!(reader.unclean().is_some(), "round {round}");
        assert_eq!(reader.gaps().unwrap(), [], "round {round}");
        let recorded = Ledger::recorded(&reader);
        let lost = received.missing_in(&recorded);
        found.received += received.total();
        found.recorded += recorded.total();
        found.lost += lost;
        found.most = found.most.max(lost);
    }
    println!("{kills} kills, {more:?}: {found:?}");
    found
}

/// Any number below `limit`: which one is not repeatable, nor is what the kernel does meanwhile.
pub(crate) fn random_below(limit: u64) -> u64 {
    RandomState::new().hash_one(0) % limit
}

fn kill_strict(kills: u32) {
    let found = kill(kills, 800, &["--durability", "strict"]);
    assert!(found.received > u64::from(kills), "{found:?}");
    assert_eq!(found.lost, 0, "{found:?}");
}

/// Each connection is whole from its beginning on ([`Ledger::recorded`] looks at that); its end may
/// be missing.
fn kill_batch(kills: u32) {
    // A commit comes after 1,000 frames, or 100 ms.
    let found = kill(kills, 6_000, &[]);
    assert!(found.recorded > 0, "nothing was ever committed: {found:?}");
    // Otherwise this test could not tell `batch` from `strict`.
    assert!(found.lost > 0, "{found:?}");
}

#[test]
fn strict_holds_every_frame_that_a_peer_received_before_a_kill() {
    kill_strict(6);
}

#[test]
fn batch_holds_a_prefix_of_each_connection_before_a_kill() {
    kill_batch(6);
}

#[test]
#[ignore = "long: .ci/long runs it"]
fn long_strict_survives_hundreds_of_kills() {
    kill_strict(400);
}

#[test]
#[ignore = "long: .ci/long runs it"]
fn long_batch_survives_a_hundred_kills() {
    kill_batch(100);
}
