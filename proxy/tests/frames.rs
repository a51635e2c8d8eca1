//! Frames that endpoints reject, and those on which proxies stumble: they pass as they are, and are
//! recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wsaudit_recording::{MessageContent, Payload};
use wsaudit_wire::{Direction, Endpoint, FrameHeader, LengthForm, encode_frame};

use crate::harness::{Left, Rig, SWITCH, UPGRADE, expect, frame, masked, read_all, unmasked};

/// A frame whose length is written in that form, whatever a shorter one would do.
fn long_form(form: LengthForm, masking_key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        first_byte: 0x82,
        masking_key,
        length_form: form,
        declared_length: payload.len() as u64,
    };
    let mut bytes = Vec::new();
    encode_frame(&header, payload, &mut bytes);
    bytes
}

/// Sends `bytes` that way; they must arrive as they are, the connection must stay open in both
/// directions, and the recording must give the same bytes back.
async fn pass(direction: Direction, bytes: &[u8]) -> Left {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    let (from, to) = match direction {
        Direction::ClientToServer => (&mut client, &mut server),
        Direction::ServerToClient => (&mut server, &mut client),
    };
    from.write_all(bytes).await.unwrap();
    expect(to, bytes).await;
    to.write_all(&[0x89, 0x00]).await.unwrap();
    expect(from, &[0x89, 0x00]).await;
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(left.encode(id, direction), bytes);
    left
}

#[tokio::test]
async fn frames_that_break_the_protocol_pass_and_are_recorded_with_an_anomaly() {
    use Direction::{ClientToServer, ServerToClient};
    let key = Some([1, 2, 3, 4]);
    let long = [7; 126];
    let mut breaches = vec![
        (
            ClientToServer,
            unmasked(0x81, b"no mask"),
            "unmasked-client-frame",
        ),
        (ServerToClient, masked(0x81, b"mask"), "masked-server-frame"),
        (ClientToServer, masked(0x81, b"\xC3("), "invalid-utf8"),
        (
            ServerToClient,
            unmasked(0x81, b"cut \xE2\x82"),
            "invalid-utf8",
        ),
        (ClientToServer, masked(0x09, b"half"), "fragmented-control"),
        (ServerToClient, unmasked(0x89, &long), "oversized-control"),
        (ClientToServer, masked(0x8A, &long), "oversized-control"),
        (
            ServerToClient,
            unmasked(0x88, b"\x03\xED"),
            "invalid-close-code",
        ),
        (
            ClientToServer,
            masked(0x88, b"\x03\xEE"),
            "invalid-close-code",
        ),
        (
            ServerToClient,
            unmasked(0x88, b"\x03"),
            "invalid-close-payload",
        ),
        (
            ServerToClient,
            unmasked(0x88, b"\x03\xE8\xFF"),
            "invalid-close-payload",
        ),
        (
            ClientToServer,
            masked(0x80, b"of nothing"),
            "unexpected-continuation",
        ),
        (
            ServerToClient,
            [unmasked(0x01, b"a"), unmasked(0x81, b"b")].concat(),
            "expected-continuation",
        ),
        (
            ServerToClient,
            [unmasked(0x88, b""), unmasked(0x81, b"late")].concat(),
            "data-after-close",
        ),
        (
            ClientToServer,
            long_form(LengthForm::Bits16, key, b"short"),
            "non-minimal-length",
        ),
        (
            ServerToClient,
            long_form(LengthForm::Bits64, None, b"short"),
            "non-minimal-length",
        ),
        (
            ServerToClient,
            long_form(LengthForm::Bits64, None, &[0; 300]),
            "non-minimal-length",
        ),
        (
            ServerToClient,
            long_form(LengthForm::Bits16, None, b""),
            "non-minimal-length",
        ),
    ];
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        breaches.push((
            ClientToServer,
            masked(0x80 | opcode, b"?"),
            "reserved-opcode",
        ));
    }
    for bit in [0x40, 0x20, 0x10] {
        breaches.push((ServerToClient, unmasked(0x81 | bit, b"?"), "reserved-bit"));
    }
    for (direction, bytes, code) in breaches {
        let left = pass(direction, &bytes).await;
        let mut found = left.reader.anomalies().unwrap();
        // A message that is left open at the end is not what this is about.
        found.retain(|it| it.direction == direction && it.code != "incomplete-message");
        let found: Vec<_> = found.into_iter().map(|it| it.code).collect();
        assert_eq!(found, [code], "{}", bytes.escape_ascii());
    }
}

