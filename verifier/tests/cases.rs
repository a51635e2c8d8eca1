//! Cases: what they may say, what is wrong with broken ones, and how they are compared with what is
//! found.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use wsaudit_verifier::case::{Case, CaseHistory, Expected};
use wsaudit_verifier::history::Source;
use wsaudit_verifier::suite::{self, CaseResult, Directory, Polarity, SuiteError};
use wsaudit_wire::Opcode;

const LEAK: &str = include_str!("cases/leak.md");

fn case(trace: &str) -> String {
    format!("# A case\n\n```trace\nrules: protocol\n{trace}```\n")
}

fn run(text: &str) -> CaseResult {
    let case = Case::parse("case.md", text).unwrap_or_else(|errors| panic!("{errors}"));
    suite::run_case(&case, &Directory::of(Path::new("case.md")))
}

/// The mismatches of the leak, changed.
fn leak(from: &str, to: &str) -> String {
    let changed = LEAK.replacen(from, to, 1);
    assert_ne!(changed, LEAK, "the leak has no `{from}`");
    let mismatches = run(&changed).mismatches;
    mismatches.iter().fold(String::new(), |told, mismatch| {
        told + &mismatch.to_string()
            + "
"
    })
}

#[test]
fn a_violation_on_the_line_where_it_is_expected_passes() {
    let result = run(LEAK);
    assert_eq!(result.mismatches, []);
    assert_eq!(result.title, "A foreign thread is opened and answered");
}

#[test]
fn the_case_in_the_documentation_passes() {
    let page = include_str!("../../docs/cases.md");
    let example = page
        .split("````")
        .nth(1)
        .and_then(|block| block.strip_prefix("md\n"));
    assert_eq!(run(example.expect("an example")).mismatches, []);
    assert!(!Case::is_in(page), "the page itself is prose");
}

#[test]
fn every_difference_says_what_was_found() {
    let mut told = String::new();
    for (what, from, to) in [
        (
            "nobody expects it",
            "  #! expect foreign-thread",
            "  #! todo foreign-run",
        ),
        (
            "on the wrong line",
            "2}\n",
            "2}  #! expect foreign-thread\n",
        ),
        (
            "of another rule",
            "#! expect foreign-thread",
            "#! expect foreign-run",
        ),
        (
            "of no rule",
            "#! expect foreign-thread",
            "#! expect foreign-threat",
        ),
        (
            "twice",
            "#! expect foreign-thread",
            "#! expect foreign-thread #! expect foreign-thread",
        ),
        (
            "a gap that is closed",
            "#! expect foreign-thread",
            "#! todo foreign-thread",
        ),
        (
            "a rule that does not hold",
            "A = session",
            "expect holds foreign-run\nA = session",
        ),
        (
            "a rule that is exercised",
            "A = session",
            "expect not-exercised foreign-thread\nA = session",
        ),
        (
            "a rule that is not undecided",
            "A = session",
            "expect undecided foreign-run\nA = session",
        ),
        (
            "as often as not",
            "A = session",
            "expect foreign-thread 3 times\nA = session",
        ),
        (
            "a note",
            "{\"type\":\"created\"",
            "{\"type\":\"created\",\"x\":1",
        ),
        (
            "no such pack",
            "A = session",
            "rules: protocoll\nA = session",
        ),
        (
            "no such rule",
            "A = session",
            "rules only: foreign-threat\nA = session",
        ),
        (
            "nothing but others",
            "A = session",
            "rules only: foreign-run\nA = session",
        ),
    ] {
        let _ = writeln!(told, "{what}:\n{}", leak(from, to));
    }
    insta::assert_snapshot!("differences", told);
}

#[test]
fn a_case_in_which_nothing_could_be_violated_proves_nothing() {
    let empty = LEAK.replace("#! expect foreign-thread", "").replace(
        "A = session",
        "expect none\nrules only: foreign-run\nA = session",
    );
    let told: Vec<_> = run(&empty)
        .mismatches
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("proves nothing"), "{told:?}");
}

