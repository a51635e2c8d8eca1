//! Nothing is held back, and nothing is hurried: each byte passes when it comes, and silence is no
//! reason to end.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use wsaudit_recording::{HowEnded, WriterOptions};

use crate::harness::{Rig, backend, config, expect, masked, unmasked};

#[tokio::test]
async fn each_byte_passes_before_the_next_one_is_sent() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    // Whoever waits for whole headers, frames or messages passes none of these.
    let message = [masked(0x01, b"in two "), masked(0x80, b"fragments")].concat();
    for byte in message {
        client.write_all(&[byte]).await.unwrap();
        expect(&mut server, &[byte]).await;
    }
    for byte in unmasked(0x81, &[b'x'; 200]) {
        server.write_all(&[byte]).await.unwrap();
        expect(&mut client, &[byte]).await;
    }
    drop((client, server));
    let left = rig.stop().await;
    assert_eq!(left.summary.frames.client_to_server, 2);
    assert_eq!(left.summary.frames.server_to_client, 1);
}

/// The clock that the proxy's timers go by is turned, so none of them is too long for a test.
#[tokio::test]
async fn a_connection_may_be_silent_for_a_month() {
    let rig = Rig::start_with(|config| config.limits.handshake = Duration::from_secs(1)).await;
    let (mut client, mut server) = rig.pair().await;
    tokio::time::pause();
    for _ in 0..30 {
        tokio::time::advance(Duration::from_secs(24 * 3_600)).await;
        // Whatever has become due acts now.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    tokio::time::resume();
    server.write_all(&unmasked(0x81, b"still?")).await.unwrap();
    expect(&mut client, &unmasked(0x81, b"still?")).await;
    client.write_all(&masked(0x81, b"here!")).await.unwrap();
    expect(&mut server, &masked(0x81, b"here!")).await;
    drop((client, server));
    let left = rig.stop().await;
    assert_eq!(left.summary.frames.client_to_server, 1);
    assert_eq!(left.connection().closed.unwrap().how, HowEnded::Fin);
}

#[tokio::test]
async fn frames_pass_before_they_are_committed() {
    let backend = backend().await;
    let config = config(&format!("http://{}", backend.local_addr().unwrap()));
    // The recorder commits when it must, and nothing here makes it.
    let options = WriterOptions {
        batch_interval: Duration::from_secs(3_600),
        ..WriterOptions::default()
    };
    let rig = Rig::start_on(backend, config, options).await;
    let sender = rig.sender();
    let (mut client, mut server) = rig.pair().await;
    for _ in 0..20 {
        client.write_all(&masked(0x81, b"?")).await.unwrap();
        expect(&mut server, &masked(0x81, b"?")).await;
        server.write_all(&unmasked(0x81, b"!")).await.unwrap();
        expect(&mut client, &unmasked(0x81, b"!")).await;
    }
    assert_eq!((sender.stats().frames, sender.stats().commits), (0, 0));
    drop((client, server));
    let left = rig.stop().await;
    assert_eq!(left.summary.writer.frames, 40);
}
