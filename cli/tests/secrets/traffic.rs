//! Traffic with a secret in everything that may carry one.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use flate2::{Compress, Compression, FlushCompress};

use super::server::{SERVER_DEFLATED, gzipped, server_deflated};

/// Secrets that are never kept: they are replaced, or stand in what is not recorded.
pub(super) const CREDENTIALS: &[&str] = &[
    "S3cr3t-basic-Zq9",
    "S3cr3t-bearer-Zq9",
    "S3cr3t-cookie-Zq9",
    "S3cr3t-query-Zq9",
    "S3cr3t-userinfo-Zq9",
    "S3cr3t-subprotocol-Zq9",
    "S3cr3t-jwt-Zq9",
    "S3cr3t-encodedjwt-Zq9",
    "S3cr3t-switched-Zq9",
    "S3cr3t-refused-Zq9",
    "S3cr3t-plain-http-Zq9",
    "S3cr3t-echoed-Zq9",
    "S3cr3t-glued-Zq9",
    "S3cr3t-apikey-Zq9",
    "S3cr3t-location-Zq9",
    "S3cr3t-issued-Zq9",
    "S3cr3t-absolute-Zq9",
    "S3cr3t-httpquery-Zq9",
    "S3cr3t-httpbearer-Zq9",
    "S3cr3t-dropped-Zq9",
    "S3cr3t-malformed-Zq9",
    "S3cr3t-longhead-Zq9",
    "S3cr3t-unchosen-Zq9",
    "S3cr3t-tunnel-Zq9",
];

/// Secrets in payloads.
pub(super) const PAYLOADS: &[&str] = &[
    "S3cr3t-text-Zq9",
    "S3cr3t-escaped-Zq9",
    "S3cr3t-expression-Zq9",
    "S3cr3t-fragments-Zq9",
    "S3cr3t-binary-Zq9",
    "S3cr3t-nojson-Zq9",
    "S3cr3t-noutf8-Zq9",
    "S3cr3t-segments-Zq9",
    "S3cr3t-truncated-Zq9",
    "S3cr3t-ping-Zq9",
    "S3cr3t-pong-Zq9",
    "S3cr3t-reserved-Zq9",
    "S3cr3t-continuation-Zq9",
    "S3cr3t-closereason-Zq9",
    "S3cr3t-server-Zq9",
    "S3cr3t-deflated-Zq9",
    "S3cr3t-brokendeflate-Zq9",
    "S3cr3t-unfinished-Zq9",
    "S3cr3t-cutoff-Zq9",
    "S3cr3t-body-Zq9",
    "S3cr3t-answer-Zq9",
    "S3cr3t-form-Zq9",
    "S3cr3t-gzip-Zq9",
    "S3cr3t-chunked-Zq9",
    SERVER_DEFLATED,
];

/// What was sent, beside the secrets as they are.
#[derive(Default)]
pub(super) struct Sent {
    /// Forms of a secret that only this traffic knows.
    forms: Vec<(&'static str, Vec<u8>)>,
    /// What the clients received.
    pub(super) answers: Vec<Vec<u8>>,
}

impl Sent {
    pub(super) fn forms_of(&self, secret: &str) -> Vec<Vec<u8>> {
        let own = self.forms.iter().filter(|(name, _)| *name == secret);
        own.map(|(_, form)| form.clone()).collect()
    }

    /// A part of a secret that must not be anywhere either.
    fn form(&mut self, secret: &'static str, form: &[u8]) {
        self.forms.push((secret, form.to_vec()));
    }

