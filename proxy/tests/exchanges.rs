//! Plain HTTP exchanges in the recording: which ones, what of them, and what it costs who waits.

mod logins;
mod recorder;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wsaudit_recording::{Exchange, HowExchangeEnded, HttpBody, HttpMessage, Provenance, TagKind};
use wsaudit_wire::Direction;

use crate::harness::{Left, Rig, expect, read_all, reset, within, write_in};

/// `{"id":"thr_1"}`, as gzip.
const GZIPPED: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xab, 0x56, 0xca, 0x4c, 0x51, 0xb2,
    0x52, 0x2a, 0xc9, 0x28, 0x8a, 0x37, 0x54, 0xaa, 0x05, 0x00, 0x2a, 0x51, 0x8f, 0xf9, 0x0e, 0x00,
    0x00, 0x00,
];

const CREATE: &[u8] = b"POST /api/threads?draft=1 HTTP/1.1\r\nHost: example\r\n\
    Authorization: Bearer topsecret-token\r\nX-Session-ID: s-1\r\nTransfer-Encoding: chunked\r\n\
    \r\n6;x=1\r\n{\"a\":1\r\n1\r\n}\r\n0\r\nX-Trailer: t\r\n\r\n";

impl Left {
    pub(crate) fn exchange(&self) -> Exchange {
        let mut exchanges = self.reader.exchanges().unwrap();
        assert_eq!(exchanges.len(), 1, "{exchanges:?}");
        exchanges.remove(0)
    }

    fn messages(&self) -> Vec<HttpMessage> {
        let mut query = self.reader.http_messages().unwrap();
        let mut rows = query.rows().unwrap();
        let mut messages = Vec::new();
        while rows.advance().unwrap() {
            messages.push(rows.current().unwrap().unwrap().to_message());
        }
        messages
    }

    fn provenances(&self, kind: TagKind) -> Vec<(u64, Provenance)> {
        let tags = self.reader.tags().unwrap().into_iter();
        tags.filter(|span| span.tag.kind == kind)
            .map(|span| (span.tag.connection.0, span.tag.provenance))
            .collect()
    }
}

async fn ask(client: &mut TcpStream, server: &mut TcpStream, request: &[u8], answer: &[u8]) {
    client.write_all(request).await.unwrap();
    expect(server, request).await;
    server.write_all(answer).await.unwrap();
    expect(client, answer).await;
}

fn whole(body: &[u8]) -> HttpBody {
    HttpBody::Whole(body.to_vec())
}

#[tokio::test]
async fn a_chosen_exchange_is_recorded_whole_and_passes_as_it_is() {
    let rig = Rig::start_with(|config| {
        config.record_http = vec!["/api/*".parse().unwrap()];
        config.tags.session = vec!["header:X-Session-ID".parse().unwrap()];
    })
    .await;
    let mut client = rig.client().await;
    write_in(
        &mut client,
        CREATE,
        [9, 60, 80, 30, 2, 1, 1, 1, 1, 1].into_iter(),
    )
    .await;
    let mut server = rig.accept().await;
    expect(&mut server, CREATE).await;
    let head = format!(
        "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\
         Set-Cookie: csrf=topsecret-cookie\r\nContent-Length: {}\r\n\r\n",
        GZIPPED.len()
    );
    let answer = [head.as_bytes(), GZIPPED].concat();
    write_in(&mut server, &answer, [50, 120, 3].into_iter()).await;
    expect(&mut client, &answer).await;
    // The same connection goes on, with a path that was not chosen.
    let other = b"GET /health HTTP/1.1\r\n\r\n";
    ask(&mut client, &mut server, other, b"HTTP/1.1 204 Up\r\n\r\n").await;
    drop((client, server));

    let left = rig.stop().await;
    let exchange = left.exchange();
    let opened = &exchange.opened;
    assert_eq!(
        (
            opened.method.as_str(),
            opened.target.as_str(),
            opened.http_version.as_str()
        ),
        ("POST", "/api/threads?draft=1", "HTTP/1.1")
    );
    let answered = exchange.answered.clone().unwrap();
    assert_eq!(answered.status, 201);
    let ended = exchange.ended.clone().unwrap();
    assert_eq!(ended.how, HowExchangeEnded::Answered);
    let [request, response] = &left.messages()[..] else {
        panic!("a request and its answer");
    };
    assert_eq!(request.body, whole(b"{\"a\":1}"));
    assert_eq!(
        (request.direction, request.length),
        (Direction::ClientToServer, 7)
    );
    assert_eq!(response.body, whole(b"{\"id\":\"thr_1\"}"));
    assert_eq!(response.length, GZIPPED.len() as u64);
    let order = [
        opened.seq,
        request.seq,
        answered.seq,
        response.seq,
        ended.seq,
    ];
    assert!(order.is_sorted() && order[0] < order[4], "{order:?}");
    let times = [opened.at, request.at, answered.at, response.at, ended.at];
    assert!(times.is_sorted(), "{times:?}");
    let session = left.reader.tags().unwrap().into_iter();
    let session: Vec<_> = session
        .filter(|span| span.tag.kind == TagKind::Session)
        .map(|span| (span.tag.connection, span.tag.value))
        .collect();
    assert_eq!(session, [(exchange.id, "s-1".to_owned())]);
    assert_eq!((left.summary.exchanges, left.summary.handshakes), (1, 0));
    let file = std::fs::read(&left.file.path).unwrap();
    let holds = |secret: &[u8]| file.windows(secret.len()).any(|window| window == secret);
    assert!(!holds(b"topsecret"), "a secret is on the disk");
    assert!(holds(b"thr_1"), "the search finds what is there");
}