#[tokio::test]
async fn the_largest_length_that_can_be_declared_passes_and_stays_open() {
    for declared in [(1_u64 << 63) - 1, u64::MAX] {
        let rig = Rig::start().await;
        let (mut client, mut server) = rig.pair().await;
        let mut bytes = vec![0x82, 127];
        bytes.extend_from_slice(&declared.to_be_bytes());
        bytes.extend_from_slice(&vec![7; 100_000]);
        server.write_all(&bytes).await.unwrap();
        expect(&mut client, &bytes).await;
        client.write_all(&masked(0x81, b"I wait")).await.unwrap();
        expect(&mut server, &masked(0x81, b"I wait")).await;
        drop((client, server));
        let left = rig.stop().await;
        let id = left.connection().id;
        assert_eq!(left.encode(id, Direction::ServerToClient), bytes);
        assert!(
            left.anomaly_codes()
                .contains(&"incomplete-frame".to_owned())
        );
    }
}

#[tokio::test]
async fn fragments_without_end_pass_and_what_is_kept_of_their_message_is_bounded() {
    const FRAGMENTS: usize = 20_000;
    let rig = Rig::start_with(|config| config.limits.message = 1_000).await;
    let (mut client, mut server) = rig.pair().await;
    let fragment = unmasked(0x00, b"and on, ");
    let begin = unmasked(0x02, b"on ");
    server.write_all(&begin).await.unwrap();
    expect(&mut client, &begin).await;
    let stream = fragment.repeat(FRAGMENTS);
    let (sent, ()) = tokio::join!(server.write_all(&stream), expect(&mut client, &stream));
    sent.unwrap();
    // A ping between them is not held back.
    server.write_all(&unmasked(0x89, b"?")).await.unwrap();
    expect(&mut client, &unmasked(0x89, b"?")).await;
    server.write_all(&unmasked(0x80, b"end")).await.unwrap();
    expect(&mut client, &unmasked(0x80, b"end")).await;
    drop((client, server));
    let left = rig.stop().await;
    let frames = left.frames(left.connection().id, Direction::ServerToClient);
    assert_eq!(frames.len(), FRAGMENTS + 3);
    let message = left.reader.message(frames[FRAGMENTS + 2].seq).unwrap();
    let MessageContent::Truncated { kept, full_length } = message.unwrap().content else {
        panic!("all of it was kept");
    };
    assert_eq!(kept.len(), 1_000);
    assert_eq!(full_length, (3 + 8 * FRAGMENTS + 3) as u64);
}

/// After an opening handshake in which permessage-deflate was agreed on.
async fn deflating(rig: &Rig) -> (TcpStream, TcpStream) {
    let field = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let with = |head: &[u8]| [&head[..head.len() - 2], field].concat();
    let mut client = rig.client().await;
    client.write_all(&with(UPGRADE)).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, &with(UPGRADE)).await;
    server.write_all(&with(SWITCH)).await.unwrap();
    expect(&mut client, &with(SWITCH)).await;
    (client, server)
}

