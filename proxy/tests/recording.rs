//! What a recording holds besides bytes: messages, anomalies, durability.

use tokio::io::AsyncWriteExt;
use wsaudit_proxy::Durability;
use wsaudit_recording::{Filter, MessageContent};
use wsaudit_wire::Direction;

use crate::harness::{Rig, SWITCH, UPGRADE, expect, frame, masked, unmasked};

#[tokio::test]
async fn fragments_become_a_message_and_the_pings_between_them_do_not() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    let bytes = [
        masked(0x01, b"{\"a\":"),
        masked(0x89, b"ping"),
        masked(0x00, b"1"),
        masked(0x80, b"}"),
    ]
    .concat();
    client.write_all(&bytes).await.unwrap();
    expect(&mut server, &bytes).await;
    drop((client, server));
    let left = rig.stop().await;
    assert_eq!(left.reader.counts().unwrap().messages, 1);
    let frames = left.frames(left.connection().id, Direction::ClientToServer);
    let message = left.reader.message(frames[3].seq).unwrap().unwrap();
    assert_eq!(message.first_seq, frames[0].seq);
    assert_eq!(
        message.content,
        MessageContent::Whole(b"{\"a\":1}".to_vec())
    );
}

#[tokio::test]
async fn a_message_that_another_one_cuts_off_is_undecodable() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    let bytes = [
        masked(0x01, b"begun"),
        masked(0x00, b"on"),
        masked(0x81, b"other"),
    ]
    .concat();
    client.write_all(&bytes).await.unwrap();
    expect(&mut server, &bytes).await;
    drop((client, server));
    let left = rig.stop().await;
    let frames = left.frames(left.connection().id, Direction::ClientToServer);
    let message = left.reader.message(frames[1].seq).unwrap().unwrap();
    assert_eq!(message.first_seq, frames[0].seq);
    assert!(matches!(message.content, MessageContent::Undecodable(_)));
    let other = left.reader.message(frames[2].seq).unwrap().unwrap();
    assert_eq!(other.content, MessageContent::Whole(b"other".to_vec()));
}

#[tokio::test]
async fn a_frame_has_the_times_of_its_first_and_of_its_last_byte() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    let frame = masked(0x81, b"slowly");
    let mut pass = async |bytes: &[u8]| {
        client.write_all(bytes).await.unwrap();
        expect(&mut server, bytes).await;
    };
    pass(&masked(0x81, b"before")).await;
    // Cut within the header, and within the payload.
    for cut in [1, 8] {
        pass(&frame[..cut]).await;
        pass(&frame[cut..]).await;
    }
    drop((client, server));
    let left = rig.stop().await;
    let frames = left.frames(left.connection().id, Direction::ClientToServer);
    assert_eq!(frames[0].first_at, frames[0].last_at);
    for pair in frames.windows(2) {
        assert!(pair[0].last_at < pair[1].first_at && pair[1].first_at < pair[1].last_at);
    }
}

#[tokio::test]
async fn breaches_pass_and_are_noted_with_their_frame() {
    let rig = Rig::start().await;
    let (mut client, mut server) = rig.pair().await;
    let from_client = [unmasked(0x81, b"no mask"), masked(0x83, b"reserved")].concat();
    client.write_all(&from_client).await.unwrap();
    expect(&mut server, &from_client).await;
    let from_server = [
        frame(0x81, Some([1, 2, 3, 4]), b"mask"),
        unmasked(0x81, b"\xFF\xFE"),
    ]
    .concat();
    server.write_all(&from_server).await.unwrap();
    expect(&mut client, &from_server).await;
    drop((client, server));
    let left = rig.stop().await;
    let mut codes = left.anomaly_codes();
    codes.sort();
    assert_eq!(
        codes,
        [
            "invalid-utf8",
            "masked-server-frame",
            "reserved-opcode",
            "unmasked-client-frame"
        ]
    );
    assert_eq!(left.summary.anomalies.len(), 4);
    for anomaly in left.reader.anomalies().unwrap() {
        let frame = left.reader.frame(anomaly.seq).unwrap().unwrap();
        assert_eq!(frame.direction, anomaly.direction);
    }
}

#[tokio::test]
async fn a_breach_in_the_handshake_is_noted() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    client.write_all(UPGRADE).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, UPGRADE).await;
    let answer =
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: wrong\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
        Sec-WebSocket-Protocol: chat\r\n\r\n";
    server.write_all(answer).await.unwrap();
    expect(&mut client, answer).await;
    drop((client, server));
    let left = rig.stop().await;
    let codes = left.anomaly_codes();
    assert!(codes.contains(&"wrong-accept".to_owned()), "{codes:?}");
    assert!(
        codes.contains(&"unoffered-extension".to_owned()),
        "{codes:?}"
    );
    let answered = left.connection().answered.unwrap();
    assert_eq!(answered.extensions.as_deref(), Some("permessage-deflate"));
    assert_eq!(answered.subprotocol.as_deref(), Some("chat"));
}

#[tokio::test]
async fn strict_commits_each_frame_before_its_peer_has_it() {
    let rig = Rig::start_with(|config| config.durability = Durability::Strict).await;
    let sender = rig.sender();
    let (mut client, mut server) = rig.pair().await;
    for sent in 1..=20 {
        let hello = masked(0x81, b"hello");
        client.write_all(&hello).await.unwrap();
        expect(&mut server, &hello).await;
        assert_eq!(sender.stats().frames, 2 * sent - 1);
        server.write_all(&unmasked(0x81, b"welcome")).await.unwrap();
        expect(&mut client, &unmasked(0x81, b"welcome")).await;
        assert_eq!(sender.stats().frames, 2 * sent);
    }
    drop((client, server));
    let left = rig.stop().await;
    let mut query = left.reader.frames(Filter::ALL).unwrap();
    let mut rows = query.rows().unwrap();
    let mut count = 0;
    while rows.next().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 40);
}

#[tokio::test]
async fn compressed_messages_are_kept_as_sent_and_inflated_beside() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let request = [&UPGRADE[..UPGRADE.len() - 2], offer].concat();
    client.write_all(&request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, &request).await;
    let answer = [&SWITCH[..SWITCH.len() - 2], offer].concat();
    server.write_all(&answer).await.unwrap();
    expect(&mut client, &answer).await;
    // RFC 7692, section 7.2.3.2: "Hello" twice, the second one refers to the first.
    let first = unmasked(0xC1, &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    let second = unmasked(0xC1, &[0xF2, 0x00, 0x11, 0x00, 0x00]);
    let bytes = [first, second].concat();
    server.write_all(&bytes).await.unwrap();
    expect(&mut client, &bytes).await;
    drop((client, server));
    let left = rig.stop().await;
    let id = left.connection().id;
    assert_eq!(left.anomaly_codes(), Vec::<String>::new());
    assert_eq!(left.encode(id, Direction::ServerToClient), bytes);
    for frame in left.frames(id, Direction::ServerToClient) {
        let message = left.reader.message(frame.seq).unwrap().unwrap();
        assert_eq!(message.content, MessageContent::Whole(b"Hello".to_vec()));
    }
}
