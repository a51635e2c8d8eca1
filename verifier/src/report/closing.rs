//! The lines at the end that a person reads first.

use std::collections::BTreeMap;

use super::model::{Report, Session};
use crate::verdict::{State, Verdict};

/// More sessions than this are told as a sum.
const MOST_NAMED: usize = 6;

/// Authentication per user, agents, events and threads; then the verdict.
pub(super) fn closing(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for user in &report.users {
        let own: Vec<_> = report
            .sessions
            .iter()
            .filter(|session| session.user_id.as_ref() == Some(&user.user_id))
            .collect();
        if own.is_empty() {
            // Somebody else held its sessions first; a rule about holders tells more.
            continue;
        }
        lines.push(format!(
            "{}: {}",
            super::excerpt::printable(&user.user_id),
            established(&own)
        ));
    }
    lines.extend(agents(&report.sessions));
    lines.extend(events(report));
    lines.extend(threads(report));
    lines.push(verdict(report));
    lines
}

fn established(sessions: &[&Session]) -> String {
    let count = sessions.len();
    let judged = sessions
        .iter()
        .any(|session| session.authentication_successful.is_some());
    if judged {
        let authenticated = sessions
            .iter()
            .filter(|session| session.authentication_successful == Some(true));
        return format!(
            "{} of {} authenticated",
            authenticated.count(),
            plural(count, "session")
        );
    }
    let connected = sessions
        .iter()
        .filter(|session| session.websocket_connected)
        .count();
    format!("{connected} of {} connected", plural(count, "session"))
}

fn agents(sessions: &[Session]) -> Option<String> {
    let ran: Vec<_> = sessions
        .iter()
        .filter(|session| {
            session
                .concurrent_operations_completed
                .is_some_and(|count| count > 0)
        })
        .collect();
    let runs: u64 = ran
        .iter()
        .filter_map(|session| session.concurrent_operations_completed)
        .sum();
    if runs == 0 {
        return None;
    }
    let judgements = ran.iter().map(|session| session.agent_execution_isolated);
    Some(format!(
        "{} in {}, {}",
        counted(runs, "agent run"),
        plural(ran.len(), "session"),
        told(judgements, "all isolated", "not isolated")
    ))
}

fn events(report: &Report) -> Option<String> {
    if report.sessions.is_empty() {
        return None;
    }
    let total = |session: &Session| session.websocket_events_received.values().sum::<u64>();
    let saw = if report.sessions.len() <= MOST_NAMED {
        let each: Vec<_> = report
            .sessions
            .iter()
            .map(|session| {
                let id = super::excerpt::printable(&session.session_id);
                format!("{id} saw {}", counted(total(session), "event"))
            })
            .collect();
        each.join(", ")
    } else {
        let sum = report.sessions.iter().map(total).sum();
        format!(
            "{} saw {}",
            plural(report.sessions.len(), "session"),
            counted(sum, "event")
        )
    };
    let judgements = report
        .users
        .iter()
        .map(|user| user.websocket_event_leakage.map(|leaks| !leaks));
    Some(format!(
        "event isolation: {saw}, {}",
        told(judgements, "none foreign", "some foreign")
    ))
}

fn threads(report: &Report) -> Option<String> {
    let judgements: Vec<_> = report
        .sessions
        .iter()
        .map(|session| session.thread_isolation_verified)
        .collect();
    if judgements.iter().all(Option::is_none) {
        return None;
    }
    let foreign = judgements
        .iter()
        .filter(|judged| **judged == Some(false))
        .count();
    let sessions = plural(report.sessions.len(), "session");
    if foreign > 0 {
        return Some(format!(
            "thread isolation: foreign threads in, or of, {foreign} of {sessions}"
        ));
    }
    let told = told(judgements.into_iter(), "none foreign", "some foreign");
    Some(format!("thread isolation: {sessions}, {told}"))
}

/// One word for many judgements.
fn told(judgements: impl Iterator<Item = Option<bool>>, good: &str, bad: &str) -> String {
    let mut counts = BTreeMap::<_, usize>::new();
    for judgement in judgements {
        *counts.entry(judgement).or_default() += 1;
    }
    match (
        counts.contains_key(&Some(false)),
        counts.contains_key(&Some(true)),
        counts.get(&None),
    ) {
        (true, ..) => bad.to_owned(),
        (false, true, None) => good.to_owned(),
        (false, true, Some(unknown)) => format!("{good}, {unknown} not judged"),
        (false, false, _) => "not judged".to_owned(),
    }
}

fn verdict(report: &Report) -> String {
    let in_state = |state: State| {
        report
            .rules
            .iter()
            .filter(move |rule| rule.state == state.as_str())
            .count()
    };
    let violated = in_state(State::Violated);
    let detail = if report.verdict == Verdict::Violated.as_str() {
        let violations = plural(report.violations.len(), "violation");
        format!("{}, {violations}", plural(violated, "rule"))
    } else if report.verdict == Verdict::Clean.as_str() {
        let of = plural(report.rules.len(), "rule");
        match in_state(State::Holds) {
            held if held == report.rules.len() => format!("{of} held"),
            held => format!("{held} of {of} held, the rest is accepted"),
        }
    } else if report.rules.is_empty() {
        "no rules".to_owned()
    } else {
        plural(report.reasons.len(), "reason")
    };
    format!("verdict: {} ({detail})", report.verdict)
}

/// `1 session`, `2 sessions`
pub(super) fn plural(count: usize, what: &str) -> String {
    counted(count as u64, what)
}

pub(super) fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}
