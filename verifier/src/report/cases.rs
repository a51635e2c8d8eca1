//! `wsaudit test --junit`: a test case for each case, a test suite for each directory of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::closing::plural;
use super::excerpt::printable;
use crate::suite::CaseResult;

/// What cases came to, as `JUnit` XML. A case that was found twice is told once.
pub fn cases_junit(results: &[CaseResult]) -> String {
    let mut suites: BTreeMap<&Path, BTreeMap<&str, &CaseResult>> = BTreeMap::new();
    for result in results {
        let directory = Path::new(&result.file).parent().unwrap_or(Path::new(""));
        let suite = suites.entry(directory).or_default();
        suite.insert(&result.file, result);
    }
    let mut document = Document::new("wsaudit test");
    for (directory, cases) in suites {
        let directory = printable(&directory.display().to_string());
        let mut suite = TestSuite::new(directory.clone());
        for (file, result) in cases {
            let mut case = TestCase::new(printable(file), status(result));
            case.set_classname(directory.clone());
            suite.add_test_case(case);
        }
        document.add_test_suite(suite);
    }
    let mut text = document
        .to_string()
        .expect("a document in memory can be written");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn status(result: &CaseResult) -> TestCaseStatus {
    let Some(first) = result.mismatches.first() else {
        return TestCaseStatus::success();
    };
    let mut told = String::new();
    for mismatch in &result.mismatches {
        for line in mismatch.to_string().lines() {
            let _ = writeln!(told, "{}", printable(line));
        }
    }
    let first = first.to_string();
    let message = match result.mismatches.len() {
        1 => first,
        count => format!("{}, the first: {first}", plural(count, "difference")),
    };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status
        .set_type("mismatch")
        .set_message(printable(&message))
        .set_description(told);
    status
}