#[test]
fn broken_cases_say_line_and_cure() {
    let mut told = String::new();
    for (what, text) in [
        (
            "no title",
            "```trace\nrules: protocol\nexpect none\nA = session s\n0 A open\n```".to_owned(),
        ),
        ("no trace", "# A case\n".to_owned()),
        (
            "no rules",
            "# A case\n```trace\nA = session s\n0 A open #! expect x\n```".to_owned(),
        ),
        (
            "never closed",
            "# A case\n```trace\nrules: protocol\nexpect none\n".to_owned(),
        ),
        ("expects nothing", case("A = session s\n0 A open\n")),
        (
            "contradiction",
            case("expect none\nA = session s\n0 A open #! expect x\n"),
        ),
        (
            "unknown words",
            case(
                "expects none\nexpect nothing\nexpect x\nrule: a\nA = sesion s\n0 A open #! expekt x\n0 A opn\n",
            ),
        ),
        (
            "unknown connection",
            case("Alice = session s\n0 Alise > {} #! expect x\n0 Alice open\n"),
        ),
        (
            "declared twice",
            case("A = session s\nA = session t\n0 A open #! expect x\n"),
        ),
        (
            "bad names",
            case("end = session s\n1A = session s\nA! = session t\nA = \n0 A open #! expect x\n"),
        ),
        (
            "times",
            case(
                "A = session s\n1.0 A open #! expect x\n0.5 A > {}\n1,5 A > {}\n2 end\n3 A > {}\n",
            ),
        ),
        (
            "payloads",
            case(
                "A = session s\n0 A > {\"a\" #! expect x\n0 A > hex:123 #! expect x\n0 A >\n0 A > {} {}\n0 A > hello\n0 A open\n",
            ),
        ),
        (
            "states",
            case(
                "A = session s\nB = session t\nC = session u\n0 A accept\n0 A open #! expect x\n0 A > {}\n0 A accept\n0 A open\n1 A close 1000\n1 A > {}\n1 A close\n1 B refuse 401\n1 B > {}\n",
            ),
        ),
        (
            "headers and gaps",
            case(
                "A = session s\n0 A open / #! expect x\n0 A gap 3\n0 A gap: \n0 gap 3 frame: disk full\n0 A gap x frames: y\n",
            ),
        ),
        (
            "continuations",
            case(
                "  lost\n#! expect x\nA = session s\n0 A open\n  Nonsense\n0 A open GET / HTTP/1.1 #! expect x\n",
            ),
        ),
        (
            "tags",
            case("A = session, user u (claimed), claim x, device d e\n0 A open #! expect x\n"),
        ),
        (
            "frames",
            case("expect x at frame 3\nexpect x at line 3\nexpect y many times\nexpect z 3\n"),
        ),
        (
            "recordings",
            case(
                "recording: a.db, b.db\nexpect x at frame 3 of c.db\nexpect x at frame 3 in b.db\nrecording: d.db\nA = session s\n0 A open\n",
            ),
        ),
    ] {
        let errors = match Case::parse("case.md", &text) {
            Ok(_) => "nothing is wrong".to_owned(),
            Err(errors) => errors.to_string(),
        };
        assert_ne!(errors, "nothing is wrong", "{what}");
        let _ = writeln!(told, "{what}:\n{errors}\n");
    }
    insta::assert_snapshot!("broken-cases", told);
}

