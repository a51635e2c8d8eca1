//! From bind to summary: ports, draining, deadlines.

use std::num::NonZeroUsize;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use wsaudit_proxy::{BindError, Proxy, WhyEnded};
use wsaudit_recording::{HowEnded, Writer, WriterOptions};
use wsaudit_wire::Direction;

use crate::harness::{Rig, backend, config, expect, masked, read_all, unmasked, within};

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = backend().await;
    let mut config = config("http://127.0.0.1:1");
    config.routes[0].listen = taken.local_addr().unwrap();
    let dir = TempDir::new().unwrap();
    let writer = Writer::create(dir.path().join("t.db"), WriterOptions::default()).unwrap();
    let error = Proxy::bind(config, writer)
        .await
        .err()
        .expect("the port is taken");
    assert!(matches!(error, BindError::InUse { .. }));
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("{} is in use", taken.local_addr().unwrap())),
        "{text}"
    );
}

#[tokio::test]
async fn shutdown_refuses_new_clients_and_lets_the_others_end() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    let addr = rig.addr;
    let stopping = tokio::spawn(rig.stop());
    // New clients are refused from some moment on.
    within(async {
        while TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    client.write_all(&masked(0x81, b"after")).await.unwrap();
    expect(&mut server, &masked(0x81, b"after")).await;
    drop((client, server));
    let left = within(stopping).await.unwrap();
    let connection = left.connection();
    assert_eq!(
        left.encode(connection.id, Direction::ClientToServer),
        masked(0x81, b"after")
    );
    assert_eq!(connection.closed.unwrap().how, HowEnded::Fin);
    assert_eq!(left.summary.why, WhyEnded::Shutdown);
}

#[tokio::test]
async fn connections_are_ended_at_the_deadline_and_recorded_so() {
    let rig = Rig::start_with(|config| config.drain = Duration::ZERO).await;
    let (mut client, mut server) = rig.pair().await;
    client.write_all(&masked(0x81, b"x")).await.unwrap();
    expect(&mut server, &masked(0x81, b"x")).await;
    let left = rig.stop().await;
    assert!(read_all(&mut client).await.is_empty());
    assert!(read_all(&mut server).await.is_empty());
    let connection = left.connection();
    let closed = connection.closed.as_ref().unwrap();
    assert_eq!((closed.how, closed.closed_by), (HowEnded::Stopped, None));
    assert_eq!(
        left.encode(connection.id, Direction::ClientToServer),
        masked(0x81, b"x")
    );
}

#[tokio::test]
async fn idle_clients_do_not_hold_up_the_drain() {
    // The deadline is beyond the safety net: the test fails if it is awaited.
    let rig = Rig::start_with(|config| config.drain = Duration::from_secs(600)).await;
    let mut silent = rig.client().await;
    let mut between = rig.client().await;
    let get = b"GET / HTTP/1.1\r\nHost: example\r\n\r\n";
    between.write_all(get).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, get).await;
    server
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .await
        .unwrap();
    expect(&mut between, b"HTTP/1.1 204 No Content\r\n\r\n").await;
    rig.stop().await;
    assert!(read_all(&mut silent).await.is_empty());
    assert!(read_all(&mut between).await.is_empty());
}

#[tokio::test]
async fn the_summary_knows_the_lag() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    client.write_all(&masked(0x81, b"x")).await.unwrap();
    expect(&mut server, &masked(0x81, b"x")).await;
    drop((client, server));
    let left = rig.stop().await;
    let stats = left.summary.writer;
    assert_eq!(stats.frames, 1);
    assert!(stats.lag_max > Duration::ZERO);
}

#[tokio::test]
async fn threads_of_the_proxy_serve_and_are_told_to_end() {
    let rig = Rig::start_with(|config| {
        config.threads = NonZeroUsize::new(2);
        config.drain = Duration::ZERO;
    })
    .await;
    let mut pairs = Vec::new();
    for _ in 0..5 {
        pairs.push(rig.pair().await);
    }
    for (client, server) in &mut pairs {
        client.write_all(&masked(0x81, b"there")).await.unwrap();
        expect(server, &masked(0x81, b"there")).await;
        server.write_all(&unmasked(0x81, b"back")).await.unwrap();
        expect(client, &unmasked(0x81, b"back")).await;
    }
    let left = rig.stop().await;
    for (client, server) in &mut pairs {
        assert!(read_all(client).await.is_empty());
        assert!(read_all(server).await.is_empty());
    }
    let connections = left.reader.connections().unwrap();
    assert_eq!(connections.len(), 5);
    for connection in connections {
        assert_eq!(connection.closed.unwrap().how, HowEnded::Stopped);
        let way = |way| left.encode(connection.id, way);
        assert_eq!(way(Direction::ClientToServer), masked(0x81, b"there"));
        assert_eq!(way(Direction::ServerToClient), unmasked(0x81, b"back"));
    }
}
