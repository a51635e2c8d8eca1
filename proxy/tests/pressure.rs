//! A peer that does not read, and a recorder that does not keep up: memory is bounded, nothing is
//! lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wsaudit_wire::Direction;

use crate::harness::{Rig, masked, unmasked, within};

/// Writes frames until nothing was taken for a while; gives the bytes that were taken.
///
/// What is waited for is a standstill, which can only be told by time: too short a wait would end the
/// test early, and could not make it fail.
async fn fill(stream: &mut tokio::net::TcpStream, frame: &[u8], most: usize) -> usize {
    let mut sent = 0;
    while sent < most {
        match tokio::time::timeout(Duration::from_millis(500), stream.write(frame)).await {
            Ok(Ok(count)) => sent += count,
            Ok(Err(error)) => panic!("the connection ended: {error}"),
            Err(_) => break,
        }
    }
    sent
}

#[tokio::test]
async fn a_reader_that_stops_holds_up_its_sender() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    let frame = masked(0x82, &vec![7; 60_000]);
    // Socket buffers grow to some MiB on each of the two hops; a proxy that buffers takes all of it.
    let most = 64 << 20;
    let sent = fill(&mut client, &frame, most).await;
    assert!(sent < most, "all of {sent} bytes were taken");
    // The other direction is not held up.
    server.write_all(&unmasked(0x81, b"hello")).await.unwrap();
    crate::harness::expect(&mut client, &unmasked(0x81, b"hello")).await;
    // And nothing is lost.
    let mut received = 0;
    let mut buffer = vec![0; 1 << 16];
    within(async {
        while received < sent {
            received += server.read(&mut buffer).await.unwrap();
        }
    })
    .await;
    assert_eq!(received, sent);
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(left.encode(id, Direction::ClientToServer).len(), sent);
    assert_eq!(left.reader.gaps().unwrap(), []);
}

#[tokio::test]
async fn a_connection_beyond_its_credit_waits_and_loses_nothing() {
    let rig = Rig::start_with(|config| config.limits.connection_credit = 1).await;
    let (mut client, mut server) = rig.pair().await;
    let frame = masked(0x82, &[7; 1_000]);
    let stream = frame.repeat(500);
    let arrived = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&arrived);
    let reading = tokio::spawn(async move {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = server.read(&mut buffer).await.unwrap();
            if count == 0 {
                break;
            }
            counted.fetch_add(count as u64, Ordering::SeqCst);
        }
    });
    within(client.write_all(&stream)).await.unwrap();
    drop(client);
    within(reading).await.unwrap();
    assert_eq!(arrived.load(Ordering::SeqCst), stream.len() as u64);
    let left = rig.stop().await;
    let id = left.connection().id;
    assert!(left.encode(id, Direction::ClientToServer) == stream);
    assert_eq!(left.summary.gaps, 0);
}
