//! From bind to summary: ports, draining, deadlines.

use std::net::SocketAddr;
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
    config.routes[0].listen = vec![taken.local_addr().unwrap()];
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

/// As `localhost` has two where IPv6 is there, and names one that is lacking where it is not.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn all_addresses_of_a_name_are_listened_at_but_those_that_are_lacking() {
    let dir = TempDir::new().unwrap();
    let bind = |listen: Vec<SocketAddr>| {
        let mut config = config("http://127.0.0.1:1");
        config.routes[0].listen = listen;
        let path = dir
            .path()
            .join(format!("{}.db", config.routes[0].listen.len()));
        let writer = Writer::create(path, WriterOptions::default()).unwrap();
        Proxy::bind(config, writer)
    };
    let local = |last: u8, port: u16| SocketAddr::from(([127, 0, 0, last], port));
    // Documentation's (RFC 5737): no machine has it.
    let lacking = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
    // Nobody listens on a port that was free a moment ago.
    let free = backend().await.local_addr().unwrap().port();

    let bound = bind(vec![lacking(free), local(1, free), local(2, free)])
        .await
        .unwrap();
    let routes: Vec<_> = bound.routes().collect();
    assert_eq!(routes.len(), 1, "one way, however many lead to it");
    assert_eq!(routes[0].addrs, [local(1, free), local(2, free)]);
    for addr in &routes[0].addrs {
        TcpStream::connect(addr).await.unwrap();
    }
    let error = bind(vec![local(3, free), local(1, free)])
        .await
        .err()
        .unwrap();
    assert!(matches!(error, BindError::InUse { addr } if addr == local(1, free)));
    let error = bind(vec![lacking(free)]).await.err().unwrap();
    assert!(matches!(error, BindError::Listen { addr, .. } if addr == lacking(free)));

    let any = bind(vec![lacking(0), local(1, 0), local(2, 0), local(3, 0)])
        .await
        .unwrap();
    let addrs = any.routes().next().unwrap().addrs;
    assert_eq!(addrs.len(), 1, "a port is free at one address");
    assert_eq!(addrs[0].ip(), local(1, 0).ip());
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
