//! A recorder that is killed leaves a recording that opens, and holds a prefix of each connection.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use wsaudit_recording::{
    ConnectionId, ConnectionOpened, Filter, FrameBytes, FrameRecord, Payload, Payloads, Reader,
    Record, RunId, Writer, WriterOptions,
};
use wsaudit_wire::{Direction, FrameHeader, LengthForm};

const CONNECTIONS: usize = 4;
const PATH: &str = "WSAUDIT_TEST_RECORDING";

/// Records until it is killed.
#[test]
#[ignore = "not a test: the process that the test below kills"]
fn recorder() {
    let path = env::var(PATH).expect("started by the test below");
    let writer = Writer::create(path, WriterOptions::default()).expect("created");
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| speak(&writer));
        }
        let mut reported = 0;
        loop {
            let frames = writer.stats().frames;
            if frames >= reported + 10_000 {
                reported = frames;
                println!("\ncommitted {frames}");
            }
            thread::sleep(Duration::from_millis(1));
        }
    });
}

/// One connection: each frame holds its number.
fn speak(writer: &Writer) {
    let (run, sender) = (writer.run(), writer.sender());
    let credit = sender.credit(256 << 10);
    let id = run.next_connection();
    sender.send(vec![opened(writer, id)], None);
    for number in 0_u64.. {
        let guard = credit.acquire_blocking(300);
        let mut payload = vec![b'x'; 300];
        payload[..8].copy_from_slice(&number.to_be_bytes());
        let (first_at, seq) = (run.now(), run.next_seq(1));
        let frame = FrameRecord {
            seq,
            connection: id,
            direction: Direction::ServerToClient,
            first_at,
            last_at: first_at,
            header: FrameHeader {
                first_byte: 0x82,
                masking_key: None,
                length_form: LengthForm::Bits16,
                declared_length: 300,
            },
            payload: Payload::Whole(payload),
        };
        sender.send(vec![Record::Frame(frame)], Some(guard));
    }
}

fn opened(writer: &Writer, id: ConnectionId) -> Record {
    let run = writer.run();
    Record::Opened(ConnectionOpened {
        id,
        seq: run.next_seq(1),
        at: run.now(),
        client_addr: "127.0.0.1:50000".into(),
        upstream: "http://127.0.0.1:8000".into(),
        http_version: "HTTP/1.1".into(),
        tls: None,
        request_head: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        payloads: Payloads::WireExact,
    })
}

/// How many frames each connection has; their numbers must be 0, 1, 2, and so on.
fn prefixes(reader: &Reader) -> BTreeMap<ConnectionId, u64> {
    let mut next = BTreeMap::new();
    let mut query = reader.frames(Filter::ALL).expect("prepared");
    let mut rows = query.rows().expect("begun");
    while let Some(frame) = rows.next().expect("a row") {
        let FrameBytes::Whole(payload) = frame.payload else {
            panic!("no chunks were written");
        };
        let number = u64::from_be_bytes(payload[..8].try_into().expect("eight bytes"));
        let expected = next.entry(frame.connection).or_insert(0);
        assert_eq!(number, *expected, "{:?}", frame.connection);
        *expected += 1;
    }
    next
}

fn surroundings(directory: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let entries = fs::read_dir(directory).expect("listed");
    entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let modified = entry.metadata().and_then(|known| known.modified());
            let bytes = fs::read(entry.path()).expect("read");
            (entry.path(), (bytes, modified.expect("known")))
        })
        .collect()
}

#[test]
fn every_connection_is_a_prefix_while_it_grows_and_after_it_was_killed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traffic.db");
    let mut recorder = Command::new(env::current_exe().expect("this test"))
        .args(["--exact", "recorder", "--ignored", "--nocapture"])
        .env(PATH, &path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(recorder.stdout.take().expect("piped")).lines();
    let mut wait_for_more = || {
        lines
            .find(|line| {
                line.as_ref()
                    .is_ok_and(|line| line.starts_with("committed"))
            })
            .expect("the recorder records")
            .expect("text")
    };

    wait_for_more();
    let growing = Reader::open(&path).expect("a growing recording");
    assert_eq!(growing.unclean().expect("unclean").runs, [RunId(1)]);
    let early = prefixes(&growing);
    assert!(early.values().sum::<u64>() >= 10_000);
    wait_for_more();
    recorder.kill().expect("killed");
    recorder.wait().expect("dead");

    let before = surroundings(directory.path());
    assert!(before.keys().any(|file| file.ends_with("traffic.db-wal")));
    let reader = Reader::open(&path).expect("a killed recording");
    assert_eq!(reader.unclean().expect("unclean").runs, [RunId(1)]);
    assert!(!reader.runs()[0].closed_cleanly);
    let late = prefixes(&reader);
    assert_eq!(late.len(), CONNECTIONS);
    assert_eq!(reader.connections().expect("read").len(), CONNECTIONS);
    assert!(early.iter().all(|(id, frames)| late[id] >= *frames));
    assert!(reader.gaps().expect("read").is_empty());
    reader.check().expect("sound");
    drop(reader);
    assert_eq!(surroundings(directory.path()), before);

    Writer::append(&path, WriterOptions::default())
        .expect("recovered")
        .close()
        .expect("closed");
    let reader = Reader::open(&path).expect("one file");
    assert_eq!(fs::read_dir(directory.path()).expect("listed").count(), 1);
    assert_eq!(prefixes(&reader), late);
    assert_eq!(reader.unclean().expect("still").runs, [RunId(1)]);
}
