//! `wsaudit explain` and `wsaudit slice`: from a fingerprint to the whole story, and to a fixture.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::harness::{Ran, has, run};

fn fixture(path: &str) -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    fixtures.join(path).display().to_string()
}

/// A command over the recording of the chat that leaks.
fn leaky(command: &str, more: &[&str]) -> Ran {
    let (rules, recording) = (
        fixture("peers/chat/rules.toml"),
        fixture("golden/chat-leaky.db"),
    );
    let mut args = vec![command, "--rules", &rules, &recording];
    args.extend(more);
    run(args)
}

fn fingerprint() -> String {
    let ran = leaky("verify", &["--format", "json"]).ends_with(1);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    report["violations"][0]["fingerprint"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_story_has_the_argument_who_was_there_and_the_frames_around() {
    let fingerprint = fingerprint();
    let ran = leaky("explain", &[&fingerprint]).ends_with(0);
    has(
        &ran.stdout,
        &[
            "violated: room-messages: ",
            "the first of 4 with this fingerprint",
            "rule room-messages of the pack chat, of kind owned: what is said in a room",
            "who was there",
            "  connection ",
            "what happened on this connection",
            "[1] frame ",
            " more\n",
        ],
    );
    let beginning = leaky("explain", &[&fingerprint[..6]]).ends_with(0);
    assert_eq!(beginning.stdout, ran.stdout);
    let alone = leaky("explain", &["--around", "0", &fingerprint]).ends_with(0);
    assert!(alone.stdout.lines().count() < ran.stdout.lines().count());
}

#[test]
fn a_story_is_data_too() {
    let ran = leaky("explain", &["--json", "--around", "1", &fingerprint()]).ends_with(0);
    let story: Value = serde_json::from_str(&ran.stdout).unwrap();
    let lines = story["violation"]["evidence"].as_array().unwrap().len();
    let happened = story["happened"].as_array().unwrap();
    let proves = |it: &&Value| !it["proves"].as_array().unwrap().is_empty();
    assert_eq!(happened.iter().filter(proves).count(), lines);
    assert!(happened.len() > lines && happened.len() <= lines * 3);
    assert_eq!(story["alike"], 4);
    assert_eq!(story["rule"]["id"], "room-messages");
    let seqs: Vec<_> = happened
        .iter()
        .map(|it| it["seq"].as_u64().unwrap())
        .collect();
    assert!(seqs.is_sorted(), "{seqs:?}");
}

#[test]
fn a_slice_is_a_case_that_wsaudit_test_takes() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("cut.md");
    let out = out.to_str().unwrap();
    let ran = leaky("slice", &[&fingerprint(), "--out", out]).ends_with(0);
    has(&ran.stderr, &["1 message of ", "cut.md` runs it"]);
    let text = fs::read_to_string(out).unwrap();
    has(
        &text,
        &[
            "Cut from chat-leaky.db by",
            "rules only: room-messages",
            "#! expect room-messages",
        ],
    );
    let tested = run(["test", out]).ends_with(0);
    has(&tested.stdout, &["1 case, 1 expectation: 0 failed"]);
    // Nothing is written over.
    let again = leaky("slice", &[&fingerprint(), "--out", out]).ends_with(2);
    has(
        &again.stderr,
        &["cut.md exists; name another file, or remove it"],
    );
    // Without a file, it is printed.
    let printed = leaky("slice", &[&fingerprint()]).ends_with(0);
    has(&printed.stdout, &["```trace", "#! expect room-messages"]);
}

/// Who received what: no pack of this one tags, the recorder did.
const ADDRESSED: &str = r#"
[pack]
name   = "addressed"
format = 1
[message]
name = "/type"
[fields]
who = "/from"
[events]
said = { from = "server", name = "message" }
[[rule]]
id    = "own-words"
title = "what somebody said is told to nobody else"
kind  = "addressed"
field = "who"
to    = "user"
event = "said"
"#;

/// The argument says by which source the recorder knew a connection's session, and a case does not.
#[test]
fn what_rests_on_the_tags_of_the_recorder_is_cut_into_a_case() {
    let directory = tempfile::tempdir().unwrap();
    let rules = directory.path().join("rules.toml");
    fs::write(&rules, ADDRESSED).unwrap();
    let out = directory.path().join("cut.md");
    let (rules, out) = (rules.to_str().unwrap(), out.to_str().unwrap());
    let recording = fixture("golden/chat-leaky.db");
    let of = |command: &str, more: &[&str]| {
        let args = [command, "--rules", rules, &recording];
        run(args.iter().chain(more))
    };
    let report = of("verify", &["--format", "json"]).ends_with(1);
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    let violation = &report["violations"][0];
    let line = violation["evidence"][0]["text"].as_str().unwrap();
    has(
        line,
        &["speaks for session ", " (server-message:/session_id)"],
    );
    let fingerprint = violation["fingerprint"].as_str().unwrap();
    of("slice", &[fingerprint, "--out", out]).ends_with(0);
    has(
        &fs::read_to_string(out).unwrap(),
        &["(server-message:/session_id)", "#! expect own-words"],
    );
    let tested = run(["test", out]).ends_with(0);
    has(&tested.stdout, &["1 case, 1 expectation: 0 failed"]);
}

/// A header as the recorder's source of users.
#[test]
fn what_no_case_can_name_is_said_with_what_can_hold_it() {
    let directory = tempfile::tempdir().unwrap();
    let [rules, recording, out] = ["rules.toml", "traffic.db", "cut.db"].map(|name| {
        let path = directory.path().join(name);
        path.to_str().unwrap().to_owned()
    });
    fs::write(&rules, ADDRESSED).unwrap();
    fs::copy(fixture("golden/chat-leaky.db"), &recording).unwrap();
    let database = rusqlite::Connection::open(&recording).unwrap();
    let edit = "update tag set value = 'Bearer ' || value where kind = 'user'";
    database.execute(edit, []).unwrap();
    drop(database);
    let of = |command: &str, more: &[&str]| {
        let args = [command, "--rules", &rules, &recording];
        run([&args[..], more].concat())
    };
    let report: Value = serde_json::from_str(&of("verify", &["--json", "-"]).stdout).unwrap();
    let fingerprint = report["violations"][0]["fingerprint"].as_str().unwrap();
    let ran = of("slice", &[fingerprint]).ends_with(2);
    has(
        ran.error(),
        &["has white space or a comma in it; `--out FILE.db` writes it as a recording"],
    );
    of("slice", &[fingerprint, "--out", &out]).ends_with(0);
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let unknown = leaky("explain", &["ffff"]).ends_with(2);
    let expected = format!("there are {} (room-messages)", fingerprint());
    has(
        &unknown.stderr,
        &["no violation has the fingerprint ffff", &expected],
    );
    let recording = fixture("golden/chat-leaky.db");
    let without_rules = run(["explain", recording.as_str(), "ffff"]).ends_with(2);
    has(
        &without_rules.stderr,
        &["give the --rules that `wsaudit verify` was given"],
    );
    let directory = fixture("golden");
    let directory = run(["explain", directory.as_str(), "ffff"]).ends_with(2);
    has(
        &directory.stderr,
        &["is a directory: name the recordings of one history"],
    );
    let alone = run(["explain", recording.as_str()]).ends_with(2);
    has(
        &alone.stderr,
        &["name a recording, and then the fingerprint"],
    );
    let missing = run(["slice", "no-such.db", "ffff"]).ends_with(2);
    has(&missing.stderr, &["no-such.db"]);
    let text = leaky("slice", &[&fingerprint(), "--out", "cut.txt"]).ends_with(2);
    has(
        &text.stderr,
        &["--out cut.txt: a case is called *.md, a recording *.db"],
    );
    assert!(!PathBuf::from("cut.txt").exists());
}

/// What is shown of such a path is no path.
#[cfg(target_os = "linux")]
#[test]
fn a_recording_whose_path_is_no_utf8_is_cut() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(OsStr::from_bytes(b"caf\xE9.db"));
    fs::copy(fixture("golden/chat-leaky.db"), &path).unwrap();
    let out = directory.path().join("cut.db");
    let (rules, fingerprint) = (fixture("peers/chat/rules.toml"), fingerprint());
    let args = ["slice", "--rules", &rules, &fingerprint, "--out"].map(OsStr::new);
    let [slice, flag, rules, fingerprint, to] = args;
    let all = [
        slice,
        flag,
        rules,
        path.as_os_str(),
        fingerprint,
        to,
        out.as_os_str(),
    ];
    has(&run(all).ends_with(0).stderr, &["cut.db: 1 message of "]);
}

