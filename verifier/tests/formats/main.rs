//! The formats for other programs, and what a baseline makes of a report.

mod baseline;

use std::path::Path;

use serde_json::Value;
use wsaudit_verifier::case::Case;
use wsaudit_verifier::report::{
    self, Audit, Palette, Reason, Report, Shown, TextOptions, Unread, audit_json, github, html,
    junit, markdown, sarif, text_of_many,
};
use wsaudit_verifier::suite::{Directory, Prepared};

const LEAK: &str = include_str!("../cases/leak.md");

fn report(text: &str) -> Report {
    let case = Case::parse("leak.md", text).unwrap_or_else(|errors| panic!("{errors}"));
    let prepared =
        Prepared::new(&case, &Directory::of(Path::new("leak.md"))).expect("a shipped case");
    let verification = prepared.verify(&case).expect("memory can be read");
    report::report(&prepared.packs, &verification, &prepared.sources).expect("memory can be read")
}

/// The leak, without a leak: the foreign thread is refused.
fn refused() -> String {
    LEAK.replace("#! expect foreign-thread", "")
        .replace("A = session", "expect none\nA = session")
        .replace(
            r#"{"type":"thread","request":"r2","thread_id":"thr_9c","messages":["secret"]}"#,
            r#"{"type":"refused","request":"r2","thread_id":"thr_9c"}"#,
        )
}

fn clean() -> Report {
    report(&refused().replace("A = session", "rules only: foreign-thread\nA = session"))
}

fn inconclusive() -> Report {
    report(&refused().replace(
        "9.000  B  close 1000",
        "5.000  B  gap 3 frames: recorder stalled\n9.000  B  close 1000",
    ))
}

fn several() -> Audit {
    let mut partly = clean();
    partly.recordings[0].name = String::from("b/partly.db");
    partly.unread.push(Unread {
        recording: "b/broken.db".to_owned(),
        why: "b/broken.db: truncated".to_owned(),
    });
    Audit::of_many(vec![clean(), report(LEAK), inconclusive(), partly])
}

const PLAIN: TextOptions<'_> = TextOptions {
    palette: &Palette::PLAIN,
    width: None,
    shown: Shown::DEFAULT,
    coverage: None,
    survey: None,
    misses: None,
    remark: None,
};

fn text(audit: &Audit) -> String {
    match &audit.histories[..] {
        [report] => report::text(report, &PLAIN),
        _ => text_of_many(audit, &|_| PLAIN, false, None),
    }
}

/// Each format.
fn all(audit: &Audit) -> Vec<(&'static str, String)> {
    vec![
        ("text", text(audit)),
        ("json", audit_json(audit)),
        ("junit", junit(audit)),
        ("sarif", sarif(audit)),
        ("markdown", markdown(audit)),
        ("github", github(audit)),
        ("html", html(audit)),
    ]
}

/// What a snapshot holds of it: of the page, all but its own files.
fn shown(format: &str, told: String) -> String {
    if format != "html" {
        return told;
    }
    let between = |from: &str, to: &str| {
        let (_, rest) = told.split_once(from).expect(from);
        let (within, _) = rest.split_once(to).expect(to);
        within.to_owned()
    };
    let header = between("<header", "</header>");
    let main = between("<main", "</main>");
    format!("<header{header}</header>\n<main{main}</main>\n")
}

#[test]
fn a_leak_in_each_format() {
    let audit = Audit::of(report(LEAK));
    for (format, told) in all(&audit) {
        // The text and the JSON of one history have snapshots of their own.
        if !["text", "json"].contains(&format) {
            // A release changes its number, and nothing else.
            let version = concat!("\"semanticVersion\": \"", env!("CARGO_PKG_VERSION"), "\"");
            let told = told.replace(version, "\"semanticVersion\": \"VERSION\"");
            let told = shown(format, told);
            insta::assert_snapshot!(format!("leak-{format}"), told);
        }
    }
}

