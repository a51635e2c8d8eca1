//! What is no upgrade, or becomes none: heads and bodies pass as they are.

use tokio::io::AsyncWriteExt;
use wsaudit_recording::{HowEnded, HowExchangeEnded};
use wsaudit_wire::{Direction, Endpoint};

use crate::harness::{
    Rig, SWITCH, UPGRADE, backend, config, expect, masked, read_all, unmasked, within, write_in,
};

const REFUSAL: &[u8] = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n\
    Content-Length: 13\r\nX-Odd: \xFF\xFE\r\n\r\n{\"no\":true}\r\n";

#[tokio::test]
async fn a_plain_request_and_its_answer_pass_byte_for_byte() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let request = b"POST /login?next=%2F HTTP/1.1\r\nhOST: example\r\nconnection: keep-alive\r\n\
        X-A: 1\r\nX-B: 2\r\nx-a:  3 \r\nContent-Length: 5\r\n\r\nhello";
    client.write_all(request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, request).await;
    let answer = b"HTTP/1.1 200 Fine\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\n\
        Transfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n0\r\nX-Trailer: t\r\n\r\n";
    write_in(&mut server, answer, [7, 80, 20, 3, 1, 1].into_iter()).await;
    expect(&mut client, answer).await;
    let left = rig.stop().await;
    assert_eq!(left.summary.connections, 1);
    assert_eq!(left.summary.handshakes, 0);
    assert!(left.reader.connections().unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_upgrade_passes_with_its_body_and_the_connection_goes_on() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    client.write_all(UPGRADE).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, UPGRADE).await;
    server.write_all(REFUSAL).await.unwrap();
    expect(&mut client, REFUSAL).await;

    // The same connection logs in, and tries again.
    let login = b"POST /login HTTP/1.1\r\nHost: example\r\nTransfer-Encoding: chunked\r\n\r\n\
        2\r\nhi\r\n0\r\n\r\n";
    client.write_all(login).await.unwrap();
    expect(&mut server, login).await;
    server
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .await
        .unwrap();
    expect(&mut client, b"HTTP/1.1 204 No Content\r\n\r\n").await;
    client.write_all(UPGRADE).await.unwrap();
    expect(&mut server, UPGRADE).await;
    server.write_all(SWITCH).await.unwrap();
    expect(&mut client, SWITCH).await;
    client.write_all(&masked(0x81, b"in")).await.unwrap();
    expect(&mut server, &masked(0x81, b"in")).await;
    drop((client, server));

    let left = rig.stop().await;
    let connections = left.reader.connections().unwrap();
    assert_eq!(connections.len(), 2);
    let refused = connections[0].answered.as_ref().unwrap();
    assert_eq!(refused.status, Some(401));
    assert!(REFUSAL.starts_with(&refused.response_head));
    assert_eq!(
        connections[0].closed.as_ref().unwrap().how,
        HowEnded::Refused
    );
    assert_eq!(connections[1].closed.as_ref().unwrap().how, HowEnded::Fin);
    let bytes = left.encode(connections[1].id, Direction::ClientToServer);
    assert_eq!(bytes, masked(0x81, b"in"));
    assert_eq!((left.summary.handshakes, left.summary.refused), (2, 1));
    assert_eq!((left.summary.connections, left.summary.established), (1, 1));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_the_upgrade_among_them_is_recorded() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let get = b"GET /healthz HTTP/1.1\r\nHost: example\r\n\r\n";
    let frame = masked(0x82, b"\0\x01");
    client
        .write_all(&[get, get, UPGRADE, &frame].concat())
        .await
        .unwrap();
    let mut server = rig.accept().await;
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for _ in 0..2 {
        expect(&mut server, get).await;
        server.write_all(ok).await.unwrap();
        expect(&mut client, ok).await;
    }
    expect(&mut server, UPGRADE).await;
    server.write_all(SWITCH).await.unwrap();
    expect(&mut client, SWITCH).await;
    expect(&mut server, &frame).await;
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(left.encode(id, Direction::ClientToServer), frame);
}

#[tokio::test]
async fn interim_answers_pass_when_they_come() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let head =
        b"PUT /f HTTP/1.1\r\nHost: example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    client.write_all(head).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, head).await;
    let interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
    server.write_all(interim).await.unwrap();
    expect(&mut client, interim).await;
    client.write_all(b"abc").await.unwrap();
    expect(&mut server, b"abc").await;
    let ok = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    server.write_all(ok).await.unwrap();
    expect(&mut client, ok).await;
}

