//! `wsaudit record` as it is run by others: its file, its log, its figures.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tempfile::tempdir;
use tokio_tungstenite::tungstenite::Message;
use wsaudit_recording::Reader;

use super::harness::{Recorder, echo, has, run, runtime};

fn write(directory: &Path, text: &str) -> String {
    let path = directory.join("wsaudit.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn errors_in_the_file_name_file_line_and_column() {
    let directory = tempdir().unwrap();
    for (text, place, why) in [
        (
            "out = \"t.db\"\ndrian = \"5s\"\n",
            ":2:1: ",
            "unknown field `drian`; did you mean `drain`?",
        ),
        (
            "max_stall = \"5s\"\n",
            ":1:1: ",
            "unknown field `max_stall`; did you mean `max-stall`?",
        ),
        (
            "[session]\nids = [\"query:s\"]\n",
            ":2:1: ",
            "unknown field `ids`; did you mean `id`?",
        ),
        (
            "[[route]]\nlistn = \"127.0.0.1:0\"\nupstream = \"http://h\"\n",
            ":2:1: ",
            "unknown field `listn`; did you mean `listen`?",
        ),
        (
            "out = \"t.db\"\nlistn = \"127.0.0.1:0\"\n",
            ":2:1: ",
            "unknown field `listn`; did you mean `listen`, beneath [[route]]?",
        ),
        (
            "upstream = \"http://h\"\n",
            ":1:1: ",
            "`upstream` is a key of [[route]], and stands beneath that line",
        ),
        (
            "user = [\"query:u\"]\n",
            ":1:1: ",
            "`user` is a key of [session], and stands beneath that line",
        ),
        (
            "foo = 1\n",
            ":1:1: ",
            "unknown field `foo`, expected one of `",
        ),
        ("drain = 5\n", ":1:9: ", "expected a string"),
        ("drain = \"soon\"\n", ":1:9: ", "number"),
        (
            "durability = \"none\"\n",
            ":1:14: ",
            "\"none\" is none of batch, strict",
        ),
        ("max-head = \"big\"\n", ":1:12: ", "64KiB"),
        (
            "[session]\nid = [\"header:A\", \"heder:B\"]\n",
            ":2:19: ",
            "heder",
        ),
        (
            "[[route]]\nupstream = \"http://h\"\n",
            ":1:1: ",
            "missing field `listen`",
        ),
        (
            "[[route]]\nlisten = \"127.0.0.1:0\"\nupstream = \"http://h\"\nset-host = \"http://h\"\n",
            ":4:12: ",
            "\"http://h\" is no host: write it as staging.example",
        ),
        ("out = \n", ":1:", ""),
    ] {
        let file = write(directory.path(), text);
        let ran = run(["record", "--config", &file]).ends_with(2);
        has(ran.error(), &[&format!("{file}{place}"), why]);
    }
}

#[test]
fn what_is_missing_or_contradicts_itself_is_said() {
    let directory = tempdir().unwrap();
    let file = write(directory.path(), "");
    let ran = run(["record", "--config", &file]).ends_with(2);
    has(ran.error(), &["--out FILE"]);
    let ran = run(["record", "--config", &file, "--out", "x.db"]).ends_with(2);
    has(ran.error(), &["--listen ADDR", "[[route]]"]);
    let route = "[[route]]\nlisten = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:1\"\n";
    let file = write(directory.path(), &route.repeat(2));
    let out = directory.path().join("t.db");
    let out = out.to_str().unwrap();
    let listen = ["--listen", "127.0.0.1:0", "--out", out];
    let ran = run(["record", "--config", &file].into_iter().chain(listen)).ends_with(2);
    has(ran.error(), &["the file has 2 routes"]);
    let file = write(directory.path(), &format!("{route}tls-cert = \"c.pem\"\n"));
    let ran = run(["record", "--config", &file, "--out", out]).ends_with(2);
    has(ran.error(), &["--tls-cert and --tls-key go together"]);
}

/// A recorder with limits of open files, as `ulimit` sets them.
#[cfg(target_os = "linux")]
fn with_open_files(limits: &str, more: &[&str]) -> (Recorder, tempfile::TempDir) {
    let directory = tempdir().unwrap();
    let mut command = std::process::Command::new("sh");
    let script = format!("{limits} && exec \"$0\" \"$@\"");
    command.args(["-c", &script]);
    command.arg(assert_cmd::cargo::cargo_bin!("wsaudit"));
    let out = directory.path().join("traffic.db");
    let recorder = Recorder::start_with(command, "http://127.0.0.1:1", &out, more);
    (recorder, directory)
}

#[cfg(target_os = "linux")]
#[test]
fn there_are_descriptors_for_as_many_clients_as_may_come() {
    let (recorder, _directory) = with_open_files("ulimit -Sn 200", &["--max-connections", "300"]);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", recorder.pid())).unwrap();
    let soft = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|line| line.split_whitespace().next());
    let ended = recorder.stop().with_code(0);
    assert_eq!(soft, Some("664"));
    assert!(!ended.stderr.contains("descriptors"), "{}", ended.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn too_few_descriptors_are_told_at_the_start() {
    let (recorder, _directory) = with_open_files("ulimit -n 264", &["--max-connections", "300"]);
    let ended = recorder.stop().with_code(0);
    has(
        &ended.stderr,
        &[
            "warning: there are descriptors for some 100 clients at once, of 300",
            "hard limit of open files to 664 (ulimit -Hn)",
            "--max-connections 100",
        ],
    );
}

#[test]
fn a_file_a_flag_over_it_figures_and_a_log_in_json() {
    let directory = tempdir().unwrap();
    let runtime = runtime();
    let upstream = runtime.block_on(echo());
    let file = write(
        directory.path(),
        "drain = \"1m\"\nlog-format = \"json\"\nadmin = \"127.0.0.1:0\"\nmax-head = \"200\"\n\
             max-recorded-payload = 4\n[session]\nid = [\"query:s\"]\n\
             [[route]]\nlisten = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:1\"\n",
    );
    let out = directory.path().join("t.db");
    // `--upstream` of the harness overrides the file's.
    let mut recorder = Recorder::start(&upstream, &out, &["--config", &file, "--drain", "0s"]);
    let admin = recorder.wait_for_line("serving /metrics and /healthz on http://");
    let said: Value = serde_json::from_str(&admin).unwrap();
    assert_eq!(said["level"], "INFO");
    let admin = said["message"].as_str().unwrap().rsplit("http://").next();
    let admin = admin.unwrap().to_owned();
    let url = format!("{}?s=one", recorder.ws());
    runtime.block_on(async {
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        socket.send(Message::text("hello")).await.unwrap();
        assert_eq!(
            socket.next().await.unwrap().unwrap(),
            Message::text("hello")
        );
    });
    let metrics = get(&admin, "/metrics");
    has(&metrics, &["HTTP/1.1 200", "wsaudit_established_total 1\n"]);
    has(&get(&admin, "/healthz"), &["HTTP/1.1 200", "recording"]);
    let mut long = TcpStream::connect(recorder.address()).unwrap();
    long.write_all(&[b'x'; 201]).unwrap();
    let line = recorder.wait_for_line("head is too long");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["limit"], 200);
    let ended = recorder.stop().with_code(0);
    // Where it listens and that it ends are lines of the log, too.
    let lines: Vec<Value> = ended
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let messages: Vec<_> = lines
        .iter()
        .filter_map(|line| line["message"].as_str())
        .collect();
    assert!(
        messages.iter().any(|it| it.starts_with("listening on")),
        "{messages:?}"
    );
    assert!(
        messages.iter().any(|it| it.starts_with("ending")),
        "{messages:?}"
    );
    let reader = Reader::open(&out).unwrap();
    let config: Value = serde_json::from_str(&reader.runs()[0].config).unwrap();
    assert_eq!(config["drain_seconds"], 0.0);
    assert_eq!(config["max_recorded_payload"], 4);
    assert_eq!(config["routes"][0]["upstream"], upstream);
    assert!(
        reader
            .tags()
            .unwrap()
            .iter()
            .any(|it| it.tag.value == "one")
    );
}

#[test]
fn an_upstream_that_wants_another_host_and_origin_is_sent_them() {
    let directory = tempdir().unwrap();
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", upstream.local_addr().unwrap());
    let file = write(
        directory.path(),
        &format!(
            "[[route]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{url}\"\n\
             set-host = \"file.example\"\nset-origin = \"https://staging.example\"\n"
        ),
    );
    let out = directory.path().join("t.db");
    let flags = ["--config", &file, "--set-host", "staging.example"];
    let recorder = Recorder::start(&url, &out, &flags);
    let mut client = TcpStream::connect(recorder.address()).unwrap();
    let head = |host: &str, origin: &str| {
        format!(
            "GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Version: 13\r\n\r\n"
        )
    };
    let (sent, wanted) = (
        head("localhost:8080", "http://localhost:3000"),
        head("staging.example", "https://staging.example"),
    );
    client.write_all(sent.as_bytes()).unwrap();
    // Whether somebody listens is looked at first, on a connection of its own.
    let got = loop {
        let (mut server, _) = upstream.accept().unwrap();
        let mut got = vec![0; wanted.len()];
        if server.read_exact(&mut got).is_ok() {
            break String::from_utf8(got).unwrap();
        }
    };
    assert_eq!(got, wanted);
    drop(client);
    recorder.stop().with_code(0);
    let reader = Reader::open(&out).unwrap();
    let connection = &reader.connections().unwrap()[0];
    assert_eq!(connection.opened.request_head, sent.as_bytes());
    let ran = run(["show", out.to_str().unwrap()]).ends_with(0);
    let told = "sent other heads than clients sent: Host: staging.example, Origin: https://staging.example";
    has(&ran.stdout, &[told]);
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
