//! FIN as FIN, RST as RST, in both directions; recorded which.

use tokio::io::AsyncWriteExt;
use wsaudit_recording::HowEnded;
use wsaudit_wire::{Direction, Endpoint};

use crate::harness::{Rig, UPGRADE, expect, masked, read_all, reset, unmasked, was_reset};

#[tokio::test]
async fn half_close_of_the_client_passes_and_the_server_goes_on() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    client.write_all(&masked(0x81, b"last")).await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut server).await, masked(0x81, b"last"));
    for _ in 0..3 {
        server.write_all(&unmasked(0x81, b"more")).await.unwrap();
        expect(&mut client, &unmasked(0x81, b"more")).await;
    }
    drop(server);
    assert!(read_all(&mut client).await.is_empty());
    let left = rig.stop().await;
    let connection = left.connection();
    let closed = connection.closed.unwrap();
    assert_eq!(
        (closed.how, closed.closed_by),
        (HowEnded::Fin, Some(Endpoint::Client))
    );
    assert_eq!(
        left.frames(connection.id, Direction::ServerToClient).len(),
        3
    );
}

#[tokio::test]
async fn half_close_of_the_server_passes_and_the_client_goes_on() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    server.shutdown().await.unwrap();
    assert!(read_all(&mut client).await.is_empty());
    client
        .write_all(&masked(0x81, b"still here"))
        .await
        .unwrap();
    expect(&mut server, &masked(0x81, b"still here")).await;
    drop(client);
    assert!(read_all(&mut server).await.is_empty());
    let left = rig.stop().await;
    let closed = left.connection().closed.unwrap();
    assert_eq!(
        (closed.how, closed.closed_by),
        (HowEnded::Fin, Some(Endpoint::Server))
    );
    assert_eq!((closed.close_code, closed.close_reason), (None, None));
}

#[tokio::test]
async fn a_reset_by_the_client_is_a_reset_for_the_server() {
    let rig = Rig::start().await;
    let (client, mut server) = rig.pair().await;
    reset(client);
    assert!(was_reset(&mut server).await);
    let left = rig.stop().await;
    let closed = left.connection().closed.unwrap();
    assert_eq!(
        (closed.how, closed.closed_by),
        (HowEnded::Reset, Some(Endpoint::Client))
    );
}

#[tokio::test]
async fn a_reset_by_the_server_is_a_reset_for_the_client() {
    let rig = Rig::start().await;
    let (mut client, server) = rig.pair().await;
    reset(server);
    assert!(was_reset(&mut client).await);
    let left = rig.stop().await;
    let closed = left.connection().closed.unwrap();
    assert_eq!(
        (closed.how, closed.closed_by),
        (HowEnded::Reset, Some(Endpoint::Server))
    );
}

#[tokio::test]
async fn a_reset_after_a_half_close_is_a_reset() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    client.shutdown().await.unwrap();
    assert!(read_all(&mut server).await.is_empty());
    reset(server);
    assert!(was_reset(&mut client).await);
    let left = rig.stop().await;
    let closed = left.connection().closed.unwrap();
    assert_eq!(
        (closed.how, closed.closed_by),
        (HowEnded::Reset, Some(Endpoint::Server))
    );
}

#[tokio::test]
async fn a_peer_that_has_gone_resets_whoever_still_writes() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    // FIN, and then nobody there: what comes is answered with RST.
    server.shutdown().await.unwrap();
    assert!(read_all(&mut client).await.is_empty());
    drop(server);
    let mut failed = false;
    for _ in 0..1_000 {
        if client.write_all(&masked(0x81, b"anybody?")).await.is_err() {
            failed = true;
            break;
        }
        tokio::task::yield_now().await;
    }
    if !failed {
        assert!(was_reset(&mut client).await);
    }
    let left = rig.stop().await;
    let closed = left.connection().closed.unwrap();
    assert_eq!(
        (closed.how, closed.closed_by),
        (HowEnded::Reset, Some(Endpoint::Server))
    );
}

#[tokio::test]
async fn a_client_that_resets_before_its_answer_is_recorded_so() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    client.write_all(UPGRADE).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, UPGRADE).await;
    reset(client);
    assert!(was_reset(&mut server).await);
    let left = rig.stop().await;
    let closed = left.connection().closed.unwrap();
    assert_eq!(
        (closed.how, closed.closed_by),
        (HowEnded::Reset, Some(Endpoint::Client))
    );
}

#[tokio::test]
async fn bytes_that_never_became_a_frame_are_kept() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    let whole = masked(0x81, b"whole");
    let cut = &masked(0x82, b"cut off here")[..11];
    client.write_all(&[&whole[..], cut].concat()).await.unwrap();
    expect(&mut server, &[&whole[..], cut].concat()).await;
    server.write_all(&[0x81]).await.unwrap();
    expect(&mut client, &[0x81]).await;
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(
        left.encode(id, Direction::ClientToServer),
        [&whole[..], cut].concat()
    );
    assert_eq!(left.encode(id, Direction::ServerToClient), [0x81]);
    assert_eq!(left.frames(id, Direction::ClientToServer).len(), 1);
    assert_eq!(
        left.anomaly_codes(),
        ["incomplete-frame", "incomplete-frame"]
    );
}
