//! Bytes out = bytes in, and encode(recording) = bytes in.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::AsyncWriteExt;
use wsaudit_recording::{HowEnded, Payload};
use wsaudit_tagging::{HmacRedactor, TagRules, redact_request_head, redact_response_head};
use wsaudit_wire::{
    Direction, Endpoint, FrameHeader, LengthForm, RequestHead, ResponseHead, encode_frame,
};

use crate::harness::{Rig, SWITCH, UPGRADE, expect, masked, read_all, unmasked, within, write_in};

/// What one direction carries: frames of any kind, whole or cut off, in any portions.
#[derive(Debug, Clone)]
struct Stream {
    bytes: Vec<u8>,
    portions: Vec<usize>,
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..40),
        2 => prop::collection::vec(any::<u8>(), 100..1_000),
        1 => prop::collection::vec(any::<u8>(), 60_000..200_000),
    ];
    let form = prop_oneof![
        Just(LengthForm::Bits7),
        Just(LengthForm::Bits16),
        Just(LengthForm::Bits64)
    ];
    (any::<u8>(), any::<Option<[u8; 4]>>(), form, payload).prop_map(
        |(first_byte, masking_key, form, payload)| {
            let declared_length = payload.len() as u64;
            let length_form = form.max(LengthForm::minimal(declared_length));
            let header = FrameHeader {
                first_byte,
                masking_key,
                length_form,
                declared_length,
            };
            let mut bytes = Vec::new();
            encode_frame(&header, &payload, &mut bytes);
            bytes
        },
    )
}

fn any_stream() -> impl Strategy<Value = Stream> {
    let portions = prop::collection::vec(prop_oneof![1..8_usize, 1..3_000_usize], 0..60);
    (
        prop::collection::vec(any_frame(), 0..20),
        prop::collection::vec(any::<u8>(), 0..20),
        portions,
    )
        .prop_map(|(frames, tail, portions)| {
            let mut bytes = frames.concat();
            bytes.extend_from_slice(&tail);
            Stream { bytes, portions }
        })
}

/// A header field's bytes as peers write them: any case, white space, obs-text.
fn any_fields() -> impl Strategy<Value = Vec<u8>> {
    let name = "[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]{0,12}";
    let space = prop_oneof![Just(""), Just(" "), Just("\t "), Just("   ")];
    let value = prop::collection::vec(
        prop_oneof![5 => 0x21..=0x7E_u8, 1 => Just(b' '), 2 => 0x80..=0xFF_u8],
        0..30,
    );
    let field = (name, space.clone(), value, space).prop_map(|(name, before, value, after)| {
        // A prefix keeps random names from being fields that mean something.
        let mut bytes = format!("x{name}:{before}").into_bytes();
        bytes.extend_from_slice(&value);
        bytes.extend_from_slice(after.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        bytes
    });
    prop::collection::vec(field, 0..12).prop_map(|mut fields| {
        // Duplicates of one name, not side by side.
        if let Some(first) = fields.first().cloned() {
            fields.push(first);
        }
        fields.concat()
    })
}

fn head(first_lines: &str, fields: &[u8]) -> Vec<u8> {
    let mut head = first_lines.as_bytes().to_vec();
    head.extend_from_slice(fields);
    head.extend_from_slice(b"\r\n");
    head
}

/// Sends `up` and `down` at once through a proxy, heads included, and compares what arrives and what
/// was recorded with what was sent.
async fn passes(request_fields: Vec<u8>, answer_fields: Vec<u8>, up: Stream, down: Stream) {
    let rig = Rig::start_with(|config| config.limits.chunk = 50_000).await;
    let request = head(
        "GET /a%20b?x=1&x=%zz HTTP/1.1\r\nhOsT: Example:80\r\nconnection: keep-alive,  Upgrade\r\n\
         uPGRADE: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
        &request_fields,
    );
    let answer = head(
        "HTTP/1.1 101 \r\nUpgrade:websocket\r\nCONNECTION:   upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        &answer_fields,
    );
    let mut client = rig.client().await;
    let first = up.portions.iter().copied();
    write_in(&mut client, &request, first.clone()).await;
    let mut server = rig.accept().await;
    expect(&mut server, &request).await;
    // Head and first frames in one segment, as far as the portions allow.
    let mut sent_down = answer.clone();
    sent_down.extend_from_slice(&down.bytes);

    let (mut from_proxy, mut to_proxy) = client.into_split();
    let (mut server_in, mut server_out) = server.into_split();
    let client_sends = async {
        write_in(&mut to_proxy, &up.bytes, first).await;
        to_proxy.shutdown().await.unwrap();
    };
    let server_sends = async {
        write_in(&mut server_out, &sent_down, down.portions.iter().copied()).await;
        server_out.shutdown().await.unwrap();
    };
    let ((), (), at_client, at_server) = within(async {
        tokio::join!(
            client_sends,
            server_sends,
            read_all(&mut from_proxy),
            read_all(&mut server_in)
        )
    })
    .await;
    assert!(at_server == up.bytes, "client-to-server bytes differ");
    assert!(at_client == sent_down, "server-to-client bytes differ");

    let left = rig.stop().await;
    let connection = left.connection();
    // A random field may look like a secret.
    let (rules, redactor) = (TagRules::default(), HmacRedactor::new(&[7; 32]));
    let request = RequestHead::parse(&request).unwrap();
    let expected = redact_request_head(&request, &rules, &redactor);
    assert!(
        connection.opened.request_head == expected,
        "request head differs"
    );
    let answer = ResponseHead::parse(&answer).unwrap();
    let expected = redact_response_head(&answer, &request, &rules, &redactor);
    let answered = connection.answered.as_ref().unwrap();
    assert!(answered.response_head == expected, "response head differs");
    for (direction, bytes) in [
        (Direction::ClientToServer, up.bytes),
        (Direction::ServerToClient, down.bytes),
    ] {
        assert!(
            left.encode(connection.id, direction) == bytes,
            "{direction:?} differs in the recording"
        );
    }
    assert_eq!(connection.closed.unwrap().how, HowEnded::Fin);
}

#[test]
fn bytes_out_are_bytes_in_for_any_stream_in_any_portions() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    });
    let inputs = (any_fields(), any_fields(), any_stream(), any_stream());
    runner
        .run(&inputs, |(request, answer, up, down)| {
            runtime.block_on(passes(request, answer, up, down));
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn frames_glued_to_the_heads_reach_peer_and_recording() {
    let rig = Rig::start().await;
    let (hello, welcome) = (masked(0x81, b"hello"), unmasked(0x81, b"welcome"));
    let mut client = rig.client().await;
    client.write_all(&[UPGRADE, &hello].concat()).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, UPGRADE).await;
    server
        .write_all(&[SWITCH, &welcome].concat())
        .await
        .unwrap();
    expect(&mut client, &[SWITCH, &welcome].concat()).await;
    expect(&mut server, &hello).await;
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(left.encode(id, Direction::ClientToServer), hello);
    assert_eq!(left.encode(id, Direction::ServerToClient), welcome);
    assert_eq!(left.summary.frames.client_to_server, 1);
    assert_eq!(left.summary.bytes.server_to_client, welcome.len() as u64);
}

#[tokio::test]
async fn nothing_is_sent_to_the_client_before_the_upstream_answered() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    client.write_all(UPGRADE).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, UPGRADE).await;
    let early = client.try_read(&mut [0; 16]);
    assert_eq!(early.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    server.write_all(SWITCH).await.unwrap();
    expect(&mut client, SWITCH).await;
    // It is the server's, and there is no other one.
    server.shutdown().await.unwrap();
    assert_eq!(read_all(&mut client).await, b"");
}

