//! The heads of opening handshakes reach their peers byte for byte, and the recording as they were.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use wsaudit_proxy::Edits;
use wsaudit_recording::{HowEnded, MessageContent};
use wsaudit_tagging::{Source, TagRules};
use wsaudit_wire::Direction;

use crate::harness::{Left, Rig, SWITCH, UPGRADE, expect, masked, unmasked};

/// Fields that every opening handshake here has.
const USUAL: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/// An opening handshake for `/ws` with these further fields.
fn request(fields: &[u8]) -> Vec<u8> {
    let line = format!("GET /ws HTTP/1.1\r\n{USUAL}");
    [line.as_bytes(), fields, b"\r\n"].concat()
}

/// A 101 with these further fields.
fn switch(fields: &[u8]) -> Vec<u8> {
    [&SWITCH[..SWITCH.len() - 2], fields, b"\r\n"].concat()
}

/// Sends exactly these heads; both must arrive as they are.
async fn open(rig: &Rig, request: &[u8], answer: &[u8]) -> (TcpStream, TcpStream) {
    let mut client = rig.client().await;
    client.write_all(request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, request).await;
    server.write_all(answer).await.unwrap();
    expect(&mut client, answer).await;
    (client, server)
}

/// The same on a new proxy; what was recorded of it.
async fn recorded(request: &[u8], answer: &[u8]) -> Left {
    let rig = Rig::start().await;
    drop(open(&rig, request, answer).await);
    rig.stop().await
}

#[tokio::test]
async fn host_and_origin_reach_the_upstream_as_the_client_sent_them() {
    let request = request(
        b"Host: app.example:8443\r\nOrigin: https://elsewhere.example\r\n\
          User-Agent: odd/1\r\nReferer: https://elsewhere.example/a?b\r\n",
    );
    let left = recorded(&request, SWITCH).await;
    assert_eq!(left.connection().opened.request_head, request);
}

#[tokio::test]
async fn host_and_origin_are_set_where_asked_and_what_was_sent_is_recorded() {
    let rig = Rig::start_with(|config| {
        config.routes[0].edits = Edits {
            host: Some("staging.example".parse().unwrap()),
            origin: Some("https://staging.example".parse().unwrap()),
        };
    })
    .await;
    let head = |host: &str, origin: &str| {
        request(format!("X-A:  1\r\nhost: {host}\r\norigin: {origin}\r\nX-B: 2\r\n").as_bytes())
    };
    let sent = head("localhost:8080", "http://localhost:3000");
    let wanted = head("staging.example", "https://staging.example");
    let mut client = rig.client().await;
    // A first frame in the head's segment is not lost.
    let frame = masked(0x81, b"hi");
    client
        .write_all(&[&sent[..], &frame].concat())
        .await
        .unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, &wanted).await;
    server.write_all(SWITCH).await.unwrap();
    expect(&mut client, SWITCH).await;
    expect(&mut server, &frame).await;
    drop((client, server));
    let left = rig.stop().await;
    assert_eq!(left.connection().opened.request_head, sent);
}

#[tokio::test]
async fn host_and_origin_are_set_in_plain_requests_too() {
    let rig = Rig::start_with(|config| {
        config.routes[0].edits.host = Some("staging.example:8443".parse().unwrap());
    })
    .await;
    let mut client = rig.client().await;
    // Two in one segment; neither says an origin, and none is added.
    let sent = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi\
        GET /b HTTP/1.1\r\nHOST:\tlocalhost:8080\r\n\r\n";
    client.write_all(sent).await.unwrap();
    let mut server = rig.accept().await;
    let first = b"POST /a HTTP/1.1\r\nHost: staging.example:8443\r\nContent-Length: 2\r\n\r\nhi";
    expect(&mut server, first).await;
    let answer = b"HTTP/1.1 204 x\r\n\r\n";
    server.write_all(answer).await.unwrap();
    expect(&mut client, answer).await;
    let second = b"GET /b HTTP/1.1\r\nHOST:\tstaging.example:8443\r\n\r\n";
    expect(&mut server, second).await;
    server.write_all(answer).await.unwrap();
    expect(&mut client, answer).await;
    drop((client, server));
    rig.stop().await;
}

#[tokio::test]
async fn no_field_is_added_to_a_head() {
    // Neither X-Forwarded-For, -Host, -Proto, Forwarded or Via to a request that has none, nor
    // Server, Date or Via to an answer; and those that are there get no further element.
    let bare = request(b"Host: h\r\n");
    let left = recorded(&bare, SWITCH).await;
    let connection = left.connection();
    assert_eq!(connection.opened.request_head, bare);
    assert_eq!(connection.answered.unwrap().response_head, SWITCH);
    let forwarded = request(b"Host: h\r\nX-Forwarded-For: 192.0.2.1\r\nVia: 1.1 edge\r\n");
    let left = recorded(&forwarded, &switch(b"Via: 1.1 inner\r\n")).await;
    assert_eq!(left.connection().opened.request_head, forwarded);
}

