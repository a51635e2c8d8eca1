//! No secret reaches the disk, the logs or the metrics: everything that may carry one is sent through a
//! real recorder, and every file is searched for every secret, in every form.
//!
//! The same search finds the secrets of payloads where nobody asked for their redaction: it can fail.

mod traffic;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::tempdir;
use wsaudit_recording::{Payloads, Reader};

use super::harness::{DEADLINE, Recorder, has, run};
use traffic::{CREDENTIALS, PAYLOADS, Sent, connections, send, server};

const REDACT: [&str; 4] = ["--redact", "/token", "--redact", r#"/pin=([^ "&]+)/"#];

const MORE: [&str; 8] = [
    "--admin",
    "127.0.0.1:0",
    "--user",
    "message:/token",
    "--max-recorded-payload",
    "1KiB",
    "--record-http",
    "/login",
];

/// The forms in which a secret may be written.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let mut forms = vec![secret.as_bytes().to_vec()];
    let coded = |before: &str, code: &dyn Fn(char) -> String| {
        let coded = secret.chars().map(code).collect::<String>();
        format!("{before}{coded}").into_bytes()
    };
    forms.push(coded("", &|c| format!("%{:02X}", u32::from(c))));
    forms.push(coded("", &|c| format!("\\u{:04x}", u32::from(c))));
    for before in 0..3 {
        // What stands before a secret shifts its bits; the outermost characters hold others, too.
        let text = format!("{}{secret}", "x".repeat(before));
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            let (first, last) = (before.min(1) * 4, (text.len() % 3).min(1) * 4);
            forms.push(encoded.as_bytes()[first..encoded.len() - last].to_vec());
        }
    }
    forms
}

/// Everything that the recorder has written at `out`: file, log, index of the log, journal.
fn written(out: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = ["", "-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = out.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    });
    let read = |path: PathBuf| Some((path.clone(), std::fs::read(path).ok()?));
    files.into_iter().filter_map(read).collect()
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

/// The secrets that are found, each once, with where.
fn found(secrets: &[&str], sent: &Sent, texts: &[(PathBuf, Vec<u8>)]) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for secret in secrets {
        let mut forms = forms(secret);
        // As it was deflated, and in the halves in which it was sent.
        forms.extend(sent.forms_of(secret));
        for (path, text) in texts {
            if forms.iter().any(|form| holds(text, form)) {
                found.push(((*secret).to_owned(), path.clone()));
            }
        }
    }
    found
}

/// A recorder through which everything was sent, and whose records of it are on disk.
fn recorded(out: &Path, upstream: &str, redact: &[&str]) -> (Recorder, Sent, Vec<u8>) {
    let more = [&MORE[..], redact].concat();
    let mut recorder = Recorder::start(upstream, out, &more);
    let admin = recorder.wait_for_line("serving /metrics");
    let sent = send(recorder.address());
    let started = Instant::now();
    loop {
        let connections_closed = Reader::open(out)
            .map(|reader| reader.connections().unwrap_or_default())
            .is_ok_and(|all| all.iter().filter(|it| it.closed.is_some()).count() == connections());
        if connections_closed {
            break;
        }
        assert!(started.elapsed() < DEADLINE, "not all was recorded");
        std::thread::sleep(Duration::from_millis(10));
    }
    let address = admin.rsplit("http://").next().unwrap();
    let mut metrics = TcpStream::connect(address).unwrap();
    metrics
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut text = Vec::new();
    metrics.read_to_end(&mut text).unwrap();
    assert!(
        holds(&text, b"wsaudit_frames_total"),
        "these are the metrics"
    );
    (recorder, sent, text)
}

#[test]
fn no_secret_is_in_any_file_while_it_records_after_its_end_or_after_a_kill() {
    let upstream = server();
    let directory = tempdir().unwrap();
    let all = [CREDENTIALS, PAYLOADS].concat();
    for killed in [false, true] {
        let out = directory.path().join(format!("{killed}.db"));
        let (recorder, sent, metrics) = recorded(&out, &upstream, &REDACT);
        let mut texts = written(&out);
        assert!(
            texts
                .iter()
                .any(|(path, _)| path.ends_with(format!("{killed}.db-wal")))
        );
        let ended = if killed {
            recorder.kill()
        } else {
            recorder.stop()
        };
        texts.extend(written(&out));
        assert!(holds(&metrics, b"wsaudit_withheld_messages_total "));
        assert!(!holds(&metrics, b"wsaudit_withheld_messages_total 0\n"));
        if !killed {
            has(&ended.stdout, &["withheld", "--redact could not look at"]);
        }
        has(&ended.stderr, &["WARN", "could not look at a message"]);
        texts.push(("metrics".into(), metrics));
        texts.push(("stdout".into(), ended.stdout.into_bytes()));
        texts.push(("stderr".into(), ended.stderr.into_bytes()));
        assert_eq!(found(&all, &sent, &texts), []);
        // What is no secret is there.
        assert!(texts.iter().any(|(_, text)| holds(text, b"in the clear")));
        let reader = Reader::open(&out).unwrap();
        let connections = reader.connections().unwrap();
        assert!(
            connections
                .iter()
                .all(|it| it.opened.payloads == Payloads::Redacted)
        );

        let shown = run(["show".as_ref(), out.as_os_str()]).ends_with(0);
        has(&shown.stdout, &["payloads are redacted", "/token", "/pin="]);
        let frames = run([
            "show".as_ref(),
            out.as_os_str(),
            "--connection".as_ref(),
            "1".as_ref(),
        ]);
        has(&frames.stdout, &["(withheld: it is no", "redacted-"]);
        let verified = run(["verify".as_ref(), out.as_os_str()]);
        has(&verified.stdout, &["withheld by redaction: it is no UTF-8"]);
        let outputs = [
            ("show".into(), shown.stdout.into_bytes()),
            ("show --frames".into(), frames.stdout.into_bytes()),
            ("verify".into(), verified.stdout.into_bytes()),
        ];
        assert_eq!(found(&all, &sent, &outputs), []);
    }
}

#[test]
fn without_being_asked_for_only_credentials_are_replaced_and_the_search_finds_the_rest() {
    let upstream = server();
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let (recorder, sent, _) = recorded(&out, &upstream, &[]);
    recorder.stop().with_code(0);
    let texts = written(&out);
    assert_eq!(found(CREDENTIALS, &sent, &texts), []);
    for secret in PAYLOADS {
        assert_ne!(found(&[secret], &sent, &texts), [], "{secret}");
    }
}

/// What passes is the same, asked for or not.
#[test]
fn forwarding_is_unchanged() {
    let directory = tempdir().unwrap();
    let received = |name: &str, redact: &[&str]| {
        let (upstream, received) = traffic::server_that_tells();
        let out = directory.path().join(name);
        let (recorder, sent, _) = recorded(&out, &upstream, redact);
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
    let (recorder, ..) = recorded(&out, &upstream, &REDACT);
    recorder.stop().with_code(0);
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
    let (recorder, ..) = recorded(&other, &upstream, &REDACT);
    recorder.stop().with_code(0);
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
