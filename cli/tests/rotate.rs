//! Recordings in parts, and recordings of several recorders, from the command line.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt as _, StreamExt as _};
use tempfile::tempdir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use wsaudit_recording::{PartNames, Reader};

use super::harness::{Ran, Recorder, has, run, runtime};

const RULES: &str = r#"
[pack]
name   = "docs"
format = 1
[session]
id = ["query:session"]
[message]
name = "/type"
[fields]
doc     = "/doc"
request = "/request"
[events]
make = { from = "client", name = "make" }
made = { from = "server", name = "made" }
[[rule]]
id         = "doc"
title      = "a document is shown to the session that made it"
kind       = "owned"
resource   = "doc"
owner      = "session"
claimed-by = { event = "made", answers = { event = "make", match = "/request" } }
"#;

type Everybody = Arc<Mutex<Vec<mpsc::UnboundedSender<Message>>>>;

/// Answers `make` with `made`; tells everybody of a document whose name begins with `leak`.
async fn backend() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let everybody = Everybody::default();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let everybody = Arc::clone(&everybody);
            tokio::spawn(async move {
                let socket = tokio_tungstenite::accept_async(socket).await.unwrap();
                let (mut sink, mut stream) = socket.split();
                let (mail, mut told) = mpsc::unbounded_channel();
                everybody.lock().unwrap().push(mail);
                loop {
                    tokio::select! {
                        Some(message) = told.recv() => {
                            if sink.send(message).await.is_err() { return }
                        }
                        message = stream.next() => {
                            let Some(Ok(Message::Text(text))) = message else { return };
                            let answer = text.replace("make", "made");
                            if sink.send(Message::text(answer.as_str())).await.is_err() { return }
                            if text.contains("leak") {
                                let shown = text.replace("make", "shown");
                                for mail in everybody.lock().unwrap().iter() {
                                    let _ = mail.send(Message::text(shown.as_str()));
                                }
                            }
                        }
                    }
                }
            });
        }
    });
    url
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(recorder: &Recorder, session: &str) -> Socket {
    let url = format!("{}?session={session}", recorder.ws());
    tokio_tungstenite::connect_async(url).await.unwrap().0
}