#[tokio::test]
async fn a_stream_of_events_arrives_event_by_event_and_ends_with_the_connection() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let get = b"GET /events HTTP/1.1\r\nHost: example\r\n\r\n";
    client.write_all(get).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, get).await;
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    server.write_all(head).await.unwrap();
    expect(&mut client, head).await;
    for _ in 0..3 {
        server.write_all(b"data: x\n\n").await.unwrap();
        expect(&mut client, b"data: x\n\n").await;
    }
    drop(server);
    assert!(read_all(&mut client).await.is_empty());
}

#[tokio::test]
async fn an_answer_before_the_request_is_complete_passes_and_so_does_the_rest() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let head = b"POST /big HTTP/1.1\r\nHost: example\r\nContent-Length: 10\r\n\r\n12345";
    client.write_all(head).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, head).await;
    let early = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
    server.write_all(early).await.unwrap();
    expect(&mut client, early).await;
    client.write_all(b"67890").await.unwrap();
    expect(&mut server, b"67890").await;
    let get = b"GET / HTTP/1.1\r\nHost: example\r\n\r\n";
    client.write_all(get).await.unwrap();
    expect(&mut server, get).await;
}

#[tokio::test]
async fn a_client_that_ends_while_it_waits_is_seen_by_the_server() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let get = b"GET /poll HTTP/1.1\r\nHost: example\r\n\r\n";
    client.write_all(get).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, get).await;
    client.shutdown().await.unwrap();
    assert!(read_all(&mut server).await.is_empty());
    // Half of the connection is open still.
    server
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
        .await
        .unwrap();
    drop(server);
    assert_eq!(
        read_all(&mut client).await,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    );
}

#[tokio::test]
async fn a_client_that_gives_up_is_no_failure_of_the_upstream() {
    let rig = Rig::start().await;
    for request in [UPGRADE, b"GET /poll HTTP/1.1\r\nHost: example\r\n\r\n"] {
        let mut client = rig.client().await;
        client.write_all(request).await.unwrap();
        let mut server = rig.accept().await;
        expect(&mut server, request).await;
        client.shutdown().await.unwrap();
        assert!(read_all(&mut server).await.is_empty());
        drop(server);
        assert!(read_all(&mut client).await.is_empty());
    }
    let left = rig.stop().await;
    let closed = left.connection().closed.unwrap();
    assert_eq!(
        (closed.how, closed.closed_by),
        (HowEnded::Fin, Some(Endpoint::Client))
    );
    assert_eq!(left.exchange().ended.unwrap().how, HowExchangeEnded::Fin);
    assert_eq!(left.summary.upstream_failures.sum(), 0);
}

#[tokio::test]
async fn what_a_server_says_to_an_idle_client_passes() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let get = b"GET / HTTP/1.1\r\nHost: example\r\n\r\n";
    client.write_all(get).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, get).await;
    server
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .await
        .unwrap();
    let timeout = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n";
    expect(&mut client, b"HTTP/1.1 204 No Content\r\n\r\n").await;
    server.write_all(timeout).await.unwrap();
    drop(server);
    assert_eq!(read_all(&mut client).await, timeout);
}

#[tokio::test]
async fn an_upstream_that_is_down_gives_502_and_is_recorded() {
    let gone = backend().await;
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let rig = Rig::start_on(
        backend().await,
        config(&url),
        wsaudit_recording::WriterOptions::default(),
    )
    .await;
    let mut client = rig.client().await;
    client.write_all(UPGRADE).await.unwrap();
    let answer = String::from_utf8(read_all(&mut client).await).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"),
        "{answer}"
    );
    assert!(
        answer.ends_with("\r\n\r\nwsaudit: the upstream cannot be reached\n"),
        "{answer}"
    );
    let left = rig.stop().await;
    let connection = left.connection();
    assert_eq!(connection.opened.request_head, UPGRADE);
    assert_eq!(connection.closed.unwrap().how, HowEnded::UpstreamFailed);
    assert_eq!(connection.answered.unwrap().status, None);
    assert_eq!(left.summary.upstream_failures.sum(), 1);
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_a_handshake_gives_504() {
    let rig = Rig::start_with(|config| {
        config.limits.handshake = std::time::Duration::from_millis(50);
    })
    .await;
    let mut client = rig.client().await;
    client.write_all(UPGRADE).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, UPGRADE).await;
    let answer = String::from_utf8(read_all(&mut client).await).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\r\n\r\nwsaudit: "), "{answer}");
    let left = rig.stop().await;
    assert_eq!(
        left.connection().closed.unwrap().how,
        HowEnded::UpstreamFailed
    );
}

