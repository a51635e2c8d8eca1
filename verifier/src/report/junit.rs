//! `--format junit`: a test suite for each history, a test case for each rule.
//!
//! A rule that holds passes; one that is violated fails, with its evidence; one that is not exercised
//! or undecided is skipped, and so is one of whose violations a baseline knows all. A recording that
//! could not be read is a test case with an error. Nothing of the time of the run is in it.

use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::closing::plural;
use super::excerpt::printable;
use super::model::{Report, Rule, Violation};
use super::text::argument;
use super::{Audit, Palette};

/// So many violations of a rule are told with their evidence.
const MOST_TOLD: usize = 10;

/// What a run tells, as `JUnit` XML.
pub fn junit(audit: &Audit) -> String {
    let mut document = Document::new("wsaudit");
    for report in &audit.histories {
        let mut suite = TestSuite::new(printable(&report.name()));
        if let Some(remark) = &audit.remark {
            suite.set_system_out(printable(remark));
        }
        for unread in &report.unread {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status
                .set_type("unread")
                .set_message(printable(&unread.why));
            let mut case = TestCase::new(printable(&unread.recording), status);
            case.set_classname("recording");
            suite.add_test_case(case);
        }
        for rule in &report.rules {
            let mut case = TestCase::new(printable(&rule.id), status(report, rule));
            case.set_classname(printable(&rule.pack));
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

fn status(report: &Report, rule: &Rule) -> TestCaseStatus {
    let own = report
        .violations
        .iter()
        .filter(|it| it.rule == rule.id && it.pack == rule.pack);
    let (known, fresh): (Vec<_>, Vec<_>) = own.partition(|it| it.is_known());
    if !fresh.is_empty() {
        return failure(report, &fresh);
    }
    if let [first, ..] = &known[..] {
        let why = first.standing.as_ref().and_then(|it| it.entry.as_ref());
        let why = why.map_or(String::new(), |entry| {
            format!(" (until {}: {})", entry.expires, entry.reason)
        });
        let count = plural(known.len(), "known violation");
        return skipped(&format!("{count}: {}{why}", first.message));
    }
    match report.doubts(rule).next() {
        Some(doubt) => skipped(&format!(
            "{}: {}; to settle it: {}",
            rule.state, doubt.message, doubt.settle
        )),
        // It holds, or the pack accepts what is in doubt.
        None => TestCaseStatus::success(),
    }
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(printable(why));
    status
}

fn failure(report: &Report, violations: &[&Violation]) -> TestCaseStatus {
    let mut told = String::new();
    for violation in violations.iter().take(MOST_TOLD) {
        argument::write(report, violation, &Palette::PLAIN, None, &mut told);
        told.push('\n');
    }
    if let Some(more @ 1..) = violations.len().checked_sub(MOST_TOLD) {
        let _ = writeln!(told, "... and {}", plural(more, "more violation"));
    }
    let first = violations.first().map_or("", |it| it.message.as_str());
    let message = match violations.len() {
        1 => first.to_owned(),
        count => format!("{}, the first: {first}", plural(count, "violation")),
    };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status
        .set_type("violation")
        .set_message(printable(&message))
        .set_description(told);
    status
}