#[tokio::test]
async fn a_ping_between_two_fragments_of_a_compressed_message_passes_and_is_no_part_of_it() {
    let rig = Rig::start().await;
    let (mut client, mut server) = deflating(&rig).await;
    // RFC 7692, section 7.2.3.1: "Hello" in two fragments; RSV1 stands on the first one only.
    let bytes = [
        unmasked(0x41, &[0xF2, 0x48, 0xCD]),
        unmasked(0x89, b"between"),
        unmasked(0x80, &[0xC9, 0xC9, 0x07, 0x00]),
    ]
    .concat();
    server.write_all(&bytes).await.unwrap();
    expect(&mut client, &bytes).await;
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(left.encode(id, Direction::ServerToClient), bytes);
    assert_eq!(left.anomaly_codes(), Vec::<String>::new());
    let frames = left.frames(id, Direction::ServerToClient);
    let message = left.reader.message(frames[2].seq).unwrap().unwrap();
    assert_eq!(message.content, MessageContent::Whole(b"Hello".to_vec()));
    assert_eq!(message.first_seq, frames[0].seq);
}

/// 600 MiB of zeros, deflated: in fixed codes a zero, and the longest match of it again and again (RFC 1951,
/// section 3.2.6), then the end of a message (RFC 7692, section 7.2.1).
fn zeros() -> Vec<u8> {
    let (mut bytes, mut bit) = (Vec::new(), 0_u32);
    let mut put = |code: u32, length: u32| {
        for at in (0..length).rev() {
            if bit % 8 == 0 {
                bytes.push(0_u8);
            }
            *bytes.last_mut().unwrap() |= u8::from(code >> at & 1 == 1) << (bit % 8);
            bit += 1;
        }
    };
    // Not the last block, fixed codes; the literal 0.
    put(0b0_10, 3);
    put(0b0011_0000, 8);
    for _ in 0..(600 << 20) / 258 {
        // 258 bytes, from a distance of 1.
        put(0b1100_0101, 8);
        put(0, 5);
    }
    // The end of the block; an empty one, without its length.
    put(0, 7);
    put(0, 3);
    bytes
}

/// All of this runs on one thread.
#[tokio::test]
async fn a_bomb_does_not_hold_up_the_other_connections() {
    let rig = Rig::start_with(|config| config.limits.message = 1_000).await;
    let (client, server) = deflating(&rig).await;
    let (mut other, mut its_server) = rig.pair().await;
    // Its server is no part of this thread, and takes what comes.
    let mut server = server.into_std().unwrap();
    server.set_nonblocking(false).unwrap();
    let received = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&received);
    let reader = std::thread::spawn(move || {
        let mut bytes = vec![0; 65_536];
        while let Ok(count @ 1..) = std::io::Read::read(&mut server, &mut bytes) {
            counter.fetch_add(count, Ordering::SeqCst);
        }
    });
    let bomb = masked(0xC2, &zeros());
    let sent = client.try_write(&bomb).unwrap();
    // Several reads.
    assert!(sent > 300_000, "{sent}");
    let ping = masked(0x89, b"");
    other.write_all(&ping).await.unwrap();
    expect(&mut its_server, &ping).await;
    let passed = received.load(Ordering::SeqCst);
    // A read of 64 KiB for each turn of its own.
    assert!(passed <= 2 * 65_536, "{passed} of {sent} bytes came first");
    drop((client, other, its_server));
    rig.stop().await;
    reader.join().unwrap();
}

#[tokio::test]
async fn a_final_block_of_a_compressed_message_passes_and_what_follows_is_inflated() {
    let rig = Rig::start().await;
    let (mut client, mut server) = deflating(&rig).await;
    // RFC 7692, section 7.2.3.4: "Hello" in a block with BFINAL set, then a byte of padding; and
    // once more in the usual way.
    let last = unmasked(0xC1, &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]);
    let usual = unmasked(0xC1, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    let bytes = [last, usual].concat();
    server.write_all(&bytes).await.unwrap();
    expect(&mut client, &bytes).await;
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(left.encode(id, Direction::ServerToClient), bytes);
    for frame in left.frames(id, Direction::ServerToClient) {
        let message = left.reader.message(frame.seq).unwrap().unwrap();
        assert_eq!(message.content, MessageContent::Whole(b"Hello".to_vec()));
    }
}