#[tokio::test]
async fn case_order_duplicates_and_odd_tokens_of_fields_pass() {
    let request = b"GET /ws HTTP/1.1\r\nx-dup: 1\r\nhOST:h\r\nX-Dup:  2 \r\n\
        CONNECTION: keep-alive, Upgrade\r\nupgrade: WebSocket\r\nX-DUP:\t3\t\r\n\
        sec-websocket-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version:13\r\nX-Empty:\r\n\
        x-dup: 1\r\n\r\n";
    let answer =
        b"HTTP/1.1 101 sure\r\nCONNECTION: upgrade\r\nset-thing: b\r\nUPGRADE:WEBSOCKET\r\n\
        Set-Thing: a\r\nsec-websocket-accept:   s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let left = recorded(request, answer).await;
    let connection = left.connection();
    assert_eq!(connection.opened.request_head, request);
    assert_eq!(connection.answered.unwrap().response_head, answer);
    // And they are understood: it is a WebSocket.
    assert_eq!(left.summary.established, 1);
    assert_eq!(left.anomaly_codes(), Vec::<String>::new());
}

#[tokio::test]
async fn obs_text_and_percent_signs_pass_as_bytes() {
    let mut request = request(b"Host: h\r\nX-Name: J\xFCrgen \x80\xFF\r\n");
    let target = b"/ws?a=%zz&b=%C3%28&c=\xFC";
    request.splice(4..7, target.iter().copied());
    let answer = switch(b"X-Motd: \xA1hola!\r\n");
    let left = recorded(&request, &answer).await;
    let connection = left.connection();
    assert_eq!(connection.opened.request_head, request);
    assert_eq!(connection.answered.unwrap().response_head, answer);
    assert_eq!(left.summary.established, 1);
}

#[tokio::test]
async fn an_absolute_target_passes_and_is_understood() {
    let rig = Rig::start_with(|config| {
        let source: Source = "query:sid".parse().unwrap();
        config.tags = TagRules {
            session: vec![source],
            ..TagRules::default()
        };
        config.ignore_paths = vec!["/ignored".parse().unwrap()];
    })
    .await;
    for target in ["ws://h:80/ws?sid=s-1", "http://h/ignored?sid=s-2"] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: h\r\n{USUAL}\r\n");
        drop(open(&rig, request.as_bytes(), SWITCH).await);
    }
    let left = rig.stop().await;
    let connection = left.connection();
    assert!(
        connection
            .opened
            .request_head
            .starts_with(b"GET ws://h:80/ws?sid=s-1 ")
    );
    let tags = left.reader.tags().unwrap();
    assert!(tags.iter().any(|span| span.tag.value == "s-1"));
    assert_eq!(left.summary.ignored, 1);
}

#[tokio::test]
async fn an_extension_offer_passes_whatever_it_offers() {
    let offers = b"Host: h\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-own; a=\"b\"\r\n\
        sec-websocket-extensions: permessage-bzip2\r\n";
    let left = recorded(&request(offers), SWITCH).await;
    let connection = left.connection();
    assert_eq!(connection.opened.request_head, request(offers));
    assert_eq!(connection.answered.unwrap().extensions, None);
}

#[tokio::test]
async fn frames_of_an_unknown_extension_pass_raw_and_are_undecodable() {
    let rig = Rig::start().await;
    let offer = b"Host: h\r\nSec-WebSocket-Extensions: x-own\r\n";
    let answer = switch(b"Sec-WebSocket-Extensions: x-own\r\n");
    let (mut client, mut server) = open(&rig, &request(offer), &answer).await;
    let bytes = [unmasked(0xE1, b"who knows"), unmasked(0x81, b"plain")].concat();
    server.write_all(&bytes).await.unwrap();
    expect(&mut client, &bytes).await;
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(left.encode(id, Direction::ServerToClient), bytes);
    let frames = left.frames(id, Direction::ServerToClient);
    let message = left.reader.message(frames[0].seq).unwrap().unwrap();
    assert!(matches!(message.content, MessageContent::Undecodable(_)));
    assert_eq!(left.anomaly_codes(), Vec::<String>::new());
}

#[tokio::test]
async fn an_absent_subprotocol_is_not_an_empty_one() {
    for (fields, recorded_as) in [
        (&b""[..], None),
        (b"Sec-WebSocket-Protocol: \r\n", Some("")),
        (b"Sec-WebSocket-Protocol: chat\r\n", Some("chat")),
    ] {
        let asked = [b"Host: h\r\n", fields].concat();
        let left = recorded(&request(&asked), &switch(fields)).await;
        let connection = left.connection();
        assert_eq!(connection.opened.request_head, request(&asked));
        let answered = connection.answered.unwrap();
        assert_eq!(answered.response_head, switch(fields));
        assert_eq!(answered.subprotocol.as_deref(), recorded_as);
    }
}

