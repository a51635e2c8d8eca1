//! No secret reaches the disk, the logs or the metrics: everything that may carry one is sent through a
//! real recorder, and every file is searched for every secret, in every form.
//!
//! The same search finds the secrets of payloads where nobody asked for their redaction, and what was
//! deleted: it can fail.

mod search;
mod server;
mod slices;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::Connection as Sqlite;
use tempfile::tempdir;
use wsaudit_recording::{PartNames, Payloads, Reader};

use super::completeness::{disk::Change, strace};
use super::harness::{DEADLINE, Recorder, has, run};
use search::{Texts, files, found, holds};
use server::{server, server_that_tells};
use traffic::{CREDENTIALS, HeldOpen, PAYLOADS, connections, fill, send};

const REDACT: [&str; 4] = ["--redact", "/token", "--redact", r#"/pin=([^ "&]+)/"#];

/// What else may write a secret.
const MORE: [&str; 14] = [
    "--admin",
    "127.0.0.1:0",
    "--session",
    "cookie:sid",
    "--user",
    "message:/token",
    "--device",
    "set-cookie:sid",
    "--max-recorded-payload",
    "1KiB",
    "--record-http",
    "/login",
    "--record-http",
    "/form",
];

/// The redaction key, as its file has it: a secret, too.
const KEY: &str = "S3cr3t:redaction:key:of:32:bytes:Zq9";

fn binary() -> &'static Path {
    assert_cmd::cargo::cargo_bin!("wsaudit")
}

/// The recorder, which logs all that it can log.
fn loud() -> Command {
    let mut command = Command::new("env");
    command.arg("WSAUDIT_LOG=trace").arg(binary());
    command
}

fn start(command: Command, upstream: &str, out: &Path, flags: &[&str]) -> Recorder {
    let more = [&MORE[..], flags].concat();
    Recorder::start_with(command, upstream, out, &more)
}

/// The flags for [`KEY`], in a file that is not searched.
fn key_file(directory: &Path) -> [String; 2] {
    let path = directory.join("redaction.key");
    std::fs::write(&path, KEY).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let path = path.to_str().unwrap().to_owned();
    ["--redaction-key-file".into(), path]
}

fn metrics(recorder: &mut Recorder) -> Vec<u8> {
    let line = recorder.wait_for_line("serving /metrics");
    let address = line.rsplit("http://").next().unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    socket
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut text = Vec::new();
    socket.read_to_end(&mut text).unwrap();
    assert!(
        holds(&text, b"wsaudit_frames_total"),
        "these are the metrics"
    );
    text
}

/// The recordings, or their parts, in a directory.
fn recordings(directory: &Path) -> Vec<PathBuf> {
    let paths = files(directory).into_iter().map(|(path, _)| path);
    paths
        .filter(|path| path.extension().is_some_and(|it| it == "db"))
        .collect()
}

