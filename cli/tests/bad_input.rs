//! Files that are no recordings: one clear message each, exit code 2, and nothing written.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::harness::{Ran, has, run, sound_recording};

/// A file in a directory of its own.
fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    (directory, path)
}

fn verify(path: &Path) -> Ran {
    run(["verify".as_ref(), path.as_os_str()]).ends_with(2)
}

/// Both commands that read recordings say the same, and leave the file alone.
#[track_caller]
fn refused(path: &Path, parts: &[&str]) {
    let before = fs::read(path).unwrap_or_default();
    let verified = verify(path);
    has(verified.error(), &[&path.display().to_string()]);
    has(verified.error(), parts);
    assert_eq!(verified.stdout, "");
    let shown = run(["show".as_ref(), path.as_os_str()]).ends_with(2);
    assert_eq!(shown.error(), verified.error());
    assert_eq!(fs::read(path).unwrap_or_default(), before);
    if path.is_file() {
        let around = fs::read_dir(path.parent().unwrap()).unwrap();
        assert_eq!(
            around.count(),
            1,
            "something was left beside {}",
            path.display()
        );
    }
}

#[test]
fn a_file_that_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    refused(&directory.path().join("none.db"), &["no such file"]);
}

#[test]
fn an_empty_file() {
    let (_directory, path) = file("empty.db", b"");
    refused(&path, &["the file is empty"]);
}

#[test]
fn a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let shown = run(["show".as_ref(), directory.path().as_os_str()]).ends_with(2);
    has(shown.error(), &["this is a directory"]);
    // To `verify` it stands for the recordings beneath it.
    has(verify(directory.path()).error(), &["no recording beneath"]);
}

/// A recording that was not fetched: it is not left out in silence.
#[cfg(unix)]
#[test]
fn a_link_to_nowhere_beneath_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(sound_recording(), directory.path().join("b.db")).unwrap();
    std::os::unix::fs::symlink("nowhere", directory.path().join("golden.db")).unwrap();
    has(
        &verify(directory.path()).stderr,
        &["golden.db: no such file"],
    );
}

#[test]
fn a_file_that_is_no_sqlite() {
    let (_directory, path) = file("notes.txt", b"these are my notes, not a recording");
    refused(&path, &["not an SQLite file", "these are my not"]);
}

#[test]
fn an_sqlite_file_of_another_application() {
    let (_directory, path) = file("other.db", b"");
    let sqlite = rusqlite::Connection::open(&path).unwrap();
    sqlite
        .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1);")
        .unwrap();
    drop(sqlite);
    refused(&path, &["not a wsaudit recording"]);
}

#[test]
fn a_recording_of_a_newer_format() {
    let (_directory, path) = file("newer.db", &fs::read(sound_recording()).unwrap());
    let sqlite = rusqlite::Connection::open(&path).unwrap();
    sqlite.pragma_update(None, "user_version", 99).unwrap();
    drop(sqlite);
    refused(&path, &["format version 99", "install a newer wsaudit"]);
}

#[test]
fn a_truncated_recording() {
    let bytes = fs::read(sound_recording()).unwrap();
    let (_directory, path) = file("cut.db", &bytes[..bytes.len() / 2]);
    refused(&path, &["truncated"]);
}