#[tokio::test]
async fn refusals_of_every_kind_pass_with_their_bodies_on_one_connection() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let mut server = None;
    let refusals: [(u16, &[u8]); 12] = [
        (200, b"Content-Length: 2\r\n\r\nok"),
        (301, b"Location: /a\r\nContent-Length: 0\r\n\r\n"),
        (
            302,
            b"Location: http://h/b\r\nContent-Length: 5\r\n\r\nmoved",
        ),
        (304, b"ETag: \"x\"\r\nContent-Length: 5\r\n\r\n"),
        (
            307,
            b"Location: /c\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        ),
        (
            401,
            b"WWW-Authenticate: Bearer\r\nContent-Length: 2\r\n\r\nno",
        ),
        (403, b"Content-Length: 9\r\n\r\nforbidden"),
        (404, b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (
            426,
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n",
        ),
        (429, b"Retry-After: 1\r\nContent-Length: 4\r\n\r\nwait"),
        (500, b"Content-Length: 3\r\n\r\noh!"),
        (503, b"Content-Length: 0\r\nRetry-After: 9\r\n\r\n"),
    ];
    for (status, rest) in refusals {
        client.write_all(UPGRADE).await.unwrap();
        if server.is_none() {
            server = Some(rig.accept().await);
        }
        let server = server.as_mut().unwrap();
        expect(server, UPGRADE).await;
        let answer = [format!("HTTP/1.1 {status} x\r\n").as_bytes(), rest].concat();
        server.write_all(&answer).await.unwrap();
        expect(&mut client, &answer).await;
    }
    // The last one ends with the connection, and then the next attempt finds another.
    client.write_all(UPGRADE).await.unwrap();
    let mut server = server.unwrap();
    expect(&mut server, UPGRADE).await;
    let answer = b"HTTP/1.0 502 x\r\n\r\nuntil the end";
    server.write_all(answer).await.unwrap();
    drop(server);
    assert_eq!(crate::harness::read_all(&mut client).await, answer);
    drop(client);
    let left = rig.stop().await;
    let connections = left.reader.connections().unwrap();
    let statuses: Vec<_> = connections
        .iter()
        .map(|it| it.answered.as_ref().unwrap().status.unwrap())
        .collect();
    let sent: Vec<_> = refusals.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [&sent[..], &[502]].concat());
    for connection in connections {
        assert_eq!(connection.closed.unwrap().how, HowEnded::Refused);
    }
    assert_eq!(left.summary.refused, 13);
}

#[tokio::test]
async fn a_101_may_come_before_with_or_after_the_request_s_end() {
    // Head and half of a body; then in three orders the rest of it, and the 101.
    let head = [
        &UPGRADE[..UPGRADE.len() - 2],
        b"Content-Length: 10\r\n\r\n12345",
    ]
    .concat();
    let early = [SWITCH, &unmasked(0x81, b"early")].concat();
    let rest = [b"67890", &masked(0x81, b"frame")[..]].concat();
    for order in ["before", "with", "after", "after FIN"] {
        let rig = Rig::start().await;
        let mut client = rig.client().await;
        client.write_all(&head).await.unwrap();
        let mut server = rig.accept().await;
        expect(&mut server, &head).await;
        match order {
            "before" => {
                server.write_all(&early).await.unwrap();
                expect(&mut client, SWITCH).await;
                client.write_all(&rest).await.unwrap();
            }
            "with" => {
                let (up, down) = tokio::join!(client.write_all(&rest), server.write_all(&early));
                up.unwrap();
                down.unwrap();
                expect(&mut client, SWITCH).await;
            }
            "after" => {
                client.write_all(&rest).await.unwrap();
                expect(&mut server, b"67890").await;
                server.write_all(&early).await.unwrap();
                expect(&mut client, SWITCH).await;
            }
            // The client has said all that it has to say.
            _ => {
                client.write_all(&rest).await.unwrap();
                client.shutdown().await.unwrap();
                expect(&mut server, b"67890").await;
                server.write_all(&early).await.unwrap();
                expect(&mut client, SWITCH).await;
            }
        }
        let rest = if order.starts_with("after") {
            &rest[5..]
        } else {
            &rest
        };
        expect(&mut server, rest).await;
        expect(&mut client, &unmasked(0x81, b"early")).await;
        drop((client, server));
        let left = rig.stop().await;
        let connection = left.connection();
        let frames = left.encode(connection.id, Direction::ClientToServer);
        assert_eq!(frames, masked(0x81, b"frame"), "{order}");
        let frames = left.encode(connection.id, Direction::ServerToClient);
        assert_eq!(frames, unmasked(0x81, b"early"), "{order}");
        assert_eq!(connection.closed.unwrap().how, HowEnded::Fin, "{order}");
    }
}