/// Makes a document, and awaits the answer.
async fn make(socket: &mut Socket, doc: &str, request: u32) {
    let text = format!(r#"{{"type":"make","doc":"{doc}","request":{request}}}"#);
    socket.send(Message::text(text)).await.unwrap();
    wait_for(socket, &format!(r#""made","doc":"{doc}""#)).await;
}

async fn wait_for(socket: &mut Socket, part: &str) {
    loop {
        let message = socket.next().await.unwrap().unwrap();
        if message.to_text().unwrap().contains(part) {
            return;
        }
    }
}

/// Runs a subcommand with rules over recordings.
fn verify(rules: &Path, recordings: &[PathBuf], more: &[&str]) -> Ran {
    let mut args: Vec<OsString> = vec!["verify".into(), "--rules".into(), rules.into()];
    args.extend(more.iter().map(OsString::from));
    args.extend(recordings.iter().map(OsString::from));
    run(args)
}

fn rules(directory: &Path) -> PathBuf {
    let path = directory.join("rules.toml");
    fs::write(&path, RULES).unwrap();
    path
}

fn key(directory: &Path, name: &str, byte: u8) -> String {
    let path = directory.join(name);
    fs::write(&path, [byte; 32]).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    path.to_str().unwrap().to_owned()
}

/// A leak through two recorders: session `s-1` makes a document behind one of them, and `s-2`, behind
/// the other one, is told of it. `more` is for the second one.
fn two_recorders(directory: &Path, keys: [&str; 2], more: &[&str]) -> [PathBuf; 2] {
    let runtime = runtime();
    let upstream = runtime.block_on(backend());
    let out = ["one.db", "two.db"].map(|name| directory.join(name));
    let one = Recorder::start(&upstream, &out[0], &["--redaction-key-file", keys[0]]);
    let flags = [&["--redaction-key-file", keys[1]], more].concat();
    let two = Recorder::start(&upstream, &out[1], &flags);
    runtime.block_on(async {
        let mut first = connect(&one, "s-1").await;
        let mut second = connect(&two, "s-2").await;
        make(&mut second, "own", 1).await;
        make(&mut first, "leak", 1).await;
        wait_for(&mut second, "shown").await;
        first.close(None).await.unwrap();
        second.close(None).await.unwrap();
    });
    one.stop().with_code(0);
    two.stop().with_code(0);
    out
}

#[test]
fn two_recorders_before_one_server_are_one_history() {
    let directory = tempdir().unwrap();
    let rules = rules(directory.path());
    let same = key(directory.path(), "key", 7);
    let out = two_recorders(directory.path(), [&same, &same], &[]);
    let found = verify(&rules, &out, &[]).ends_with(1);
    has(
        &found.stdout,
        &["s-1", "s-2", "leak", "of ", "one.db", "two.db"],
    );
    assert!(!found.stderr.contains("redaction keys"), "{}", found.stderr);
    let turned = [out[1].clone(), out[0].clone()];
    verify(&rules, &turned, &[]).ends_with(1);
    // Neither of them shows it by itself.
    for alone in &out {
        verify(&rules, std::slice::from_ref(alone), &[]).ends_with(3);
    }
}

#[test]
fn recordings_of_two_keys_are_not_joined_silently() {
    let directory = tempdir().unwrap();
    let rules = rules(directory.path());
    let keys = [key(directory.path(), "a", 7), key(directory.path(), "b", 8)];
    let out = two_recorders(directory.path(), [&keys[0], &keys[1]], &[]);
    let found = verify(&rules, &out, &[]).ends_with(1);
    has(
        &found.stderr,
        &["2 redaction keys", "one credential looks different"],
    );
}

/// One run in parts of a second, with a leak from the first one to the last; its files.
fn rotated(directory: &Path, cuts: u32) -> Vec<PathBuf> {
    let runtime = runtime();
    let upstream = runtime.block_on(backend());
    let out = directory.join("traffic.db");
    let names = PartNames::of(&out);
    let recorder = Recorder::start(&upstream, &out, &["--rotate", "1s"]);
    runtime.block_on(async {
        let mut first = connect(&recorder, "s-1").await;
        let mut second = connect(&recorder, "s-2").await;
        make(&mut first, "mine", 1).await;
        for number in 2..2 + cuts {
            make(&mut second, &format!("doc-{number}"), number).await;
            while !names.path(number).exists() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
        make(&mut first, "leak", 99).await;
        wait_for(&mut second, "shown").await;
        first.close(None).await.unwrap();
        second.close(None).await.unwrap();
    });
    let ended = recorder.stop().with_code(0);
    has(&ended.stdout, &["traffic-000001.db to "]);
    let count = names.newest().unwrap().unwrap();
    (1..=count).map(|number| names.path(number)).collect()
}

#[test]
fn parts_are_one_recording_for_verify_and_show() {
    let directory = tempdir().unwrap();
    let rules = rules(directory.path());
    let files = rotated(directory.path(), 2);
    assert!(files.len() >= 3, "{files:?}");

    let found = verify(&rules, &files, &["--format", "json"]).ends_with(1);
    let report: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    let recordings = report["recordings"].as_array().unwrap();
    assert_eq!(recordings.len(), 1);
    assert_eq!(recordings[0]["connections"], 2, "each is counted once");
    assert_eq!(recordings[0]["closed_cleanly"], true);
    let named: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
    assert_eq!(recordings[0]["files"], serde_json::json!(named));
    assert_eq!(report["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(report["violations"].as_array().unwrap().len(), 1);
    // Evidence names the file that has the frame.
    let evidence = report["violations"][0]["evidence"].as_array().unwrap();
    for line in evidence {
        let file = line["recording"].as_str().unwrap();
        assert!(Path::new(file).exists(), "{file}");
    }
    let mut turned = files.clone();
    turned.reverse();
    let other = verify(&rules, &turned, &["--format", "json"]).ends_with(1);
    assert_eq!(found.stdout, other.stdout, "the order of arguments");
    let text = verify(&rules, &files, &[]).ends_with(1).stdout;
    has(&text, &[&format!("({} parts)", files.len()), "of "]);

    let show = |file: &Path| run(["show".as_ref(), file.as_os_str()]).ends_with(0).stdout;
    has(
        &show(&files[0]),
        &["run 1, part 1 (it goes on in part 2)", "s-1", "s-2"],
    );
    has(
        &show(&files[1]),
        &["part 2 (it goes on in part 3)", "s-1", "s-2"],
    );
    has(show(files.last().unwrap()).as_str(), &["(the last one)"]);
}

#[test]
fn a_missing_part_is_named_and_one_that_is_given_twice_is_refused() {
    let directory = tempdir().unwrap();
    let rules = rules(directory.path());
    let files = rotated(directory.path(), 2);
    // Without the part that has the leak nothing is violated, and nothing is proved.
    let without_last = &files[..files.len() - 1];
    let found = verify(&rules, without_last, &[]).ends_with(3);
    let missing = format!("part {} of run ", files.len());
    has(
        &found.stdout,
        &[&missing, "is missing", "all parts of the run"],
    );
    // The leak itself shows without those in between.
    let ends = [files[0].clone(), files.last().unwrap().clone()];
    let found = verify(&rules, &ends, &[]).ends_with(1);
    has(&found.stdout, &["part", "missing"]);

    let copy = directory.path().join("copy.db");
    fs::copy(&files[1], &copy).unwrap();
    let twice = [files[0].clone(), files[1].clone(), copy];
    let error = verify(&rules, &twice, &[]).ends_with(2);
    has(
        error.error(),
        &[
            "copy.db",
            "traffic-000002.db",
            "part 2",
            "give each one once",
        ],
    );
}

#[test]
fn a_damaged_part_is_told_and_missing() {
    let directory = tempdir().unwrap();
    let rules = rules(directory.path());
    let files = rotated(directory.path(), 2);
    fs::write(&files[1], "not a recording").unwrap();
    let found = verify(&rules, &files, &[]).ends_with(2);
    has(&found.stderr, &["traffic-000002.db", "not an SQLite file"]);
    has(&found.stdout, &["part 2 of run ", "is missing"]);
}

#[test]
fn a_run_that_is_added_begins_after_the_last_part() {
    let directory = tempdir().unwrap();
    let rules = rules(directory.path());
    let runtime = runtime();
    let upstream = runtime.block_on(backend());
    let out = directory.path().join("traffic.db");
    let config = directory.path().join("wsaudit.toml");
    let key = key(directory.path(), "key", 7);
    fs::write(
        &config,
        "append = true\nrotate = [\"1GiB\", \"1h\"]\nredaction-key-file = \"key\"\n",
    )
    .unwrap();
    let names = PartNames::of(&out);
    for session in ["s-1", "s-2"] {
        let config = config.to_str().unwrap();
        let recorder = Recorder::start(&upstream, &out, &["--config", config]);
        runtime.block_on(async {
            let mut socket = connect(&recorder, session).await;
            make(&mut socket, "same", 1).await;
            socket.close(None).await.unwrap();
        });
        recorder.stop().with_code(0);
    }
    assert!(!out.exists(), "that is the name of all parts");
    let files = [names.path(1), names.path(2)];
    assert_eq!(names.newest().unwrap(), Some(2));
    let runs: Vec<_> = files
        .iter()
        .map(|file| Reader::open(file).unwrap().runs()[0].clone())
        .collect();
    assert_eq!((runs[1].id.0, runs[1].part), (2, 1));
    assert!(runs[1].first_seq > runs[0].first_seq);
    assert!(
        runs[0]
            .config
            .contains(r#""rotate":{"bytes":1073741824,"seconds":3600.0}"#)
    );
    // Two runs, each whole: two recordings of one history, in which two sessions claim one document.
    let found = verify(&rules, &files, &["--format", "json"]).ends_with(1);
    let report: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(report["recordings"].as_array().unwrap().len(), 2);
    assert_eq!(report["recordings"][0]["files"], serde_json::json!([]));
    // Without --append, none of them may be there.
    let ran = run([
        "record",
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        &upstream,
        "--out",
    ]
    .map(OsString::from)
    .into_iter()
    .chain([
        out.into(),
        "--redaction-key-file".into(),
        key.into(),
        "--rotate".into(),
        "1h".into(),
    ]))
    .ends_with(2);
    has(ran.error(), &["traffic-000002.db: the file exists"]);
}
