//! What is logged holds no secret.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use wsaudit_proxy::OnRecorderFailure;
use wsaudit_tagging::PayloadRules;

use crate::gaps::impatient;
use crate::harness::{Rig, UPGRADE, expect, masked, read_all, within};

/// Writes every event down: its level, and every field.
#[derive(Clone, Default)]
pub(crate) struct Everything(Arc<Mutex<String>>);

impl Everything {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0, "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Everything {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("wsaudit")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut log = self.0.lock().unwrap();
        writeln!(log, "{}", event.metadata().level()).unwrap();
        event.record(&mut Line(&mut log));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn no_secret_is_logged_whatever_goes_wrong() {
    let log = Everything::default();
    // The runtime of this test has one thread, so all of the proxy logs here.
    let _guard = tracing::subscriber::set_default(log.clone());
    let rig = Rig::start().await;
    let good = "GET /ws?access_token=hunter2 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Authorization: Bearer hunter2\r\nCookie: sid=hunter2\r\nSec-WebSocket-Protocol: hunter2\r\n\r\n";
    let broken = "POST /hunter2 HTTP/1.1\r\nAuthorization hunter2\r\n\r\n";
    let ambiguous = "POST /hunter2 HTTP/1.1\r\nContent-Length: hunter2\r\n\r\n";
    for request in [broken, ambiguous] {
        let mut client = rig.client().await;
        client.write_all(request.as_bytes()).await.unwrap();
        read_all(&mut client).await;
    }
    // Opened, answered with something that is no HTTP, and ended.
    let mut client = rig.client().await;
    client.write_all(good.as_bytes()).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, good.as_bytes()).await;
    server.write_all(b"hunter2\r\n\r\n").await.unwrap();
    expect(&mut client, b"hunter2\r\n\r\n").await;
    drop((client, server));
    rig.stop().await;
    let log = log.0.lock().unwrap();
    assert!(log.contains("a request was refused"), "{log}");
    assert!(log.contains("is no HTTP"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}

#[tokio::test]
async fn an_answer_whose_head_is_too_long_passes_and_is_said_to_be_that() {
    let log = Everything::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let rig = Rig::start_with(|config| config.limits.head = 300).await;
    let mut client = rig.client().await;
    client.write_all(UPGRADE).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, UPGRADE).await;
    let answer = format!("HTTP/1.1 403 Forbidden\r\nX: {}\r\n\r\n", "y".repeat(300));
    server.write_all(answer.as_bytes()).await.unwrap();
    expect(&mut client, answer.as_bytes()).await;
    drop((client, server));
    let left = rig.stop().await;
    let gaps = left.reader.gaps().unwrap();
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].1.why.contains("longer than --max-head"), "{gaps:?}");
    let log = log.0.lock().unwrap();
    assert!(log.contains("longer than --max-head"), "{log}");
    assert!(log.contains("limit=300"), "{log}");
}

#[tokio::test]
async fn a_log_that_grows_is_told_of_once() {
    let log = Everything::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let rig = Rig::start_with(|config| config.limits.log = 100_000).await;
    let sender = rig.sender();
    let (mut client, mut server) = rig.pair().await;
    let frame = masked(0x82, &vec![7; 60_000]);
    let told = || {
        let log = log.0.lock().unwrap();
        log.matches("the recording's log (-wal) grows").count()
    };
    assert_eq!(told(), 0);
    // Far from where it is moved into the file; whose fault it is does not count here.
    within(async {
        while told() == 0 || sender.stats().log_bytes < 1_000_000 {
            client.write_all(&frame).await.unwrap();
            expect(&mut server, &frame).await;
        }
    })
    .await;
    drop((client, server));
    rig.stop().await;
    assert_eq!(told(), 1);
}

#[tokio::test]
async fn a_connection_that_a_stall_ends_is_not_said_to_go_on() {
    let log = Everything::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let rig = impatient(OnRecorderFailure::Close).await;
    let (mut client, mut server) = rig.pair().await;
    let all = rig.sender().credit(u64::MAX).take(2 << 20);
    client.write_all(&masked(0x81, b"hello")).await.unwrap();
    assert!(read_all(&mut server).await.is_empty());
    drop(all);
    rig.stop().await;
    let log = log.0.lock().unwrap();
    let ended = log.matches("the recorder stalls: the connection is ended");
    assert_eq!(ended.count(), 1, "{log}");
    assert!(!log.contains("goes on"), "{log}");
}

#[tokio::test]
async fn what_redaction_cannot_look_at_is_counted_and_told_of_once_for_each_connection() {
    let log = Everything::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let rig = Rig::start_with(|config| {
        config.redact = PayloadRules::new(vec!["/pin".parse().unwrap()]);
    })
    .await;
    for frames in [
        vec![masked(0x81, b"hunter2"), masked(0x81, b"hunter2 again")],
        vec![
            masked(0x82, b"\xFFhunter2"),
            masked(0x81, br#"{"pin":"hunter2"}"#),
        ],
        vec![
            masked(0x81, br#"{"pin":"hunter2"}"#),
            masked(0x8A, b"hunter2"),
        ],
    ] {
        let (mut client, mut server) = rig.pair().await;
        for frame in frames {
            client.write_all(&frame).await.unwrap();
            expect(&mut server, &frame).await;
        }
    }
    // A body, too.
    let request = b"POST / HTTP/1.1\r\nHost: example\r\nContent-Length: 7\r\n\r\nhunter2";
    let mut client = rig.client().await;
    client.write_all(request).await.unwrap();
    let mut server = rig.accept().await;
    expect(&mut server, request).await;
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    server.write_all(answer).await.unwrap();
    expect(&mut client, answer).await;
    drop((client, server));
    let left = rig.stop().await;
    let log = log.0.lock().unwrap();
    assert_eq!(left.summary.withheld, 3, "{log}");
    assert_eq!(left.summary.withheld_bodies, 1, "{log}");
    assert_eq!(
        log.matches("could not look at a message").count(),
        2,
        "{log}"
    );
    assert_eq!(log.matches("could not look at a body").count(), 1, "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}
