//! `wsaudit record` that cannot begin: one clear message each, exit code 2, and no file left behind.

use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use tempfile::{TempDir, tempdir};

use super::harness::{Ran, has, not_tested, run};
use super::record::set_mode;

struct Attempt {
    directory: TempDir,
}

impl Attempt {
    fn new() -> Self {
        Self {
            directory: tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> String {
        self.directory
            .path()
            .join(name)
            .to_str()
            .unwrap()
            .to_owned()
    }

    /// Records to `traffic.db`; `more` may override any flag's place by coming later.
    fn record(&self, listen: &str, upstream: &str, more: &[&str]) -> Ran {
        let out = self.path("traffic.db");
        let args = [
            "record",
            "--listen",
            listen,
            "--upstream",
            upstream,
            "--out",
            &out,
        ];
        let args = args.iter().chain(more).map(OsString::from);
        run(args).ends_with(2)
    }

    /// The same on a free port, with a good upstream.
    fn refused(&self, more: &[&str]) -> Ran {
        self.record("127.0.0.1:0", "http://127.0.0.1:9", more)
    }

    #[track_caller]
    fn left_nothing(&self) {
        let left: Vec<_> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_string_lossy().starts_with("traffic"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_port_in_use() {
    let attempt = Attempt::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = attempt.record(&address, "http://127.0.0.1:9", &[]);
    has(ran.error(), &[&address, "is in use", "--listen"]);
    // The next attempt must not meet a file of this one.
    attempt.left_nothing();
}

#[test]
fn an_upstream_that_is_the_recorder_itself() {
    let attempt = Attempt::new();
    for (listen, upstream) in [
        ("127.0.0.1:9", "http://127.0.0.1:9"),
        ("0.0.0.0:9", "ws://localhost:9"),
        ("[::1]:9", "http://[::1]:9"),
    ] {
        let ran = attempt.record(listen, upstream, &[]);
        has(
            ran.error(),
            &[upstream, "would listen itself", "round and round"],
        );
        attempt.left_nothing();
    }
}

#[test]
fn an_existing_file() {
    let attempt = Attempt::new();
    fs::write(attempt.path("traffic.db"), "mine").unwrap();
    let ran = attempt.refused(&[]);
    has(ran.error(), &["traffic.db: the file exists", "--append"]);
    assert_eq!(fs::read(attempt.path("traffic.db")).unwrap(), b"mine");
}

#[test]
fn a_part_that_exists() {
    let attempt = Attempt::new();
    let part = attempt.path("traffic-000004.db");
    fs::write(&part, "mine").unwrap();
    let ran = attempt.refused(&["--rotate", "1h"]);
    has(
        ran.error(),
        &["traffic-000004.db: the file exists", "--append"],
    );
    let ran = attempt.refused(&["--rotate", "1h", "--append"]);
    has(ran.error(), &["traffic-000004.db: not an SQLite file"]);
    assert_eq!(fs::read(&part).unwrap(), b"mine");
    fs::remove_file(&part).unwrap();
    attempt.left_nothing();
}

#[test]
fn a_port_in_use_leaves_no_part() {
    let attempt = Attempt::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for more in [&["--rotate", "1h"][..], &["--rotate", "1h", "--append"]] {
        let ran = attempt.record(&address, "http://127.0.0.1:9", more);
        has(ran.error(), &["is in use"]);
        attempt.left_nothing();
    }
}

#[test]
fn a_rotation_that_makes_no_sense() {
    let attempt = Attempt::new();
    for (value, why) in [
        ("0", "neither bytes nor seconds; write a size as 64MiB"),
        ("0s", "too short; take 1s or more"),
        ("64KiB", "too small"),
        ("1M", "neither a size nor a time"),
        ("daily", "neither a size nor a time"),
    ] {
        let ran = attempt.refused(&["--rotate", value]);
        has(&ran.stderr, &["--rotate", value, why]);
    }
    let ran = attempt.refused(&["--rotate", "1h", "--rotate", "2h"]);
    has(ran.error(), &["--rotate is given two times"]);
    let config = attempt.path("wsaudit.toml");
    fs::write(&config, "append = true\nrotate = [\"1GiB\", \"60\"]\n").unwrap();
    let ran = attempt.refused(&["--config", &config]);
    has(
        ran.error(),
        &["wsaudit.toml:2:19", "\"60\" says neither bytes nor seconds"],
    );
    attempt.left_nothing();
}

#[test]
fn appending_to_what_is_no_recording() {
    let attempt = Attempt::new();
    fs::write(attempt.path("traffic.db"), "mine, and no recording").unwrap();
    let ran = attempt.refused(&["--append"]);
    has(ran.error(), &["not an SQLite file"]);
    assert_eq!(
        fs::read(attempt.path("traffic.db")).unwrap(),
        b"mine, and no recording"
    );
}

#[test]
fn appending_with_the_port_in_use_keeps_the_file() {
    let attempt = Attempt::new();
    fs::copy(
        super::harness::sound_recording(),
        attempt.path("traffic.db"),
    )
    .unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = attempt.record(&address, "http://127.0.0.1:9", &["--append"]);
    has(ran.error(), &["is in use"]);
    assert!(fs::metadata(attempt.path("traffic.db")).is_ok());
}

#[test]
fn an_upstream_that_is_no_url() {
    let attempt = Attempt::new();
    let ran = attempt.record("127.0.0.1:0", "localhost:8000", &[]);
    has(ran.error(), &["localhost:8000", "http, https, ws or wss"]);
    let ran = attempt.record("127.0.0.1:0", "http://localhost:8000/api", &[]);
    has(ran.error(), &["has the path \"/api\""]);
    attempt.left_nothing();
}

#[test]
fn credentials_in_the_upstream_are_not_repeated() {
    let attempt = Attempt::new();
    let ran = attempt.record("127.0.0.1:0", "http://me:hunter2@h", &[]);
    has(ran.error(), &["holds credentials"]);
    assert!(!ran.stderr.contains("hunter2"));
}

#[test]
fn a_listening_address_without_a_host() {
    let attempt = Attempt::new();
    let ran = attempt.record("9000", "http://127.0.0.1:9", &[]);
    has(&ran.stderr, &["--listen", "write 127.0.0.1:9000"]);
}

#[test]
fn a_source_that_is_none() {
    let attempt = Attempt::new();
    let ran = attempt.refused(&["--session", "haeder:X-Session-ID"]);
    has(
        &ran.stderr,
        &["--session", "no kind of source", "did you mean `header`?"],
    );
    let ran = attempt.refused(&["--session", "sid"]);
    has(
        &ran.stderr,
        &[
            "`sid` does not say where it is",
            "`cookie:sid`",
            "jwt:CLAIM",
        ],
    );
    attempt.left_nothing();
}

#[test]
fn a_host_and_an_origin_that_are_none() {
    for (flag, value, advice) in [
        (
            "--set-host",
            "https://staging.example",
            "staging.example:8443",
        ),
        ("--set-origin", "staging.example", "https://staging.example"),
    ] {
        let ran = run(["record", flag, value]).ends_with(2);
        has(&ran.stderr, &[flag, value, advice]);
    }
}

#[test]
fn a_duration_that_is_none() {
    let ran = Attempt::new().refused(&["--max-stall", "soon"]);
    has(&ran.stderr, &["--max-stall", "soon"]);
}

#[test]
fn a_certificate_that_cannot_be_read() {
    let attempt = Attempt::new();
    let none = attempt.path("none.pem");
    let ran = attempt.refused(&["--tls-cert", &none, "--tls-key", &none]);
    has(
        ran.error(),
        &["cannot read the certificate", "none.pem: No such file"],
    );
    attempt.left_nothing();
    let ran = attempt.refused(&["--tls-cert", &none]);
    has(&ran.stderr, &["--tls-key"]);
    let ran = attempt.record("127.0.0.1:0", "https://h", &["--upstream-ca", &none]);
    has(ran.error(), &["none.pem", "certificate"]);
    attempt.left_nothing();
    let ran = attempt.refused(&["--upstream-ca", &none]);
    has(ran.error(), &["--upstream-ca", "https or wss"]);
}

#[test]
fn a_key_that_everybody_can_read() {
    let attempt = Attempt::new();
    let key = attempt.path("key");
    fs::write(&key, [7; 32]).unwrap();
    set_mode(key.as_ref(), 0o644);
    let ran = attempt.refused(&["--redaction-key-file", &key]);
    has(
        ran.error(),
        &["can be read by everybody", "mode 0644", "chmod 600"],
    );
    attempt.left_nothing();
}

#[test]
fn a_key_that_is_not_there() {
    let attempt = Attempt::new();
    let key = attempt.path("key");
    let ran = attempt.refused(&["--redaction-key-file", &key]);
    let made = format!("/dev/urandom > {key}; chmod 600 {key}`");
    has(ran.error(), &["there is no redaction key", &made]);
    attempt.left_nothing();
}

#[test]
fn a_key_that_is_too_short() {
    let attempt = Attempt::new();
    let key = attempt.path("key");
    fs::write(&key, "secret").unwrap();
    set_mode(key.as_ref(), 0o600);
    let ran = attempt.refused(&["--redaction-key-file", &key]);
    has(ran.error(), &["too short", "6 bytes", "/dev/urandom"]);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}

#[test]
fn a_directory_that_is_not_there() {
    let attempt = Attempt::new();
    let out = attempt.path("no/such/traffic.db");
    let args = [
        "record",
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        "http://127.0.0.1:9",
        "--out",
    ];
    let ran = run(args.into_iter().chain([out.as_str()])).ends_with(2);
    has(
        ran.error(),
        &[
            "no/such/traffic.db: there is no directory ",
            "no/such; make it first",
        ],
    );
}

/// All that is missing is told at once, and what a file says is not.
#[test]
fn flags_that_are_missing() {
    let flags = |args: &[&str]| {
        let args = std::iter::once(&"record").chain(args);
        run(args).ends_with(2).error().to_owned()
    };
    has(
        &flags(&[]),
        &["missing: --listen ADDR, --upstream URL, --out FILE;"],
    );
    let listen = ["--listen", "127.0.0.1:0", "--out", "traffic.db"];
    has(&flags(&listen), &["missing: --upstream URL;"]);
    let attempt = Attempt::new();
    let file = attempt.path("wsaudit.toml");
    let route = "[[route]]\nlisten = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:9\"\n";
    fs::write(&file, route).unwrap();
    has(&flags(&["--config", &file]), &["missing: --out FILE;"]);
}

#[test]
fn what_no_recording_can_be_written_to() {
    let attempt = Attempt::new();
    fs::create_dir(attempt.path("place")).unwrap();
    let place = attempt.path("place");
    for (out, parts) in [
        ("-", ["--out -", "standard output", "name a file"]),
        (&place, ["place: ", "this is a directory", "inside it"]),
    ] {
        let args = ["record", "--listen", "127.0.0.1:0"];
        let more = ["--upstream", "http://127.0.0.1:9", "--out", out];
        has(
            run(args.into_iter().chain(more)).ends_with(2).error(),
            &parts,
        );
    }
    assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
}

/// Root may write everywhere, unless it gives that up.
fn without_privileges(directory: &Path) -> Option<assert_cmd::Command> {
    let probe = directory.join("probe");
    if fs::write(&probe, "").is_err() {
        return Some(super::harness::wsaudit());
    }
    fs::remove_file(&probe).unwrap();
    let mut command = assert_cmd::Command::new("setpriv");
    command
        .args(["--bounding-set=-dac_override,-dac_read_search"])
        .arg(assert_cmd::cargo::cargo_bin!("wsaudit"))
        .timeout(super::harness::DEADLINE);
    let helps = std::process::Command::new("setpriv")
        .args(["--bounding-set=-dac_override,-dac_read_search", "touch"])
        .arg(&probe)
        .status();
    match helps {
        Ok(status) if !status.success() => Some(command),
        Ok(_) | Err(_) => {
            not_tested("a read-only directory: setpriv does not take root's rights");
            None
        }
    }
}

#[test]
fn a_directory_that_cannot_be_written() {
    let attempt = Attempt::new();
    let out = attempt.path("there.db");
    // One that can be added to, and one that cannot be made.
    wsaudit_recording::Writer::create(Path::new(&out), wsaudit_recording::WriterOptions::default())
        .unwrap()
        .close()
        .unwrap();
    let before = fs::read(&out).unwrap();
    let directory = Path::new(&out).parent().unwrap();
    set_mode(directory, 0o555);
    for (name, more, says) in [
        (
            "new.db",
            &[][..],
            "could not create the file: Permission denied",
        ),
        (
            "new.db",
            &["--rotate", "1MiB"],
            "could not create the file: Permission denied",
        ),
        ("there.db", &["--append"], "there.db: "),
    ] {
        let Some(mut command) = without_privileges(directory) else {
            break;
        };
        let out = attempt.path(name);
        let base = [
            "record",
            "--listen",
            "127.0.0.1:0",
            "--upstream",
            "http://127.0.0.1:9",
        ];
        command.args(base).args(["--out", &out]).args(more);
        let ran = Ran::of(&mut command).ends_with(2);
        has(ran.error(), &[says]);
        assert_eq!(fs::read_dir(directory).unwrap().count(), 1, "{name}");
        assert_eq!(fs::read(attempt.path("there.db")).unwrap(), before);
    }
    set_mode(directory, 0o755);
}
