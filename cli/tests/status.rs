//! The status line of `wsaudit record`, on a terminal that `script` (util-linux) makes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::{TempDir, tempdir};

use crate::harness::{DEADLINE, Recorder, has, send_signal};

/// What takes a line away.
const CLEARED: &str = "\r\u{1b}[2K";

/// A recorder on a terminal.
struct OnTerminal {
    child: Child,
    shown: Arc<Mutex<String>>,
    reading: JoinHandle<()>,
    _upstream: TcpListener,
    _directory: TempDir,
}

impl OnTerminal {
    fn start(more: &str) -> Self {
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        let directory = tempdir().unwrap();
        let command = format!(
            "stty columns 200; echo \"process $$\"; exec '{}' record --listen 127.0.0.1:0 --upstream http://{} --out '{}' {more}",
            assert_cmd::cargo::cargo_bin!("wsaudit").display(),
            upstream.local_addr().unwrap(),
            directory.path().join("traffic.db").display(),
        );
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .env_remove("WSAUDIT_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let mut terminal = child.stdout.take().unwrap();
        let reading = thread::spawn({
            let shown = Arc::clone(&shown);
            move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = terminal.read(&mut bytes) {
                    let text = String::from_utf8_lossy(&bytes[..count]);
                    shown.lock().unwrap().push_str(&text);
                }
            }
        });
        Self {
            child,
            shown,
            reading,
            _upstream: upstream,
            _directory: directory,
        }
    }

    /// Waits until the terminal has shown `text`; what came after it.
    fn wait_for(&self, text: &str) -> String {
        let started = Instant::now();
        loop {
            let shown = self.shown.lock().unwrap().clone();
            if let Some((_, after)) = shown.split_once(text) {
                return after.to_owned();
            }
            assert!(started.elapsed() < DEADLINE, "no {text:?} in {shown:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The word that follows `text`.
    fn word_after(&self, text: &str) -> String {
        self.wait_for(text);
        // A word is whole once something follows it.
        let started = Instant::now();
        loop {
            let after = self.wait_for(text);
            if let Some((word, _)) = after.split_once(char::is_whitespace) {
                return word.to_owned();
            }
            assert!(started.elapsed() < DEADLINE);
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGTERM; all that was shown.
    fn stop(mut self) -> String {
        let pid = self.word_after("process ").parse().unwrap();
        send_signal(pid, "TERM");
        let status = self.child.wait().unwrap();
        self.reading.join().unwrap();
        let shown = self.shown.lock().unwrap().clone();
        assert!(status.success(), "{shown:?}");
        shown
    }
}

#[test]
fn on_a_terminal_the_last_line_tells_how_things_stand_until_the_end() {
    let recorder = OnTerminal::start("");
    let address = recorder.word_after("listening on http://");
    recorder.wait_for("0 of 0 clients open | 0 sessions | 0 frames/s");
    let mut client = TcpStream::connect(address).unwrap();
    recorder.wait_for("1 of 1 client open");
    // A line of the log goes above it: it is taken away before, and is there again after.
    client.write_all(b"no request at all\r\n\r\n").unwrap();
    let after = recorder.wait_for("a request was refused");
    assert!(!after.contains("listening"), "{after:?}");
    drop(client);
    recorder.wait_for("0 of 1 client open");
    let shown = recorder.stop();
    let (before, _) = shown.split_once("a request was refused").unwrap();
    let line = before.rsplit_once("\r\n").unwrap().1;
    has(line, &[CLEARED, "WARN"]);
    let (_, end) = shown.rsplit_once("client open").unwrap();
    let (status, summary) = end.split_once(CLEARED).unwrap();
    assert!(!status.contains('\n'), "{end:?}");
    has(summary, &["no WebSocket: point the clients"]);
}

#[test]
fn where_it_is_not_wanted_there_is_no_status_line() {
    for more in ["--quiet", "--log-format json"] {
        let recorder = OnTerminal::start(more);
        let address = recorder.word_after("listening on http://");
        drop(TcpStream::connect(address).unwrap());
        let shown = recorder.stop();
        assert!(!shown.contains("open |"), "{more}: {shown:?}");
    }
}

#[test]
fn where_standard_error_is_no_terminal_there_is_no_status_line() {
    let directory = tempdir().unwrap();
    let out = directory.path().join("traffic.db");
    let recorder = Recorder::start("http://127.0.0.1:1", &out, &[]);
    let mut client = TcpStream::connect(recorder.address()).unwrap();
    // It has served somebody, so it has had the time for a line.
    client.write_all(b"no request at all\r\n\r\n").unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    let ended = recorder.stop().with_code(0);
    assert!(!ended.stderr.contains("open |"), "{}", ended.stderr);
}
