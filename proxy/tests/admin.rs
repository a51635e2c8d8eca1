//! `/metrics` and `/healthz`, and several routes of one proxy.

use std::collections::{BTreeMap, BTreeSet};

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use wsaudit_proxy::{BindError, Proxy, Route};
use wsaudit_recording::{Reader, Writer, WriterOptions};

use crate::harness::{SWITCH, UPGRADE, backend, config, expect, masked, read_all, within};

async fn get(addr: std::net::SocketAddr, path: &str) -> (String, String) {
    ask(addr, "GET", path).await
}

async fn ask(addr: std::net::SocketAddr, method: &str, path: &str) -> (String, String) {
    let mut client = TcpStream::connect(addr).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let answer = String::from_utf8(read_all(&mut client).await).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// Samples by name and labels; checks what the text format asks for.
fn parse(text: &str) -> BTreeMap<String, String> {
    let (mut samples, mut families) = (BTreeMap::new(), BTreeSet::new());
    let (mut helped, mut family, mut kind) = (None, None, "");
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            helped = rest.split_once(' ').map(|(name, _)| name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, of) = rest.split_once(' ').unwrap();
            assert!(matches!(of, "counter" | "gauge"), "{line}");
            assert_eq!(helped.as_deref(), Some(name), "HELP comes before TYPE");
            assert!(families.insert(name.to_owned()), "{name} twice");
            (family, kind) = (Some(name.to_owned()), of);
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let plain = name.split('{').next().unwrap();
            assert_eq!(family.as_deref(), Some(plain), "{line}");
            let legal = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
            assert!(plain.chars().all(legal), "{line}");
            assert_eq!(kind == "counter", plain.ends_with("_total"), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let value = value.to_owned();
            assert!(samples.insert(name.to_owned(), value).is_none(), "{line}");
        }
    }
    samples
}

#[tokio::test]
async fn two_routes_make_one_recording_and_are_counted() {
    let backends = [backend().await, backend().await];
    let url = |index: usize| format!("http://{}", backends[index].local_addr().unwrap());
    let mut config = config(&url(0));
    let second = Route::new("127.0.0.1:0".parse().unwrap(), url(1).parse().unwrap());
    config.routes.push(second);
    config.admin = Some("127.0.0.1:0".parse().unwrap());
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("t.db");
    let writer = Writer::create(&path, WriterOptions::default()).unwrap();
    let bound = Proxy::bind(config, writer).await.unwrap();
    let (admin, live) = (bound.admin_addr().unwrap(), bound.live());
    let ways: Vec<_> = bound
        .routes()
        .map(|route| (route.addrs[0], route.upstream.to_string()))
        .collect();
    assert_eq!(ways[1].1, url(1));
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(bound.run(async {
        let _ = stopped.await;
    }));

    let (head, body) = within(get(admin, "/healthz")).await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert_eq!(body, "recording\n");
    let mut open = Vec::new();
    for ((addr, _), backend) in ways.iter().zip(&backends) {
        let mut client = TcpStream::connect(addr).await.unwrap();
        client.write_all(UPGRADE).await.unwrap();
        let (mut server, _) = within(backend.accept()).await.unwrap();
        expect(&mut server, UPGRADE).await;
        server.write_all(SWITCH).await.unwrap();
        expect(&mut client, SWITCH).await;
        client.write_all(&masked(0xB1, b"hello")).await.unwrap();
        expect(&mut server, &masked(0xB1, b"hello")).await;
        open.push((client, server));
    }
    let samples = within(async {
        loop {
            let (head, body) = get(admin, "/metrics").await;
            assert!(head.contains("text/plain; version=0.0.4"), "{head}");
            let samples = parse(&body);
            if samples["wsaudit_recorded_frames_total"] == "2" {
                break samples;
            }
        }
    })
    .await;
    for (name, value) in [
        ("wsaudit_clients", "2"),
        ("wsaudit_clients_total", "2"),
        ("wsaudit_established_total", "2"),
        ("wsaudit_frames_total{direction=\"client-to-server\"}", "2"),
        ("wsaudit_frames_total{direction=\"server-to-client\"}", "0"),
        ("wsaudit_recorder_up", "1"),
        ("wsaudit_gaps_total", "0"),
    ] {
        assert_eq!(samples[name], value, "{name}");
    }
    assert!(
        samples
            .keys()
            .any(|name| name.starts_with("wsaudit_anomalies_total{code="))
    );
    assert_eq!(live.figures().clients, 2);
    assert!(
        within(get(admin, "/other"))
            .await
            .0
            .starts_with("HTTP/1.1 404")
    );
    let (head, _) = within(ask(admin, "POST", "/metrics")).await;
    assert!(head.starts_with("HTTP/1.1 405"), "{head}");
    assert!(head.contains("\r\nallow: GET, HEAD"), "{head}");

    drop(open);
    stop.send(()).unwrap();
    within(running).await.unwrap();
    assert!(
        TcpStream::connect(admin).await.is_err(),
        "the port is closed"
    );
    let connections = Reader::open(&path).unwrap().connections().unwrap();
    let upstreams: Vec<_> = connections
        .into_iter()
        .map(|it| it.opened.upstream)
        .collect();
    assert_eq!(upstreams, [url(0), url(1)]);
}

#[tokio::test]
async fn the_admin_port_is_for_this_machine() {
    let mut config = config("http://127.0.0.1:1");
    config.admin = Some("0.0.0.0:0".parse().unwrap());
    let dir = TempDir::new().unwrap();
    let writer = Writer::create(dir.path().join("t.db"), WriterOptions::default()).unwrap();
    let error = Proxy::bind(config, writer).await.err().expect("refused");
    assert!(matches!(error, BindError::AdminNotLoopback { .. }));
}
