//! A server that puts secrets into everything that it answers.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use flate2::write::GzEncoder;
use flate2::{Compress, Compression};

use super::traffic::deflate;

/// The secret in what the server compresses.
pub(super) const SERVER_DEFLATED: &str = "S3cr3t-serverdeflated-Zq9";

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Set-Cookie: sid=S3cr3t-switched-Zq9; HttpOnly\r\n";

/// What each connection of a server received.
type Received = Arc<Mutex<Vec<Vec<u8>>>>;

pub(super) fn server() -> String {
    server_that_tells().0
}

/// A server that answers by path, and keeps what it receives.
pub(super) fn server_that_tells() -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let received = Received::default();
    let all = Arc::clone(&received);
    thread::spawn(move || {
        for socket in listener.incoming() {
            let all = Arc::clone(&all);
            thread::spawn(move || {
                let got = serve(socket.unwrap());
                if !got.is_empty() {
                    all.lock().unwrap().push(got);
                }
            });
        }
    });
    (url, received)
}

/// Answers by path, and keeps reading up to the end of what the client sends.
fn serve(mut socket: TcpStream) -> Vec<u8> {
    let mut got = Vec::new();
    let mut buffer = [0; 4096];
    while !got.windows(4).any(|window| window == b"\r\n\r\n") {
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => return got,
            Ok(read) => got.extend_from_slice(&buffer[..read]),
        }
    }
    if got.starts_with(b"GET /dropped") {
        return got;
    }
    socket.write_all(&answer(&got)).unwrap();
    while let Ok(read) = socket.read(&mut buffer) {
        if read == 0 {
            break;
        }
        got.extend_from_slice(&buffer[..read]);
    }
    got
}

fn answer(request: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(request);
    let with_body = |fields: &str, body: &[u8]| {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n{fields}\r\n"
        );
        [head.as_bytes(), body].concat()
    };
    if text.starts_with("GET /refused") {
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\
          Set-Cookie: sid=S3cr3t-refused-Zq9\r\n\
          Location: https://h/callback#access_token=S3cr3t-location-Zq9\r\n\
          X-Auth-Token: S3cr3t-issued-Zq9\r\n\r\n"
            .to_vec()
    } else if text.starts_with("GET /tunnel") {
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n\
          {\"token\":\"S3cr3t-tunnel-Zq9\"}"
            .to_vec()
    } else if text.contains("/login/chunked") {
        with_body(
            "Content-Encoding: gzip\r\nSet-Cookie: sid=S3cr3t-plain-http-Zq9\r\n",
            &gzipped(),
        )
    } else if text.starts_with("POST") {
        with_body(
            "Set-Cookie: sid=S3cr3t-plain-http-Zq9\r\n",
            br#"{"token":"S3cr3t-answer-Zq9"}"#,
        )
    } else if text.starts_with("GET /deflate") {
        let head = format!("{SWITCHED}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
        let [first, last] = server_deflated();
        [head.as_bytes(), &frame(0x41, &first), &frame(0x80, &last)].concat()
    } else if text.starts_with("GET /echoed") {
        let offers = text.split("Sec-WebSocket-Protocol: ").nth(1).unwrap();
        let chosen = offers
            .split(['\r', ' '])
            .find(|offer| offer.contains("S3cr3t"));
        format!(
            "{SWITCHED}Sec-WebSocket-Protocol: {}\r\n\r\n",
            chosen.unwrap()
        )
        .into_bytes()
    } else {
        let message = frame(0x81, br#"{"token":"S3cr3t-server-Zq9"}"#);
        [SWITCHED.as_bytes(), b"\r\n", &message].concat()
    }
}

fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[first_byte, length], payload].concat()
}

/// A compressed message of the server, in two fragments.
pub(super) fn server_deflated() -> [Vec<u8>; 2] {
    let message = format!(r#"{{"token":"{SERVER_DEFLATED}"}}"#);
    let mut window = Compress::new(Compression::default(), false);
    let whole = deflate(&mut window, message.as_bytes());
    let (first, last) = whole.split_at(whole.len() / 2);
    [first.to_vec(), last.to_vec()]
}

/// The body of an answer.
pub(super) fn gzipped() -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(br#"{"token":"S3cr3t-gzip-Zq9"}"#).unwrap();
    gzip.finish().unwrap()
}
