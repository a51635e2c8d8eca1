//! The binary on a terminal, which `script` (util-linux) makes.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::harness::{DEADLINE, by_default_signals, send_signal};

/// A terminal, and the binary on it.
pub(crate) struct Terminal {
    child: Child,
    shown: Arc<Mutex<String>>,
    reading: JoinHandle<()>,
}

impl Terminal {
    /// Runs it on 200 columns with these arguments, as a shell reads them.
    pub(crate) fn run(args: &str) -> Self {
        Self::of_width(200, args)
    }

    /// Likewise, on so many columns.
    pub(crate) fn of_width(columns: u16, args: &str) -> Self {
        let command = format!(
            "stty rows 40 columns {columns}; echo \"process $$\"; exec {} '{}' {args}",
            by_default_signals().join(" "),
            assert_cmd::cargo::cargo_bin!("wsaudit").display(),
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
        }
    }

    /// Waits until the terminal has shown `text`; what came after it.
    pub(crate) fn wait_for(&self, text: &str) -> String {
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
    pub(crate) fn word_after(&self, text: &str) -> String {
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

    /// Waits until it ends by itself; its exit code, and all that was shown.
    pub(crate) fn ends(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        self.reading.join().unwrap();
        let shown = self.shown.lock().unwrap().clone();
        (status.code(), shown)
    }

    /// Sends the signal; the exit code as a shell gives it (128 and the signal, where that ended it),
    /// and all that was shown.
    pub(crate) fn end_by(self, signal: &str) -> (Option<i32>, String) {
        let pid = self.word_after("process ").parse().unwrap();
        send_signal(pid, signal);
        self.ends()
    }
}
