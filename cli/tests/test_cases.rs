//! `wsaudit test`: choosing cases, counting what they expect, updating them, and letting things go
//! wrong in them.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use super::harness::{Ran, has, run, wsaudit};

/// A case with rules of its own, in which a foreign thread is shown.
const LEAK: &str = include_str!("../../verifier/tests/cases/leak.md");
const REFUSED: &str = include_str!("../../fixtures/agent-platform/s4-threads/attempt-refused.md");
const ANNOUNCED: &str =
    include_str!("../../fixtures/agent-platform/s4-threads/announcement-to-everybody.md");
const MARK: &str = "  #! expect foreign-thread";

struct Cases {
    directory: TempDir,
}

impl Cases {
    fn of(cases: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in cases {
            fs::write(directory.path().join(name), text).unwrap();
        }
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// As on a developer's machine: where CI is set, nothing is updated.
    fn test(&self, args: &[&str]) -> Ran {
        let directory = self.directory.path().to_str().unwrap();
        Ran::of(
            wsaudit()
                .env_remove("CI")
                .arg("test")
                .args(args)
                .arg(directory),
        )
    }
}

#[test]
fn cases_are_chosen_by_rule_and_by_what_they_are_called() {
    let cases = Cases::of(&[("leak.md", LEAK), ("refused.md", REFUSED)]);
    let ran = cases.test(&[]).ends_with(0);
    has(&ran.stdout, &["2 cases, 5 expectations: 0 failed\n"]);
    let ran = cases
        .test(&["--rule", "request-answered", "-v"])
        .ends_with(0);
    has(
        &ran.stdout,
        &["refused.md: passed", "1 case, 4 expectations"],
    );
    let ran = cases
        .test(&["--filter", "OPENED AND ANSWERED"])
        .ends_with(0);
    has(&ran.stdout, &["1 case, 1 expectation: 0 failed"]);
    let ran = cases.test(&["--rule", "no-such-rule"]).ends_with(2);
    has(
        &ran.stderr,
        &["none of 2 cases is about what --rule and --filter ask for"],
    );
    assert_eq!(ran.stdout, "");
}

/// As `wsaudit verify` does; following it could lead back to where it is.
#[cfg(unix)]
#[test]
fn a_link_to_a_directory_is_left_out_and_that_is_said() {
    let cases = Cases::of(&[("leak.md", LEAK)]);
    let elsewhere = Cases::of(&[("refused.md", REFUSED)]);
    fs::create_dir(cases.path("deep")).unwrap();
    for name in ["deep/linked", ".hidden", "node_modules"] {
        std::os::unix::fs::symlink(elsewhere.path(""), cases.path(name)).unwrap();
    }
    let linked = cases.path("deep/linked");
    let ran = cases.test(&[]).ends_with(0);
    has(&ran.stdout, &["1 case, "]);
    assert_eq!(
        ran.stderr,
        format!(
            "left out: {}: a link to a directory; name it to run what is there\n",
            linked.display()
        )
    );
    let ran = cases.test(&[linked.to_str().unwrap()]).ends_with(0);
    has(&ran.stdout, &["2 cases, "]);
}

#[test]
fn results_as_json_say_what_failed_where() {
    let todo = LEAK.replace(MARK, "  #! todo foreign-run");
    let cases = Cases::of(&[("a.md", &todo), ("b.md", REFUSED)]);
    let ran = cases.test(&["--json"]).ends_with(1);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["summary"]["cases"], 2);
    assert_eq!(json["summary"]["failed"], 1);
    assert_eq!(json["summary"]["todo"], 1);
    assert_eq!(json["cases"][0]["passed"], false);
    let line = LEAK.lines().position(|line| line.contains(MARK)).unwrap() + 1;
    let mismatch = &json["cases"][0]["mismatches"][0];
    assert_eq!(mismatch["line"], line);
    has(mismatch["message"].as_str().unwrap(), &["foreign-thread"]);
    assert_eq!(json["cases"][1]["passed"], true);
}

