//! `wsaudit record`, in front of real servers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tempfile::tempdir;
use tokio_tungstenite::tungstenite::Message;
use wsaudit_demo::scenario::{self, ScenarioOptions};
use wsaudit_demo::{Backend, BackendConfig, Fault};
use wsaudit_recording::Reader;

use super::harness::{DEADLINE, Ended, Recorder, echo, has, run, runtime, send_signal};

const SOURCES: [&str; 6] = [
    "--session",
    "header:X-Session-ID",
    "--user",
    "jwt:sub",
    "--device",
    "header:X-Device-Type",
];

/// Plays the example application through `wsaudit record`.
fn play(fault: Option<Fault>, out: &Path, more: &[&str]) -> Ended {
    let runtime = runtime();
    let config = BackendConfig {
        fault,
        ..BackendConfig::default()
    };
    let backend = runtime.block_on(Backend::start(config)).unwrap();
    let recorder = Recorder::start(&backend.base_url(), out, more);
    let options = ScenarioOptions {
        fault,
        ..ScenarioOptions::default()
    };
    let played = runtime.block_on(scenario::run(&recorder.http(), &options));
    let ended = recorder.stop();
    played.unwrap();
    runtime.block_on(backend.stop());
    ended
}

#[test]
fn a_sound_application_is_recorded_and_verified() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let ended = play(None, &out, &SOURCES).with_code(0);
    has(
        &ended.stdout,
        &[
            "  connections  8 (8 established)\n",
            "  sessions     6\n",
            "  users        2\n",
            "  anomalies    none\n",
            "  gaps         none\n",
            "ms from reading to committing",
            &format!("wsaudit verify {}\n", out.display()),
        ],
    );
    assert!(!ended.stdout.contains("--session"), "{}", ended.stdout);
    let args = ["verify", "--rules", "agent-platform"].map(str::as_ref);
    let verified = run(args.into_iter().chain([out.as_os_str()])).ends_with(0);
    has(&verified.stdout, &["verdict: clean"]);
    let files = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(files, 1, "the recording is one file");
}

#[test]
fn a_leak_is_found_with_its_evidence() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    play(Some(Fault::ForeignThreadAnswered), &out, &SOURCES).with_code(0);
    let args = ["verify", "--rules", "agent-platform"].map(str::as_ref);
    let verified = run(args.into_iter().chain([out.as_os_str()])).ends_with(1);
    has(
        &verified.stdout,
        &["violated: foreign-thread", "\"type\":\"open_thread\""],
    );
    let args = ["verify", "--rules", "agent-platform", "--format", "json"].map(str::as_ref);
    let verified = run(args.into_iter().chain([out.as_os_str()])).ends_with(1);
    let report: Value = serde_json::from_str(&verified.stdout).unwrap();
    assert_eq!(report["verdict"], "violated");
    let violations = report["violations"].as_array().unwrap();
    assert!(violations.iter().all(|it| it["rule"] == "foreign-thread"));
}

#[test]
fn sources_that_would_have_worked_are_offered() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let ended = play(None, &out, &["--user", "jwt:sub"]).with_code(0);
    has(
        &ended.stdout,
        &[
            "of 8 connections it is not known whose they are",
            "--session header:x-session-id",
            "on 8 of 8 connections, 6 values",
            "  record again with --session header:x-session-id --device header:x-device-type, or name them in a rule pack's [session]",
        ],
    );
    assert!(
        !ended.stdout.contains("--user"),
        "found already:\n{}",
        ended.stdout
    );
}

#[test]
fn the_summary_as_json() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let more: Vec<_> = SOURCES.into_iter().chain(["--json"]).collect();
    let ended = play(None, &out, &more).with_code(0);
    let summary: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(summary["sessions"], 6);
    assert_eq!(summary["connections"]["established"], 8);
    assert_eq!(summary["closed_cleanly"], true);
    assert!(summary["lag_seconds"]["max"].as_f64().unwrap() > 0.0);
}

#[test]
fn an_open_connection_is_ended_after_the_drain() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let runtime = runtime();
    let upstream = runtime.block_on(echo());
    let recorder = Recorder::start(&upstream, &out, &["--drain", "100ms"]);
    let socket = runtime.block_on(async {
        let (mut socket, _) = tokio_tungstenite::connect_async(recorder.ws())
            .await
            .unwrap();
        socket.send(Message::text("hello")).await.unwrap();
        let echoed = socket.next().await.unwrap().unwrap();
        assert_eq!(echoed, Message::text("hello"));
        socket
    });
    recorder.stop().with_code(0);
    drop(socket);
    let reader = Reader::open(&out).unwrap();
    assert_eq!(reader.unclean(), None);
    let connections = reader.connections().unwrap();
    let closed = connections[0].closed.as_ref().unwrap();
    assert_eq!(closed.how.as_str(), "stopped");
    assert_eq!(reader.counts().unwrap().frames, 2);
}

#[test]
fn a_connection_that_ends_in_the_drain_is_recorded_to_its_end() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let runtime = runtime();
    let upstream = runtime.block_on(echo());
    let mut recorder = Recorder::start(&upstream, &out, &["--drain", "1m"]);
    runtime.block_on(async {
        let (mut socket, _) = tokio_tungstenite::connect_async(recorder.ws())
            .await
            .unwrap();
        recorder.terminate();
        recorder.wait_for_line("ending:");
        socket.send(Message::text("still here")).await.unwrap();
        let echoed = socket.next().await.unwrap().unwrap();
        assert_eq!(echoed, Message::text("still here"));
        socket.close(None).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    });
    recorder.wait().with_code(0);
    let reader = Reader::open(&out).unwrap();
    assert_eq!(reader.unclean(), None);
    let connections = reader.connections().unwrap();
    assert_eq!(connections[0].closed.as_ref().unwrap().how.as_str(), "fin");
    assert_eq!(reader.counts().unwrap().frames, 4);
}

