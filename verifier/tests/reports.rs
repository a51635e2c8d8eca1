//! What reports look like, to people and to programs.

use std::fmt::Write as _;
use std::path::Path;

use wsaudit_verifier::case::Case;
use wsaudit_verifier::engine::Verification;
use wsaudit_verifier::report::{self, Palette, Report, Shown, TextOptions};
use wsaudit_verifier::suite::{Directory, Prepared};
use wsaudit_verifier::survey::survey;

const LEAK: &str = include_str!("cases/leak.md");

fn verify(text: &str) -> (Prepared, Verification) {
    let case = Case::parse("leak.md", text).unwrap_or_else(|errors| panic!("{errors}"));
    let prepared =
        Prepared::new(&case, &Directory::of(Path::new("leak.md"))).expect("a shipped case");
    let verification = prepared.verify(&case).expect("memory can be read");
    (prepared, verification)
}

fn report(text: &str) -> Report {
    let (prepared, verification) = verify(text);
    report::report(&prepared.packs, &verification, &prepared.sources).expect("memory can be read")
}

const PLAIN: TextOptions<'_> = TextOptions {
    palette: &Palette::PLAIN,
    shown: Shown::DEFAULT,
    coverage: None,
    survey: None,
};

/// The leak, without a leak: the foreign thread is refused.
fn refused() -> String {
    LEAK.replace("#! expect foreign-thread", "")
        .replace("A = session", "expect none\nA = session")
        .replace(
            r#"{"type":"thread","request":"r2","thread_id":"thr_9c","messages":["secret"]}"#,
            r#"{"type":"refused","request":"r2","thread_id":"thr_9c"}"#,
        )
}

#[test]
fn a_leak_is_told_as_an_argument() {
    insta::assert_snapshot!("leak-text", report::text(&report(LEAK), &PLAIN));
}

#[test]
fn a_leak_is_told_to_programs() {
    let json = report::json(&report(LEAK));
    insta::assert_snapshot!("leak-json", json);
}

#[test]
fn what_is_not_exercised_or_missing_is_told_with_what_settles_it() {
    let text = refused().replace(
        "9.000  B  close 1000",
        "5.000  B  gap 3 frames: recorder stalled\n9.000  B  close 1000",
    );
    insta::assert_snapshot!("inconclusive-text", report::text(&report(&text), &PLAIN));
}

#[test]
fn a_clean_verdict_is_short() {
    let text = refused().replace("A = session", "rules only: foreign-thread\nA = session");
    insta::assert_snapshot!("clean-text", report::text(&report(&text), &PLAIN));
}

#[test]
fn coverage_names_what_no_rule_speaks_of() {
    let text = LEAK.replace("\"online\":2", "\"online\":2,\"room_id\":\"room_77a\"");
    let (prepared, verification) = verify(&text);
    let report = report::report(&prepared.packs, &verification, &prepared.sources).unwrap();
    let survey = survey(&prepared.packs, &prepared.sources).unwrap();
    let options = TextOptions {
        coverage: Some(&verification.coverage),
        survey: Some(&survey),
        ..PLAIN
    };
    insta::assert_snapshot!("coverage-text", report::text(&report, &options));
}

#[test]
fn only_the_worst_of_many_are_told_in_full_and_the_rest_counted() {
    let mut many = String::new();
    for number in 0..12 {
        let _ = write!(
            many,
            "1.500  A  >  {{\"type\":\"create\",\"request\":\"q{number}\"}}\n\
             1.500  A  <  {{\"type\":\"created\",\"request\":\"q{number}\",\"thread_id\":\"x{number}\"}}\n\
             1.500  B  <  {{\"type\":\"thread\",\"thread_id\":\"x{number}\"}}\n"
        );
    }
    let report = report(&LEAK.replace("2.000  B  >", &format!("{many}2.000  B  >")));
    assert_eq!(report.violations.len(), 13);
    let text = report::text(&report, &PLAIN);
    assert_eq!(text.matches("violated: foreign-thread").count(), 10);
    assert!(
        text.contains("... and 3 more violations of foreign-thread"),
        "{text}"
    );
    let all = report::text(
        &report,
        &TextOptions {
            shown: Shown::All,
            ..PLAIN
        },
    );
    assert_eq!(all.matches("violated: foreign-thread").count(), 13);
    let fingerprints: Vec<_> = report
        .violations
        .iter()
        .map(|found| &found.fingerprint)
        .collect();
    assert!(
        fingerprints[..12].iter().all(|one| *one == fingerprints[0]),
        "one fault, twelve ids"
    );
}

#[test]
fn colours_are_the_callers_choice_and_change_nothing_else() {
    let report = report(LEAK);
    let plain = report::text(&report, &PLAIN);
    assert!(!plain.contains('\u{1b}'));
    let coloured = report::text(
        &report,
        &TextOptions {
            palette: &Palette::ANSI,
            ..PLAIN
        },
    );
    assert!(coloured.contains('\u{1b}'));
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let once = report::json(&report(LEAK));
    for _ in 0..3 {
        assert_eq!(report::json(&report(LEAK)), once);
    }
}