#[test]
fn an_update_writes_what_is_found_and_nothing_else() {
    let none = LEAK.replace(MARK, "  #! expect foreign-run");
    let cases = Cases::of(&[("wrong.md", &none), ("right.md", REFUSED)]);
    let ran = cases.test(&["--update"]).ends_with(0);
    has(
        &ran.stdout,
        &[
            "wrong.md: updated",
            "#! expect foreign-run\n",
            MARK.trim(),
            "2 cases: 1 updated, 0 failed",
        ],
    );
    // Only the space before the mark is the update's own.
    let squeezed = |text: &str| text.replace("   #!", "  #!");
    assert_eq!(squeezed(&cases.read("wrong.md")), LEAK);
    assert_eq!(cases.read("right.md"), REFUSED);
    cases.test(&[]).ends_with(0);
    let ran = cases.test(&["--update"]).ends_with(0);
    has(&ran.stdout, &["2 cases: 0 updated, 0 failed"]);
}

#[test]
fn a_case_that_expects_nothing_yet_is_given_what_is_found() {
    let bare = LEAK.replace(MARK, "");
    let quiet = REFUSED
        .replace("  #! expect noted foreign-thread", "")
        .replace(
            "expect clean\nexpect holds foreign-thread, request-answered\n",
            "",
        );
    let cases = Cases::of(&[("leak.md", &bare), ("quiet.md", &quiet)]);
    cases.test(&[]).ends_with(1);
    cases.test(&["--update"]).ends_with(0);
    has(&cases.read("leak.md"), &["#! expect foreign-thread\n"]);
    has(&cases.read("quiet.md"), &["\nexpect none\n```"]);
    cases.test(&[]).ends_with(0);
}

#[test]
fn an_update_loses_nothing_that_goes_on_over_lines() {
    let expected = "expect holds request-answered,\n  # why\n  foreign-thread\n";
    let noted = "expect noted foreign-thread, request-answered\n";
    let clean = "expect clean\nexpect holds foreign-thread, request-answered\n";
    let right = REFUSED.replace(clean, &format!("{expected}{noted}"));
    assert_ne!(right, REFUSED);
    let wrong = right.replace("expect holds", "expect not-exercised");
    let cases = Cases::of(&[("case.md", &wrong)]);
    cases.test(&["--update"]).ends_with(0);
    let text = cases.read("case.md");
    has(
        &text,
        &[
            "expect holds request-answered\n",
            "expect holds foreign-thread\n",
            "  # why\n",
            "expect noted foreign-thread\n",
        ],
    );
    assert!(!text.contains("expect not-exercised"), "{text}");
}

#[test]
fn what_cannot_be_read_is_not_updated() {
    let broken = LEAK.replace("9.000  A  close 1000", "9.000  A  clothe 1000");
    let cases = Cases::of(&[("broken.md", &broken)]);
    let ran = cases.test(&["--update"]).ends_with(1);
    has(
        &ran.stdout,
        &[
            "clothe",
            "broken.md: not updated",
            "1 case: 0 updated, 1 failed",
        ],
    );
    assert_eq!(cases.read("broken.md"), broken);
}

#[test]
fn nothing_is_updated_where_nobody_reads_it() {
    let wrong = LEAK.replace(MARK, "  #! expect foreign-run");
    let cases = Cases::of(&[("wrong.md", &wrong)]);
    let file = cases.path("wrong.md");
    let ci = |more: &[&str]| {
        Ran::of(
            wsaudit()
                .env("CI", "true")
                .args(["test", "--update"])
                .args(more)
                .arg(&file),
        )
    };
    has(&ci(&[]).ends_with(2).stderr, &["CI", "--force"]);
    assert_eq!(cases.read("wrong.md"), wrong);
    ci(&["--force"]).ends_with(0);
    assert_ne!(cases.read("wrong.md"), wrong);
}