/// A terminal that is closed; the shell and the kernel may both say so.
#[test]
fn a_hangup_ends_it_in_order_and_two_do_no_more() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let mut recorder = Recorder::start("http://127.0.0.1:9", &out, &[]);
    send_signal(recorder.pid(), "HUP");
    recorder.wait_for_line("ending: open connections have");
    // It may have ended by now.
    let _ = std::process::Command::new("kill")
        .args(["-HUP", &recorder.pid().to_string()])
        .output();
    recorder.wait().with_code(0);
    assert_eq!(Reader::open(&out).unwrap().unclean(), None);
}

#[test]
fn a_hangup_that_is_ignored_is_none() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let mut command = std::process::Command::new("nohup");
    command.arg(assert_cmd::cargo::cargo_bin!("wsaudit"));
    let recorder = Recorder::start_with(command, "http://127.0.0.1:9", &out, &[]);
    send_signal(recorder.pid(), "HUP");
    let ended = recorder.stop().with_code(0);
    assert_eq!(ended.stderr.matches("ending: open connections").count(), 1);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let runtime = runtime();
    let upstream = runtime.block_on(echo());
    let mut recorder = Recorder::start(&upstream, &out, &["--drain", "10m"]);
    let socket = runtime.block_on(tokio_tungstenite::connect_async(recorder.ws()));
    recorder.terminate();
    recorder.wait_for_line("ending:");
    recorder.terminate();
    let ended = recorder.wait().with_code(2);
    has(&ended.stderr, &["error: ended at once"]);
    drop(socket);
    assert!(Reader::open(&out).unwrap().unclean().is_some());
}

/// A recorder of which nobody hears. It ends with the test, also where that fails.
struct Unheard(Child);

impl Unheard {
    /// SIGTERM, and its end.
    fn stop(mut self) -> ExitStatus {
        send_signal(self.0.id(), "TERM");
        self.0.wait().unwrap()
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A recorder whose log is read up to its first line only, by what is given; and its address.
fn start_unheard(upstream: &str, out: &Path) -> (Unheard, BufReader<ChildStderr>, String) {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("wsaudit"))
        .args(["record", "--listen", "127.0.0.1:0", "--upstream", upstream])
        .arg("--out")
        .arg(out)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let recorder = Unheard(child);
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let address = line.split(['/', ' ']).nth(4).unwrap_or_default().to_owned();
    (recorder, log, address)
}

/// The answer to what is a line of the log.
fn refused(address: &str) -> String {
    let mut answer = String::new();
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    client.write_all(b"no HTTP\r\n\r\n").unwrap();
    let _ = client.read_to_string(&mut answer);
    answer
}

/// As where its disk is full, or the reader of its pipe has gone.
#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let runtime = runtime();
    let upstream = runtime.block_on(echo());
    let (recorder, log, address) = start_unheard(&upstream, &out);
    drop(log);
    for answer in [(); 2].map(|()| refused(&address)) {
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
    }
    assert_eq!(recorder.stop().code(), Some(0));
    assert!(Reader::open(&out).unwrap().unclean().is_none());
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let runtime = runtime();
    let upstream = runtime.block_on(echo());
    let (recorder, mut log, address) = start_unheard(&upstream, &out);
    // More lines than a pipe takes.
    let answered = (0..3_000).take_while(|_| refused(&address).starts_with("HTTP/1.1 400 "));
    assert_eq!(answered.count(), 3_000);
    assert_eq!(recorder.stop().code(), Some(0));
    assert!(Reader::open(&out).unwrap().unclean().is_none());
    let mut read = String::new();
    log.read_to_string(&mut read).unwrap();
    has(&read, &["a request was refused"]);
}

#[test]
fn nobody_came() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let runtime = runtime();
    let upstream = runtime.block_on(echo());
    let ended = Recorder::start(&upstream, &out, &[]).stop().with_code(0);
    has(
        &ended.stdout,
        &["no client came: point the clients at the proxy's address"],
    );
}

#[test]
fn append_adds_a_run() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let runtime = runtime();
    let upstream = runtime.block_on(echo());
    Recorder::start(&upstream, &out, &[]).stop().with_code(0);
    Recorder::start(&upstream, &out, &["--append"])
        .stop()
        .with_code(0);
    let reader = Reader::open(&out).unwrap();
    assert_eq!(reader.runs().len(), 2);
    assert!(reader.runs().iter().all(|run| run.closed_cleanly));
}

#[test]
fn one_key_file_makes_recordings_that_can_be_compared() {
    let directory = tempdir().unwrap();
    let key = directory.path().join("key");
    std::fs::write(&key, "a5".repeat(32)).unwrap();
    set_mode(&key, 0o600);
    let runtime = runtime();
    let upstream = runtime.block_on(echo());
    let mut ids = Vec::new();
    for (name, more) in [
        ("a.db", vec!["--redaction-key-file", key.to_str().unwrap()]),
        ("b.db", vec!["--redaction-key-file", key.to_str().unwrap()]),
        ("c.db", vec![]),
    ] {
        let out = directory.path().join(name);
        Recorder::start(&upstream, &out, &more).stop().with_code(0);
        ids.push(
            Reader::open(&out).unwrap().runs()[0]
                .key_id
                .clone()
                .unwrap(),
        );
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
    let file = |name| directory.path().join(name).into_os_string();
    let ran = run(["verify".into(), file("a.db"), file("c.db")]);
    has(&ran.stderr, &["made with 2 redaction keys", &ids[0]]);
    let ran = run(["verify".into(), file("a.db"), file("b.db")]);
    assert_eq!(ran.stderr, "");
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}
