//! The HTML report: nothing that was recorded is markup in it, and it stays small.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use wsaudit_verifier::case::Case;
use wsaudit_verifier::report::{self, Audit, Report, html};
use wsaudit_verifier::suite::{Directory, Prepared};

const LEAK: &str = include_str!("cases/leak.md");

fn report(text: &str) -> Report {
    let case = Case::parse("leak.md", text).unwrap_or_else(|errors| panic!("{errors}"));
    let prepared =
        Prepared::new(&case, &Directory::of(Path::new("leak.md"))).expect("a shipped case");
    let verification = prepared.verify(&case).expect("memory can be read");
    report::report(&prepared.packs, &verification, &prepared.sources).expect("memory can be read")
}

/// The texts between `from` and `to`.
fn all_between<'t>(text: &'t str, from: &str, to: &str) -> Vec<&'t str> {
    text.split(from)
        .skip(1)
        .map(|rest| rest.split(to).next().unwrap_or_default())
        .collect()
}

/// What the page's script draws, of each history.
fn pictures(page: &str) -> Vec<Value> {
    all_between(page, "<script type=\"application/json\">", "</script>")
        .into_iter()
        .map(|text| serde_json::from_str(text).expect("the data of a picture is JSON"))
        .collect()
}

#[test]
fn the_policy_allows_the_pages_own_parts_and_nothing_else() {
    let page = html(&Audit::of(report(LEAK)));
    let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    let [policy] = all_between(&page, "\"Content-Security-Policy\" content=\"", "\"")[..] else {
        panic!("one policy: {page}");
    };
    let scripts = all_between(&page, "<script>", "</script>");
    let styles = all_between(&page, "<style>", "</style>");
    assert_eq!((scripts.len(), styles.len()), (2, 1));
    let expected = format!(
        "default-src 'none'; script-src {} {}; style-src {}; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'",
        hash(scripts[0]),
        hash(scripts[1]),
        hash(styles[0])
    );
    assert_eq!(policy, expected);
    let policy_at = page.find("Content-Security-Policy").unwrap();
    assert!(policy_at < page.find("<style>").unwrap());
    for bad in ["src=", "http://", "https://", " style=", " onclick"] {
        let rest = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!rest.contains(bad), "{bad}");
    }
}

/// Elements are those of the program: what is recorded adds none, wherever it stands.
#[test]
fn what_is_recorded_adds_no_element() {
    let tags = |page: &str| page.matches('<').count();
    let plain = html(&Audit::of(report(LEAK)));
    for evil in [
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "\\\"' onmouseover=alert(1) x='",
        "]]>&lt;b&gt;<b>",
    ] {
        let page = html(&Audit::of(report(&LEAK.replace("thr_9c", evil))));
        assert_eq!(tags(&page), tags(&plain), "{evil}");
    }
    let odd = LEAK.replace("thr_9c", "a\\u202eb\\u2066\\u0000\\u001b");
    let page = html(&Audit::of(report(&odd)));
    assert!(page.contains("a\\u{202e}b\\u{2066}\\u{0}\\u{1b}"), "{page}");
    assert!(!page.contains(['\u{202e}', '\u{2066}', '\0', '\u{1b}']));
}

#[test]
fn ids_of_a_megabyte_leave_the_page_small() {
    let mut long = report(LEAK);
    let id = "<&\u{e4}".repeat(350_000);
    let whole = html(&Audit::of(long.clone())).len();
    long.sessions[0].session_id.clone_from(&id);
    long.sessions[0].user_id = Some(id.clone());
    long.sessions[0]
        .websocket_events_received
        .insert(id.clone(), 1);
    long.users[0].user_id.clone_from(&id);
    long.connections[0].sessions[0].session.clone_from(&id);
    long.recordings[0].name.clone_from(&id);
    long.notes.clear();
    for violation in &mut long.violations {
        violation.owner_session = Some(id.clone());
        violation.resource = Some(id.clone());
        violation.message.clone_from(&id);
        violation.evidence[0].text.clone_from(&id);
        violation.evidence[0].session = Some(id.clone());
    }
    let page = html(&Audit::of(long));
    assert!(page.len() < whole + 40_000, "{} and {whole}", page.len());
    assert!(page.contains("(1050000 characters)"));
}

