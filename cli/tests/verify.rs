//! `wsaudit verify`, and what every command has in common.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::harness::{Ran, has, run, sound_recording};

fn verify(more: &[&str]) -> Ran {
    let args = ["verify".as_ref(), sound_recording().as_os_str()].into_iter();
    run(args.chain(more.iter().map(|arg| (*arg).as_ref())))
}

#[test]
fn without_rules_what_no_rule_covers_is_listed() {
    let ran = verify(&[]).ends_with(0);
    has(
        &ran.stdout,
        &[
            "rules of protocol",
            "rules of handshake",
            "agent_completed",
            "/thread_id",
            "checked without --rules: only what holds for every application",
            "verdict: clean",
        ],
    );
}

#[test]
fn with_any_number_of_threads_the_report_is_the_same() {
    let said = |threads: &str| {
        let wanted = ["--rules", "agent-platform", "--format", "json", "--threads"];
        verify(&[&wanted[..], &[threads]].concat())
            .ends_with(0)
            .stdout
    };
    let alone = said("1");
    for threads in ["2", "3", "8", "1000"] {
        assert_eq!(said(threads), alone, "{threads} threads");
    }
    let none = verify(&["--threads", "0"]).ends_with(2);
    has(&none.stderr, &["--threads", "0"]);
}

#[test]
fn verbose_tells_how_often_events_matched() {
    let quiet = verify(&["--rules", "agent-platform"]).ends_with(0);
    assert!(!quiet.stdout.contains("events of agent-platform"));
    let verbose = verify(&["--rules", "agent-platform", "-v"]).ends_with(0);
    has(&verbose.stdout, &["events of agent-platform", "/user_id"]);
}

#[test]
fn what_rules_name_and_nothing_was_is_told_whatever_the_verdict() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules.toml");
    fs::write(
        &path,
        r#"
        [pack]
        name = "misspelt"
        format = 1

        [fields]
        thread = "/thred_id"

        [events]
        created = { from = "server", name = "thread_creatd" }
        asked = { from = "client", name = "open_thread" }
        other = { from = "client", name = "thread_list" }

        [[rule]]
        id = "foreign-thread"
        title = "a thread is seen by its owner"
        kind = "owned"
        resource = "thread"
        claimed-by = "created"
        used-by = ["asked", "other"]
        "#,
    )
    .unwrap();
    let ran = verify(&["--rules", path.to_str().unwrap()]).ends_with(3);
    has(
        &ran.stdout,
        &[
            "events that no message was: created, other\n",
            "  `created` asks for `thread_creatd`: did you mean `thread_created`, which the server sent ",
            "  `other` asks for `thread_list` of the other side: the server sent it ",
            "pointers that led to no value: /thred_id\n",
            "`wsaudit verify -v`",
        ],
    );
    let clean = verify(&["--rules", "agent-platform"]).ends_with(0);
    assert!(!clean.stdout.contains("no message was"));
    let pack = fs::read_to_string(&path).unwrap();
    let (names, _) = pack.split_once("[[rule]]").unwrap();
    let never = "[[rule]]\nid = \"n\"\ntitle = \"t\"\nkind = \"never\"\nevent = \"created\"\naccept = [{ reason = \"not-exercised\", why = \"w\" }]\n";
    fs::write(&path, format!("{names}{never}")).unwrap();
    let clean = verify(&["--rules", path.to_str().unwrap()]).ends_with(0);
    has(
        &clean.stdout,
        &["events that no message was: created, other\n"],
    );
}

#[test]
fn what_a_pack_says_of_sessions_to_no_effect_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules.toml");
    let told = |id: &str| {
        let pack = format!(
            "[pack]\nname = \"p\"\nformat = 1\n[session]\nid = {id}\n[[rule]]\nid = \"a\"\ntitle = \"t\"\nkind = \"protocol\"\n"
        );
        fs::write(&path, pack).unwrap();
        verify(&["--rules", path.to_str().unwrap()])
            .ends_with(0)
            .stdout
    };
    let idle = "a source that yielded nothing: `id` in [session] (header:X-Sesion, query:sid); ";
    has(
        &told("[\"header:X-Sesion\", \"query:sid\"]"),
        &[idle, "verdict: clean"],
    );
    let fine = told("[\"header:X-Sesion\", \"header:X-Session-ID\"]");
    assert!(!fine.contains("yielded nothing"), "{fine}");
}

#[test]
fn the_report_goes_to_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    let path = path.to_str().unwrap();
    let ran = verify(&[
        "--rules",
        "agent-platform",
        "--format",
        "json",
        "--output",
        path,
    ]);
    assert_eq!(ran.ends_with(0).stdout, "");
    let report: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(report["verdict"], "clean");
    assert_eq!(report["sessions"].as_array().unwrap().len(), 6);
    let ran = verify(&["--output", "/no/such/directory/report"]).ends_with(2);
    has(
        ran.error(),
        &["--output: cannot write to /no/such/directory/report"],
    );
}

/// Opening a pipe would wait for whoever writes to it.
#[cfg(unix)]
#[test]
fn a_pipe_is_refused_as_a_recording() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traffic.db");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    let ran = run(["verify".as_ref(), path.as_os_str()]);
    has(
        ran.ends_with(2).error(),
        &["this is no file that can be read twice"],
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for format in ["text", "json"] {
        let report = || verify(&["--rules", "agent-platform", "--format", format]).stdout;
        assert_eq!(report(), report());
    }
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    assert!(!verify(&[]).stdout.contains('\u{1b}'));
    assert!(verify(&["--color", "always"]).stdout.contains('\u{1b}'));
}

#[test]
fn a_reader_that_goes_away_does_not_change_the_exit_code() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = Command::new(assert_cmd::cargo::cargo_bin!("wsaudit"))
        .args(["verify", "--rules", "agent-platform"])
        .arg(sound_recording())
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(0));
}

#[test]
fn help_tells_examples_and_exit_codes() {
    for command in ["record", "verify", "test", "show", "demo"] {
        let ran = run([command, "--help"]).ends_with(0);
        has(
            &ran.stdout,
            &["Examples:", &format!("wsaudit {command}"), "Exit codes:"],
        );
    }
    has(
        &run(["--help"]).ends_with(0).stdout,
        &["Exit codes:", "3  inconclusive"],
    );
    run::<&str>([]).ends_with(2);
    has(&run(["verfy"]).ends_with(2).stderr, &["similar", "verify"]);
}

#[test]
fn the_cases_of_the_house_pass() {
    let house = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = super::harness::wsaudit()
        .current_dir(house)
        .arg("test")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    has(&said, &[" cases, ", " expectations: 0 failed"]);
    assert_eq!(output.status.code(), Some(0));
}
