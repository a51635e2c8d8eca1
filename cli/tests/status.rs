//! The status line of `wsaudit record`, on a terminal.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use tempfile::{TempDir, tempdir};

use crate::harness::{Recorder, has};
use crate::terminal::Terminal;

/// What takes a line away.
const CLEARED: &str = "\r\u{1b}[2K";

/// A recorder on a terminal.
struct OnTerminal {
    terminal: Terminal,
    _upstream: TcpListener,
    _directory: TempDir,
}

impl OnTerminal {
    fn start(more: &str) -> Self {
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        let directory = tempdir().unwrap();
        let terminal = Terminal::run(&format!(
            "record --listen 127.0.0.1:0 --upstream http://{} --out '{}' {more}",
            upstream.local_addr().unwrap(),
            directory.path().join("traffic.db").display(),
        ));
        Self {
            terminal,
            _upstream: upstream,
            _directory: directory,
        }
    }

    /// SIGTERM; all that was shown.
    fn stop(self) -> String {
        let (code, shown) = self.terminal.end_by("TERM");
        assert_eq!(code, Some(0), "{shown:?}");
        shown
    }
}

#[test]
fn on_a_terminal_the_last_line_tells_how_things_stand_until_the_end() {
    let recorder = OnTerminal::start("");
    let address = recorder.terminal.word_after("listening on http://");
    recorder
        .terminal
        .wait_for("0 of 0 clients open | 0 sessions | 0 frames/s");
    let mut client = TcpStream::connect(address).unwrap();
    recorder.terminal.wait_for("1 of 1 client open");
    // A line of the log goes above it: it is taken away before, and is there again after.
    client.write_all(b"no request at all\r\n\r\n").unwrap();
    let after = recorder.terminal.wait_for("a request was refused");
    assert!(!after.contains("listening"), "{after:?}");
    drop(client);
    recorder.terminal.wait_for("0 of 1 client open");
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
        let address = recorder.terminal.word_after("listening on http://");
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
