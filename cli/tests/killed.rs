//! SIGKILL of the proxy under load: what is recorded is a prefix, and is not taken for more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures_util::{SinkExt as _, StreamExt as _};
use tempfile::tempdir;
use tokio::time::{Duration, sleep};
use tokio_tungstenite::tungstenite::Message;
use wsaudit_recording::{Filter, FrameBytes, Reader};
use wsaudit_wire::Direction;

use super::harness::{DEADLINE, Recorder, echo, has, run, runtime};

const CLIENTS: usize = 8;

/// Sends numbered messages, some at once, until the connection breaks.
async fn load(url: String, echoed: Arc<AtomicU64>) {
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let mut number = 0_u64;
    loop {
        for _ in 0..8 {
            let message = Message::text(format!("{number:<200}"));
            number += 1;
            if socket.feed(message).await.is_err() {
                return;
            }
        }
        if socket.flush().await.is_err() {
            return;
        }
        for _ in 0..8 {
            let Some(Ok(_)) = socket.next().await else {
                return;
            };
            echoed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_killed_recorder_leaves_a_prefix_and_no_verdict() {
    // Killed early, in the first batches, and later.
    for after in [50, 2_000, 6_000] {
        let directory = tempdir().unwrap();
        let out = directory.path().join("traffic.db");
        let runtime = runtime();
        let upstream = runtime.block_on(echo());
        let recorder = Recorder::start(&upstream, &out, &[]);
        let echoed = Arc::new(AtomicU64::new(0));
        for _ in 0..CLIENTS {
            runtime.spawn(load(recorder.ws(), Arc::clone(&echoed)));
        }
        runtime.block_on(async {
            let started = Instant::now();
            while echoed.load(Ordering::Relaxed) < after {
                assert!(started.elapsed() < DEADLINE);
                sleep(Duration::from_millis(1)).await;
            }
        });
        recorder.kill();
        drop(runtime);

        let before = std::fs::read(&out).unwrap();
        let frames = prefixes(&Reader::open(&out).unwrap());
        assert!(after < 2_000 || frames > 0, "nothing was committed");
        let verified = run(["verify".as_ref(), out.as_os_str()]).ends_with(3);
        has(&verified.stdout, &["unclean", "verdict: inconclusive"]);
        // What is missing is behind what is there.
        let json = run(["verify", "--format", "json", out.to_str().unwrap()]).ends_with(3);
        let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
        let reasons = report["reasons"].as_array().unwrap();
        let unclean = reasons.iter().find(|it| it["reason"] == "unclean").unwrap();
        let newest = Reader::open(&out).unwrap().frame_range().unwrap();
        assert!(
            unclean["seq"].as_u64() >= newest.map(|(_, newest)| newest.0),
            "{unclean} and {newest:?}"
        );
        let shown = run(["show".as_ref(), out.as_os_str()]).ends_with(0);
        has(
            &shown.stdout,
            &["its end may be missing", "not closed cleanly"],
        );
        assert_eq!(
            std::fs::read(&out).unwrap(),
            before,
            "reading must not recover"
        );
    }
}

/// Checks that each connection's frames are numbered from 0 without a hole, in both directions, and
/// that no echo is there without its cause; tells how many frames there are.
fn prefixes(reader: &Reader) -> u64 {
    assert!(reader.unclean().is_some());
    let mut next: BTreeMap<_, u64> = BTreeMap::new();
    let mut frames = 0;
    let mut query = reader.frames(Filter::ALL).unwrap();
    let mut rows = query.rows().unwrap();
    while let Some(frame) = rows.next().unwrap() {
        let FrameBytes::Whole(payload) = frame.payload else {
            panic!("a small frame in chunks");
        };
        let number: u64 = std::str::from_utf8(payload)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let expected = next.entry((frame.connection, frame.direction)).or_default();
        assert_eq!(
            number, *expected,
            "{:?} {:?}",
            frame.connection, frame.direction
        );
        *expected += 1;
        frames += 1;
        if frame.direction == Direction::ServerToClient {
            let sent = next.get(&(frame.connection, Direction::ClientToServer));
            assert!(
                sent.is_some_and(|sent| *sent > number),
                "an echo before its cause"
            );
        }
    }
    frames
}
