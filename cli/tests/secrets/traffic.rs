//! Traffic with a secret in everything that may carry one, and a server for it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flate2::{Compress, Compression, FlushCompress};

/// Secrets that are replaced always.
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
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Set-Cookie: sid=S3cr3t-switched-Zq9; HttpOnly\r\n";

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
    5
}

/// Sends everything, and waits until each connection has ended.
pub(super) fn send(address: &str) -> Sent {
    let mut sent = Sent::default();
    let jwt = "eyJhbGciOiJub25lIn0.eyJ4IjoxfQ";
    let mut plain = client(
        address,
        "/ws?access_token=S3cr3t-query-Zq9",
        &format!(
            "Authorization: Bearer S3cr3t-bearer-Zq9\r\n\
             Cookie: sid=S3cr3t-cookie-Zq9\r\n\
             Sec-WebSocket-Protocol: chat, bearer, S3cr3t-subprotocol-Zq9\r\n\
             Referer: https://user:S3cr3t-userinfo-Zq9@h/\r\n\
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
        sent.forms.push(("S3cr3t-deflated-Zq9", payload));
    }
    let broken = b"\xFF{\"token\":\"S3cr3t-brokendeflate-Zq9\"}";
    deflated.write_all(&frame(0xC1, broken)).unwrap();
    finish(deflated, &mut sent);

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

    let refused = client(address, "/refused", "");
    finish(refused, &mut sent);
    let mut http = TcpStream::connect(address).unwrap();
    let body = r#"{"token":"S3cr3t-body-Zq9"}"#;
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    http.write_all(head.as_bytes()).unwrap();
    finish(http, &mut sent);
    sent
}

fn plain_messages(socket: &mut TcpStream, sent: &mut Sent) {
    let mut long = br#"{"text":""#.to_vec();
    long.resize(1010, b'x');
    // The limit of what is recorded is in the midst of the secret.
    long.extend_from_slice(br#"","token":"S3cr3t-truncated-Zq9"}"#);
    sent.forms
        .push(("S3cr3t-truncated-Zq9", b"\"token\":\"S".to_vec()));
    sent.forms
        .push(("S3cr3t-fragments-Zq9", br#"{"token":"S3cr3t-frag"#.to_vec()));
    sent.forms
        .push(("S3cr3t-fragments-Zq9", br#"ments-Zq9"}"#.to_vec()));
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

/// A message as permessage-deflate sends it (RFC 7692, section 7.2.1).
fn deflate(window: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    window
        .compress_vec(message, &mut out, FlushCompress::Sync)
        .unwrap();
    out.truncate(out.len() - 4);
    out
}

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

fn serve(mut socket: TcpStream) -> Vec<u8> {
    let mut got = Vec::new();
    let mut buffer = [0; 4096];
    while !got.windows(4).any(|window| window == b"\r\n\r\n") {
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => return got,
            Ok(read) => got.extend_from_slice(&buffer[..read]),
        }
    }
    let body = br#"{"token":"S3cr3t-answer-Zq9"}"#;
    let answer = if got.starts_with(b"GET /refused") {
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\
          Set-Cookie: sid=S3cr3t-refused-Zq9\r\n\r\n"
            .to_vec()
    } else if got.starts_with(b"POST") {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\
             Set-Cookie: sid=S3cr3t-plain-http-Zq9\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    } else if got.starts_with(b"GET /deflate") {
        format!("{SWITCHED}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n").into_bytes()
    } else {
        let message = br#"{"token":"S3cr3t-server-Zq9"}"#;
        let frame = [&[0x81, u8::try_from(message.len()).unwrap()][..], message].concat();
        [SWITCHED.as_bytes(), b"\r\n", &frame].concat()
    };
    socket.write_all(&answer).unwrap();
    // Up to the end of what the client sends.
    while let Ok(read) = socket.read(&mut buffer) {
        if read == 0 {
            break;
        }
        got.extend_from_slice(&buffer[..read]);
    }
    got
}
