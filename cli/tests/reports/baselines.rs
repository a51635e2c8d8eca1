//! What a baseline knows, and what it knows it by.

use std::fs;

use super::{CHAT, LEAKY, Place, house, json, with_env};
use crate::harness::{has, run};

#[test]
fn a_baseline_from_the_first_finding_to_the_last() {
    let place = Place::new();
    let known = place.name("known.toml");
    let verify = |more: &[&str]| {
        let args = ["verify", "--rules", CHAT, "--today", "2026-11-25", LEAKY];
        house(&[&args, more].concat())
    };
    let ran = verify(&["--write-baseline", &known]).ends_with(1);
    has(&ran.stderr, &["wrote ", "say why in each `reason`"]);
    has(
        verify(&["--write-baseline", &known]).ends_with(2).error(),
        &["the file exists"],
    );
    let ran = verify(&["--baseline", &known]).ends_with(2);
    has(
        &ran.stderr,
        &["an entry without a reason", &format!("{known}:10:"), "^"],
    );
    let filled = place
        .read("known.toml")
        .replace("TODO", "rooms come with the move, CHAT-7");
    fs::write(&known, &filled).unwrap();
    let ran = verify(&["--baseline", &known]).ends_with(0);
    has(
        &ran.stdout,
        &["known: ", "CHAT-7", "verdict: clean but for "],
    );
    let late = ["verify", "--rules", CHAT, LEAKY, "--baseline", &known];
    // 90 days later, and a day after that.
    let (last, after) = ("1803340800", "1803427200");
    with_env(&late, &[("SOURCE_DATE_EPOCH", last)]).ends_with(0);
    let ran = with_env(&late, &[("SOURCE_DATE_EPOCH", after)]).ends_with(1);
    has(&ran.stdout, &["no longer excused"]);
    let ran = with_env(&late, &[("SOURCE_DATE_EPOCH", "tomorrow")]).ends_with(2);
    has(ran.error(), &["SOURCE_DATE_EPOCH is `tomorrow`"]);
    let sound = "fixtures/golden/chat-sound.db";
    let args = ["verify", "--rules", CHAT, sound, "--baseline", &known];
    let ran = house(&[&args[..], &["--today", "2026-11-25"]].concat());
    has(&ran.stdout, &["gone: ", "delete the entry"]);
    let ran = house(&[
        "verify",
        LEAKY,
        "--baseline",
        &known,
        "--today",
        "2026-11-25",
    ]);
    has(&ran.stdout, &["not found: ", "was not run"]);
    let ran = verify(&["--baseline", &place.name("none.toml")]).ends_with(2);
    has(ran.error(), &["cannot read the baseline", "none.toml"]);
    let ran = house(&["verify", LEAKY, "--today", "2026-02-30"]).ends_with(2);
    has(&ran.stderr, &["2026-02-30", "is no date"]);
}

/// Of a violation, the fingerprint is that of the fault, and not of the ids and times of one run.
#[test]
fn one_fault_has_the_same_fingerprints_in_every_recording() {
    let place = Place::new();
    let recorded = |fault: &str, seed: &str| {
        let out = place.name(&format!("{fault}-{seed}"));
        run(["demo", "--leaky", fault, "--seed", seed, "--out", &out]).ends_with(1);
        let ran = run(["verify", "--rules", "agent-platform", "--json", "-", &out]).ends_with(1);
        let told = json(&ran.stdout);
        let violations = told["histories"][0]["violations"]
            .as_array()
            .unwrap()
            .clone();
        let field = |name: &str| -> std::collections::BTreeSet<String> {
            let values = violations
                .iter()
                .map(|it| it[name].as_str().unwrap_or_default());
            values.map(str::to_owned).collect()
        };
        assert!(!violations.is_empty());
        (field("fingerprint"), field("message"))
    };
    let mut all = Vec::new();
    for fault in [
        "foreign-thread-answered",
        "thread-in-foreign-list",
        "token-reuse",
    ] {
        let (first, told_first) = recorded(fault, "1");
        let (second, told_second) = recorded(fault, "2");
        assert_eq!(first, second, "{fault}");
        assert_ne!(told_first, told_second, "{fault}: other ids");
        all.push(first);
    }
    for (number, one) in all.iter().enumerate() {
        for other in &all[..number] {
            assert!(one.is_disjoint(other), "other faults are others");
        }
    }
}