#[tokio::test]
async fn empty_messages_pass_and_are_rows_of_no_bytes() {
    let rig = Rig::start().await;
    let (mut client, mut server) = deflating(&rig).await;
    // Text, binary, ping, pong; in fragments; compressed (RFC 7692, section 7.2.3.6); and close.
    let up = [
        masked(0x81, b""),
        masked(0x82, b""),
        masked(0x89, b""),
        masked(0x8A, b""),
        masked(0x01, b""),
        masked(0x80, b""),
        masked(0xC1, b"\0"),
        masked(0x88, b""),
    ]
    .concat();
    client.write_all(&up).await.unwrap();
    expect(&mut server, &up).await;
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(left.encode(id, Direction::ClientToServer), up);
    assert_eq!(left.anomaly_codes(), Vec::<String>::new());
    let frames = left.frames(id, Direction::ClientToServer);
    assert_eq!(frames.len(), 8);
    let empty = |payload: &Payload| *payload == Payload::Whole(Vec::new());
    assert_eq!(frames.iter().filter(|it| empty(&it.payload)).count(), 7);
    // What fragments and deflate hid is a message of no bytes, too.
    for frame in [&frames[0], &frames[1], &frames[5], &frames[6]] {
        let message = left.reader.message(frame.seq).unwrap().unwrap();
        assert_eq!(message.content, MessageContent::Whole(Vec::new()));
    }
    assert_eq!(left.summary.gaps, 0);
}

#[tokio::test]
async fn pings_and_pongs_pass_and_none_is_answered_doubled_or_swallowed() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    let pings = [
        masked(0x89, b"one"),
        masked(0x89, b"one"),
        masked(0x8A, b"unasked"),
    ]
    .concat();
    client.write_all(&pings).await.unwrap();
    client.shutdown().await.unwrap();
    // The server answers the first one only, and with a byte of its own.
    assert_eq!(read_all(&mut server).await, pings);
    server.write_all(&unmasked(0x8A, b"1")).await.unwrap();
    drop(server);
    assert_eq!(read_all(&mut client).await, unmasked(0x8A, b"1"));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(left.encode(id, Direction::ClientToServer), pings);
    assert_eq!(
        left.encode(id, Direction::ServerToClient),
        unmasked(0x8A, b"1")
    );
}

#[tokio::test]
async fn nothing_is_synthesised_when_a_connection_ends_without_a_closing_frame() {
    for first in [Endpoint::Client, Endpoint::Server] {
        let rig = Rig::start().await;
        let (client, server) = rig.pair().await;
        let (mut first_side, mut other) = match first {
            Endpoint::Client => (client, server),
            Endpoint::Server => (server, client),
        };
        first_side.shutdown().await.unwrap();
        // No frame of 1005, 1006 or 1015, and no byte at all.
        assert_eq!(read_all(&mut other).await, b"");
        other.shutdown().await.unwrap();
        assert_eq!(read_all(&mut first_side).await, b"");
        let left = rig.stop().await;
        let connection = left.connection();
        let closed = connection.closed.unwrap();
        assert_eq!((closed.close_code, closed.close_reason), (None, None));
        assert_eq!(left.summary.frames, wsaudit_proxy::BothWays::default());
    }
}

#[tokio::test]
async fn a_closing_frame_is_not_lost_though_its_sender_ends_at_once() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    let close = frame(0x88, None, b"\x03\xF3sorry");
    server.write_all(&close).await.unwrap();
    server.shutdown().await.unwrap();
    // The client goes on for a while; the server reads, and throws it away.
    client.write_all(&masked(0x81, b"more")).await.unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, close);
    client.write_all(&masked(0x88, b"\x03\xF3")).await.unwrap();
    drop(client);
    let up = [masked(0x81, b"more"), masked(0x88, b"\x03\xF3")].concat();
    assert_eq!(read_all(&mut server).await, up);
    let left = rig.stop().await;
    let closed = left.connection().closed.unwrap();
    assert_eq!(closed.closed_by, Some(Endpoint::Server));
    assert_eq!(closed.close_code, Some(1011));
}