/// Waits until so many connections, and what came before their ends, are in the recordings.
fn wait_for(directory: &Path, expected: usize) {
    let started = Instant::now();
    loop {
        let mut closed = BTreeSet::new();
        for path in recordings(directory) {
            // It may be without tables yet.
            let reader = Reader::open(&path).ok();
            let connections = reader.and_then(|reader| reader.connections().ok());
            let ended = connections.unwrap_or_default().into_iter();
            closed.extend(
                ended
                    .filter(|it| it.closed.is_some())
                    .map(|it| it.opened.id),
            );
        }
        if closed.len() >= expected {
            return;
        }
        let late = started.elapsed() > DEADLINE;
        assert!(!late, "{} of {expected} were recorded", closed.len());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn no_secret_is_in_any_file_while_it_records_after_its_end_or_after_a_kill() {
    let upstream = server();
    let all = [CREDENTIALS, PAYLOADS, &[KEY]].concat();
    for killed in [false, true] {
        let (directory, elsewhere) = (tempdir().unwrap(), tempdir().unwrap());
        let out = directory.path().join("traffic.db");
        let key = key_file(elsewhere.path());
        let flags = [&REDACT[..], &[&key[0], &key[1]]].concat();
        let mut recorder = start(loud(), &upstream, &out, &flags);
        let sent = send(recorder.address());
        wait_for(directory.path(), connections());
        let metrics = metrics(&mut recorder);
        let mut texts = files(directory.path());
        let names: Vec<_> = texts.iter().map(|(path, _)| path.clone()).collect();
        assert!(names.iter().any(|path| path.ends_with("traffic.db-wal")));
        let ended = if killed {
            recorder.kill()
        } else {
            recorder.stop()
        };
        texts.extend(files(directory.path()));
        assert!(holds(&metrics, b"wsaudit_withheld_messages_total "));
        assert!(!holds(&metrics, b"wsaudit_withheld_messages_total 0\n"));
        if !killed {
            has(&ended.stdout, &["withheld", "--redact could not look at"]);
        }
        has(
            &ended.stderr,
            &["WARN", "could not look at a message", "DEBUG"],
        );
        texts.push(("metrics".into(), metrics));
        texts.push(("stdout".into(), ended.stdout.into_bytes()));
        texts.push(("stderr".into(), ended.stderr.into_bytes()));
        assert_eq!(found(&all, &sent, &texts), BTreeSet::new());
        // What is no secret is there.
        assert!(texts.iter().any(|(_, text)| holds(text, b"in the clear")));
        let reader = Reader::open(&out).unwrap();
        let connections = reader.connections().unwrap();
        assert!(
            connections
                .iter()
                .all(|it| it.opened.payloads == Payloads::Redacted)
        );
        assert_eq!(found(&all, &sent, &outputs(&out)), BTreeSet::new());
    }
}

/// What commands print about a redacted recording.
fn outputs(out: &Path) -> Texts {
    let shown = run(["show".as_ref(), out.as_os_str()]).ends_with(0);
    has(&shown.stdout, &["payloads are redacted", "/token", "/pin="]);
    let of_one = |number: &str| {
        let connection = ["--connection".as_ref(), number.as_ref()];
        let args = ["show".as_ref(), out.as_os_str()].into_iter();
        run(args.chain(connection)).ends_with(0).stdout
    };
    let mut texts: Texts = vec![("show".into(), shown.stdout.into_bytes())];
    let all = Reader::open(out).unwrap().connections().unwrap();
    let frames: String = all.iter().map(|it| of_one(&it.id.0.to_string())).collect();
    has(&frames, &["(withheld: it is no", "redacted-"]);
    texts.push(("show --connection".into(), frames.into_bytes()));
    for format in ["text", "json", "junit", "sarif", "markdown", "github"] {
        let args = ["verify", "-v", "--format", format].map(AsRef::as_ref);
        let verified = run(args.into_iter().chain([out.as_os_str()]));
        if format == "text" {
            has(&verified.stdout, &["withheld by redaction: it is no UTF-8"]);
        }
        texts.push((format.into(), verified.stdout.into_bytes()));
        texts.push((format.into(), verified.stderr.into_bytes()));
    }
    let rules = run(["rules".as_ref(), "new".as_ref(), out.as_os_str()]);
    texts.push(("rules new".into(), rules.stdout.into_bytes()));
    // The first numbers are those of exchanges.
    let exchange = ["show".as_ref(), out.as_os_str()].into_iter();
    let none = run(exchange.chain(["--connection".as_ref(), "1".as_ref()])).ends_with(2);
    has(
        none.error(),
        &["no connection 1, which is a plain HTTP exchange; there are 9"],
    );
    texts
}

/// A cut copies what is open into the next part, so these rows are written more than once, and the part
/// has another name while that is done. What was ever written is looked at, not only what is left.
#[test]
fn no_secret_is_in_any_part_nor_in_any_byte_that_was_ever_written_to_one() {
    let upstream = server();
    let (directory, elsewhere) = (tempdir().unwrap(), tempdir().unwrap());
    let log = elsewhere.path().join("calls");
    let out = directory.path().join("traffic.db");
    let key = key_file(elsewhere.path());
    let flags = [&REDACT[..], &["--rotate", "1MiB", &key[0], &key[1]]].concat();
    let traced = strace::strace(&log, binary());
    let is_traced = traced.is_some();
    let recorder = start(traced.unwrap_or_else(loud), &upstream, &out, &flags);

    let (sent, held) = (send(recorder.address()), HeldOpen::open(recorder.address()));
    let mut texts = Texts::new();
    for part in [2, 3] {
        let next = PartNames::of(&out).path(part);
        let started = Instant::now();
        while !next.exists() {
            assert!(started.elapsed() < DEADLINE, "no part {part}");
            fill(recorder.address());
        }
        texts.extend(files(directory.path()));
        send(recorder.address());
    }
    held.finish();
    wait_for(directory.path(), 3 * connections() + 1);
    texts.extend(files(directory.path()));
    let ended = recorder.stop().with_code(0);
    texts.extend(files(directory.path()));
    texts.push(("stdout".into(), ended.stdout.into_bytes()));
    texts.push(("stderr".into(), ended.stderr.into_bytes()));
    // The connection that was open when they were begun is in each part, without what it presented. A slow writer may
    // begin a further one after that.
    for part in [1, 2, 3].map(|part| PartNames::of(&out).path(part)) {
        let connections = Reader::open(&part).unwrap().connections().unwrap();
        let held = connections
            .iter()
            .filter(|it| holds(&it.opened.request_head, b"GET /held"));
        assert_eq!(held.count(), 1, "{}", part.display());
    }
    if is_traced {
        let calls = std::fs::read(&log).unwrap();
        let mut written: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for event in strace::events(&calls, directory.path()) {
            if let strace::Event::Changing { file, change } = event
                && let Change::Write { bytes, .. } = change
            {
                written.entry(file).or_default().extend(bytes);
            }
        }
        let has_file = |name| written.contains_key(name);
        assert!(has_file("traffic-000002.db.new") && has_file("traffic-000002.db-wal"));
        texts.extend(written.into_iter().map(|(name, all)| (name.into(), all)));
    }
    let all = [CREDENTIALS, PAYLOADS, &[KEY]].concat();
    assert_eq!(found(&all, &sent, &texts), BTreeSet::new());
    assert!(texts.iter().any(|(_, text)| holds(text, b"in the clear")));
}

#[test]
fn without_being_asked_for_only_credentials_are_replaced_and_the_search_finds_the_rest() {
    let upstream = server();
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let recorder = start(loud(), &upstream, &out, &[]);
    let sent = send(recorder.address());
    let ended = recorder.stop().with_code(0);
    let mut texts = files(directory.path());
    texts.push(("stdout".into(), ended.stdout.into_bytes()));
    texts.push(("stderr".into(), ended.stderr.into_bytes()));
    assert_eq!(found(CREDENTIALS, &sent, &texts), BTreeSet::new());
    for secret in PAYLOADS {
        assert_ne!(found(&[secret], &sent, &texts), BTreeSet::new(), "{secret}");
    }
}

/// Pages that no table has any more are searched like all others.
#[test]
fn what_was_deleted_is_found() {
    let upstream = server();
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let recorder = start(loud(), &upstream, &out, &REDACT);
    let sent = send(recorder.address());
    recorder.stop().with_code(0);
    let secret = &PAYLOADS[..1];
    assert_eq!(
        found(secret, &sent, &files(directory.path())),
        BTreeSet::new()
    );

    let sqlite = Sqlite::open(&out).unwrap();
    let planted = secret[0].repeat(1_000);
    sqlite
        .execute_batch("PRAGMA secure_delete = OFF; CREATE TABLE planted (secret);")
        .unwrap();
    sqlite
        .execute("INSERT INTO planted VALUES (?)", [&planted])
        .unwrap();
    sqlite.execute_batch("DROP TABLE planted;").unwrap();
    let free: u32 = sqlite
        .query_row("PRAGMA freelist_count", [], |row| row.get(0))
        .unwrap();
    assert!(free > 0);
    drop(sqlite);
    assert_ne!(
        found(secret, &sent, &files(directory.path())),
        BTreeSet::new()
    );
}

/// What passes is the same, asked for or not.
#[test]
fn forwarding_is_unchanged() {
    let directory = tempdir().unwrap();
    let received = |name: &str, redact: &[&str]| {
        let (upstream, received) = server_that_tells();
        let out = directory.path().join(name);
        let recorder = start(Command::new(binary()), &upstream, &out, redact);
        let sent = send(recorder.address());
        recorder.stop();
        let mut received = received.lock().unwrap().clone();
        received.sort();
        (received, sent.answers)
    };
    let (plain, redacted) = (received("a.db", &[]), received("b.db", &REDACT));
    assert!(!plain.0.is_empty() && !plain.1.is_empty());
    assert_eq!(plain, redacted);
}

#[test]
fn one_recording_has_one_key_where_payloads_are_redacted() {
    let upstream = server();
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let record = |out: &Path| {
        let recorder = start(Command::new(binary()), &upstream, out, &REDACT);
        send(recorder.address());
        recorder.stop().with_code(0);
    };
    record(&out);
    let flags = [
        "record",
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        &upstream,
        "--append",
    ];
    let mut again: Vec<_> = flags.iter().map(std::ffi::OsString::from).collect();
    again.extend(["--out".into(), out.clone().into_os_string()]);
    again.extend(REDACT.iter().map(std::ffi::OsString::from));
    let refused = run(again).ends_with(2);
    has(
        refused.error(),
        &["one value would have two tokens", "--redaction-key-file"],
    );

    let other = directory.path().join("other.db");
    record(&other);
    let verified = run(["verify".as_ref(), out.as_os_str(), other.as_os_str()]).ends_with(2);
    has(verified.error(), &["2 redaction keys", "verify each alone"]);
}

#[test]
fn a_rule_that_is_none_is_refused_with_what_to_write() {
    for (rule, says) in [
        ("token", "write `/token` for a JSON Pointer"),
        ("/user/token/", "leave out the last `/`"),
        ("/token/", "write `/token` for the JSON Pointer"),
        ("/(/", "does not compile"),
    ] {
        let flags = [
            "record",
            "--listen",
            "127.0.0.1:0",
            "--upstream",
            "http://127.0.0.1:9",
        ];
        let ran = run([&flags[..], &["--out", "unused.db", "--redact", rule]].concat());
        assert_eq!(ran.code, 2);
        has(&ran.stderr, &[says]);
    }
    let directory = tempdir().unwrap();
    let file = directory.path().join("wsaudit.toml");
    std::fs::write(&file, "redact = [\"/a\",\n  \"token\"]\n").unwrap();
    let ran = run(["record".as_ref(), "--config".as_ref(), file.as_os_str()]).ends_with(2);
    has(ran.error(), &["wsaudit.toml:2:3:", "write `/token`"]);
}
