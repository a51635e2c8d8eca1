//! The commands of README and of the tutorial, in their order, as a reader types them. Ports are replaced
//! by free ones; where the reader's own server is meant, the example backend stands.

mod tutorial;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use wsaudit_demo::scenario::{self, ScenarioOptions};
use wsaudit_demo::{Backend, BackendConfig};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn document(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The fenced blocks of one language, without their indentation.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in document.lines() {
        let line = line.trim_start();
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(word)) if word == language => open = Some(String::new()),
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None | Some(_), _) => {}
        }
    }
    blocks
}

/// One command a line; a backslash at the end goes on.
fn commands(document: &str) -> Vec<String> {
    commands_of(&blocks(document, "sh").concat())
}

fn commands_of(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    text.lines()
        .map(str::to_owned)
        .filter(|line| !line.is_empty())
        .collect()
}

/// Splits at spaces, outside quotes.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in command.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("never empty").push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What came of a command.
struct Followed {
    code: i32,
    /// On standard output.
    printed: String,
}

impl Followed {
    fn silently(code: i32) -> Self {
        Self {
            code,
            printed: String::new(),
        }
    }
}

/// A place as a document assumes it: its rules in a file, and the project's fixtures.
struct Desk {
    directory: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    backend: Backend,
}

impl Desk {
    fn new(document: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let rules = blocks(document, "toml").concat();
        std::fs::write(directory.path().join("my-rules.toml"), rules).expect("written");
        let fixtures = root()
            .join("fixtures")
            .canonicalize()
            .expect("fixtures are there");
        std::os::unix::fs::symlink(fixtures, directory.path().join("fixtures")).expect("linked");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let backend = runtime
            .block_on(Backend::start(BackendConfig::default()))
            .expect("the example backend starts");
        Self {
            directory,
            runtime,
            backend,
        }
    }

    fn wsaudit(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wsaudit"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            // There, cases are not updated, and a reader is a person.
            .env_remove("CI")
            .stdin(Stdio::null());
        command
    }

    /// A file on it.
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a command to its end.
    fn run(mut command: Command) -> Followed {
        let output = command.output().expect("it starts");
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        Followed {
            code: output.status.code().expect("it ends by itself"),
            printed: String::from_utf8_lossy(&output.stdout).into_owned(),
        }
    }

    /// Records the example clients, and ends the recorder as Ctrl-C would.
    fn record(&self, arguments: &[String]) -> Followed {
        let upstream = self.backend.base_url();
        let arguments: Vec<_> = arguments
            .iter()
            .map(|word| word.replace("127.0.0.1:9000", "127.0.0.1:0"))
            .map(|word| word.replace("http://127.0.0.1:8000", &upstream))
            .collect();
        let mut recorder = self
            .wsaudit(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the recorder starts");
        let url = listening(&mut recorder);
        let options = ScenarioOptions::default();
        self.runtime
            .block_on(scenario::run(&url, &options))
            .expect("the clients are served");
        let pid = recorder.id().to_string();
        let told = Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .expect("kill is there");
        assert!(told.success());
        let ended = recorder.wait().expect("it ends");
        Followed::silently(ended.code().expect("it ends by itself"))
    }
}

/// The URL that a recorder says it listens on.
fn listening(recorder: &mut Child) -> String {
    let stderr = recorder.stderr.take().expect("piped");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    let url = lines
        .find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            rest.split_whitespace().next().map(str::to_owned)
        })
        .expect("the recorder says where it listens");
    // Whatever it says later is read, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    url
}

impl Desk {
    /// Does what a reader does.
    fn follow(&self, command: &str) -> Followed {
        let words = words(command);
        let (program, arguments) = words.split_first().expect("a command has a word");
        match (program.as_str(), arguments) {
            ("cargo", [run, _, _, rest @ ..]) if run == "run" => Self::run(self.wsaudit(rest)),
            ("cargo", _) => {
                // It would run this very test; that CI runs it is what counts.
                let ci = document(".ci/run");
                assert!(ci.contains(command), "`.ci/run` does not run `{command}`");
                Followed::silently(0)
            }
            ("wsaudit", [record, ..]) if record == "record" => self.record(arguments),
            ("wsaudit", _) => Self::run(self.wsaudit(arguments)),
            // CI has the shell; a developer's machine may not.
            ("sqlite3", _) if Command::new("sqlite3").arg("-version").output().is_err() => {
                eprintln!("skipped, sqlite3 is not installed: {command}");
                Followed::silently(0)
            }
            ("sqlite3" | "mkdir", _) => {
                let mut other = Command::new(program);
                other.args(arguments).current_dir(self.directory.path());
                Self::run(other)
            }
            _ => panic!("this test does not know the command: {command}"),
        }
    }
}

#[test]
fn readme_does_what_it_says() {
    let readme = document("README.md");
    let desk = Desk::new(&readme);
    for command in commands(&readme) {
        assert_eq!(
            desk.follow(&command).code,
            expected(&command),
            "`{command}`"
        );
    }
}

/// The exit code of a command that README shows.
fn expected(command: &str) -> i32 {
    match command {
        // The leak is found.
        "wsaudit demo --leaky foreign-thread-answered" => 1,
        // The example backend has its session ids elsewhere, and the rules are for another
        // application: nothing is proved, and that is said.
        "wsaudit verify traffic-2.db"
        | "wsaudit verify --rules my-rules.toml traffic-2.db"
        | "wsaudit verify --rules my-rules.toml traffic-2.db --html report.html" => 3,
        _ => 0,
    }
}
