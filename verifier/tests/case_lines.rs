//! Every line of a case means something, or is an error: none is dropped.

#![expect(
    clippy::unwrap_used,
    reason = "what fails in a test's setting fails the test"
)]

use std::fs;
use std::path::Path;

use wsaudit_verifier::case::{
    Case, CaseHistory, Change, Draft, Expectation, Expected, Writing, rewrite, statement,
};
use wsaudit_verifier::history::{MemorySource, Source};

/// A word that no line of a fixture has.
const WORD: &str = "zzzz";

fn case(trace: &str) -> String {
    format!("# A case\n\n```trace\nrules: protocol\n{trace}```\n")
}

fn read(text: &str) -> Case {
    Case::parse("case.md", text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn wrong(trace: &str) -> String {
    match Case::parse("case.md", &case(trace)) {
        Ok(_) => "nothing is wrong".to_owned(),
        Err(errors) => errors.to_string(),
    }
}

#[test]
fn headers_go_on_below_an_expectation() {
    let text = case(concat!(
        "A = session s-1\n",
        "0.1 A open /ws  #! expect a\n",
        "    Origin: https://app.example  #! expect b\n",
        "    Cookie: sid=1\n",
        "0.2 A accept subprotocol chat  #! expect c\n",
        "    X-Accept: 1\n",
        "0.3 A http POST /x {\"a\":1}  #! expect d\n",
        "    X-Request: 1\n",
        "#! expect e\n",
        "    X-Second: 1\n",
        "0.4 A http 201  #! expect f #! expect noted g\n",
        "    Set-Cookie: sid=2\n",
    ));
    let case = read(&text);
    let CaseHistory::Trace(source) = &case.history else {
        panic!("a trace")
    };
    let connections = source.outline().connections.iter();
    let heads: String = connections
        .flat_map(|one| [&one.request_head, &one.response_head])
        .map(|head| String::from_utf8_lossy(head))
        .collect();
    for header in [
        "Origin: https://app.example\r\n",
        "Cookie: sid=1\r\n",
        "X-Accept: 1\r\n",
        "X-Request: 1\r\n",
        "X-Second: 1\r\n",
        "Set-Cookie: sid=2\r\n",
    ] {
        assert!(heads.contains(header), "no {header:?} in\n{heads}");
    }
    let expected = case.expectations.iter().map(|one| match &one.expected {
        Expected::Violation { rule, lines } => (rule.0.as_str(), *lines),
        Expected::Noted { rule, lines } => (rule.0.as_str(), lines.unwrap_or_default()),
        other => panic!("{other:?}"),
    });
    assert_eq!(
        expected.collect::<Vec<_>>(),
        [
            ("a", (6, 8)),
            ("b", (6, 8)),
            ("c", (9, 10)),
            ("d", (11, 14)),
            ("e", (11, 14)),
            ("f", (15, 16)),
            ("g", (15, 16)),
        ]
    );
}

#[test]
fn what_cannot_go_on_below_an_expectation_is_an_error() {
    for trace in [
        "A = session s\n0 A > {}  #! expect x\n    Cookie: sid=1\n",
        "A = session s\n0 A open\n1 A drop  #! expect x\n    zzzz\n",
        "A = session s\n0 A is session t  #! expect noted x\n    user u\n",
        "A = session s\n0 A http GET /x  #! expect x\n    {\"a\":1}\n",
        "A = session s\n0 A > {}\n#! todo x\n    zzzz\n",
    ] {
        let told = wrong(trace);
        assert!(told.starts_with("case.md:"), "{trace}{told}");
        let last = trace.trim_end().rsplit("    ").next().unwrap();
        assert!(told.contains(&format!("`{last}`")), "{trace}{told}");
    }
}

#[test]
fn a_reason_may_go_on_below_a_message() {
    let case = read(&case(
        "expect none\nA = session s\n0 A > {}  #! survives move: it is\n    for everybody\n",
    ));
    assert_eq!(case.survivors[0].why, "it is for everybody");
}

#[test]
fn a_body_below_the_line_of_its_request_is_no_header() {
    let told = wrong("expect none\nA = session s\n0 A http POST /x\n    {\"a\":1}\n");
    assert!(
        told.contains("case.md:7: `{\"a\":1}` is no header"),
        "{told}"
    );
}

#[test]
fn tags_that_name_nothing_are_an_error() {
    let told = wrong("expect none\nA = session s\n0 A is\n");
    assert!(told.contains("case.md:7: "), "{told}");
}

#[test]
fn a_block_of_prose_that_is_not_closed_hides_no_trace() {
    let text = format!(
        "# A case\n\n```sh\nwsaudit test\n\n{}",
        &case("expect none\n")[10..]
    );
    assert!(Case::is_in(&text), "{text}");
    let told = Case::parse("case.md", &text).unwrap_err().to_string();
    assert!(
        told.contains("case.md:3: this block is never closed"),
        "{told}"
    );
}

#[test]
fn a_body_that_does_not_say_what_it_is_is_written_as_one() {
    let case = read(&case(concat!(
        "expect none\nA = session s\n",
        "0 A http POST /x text \"{\\\"a\\\":1}\"\n",
        "1 A http 200 {\"b\":1}\n",
        "2 A http POST /y {\"c\":1}\n",
        "    Content-Type: text/plain\n",
    )));
    let CaseHistory::Trace(source) = &case.history else {
        panic!("a trace")
    };
    let draft = Draft::of(Writing {
        title: "A case",
        prose: "",
        rules: "protocol",
        only: "framing",
        first: &[],
        facts: &[],
        source,
    });
    let written = draft.unwrap_or_else(|error| panic!("{error}")).unmarked();
    let CaseHistory::Trace(again) = read(&written).history else {
        panic!("a trace")
    };
    let said = |source: &MemorySource| {
        let connections = source.outline().connections.clone().into_iter();
        let heads = connections.map(|one| [one.request_head, one.response_head]);
        let bodies = source.messages().iter().map(|it| it.payload.clone());
        (heads.collect::<Vec<_>>(), bodies.collect::<Vec<_>>())
    };
    assert_eq!(said(&again), said(source), "{written}");
}

/// The cases under `fixtures/`, with their paths.
fn fixtures(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fixtures(&path, found);
        } else if path.extension().is_some_and(|it| it == "md") {
            let text = fs::read_to_string(&path).unwrap();
            if Case::is_in(&text) {
                found.push((path.display().to_string(), text));
            }
        }
    }
}

