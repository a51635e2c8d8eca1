//! How far long work is: told where standard error is a terminal, and nowhere else.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use tempfile::tempdir;

use crate::harness::{DEADLINE, Recorder, run};
use crate::terminal::Terminal;

const UPGRADE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: example\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// `{"type":"tick"}`, masked with zeros.
const MESSAGE: &[u8] = b"\x81\x8F\0\0\0\0{\"type\":\"tick\"}";

/// A recording of so many messages.
fn record(out: &Path, messages: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let recorder = Recorder::start(&upstream, out, &[]);
    let server = thread::spawn(move || {
        loop {
            let (mut server, _) = listener.accept().unwrap();
            server.set_read_timeout(Some(DEADLINE)).unwrap();
            // At its start, the recorder connects to look whether somebody listens, and says nothing.
            if server.read_exact(&mut vec![0; UPGRADE.len()]).is_ok() {
                server.write_all(SWITCH).unwrap();
                return std::io::copy(&mut server, &mut std::io::sink()).unwrap();
            }
        }
    });
    let mut client = TcpStream::connect(recorder.address()).unwrap();
    client.write_all(UPGRADE).unwrap();
    client.read_exact(&mut vec![0; SWITCH.len()]).unwrap();
    client.write_all(&MESSAGE.repeat(messages)).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let received = server.join().unwrap();
    assert_eq!(received, (MESSAGE.len() * messages) as u64);
    recorder.stop().with_code(0);
}

#[test]
fn long_verifying_is_told_on_a_terminal_and_nowhere_else() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let mut messages = 40_000;
    // What takes no time on this machine is done without a bar: then there is more of it.
    let shown = loop {
        record(&out, messages);
        let args = format!("verify --rules protocol --threads 1 '{}'", out.display());
        let (code, shown) = Terminal::run(&args).ends();
        assert_eq!(code, Some(0), "{shown}");
        if shown.contains("verifying ") {
            break shown;
        }
        std::fs::remove_file(&out).unwrap();
        messages *= 2;
        assert!(messages < 10_000_000, "no progress is told:\n{shown}");
    };
    let (_, told) = shown.split_once("verifying ").unwrap();
    assert!(told.contains(" messages, "), "{told}");
    // It is taken away, and the report is what is left.
    let (_, left) = shown.rsplit_once("\u{1b}[2K").unwrap();
    assert!(left.contains("verdict: clean"), "{left}");
    assert!(!left.contains("verifying "), "{left}");

    // As much work, and nobody watches.
    let piped = run([
        "verify".as_ref(),
        "--rules".as_ref(),
        "protocol".as_ref(),
        "--threads".as_ref(),
        "1".as_ref(),
        out.as_os_str(),
    ]);
    let piped = piped.ends_with(0);
    assert_eq!(piped.stderr, "");
    assert!(piped.stdout.contains("verdict: clean") && !piped.stdout.contains('\u{1b}'));
    // Also where only the report goes elsewhere, and a terminal is there: the bar is on standard error.
    let report = directory.path().join("report");
    let args = format!(
        "verify --rules protocol --threads 1 '{}' > '{}'",
        out.display(),
        report.display()
    );
    let (code, shown) = Terminal::run(&args).ends();
    assert_eq!(code, Some(0), "{shown}");
    let text = std::fs::read_to_string(&report).unwrap();
    assert_eq!(text, piped.stdout);
    let errors = directory.path().join("errors");
    let args = format!(
        "verify --rules protocol --threads 1 '{}' 2> '{}'",
        out.display(),
        errors.display()
    );
    let (code, shown) = Terminal::run(&args).ends();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("verifying "), "{shown}");
    assert_eq!(std::fs::read_to_string(&errors).unwrap(), "");
}
