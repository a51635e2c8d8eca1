//! `--format sarif`: SARIF 2.1.0, for code scanning and for whatever else reads it.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>
//!
//! A result for each violation (`fail`), and one for each rule that has none: `pass` where it holds or
//! its doubts are accepted, `open` where it is undecided, `notApplicable` where it is not exercised.
//! The argument is a code flow with a thread flow for each session. The place of a result is a line of
//! the rule file (of a shipped pack: the recording), because code scanning takes no result without one.

mod log;
mod told;

use std::collections::BTreeMap;

use self::log::{
    ArtifactLocation, CodeFlow, Invocation, Kind, Level, Location, Log, LogicalLocation, Message,
    Notification, PhysicalLocation, Region, ReportingDescriptor, ReportingReference,
    RuleProperties, SarifResult, Suppression, ThreadFlow, ThreadFlowLocation, ViolationProperties,
};
use self::told::Told;
use super::Audit;
use super::anchor::{Anchor, anchor};
use super::closing::opportunities;
use super::excerpt::printable;
use super::model::{Evidence, Report, Rule, Violation};
use super::standing::Standing;
use crate::verdict::State;

/// What a run tells, as one SARIF log, indented, with a newline at its end.
pub fn sarif(audit: &Audit) -> String {
    let rules = descriptors(audit);
    let mut told = Told::of(audit);
    let results = audit
        .histories
        .iter()
        .flat_map(|report| results(report, &rules, &mut told))
        .collect();
    let log = Log::of(rules, invocation(audit, &told), results);
    let mut text =
        serde_json::to_string_pretty(&log).expect("a report has text keys and finite numbers only");
    text.push('\n');
    text
}

/// Every rule of every history, once.
fn descriptors(audit: &Audit) -> Vec<ReportingDescriptor> {
    let mut found: Vec<ReportingDescriptor> = Vec::new();
    for rule in audit.histories.iter().flat_map(|it| &it.rules) {
        let id = rule.name();
        if found.iter().any(|known| known.id == id) {
            continue;
        }
        found.push(ReportingDescriptor {
            id,
            name: rule.id.clone(),
            short_description: Message::of(&rule.title),
            properties: RuleProperties {
                kind: rule.kind,
                tags: ["websocket", "isolation"],
            },
        });
    }
    found
}

fn invocation(audit: &Audit, told: &Told<'_>) -> Invocation {
    let unread = audit.histories.iter().flat_map(|it| &it.unread);
    let unread = unread.map(|unread| Notification {
        descriptor: ReportingReference { id: "unread" },
        level: Level::Error,
        message: Message::of(&unread.why),
        locations: vec![Location::file(&unread.recording)],
    });
    let remark = audit.remark.iter().map(|remark| Notification {
        descriptor: ReportingReference { id: "remark" },
        level: Level::Note,
        message: Message::of(remark),
        locations: Vec::new(),
    });
    let left_out = told.left_out().map(|message| Notification {
        descriptor: ReportingReference { id: "left-out" },
        level: Level::Note,
        message: Message::of(&message),
        locations: Vec::new(),
    });
    Invocation {
        execution_successful: !audit.is_incomplete(),
        exit_code: audit.exit_code(),
        tool_execution_notifications: unread.chain(remark).chain(left_out).collect(),
    }
}

fn results<'r>(
    report: &'r Report,
    rules: &[ReportingDescriptor],
    told: &mut Told<'r>,
) -> Vec<SarifResult> {
    let index = |id: &str| rules.iter().position(|rule| rule.id == id).unwrap_or(0);
    let violations = report.violations.iter().filter(|it| told.takes(it));
    let violations = violations.filter_map(|violation| {
        let rule = report.rule(&violation.pack, &violation.rule)?;
        let id = rule.name();
        Some(fail(report, rule, violation, index(&id)))
    });
    let others = report.rules.iter().filter(|rule| rule.violations == 0);
    let others = others.map(|rule| {
        let id = rule.name();
        other(report, rule, index(&id))
    });
    violations.chain(others).collect()
}

