//! The formats for other programs, and what a baseline makes of a report.

use std::path::Path;

use serde_json::Value;
use wsaudit_verifier::baseline::{Baseline, start};
use wsaudit_verifier::case::Case;
use wsaudit_verifier::date::Date;
use wsaudit_verifier::report::{
    self, Audit, Palette, Reason, Report, Shown, TextOptions, Unread, audit_json, github, html,
    junit, markdown, sarif, text_of_many,
};
use wsaudit_verifier::suite::{Directory, Prepared};

const LEAK: &str = include_str!("cases/leak.md");

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

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

/// A baseline of the leak, with its reasons filled in.
fn baseline() -> String {
    let audit = Audit::of(report(LEAK));
    let text = start(&audit, None, day("2026-11-25"), day("2027-02-23"));
    text.replace("\"TODO\"", "\"the search index is shared, WEB-1\"")
}

#[test]
fn a_baseline_begins_with_what_was_found_and_without_reasons() {
    let audit = Audit::of(report(LEAK));
    let text = start(&audit, None, day("2026-11-25"), day("2027-02-23"));
    insta::assert_snapshot!("baseline", text);
    let errors = Baseline::parse("known.toml", &text).unwrap_err();
    assert!(errors.to_string().contains("an entry without a reason"));
    assert_eq!(
        Baseline::parse("known.toml", &baseline())
            .unwrap()
            .entries
            .len(),
        1
    );
    let nothing = start(
        &Audit::of(clean()),
        None,
        day("2026-11-25"),
        day("2027-02-23"),
    );
    assert_eq!(Baseline::parse("b", &nothing).unwrap().entries, []);
}

#[test]
fn what_is_known_does_not_fail_until_it_expires() {
    let known = Baseline::parse("known.toml", &baseline()).unwrap();
    let only = LEAK.replace("A = session", "rules only: foreign-thread\nA = session");
    let judged = |text: &str, today| {
        let mut audit = Audit::of(report(text));
        known.apply(day(today), &mut audit);
        audit
    };
    let fine = judged(&only, "2027-02-23");
    assert_eq!((fine.verdict, fine.exit_code()), ("clean", 0));
    assert_eq!(fine.histories[0].rules[0].state, "violated", "it is");
    assert_eq!(fine.histories[0].rules[0].known, 1);
    insta::assert_snapshot!("known-text", text(&fine));
    assert!(junit(&fine).contains("skipped"), "{}", junit(&fine));
    let log: Value = serde_json::from_str(&sarif(&fine)).unwrap();
    assert_eq!(
        log["runs"][0]["results"][0]["suppressions"][0]["status"],
        "accepted"
    );
    assert!(github(&fine).starts_with("::notice file="));
    let rest = judged(LEAK, "2027-02-23");
    assert_eq!(
        (rest.verdict, rest.exit_code()),
        ("inconclusive", 3),
        "as the rest says"
    );
    let late = judged(&only, "2027-02-24");
    assert_eq!((late.verdict, late.exit_code()), ("violated", 1));
    insta::assert_snapshot!("expired-text", text(&late));
    let json: Value = serde_json::from_str(&audit_json(&late)).unwrap();
    assert_eq!(json["baseline"]["expired"], 1);
    assert_eq!(json["violations"][0]["standing"]["outcome"], "expired");
    assert_eq!(
        json["users"][0]["violations"][0]["standing"]["outcome"], "expired",
        "users have the same"
    );
}

#[test]
fn what_is_new_fails_and_what_is_gone_is_told_only_where_that_is_certain() {
    let other = baseline().replace("fingerprint = \"", "fingerprint = \"0000");
    let cut: String = other
        .lines()
        .map(|line| match line.strip_prefix("fingerprint = \"") {
            Some(rest) => format!("fingerprint = \"{}\"\n", &rest[..16]),
            None => format!("{line}\n"),
        })
        .collect();
    let known = Baseline::parse("known.toml", &cut).unwrap();
    let judged = |mut audit: Audit| {
        known.apply(day("2026-11-25"), &mut audit);
        let told = audit.baseline.clone().unwrap();
        (audit, told)
    };
    let (audit, told) = judged(Audit::of(report(LEAK)));
    assert_eq!(audit.exit_code(), 1);
    assert_eq!((told.new, told.known, told.gone.len()), (1, 0, 1));
    let (audit, told) = judged(Audit::of(clean()));
    assert_eq!(audit.exit_code(), 0);
    assert_eq!(told.gone.len(), 1, "the rule was exercised, and held");
    assert!(
        text(&audit).contains("gone: rooms/foreign-thread 0000"),
        "{}",
        text(&audit)
    );
    let (_, told) = judged(Audit::of(inconclusive()));
    assert_eq!(
        (told.gone.len(), told.unsettled.len()),
        (0, 1),
        "a gap hides it, maybe"
    );
    let (_, told) = judged(several());
    assert_eq!(
        (told.gone.len(), told.unsettled.len()),
        (0, 1),
        "not all was read"
    );
}

#[test]
fn an_entry_that_is_carried_over_keeps_its_reason() {
    let known = Baseline::parse("known.toml", &baseline()).unwrap();
    let audit = Audit::of(report(LEAK));
    let again = start(&audit, Some(&known), day("2027-01-01"), day("2027-04-01"));
    assert_eq!(again, baseline());
}

/// What is wrong in a baseline is told with its place.
#[test]
fn errors_in_a_baseline_have_a_place() {
    let good = baseline();
    for (from, to, error) in [
        ("format = 1", "", "a baseline has no `format`"),
        ("format = 1", "format = 2", "format 2 is not known"),
        ("[[known]]", "[[knwon]]", "unknown key `knwon`"),
        ("reason      =", "raeson      =", "unknown key `raeson`"),
        ("WEB-1\"", "WEB-1", "not TOML"),
        (
            "\"the search index is shared, WEB-1\"",
            "\"  \"",
            "this says nothing",
        ),
        (
            "\"the search index",
            "\"todo: the search index",
            "an entry without a reason",
        ),
        ("expires     = 2027-02-23", "", "has no `expires`"),
        (
            "= 2027-02-23",
            "= \"2027-02-23\"",
            "expected a date without quotes",
        ),
        (
            "= 2027-02-23",
            "= 2027-02-23T10:00:00Z",
            "expected a date alone",
        ),
        ("= 2027-02-23", "= 2027-02-30", "not TOML"),
        (
            "= 2027-02-23",
            "= 2025-02-23",
            "it expires before it was added",
        ),
        (
            "\"rooms/foreign-thread\"",
            "\"foreign-thread\"",
            "no rule of a pack",
        ),
        ("fingerprint = \"", "fingerprint = \"x", "is no fingerprint"),
    ] {
        assert!(good.contains(from), "{from}");
        let errors = Baseline::parse("known.toml", &good.replacen(from, to, 1)).unwrap_err();
        let told = errors.to_string();
        assert!(told.contains(error), "{error}: {told}");
        assert!(told.contains("known.toml:"), "{told}");
    }
    let (_, entry) = good.split_once("[[known]]").unwrap();
    let twice = format!("{good}\n[[known]]{entry}");
    let told = Baseline::parse("known.toml", &twice)
        .unwrap_err()
        .to_string();
    assert!(told.contains("is known already"), "{told}");
}