/// A message goes around through two connections, which two threads of the proxy may serve.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_effect_is_numbered_after_its_cause() {
    const ROUNDS: usize = 1_000;
    let rig = Rig::start().await;
    let (mut asking, mut asked) = rig.pair().await;
    let (mut told, mut telling) = rig.pair().await;
    for _ in 0..ROUNDS {
        asking.write_all(&masked(0x81, b"?")).await.unwrap();
        expect(&mut asked, &masked(0x81, b"?")).await;
        telling.write_all(&unmasked(0x81, b"!")).await.unwrap();
        expect(&mut told, &unmasked(0x81, b"!")).await;
    }
    drop((asking, asked, told, telling));
    let left = rig.stop().await;
    let connections = left.reader.connections().unwrap();
    let causes = left.frames(connections[0].id, Direction::ClientToServer);
    let effects = left.frames(connections[1].id, Direction::ServerToClient);
    assert_eq!((causes.len(), effects.len()), (ROUNDS, ROUNDS));
    for (cause, effect) in causes.iter().zip(&effects) {
        assert!(cause.seq < effect.seq && cause.last_at <= effect.last_at);
    }
    for (effect, next) in effects.iter().zip(&causes[1..]) {
        assert!(effect.seq < next.seq);
    }
}

#[tokio::test]
async fn a_large_payload_is_recorded_in_chunks() {
    let rig = Rig::start_with(|config| config.limits.chunk = 10_000).await;
    let (mut client, mut server) = rig.pair().await;
    let payload: Vec<u8> = (0..1_000_003_u32)
        .map(|i| i.to_le_bytes()[1] ^ i.to_le_bytes()[0])
        .collect();
    let big = masked(0x82, &payload);
    let (sent, ()) =
        within(async { tokio::join!(client.write_all(&big), expect(&mut server, &big)) }).await;
    sent.unwrap();
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    let frames = left.frames(id, Direction::ClientToServer);
    assert!(matches!(frames[0].payload, Payload::Chunked(_)));
    assert!(left.encode(id, Direction::ClientToServer) == big);
}

#[tokio::test]
async fn a_close_frame_is_recorded_with_its_sender() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    let close = unmasked(0x88, b"\x03\xE8bye");
    server.write_all(&close).await.unwrap();
    expect(&mut client, &close).await;
    client.write_all(&masked(0x88, b"\x03\xE9")).await.unwrap();
    expect(&mut server, &masked(0x88, b"\x03\xE9")).await;
    drop((client, server));
    let left = rig.stop().await;
    let closed = left.connection().closed.unwrap();
    assert_eq!(closed.closed_by, Some(Endpoint::Server));
    assert_eq!(
        (closed.close_code, closed.close_reason.as_deref()),
        (Some(1000), Some("bye"))
    );
    assert_eq!(closed.how, HowEnded::Fin);
}