#[test]
fn places_are_lines_and_bytes_are_as_written() {
    let text = case(concat!(
        "A = session s-1 (presented), user u-1, credential c-1, claim jti=t-1\n", // line 5
        "fact threads t-9 s-1\n",
        "0.5 A open GET /ws?x=1\n", // line 7
        "    Origin: https://app.example\n",
        "# a comment\n",
        "    Host: other.example\n",
        "0.6 A accept subprotocol chat\n", // line 11
        "0.7 A > {\"a\":\n",               // line 12
        "          \"#! expect x\"}\n",
        "    #! expect y\n",
        "0.8 A < hex:00ff\n", // line 15
        "0.9 A is session s-2\n",
        "1.0 A gap 3 frames: recorder stalled\n",
        "1.0 A < anomaly masked-server-frame key 1\n",
        "1.1 A < close 1001 going away\n", // line 19
        "2.5 unclean: killed\n",
    ));
    let case = Case::parse("case.md", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let CaseHistory::Trace(source) = &case.history else {
        panic!("a trace")
    };
    let outline = source.outline();
    let connection = &outline.connections[0];
    let head = String::from_utf8_lossy(&connection.request_head);
    assert!(head.starts_with("GET /ws?x=1 HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains("\r\nOrigin: https://app.example\r\nHost: other.example\r\n"),
        "{head}"
    );
    assert_eq!(head.matches("Host:").count(), 1);
    assert_eq!(connection.subprotocol.as_deref(), Some("chat"));
    assert_eq!(connection.opened.seq, 7);
    assert_eq!(connection.answered.map(|moment| moment.seq), Some(11));
    assert_eq!(connection.closed.map(|moment| moment.seq), Some(19));
    let tags: Vec<_> = connection
        .tags
        .iter()
        .map(|tag| (tag.from, tag.source.as_str(), tag.value.as_str()))
        .collect();
    assert_eq!(
        tags,
        [
            (7, "trace", "s-1"),
            (7, "trace", "u-1"),
            (7, "trace", "c-1"),
            (7, "jwt:jti", "t-1"),
            (16, "trace", "s-2")
        ]
    );
    assert_eq!(outline.gaps[0].frames, Some(3));
    assert_eq!(outline.anomalies[0].code, "masked-server-frame");
    let unclean = outline.unclean.as_ref().unwrap();
    assert_eq!((unclean.why.as_str(), unclean.last), ("killed", Some(19)));
    assert_eq!(outline.ended_at - outline.started_at, 2_500_000_000);
    assert_eq!(
        source.payload(12).unwrap().unwrap(),
        b"{\"a\":\n          \"#! expect x\"}"
    );
    assert_eq!(source.payload(15).unwrap().unwrap(), [0, 255]);
    assert_eq!(source.payload(19).unwrap().unwrap(), b"\x03\xe9going away");
    let Expected::Violation { rule, lines } = &case.expectations[0].expected else {
        panic!("a violation")
    };
    assert_eq!((rule.0.as_str(), *lines), ("y", (12, 14)));
    assert_eq!(case.facts.table("threads")[0].origin, "case.md line 6");
    let mut reading = source.reading().unwrap();
    let mut cursor = reading.begin().unwrap();
    assert_eq!(cursor.advance().unwrap().unwrap().seq, 12);
    assert_eq!(cursor.current().unwrap().opcode, Opcode::TEXT);
}

proptest::proptest! {
    /// Whatever stands in a case, reading it gives a case or errors, each with a line of the file.
    #[test]
    fn no_case_is_too_broken(cuts in proptest::collection::vec((0..60_usize, 0..80_usize, "[ -~#é\\n]{0,6}"), 1..6)) {
        let mut lines: Vec<String> = LEAK.lines().map(str::to_owned).collect();
        for (line, column, text) in cuts {
            let line = line % lines.len();
            let at = lines[line].char_indices().nth(column).map_or(lines[line].len(), |(at, _)| at);
            lines[line].insert_str(at, &text);
        }
        let text = lines.join("\n");
        let length = u32::try_from(text.lines().count()).unwrap();
        match Case::parse("case.md", &text) {
            Ok(case) => proptest::prop_assert!(!case.expectations.is_empty()),
            Err(errors) => for error in errors.errors() {
                proptest::prop_assert!((1..=length).contains(&error.line), "{error}");
            }
        }
    }
}

#[test]
fn a_connection_that_nobody_answers_for_is_accepted_at_once() {
    let text =
        case("expect none\nA = session s\nB = session t\n0 A open\n1 B open\n2 B drop\n3 end\n");
    let case = Case::parse("case.md", &text).unwrap();
    let CaseHistory::Trace(source) = &case.history else {
        panic!("a trace")
    };
    let [listens, dropped] = &source.outline().connections[..] else {
        panic!("two")
    };
    assert!(listens.accepted() && listens.answered == Some(listens.opened));
    assert_eq!((dropped.status, dropped.answered), (None, None));
}

#[test]
fn a_directory_is_walked_in_order_and_rules_have_polarities() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("b/leak.md", LEAK);
    write(
        "a.md",
        &LEAK
            .replace("#! expect foreign-thread", "")
            .replace("2.020  B  <  {\"type\":\"thread\"", "2.020  B  <  {\"type\":\"refused\"")
            .replace("A = session", "expect none\nexpect not-exercised foreign-run\nexpect noted foreign-thread\nA = session"),
    );
    write("c.md", "# Broken\n```trace\nnonsense\n```\n");
    write("README.md", "# No case\n````md\n```trace\n```\n````\n");
    write("node_modules/d.md", "# A\n```trace\nnonsense\n```\n");
    let mut told = Vec::new();
    let suite = suite::run(directory.path(), &mut |result| {
        told.push(result.file.clone());
    })
    .unwrap();
    let names: Vec<_> = told
        .iter()
        .map(|file| {
            Path::new(file)
                .strip_prefix(directory.path())
                .unwrap()
                .display()
                .to_string()
        })
        .collect();
    assert_eq!(names, ["a.md", "b/leak.md", "c.md"]);
    for result in &suite.results[..2] {
        assert_eq!(result.mismatches, [], "{}", result.file);
    }
    assert_eq!((suite.passed(), suite.failed()), (2, 1));
    let polarities = suite.polarities();
    let of = |rule: &str| polarities[&("rooms".to_owned(), rule.to_owned())];
    assert_eq!(
        of("foreign-thread"),
        Polarity {
            fires: 1,
            silent: 1,
            not_exercised: 0,
            undecided: 0,
        }
    );
    assert_eq!(
        of("foreign-run"),
        Polarity {
            fires: 0,
            silent: 0,
            not_exercised: 1,
            undecided: 0,
        }
    );
}

#[test]
fn a_place_without_cases_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let mut silent = |_: &CaseResult| {};
    assert!(matches!(
        suite::run(directory.path(), &mut silent),
        Err(SuiteError::Empty { .. })
    ));
    let missing = directory.path().join("missing");
    assert!(matches!(
        suite::run(&missing, &mut silent),
        Err(SuiteError::Unreadable { .. })
    ));
    let prose = directory.path().join("prose.md");
    fs::write(&prose, "# Prose\n").unwrap();
    assert!(matches!(
        suite::run(&prose, &mut silent),
        Err(SuiteError::NoCase { .. })
    ));
}