fn fail(report: &Report, rule: &Rule, violation: &Violation, rule_index: usize) -> SarifResult {
    let place = &violation.offending;
    let text = format!(
        "{} (frame {} of {}). Expected: {}",
        violation.message, place.seq, place.recording, violation.expected
    );
    let entry = violation.standing.as_ref();
    let entry = entry.filter(|it| it.outcome == Standing::KNOWN);
    let suppressions = entry
        .and_then(|standing| standing.entry.as_ref())
        .map(|entry| Suppression {
            kind: "external",
            status: "accepted",
            justification: format!("{} (until {})", entry.reason, entry.expires),
        });
    SarifResult {
        rule_id: rule.name(),
        rule_index,
        kind: Kind::Fail,
        level: Level::Error,
        message: Message::of(&text),
        locations: vec![location(report, rule, Some(&place.recording))],
        related_locations: vec![Location {
            message: Some(Message::of("the frame that breaks the rule")),
            logical_locations: vec![LogicalLocation::frame(&place.recording, place.seq)],
            ..Location::file(&place.recording)
        }],
        code_flows: vec![code_flow(violation)],
        partial_fingerprints: BTreeMap::from([
            ("wsaudit/v1", violation.fingerprint.clone()),
            // Code scanning knows this one alone. Without it, all violations of one rule would be
            // one alert, because they stand at one line.
            (
                "primaryLocationLineHash",
                format!("{}:1", violation.fingerprint),
            ),
        ]),
        suppressions: suppressions.into_iter().collect(),
        properties: Some(ViolationProperties {
            history: report.name(),
            recording: place.recording.clone(),
            seq: place.seq,
            at: place.at,
            session: violation.session.clone(),
            user: violation.user.clone(),
            owner_session: violation.owner_session.clone(),
            owner_user: violation.owner_user.clone(),
            resource: violation.resource.clone(),
            severity: violation.severity,
            baseline: violation.standing.as_ref().map(|it| it.outcome),
        }),
    }
}

fn other(report: &Report, rule: &Rule, rule_index: usize) -> SarifResult {
    let doubt = report.doubts(rule).next();
    let kind = match doubt {
        None => Kind::Pass,
        Some(_) if rule.state == State::NotExercised.as_str() => Kind::NotApplicable,
        Some(_) => Kind::Open,
    };
    let name = report.name();
    let text = match doubt {
        None => format!(
            "{}: {}, {}",
            rule.state,
            rule.title,
            opportunities(rule.matched)
        ),
        Some(doubt) => format!(
            "{}: {}. To settle it: {}",
            rule.state, doubt.message, doubt.settle
        ),
    };
    SarifResult {
        rule_id: rule.name(),
        rule_index,
        kind,
        level: Level::None,
        message: Message::of(&format!("{text} ({name})")),
        locations: vec![location(
            report,
            rule,
            doubt.and_then(|doubt| doubt.recording.as_deref()),
        )],
        related_locations: Vec::new(),
        code_flows: Vec::new(),
        partial_fingerprints: BTreeMap::new(),
        suppressions: Vec::new(),
        properties: None,
    }
}

fn location(report: &Report, rule: &Rule, recording: Option<&str>) -> Location {
    let Anchor { file, line, column } = anchor(report, rule, recording);
    Location {
        physical_location: Some(PhysicalLocation {
            artifact_location: ArtifactLocation::of(file),
            region: Region {
                start_line: line,
                start_column: column,
            },
        }),
        logical_locations: vec![LogicalLocation {
            name: printable(&rule.id),
            fully_qualified_name: printable(&rule.name()),
        }],
        message: None,
    }
}

/// The argument: a thread flow for each session in it, in the order of their first lines. The order
/// of lines over all flows is their `executionOrder`.
fn code_flow(violation: &Violation) -> CodeFlow {
    let mut flows: Vec<ThreadFlow> = Vec::new();
    for (number, line) in (1..).zip(&violation.evidence) {
        let id = actor(line);
        let step = ThreadFlowLocation {
            location: step(line),
            execution_order: number,
        };
        match flows.iter_mut().find(|flow| flow.id == id) {
            Some(flow) => flow.locations.push(step),
            None => flows.push(ThreadFlow {
                id,
                locations: vec![step],
            }),
        }
    }
    CodeFlow {
        message: Message::of(&violation.message),
        thread_flows: flows,
    }
}

fn actor(line: &Evidence) -> String {
    match (&line.session, line.connection) {
        (Some(session), _) => format!("session {}", printable(session)),
        (None, Some(connection)) => format!("connection {connection}"),
        (None, None) => "facts".to_owned(),
    }
}

fn step(line: &Evidence) -> Location {
    let text = match &line.excerpt {
        Some(excerpt) => format!("{}: {excerpt}", line.text),
        None => line.text.clone(),
    };
    let message = Some(Message::of(&text));
    match (&line.recording, line.seq) {
        (Some(recording), Some(seq)) => Location {
            message,
            logical_locations: vec![LogicalLocation::frame(recording, seq)],
            ..Location::file(recording)
        },
        _ => Location {
            message,
            ..Location::default()
        },
    }
}
