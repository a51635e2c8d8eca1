//! The recorder fails or stalls: as configured, and never silently.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wsaudit_proxy::{OnRecorderFailure, ProxyConfig, WhyEnded};
use wsaudit_recording::{HowEnded, Reader, WriterOptions};
use wsaudit_wire::Direction;

use crate::harness::{Rig, UPGRADE, backend, config, expect, masked, read_all, within};

/// A proxy whose disk fills up when the test wants it.
async fn on_a_small_disk(change: impl FnOnce(&mut ProxyConfig)) -> (Rig, Arc<AtomicU32>) {
    let backend = backend().await;
    let mut config = config(&format!("http://{}", backend.local_addr().unwrap()));
    change(&mut config);
    let limit = Arc::new(AtomicU32::new(0));
    let options = WriterOptions {
        page_limit: Some(Arc::clone(&limit)),
        retry_interval: Duration::from_millis(20),
        batch_interval: Duration::from_millis(5),
        ..WriterOptions::default()
    };
    (Rig::start_on(backend, config, options).await, limit)
}

#[tokio::test]
async fn traffic_goes_on_without_a_recorder_and_the_recording_says_so() {
    let (rig, limit) = on_a_small_disk(|_| {}).await;
    let (mut client, mut server) = rig.pair().await;
    let frame = masked(0x82, &vec![7; 60_000]);
    let sender = rig.sender();
    limit.store(1, Ordering::SeqCst);
    let mut sent = 0_usize;
    while sender.stats().lost_frames == 0 {
        within(client.write_all(&frame)).await.unwrap();
        expect(&mut server, &frame).await;
        sent += 1;
    }
    // The disk has room again.
    limit.store(0, Ordering::SeqCst);
    let before = sender.stats().frames;
    while sender.stats().frames == before {
        within(client.write_all(&frame)).await.unwrap();
        expect(&mut server, &frame).await;
        sent += 1;
    }
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    let recorded = left.frames(id, Direction::ClientToServer).len();
    let gaps = left.reader.gaps().unwrap();
    let missing: u64 = gaps.iter().filter_map(|(_, gap)| gap.frames).sum();
    assert!(missing > 0);
    assert_eq!(recorded as u64 + missing, sent as u64);
    assert_eq!(left.summary.lost_frames, missing);
    assert!(left.summary.gaps >= 1);
    assert_eq!(left.summary.why, WhyEnded::Shutdown);
}

#[tokio::test]
async fn traffic_ends_with_the_recorder_where_that_is_wanted() {
    let (rig, limit) = on_a_small_disk(|config| {
        config.on_recorder_failure = OnRecorderFailure::Close;
    })
    .await;
    let (mut client, mut server) = rig.pair().await;
    limit.store(1, Ordering::SeqCst);
    let frame = masked(0x82, &vec![7; 60_000]);
    // Until the connection ends.
    let drained = tokio::spawn(async move {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(1..) = server.read(&mut buffer).await {}
    });
    within(async { while client.write_all(&frame).await.is_ok() {} }).await;
    within(drained).await.unwrap();
    let addr = rig.addr;
    limit.store(0, Ordering::SeqCst);
    let (summary, recording) = rig.ended().await;
    assert!(
        matches!(summary.why, WhyEnded::RecorderFailed(_)),
        "{:?}",
        summary.why
    );
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
    drop(summary);
    Reader::open(&recording.path).unwrap();
}

/// A proxy with little patience, and a recorder with a budget that a test can use up: to a
/// connection that is a recorder which does not go on.
pub(crate) async fn impatient(policy: OnRecorderFailure) -> Rig {
    impatient_with(policy, |_| {}).await
}

async fn impatient_with(policy: OnRecorderFailure, change: impl FnOnce(&mut ProxyConfig)) -> Rig {
    let backend = backend().await;
    let mut config = config(&format!("http://{}", backend.local_addr().unwrap()));
    config.max_stall = Duration::from_millis(20);
    config.on_recorder_failure = policy;
    change(&mut config);
    let options = WriterOptions {
        budget: 1 << 20,
        ..WriterOptions::default()
    };
    Rig::start_on(backend, config, options).await
}