#[test]
fn several_histories_in_each_format() {
    let audit = several();
    for (format, told) in all(&audit) {
        if !["json", "sarif"].contains(&format) {
            insta::assert_snapshot!(format!("several-{format}"), shown(format, told));
        }
    }
    let json: Value = serde_json::from_str(&audit_json(&audit)).unwrap();
    assert_eq!(json["verdict"], "violated");
    assert_eq!(json["histories"].as_array().unwrap().len(), 4);
    assert_eq!(
        json["histories"][3]["unread"][0]["recording"],
        "b/broken.db"
    );
    assert_eq!(audit.exit_code(), 2, "not all could be read");
}

#[test]
fn the_same_input_gives_the_same_bytes_in_each_format() {
    for _ in 0..3 {
        assert_eq!(all(&several()), all(&several()));
    }
}

#[test]
fn sarif_tells_each_rule_of_each_history_by_how_it_ends() {
    let log: Value = serde_json::from_str(&sarif(&several())).unwrap();
    let run = &log["runs"][0];
    let kinds: Vec<_> = run["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            let level = result["level"].as_str().unwrap();
            assert_eq!(level == "error", result["kind"] == "fail", "{result}");
            assert!(
                result["locations"][0]["physicalLocation"]["region"]["startLine"]
                    .as_u64()
                    .is_some_and(|line| line > 0),
                "code scanning takes no result without a place: {result}"
            );
            result["kind"].as_str().unwrap()
        })
        .collect();
    for kind in ["pass", "fail", "open", "notApplicable"] {
        assert!(kinds.contains(&kind), "no {kind} in {kinds:?}");
    }
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(run["invocations"][0]["exitCode"], 2);
    assert_eq!(
        run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"],
        "b/broken.db: truncated"
    );
}

/// A recording comes from anybody, and so does its name.
#[test]
fn the_name_of_a_recording_moves_no_cursor() {
    let mut two = report(LEAK);
    two.recordings.push(two.recordings[0].clone());
    for line in &mut two.violations[0].evidence {
        line.recording = Some("a\u{1b}[31m.db".to_owned());
    }
    let text = report::text(&two, &PLAIN);
    assert!(text.contains("a\\u{1b}[31m.db"), "{text}");
    let audit = Audit::of(two);
    for told in [text, junit(&audit), markdown(&audit)] {
        assert!(!told.contains('\u{1b}'), "{told}");
    }
}

/// GitHub takes no log of more than 25,000 results.
#[test]
fn a_sarif_log_stays_short_and_says_what_it_leaves_out() {
    let mut many = report(LEAK);
    let one = many.violations[0].clone();
    many.violations = vec![one.clone(); 30_000];
    many.violations.push(report::Violation {
        fingerprint: "0123456789abcdef".to_owned(),
        ..one
    });
    let log: Value = serde_json::from_str(&sarif(&Audit::of(many.clone()))).unwrap();
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    let failed = results.iter().filter(|result| result["kind"] == "fail");
    assert_eq!(failed.count(), 4_500);
    let print = |result: &Value| result["partialFingerprints"]["wsaudit/v1"].clone();
    assert!(results.iter().any(|it| print(it) == "0123456789abcdef"));
    let said = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    let said = said.as_str().unwrap();
    assert!(said.starts_with("25501 more violations "), "{said}");
    // As many alerts as violations.
    for (number, violation) in many.violations.iter_mut().enumerate() {
        violation.fingerprint = format!("{number:016x}");
    }
    let log: Value = serde_json::from_str(&sarif(&Audit::of(many))).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let failed = results.iter().filter(|result| result["kind"] == "fail");
    assert_eq!(failed.count(), 4_500);
}

#[test]
fn annotations_are_few_and_the_worst_come_first() {
    let gap = |number: usize| {
        let mut one = inconclusive();
        one.reasons[0].message = format!("gap {number}");
        one
    };
    let mut histories: Vec<_> = (0..12).map(gap).collect();
    histories.push(report(LEAK));
    let many = Audit::of_many(histories);
    let told = github(&many);
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), 9, "{told}");
    assert!(lines[0].starts_with("::error file="), "{told}");
    assert!(lines[0].contains("title=foreign-thread::"), "{told}");
    assert!(
        lines[1..8]
            .iter()
            .all(|line| line.starts_with("::warning "))
    );
    assert!(lines[8].starts_with("::notice title=wsaudit::+"), "{told}");
    assert!(
        lines[8].contains("::+6 more"),
        "12 gaps, a leak, and what none exercised: {told}"
    );
    assert_eq!(github(&Audit::of(clean())), "");
    let same = Audit::of_many(vec![inconclusive(), inconclusive()]);
    let told = github(&same);
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.contains("(and in 1 more histories)"), "{told}");
}

