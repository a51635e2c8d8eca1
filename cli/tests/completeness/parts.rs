//! A recording that is cut into parts: killed at any moment, or kept from going on, it loses nothing
//! that it promised.

use std::path::{Path, PathBuf};

use tempfile::tempdir;
use wsaudit_recording::{PartNames, Reader};

use super::kills::random_below;
use super::peers::{Ledger, Peers};
use crate::harness::{Recorder, has, run, runtime};

const CLIENTS: u32 = 6;

/// The smallest that there is: a few hundred of these frames.
const SIZE: &str = "1MiB";

/// The parts that there are.
fn parts(out: &Path) -> Vec<PathBuf> {
    let names = PartNames::of(out);
    let newest = names.newest().unwrap().unwrap_or_default();
    (1..=newest).map(|number| names.path(number)).collect()
}

fn open(parts: &[PathBuf]) -> Vec<Reader> {
    let readers: Vec<_> = parts.iter().map(|it| Reader::open(it).unwrap()).collect();
    for (number, reader) in (1..).zip(&readers) {
        reader.check().unwrap();
        assert_eq!(reader.runs()[0].part, number);
        assert_eq!(reader.runs()[0].uuid, readers[0].runs()[0].uuid);
        assert_eq!(reader.gaps().unwrap(), []);
    }
    readers
}

/// When the recorder is killed.
#[derive(Clone, Copy)]
enum When {
    /// After any number of frames.
    AnyTime,
    /// While the next part is made, or a moment later.
    AtACut,
}

/// What was found after some kills.
#[derive(Debug, Default)]
struct Found {
    received: u64,
    recorded: u64,
    lost: u64,
    parts: usize,
}

fn kill(kills: u32, when: When, more: &[&str]) -> Found {
    let runtime = runtime();
    let peers = Peers::default();
    let upstream = runtime.block_on(peers.serve());
    let mut found = Found::default();
    for round in 0..kills {
        let directory = tempdir().unwrap();
        let out = directory.path().join("traffic.db");
        let flags: Vec<_> = ["--rotate", SIZE].iter().chain(more).copied().collect();
        let recorder = Recorder::start(&upstream, &out, &flags);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let address = recorder.address().to_owned();
                runtime.spawn(peers.clone().speak(client, address, u64::MAX))
            })
            .collect();
        match when {
            When::AnyTime => runtime.block_on(peers.wait_for(random_below(3_000))),
            When::AtACut => {
                let names = PartNames::of(&out);
                // Not by chance: a kill at the first cut may come before there is a second part.
                let next = names.path(2 + round % 3);
                let mut unfinished = next.clone().into_os_string();
                unfinished.push(".new");
                // Not for long: neither is the moment.
                while !next.exists() && !Path::new(&unfinished).exists() {
                    std::thread::yield_now();
                }
            }
        }
        recorder.kill();
        let received = runtime.block_on(async {
            for client in clients {
                client.await.unwrap();
            }
            peers.wait_for_the_end().await;
            peers.received()
        });
        peers.forget();

        let files = parts(&out);
        let readers = open(&files);
        let (last, before) = readers.split_last().unwrap();
        assert!(last.unclean().is_some(), "round {round}");
        assert!(!last.runs()[0].continued);
        // One that was left just now may not say so yet; the next one does.
        for earlier in before.iter().rev().skip(1) {
            assert!(earlier.runs()[0].part < last.runs()[0].part - 1);
        }
        let recorded = Ledger::recorded_in_parts(&readers);
        found.lost += received.missing_in(&recorded);
        found.received += received.total();
        found.recorded += recorded.total();
        found.parts += readers.len();
        drop(readers);
        let verified = run([Path::new("verify")]
            .into_iter()
            .chain(files.iter().map(PathBuf::as_path)))
        .ends_with(3);
        has(&verified.stdout, &["unclean"]);
        assert!(
            !verified.stdout.contains("is missing"),
            "{}",
            verified.stdout
        );
    }
    println!("{kills} kills, {more:?}: {found:?}");
    found
}

const STRICT: &[&str] = &["--durability", "strict"];

fn kill_strict(kills: u32, when: When) {
    let found = kill(kills, when, STRICT);
    assert_eq!(found.lost, 0, "{found:?}");
    assert!(found.parts > kills as usize, "never cut: {found:?}");
}

#[test]
fn strict_parts_hold_every_frame_that_a_peer_received_before_a_kill() {
    kill_strict(3, When::AnyTime);
    kill_strict(4, When::AtACut);
}

#[test]
fn batch_parts_hold_a_prefix_of_each_connection_before_a_kill() {
    let found = kill(4, When::AtACut, &[]);
    assert!(found.recorded > 0, "{found:?}");
    assert!(found.parts > 4, "never cut: {found:?}");
}

#[test]
#[ignore = "long: .ci/long runs it"]
fn long_parts_survive_hundreds_of_kills() {
    kill_strict(100, When::AnyTime);
    kill_strict(200, When::AtACut);
    kill(100, When::AtACut, &[]);
}

#[test]
fn no_frame_is_lost_or_doubled_by_cuts() {
    for more in [&[][..], STRICT] {
        let runtime = runtime();
        let peers = Peers::default();
        let upstream = runtime.block_on(peers.serve());
        let directory = tempdir().unwrap();
        let out = directory.path().join("traffic.db");
        let flags: Vec<_> = ["--rotate", SIZE].iter().chain(more).copied().collect();
        let recorder = Recorder::start(&upstream, &out, &flags);
        runtime.block_on(async {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let address = recorder.address().to_owned();
                    tokio::spawn(peers.clone().speak(client, address, 300))
                })
                .collect();
            for client in clients {
                client.await.unwrap();
            }
            peers.wait_for_the_end().await;
        });
        let ended = recorder.stop().with_code(0);
        let files = parts(&out);
        assert!(files.len() > 1, "{files:?}");
        has(&ended.stdout, &["traffic-000001.db to ", "traffic-*.db"]);
        let readers = open(&files);
        assert_eq!(Ledger::recorded_in_parts(&readers), peers.received());
        let last = readers.len() - 1;
        for (index, reader) in readers.iter().enumerate() {
            assert_eq!(reader.unclean(), None);
            assert_eq!(reader.runs()[0].continued, index != last);
        }
    }
}

#[test]
fn a_part_that_cannot_be_begun_is_told_once_and_the_old_one_goes_on() {
    let runtime = runtime();
    let peers = Peers::default();
    let upstream = runtime.block_on(peers.serve());
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let mut recorder = Recorder::start(&upstream, &out, &["--rotate", SIZE]);
    let second = PartNames::of(&out).path(2);
    std::fs::create_dir(&second).unwrap();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let address = recorder.address().to_owned();
            runtime.spawn(peers.clone().speak(client, address, u64::MAX))
        })
        .collect();
    let line = recorder.wait_for_line("cannot be begun");
    has(&line, &["traffic-000002.db", "the old one goes on"]);
    let before = peers.received().total();
    // It is tried again each second, and said once.
    runtime.block_on(peers.wait_for(before + 2_000));
    assert!(!PartNames::of(&out).path(3).exists());
    std::fs::remove_dir(&second).unwrap();
    recorder.wait_for_line("was begun");
    peers.stop();
    runtime.block_on(async {
        for client in clients {
            client.await.unwrap();
        }
        peers.wait_for_the_end().await;
    });
    let ended = recorder.stop().with_code(0);
    assert_eq!(ended.stderr.matches("cannot be begun").count(), 1);
    let readers = open(&parts(&out));
    assert!(readers.len() > 1);
    assert_eq!(Ledger::recorded_in_parts(&readers), peers.received());
}
