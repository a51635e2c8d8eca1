//! Where reports go, and where they must not.

use std::fs;
use std::path::Path;

use super::{CHAT, HOUSE, LEAKY, Place, house};
use crate::harness::{Ran, has, wsaudit};

#[test]
fn two_reports_never_share_a_place() {
    for (args, parts) in [
        (
            &["--junit", "-", "--sarif", "-"][..],
            ["--junit", "--sarif"],
        ),
        (&["--github", "--json", "-"], ["--json", "--github"]),
        (&["--github", "--format", "text"], ["--github", "--format"]),
        (&["--junit", "a", "--output", "a"], ["--junit", "--output"]),
        (&["--junit", "-", "--output", "-"], ["--junit", "--output"]),
    ] {
        let ran = house(&[&["verify", LEAKY], args].concat()).ends_with(2);
        has(ran.error(), &parts);
        has(ran.error(), &["both write to"]);
        assert_eq!(ran.stdout, "");
    }
    let ran = house(&["verify", "--rules", CHAT, "--markdown", "-", LEAKY]).ends_with(1);
    assert!(
        ran.stdout.starts_with("## wsaudit: violated"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_dash_is_standard_output_for_every_report() {
    let place = Place::new();
    let leaky = place.name("leaky.db");
    place.put("leaky.db", LEAKY);
    for more in [&[][..], &["--format", "json"], &["--format", "github"]] {
        let told = |output: &[&str]| {
            let args = [&["verify", &leaky], more, output].concat();
            let mut command = wsaudit();
            command.current_dir(place.dir()).args(args);
            command.env_remove("GITHUB_STEP_SUMMARY");
            Ran::of(&mut command).stdout
        };
        assert_eq!(told(&["--output", "-"]), told(&[]), "{more:?}");
    }
    assert!(!place.path("-").exists());
}

/// Whatever writes there, with or without clap's help.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_alike_by_all_that_write_to_standard_output() {
    let recording = Path::new(HOUSE).join(LEAKY);
    let recording = recording.to_str().unwrap();
    let json = house(&["verify", "--rules", CHAT, "--json", "-", LEAKY]).ends_with(1);
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let fingerprint = report["violations"][0]["fingerprint"].as_str().unwrap();
    for args in [
        &["--help"][..],
        &["verify", "-h"],
        &["--version"],
        &["completions", "bash"],
        &["man"],
        &["rules", "schema"],
        &["rules", "doc"],
        &["show", recording],
        &["show", "--json", recording],
        &["verify", recording],
        &["verify", "--json", "-", recording],
        &["explain", "--json", "--rules", CHAT, recording, fingerprint],
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let ended = std::process::Command::new(assert_cmd::cargo::cargo_bin!("wsaudit"))
            .current_dir(HOUSE)
            .args(args)
            .stdout(full)
            .output()
            .unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{args:?}: {told}");
        assert_eq!(
            told, "error: cannot write to standard output: No space left on device (os error 28)\n",
            "{args:?}"
        );
    }
}

#[test]
fn what_cannot_be_written_is_told_before_anything_is_verified() {
    let place = Place::new();
    let (good, bad) = (place.name("good.xml"), place.name("no/such/dir/a.sarif"));
    fs::write(&good, "an earlier report").unwrap();
    let html = place.name("new.html");
    let args = [
        "verify",
        "--rules",
        CHAT,
        LEAKY,
        "--sarif",
        &bad,
        "--junit",
        &good,
        "--html",
        &html,
        "--json",
        place.dir(),
    ];
    let ran = house(&args).ends_with(2);
    let lines: Vec<_> = ran.stderr.lines().collect();
    let [first, second] = lines[..] else {
        panic!("{}", ran.stderr);
    };
    has(first, &["error: --json: cannot write to", "is a directory"]);
    has(
        second,
        &["error: --sarif: cannot write to", &bad, "make it first"],
    );
    assert_eq!(ran.stdout, "");
    assert_eq!(place.read("good.xml"), "an earlier report");
    let left = fs::read_dir(place.0.path()).unwrap().count();
    assert_eq!(left, 1, "nothing is left behind");

    // Nor is what an earlier run has written touched by one that comes to nothing.
    let missing = [
        "verify",
        "--rules",
        "/no/such/rules.toml",
        LEAKY,
        "--junit",
        &good,
    ];
    house(&missing).ends_with(2);
    assert_eq!(place.read("good.xml"), "an earlier report");
    let known = place.name("no/known.toml");
    let ran = house(&["verify", LEAKY, "--write-baseline", &known]).ends_with(2);
    has(
        ran.error(),
        &["--write-baseline: cannot write to", "make it first"],
    );
}

/// A report in the place of the recording would be the end of that recording.
#[test]
fn a_report_does_not_replace_a_recording_or_a_rule_pack() {
    let place = Place::new();
    place.put("a.db", LEAKY);
    place.put("rules.toml", CHAT);
    let before = fs::read(place.path("a.db")).unwrap();
    for flag in ["--json", "--html", "--output"] {
        for name in ["a.db", "rules.toml"] {
            let ran = house(&["verify", flag, &place.name(name), LEAKY]).ends_with(2);
            has(
                ran.error(),
                &[flag, name, "is no report; name another file"],
            );
        }
    }
    assert!(fs::read(place.path("a.db")).unwrap() == before);
    // One file under two names is one.
    let (one, other) = (place.name("out"), format!("{}/./out", place.dir()));
    let ran = house(&["verify", LEAKY, "--json", &one, "--junit", &other]).ends_with(2);
    has(ran.error(), &["both write to"]);
}

#[test]
#[cfg(target_os = "linux")]
fn what_fails_while_it_is_written_is_told_and_the_rest_is_written() {
    let place = Place::new();
    let good = place.name("good.xml");
    let args = [
        "verify",
        "--rules",
        CHAT,
        LEAKY,
        "--sarif",
        "/dev/full",
        "--junit",
        &good,
    ];
    let ran = house(&args).ends_with(2);
    has(ran.error(), &["cannot write the report to /dev/full"]);
    has(&ran.stdout, &["verdict: violated"]);
    has(&place.read("good.xml"), &["<failure "]);
    let left = fs::read_dir(place.0.path()).unwrap().count();
    assert_eq!(left, 1, "nothing but the report is left");
}