#[test]
fn an_annotation_is_a_fault_and_not_each_time_it_happened() {
    let one = github(&Audit::of(report(LEAK)));
    let three = Audit::of_many(vec![report(LEAK), report(LEAK), report(LEAK)]);
    let told = github(&three);
    let errors = |told: &str| {
        told.lines()
            .filter(|line| line.starts_with("::error "))
            .count()
    };
    assert_eq!(errors(&told), errors(&one), "{told}");
    assert!(told.contains("; 2 more with this fingerprint)"), "{told}");
    let mut unread = inconclusive();
    unread.unread = vec![Unread {
        recording: "a.db".to_owned(),
        why: "a.db: truncated".to_owned(),
    }];
    unread.reasons[0].reason = "unread";
    let told = github(&Audit::of(unread));
    assert_eq!(
        told.matches("a.db: truncated").count(),
        1,
        "told once: {told}"
    );
    assert!(!told.contains("wsaudit%3A unread"), "{told}");
}

#[test]
fn what_one_history_does_not_exercise_another_one_may() {
    let mut idle = clean();
    idle.verdict = "inconclusive";
    idle.rules[0].state = "not exercised";
    idle.reasons.push(Reason {
        reason: "not-exercised",
        rules: vec!["rooms/foreign-thread".to_owned()],
        message: "nothing happened".to_owned(),
        settle: "record".to_owned(),
        recording: None,
        seq: None,
    });
    let alone = Audit::of_many(vec![idle.clone(), idle.clone()]);
    assert_eq!(alone.verdict, "inconclusive");
    let both = Audit::of_many(vec![idle.clone(), clean()]);
    assert_eq!((both.verdict, both.exit_code()), ("clean", 0));
    let told = text(&both);
    assert!(
        told.contains("leak.md: inconclusive (1 rule not exercised here, but in another history)"),
        "{told}"
    );
    assert_eq!(github(&both), "");
    idle.reasons[0].reason = "gap";
    let both = Audit::of_many(vec![idle, clean()]);
    assert_eq!(
        both.exit_code(),
        3,
        "a gap is not settled by another history"
    );
}

/// What clients send is no command to a runner, no markup and no broken document.
#[test]
fn what_is_recorded_stays_data() {
    let evil = "x]]>&<b>|`@all\\u0000\\u001b[31m\\n::error::x\\u2028\u{1F600}";
    let text = LEAK.replace("thr_9c", evil);
    let audit = Audit::of(report(&text));
    assert_eq!(audit.verdict, "violated");
    for (format, told) in all(&audit) {
        assert!(told.contains('\u{1F600}'), "{format}: {told}");
        assert!(!told.contains(['\0', '\u{1b}']), "{format}: {told}");
        // JSON holds ids as they are.
        assert!(
            !told.contains('\u{2028}') || ["json", "sarif"].contains(&format),
            "{format}: {told}"
        );
        let commands = told
            .lines()
            .filter(|line| line.trim_start().starts_with("::"));
        let own = github(&audit).lines().count();
        assert_eq!(
            commands.count(),
            if format == "github" { own } else { 0 },
            "{format}: {told}"
        );
    }
    let xml = junit(&audit);
    quick_junit::Report::deserialize_from_str(&xml).unwrap();
}

#[test]
fn a_text_that_begins_like_a_command_is_none() {
    let text = LEAK.replace("u-1", "::stop-commands::t");
    let told = text_of_many(
        &Audit::of_many(vec![report(&text), report(LEAK)]),
        &|_| PLAIN,
        true,
        None,
    );
    assert!(told.contains("\n\\u{3a}:stop-commands::t: "), "{told}");
    assert!(!told.lines().any(|line| line.trim_start().starts_with("::")));
}
