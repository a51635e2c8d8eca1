//! A recorder's machine whose clock is set while it records, or between two runs.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use serde_json::Value;

use super::harness::{has, run};

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures")
        .join(path)
}

/// A copy of a golden recording, changed as `change` wants it.
fn copy(directory: &Path, name: &str, change: impl FnOnce(&Connection)) -> String {
    let path = directory.join(name);
    fs::copy(fixture("golden/chat-sound.db"), &path).unwrap();
    let database = Connection::open(&path).unwrap();
    change(&database);
    drop(database);
    path.display().to_string()
}

/// The clock is set by so many seconds, and that is noted at +10 s.
fn step(database: &Connection, seconds: i64) {
    let anchor = "insert into clock_anchor (run_id, at, wall)
                  select run_id, 10000000000, wall + 10000000000 + ? from clock_anchor where at = 0";
    database
        .execute(anchor, params![seconds * 1_000_000_000])
        .unwrap();
    let later = "update clock_anchor set wall = wall + ? where at > 10000000000";
    database
        .execute(later, params![seconds * 1_000_000_000])
        .unwrap();
}

fn report(args: &[&str]) -> Value {
    let rules = fixture("peers/chat/rules.toml");
    let mut all = vec![
        "verify",
        "--format",
        "json",
        "--rules",
        rules.to_str().unwrap(),
    ];
    all.extend(args);
    let ran = run(all);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr))
}

#[test]
fn times_within_a_run_do_not_follow_a_clock_that_is_set() {
    let directory = tempfile::tempdir().unwrap();
    let untouched = copy(directory.path(), "a.db", |_| {});
    let expected = report(&[&untouched]);
    assert_eq!(expected["verdict"], "clean");
    for seconds in [-3_600, 3_600] {
        fs::remove_file(directory.path().join("a.db")).unwrap();
        let set = copy(directory.path(), "a.db", |database| step(database, seconds));
        assert_eq!(report(&[&set]), expected, "{seconds} s");
    }
}

#[test]
fn beside_another_recording_a_clock_that_was_set_is_a_doubt_that_the_tolerance_settles() {
    let directory = tempfile::tempdir().unwrap();
    let set = copy(directory.path(), "a.db", |database| step(database, -2));
    // Another recorder's: another run.
    let other = copy(directory.path(), "b.db", |database| {
        database
            .execute_batch("update run set uuid = 'b'; update connection set uuid = 'b-' || id")
            .unwrap();
    });
    let said = |report: &Value| -> Vec<String> {
        let reasons = report["reasons"].as_array().unwrap().iter();
        reasons
            .map(|reason| reason["message"].as_str().unwrap().to_owned())
            .filter(|message| message.contains("the clock of"))
            .collect()
    };
    let doubts = said(&report(&[&set, &other]));
    let [doubt] = &doubts[..] else {
        panic!("{doubts:?}");
    };
    has(
        doubt,
        &[
            "a.db was set back by 2.000 s before +10.000 s, while it recorded: its order against the other",
        ],
    );
    assert_eq!(said(&report(&["--skew", "3s", &set, &other])), [""; 0]);
}

#[test]
fn a_run_that_begins_before_the_one_before_it_ended_is_a_doubt() {
    let directory = tempfile::tempdir().unwrap();
    let added = copy(directory.path(), "a.db", |database| {
        database
            .execute_batch(
                "insert into run (id, part, uuid, started_at, first_seq, ended_at, closed_cleanly, tool_version, config)
                 select 2, 1, 'second', started_at - 1000000000, 100000, 1000000000, 1, tool_version, config
                   from run where id = 1;
                 insert into clock_anchor (run_id, at, wall)
                 select 2, 0, wall - 1000000000 from clock_anchor where run_id = 1 and at = 0",
            )
            .unwrap();
    });
    let report = report(&[&added]);
    assert_eq!(report["verdict"], "inconclusive");
    let reasons = report["reasons"].to_string();
    has(
        &reasons,
        &[
            "between two runs: how long it was from one to the other is not known",
            "verify recordings of one run each",
        ],
    );
}

/// A rule that is kept within each recording: what a room is told comes before its sender is told so.
const ORDER: &str = r#"
[pack]
name   = "order"
format = 1

[message]
name = "/type"

[events]
message = { from = "server", name = "message", where = { "/id" = "m-1" } }
said    = { from = "server", name = "said", where = { "/id" = "m-1" } }

[[rule]]
id    = "message-before-said"
title = "a message comes before the word that it was said"
kind  = "never"
event = "message"
after = "said"
per   = "user"
"#;

#[test]
fn the_order_of_what_two_recordings_show_closer_than_the_skew_is_not_known() {
    let directory = tempfile::tempdir().unwrap();
    let rules = directory.path().join("order.toml");
    fs::write(&rules, ORDER).unwrap();
    let one = copy(directory.path(), "a.db", |_| {});
    // The same again, by a recorder whose clock is so many milliseconds ahead.
    let other = |ahead: i64| {
        let name = format!("{ahead}.db");
        copy(directory.path(), &name, |database| {
            let sql = format!(
                "update run set uuid = 'b', started_at = started_at + {ahead}000000;
                 update connection set uuid = 'b-' || id;
                 update clock_anchor set wall = wall + {ahead}000000"
            );
            database.execute_batch(&sql).unwrap();
        })
    };
    let (close, apart) = (other(50), other(2_000));
    let verify = |recordings: &[&str], skew: &[&str]| {
        let mut args = vec!["verify", "--rules", rules.to_str().unwrap()];
        args.extend(recordings.iter().chain(skew));
        run(args)
    };
    verify(&[&one], &[]).ends_with(0);
    // Clocks that are believed; the tolerance that they are given; one that they are not.
    verify(&[&one, &close], &["--skew", "0s"]).ends_with(1);
    let doubtful = verify(&[&one, &close], &[]).ends_with(3);
    has(
        &doubtful.stdout,
        &["may be 100 ms apart, and which of the two came first is not known"],
    );
    verify(&[&one, &apart], &[]).ends_with(1);
    verify(&[&one, &apart], &["--skew", "3s"]).ends_with(3);
}