/// Lanes, and the arrow from the owner's claim to who received it.
#[test]
fn a_leak_is_drawn_from_the_claim_to_the_receiver() {
    let [picture] = &pictures(&html(&Audit::of(report(LEAK))))[..] else {
        panic!("one history");
    };
    let names: Vec<_> = picture["lanes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lane| {
            (
                lane["name"].as_str().unwrap(),
                lane["about"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        names,
        [
            ("s-1", "u-1 · LAPTOP_BROWSER"),
            ("s-2", "u-1 · MOBILE_BROWSER")
        ]
    );
    let leak = &picture["violations"][0];
    assert_eq!(leak["from"]["lane"], 0);
    assert_eq!(leak["to"]["lane"], 1);
    assert_eq!(leak["to"]["at"], 2.02);
    assert!(leak["from"]["at"].as_f64().unwrap() <= 1.02, "{leak}");
    assert_eq!(picture["lanes"][0]["spans"][0]["to"], 9.0);
}

/// Where users own, or are spoken to, nobody's session is named: lanes are those of the frames.
#[test]
fn what_a_user_was_shown_of_another_one_is_drawn_from_session_to_session() {
    let two_users = LEAK.replace("session s-2, user u-1", "session s-2, user u-2");
    let owned = two_users.replace(
        "resource   = \"thread\"",
        "resource   = \"thread\"\nowner      = \"user\"",
    );
    let addressed = two_users
        .replace("[fields]", "[fields]\nuser   = \"/user\"")
        .replace(
            "[[rule]]\nid         = \"foreign-thread\"",
            "[[rule]]\nid = \"told\"\ntitle = \"a user is told what is meant for that user\"\n\
             kind = \"addressed\"\nfield = \"user\"\nto = \"user\"\n\n\
             [[rule]]\nid         = \"foreign-thread\"",
        )
        .replace("\"messages\":[\"secret\"]", "\"user\":\"u-1\"");
    for (text, rule, least) in [(owned, "foreign-thread", 1.0), (addressed, "told", 0.0)] {
        let picture = &pictures(&html(&Audit::of(report(&text))))[0];
        let leaks = picture["violations"].as_array().unwrap();
        let leak = leaks.iter().find(|leak| leak["rule"] == rule).expect(rule);
        assert_eq!(leak["from"]["lane"], 0, "{leak}");
        assert_eq!(leak["from"]["at"], least, "{leak}");
        assert_eq!(leak["to"]["lane"], 1, "{leak}");
        assert_eq!(leak["to"]["at"], 2.02, "{leak}");
    }
}

#[test]
fn a_gap_has_the_times_around_it() {
    let gap = LEAK.replace(
        "3.000  B",
        "2.500  B  gap 3 frames: recorder stalled\n3.000  B",
    );
    let report = report(&gap);
    assert_eq!(report.gaps[0].from_at, Some(2.02));
    assert_eq!(report.gaps[0].to_at, Some(3.0));
    let picture = &pictures(&html(&Audit::of(report)))[0];
    assert_eq!(picture["gaps"][0]["from"], 2.02);
    assert_eq!(picture["gaps"][0]["to"], 3.0);
    assert_eq!(picture["gaps"][0]["lanes"], serde_json::json!([1]));
}

/// What was lost with a recorder that was killed is no less missing than what is in a gap.
#[test]
fn an_end_that_is_missing_is_drawn() {
    let mut report = report(LEAK);
    let whole = pictures(&html(&Audit::of(report.clone())))[0].clone();
    assert_eq!(whole["gaps"], serde_json::json!([]));
    report.recordings[0].closed_cleanly = false;
    report.connections[0].closed = None;
    let page = html(&Audit::of(report.clone()));
    let picture = &pictures(&page)[0];
    assert_eq!(picture["gaps"][0]["from"], whole["end"]);
    assert_eq!(picture["gaps"][0]["lanes"], Value::Null, "it is of all");
    assert_eq!(picture["gaps"][0]["to"], picture["end"]);
    assert_eq!(picture["lanes"][0]["spans"][0]["to"], picture["end"]);
    assert!(picture["end"].as_f64() > whole["end"].as_f64());
    assert!(page.contains("what came last may be missing"));
    // Beside another recording, the connections of this one alone lack something.
    let mut other = report.recordings[0].clone();
    other.name = "other.db".to_owned();
    other.closed_cleanly = true;
    other.duration += 100.0;
    report.recordings.push(other);
    let picture = &pictures(&html(&Audit::of(report)))[0];
    assert_eq!(picture["gaps"][0]["lanes"], serde_json::json!([0, 1]));
    assert_eq!(
        picture["lanes"][0]["spans"][0]["to"], picture["gaps"][0]["to"],
        "its own end, not the other one's"
    );
}

#[test]
fn every_way_on_a_page_leads_somewhere() {
    let gap = LEAK.replace("3.000  B", "2.500  B  gap 3 frames: disk full\n3.000  B");
    let one = report(&gap);
    assert!(!one.reasons.is_empty() && !one.violations.is_empty());
    let pages = [
        Audit::of(one.clone()),
        Audit::of_many(vec![one.clone(), one]),
    ];
    for (audit, reasons) in pages.iter().zip(["#doubts", "#histories"]) {
        let page = html(audit);
        let ways = all_between(&page, " href=\"", "\"");
        assert!(ways.contains(&reasons), "{ways:?}");
        for way in ways {
            let id = way.strip_prefix('#').expect("nothing leads away");
            assert!(page.contains(&format!(" id=\"{id}\"")), "{way}");
        }
    }
}

/// Thousands of violations, sessions and histories: each rule is told, the rest is counted.
#[test]
fn what_is_too_much_is_counted() {
    let mut many = report(LEAK);
    let mut other = many.violations[0].clone();
    other.rule = "another".to_owned();
    many.violations = vec![many.violations[0].clone(); 9_999];
    many.violations.push(other);
    let session = many.sessions[0].clone();
    many.sessions = (0..5_000)
        .map(|number| report::Session {
            session_id: format!("s-{number}"),
            success: number != 4_999,
            ..session.clone()
        })
        .collect();
    let page = html(&Audit::of(many.clone()));
    assert!(page.len() < 3_000_000, "{}", page.len());
    assert_eq!(page.matches("<details class=\"violation ").count(), 600);
    assert!(page.contains("+9400 more of <code>foreign-thread</code>"));
    assert!(page.contains(">another</code>"), "it is not crowded out");
    assert!(page.contains("+4400 more sessions"));
    assert!(
        page.contains("<code>s-4999</code>"),
        "it failed: it is told"
    );
    many.violations.truncate(500);
    many.sessions.truncate(500);
    let page = html(&Audit::of_many(vec![many; 70]));
    assert!(page.len() < 5_000_000, "{}", page.len());
    assert!(page.contains("+10 of them are told in this table only"));
}