#[test]
fn a_slice_is_a_recording_of_what_shows_the_violation_and_of_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("cut.db");
    let fingerprint = fingerprint();
    let ran = leaky("slice", &[&fingerprint, "--out", out.to_str().unwrap()]).ends_with(0);
    has(&ran.stderr, &["cut.db: 1 message of "]);
    let rules = fixture("peers/chat/rules.toml");
    let verified = run(["verify", "--rules", &rules, out.to_str().unwrap()]).ends_with(1);
    has(&verified.stdout, &[&format!("fingerprint {fingerprint}")]);
    // One file, which its owner alone can read, with one message in it.
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&out).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let database = rusqlite::Connection::open(&out).unwrap();
    let count = |table: &str| -> i64 {
        let count = format!("select count(*) from {table}");
        database.query_row(&count, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(
        (count("frame"), count("connection"), count("gap")),
        (1, 1, 0)
    );
    assert_eq!(count("session_frame where session_id is not null"), 1);
    // The bytes of what was left out are nowhere in it.
    let bytes = fs::read(&out).unwrap();
    let holds = |text: &str| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(holds("The roses need water."));
    assert!(!holds("Who ate the last apricot?"));
    let again = leaky("slice", &[&fingerprint, "--out", out.to_str().unwrap()]).ends_with(2);
    has(
        &again.stderr,
        &["cut.db exists; name another file, or remove it"],
    );
}
