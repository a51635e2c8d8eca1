//! Opening handshakes where the proxy reads none: in bodies that a server ignores.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use wsaudit_recording::{GapRecord, Unread};
use wsaudit_wire::Direction;

use crate::harness::{Left, Rig, SWITCH, UPGRADE, expect, masked, read_all, unmasked};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A request with a body.
fn carrier(body: &[u8]) -> Vec<u8> {
    carrier_of(body, body.len())
}

/// One whose body is said to be that long.
fn carrier_of(body: &[u8], length: usize) -> Vec<u8> {
    let head = format!("GET / HTTP/1.1\r\nHost: example\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// An opening handshake whose head has one field more.
fn upgrade_with(field: &str) -> Vec<u8> {
    [&UPGRADE[..UPGRADE.len() - 2], field.as_bytes(), b"\r\n\r\n"].concat()
}

/// A new proxy, through which a client has sent that to a server.
async fn sent(request: &[u8]) -> (Rig, TcpStream, TcpStream) {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    client.write_all(request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, request).await;
    (rig, client, server)
}

async fn pass(from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]) {
    from.write_all(bytes).await.unwrap();
    expect(to, bytes).await;
}

impl Left {
    fn gap(&self) -> GapRecord {
        let mut gaps = self.reader.gaps().unwrap();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!(self.summary.gaps, 1);
        gaps.remove(0).1
    }

    fn no_gap(&self) {
        assert!(self.reader.gaps().unwrap().is_empty());
        assert_eq!(self.summary.gaps, 0);
    }
}

#[tokio::test]
async fn a_101_that_no_request_asked_for_is_passed_on_and_is_a_gap() {
    let hidden = [UPGRADE, &masked(0x81, b"unread")].concat();
    let (rig, mut client, mut server) = sent(&carrier(&hidden)).await;
    // The server takes the body for a second request, which is answered when the client is idle.
    pass(&mut server, &mut client, OK).await;
    pass(&mut server, &mut client, SWITCH).await;
    // Both ways, for as long as they like.
    pass(&mut server, &mut client, &unmasked(0x81, b"secret")).await;
    pass(&mut client, &mut server, &masked(0x82, &vec![7; 70_000])).await;
    drop((client, server));
    let left = rig.stop().await;
    let gap = left.gap();
    assert_eq!((gap.connection, gap.frames), (None, None));
    assert_eq!(Unread::of(&gap.why), Some(Unread::UnaskedSwitch));
}

#[tokio::test]
async fn a_101_within_a_request_s_body_does_not_wait_for_its_end() {
    // A body whose end does not come before the client has read the 101.
    let request = carrier_of(UPGRADE, 1 << 40);
    let (rig, mut client, mut server) = sent(&request).await;
    pass(&mut server, &mut client, OK).await;
    for byte in SWITCH {
        pass(&mut server, &mut client, &[*byte]).await;
    }
    pass(&mut client, &mut server, &masked(0x81, b"unread")).await;
    pass(&mut server, &mut client, &unmasked(0x81, b"secret")).await;
    drop((client, server));
    let gap = rig.stop().await.gap();
    assert_eq!(Unread::of(&gap.why), Some(Unread::UnaskedSwitch));
}

#[tokio::test]
async fn a_101_after_the_client_s_end_is_a_gap() {
    let hidden = [UPGRADE, &masked(0x81, b"unread")].concat();
    let (rig, mut client, mut server) = sent(&carrier(&hidden)).await;
    pass(&mut server, &mut client, OK).await;
    client.shutdown().await.unwrap();
    assert!(read_all(&mut server).await.is_empty());
    pass(&mut server, &mut client, SWITCH).await;
    pass(&mut server, &mut client, &unmasked(0x81, b"secret")).await;
    drop((client, server));
    let gap = rig.stop().await.gap();
    assert_eq!(Unread::of(&gap.why), Some(Unread::UnaskedSwitch));
}

/// The 101 comes where the answer to a second handshake is due: it is taken for that, and the frames in
/// the first one's body are not recorded.
#[tokio::test]
async fn a_101_may_answer_a_request_in_an_earlier_body_and_is_a_gap_of_its_connection() {
    for portion in [1, 7, 100_000] {
        let chunked = [
            b"POST / HTTP/1.1\r\nHost: example\r\nTransfer-Encoding: chunked\r\n\r\n",
            format!("{:x}\r\n", UPGRADE.len()).as_bytes(),
            UPGRADE,
            b"\r\n0\r\n\r\n",
        ]
        .concat();
        for request in [carrier(UPGRADE), chunked] {
            let rig = Rig::start().await;
            let mut client = rig.client().await;
            for part in request.chunks(portion) {
                client.write_all(part).await.unwrap();
            }
            let mut server = rig.accept().await;
            expect(&mut server, &request).await;
            pass(&mut server, &mut client, OK).await;
            pass(&mut client, &mut server, UPGRADE).await;
            pass(&mut server, &mut client, SWITCH).await;
            pass(&mut server, &mut client, &unmasked(0x81, b"read")).await;
            drop((client, server));
            let left = rig.stop().await;
            let connection = left.connection().id;
            let gap = left.gap();
            assert_eq!((gap.connection, gap.frames), (Some(connection), None));
            assert_eq!(Unread::of(&gap.why), Some(Unread::HiddenRequest));
            let frames = left.frames(connection, Direction::ServerToClient);
            assert!(gap.from <= frames[0].seq && frames[0].seq < gap.to);
        }
    }
}

/// A server that answers a HEAD in the body gives a length and no body: its 101 stands where the proxy
/// reads one.
#[tokio::test]
async fn a_101_in_what_is_read_as_an_answer_s_body_is_a_gap() {
    let hidden = [b"HEAD / HTTP/1.1\r\nHost: example\r\n\r\n", UPGRADE].concat();
    let (rig, mut client, mut server) = sent(&carrier(&hidden)).await;
    pass(&mut server, &mut client, OK).await;
    let get = b"GET /next HTTP/1.1\r\nHost: example\r\n\r\n";
    pass(&mut client, &mut server, get).await;
    let to_head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    pass(&mut server, &mut client, to_head).await;
    pass(&mut server, &mut client, SWITCH).await;
    pass(&mut server, &mut client, &unmasked(0x81, &[b'x'; 900])).await;
    drop((client, server));
    let gap = rig.stop().await.gap();
    assert_eq!(gap.connection, None);
    assert_eq!(Unread::of(&gap.why), Some(Unread::HiddenRequest));
}

/// Whether its body belongs to the request or is the first frames, servers do not agree.
#[tokio::test]
async fn an_opening_handshake_with_a_body_is_recorded_with_a_gap_and_holds_nothing_up() {
    for (field, body) in [
        ("Content-Length: 10", &b"0123456789"[..]),
        ("Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n"),
    ] {
        let rig = Rig::start().await;
        let mut client = rig.client().await;
        let request = upgrade_with(field);
        client.write_all(&request).await.unwrap();
        let mut server = rig.accept().await;
        expect(&mut server, &request).await;
        // The server does not wait for the body, and its frames do not either.
        let hello = unmasked(0x81, b"hello");
        pass(&mut server, &mut client, &[SWITCH, &hello].concat()).await;
        let frame = masked(0x81, b"frame");
        for byte in [body, &frame].concat() {
            pass(&mut client, &mut server, &[byte]).await;
        }
        drop((client, server));
        let left = rig.stop().await;
        let connection = left.connection().id;
        let gap = left.gap();
        assert_eq!((gap.connection, gap.frames), (Some(connection), None));
        assert_eq!(Unread::of(&gap.why), Some(Unread::HandshakeBody));
        assert_eq!(left.encode(connection, Direction::ServerToClient), hello);
        assert_eq!(left.encode(connection, Direction::ClientToServer), frame);
        assert!(gap.to > left.frames(connection, Direction::ClientToServer)[0].seq);
    }
}

#[tokio::test]
async fn frames_in_a_handshake_s_body_pass_unread_and_the_other_way_is_recorded() {
    let length = format!("Content-Length: {}", u64::MAX);
    for field in [&length[..], "Transfer-Encoding: chunked"] {
        let rig = Rig::start().await;
        let mut client = rig.client().await;
        let request = upgrade_with(field);
        client.write_all(&request).await.unwrap();
        let mut server = rig.accept().await;
        expect(&mut server, &request).await;
        pass(&mut server, &mut client, SWITCH).await;
        for text in [b"one", b"two"] {
            pass(&mut client, &mut server, &masked(0x81, text)).await;
            pass(&mut server, &mut client, &unmasked(0x81, text)).await;
        }
        drop((client, server));
        let left = rig.stop().await;
        let connection = left.connection().id;
        let gap = left.gap();
        assert_eq!(gap.connection, Some(connection), "{field}");
        assert_eq!(Unread::of(&gap.why), Some(Unread::HandshakeBody));
        let (up, down) = (Direction::ClientToServer, Direction::ServerToClient);
        assert!(left.frames(connection, up).is_empty(), "{field}");
        assert_eq!(left.frames(connection, down).len(), 2, "{field}");
    }
}

#[tokio::test]
async fn nothing_is_a_gap_where_no_handshake_can_have_been_hidden() {
    let said = "POST /log HTTP/1.1\r\nHost: example\r\nContent-Length: ";
    let sent = "GET /ws HTTP/1.1\r\n";
    let answered = "HTTP/1.1 101 Switching Protocols\r\n";
    for (body, answer) in [
        // A log with requests in it; no 101 comes.
        (sent, "ok"),
        // Text about a handshake in JSON; there is no line of it in any body.
        (r#"{"text": "GET /ws HTTP/1.1\r\n"}"#, answered),
        // A page about 101, which nobody's body has asked for.
        ("page=101", answered),
        ("", answered),
    ] {
        let rig = Rig::start().await;
        let mut client = rig.client().await;
        let request = format!("{said}{}\r\n\r\n{body}", body.len());
        client.write_all(request.as_bytes()).await.unwrap();
        let mut server = rig.accept().await;
        expect(&mut server, request.as_bytes()).await;
        let length = answer.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{answer}");
        pass(&mut server, &mut client, answer.as_bytes()).await;
        let farewell = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n";
        if body == sent {
            server.write_all(farewell).await.unwrap();
            drop(server);
            assert_eq!(read_all(&mut client).await, farewell);
        } else {
            // The page is no doubt about what comes after it.
            pass(&mut client, &mut server, UPGRADE).await;
            pass(&mut server, &mut client, SWITCH).await;
            drop(server);
        }
        drop(client);
        rig.stop().await.no_gap();
    }
    // A handshake that says that it has no body has none.
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let request = upgrade_with("Content-Length: 0");
    client.write_all(&request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, &request).await;
    pass(&mut server, &mut client, SWITCH).await;
    drop((client, server));
    rig.stop().await.no_gap();
}
