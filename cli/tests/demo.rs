//! `wsaudit demo`.

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
fn every_fault_is_found_by_the_rule_meant_for_it() {
    let ran = run(["demo", "--leaky", "all"]).ends_with(0);
    let count = Fault::ALL.len();
    has(
        &ran.stdout,
        &[&format!(
            "{count} faults, {count} found by the rule meant for it; the run without a fault is clean"
        )],
    );
    for fault in Fault::ALL {
        has(&ran.stdout, &[&format!("  {fault} ")]);
    }
}