#[tokio::test]
async fn an_upstream_that_ends_without_an_answer_is_shown_as_it_is() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    client.write_all(UPGRADE).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, UPGRADE).await;
    server.write_all(b"HTTP/1.1 10").await.unwrap();
    drop(server);
    assert_eq!(read_all(&mut client).await, b"HTTP/1.1 10");
    drop(client);
    let left = rig.stop().await;
    assert_eq!(
        left.connection().closed.unwrap().how,
        HowEnded::UpstreamFailed
    );
}

#[tokio::test]
async fn a_101_that_is_no_websocket_is_a_tunnel_and_recorded_as_opaque() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let request =
        b"GET / HTTP/1.1\r\nHost: example\r\nConnection: Upgrade\r\nUpgrade: other/1\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, request).await;
    let switch =
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other/1\r\n\r\nhi";
    server.write_all(switch).await.unwrap();
    expect(&mut client, switch).await;
    client.write_all(b"anything").await.unwrap();
    expect(&mut server, b"anything").await;
    drop((client, server));
    let left = rig.stop().await;
    let connection = left.connection();
    assert_eq!(connection.answered.as_ref().unwrap().status, Some(101));
    assert_eq!(left.anomaly_codes(), ["opaque-tunnel"]);
    let gaps = left.reader.gaps().unwrap();
    let [(_, gap)] = &gaps[..] else {
        panic!("{gaps:?}");
    };
    assert_eq!((gap.connection, gap.frames), (Some(connection.id), None));
    assert!(gap.why.contains("opens no WebSocket"), "{}", gap.why);
    assert_eq!(left.summary.gaps, 1);
    assert!(
        left.encode(connection.id, Direction::ClientToServer)
            .is_empty()
    );
    assert_eq!((left.summary.opaque, left.summary.established), (1, 0));
}

#[tokio::test]
async fn an_upgrade_that_does_not_look_like_one_is_recorded_once_it_is_granted() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let request = b"GET /ws HTTP/1.1\r\nHost: example\r\nUpgrade: websocket\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, request).await;
    server.write_all(SWITCH).await.unwrap();
    expect(&mut client, SWITCH).await;
    server.write_all(&unmasked(0x81, b"secret")).await.unwrap();
    expect(&mut client, &unmasked(0x81, b"secret")).await;
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(
        left.encode(id, Direction::ServerToClient),
        unmasked(0x81, b"secret")
    );
}

#[tokio::test]
async fn an_ignored_path_passes_unrecorded() {
    let rig = Rig::start_with(|config| config.ignore_paths = vec!["/ws".parse().unwrap()]).await;
    let (mut client, mut server) = rig.pair().await;
    client
        .write_all(&masked(0x81, b"hot reload"))
        .await
        .unwrap();
    expect(&mut server, &masked(0x81, b"hot reload")).await;
    drop((client, server));
    let left = rig.stop().await;
    assert!(left.reader.connections().unwrap().is_empty());
    assert_eq!((left.summary.ignored, left.summary.handshakes), (1, 0));
}

#[tokio::test]
async fn an_http_1_0_answer_ends_with_its_connection() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let get = b"GET / HTTP/1.0\r\n\r\n";
    client.write_all(get).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, get).await;
    server
        .write_all(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        .await
        .unwrap();
    drop(server);
    let answer = within(read_all(&mut client)).await;
    assert_eq!(answer, b"HTTP/1.0 200 OK\r\n\r\nall of it");
}

