//! `wsaudit show`.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::harness::{Ran, has, run, sound_recording};
use super::terminal::Terminal;

fn show(more: &[&str]) -> Ran {
    let recording = sound_recording().as_os_str();
    let args = ["show".as_ref(), recording].into_iter();
    run(args.chain(more.iter().map(|arg| (*arg).as_ref())))
}

fn lines(ran: &Ran) -> Vec<Value> {
    let lines = ran.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A session of the recording, its frames and its bytes.
fn session() -> (String, u64) {
    let overview = lines(&show(&["--json"]).ends_with(0));
    let session = overview
        .iter()
        .find(|line| line["type"] == "session")
        .unwrap();
    let id = session["session"].as_str().unwrap().to_owned();
    (id, session["frames"].as_u64().unwrap())
}

#[test]
fn the_overview_has_sessions_connections_and_sources() {
    let shown = show(&[]).ends_with(0);
    has(
        &shown.stdout,
        &[
            "\n6 sessions\n",
            "\n8 connections\n",
            "u-ada",
            "TABLET_BROWSER",
            "/ws?device=LAPTOP_BROWSER",
            "fin, close code 1000",
            "--session header:x-session-id",
            &format!(
                "next: {} show ",
                assert_cmd::cargo::cargo_bin!("wsaudit").display()
            ),
        ],
    );
}

#[test]
fn tables_fit_the_terminal_and_are_whole_elsewhere() {
    let recording = sound_recording().display();
    let rows = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("  "));
        lines.map(|line| line.trim_end().to_owned()).collect()
    };
    let piped = rows(&show(&[]).ends_with(0).stdout);
    for (columns, cut) in [(200, false), (40, true)] {
        let terminal = Terminal::of_width(columns, &format!("show '{recording}'"));
        let (code, shown) = terminal.ends();
        assert_eq!(code, Some(0), "{shown}");
        let shown = rows(&shown);
        assert_eq!(shown.len(), piped.len());
        for line in &shown {
            assert!(line.chars().count() <= columns.into(), "{line}");
        }
        assert_eq!(shown.iter().any(|line| line.ends_with('…')), cut);
        assert_eq!(shown == piped, !cut);
    }
}

#[test]
fn the_overview_as_json_lines() {
    let overview = lines(&show(&["--json"]).ends_with(0));
    let of = |kind: &str| overview.iter().filter(|line| line["type"] == kind).count();
    assert_eq!((of("recording"), of("run")), (1, 1));
    assert_eq!((of("session"), of("connection")), (6, 8));
    assert!(of("candidate") > 0);
    assert_eq!((of("gap"), of("anomaly")), (0, 0));
}

#[test]
fn a_sessions_frames_are_all_its_own() {
    let (id, frames) = session();
    let shown = lines(&show(&["--session", &id, "--limit", "0", "--json"]).ends_with(0));
    assert_eq!(shown.len() as u64, frames);
    assert!(shown.iter().all(|line| line["session"] == id.as_str()));
    let seqs: Vec<_> = shown
        .iter()
        .map(|line| line["seq"].as_u64().unwrap())
        .collect();
    assert!(seqs.is_sorted());
}

#[test]
fn frames_as_text() {
    let (id, _) = session();
    let shown = show(&["--session", &id]).ends_with(0);
    has(
        &shown.stdout,
        &[
            &format!("server -> {id}  text"),
            "{\"type\":\"session_ready\"",
            &format!("{id} -> server  close"),
            "1000",
        ],
    );
}

#[test]
fn events_are_selected_by_name() {
    let shown = lines(&show(&["--event", "thread_created", "--json"]).ends_with(0));
    assert_eq!(shown.len(), 6);
    assert!(
        shown
            .iter()
            .all(|line| line["message"]["name"] == "thread_created")
    );
    let none = show(&["--event", "thread_craeted"]).ends_with(0);
    assert_eq!(none.stdout, "");
    has(
        &none.stderr,
        &["no message is named \"thread_craeted\"", "thread_created"],
    );
}

#[test]
fn the_limit_says_that_more_follow() {
    let shown = show(&["--connection", "2", "--limit", "3"]).ends_with(0);
    assert_eq!(shown.stdout.lines().count(), 3);
    has(&shown.stderr, &["the first 3 are shown", "--limit 0"]);
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let (id, _) = session();
    let ran = show(&["--session", "s-none"]).ends_with(2);
    has(ran.error(), &["there is no session \"s-none\"", &id]);
    let ran = show(&["--connection", "9"]).ends_with(2);
    has(
        ran.error(),
        &["there is no connection 9", "there are 8, from 1 to 8"],
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    // The reading end is closed before anything is written.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = Command::new(assert_cmd::cargo::cargo_bin!("wsaudit"))
        .args(["show", "--event", "agent_thinking"])
        .arg(sound_recording())
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}
