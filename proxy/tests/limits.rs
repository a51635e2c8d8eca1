//! What happens at each limit: clear to the client, and no harm to legal traffic.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use wsaudit_recording::{Filter, HowEnded, MessagePayload, Payload};
use wsaudit_wire::Direction;

use crate::harness::{Rig, SWITCH, UPGRADE, expect, frame, masked, read_all, unmasked, within};

#[tokio::test]
async fn one_client_too_many_gets_503_and_is_served_when_another_has_gone() {
    let rig = Rig::start_with(|config| config.limits.connections = 1).await;
    let (mut client, mut server) = rig.pair().await;
    let mut second = rig.client().await;
    let answer = String::from_utf8(read_all(&mut second).await).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\r\n\r\nwsaudit: "), "{answer}");
    assert!(answer.contains("--max-connections"), "{answer}");
    // The first one does not notice.
    client.write_all(&masked(0x81, b"x")).await.unwrap();
    expect(&mut server, &masked(0x81, b"x")).await;
    drop((client, server));
    within(async {
        loop {
            let mut next = rig.client().await;
            next.write_all(UPGRADE).await.unwrap();
            let served = tokio::select! {
                biased;
                (mut server, _) = async { rig.backend.accept().await.unwrap() } => {
                    expect(&mut server, UPGRADE).await;
                    server.write_all(SWITCH).await.unwrap();
                    expect(&mut next, SWITCH).await;
                    true
                }
                answer = read_all_or_reset(&mut next) => {
                    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 503"));
                    false
                }
            };
            if served {
                break;
            }
        }
    })
    .await;
    let left = rig.stop().await;
    assert!(left.summary.turned_away >= 1);
    assert_eq!(left.summary.established, 2);
}

/// Whether it is the proxy's own, by its body.
fn says_whose_it_is(answer: &[u8]) -> bool {
    String::from_utf8_lossy(answer).contains("\r\n\r\nwsaudit: ")
}

/// A refusal may be overtaken by the reset that answers what the client wrote after it.
pub(crate) async fn read_all_or_reset(stream: &mut tokio::net::TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(stream, &mut bytes).await;
    bytes
}

#[tokio::test]
async fn a_head_that_does_not_end_in_time_gets_408_and_one_too_long_431() {
    let rig = Rig::start_with(|config| {
        config.limits.handshake = Duration::from_millis(50);
        config.limits.head = 100;
    })
    .await;
    let mut slow = rig.client().await;
    slow.write_all(b"GET / HTT").await.unwrap();
    let answer = read_all(&mut slow).await;
    assert!(answer.starts_with(b"HTTP/1.1 408 Request Timeout\r\n"));
    assert!(says_whose_it_is(&answer));
    let mut long = rig.client().await;
    long.write_all(&[b'x'; 101]).await.unwrap();
    let answer = read_all(&mut long).await;
    assert!(answer.starts_with(b"HTTP/1.1 431 Request Header Fields Too Large\r\n"));
    assert!(says_whose_it_is(&answer));
    rig.stop().await;
}

#[tokio::test]
async fn a_payload_above_the_limit_passes_whole_and_is_recorded_in_part() {
    for chunk in [4, 1_000_000] {
        let rig = Rig::start_with(|config| {
            config.limits.recorded_payload = Some(10);
            config.limits.chunk = chunk;
        })
        .await;
        let (mut client, mut server) = rig.pair().await;
        let long = masked(0x81, b"0123456789 and so on");
        let exact = masked(0x82, b"0123456789");
        for bytes in [&long, &exact] {
            client.write_all(bytes).await.unwrap();
            expect(&mut server, bytes).await;
        }
        // In fragments that are short each, and long together.
        let fragments = [unmasked(0x01, b"0123456"), unmasked(0x80, b"789 and so on")].concat();
        server.write_all(&fragments).await.unwrap();
        expect(&mut client, &fragments).await;
        let close = frame(0x88, Some([1, 2, 3, 4]), b"\x03\xE8a long goodbye");
        client.write_all(&close).await.unwrap();
        expect(&mut server, &close).await;
        drop((client, server));

        let left = rig.stop().await;
        assert_eq!(left.summary.gaps, 0);
        assert_eq!(left.summary.truncated, 2, "text and last fragment");
        let connection = left.connection();
        let closed = connection.closed.as_ref().unwrap();
        assert_eq!((closed.how, closed.close_code), (HowEnded::Fin, Some(1000)));
        let frames = left.frames(connection.id, Direction::ClientToServer);
        let payload = |at: usize| match &frames[at].payload {
            Payload::Whole(bytes) => bytes.clone(),
            Payload::Chunked(id) => left.reader.joined(*id, usize::MAX).unwrap(),
            Payload::Withheld => panic!("nothing was withheld"),
        };
        assert_eq!(payload(0), b"0123456789");
        assert_eq!(frames[0].header.declared_length, 20);
        assert_eq!(payload(1), b"0123456789");
        let mut query = left.reader.messages(Filter::ALL).unwrap();
        let mut rows = query.rows().unwrap();
        let mut full_lengths = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            if let MessagePayload::Truncated { full_length, .. } = row.payload {
                full_lengths.push(full_length);
            }
        }
        assert_eq!(full_lengths, [20, 20], "chunks of {chunk}");
    }
}