#[tokio::test]
async fn pipelined_exchanges_are_told_apart() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let request = |n: u8| {
        let body = format!("{{\"n\":{n}}}");
        format!(
            "PUT /{n} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let answer = |n: u8| format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{n}");
    let all: String = (0..3).map(request).collect();
    client.write_all(all.as_bytes()).await.unwrap();
    let mut server = rig.accept().await;
    for n in 0..3 {
        expect(&mut server, request(n).as_bytes()).await;
        server.write_all(answer(n).as_bytes()).await.unwrap();
        expect(&mut client, answer(n).as_bytes()).await;
    }
    drop((client, server));
    let left = rig.stop().await;
    let exchanges = left.reader.exchanges().unwrap();
    let targets: Vec<_> = exchanges
        .iter()
        .map(|it| it.opened.target.as_str())
        .collect();
    assert_eq!(targets, ["/0", "/1", "/2"]);
    let bodies: Vec<_> = left.messages().into_iter().map(|it| it.body).collect();
    let expected = (0..3).flat_map(|n| {
        [
            whole(format!("{{\"n\":{n}}}").as_bytes()),
            whole(n.to_string().as_bytes()),
        ]
    });
    assert_eq!(bodies, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_body_beyond_the_limit_passes_whole_and_is_recorded_in_part() {
    let rig = Rig::start_with(|config| config.limits.recorded_body = 1_000).await;
    let mut client = rig.client().await;
    let body = vec![b'x'; 5_000_000];
    let head = format!(
        "POST /up HTTP/1.1\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = [head.as_bytes(), &body].concat();
    let server = async {
        let mut server = rig.accept().await;
        expect(&mut server, &request).await;
        server
            .write_all(b"HTTP/1.1 204 Got it\r\n\r\n")
            .await
            .unwrap();
        server
    };
    let (sent, server) = within(async { tokio::join!(client.write_all(&request), server) }).await;
    sent.unwrap();
    expect(&mut client, b"HTTP/1.1 204 Got it\r\n\r\n").await;
    drop((client, server));
    let left = rig.stop().await;
    let messages = left.messages();
    let expected = HttpBody::Truncated {
        kept: vec![b'x'; 1_000],
        why: "it is longer than --max-recorded-body".into(),
    };
    assert_eq!(messages[0].body, expected);
    assert_eq!(messages[0].length, 5_000_000);
    assert_eq!(left.summary.truncated_bodies, 1);
}

#[tokio::test]
async fn an_endless_answer_arrives_as_it_is_sent_and_ends_in_the_recording_with_the_proxy() {
    let rig = Rig::start_with(|config| {
        config.limits.recorded_body = 8;
        config.drain = Duration::ZERO;
    })
    .await;
    let mut client = rig.client().await;
    client
        .write_all(b"GET /events HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, b"GET /events HTTP/1.1\r\n\r\n").await;
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    server.write_all(head).await.unwrap();
    expect(&mut client, head).await;
    for n in 0..100 {
        let event = format!("data: {n}\n\n");
        server.write_all(event.as_bytes()).await.unwrap();
        expect(&mut client, event.as_bytes()).await;
    }
    let left = rig.stop().await;
    assert_eq!(
        left.exchange().ended.unwrap().how,
        HowExchangeEnded::Stopped
    );
    let messages = left.messages();
    assert_eq!(messages.len(), 2);
    let HttpBody::Truncated { kept, why } = &messages[1].body else {
        panic!("{:?}", messages[1].body);
    };
    assert_eq!(kept, b"data: 0\n");
    assert_eq!(why, "the proxy has ended it");
    assert_eq!(messages[1].length, 990);
    drop((client, server));
}

#[tokio::test]
async fn expectations_and_refusals_before_the_body_pass() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let head = b"POST /up HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    client.write_all(head).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, head).await;
    server
        .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
        .await
        .unwrap();
    expect(&mut client, b"HTTP/1.1 100 Continue\r\n\r\n").await;
    ask(
        &mut client,
        &mut server,
        b"body",
        b"HTTP/1.1 201 Done\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    // Refused before the body is there; the client gives up.
    client.write_all(head).await.unwrap();
    expect(&mut server, head).await;
    let refusal = b"HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno";
    server.write_all(refusal).await.unwrap();
    expect(&mut client, refusal).await;
    drop(client);
    assert_eq!(read_all(&mut server).await, b"");
    drop(server);
    let left = rig.stop().await;
    let bodies: Vec<_> = left.messages().into_iter().map(|it| it.body).collect();
    // The second request never became whole.
    assert_eq!(bodies, [whole(b"body"), whole(b"ok"), whole(b"no")]);
    let statuses: Vec<_> = left
        .reader
        .exchanges()
        .unwrap()
        .into_iter()
        .map(|it| it.answered.unwrap().status)
        .collect();
    assert_eq!(statuses, [201, 417]);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_recorded_as_far_as_it_came() {
    for (how, why) in [
        (HowExchangeEnded::Fin, "the server ended too early"),
        (HowExchangeEnded::Reset, "its connection was reset"),
    ] {
        let rig = Rig::start().await;
        let mut client = rig.client().await;
        client.write_all(b"GET /a HTTP/1.1\r\n\r\n").await.unwrap();
        let mut server = rig.accept().await;
        expect(&mut server, b"GET /a HTTP/1.1\r\n\r\n").await;
        let part = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"id\":";
        server.write_all(part).await.unwrap();
        expect(&mut client, part).await;
        if how == HowExchangeEnded::Reset {
            reset(server);
            let mut rest = Vec::new();
            assert!(within(client.read_to_end(&mut rest)).await.is_err());
        } else {
            drop(server);
            assert_eq!(read_all(&mut client).await, b"");
        }
        drop(client);
        let left = rig.stop().await;
        assert_eq!(left.exchange().ended.unwrap().how, how);
        let expected = HttpBody::Truncated {
            kept: b"{\"id\":".to_vec(),
            why: why.into(),
        };
        assert_eq!(left.messages()[1].body, expected);
    }
}

#[tokio::test]
async fn without_an_answer_the_request_is_recorded_alone() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    client
        .write_all(b"DELETE /a HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, b"DELETE /a HTTP/1.1\r\n\r\n").await;
    reset(client);
    let mut rest = Vec::new();
    assert!(within(server.read_to_end(&mut rest)).await.is_err());
    let left = rig.stop().await;
    let exchange = left.exchange();
    assert_eq!(exchange.answered, None);
    assert_eq!(exchange.ended.unwrap().how, HowExchangeEnded::Reset);
    let messages = left.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].direction, Direction::ClientToServer);
}

#[tokio::test]
async fn other_codings_are_kept_as_they_were_sent() {
    let rig = Rig::start().await;
    let (mut client, request) = (rig.client().await, b"GET /a HTTP/1.1\r\n\r\n");
    client.write_all(request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, request).await;
    let answer =
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\n\x0b\x01\x80";
    server.write_all(answer).await.unwrap();
    expect(&mut client, answer).await;
    drop((client, server));
    let left = rig.stop().await;
    let expected = HttpBody::Undecodable {
        raw: b"\x0b\x01\x80".to_vec(),
        why: "content coding `br` is not known; gzip and deflate are".into(),
    };
    assert_eq!(left.messages()[1].body, expected);
}