#[test]
fn a_recording_that_may_not_be_read() {
    // Root may read everything.
    let (_directory, path) = file("secret.db", &fs::read(sound_recording()).unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    if fs::File::open(&path).is_err() {
        has(verify(&path).error(), &["could not open the file"]);
    }
}

#[test]
fn the_rest_is_verified_and_reported() {
    let (_directory, bad) = file("notes.txt", b"these are my notes, not a recording");
    let ran = run([
        "verify".as_ref(),
        "--rules".as_ref(),
        "agent-platform".as_ref(),
        bad.as_os_str(),
        sound_recording().as_os_str(),
    ])
    .ends_with(2);
    has(ran.error(), &["not an SQLite file"]);
    has(
        &ran.stdout,
        &[
            "rules of agent-platform",
            "unread: nothing is known of",
            "verdict: inconclusive",
        ],
    );
}

#[test]
fn damage_in_the_midst_is_told_and_the_rest_is_reported() {
    let mut bytes = fs::read(sound_recording()).unwrap();
    // A page in the midst that is no page: all but the first and last ones.
    let page = 8192;
    let pages = bytes.len() / page;
    for number in pages / 3..pages - 3 {
        bytes[number * page..(number + 1) * page].fill(0xA5);
    }
    let (_directory, damaged) = file("damaged.db", &bytes);
    let ran = run([
        "verify".as_ref(),
        "--rules".as_ref(),
        "protocol".as_ref(),
        damaged.as_os_str(),
        sound_recording().as_os_str(),
    ])
    .ends_with(2);
    has(ran.error(), &["damaged.db", "damaged"]);
    has(
        &ran.stdout,
        &["unread: nothing is known of", "verdict: inconclusive"],
    );
}

#[test]
fn a_value_that_no_recorder_wrote_is_told_with_the_recording_once() {
    let bytes = fs::read(sound_recording()).unwrap();
    let (_directory, changed) = file("changed.db", &bytes);
    let database = rusqlite::Connection::open(&changed).unwrap();
    let sql = "update frame set direction = 2 where seq = (select seq from frame order by seq limit 1 offset 50)";
    database.execute_batch(sql).unwrap();
    drop(database);
    let other = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../fixtures/golden/chat-sound.db"
    );
    let ran = run(["verify".as_ref(), changed.as_os_str(), other.as_ref()]).ends_with(2);
    let name = changed.to_str().unwrap();
    // Beside a warning: the two were made with two redaction keys.
    let error = ran.stderr.lines().find(|line| line.starts_with("error: "));
    let error = error.unwrap();
    has(error, &["failed to read ", "column direction holds 2"]);
    assert_eq!(error.matches(name).count(), 1, "{error}");
    has(
        &ran.stdout,
        &[&format!("unread: nothing is known of {name}: table ")],
    );
}

/// SQLite goes on with all that stands in the schema from there.
#[test]
fn a_damaged_schema_is_told_in_one_line() {
    let mut bytes = fs::read(sound_recording()).unwrap();
    let column = b"tls_alpn        TEXT,";
    let found = bytes.windows(column.len()).position(|it| it == column);
    bytes[found.unwrap() + column.len() - 1] = b'l';
    let (_directory, damaged) = file("damaged.db", &bytes);
    let ran = verify(&damaged).ends_with(2);
    has(ran.error(), &["malformed database schema", "..."]);
    assert!(ran.error().len() < 500, "{}", ran.error());
}

#[test]
fn one_recording_twice() {
    let path = sound_recording().as_os_str();
    let ran = run(["verify".as_ref(), path, path]).ends_with(2);
    has(ran.error(), &["is given twice"]);
}

#[test]
fn no_recording_at_all() {
    let ran = run(["verify"]).ends_with(2);
    has(&ran.stderr, &["<RECORDING>..."]);
}

#[test]
fn standard_input_is_no_recording() {
    for command in ["verify", "show"] {
        let ran = run([command, "-"]).ends_with(2);
        has(ran.error(), &["-: no such file", "save it to a file"]);
    }
}

#[test]
fn a_rule_file_and_a_case_are_told_where_they_belong() {
    let (_directory, rules) = file("my-rules.toml", b"[pack]\nname = \"a\"\n");
    has(
        verify(&rules).error(),
        &["not an SQLite file", "rule files are given with --rules"],
    );
    let (_directory, case) = file("case.md", b"# A title\n\n```trace\n```\n");
    has(verify(&case).error(), &["run by `wsaudit test`"]);
    let recording = sound_recording().as_os_str();
    let ran = run(["verify".as_ref(), "--rules".as_ref(), recording, recording]).ends_with(2);
    has(ran.error(), &["is an SQLite file, and no rule file"]);
}

#[test]
fn values_of_flags_say_how_they_are_written() {
    let recording = sound_recording().to_str().unwrap();
    for (flag, value, how) in [
        ("--skew", "soon", "write a time as 100ms"),
        ("--threads", "0", "1 or more"),
        ("--today", "tomorrow", "expected one such as"),
    ] {
        let ran = run(["verify", flag, value, recording]).ends_with(2);
        has(&ran.stderr, &[flag, value, how]);
    }
}
