//! Requests that the proxy answers for itself.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::harness::{Rig, read_all};

async fn answer_to(rig: &Rig, request: &[u8]) -> String {
    let mut client = rig.client().await;
    client.write_all(request).await.unwrap();
    let answer = String::from_utf8(read_all(&mut client).await).unwrap();
    assert!(answer.contains("\r\n\r\nwsaudit: "), "{answer}");
    answer
}

#[tokio::test]
async fn a_request_in_which_an_upgrade_could_hide_is_refused() {
    let rig = Rig::start().await;
    for request in [
        &b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"[..],
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : example\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01 this is TLS\r\n\r\n",
    ] {
        let answer = answer_to(&rig, request).await;
        let shown = request.escape_ascii();
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{shown}: {answer}"
        );
    }
    let left = rig.stop().await;
    assert_eq!(left.summary.connections, 6);
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused() {
    let rig = Rig::start_with(|config| config.limits.head = 1_000).await;
    let mut request = b"GET / HTTP/1.1\r\nX: ".to_vec();
    request.resize(1_200, b'x');
    let answer = answer_to(&rig, &request).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_refused_after_a_time() {
    let rig = Rig::start_with(|config| config.limits.handshake = Duration::from_millis(50)).await;
    let answer = answer_to(&rig, b"GET / HTTP/1.1\r\nX: ").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}