#[tokio::test]
async fn a_101_that_overtakes_the_request_s_body_is_followed_by_frames_all_the_same() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let request = [
        &UPGRADE[..UPGRADE.len() - 2],
        b"Content-Length: 10\r\n\r\n",
        b"12345",
    ]
    .concat();
    client.write_all(&request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, &request).await;
    server
        .write_all(&[SWITCH, &unmasked(0x81, b"early")].concat())
        .await
        .unwrap();
    expect(&mut client, SWITCH).await;
    let rest = [b"67890", &masked(0x81, b"frame")[..]].concat();
    client.write_all(&rest).await.unwrap();
    expect(&mut server, &rest).await;
    expect(&mut client, &unmasked(0x81, b"early")).await;
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(
        left.encode(id, Direction::ClientToServer),
        masked(0x81, b"frame")
    );
    assert_eq!(
        left.encode(id, Direction::ServerToClient),
        unmasked(0x81, b"early")
    );
}

/// Clients that look at the accept value alone go on.
#[tokio::test]
async fn a_101_that_lacks_a_field_is_followed_by_frames_and_they_are_recorded() {
    for lacking in ["Connection: Upgrade\r\n", "Upgrade: websocket\r\n"] {
        let rig = Rig::start().await;
        let mut client = rig.client().await;
        client.write_all(UPGRADE).await.unwrap();
        let mut server = rig.accept().await;
        expect(&mut server, UPGRADE).await;
        let switch = String::from_utf8(SWITCH.to_vec()).unwrap();
        let switch = switch.replace(lacking, "");
        assert_ne!(switch.as_bytes(), SWITCH);
        server.write_all(switch.as_bytes()).await.unwrap();
        expect(&mut client, switch.as_bytes()).await;
        let frame = masked(0x81, b"all the same");
        client.write_all(&frame).await.unwrap();
        expect(&mut server, &frame).await;
        drop((client, server));
        let left = rig.stop().await;
        let connection = left.connection();
        assert_eq!(left.encode(connection.id, Direction::ClientToServer), frame);
        assert_eq!(left.anomaly_codes(), ["incomplete-switch"]);
        assert_eq!((left.summary.established, left.summary.gaps), (1, 0));
    }
}

/// A server, and a client that understands it, could hide a WebSocket in what the proxy does not.
#[tokio::test]
async fn what_passes_unread_is_a_gap_unless_no_websocket_can_be_in_it() {
    let get = b"GET / HTTP/1.1\r\nHost: example\r\n\r\n";
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk";
    let granted = b"HTTP/1.1 200 OK\r\n\r\n";
    let connect = b"CONNECT example:443 HTTP/1.1\r\nHost: example:443\r\n\r\n";
    for (request, answer, more, why) in [
        (
            &get[..],
            &b"no HTTP at all\r\n\r\n"[..],
            UPGRADE,
            "is no HTTP",
        ),
        (get, chunked, UPGRADE, "chunks are broken"),
        (connect, granted, UPGRADE, "a CONNECT was granted"),
        (get, b"no HTTP at all\r\n\r\n", b"", ""),
        // Its handshake is recorded, and what became of it is not.
        (UPGRADE, b"no HTTP at all\r\n\r\n", b"", "is no HTTP"),
        (UPGRADE, chunked, b"", "chunks are broken"),
    ] {
        let rig = Rig::start().await;
        let mut client = rig.client().await;
        client.write_all(request).await.unwrap();
        let mut server = rig.accept().await;
        expect(&mut server, request).await;
        server.write_all(answer).await.unwrap();
        expect(&mut client, answer).await;
        client.write_all(more).await.unwrap();
        expect(&mut server, more).await;
        // The other way, too.
        server.write_all(SWITCH).await.unwrap();
        expect(&mut client, SWITCH).await;
        drop((client, server));
        let left = rig.stop().await;
        let gaps = left.reader.gaps().unwrap();
        let whys: Vec<_> = gaps.iter().map(|(_, gap)| gap.why.as_str()).collect();
        let shown = answer.escape_ascii();
        assert_eq!(
            whys.len(),
            usize::from(!why.is_empty()),
            "{shown}: {whys:?}"
        );
        assert!(whys.iter().all(|it| it.contains(why)), "{shown}: {whys:?}");
        assert_eq!(left.summary.gaps, gaps.len() as u64);
        let handshakes = left.reader.connections().unwrap();
        let whose = handshakes.first().map(|connection| connection.id);
        assert!(
            gaps.iter().all(|(_, gap)| gap.connection == whose),
            "{shown}"
        );
    }
}