#[test]
fn a_mutant_that_no_rule_notices_fails_until_the_case_explains_it() {
    let why = "   #! survives move, copy, drop: an announcement names nobody and is for everybody";
    assert_eq!(ANNOUNCED.matches(why).count(), 2);
    let cases = Cases::of(&[("case.md", ANNOUNCED)]);
    let ran = cases.test(&["--mutate"]).ends_with(0);
    has(
        &ran.stdout,
        &[
            "1 clean case, ",
            ": 0 survived\n",
            "agent-platform/foreign-thread",
        ],
    );
    assert!(!ran.stdout.contains("case.md:"), "{}", ran.stdout);
    let ran = cases.test(&["--mutate", "-v"]).ends_with(0);
    has(
        &ran.stdout,
        &[
            "case.md:15: copy: ",
            ": explained: an announcement names nobody",
        ],
    );

    let cases = Cases::of(&[("case.md", &ANNOUNCED.replace(why, ""))]);
    let ran = cases.test(&["--mutate", "--operator", "copy"]).ends_with(1);
    has(
        &ran.stdout,
        &[
            "case.md:15: copy: no rule notices: a copy of the message goes to session s-2\n",
            "case.md:16: copy: ",
            ": 2 survived\n",
            "say in the case why it may be: `#! survives OPERATOR: why`\n",
        ],
    );
    let ran = cases.test(&["--mutate", "--json"]).ends_with(1);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["cases"][0]["survivors"][0]["operator"], "move");
    assert_eq!(json["operators"]["copy"]["survived"], 2);
}

#[test]
fn an_explanation_of_nothing_fails() {
    let stale = ANNOUNCED.replace(
        "expect clean\n",
        "survives readdress: it would be nice\nexpect clean\n",
    );
    let cases = Cases::of(&[("case.md", &stale)]);
    let ran = cases.test(&["--mutate"]).ends_with(1);
    has(
        &ran.stdout,
        &[
            "case.md:19: `survives readdress` explains nothing",
            "remove it",
        ],
    );
    // It says nothing of what the rules find.
    cases.test(&[]).ends_with(0);
}

#[test]
fn what_cannot_be_mutated_says_why() {
    let cases = Cases::of(&[("leak.md", LEAK)]);
    let ran = cases.test(&["--mutate"]).ends_with(2);
    has(
        &ran.stderr,
        &[
            "1 case, and no clean one to let something go wrong in: a rule is violated in it (1); write one beside them",
            "`expect none`",
        ],
    );
    let refused = LEAK
        .replace("{\"type\":\"thread\",", "{\"type\":\"refused\",")
        .replace(MARK, "\nexpect none");
    let beside = Cases::of(&[("leak.md", LEAK), ("refused.md", &refused)]);
    has(
        &beside.test(&["--mutate"]).ends_with(1).stdout,
        &["\n1 clean case, "],
    );
    let ran = cases
        .test(&["--mutate", "--operator", "explode"])
        .ends_with(2);
    has(
        &ran.stderr,
        &["explode", "expected one of move, copy, drop"],
    );
    let unknown = ANNOUNCED.replace("survives move, ", "survives mvoe, ");
    let cases = Cases::of(&[("case.md", &unknown)]);
    let ran = cases.test(&["--mutate"]).ends_with(1);
    has(&ran.stdout, &["case.md:15: ", "mvoe", "move"]);
    run(["test", "--most", "3"]).ends_with(2);
}

#[test]
fn what_fails_is_an_annotation_at_its_line() {
    let cases = Cases::of(&[
        ("case.md", &LEAK.replace(MARK, "\nexpect none")),
        ("good.md", LEAK),
    ]);
    let ran = cases.test(&["--github"]).ends_with(1);
    has(
        &ran.stdout,
        &[
            "1 failed\n::error file=",
            "case.md,line=",
            "title=wsaudit test::unexpected violation of ",
        ],
    );
    assert_eq!(ran.stdout.matches("\n::").count(), 1, "{}", ran.stdout);
    let ran = Cases::of(&[("good.md", LEAK)])
        .test(&["--github"])
        .ends_with(0);
    assert!(!ran.stdout.contains("::error"), "{}", ran.stdout);
    // What a case says is no command of its own.
    let hostile = LEAK.replacen("# ", "# ##[error]", 1);
    let ran = Cases::of(&[("case.md", &hostile)])
        .test(&["--github", "-v"])
        .ends_with(0);
    has(&ran.stdout, &["passed: \\u{23}#[error]"]);
}