#[tokio::test]
async fn a_recorder_that_stalls_for_too_long_leaves_a_gap() {
    let rig = impatient(OnRecorderFailure::Continue).await;
    let (mut client, mut server) = rig.pair().await;
    let frame = masked(0x81, b"hello");
    let mut pass = async || {
        client.write_all(&frame).await.unwrap();
        expect(&mut server, &frame).await;
    };
    pass().await;
    let all = rig.sender().credit(u64::MAX).take(2 << 20);
    for _ in 0..5 {
        pass().await;
    }
    drop(all);
    pass().await;
    drop((client, server));

    let left = rig.stop().await;
    let id = left.connection().id;
    let recorded = left.frames(id, Direction::ClientToServer);
    let gaps = left.reader.gaps().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let gap = &gaps[0].1;
    assert_eq!(gap.connection, Some(id));
    assert_eq!(gap.why, "the recorder stalled for 20ms");
    assert_eq!(recorded.len() as u64 + gap.frames.unwrap(), 7);
    // A frame before it, which was read with credit, and one after it.
    assert!(recorded[0].seq < gap.from && gap.to < recorded.last().unwrap().seq);
    assert_eq!(
        (left.summary.gaps, left.summary.lost_frames),
        (1, gap.frames.unwrap())
    );
    assert_eq!(left.summary.frames.client_to_server, 7);
}

#[tokio::test]
async fn a_gap_at_the_end_of_a_connection_is_recorded() {
    let rig = impatient(OnRecorderFailure::Continue).await;
    let (mut client, mut server) = rig.pair().await;
    let all = rig.sender().credit(u64::MAX).take(2 << 20);
    let frames = masked(0x81, b"hello").repeat(3);
    for _ in 0..3 {
        client.write_all(&frames).await.unwrap();
        expect(&mut server, &frames).await;
    }
    drop((client, server));
    let left = rig.stop().await;
    drop(all);
    let id = left.connection().id;
    let recorded = left.frames(id, Direction::ClientToServer).len() as u64;
    let gaps = left.reader.gaps().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(recorded + gaps[0].1.frames.unwrap(), 9);
}

#[tokio::test]
async fn a_frame_of_which_a_chunk_fell_into_a_gap_is_missing_and_counted() {
    let rig = impatient_with(OnRecorderFailure::Continue, |config| {
        config.limits.chunk = 1_000;
    })
    .await;
    let (mut client, mut server) = rig.pair().await;
    let mut pass = async |bytes: &[u8]| {
        client.write_all(bytes).await.unwrap();
        expect(&mut server, bytes).await;
    };
    let big = masked(0x82, &[7; 5_000]);
    pass(&big[..2_500]).await;
    let all = rig.sender().credit(u64::MAX).take(2 << 20);
    pass(&big[2_500..4_500]).await;
    drop(all);
    pass(&big[4_500..]).await;
    let small = masked(0x81, b"small");
    pass(&small).await;
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(left.encode(id, Direction::ClientToServer), small);
    let gaps = left.reader.gaps().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let gap = &gaps[0].1;
    assert_eq!((gap.frames, gap.from), (Some(1), gap.to));
    assert_eq!(left.summary.lost_frames, 1);
}

#[tokio::test]
async fn a_recorder_that_stalls_ends_traffic_where_that_is_wanted() {
    let rig = impatient(OnRecorderFailure::Close).await;
    let (mut client, mut server) = rig.pair().await;
    let all = rig.sender().credit(u64::MAX).take(2 << 20);
    // It is not read, so it does not reach the server.
    client.write_all(&masked(0x81, b"hello")).await.unwrap();
    assert!(read_all(&mut server).await.is_empty());
    // Nor is another one opened.
    let mut other = rig.client().await;
    other.write_all(UPGRADE).await.unwrap();
    let answer = String::from_utf8(read_all(&mut other).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("\r\n\r\nwsaudit: "), "{answer}");
    drop(all);
    let left = rig.stop().await;
    assert_eq!(left.connection().closed.unwrap().how, HowEnded::Stopped);
}
