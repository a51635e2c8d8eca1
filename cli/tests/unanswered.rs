//! What is told where the upstream does not answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use tempfile::tempdir;
use wsaudit_recording::Reader;

use super::harness::{Recorder, has};

#[test]
fn an_upstream_that_is_down_is_a_502_for_clients() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    // Bound and dropped: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut recorder = Recorder::start(&format!("http://{port}"), &out, &[]);
    let warned = recorder.wait_for_line("warning:");
    has(&warned, &["cannot be reached now", "502"]);
    has(&asked_for("/ws", recorder.address()), &["HTTP/1.1 502 "]);
    let ended = recorder.stop().with_code(0);
    has(
        &ended.stdout,
        &[
            "  unanswered   1 request, upgrades or not: 1 got a 502\n",
            "no WebSocket was established: the server gave no connection that can be used (the log says why): start it, \
             or correct --upstream, and record again\n",
        ],
    );
    let connections = Reader::open(&out).unwrap().connections().unwrap();
    assert_eq!(
        connections[0].closed.as_ref().unwrap().how.as_str(),
        "upstream-failed"
    );
}

#[test]
fn what_clients_got_where_the_upstream_did_not_answer_is_told() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let upstream = mute();
    let recorder = Recorder::start(&upstream, &out, &["--handshake-timeout", "100ms"]);
    let address = recorder.address();
    has(&asked_for("/wait", address), &["HTTP/1.1 504 "]);
    assert_eq!(asked_for("/end", address), "");
    has(
        &recorder.stop().with_code(0).stdout,
        &[
            "  unanswered   2 requests, upgrades or not: 1 got a 504, 1 got only what the server sent\n",
        ],
    );
}

/// Whoever runs a server that is slow, or ends, need not be told to start it.
#[test]
fn what_to_do_about_a_server_that_does_not_answer_fits_what_it_did() {
    let directory = tempdir().unwrap();
    let upstream = mute();
    for (path, advice) in [
        (
            "/wait",
            "did not answer in time: see whether it is stuck, or a firewall drops what goes to it; correct --upstream, \
             or raise --handshake-timeout, and record again\n",
        ),
        (
            "/end",
            "ended without an answer that is understood: see its log, or correct --upstream (perhaps it wants https), \
             and record again\n",
        ),
    ] {
        let out = directory.path().join(&path[1..]);
        let recorder = Recorder::start(&upstream, &out, &["--handshake-timeout", "100ms"]);
        asked_for(path, recorder.address());
        let ended = recorder.stop().with_code(0);
        let line = format!("no WebSocket was established: the server {advice}");
        has(&ended.stdout, &[&line]);
    }
}

/// A server that answers nothing; asked for `/end`, it ends.
fn mute() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            std::thread::spawn(move || {
                let mut client = BufReader::new(client.unwrap());
                let mut line = String::new();
                client.read_line(&mut line).unwrap();
                if line.contains("/end") {
                    // With bytes unread, it would be a reset.
                    while client.read_line(&mut line).unwrap() > 2 {}
                } else {
                    let _ = client.read_to_string(&mut line);
                }
            });
        }
    });
    url
}

/// The answer to an opening handshake, all of it.
fn asked_for(path: &str, address: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

/// The clients are not to blame where the server is not there.
#[test]
fn nobody_answered() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    // Nobody listens on a port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let recorder = Recorder::start(&upstream, &out, &[]);
    let mut client = TcpStream::connect(recorder.address()).unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let ended = recorder.stop().with_code(0);
    has(
        &ended.stdout,
        &[
            "1 connection came, and the server gave no connection that can be used (the log says why): start it",
        ],
    );
}
