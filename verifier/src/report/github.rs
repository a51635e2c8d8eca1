//! `--format github`: for the log of a GitHub Actions job: the text, then annotations.
//!
//! A workflow command is a line that the runner obeys: `::error file=a.toml,line=3::message`.
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Audit;
use super::anchor::{Anchor, anchor};
use super::excerpt::printable;
use super::model::{Reason, Report, Violation};
use super::standing::Standing;
use crate::rules::Diagnostic;
use crate::suite::CaseResult;
use crate::verdict::Reason as Doubt;

/// GitHub shows ten errors, ten warnings and ten notices of a step, and drops the rest in silence.
const MOST: usize = 8;
/// So many lines of an argument are shown.
const MOST_LINES: usize = 6;

/// What is shown beside the code, the worst first.
struct Annotation<'r> {
    /// The lowest is shown first.
    rank: u8,
    level: &'static str,
    anchor: Option<Anchor<'r>>,
    title: String,
    /// As they are; a line break within one is no line break.
    lines: Vec<String>,
}

/// What a run tells, as annotations: at most eight, and how many more there are.
pub fn github(audit: &Audit) -> String {
    let mut all: Vec<_> = audit.histories.iter().flat_map(unread).collect();
    all.extend(violations(audit));
    all.extend(doubts(audit));
    all.extend(audit.remark.iter().map(|remark| Annotation {
        // A verdict that says less than it seems to is worse than a doubt, which is in the verdict.
        rank: 3,
        level: "warning",
        anchor: None,
        title: "wsaudit".to_owned(),
        lines: vec![remark.clone()],
    }));
    // The order among equals stays: that of histories, rules and places.
    all.sort_by_key(|annotation| annotation.rank);
    shown(&all, "the step summary and the log have them all")
}

/// Why nothing was verified, as annotations: at the places in rule files or in a baseline, where the
/// trouble is there.
pub fn failure_github(wrong: &[Diagnostic], message: &str) -> String {
    let error = |anchor, title: &str, lines| Annotation {
        rank: 0,
        level: "error",
        anchor,
        title: title.to_owned(),
        lines,
    };
    if wrong.is_empty() {
        let lines = message.lines().map(str::to_owned).collect();
        return shown(&[error(None, "wsaudit", lines)], "the log has them all");
    }
    let places: Vec<_> = wrong.iter().map(Diagnostic::location).collect();
    let all: Vec<_> = wrong
        .iter()
        .zip(&places)
        .map(|(diagnostic, place)| {
            let label = (!diagnostic.label.is_empty()).then(|| diagnostic.label.clone());
            let lines = [diagnostic.message.clone()].into_iter().chain(label);
            let anchor = Anchor {
                file: &place.file,
                line: place.line,
                column: place.column,
            };
            let lines = lines.chain(diagnostic.help.iter().cloned()).collect();
            error(Some(anchor), "wsaudit: cannot be read", lines)
        })
        .collect();
    shown(&all, "the log has them all")
}

/// What cases came to, as annotations at their lines: at most eight, and how many more there are.
pub fn cases_github(results: &[CaseResult]) -> String {
    let mismatches = results.iter().flat_map(|result| &result.mismatches);
    let all: Vec<_> = mismatches
        .map(|mismatch| Annotation {
            rank: 0,
            level: "error",
            anchor: Some(Anchor {
                file: &mismatch.file,
                line: mismatch.line,
                column: 1,
            }),
            title: "wsaudit test".to_owned(),
            lines: mismatch
                .difference
                .to_string()
                .lines()
                .map(str::to_owned)
                .collect(),
        })
        .collect();
    shown(&all, "the log has them all")
}

fn shown(all: &[Annotation<'_>], rest: &str) -> String {
    let mut out = String::new();
    for annotation in all.iter().take(MOST) {
        line(annotation, &mut out);
    }
    if let Some(more @ 1..) = all.len().checked_sub(MOST) {
        let _ = writeln!(out, "::notice title=wsaudit::+{more} more: {rest}");
    }
    out
}

/// The violations of all histories; of those with one fingerprint, which differ in ids and times, the
/// first, and how many there are.
fn violations(audit: &Audit) -> Vec<Annotation<'_>> {
    let mut all: Vec<(&Report, &Violation, usize)> = Vec::new();
    let mut met = BTreeMap::new();
    for report in &audit.histories {
        for violation in &report.violations {
            let outcome = violation.standing.as_ref().map_or("", |it| it.outcome);
            let fault = (&violation.fingerprint, outcome, violation.severity);
            let at = *met.entry(fault).or_insert(all.len());
            match all.get_mut(at) {
                Some((_, _, count)) => *count += 1,
                None => all.push((report, violation, 1)),
            }
        }
    }
    all.into_iter()
        .map(|(report, violation, count)| of_violation(report, violation, count))
        .collect()
}

/// What of a history could not be read.
fn unread(report: &Report) -> Vec<Annotation<'_>> {
    let all = report.unread.iter().map(|unread| Annotation {
        rank: 0,
        level: "error",
        anchor: Some(Anchor {
            file: &unread.recording,
            line: 1,
            column: 1,
        }),
        title: "wsaudit: cannot be read".to_owned(),
        lines: vec![unread.why.clone()],
    });
    all.collect()
}

