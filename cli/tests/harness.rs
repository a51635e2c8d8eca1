//! The binary as a child process, and a server behind it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A safety net: nothing here takes as long, also on a busy machine. It is longer than the demo's own.
pub(crate) const DEADLINE: Duration = Duration::from_secs(240);

/// The binary, with nothing of the environment that would change what it prints.
pub(crate) fn wsaudit() -> assert_cmd::Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("wsaudit");
    for name in ["NO_COLOR", "WSAUDIT_LOG", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.timeout(DEADLINE);
    command
}

/// Says what a test that passes did not look at, since this machine does not let it: past the capture of
/// what tests print, which would hide it.
pub(crate) fn not_tested(what: &str) {
    let _ = writeln!(std::io::stderr(), "\n*** NOT TESTED: {what} ***");
}

/// What a command printed, and its exit code.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the binary.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    Ran::of(wsaudit().args(args))
}

impl Ran {
    /// Runs a command.
    pub(crate) fn of(command: &mut assert_cmd::Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().expect("no signal"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Checks the exit code; what was printed is shown where it is another one.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(self.code, code, "stdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    /// The one line of an error.
    #[track_caller]
    pub(crate) fn error(&self) -> &str {
        let line = self.stderr.trim_end();
        assert!(line.starts_with("error: "), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        line
    }
}

/// A text, and what it must contain.
#[track_caller]
pub(crate) fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A sound recording of the example application, made once for each process of tests.
pub(crate) fn sound_recording() -> &'static Path {
    static RECORDING: OnceLock<PathBuf> = OnceLock::new();
    RECORDING.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("recordings-{}", std::process::id()));
        // Of another process of that number, long ago.
        let _ = std::fs::remove_dir_all(&directory);
        run(["demo".as_ref(), "--out".as_ref(), directory.as_os_str()]).ends_with(0);
        directory.join("sound.db")
    })
}

/// What is to stand before the binary, for it to be ended by signals as it is where nobody ignores them:
/// `nohup` ignores SIGHUP, and a shell SIGINT where it starts something with `&`, and programs inherit
/// that from those that start them.
pub(crate) fn by_default_signals() -> &'static [&'static str] {
    const HUP_INT_AND_TERM: u64 = 1 | 1 << 1 | 1 << 14;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    match mask {
        Some(mask) if mask & HUP_INT_AND_TERM != 0 => &["env", "--default-signal"],
        Some(_) | None => &[],
    }
}

/// `wsaudit record`, running.
pub(crate) struct Recorder {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<()>>,
    said: Arc<Mutex<String>>,
    address: String,
}

/// How a recorder ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Recorder {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(upstream: &str, out: &Path, more: &[&str]) -> Self {
        let binary = assert_cmd::cargo::cargo_bin!("wsaudit");
        let command = match by_default_signals() {
            [] => Command::new(binary),
            [program, args @ ..] => {
                let mut command = Command::new(program);
                command.args(args).arg(binary);
                command
            }
        };
        Self::start_with(command, upstream, out, more)
    }

    /// The same, with a command that runs the binary with the arguments that it is given.
    pub(crate) fn start_with(
        mut command: Command,
        upstream: &str,
        out: &Path,
        more: &[&str],
    ) -> Self {
        let mut child = command
            .args(["record", "--listen", "127.0.0.1:0", "--upstream", upstream])
            .arg("--out")
            .arg(out)
            .args(more)
            .env_remove("WSAUDIT_LOG")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let stdout = thread::spawn(move || {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut stdout, &mut text).unwrap();
            text
        });
        let said = Arc::new(Mutex::new(String::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let stderr = thread::spawn({
            let said = Arc::clone(&said);
            move || {
                for line in lines.map_while(Result::ok) {
                    let mut said = said.lock().unwrap();
                    said.push_str(&line);
                    said.push('\n');
                }
            }
        });
        let mut recorder = Self {
            child,
            stdout: Some(stdout),
            stderr: Some(stderr),
            said,
            address: String::new(),
        };
        let line = recorder.wait_for_line("listening on http://");
        let url = line.split_whitespace().nth(2).unwrap();
        recorder.address.push_str(url.trim_start_matches("http://"));
        recorder
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn http(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn ws(&self) -> String {
        format!("ws://{}/ws", self.address)
    }

    /// Waits until a line of standard error has `part` in it.
    pub(crate) fn wait_for_line(&mut self, part: &str) -> String {
        let started = Instant::now();
        loop {
            let said = self.said.lock().unwrap().clone();
            if let Some(line) = said.lines().find(|line| line.contains(part)) {
                return line.to_owned();
            }
            let ended = self.child.try_wait().unwrap().is_some();
            let late = started.elapsed() > DEADLINE;
            assert!(!ended && !late, "no line with {part:?} in:\n{said}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        send_signal(self.child.id(), "TERM");
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        self.wait()
    }

    /// SIGTERM, and its end.
    pub(crate) fn stop(self) -> Ended {
        self.terminate();
        self.wait()
    }

    pub(crate) fn wait(mut self) -> Ended {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < DEADLINE, "the recorder does not end");
            thread::sleep(Duration::from_millis(5));
        };
        let stdout = self.stdout.take().unwrap().join().unwrap();
        self.stderr.take().unwrap().join().unwrap();
        let stderr = self.said.lock().unwrap().clone();
        Ended {
            status,
            stdout,
            stderr,
        }
    }
}

/// Sends a signal to a process.
pub(crate) fn send_signal(pid: u32, signal: &str) {
    let script = format!("kill -{signal} {pid}");
    let sent = Command::new("sh").args(["-c", &script]).status().unwrap();
    assert!(sent.success(), "{script}");
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        let found = self.status.code();
        assert_eq!(found, Some(code), "stdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }
}

/// A WebSocket server that sends each message back; its URL.
pub(crate) async fn echo() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(socket) = tokio_tungstenite::accept_async(socket).await else {
                    return;
                };
                let (mut sink, mut stream) = socket.split();
                while let Some(Ok(message)) = stream.next().await {
                    let data = message.is_text() || message.is_binary();
                    if data && sink.send(message).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}