/// The case with that line of it changed, as far as it can be read.
fn with_line(lines: &[&str], at: usize, line: &str) -> Option<String> {
    let mut lines = lines.to_vec();
    lines[at] = line;
    let case = Case::parse("case.md", &(lines.join("\n") + "\n")).ok()?;
    Some(format!("{case:?}"))
}

#[test]
fn a_word_more_on_any_line_of_a_trace_means_something_or_is_an_error() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut cases = Vec::new();
    fixtures(&directory, &mut cases);
    assert!(cases.len() > 100, "{}", cases.len());
    for (path, text) in cases {
        let lines: Vec<_> = text.lines().collect();
        let mut in_trace = false;
        for (at, line) in lines.iter().enumerate() {
            if line.trim_start().starts_with("```") {
                in_trace = line.trim() == "```trace";
                continue;
            }
            let is_comment = line.trim_start().starts_with('#') && !line.contains("#!");
            if !in_trace || line.trim().is_empty() || is_comment {
                continue;
            }
            let number = at + 1;
            let as_is = with_line(&lines, at, line);
            let more = with_line(&lines, at, &format!("{line} {WORD}"));
            assert!(more.is_none() || more != as_is, "{path}:{number}: {line}");
            // The mark at the end keeps the lines of the statement the same.
            for mark in ["", "\n#! survives move: zzz"] {
                let below = |below: &str| with_line(&lines, at, &format!("{line}\n{below}{mark}"));
                let (comment, more) = (below("# zzz"), below("    zzz: zzz"));
                assert!(
                    more.is_none() || more != comment,
                    "below {path}:{number}: {line}"
                );
            }
        }
    }
}

#[test]
fn a_mark_that_comes_and_goes_leaves_every_case_as_it_was() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut cases = Vec::new();
    fixtures(&directory, &mut cases);
    for (path, text) in cases {
        // What contradicts a violation, with its line kept.
        let text = ["expect none\n", "expect clean\n"]
            .iter()
            .fold(text, |text, none| text.replace(none, "# none\n"));
        // A case that expects nothing more is none.
        let expected = Case::parse("case.md", &text).map_or(Vec::new(), |it| it.expectations);
        for (line, _) in (1_u32..).zip(text.lines()) {
            let first = statement(&text, line);
            if !first.is_some_and(|it| it.starts_with(|it: char| it.is_ascii_digit())) {
                continue;
            }
            let mark = || format!("expect {WORD}");
            let marked = rewrite(&text, &[Change::AddMark { line, mark: mark() }]);
            let is_new = |it: &Expectation| it.expected.rule().is_some_and(|it| it.0 == WORD);
            let all = read(&marked).expectations.into_iter();
            let (new, others): (Vec<_>, Vec<_>) = all.partition(is_new);
            assert_eq!((new.len(), others), (1, expected.clone()), "{path}:{line}");
            let remove = Change::RemoveMark { line, mark: mark() };
            assert_eq!(rewrite(&marked, &[remove]), text, "{path}:{line}");
        }
    }
}
