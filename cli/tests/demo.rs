//! `wsaudit demo`.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::Value;
use wsaudit_demo::Fault;

use super::harness::{has, run};

#[test]
fn a_clean_run_is_clean_and_says_what_is_next() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("new/recordings");
    let args = ["demo".as_ref(), "--out".as_ref(), out.as_os_str()];
    let ran = run(args).ends_with(0);
    let recording = out.join("sound.db").display().to_string();
    // As it was called, so that it can be pasted where no `wsaudit` is on the path.
    let called = assert_cmd::cargo::cargo_bin!("wsaudit").display();
    has(
        &ran.stdout,
        &[
            "verdict: clean",
            &format!("recording: {recording}"),
            &format!("  {called} show {recording}\n"),
            &format!("  {called} verify --rules agent-platform {recording}\n"),
            &format!("  sqlite3 {recording} "),
        ],
    );
    // The recording is not written over.
    has(run(args).ends_with(2).error(), &[&recording, "exists"]);
}

#[test]
fn a_leak_is_found_by_the_rule_meant_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let args = ["demo", "--leaky", "thread-in-foreign-list", "--out"].map(str::as_ref);
    let ran = run(args.into_iter().chain([directory.path().as_os_str()])).ends_with(1);
    has(
        &ran.stdout,
        &[
            "violated: foreign-thread",
            "found by the rule meant for it: foreign-thread",
        ],
    );
    let args = ["demo", "--leaky", "event-untagged", "--json", "--out"].map(str::as_ref);
    let ran = run(args.into_iter().chain([directory.path().as_os_str()])).ends_with(1);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["verdict"], "violated");
}

#[test]
fn faults_are_listed() {
    let ran = run(["demo", "--leaky", "list"]).ends_with(0);
    assert_eq!(ran.stdout.lines().count(), Fault::ALL.len());
    for fault in Fault::ALL {
        has(&ran.stdout, &[fault.name(), fault.describe()]);
    }
    let ran = run(["demo", "--leaky", "foreign-thread-answerd"]).ends_with(2);
    has(&ran.stderr, &["foreign-thread-answered"]);
}

#[test]
fn no_run_is_refused() {
    let ran = run(["demo", "--leaky", "all", "--runs", "0"]).ends_with(2);
    has(&ran.stderr, &["--runs", "1..=100000"]);
}

#[test]
fn every_fault_is_found_by_the_rule_meant_for_it() {
    let ran = run(["demo", "--leaky", "all"]).ends_with(0);
    let count = Fault::ALL.len();
    has(
        &ran.stdout,
        &[&format!(
            "{count} faults, {count} found by the rule meant for it and by no rule that has nothing to do \
             with it; without a fault clean; {} runs in all",
            count + 1
        )],
    );
    for fault in Fault::ALL {
        has(&ran.stdout, &[&format!("  {fault} ")]);
    }
}

/// `database_session_isolation` of the user of the scenarios and of the other one, with these rules.
fn database_isolation(recording: &Path, rules: &[&Path], code: i32) -> [Value; 2] {
    let mut args = vec!["verify".as_ref(), "--format".as_ref(), "json".as_ref()];
    for pack in rules {
        args.extend(["--rules".as_ref(), pack.as_os_str()]);
    }
    args.push(recording.as_os_str());
    let report: Value = serde_json::from_str(&run(args).ends_with(code).stdout).unwrap();
    let users = report["users"].as_array().unwrap();
    ["u-ada", "u-ben"].map(|id| {
        let user = users.iter().find(|user| user["user_id"] == id).unwrap();
        user["database_session_isolation"].clone()
    })
}

#[test]
fn a_recording_is_held_against_the_products_database() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path();
    for (fault, code) in [(None, 0), (Some("wrong-owner-stored"), 1)] {
        let mut args = vec!["demo".as_ref(), "--out".as_ref(), out.as_os_str()];
        args.extend(
            fault
                .into_iter()
                .flat_map(|it| ["--leaky".as_ref(), OsStr::new(it)]),
        );
        run(args).ends_with(code);
        let name = fault.unwrap_or("sound");
        let recording = out.join(format!("{name}.db"));
        let rules = out.join(format!("{name}.database.toml"));
        let platform = Path::new("agent-platform");
        // The wire alone says nothing about the database, whatever it holds.
        let alone = database_isolation(&recording, &[platform], 0);
        assert_eq!(alone, [Value::Null, Value::Null], "{name}");
        let held = database_isolation(&recording, &[platform, &rules], code);
        let expected = match fault {
            None => [Value::Bool(true), Value::Bool(true)],
            // The second user was shown nothing that the database says is another's.
            Some(_) => [Value::Bool(false), Value::Bool(true)],
        };
        assert_eq!(held, expected, "{name}");
    }
    // A row that is deleted, and one that is given away, are found with the database alone.
    let database = rusqlite::Connection::open(out.join("sound.app.db")).unwrap();
    let taken = "delete from user_threads where id = (select min(id) from user_threads)";
    assert_eq!(database.execute(taken, []).unwrap(), 1);
    let recording = out.join("sound.db");
    let rules = out.join("sound.database.toml");
    let held = database_isolation(&recording, &[&rules], 1);
    assert_eq!(held[0], Value::Bool(false));
}
