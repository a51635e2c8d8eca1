//! `sql`: what a query finds is told, and what it cannot see keeps the rule from holding.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::path::{Path, PathBuf};
use std::rc::Rc;

use wsaudit_verifier::engine::{Input, RuleResult, verify};
use wsaudit_verifier::facts::Facts;
use wsaudit_verifier::history::{RecordingSource, Source, join};
use wsaudit_verifier::rules::Pack;
use wsaudit_verifier::verdict::State;

use super::trial::trial;

const HISTORY: &str = r#"
A = session s-1, user u-1
B = session s-2, user u-2
0.1 A > {"type":"ask"}
0.2 A < {"type":"note"}
0.3 B < {"type":"note"}
0.4 A > ping hex:78
0.5 B < {"type":"note"}"#;

fn rule(query: &str) -> String {
    format!("kind = \"sql\"\nquery = \"\"\"{query}\"\"\"")
}

const NOTES: &str = "SELECT seq FROM message_view WHERE text ->> '$.type' = 'note'";

#[test]
fn each_row_is_a_violation_of_whom_the_frame_went_to() {
    let trial = trial(&rule(&format!("{NOTES} AND json_valid(text)")), HISTORY);
    // The second note to B is told with the first.
    assert_eq!(trial.broken_at(), ["0.2", "0.3"]);
    assert_eq!(trial.roles(), ["a row of the query", "a row of the query"]);
}

#[test]
fn a_row_says_what_and_who_and_which() {
    let query = "SELECT seq, 'a ping' AS message, 's-2' AS session, 'r-1' AS resource
                   FROM message_view WHERE opcode = 'ping'";
    let trial = trial(&rule(query), HISTORY);
    assert_eq!(trial.broken_at(), ["0.4"]);
    let violation = &trial.violations()[0];
    assert!(violation.message.ends_with(": a ping"), "{violation:?}");
    assert_eq!(violation.resource.as_deref(), Some("r-1"));
    assert_eq!(violation.subject.connection, None, "it is about s-2");
    assert_eq!(violation.evidence.len(), 1);
}

#[test]
fn whoever_is_named_and_was_not_there_is_told() {
    let query =
        "SELECT seq, 's-9' AS session, 'u-9' AS user FROM message_view WHERE opcode = 'ping'";
    let trial = trial(&rule(query), HISTORY);
    let violation = &trial.violations()[0];
    let told: Vec<_> = violation.evidence.iter().map(|line| &line.text).collect();
    assert!(told[1].contains("session s-9"), "{told:?}");
    assert!(told[2].contains("user u-9"), "{told:?}");
}

#[test]
fn no_row_holds_where_something_was_carried_and_is_not_exercised_where_nothing_was() {
    let never = rule("SELECT seq FROM frame WHERE 0");
    let holds = trial(&never, HISTORY);
    assert_eq!((holds.state(), holds.opportunities()), (State::Holds, 5));
    assert_eq!(trial(&never, "1 end").state(), State::NotExercised);
}

#[test]
fn a_count_of_nothing_is_not_exercised() {
    let count = |sql: &str| {
        let never = rule("SELECT seq FROM frame WHERE 0");
        trial(&format!("{never}\nopportunity = \"{sql}\""), HISTORY)
    };
    let notes = "SELECT count(*) FROM message_view WHERE json_valid(text) AND text LIKE '%note%'";
    assert_eq!(count(notes).opportunities(), 3);
    assert_eq!(count(notes).state(), State::Holds);
    assert_eq!(count("SELECT 0").state(), State::NotExercised);
    assert!(count("SELECT 'many'").is_undecided());
}

#[test]
fn a_query_that_fails_is_no_pass() {
    // A ping is no JSON.
    let trial = trial(
        &rule(
            "SELECT seq FROM message_view WHERE text ->> '$.a' = 1 AND opcode <> 'x' OR json('{')",
        ),
        HISTORY,
    );
    assert!(trial.is_undecided());
    assert!(trial.told().contains("malformed JSON"), "{}", trial.told());
}

