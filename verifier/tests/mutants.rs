//! The clean cases of the shipped packs, in which one thing went wrong: some rule notices, or the case
//! says why none needs to. And what a case that explains too much, or too little, is told.

use std::fmt::Write as _;
use std::path::Path;

use wsaudit_verifier::case::Case;
use wsaudit_verifier::mutation::{CaseMutants, Mutated, Operator, Wanted, mutate};
use wsaudit_verifier::suite::{self, Directory};

/// The directories of cases about packs that are shipped.
const SHIPPED: [&str; 4] = ["agent-platform", "correlated", "handshake", "protocol"];

fn told(mutants: &CaseMutants) -> String {
    let mut told = String::new();
    for survivor in mutants.unexplained() {
        let (line, operator, what) = (survivor.line, survivor.operator, &survivor.what);
        let _ = writeln!(told, "{}:{line}: {operator}: {what}", mutants.file);
    }
    for stale in &mutants.stale {
        let (line, operator) = (stale.line, stale.operator);
        let _ = writeln!(told, "{}:{line}: {operator} explains nothing", mutants.file);
    }
    told
}

#[test]
fn shipped_packs_notice_what_goes_wrong_or_their_cases_say_why_not() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let (mut clean, mut made, mut noticed) = (0, 0, 0);
    let mut complaints = String::new();
    for pack in SHIPPED {
        let found = suite::files(&fixtures.join(pack));
        for file in found.unwrap_or_else(|error| panic!("{error}")).files {
            let case = file.parse().unwrap_or_else(|errors| panic!("{errors}"));
            match mutate(&case, &file.directory, &Wanted::default(), &mut || {}) {
                Ok(Mutated::Clean(mutants)) => {
                    clean += 1;
                    for count in mutants.operators.values() {
                        made += count.mutants;
                        noticed += count.killed + count.doubted;
                    }
                    complaints.push_str(&told(&mutants));
                }
                Ok(Mutated::NotClean(_)) => {}
                Err(mismatch) => panic!("{mismatch}"),
            }
        }
    }
    assert_eq!(
        complaints, "",
        "{clean} clean, {made} made, {noticed} noticed"
    );
    assert!(clean >= 14, "of {clean} clean cases only");
    assert!(made >= 500 && noticed * 2 > made, "{noticed} of {made}");
}

const ANNOUNCED: &str = "# A\n\n```trace\nrules: agent-platform\nrules only: foreign-thread\n\n\
    A = session s-1, user u-1\nB = session s-2, user u-2\n\n\
    0.1  B  open /ws\n\
    0.2  A  >  {\"type\":\"create_thread\",\"request_id\":\"a1\"}\n\
    0.3  A  <  {\"type\":\"thread_created\",\"session_id\":\"s-1\",\"request_id\":\"a1\",\"thread_id\":\"thr_1\"}\n\
    0.5  A  <  {\"type\":\"announcement\"}\n\
    1.0  end\n\nexpect clean\n";

fn mutated(explanations: &str, wanted: &Wanted) -> Mutated {
    let text = format!("{ANNOUNCED}{explanations}```\n");
    let case = Case::parse("case.md", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let directory = Directory::of(Path::new("case.md"));
    mutate(&case, &directory, wanted, &mut || {}).unwrap_or_else(|mismatch| panic!("{mismatch}"))
}

fn clean(explanations: &str, wanted: &Wanted) -> CaseMutants {
    match mutated(explanations, wanted) {
        Mutated::Clean(mutants) => mutants,
        Mutated::NotClean(why) => panic!("{why}"),
    }
}

fn only(operator: Operator) -> Wanted {
    Wanted {
        operators: vec![operator],
        ..Wanted::default()
    }
}

#[test]
fn what_no_rule_notices_is_told_with_its_line_until_the_case_explains_it() {
    let mutants = clean("", &only(Operator::Copy));
    assert_eq!(
        told(&mutants),
        "case.md:13: copy: a copy of the message goes to session s-2\n"
    );
    assert!(!mutants.passed());
    let mutants = clean(
        "survives copy: it is for everybody\n",
        &only(Operator::Copy),
    );
    assert_eq!(told(&mutants), "");
    assert!(mutants.passed());
    assert_eq!(mutants.operators["copy"].explained, 1);
    assert_eq!(mutants.operators["copy"].survived, 0);
}

#[test]
fn an_explanation_of_nothing_is_stale_where_its_mutants_were_made() {
    let why = "survives copy, unrefuse: it is for everybody\n";
    let mutants = clean(why, &Wanted::default());
    let stale: Vec<_> = mutants
        .stale
        .iter()
        .map(|it| (it.line, it.operator))
        .collect();
    assert_eq!(stale, [(17, "unrefuse")]);
    assert!(!mutants.passed());
    assert!(clean(why, &only(Operator::Copy)).passed());
    let few = Wanted {
        most: 2,
        ..Wanted::default()
    };
    let mutants = clean(why, &few);
    assert_eq!(mutants.stale, []);
    assert!(mutants.possible > 2);
}

#[test]
fn an_explanation_stands_for_its_line_alone() {
    let marked = ANNOUNCED.replace(
        "\"thread_id\":\"thr_1\"}\n",
        "\"thread_id\":\"thr_1\"}  #! survives copy: it is not so\n",
    );
    let case =
        Case::parse("case.md", &format!("{marked}```\n")).unwrap_or_else(|it| panic!("{it}"));
    let directory = Directory::of(Path::new("case.md"));
    match mutate(&case, &directory, &only(Operator::Copy), &mut || {}) {
        Ok(Mutated::Clean(mutants)) => assert_eq!(
            told(&mutants),
            "case.md:13: copy: a copy of the message goes to session s-2\n\
             case.md:12: copy explains nothing\n"
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_rules_of_the_packs_may_notice_what_is_wrong() {
    let mutants = clean("", &only(Operator::Readdress));
    assert_eq!(mutants.operators["readdress"].killed, 1);
    assert!(
        mutants
            .rules
            .contains_key("agent-platform/event-of-another-session"),
        "{:?}",
        mutants.rules
    );
}

#[test]
fn nothing_goes_wrong_where_no_rule_looks() {
    let mutants = clean("", &Wanted::default());
    for operator in ["token-in-url", "anomaly", "duplicate", "refuse"] {
        assert!(!mutants.operators.contains_key(operator), "{operator}");
    }
}

#[test]
fn an_address_with_a_token_is_noticed_as_the_recorder_keeps_it() {
    let text = "# A\n\n```trace\nrules: handshake\n\nA = session s-1, user u-1\n\n\
                0.1 A open /ws\n1.0 end\n\nexpect holds no-secret-in-url\n```\n";
    let case = Case::parse("case.md", text).unwrap_or_else(|errors| panic!("{errors}"));
    let directory = Directory::of(Path::new("case.md"));
    match mutate(&case, &directory, &Wanted::default(), &mut || {}) {
        Ok(Mutated::Clean(mutants)) => {
            assert_eq!(told(&mutants), "");
            assert_eq!(mutants.rules["handshake/no-secret-in-url"].killed, 1);
        }
        other => panic!("{other:?}"),
    }
}