    /// A compressed form of a secret: any piece of it.
    fn compressed(&mut self, secret: &'static str, bytes: &[u8]) {
        let length = bytes.len().min(12);
        for piece in bytes.windows(length) {
            self.form(secret, piece);
        }
    }
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A masked frame; the mask is of zeros, so that the wire shows what is sent.
fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first_byte];
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => frame.push(0x80 | length),
        _ => {
            frame.push(0xFE);
            let length = u16::try_from(payload.len()).unwrap();
            frame.extend_from_slice(&length.to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

fn client(address: &str, path: &str, fields: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{UPGRADE}{fields}\r\n");
    socket.write_all(head.as_bytes()).unwrap();
    socket
}

fn finish(mut socket: TcpStream, sent: &mut Sent) {
    socket.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    sent.answers.push(answer);
}

/// How many connections [`send`] opens that reach the recording.
pub(super) const fn connections() -> usize {
    9
}

/// Sends everything, and waits until each connection has ended.
pub(super) fn send(address: &str) -> Sent {
    let mut sent = Sent::default();
    exchanges(address, &mut sent);
    handshakes(address, &mut sent);
    let jwt = "eyJhbGciOiJub25lIn0.eyJ4IjoxfQ";
    let mut plain = client(
        address,
        "/ws?access_token=S3cr3t-query-Zq9",
        &format!(
            "Authorization: Bearer S3cr3t-bearer-Zq9\r\n\
             Cookie: sid=S3cr3t-cookie-Zq9\r\n\
             Sec-WebSocket-Protocol: chat, bearer, S3cr3t-subprotocol-Zq9\r\n\
             Referer: https://user:S3cr3t-userinfo-Zq9@h/\r\n\
             X-Api-Key: S3cr3t-apikey-Zq9\r\n\
             X-Anything: see {jwt}.S3cr3t-jwt-Zq9\r\n\
             X-Other: https://h/?x={}%2ES3cr3t-encodedjwt-Zq9\r\n",
            jwt.replace('.', "%2E")
        ),
    );
    plain_messages(&mut plain, &mut sent);
    finish(plain, &mut sent);

    let mut deflated = client(
        address,
        "/deflate",
        "Authorization: Basic dXNlcjpTM2NyM3QtYmFzaWMtWnE5\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\n",
    );
    let mut window = Compress::new(Compression::default(), false);
    for _ in 0..2 {
        // The second one refers to the first: its window is kept.
        let payload = deflate(&mut window, br#"{"token":"S3cr3t-deflated-Zq9"}"#);
        deflated.write_all(&frame(0xC1, &payload)).unwrap();
        sent.compressed("S3cr3t-deflated-Zq9", &payload);
    }
    let broken = b"\xFF{\"token\":\"S3cr3t-brokendeflate-Zq9\"}";
    deflated.write_all(&frame(0xC1, broken)).unwrap();
    finish(deflated, &mut sent);
    for fragment in server_deflated() {
        sent.compressed(SERVER_DEFLATED, &fragment);
    }

    // A frame that ends too early, and a message that does.
    let mut cut = client(address, "/ws", "");
    let whole = frame(
        0x81,
        br#"{"token":"S3cr3t-unfinished-Zq9","rest":"never comes"}"#,
    );
    cut.write_all(&whole[..whole.len() - 5]).unwrap();
    finish(cut, &mut sent);
    let mut cut = client(address, "/ws", "");
    cut.write_all(&frame(0x01, br#"{"token":"S3cr3t-cutoff-Zq9","#))
        .unwrap();
    finish(cut, &mut sent);
    sent
}

/// Opening handshakes that are refused, answered with a token, not answered, or by something else.
fn handshakes(address: &str, sent: &mut Sent) {
    finish(client(address, "/refused", ""), sent);
    for offer in ["bearer, S3cr3t-echoed-Zq9", "bearer.S3cr3t-glued-Zq9"] {
        let fields = format!("Sec-WebSocket-Protocol: {offer}\r\n");
        finish(client(address, "/echoed", &fields), sent);
    }
    finish(
        client(address, "/dropped?ticket=S3cr3t-dropped-Zq9", ""),
        sent,
    );
    // These are no opening handshakes, or none that is understood.
    let tunnel = "GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n\
        {\"token\":\"S3cr3t-tunnel-Zq9\"}";
    let malformed = "GET /ws HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\
        Content-Length: 2\r\nAuthorization: Bearer S3cr3t-malformed-Zq9\r\n\r\n";
    let long = format!(
        "GET /ws HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer S3cr3t-longhead-Zq9{}\r\n\r\n",
        "x".repeat(100_000)
    );
    for request in [tunnel, malformed, &long] {
        let mut socket = TcpStream::connect(address).unwrap();
        // An answer may come before all of it is sent.
        let _ = socket.write_all(request.as_bytes());
        let _ = socket.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
    }
}

/// Plain HTTP: `/login` and `/form` are recorded, `/unchosen` is not.
fn exchanges(address: &str, sent: &mut Sent) {
    sent.compressed("S3cr3t-gzip-Zq9", &gzipped());
    sent.form("S3cr3t-chunked-Zq9", br#"{"token":"S3cr3t-chun"#);
    for (target, fields, body) in [
        (
            "/login?token=S3cr3t-httpquery-Zq9",
            "Authorization: Bearer S3cr3t-httpbearer-Zq9\r\nContent-Length: 27\r\n",
            r#"{"token":"S3cr3t-body-Zq9"}"#,
        ),
        (
            "http://user:S3cr3t-absolute-Zq9@a/login/chunked",
            "Transfer-Encoding: chunked\r\n",
            "15\r\n{\"token\":\"S3cr3t-chun\r\n9\r\nked-Zq9\"}\r\n0\r\n\r\n",
        ),
        (
            "/form",
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 34\r\n",
            "user=anybody&token=S3cr3t-form-Zq9",
        ),
        (
            "/unchosen",
            "Content-Length: 31\r\n",
            r#"{"token":"S3cr3t-unchosen-Zq9"}"#,
        ),
    ] {
        let mut http = TcpStream::connect(address).unwrap();
        let head =
            format!("POST {target} HTTP/1.1\r\nHost: a\r\n{fields}Connection: close\r\n\r\n");
        http.write_all(&[head.as_bytes(), body.as_bytes()].concat())
            .unwrap();
        finish(http, sent);
    }
}

fn plain_messages(socket: &mut TcpStream, sent: &mut Sent) {
    let mut long = br#"{"text":""#.to_vec();
    long.resize(1010, b'x');
    // The limit of what is recorded is in the midst of the secret.
    long.extend_from_slice(br#"","token":"S3cr3t-truncated-Zq9"}"#);
    sent.form("S3cr3t-truncated-Zq9", b"\"token\":\"S");
    sent.form("S3cr3t-fragments-Zq9", br#"{"token":"S3cr3t-frag"#);
    sent.form("S3cr3t-fragments-Zq9", br#"ments-Zq9"}"#);
    let mut all = Vec::new();
    for (first_byte, payload) in [
        (0x81, &br#"{"text":"in the clear","n":1}"#[..]),
        (0x81, br#"{"token":"S3cr3t-text-Zq9"}"#),
        (0x81, br#"{"tok\u0065n":"\u0053\u0033\u0063\u0072\u0033\u0074\u002d\u0065\u0073\u0063\u0061\u0070\u0065\u0064\u002d\u005a\u0071\u0039"}"#),
        (0x81, br#"{"text":"pin=S3cr3t-expression-Zq9"}"#),
        (0x01, br#"{"token":"S3cr3t-frag"#),
        (0x89, b"S3cr3t-ping-Zq9"),
        (0x80, br#"ments-Zq9"}"#),
        (0x82, br#"{"token":"S3cr3t-binary-Zq9"}"#),
        (0x81, b"token S3cr3t-nojson-Zq9"),
        (0x81, b"{\"token\":\"S3cr3t-noutf8-Zq9\xFF\"}"),
        (0x8A, b"S3cr3t-pong-Zq9"),
        (0x83, b"S3cr3t-reserved-Zq9"),
        (0x80, b"S3cr3t-continuation-Zq9"),
        (0x81, &long),
    ] {
        all.extend(frame(first_byte, payload));
    }
    socket.write_all(&all).unwrap();
    let segments = frame(0x81, br#"{"token":"S3cr3t-segments-Zq9"}"#);
    let (first, second) = segments.split_at(segments.len() / 2);
    socket.write_all(first).unwrap();
    // Usually a segment of its own; it must not matter.
    thread::sleep(Duration::from_millis(20));
    socket.write_all(second).unwrap();
    let close = [&[0x03, 0xE8], &b"S3cr3t-closereason-Zq9"[..]].concat();
    socket.write_all(&frame(0x88, &close)).unwrap();
}

/// A connection with credentials, and a message that is half sent, for as long as a test wants.
pub(super) struct HeldOpen(TcpStream);

impl HeldOpen {
    pub(super) fn open(address: &str) -> Self {
        let mut socket = client(
            address,
            "/held?access_token=S3cr3t-query-Zq9",
            "Cookie: sid=S3cr3t-cookie-Zq9\r\nAuthorization: Bearer S3cr3t-bearer-Zq9\r\n",
        );
        let half = frame(0x01, br#"{"token":"S3cr3t-frag"#);
        socket.write_all(&half).unwrap();
        Self(socket)
    }

    pub(super) fn finish(mut self) {
        let half = frame(0x80, br#"ments-Zq9"}"#);
        self.0.write_all(&half).unwrap();
        finish(self.0, &mut Sent::default());
    }
}

/// About 300 kB of what may be kept, on a connection that is not counted: it is no secret's.
pub(super) fn fill(address: &str) {
    let mut socket = client(address, "/fill", "");
    let message = format!(r#"{{"text":"in the clear {}"}}"#, "x".repeat(900));
    let frames = frame(0x81, message.as_bytes()).repeat(300);
    socket.write_all(&frames).unwrap();
    finish(socket, &mut Sent::default());
}

/// A message as permessage-deflate sends it (RFC 7692, section 7.2.1).
pub(super) fn deflate(window: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    window
        .compress_vec(message, &mut out, FlushCompress::Sync)
        .unwrap();
    out.truncate(out.len() - 4);
    out
}
