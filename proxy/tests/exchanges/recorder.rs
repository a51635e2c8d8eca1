//! Exchanges and the recorder: who waits for it, what it leaves out, and the one order.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use wsaudit_proxy::{Durability, OnRecorderFailure};
use wsaudit_recording::WriterOptions;
use wsaudit_wire::Direction;

use super::ask;
use crate::harness::{Rig, backend, config, expect, masked, read_all, unmasked};

#[tokio::test]
async fn strict_commits_a_message_before_its_peer_has_all_of_it() {
    let rig = Rig::start_with(|config| config.durability = Durability::Strict).await;
    let sender = rig.sender();
    let mut client = rig.client().await;
    let request = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwelcome";
    client.write_all(request).await.unwrap();
    let mut server = rig.accept().await;
    for sent in 0..10 {
        expect(&mut server, request).await;
        assert_eq!(sender.stats().bytes, sent * 12 + 5);
        server.write_all(answer).await.unwrap();
        expect(&mut client, answer).await;
        assert_eq!(sender.stats().bytes, sent * 12 + 12);
        client.write_all(request).await.unwrap();
    }
    // An answer without a length ends with its connection: that is what waits.
    expect(&mut server, request).await;
    server
        .write_all(b"HTTP/1.1 200 OK\r\n\r\nbye")
        .await
        .unwrap();
    drop(server);
    assert_eq!(read_all(&mut client).await, b"HTTP/1.1 200 OK\r\n\r\nbye");
    assert_eq!(sender.stats().bytes, 10 * 12 + 5 + 3);
    drop(client);
    let left = rig.stop().await;
    assert_eq!(left.messages().len(), 22);
}

/// A proxy with little patience, and a recorder with a budget that a test can use up.
async fn impatient(policy: OnRecorderFailure) -> Rig {
    let backend = backend().await;
    let mut config = config(&format!("http://{}", backend.local_addr().unwrap()));
    config.max_stall = Duration::from_millis(20);
    config.on_recorder_failure = policy;
    let options = WriterOptions {
        budget: 1 << 20,
        ..WriterOptions::default()
    };
    Rig::start_on(backend, config, options).await
}

#[tokio::test]
async fn a_recorder_that_stalls_leaves_a_gap_and_no_exchange() {
    let rig = impatient(OnRecorderFailure::Continue).await;
    let mut client = rig.client().await;
    let request = b"GET /a HTTP/1.1\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    client.write_all(request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, request).await;
    let all = rig.sender().credit(u64::MAX).take(2 << 20);
    server.write_all(answer).await.unwrap();
    expect(&mut client, answer).await;
    for _ in 0..3 {
        ask(&mut client, &mut server, request, answer).await;
    }
    drop(all);
    ask(&mut client, &mut server, request, answer).await;
    drop((client, server));
    let left = rig.stop().await;
    assert_eq!(left.messages().len(), 4);
    let gaps = left.reader.gaps().unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let (gap, last) = (&gaps[0].1, left.messages()[3].seq);
    assert!(gap.why.contains("3 plain HTTP exchanges"), "{}", gap.why);
    assert!(left.messages()[1].seq < gap.to && gap.to < last);
    assert_eq!(left.summary.gaps, 1);
}

/// Its answer is missing, too, and that comes after what others said meanwhile.
#[tokio::test]
async fn the_gap_of_an_exchange_goes_on_until_it_is_answered() {
    let rig = impatient(OnRecorderFailure::Continue).await;
    let request = b"GET /a HTTP/1.1\r\n\r\n";
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    let all = rig.sender().credit(u64::MAX).take(2 << 20);
    let mut patient = rig.client().await;
    patient.write_all(request).await.unwrap();
    let mut slow = rig.accept().await;
    expect(&mut slow, request).await;
    drop(all);
    let mut client = rig.client().await;
    client.write_all(request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, request).await;
    server.write_all(answer).await.unwrap();
    expect(&mut client, answer).await;
    slow.write_all(answer).await.unwrap();
    expect(&mut patient, answer).await;
    drop((patient, slow, client, server));
    let left = rig.stop().await;
    let (messages, gaps) = (left.messages(), left.reader.gaps().unwrap());
    let [(_, gap)] = &gaps[..] else {
        panic!("{gaps:?}");
    };
    assert_eq!(messages.len(), 2);
    assert!(gap.from < messages[0].seq && messages[1].seq < gap.to);
}

#[tokio::test]
async fn a_recorder_that_stalls_refuses_where_that_is_wanted() {
    let rig = impatient(OnRecorderFailure::Close).await;
    let all = rig.sender().credit(u64::MAX).take(2 << 20);
    let mut client = rig.client().await;
    client.write_all(b"GET /a HTTP/1.1\r\n\r\n").await.unwrap();
    let answer = read_all(&mut client).await;
    assert!(answer.starts_with(b"HTTP/1.1 503 "));
    drop((all, client));
    assert_eq!(rig.stop().await.messages(), []);
}

#[tokio::test]
async fn frames_and_exchanges_share_one_order() {
    let rig = Rig::start().await;
    let (mut socket, mut server) = rig.pair().await;
    let mut client = rig.client().await;
    let request = b"GET /a HTTP/1.1\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut plain = rig.accept().await;
    expect(&mut plain, request).await;
    // The server pushes on the socket before it answers.
    let pushed = unmasked(0x81, b"new");
    server.write_all(&pushed).await.unwrap();
    expect(&mut socket, &pushed).await;
    let answer = b"HTTP/1.1 204 Done\r\n\r\n";
    plain.write_all(answer).await.unwrap();
    expect(&mut client, answer).await;
    let said = masked(0x81, b"seen");
    socket.write_all(&said).await.unwrap();
    expect(&mut server, &said).await;
    drop((socket, server, client, plain));
    let left = rig.stop().await;
    let id = left.connection().id;
    let pushed = left.frames(id, Direction::ServerToClient)[0].seq;
    let said = left.frames(id, Direction::ClientToServer)[0].seq;
    let [request, answer] = &left.messages()[..] else {
        panic!("two messages");
    };
    let order = [request.seq, pushed, answer.seq, said];
    assert!(order.is_sorted(), "{order:?}");
    assert_ne!(left.exchange().id, id);
}