/// The doubts of all histories; what is in doubt in several is told once.
fn doubts(audit: &Audit) -> Vec<Annotation<'_>> {
    let mut all: Vec<(&Report, &Reason, usize)> = Vec::new();
    // By what is said, and of which rules: where it stands in that list. A recording may have very many gaps.
    let mut places = BTreeMap::new();
    for report in &audit.histories {
        for reason in &report.reasons {
            // What could not be read has been told, as the error that it is.
            if audit.is_exercised_elsewhere(reason) || reason.reason == Doubt::Unread.as_str() {
                continue;
            }
            let next = all.len();
            let place = *places
                .entry((&reason.message, &reason.rules))
                .or_insert(next);
            match all.get_mut(place) {
                Some((_, _, count)) => *count += 1,
                None => all.push((report, reason, 1)),
            }
        }
    }
    let told = all.into_iter().map(|(report, reason, count)| {
        let rule = reason.rules.first().and_then(|name| {
            let (pack, id) = name.split_once('/')?;
            report.rule(pack, id)
        });
        let more = match count {
            1 => String::new(),
            count => format!(" (and in {} more histories)", count - 1),
        };
        let rank = if reason.reason == Doubt::NotExercised.as_str() {
            4
        } else {
            3
        };
        Annotation {
            rank,
            level: "warning",
            anchor: rule.map(|rule| anchor(report, rule, reason.recording.as_deref())),
            title: format!("wsaudit: {}", reason.reason),
            lines: vec![
                format!("{}: {}{more}", report.name(), reason.message),
                format!("to settle it: {}", reason.settle),
            ],
        }
    });
    told.collect()
}

fn of_violation<'r>(report: &'r Report, violation: &'r Violation, count: usize) -> Annotation<'r> {
    let rule = report.rule(&violation.pack, &violation.rule);
    let place = &violation.offending;
    let more = match count {
        1 => String::new(),
        count => format!("; {} more with this fingerprint", count - 1),
    };
    let mut lines = vec![format!(
        "{} (frame {} of {}{more})",
        violation.message, place.seq, place.recording
    )];
    for (number, line) in (1..).zip(&violation.evidence).take(MOST_LINES) {
        let frame = line
            .seq
            .map_or(String::new(), |seq| format!(", frame {seq}"));
        lines.push(format!("{number}. {}{frame}", line.text));
    }
    lines.push(format!("expected: {}", violation.expected));
    let outcome = violation.standing.as_ref().map_or("", |it| it.outcome);
    let (rank, level, prefix) = match (outcome, violation.severity) {
        (Standing::KNOWN, _) => (5, "notice", "known: "),
        (Standing::EXPIRED, "write") => (1, "error", "no longer excused: "),
        (Standing::EXPIRED, _) => (2, "error", "no longer excused: "),
        (_, "write") => (1, "error", ""),
        (_, _) => (2, "error", ""),
    };
    Annotation {
        rank,
        level,
        anchor: rule.map(|rule| anchor(report, rule, Some(&place.recording))),
        title: format!("{prefix}{}", violation.rule),
        lines,
    }
}

fn line(annotation: &Annotation<'_>, out: &mut String) {
    let mut properties = Vec::new();
    if let Some(Anchor { file, line, column }) = annotation.anchor {
        properties.push(format!("file={}", property(file)));
        properties.push(format!("line={line}"));
        properties.push(format!("col={column}"));
    }
    properties.push(format!("title={}", property(&annotation.title)));
    let lines = annotation.lines.iter().map(|line| printable(line));
    let message = lines.collect::<Vec<_>>().join("\n");
    let _ = writeln!(
        out,
        "::{} {}::{}",
        annotation.level,
        properties.join(","),
        data(&message)
    );
}

/// A command's message.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
        .replace("##[", "\\u{23}#[")
}

/// A command's property, which ends at a comma, and all of which end at a colon.
fn property(text: &str) -> String {
    data(&printable(text))
        .replace(':', "%3A")
        .replace(',', "%2C")
}

/// A text in which no line is a command, whatever somebody's payload says. The runner obeys `::` at
/// the beginning of a line, spaces aside, and the older `##[` anywhere.
pub fn disarm(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let rest = line.trim_start();
        if rest.starts_with("::") {
            out.push_str(&line[..line.len() - rest.len()]);
            out.push_str("\\u{3a}");
            out.push_str(&rest[1..].replace("##[", "\\u{23}#["));
        } else if line.contains("##[") {
            out.push_str(&line.replace("##[", "\\u{23}#["));
        } else {
            out.push_str(line);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_could_take_for_its_own_is_escaped() {
        assert_eq!(data("100%\r\n::error::x"), "100%25%0D%0A::error::x");
        assert_eq!(property("a:b,c%d\ne"), "a%3Ab%2Cc%25d\\ne");
    }

    #[test]
    fn no_line_of_a_disarmed_text_is_a_command() {
        assert_eq!(disarm("a ::b::\n  c\n"), "a ::b::\n  c\n");
        assert_eq!(
            disarm("::error::x\n   ::stop-commands::y\nz ##[error]\n::a##[b]"),
            "\\u{3a}:error::x\n   \\u{3a}:stop-commands::y\nz \\u{23}#[error]\n\\u{3a}:a\\u{23}#[b]"
        );
    }
}
