//! What a baseline makes of a report: what is known, new, expired or gone.

use serde_json::Value;
use wsaudit_verifier::baseline::{Baseline, start};
use wsaudit_verifier::date::Date;
use wsaudit_verifier::report::{Audit, audit_json, github, junit, sarif};

use super::{LEAK, clean, inconclusive, report, several, text};

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
    insta::assert_snapshot!("start", text);
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
