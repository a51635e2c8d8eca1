//! What the recorder promises of transparency, and the tests that hold it.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use tempfile::tempdir;

use crate::completeness::strace;
use crate::harness::{DEADLINE, Recorder};

const UPGRADE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: example\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// `a/b.rs::name` where it stands between back ticks.
pub(crate) fn named_tests(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|code| {
        let (file, name) = code.split_once("::")?;
        file.strip_suffix(".rs").map(|_| (file, name))
    })
}

#[test]
fn every_row_of_the_transparency_page_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/transparency.md")).unwrap();
    let mut rows = 0;
    let lines = page.lines().filter(|line| line.starts_with("| "));
    for line in lines.filter(|line| !line.starts_with("| what") && !line.starts_with("|-")) {
        assert!(named_tests(line).count() > 0, "no test is named in: {line}");
        rows += 1;
    }
    assert!(rows >= 30, "{rows} rows are not the whole table");
    let mut seen = BTreeSet::new();
    for (file, name) in named_tests(&page) {
        let source = std::fs::read_to_string(root.join(file))
            .unwrap_or_else(|error| panic!("{file}, named for {name}: {error}"));
        let at = source
            .find(&format!("fn {name}("))
            .unwrap_or_else(|| panic!("{file} has no {name}"));
        let before = source[..at].trim_end();
        let attributes = &before[before.rfind("\n\n").unwrap_or(0)..];
        let is_test = attributes.contains("#[test]") || attributes.contains("#[tokio::test");
        assert!(is_test, "{name} in {file} is no test");
        let is_run = !attributes.contains("#[ignore") || name.starts_with("long_");
        assert!(is_run, "{name} in {file} is not run");
        seen.insert((file, name));
    }
    assert!(seen.len() >= rows, "{} tests for {rows} rows", seen.len());
}

/// The sizes of the reads from a socket, and of the writes to another, in order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sizes {
    read: Vec<usize>,
    written: Vec<usize>,
}

#[test]
fn each_read_is_one_write_and_no_socket_coalesces() {
    let directory = tempdir().unwrap();
    let log = directory.path().join("calls");
    let program = assert_cmd::cargo::cargo_bin!("wsaudit");
    let Some(command) = strace::sockets(&log, program) else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let out = directory.path().join("traffic.db");
    let recorder = Recorder::start_with(command, &upstream, &out, &[]);
    let mut client = TcpStream::connect(recorder.address()).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    client.set_nodelay(true).unwrap();
    let expect = |socket: &mut TcpStream, length: usize| {
        socket.read_exact(&mut vec![0; length]).unwrap();
    };
    client.write_all(UPGRADE).unwrap();
    let mut server = loop {
        let (mut server, _) = listener.accept().unwrap();
        server.set_read_timeout(Some(DEADLINE)).unwrap();
        // At its start, the recorder connects to look whether somebody listens, and says nothing.
        if server.read_exact(&mut vec![0; UPGRADE.len()]).is_ok() {
            break server;
        }
    };
    server.write_all(SWITCH).unwrap();
    expect(&mut client, SWITCH.len());
    // Halves of frames, one frame, three frames at once: lengths that nothing else here has.
    let mut sizes = Vec::new();
    let three = [0x82, 0x7E, 0x02, 0x00].into_iter();
    let frame: Vec<u8> = three.chain([b'x'; 512]).collect();
    for portion in [&frame[..101], &frame[101..], &frame, &frame.repeat(3)] {
        server.write_all(portion).unwrap();
        expect(&mut client, portion.len());
        sizes.push(portion.len());
    }
    drop((client, server));
    recorder.stop().with_code(0);

    let calls = std::fs::read_to_string(&log).unwrap();
    let mut nodelay = BTreeSet::new();
    let mut found = Sizes::default();
    for line in calls.lines() {
        let Some((call, rest)) = line.split_once('(') else {
            continue;
        };
        let socket = rest.split(['<', '>']).nth(1).unwrap_or_default();
        if !socket.contains("socket:") && !socket.contains("TCP") {
            continue;
        }
        if line.contains("TCP_NODELAY, [1]") {
            nodelay.insert(socket.to_owned());
        }
        let count = line.rsplit_once(" = ").and_then(|(_, n)| n.parse().ok());
        let Some(count) = count.filter(|count| sizes.contains(count)) else {
            continue;
        };
        match call.split_whitespace().last().unwrap_or_default() {
            "recvfrom" | "read" | "readv" | "recvmsg" => found.read.push(count),
            _ => found.written.push(count),
        }
    }
    assert_eq!(nodelay.len(), 2, "a client's leg and an upstream's");
    let expected = Sizes {
        read: sizes.clone(),
        written: sizes,
    };
    assert_eq!(found, expected);
}