#[test]
fn a_row_that_names_nothing_is_no_pass() {
    let trial = trial(&rule("SELECT 4711 AS seq"), HISTORY);
    assert!(trial.is_undecided());
    assert!(trial.told().contains("holds 4711"), "{}", trial.told());
}

#[test]
fn an_endless_query_is_no_pass() {
    let query = "WITH RECURSIVE n (seq) AS (SELECT 1 UNION ALL SELECT 1 FROM n)
                 SELECT seq FROM n";
    let trial = trial(&rule(query), HISTORY);
    // Its rows come to an end before its steps do.
    assert!(
        trial.told().contains("more than 10000 rows"),
        "{}",
        trial.told()
    );
}

#[test]
fn a_query_over_heads_and_tags_works_on_a_case() {
    let history = "A = session s-1\n0 A open /ws?token=abc\n1 A < {}";
    let query = "SELECT opened_seq AS seq, t.value AS session FROM connection AS c
                   JOIN tag AS t ON t.connection_id = c.id
                  WHERE CAST(request_head AS TEXT) LIKE 'GET /ws?token=%'";
    assert_eq!(trial(&rule(query), history).broken_at(), ["0"]);
}

/// A rule over recordings, as one history where they are parts of a run.
fn over(files: &[PathBuf], keys: &str, scope: &str) -> RuleResult {
    let pack = format!(
        "[pack]\nname = \"p\"\nformat = 1\n{scope}\n[[rule]]\nid = \"it\"\ntitle = \"it\"\nkind = \"sql\"\n{keys}"
    );
    let pack = Pack::from_texts(&[("p.toml", &pack)]).unwrap_or_else(|errors| panic!("{errors}"));
    let open = |path: &PathBuf| -> Rc<dyn Source> {
        Rc::new(RecordingSource::open(path, &path.to_string_lossy()).unwrap())
    };
    let sources: Vec<_> = files.iter().map(open).collect();
    let sources = join(&sources).unwrap();
    let input = Input {
        packs: &[pack],
        facts: &Facts::default(),
        sources: &sources,
        unread: &[],
        skew: std::time::Duration::ZERO,
    };
    verify(&input, &mut |_| {}).unwrap().rules.remove(0)
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/golden")
        .join(name)
}

const NEVER: &str = "query = \"SELECT seq FROM frame WHERE 0\"";

#[test]
fn over_several_files_no_row_proves_nothing_unless_the_rule_says_so() {
    let files = [golden("chat-leaky.db"), golden("chat-sound.db")];
    assert_eq!(over(&files[..1], NEVER, "").state, State::Holds);
    let both = over(&files, NEVER, "");
    assert_eq!(both.state, State::Undecided);
    assert!(both.outcome.doubts[0].message.contains("each of 2 files"));
    let alone = format!("{NEVER}\nalone = true");
    assert_eq!(over(&files, &alone, "").state, State::Holds);
}

#[test]
fn rows_about_connections_out_of_scope_are_left_out() {
    let all = "query = \"SELECT seq FROM frame\"";
    let files = [golden("chat-leaky.db")];
    assert_eq!(over(&files, all, "").state, State::Violated);
    let elsewhere = over(&files, all, "[scope]\npath = [\"/nowhere\"]");
    assert_eq!(elsewhere.state, State::NotExercised);
}

#[test]
fn a_recording_that_lacks_the_table_is_no_pass() {
    // Format 1 has no HTTP exchanges.
    let rule = over(
        &[golden("chat-leaky.db")],
        "query = \"SELECT seq FROM http_view\"",
        "",
    );
    assert_eq!(rule.state, State::Undecided);
    let told = &rule.outcome.doubts[0].message;
    assert!(told.contains("no such table: http_view"), "{told}");
}
